//! What does an event cost, by what it is made of? Fits `fixed + per shard` to publishing (an event for one shard goes a
//! shorter way) and `fixed + per actor` to handing over, and shows how far off the fits are; then what publishers, subscriptions and distinct filters add. All on one thread,
//! with shards that are polled, so that instructions and caches count and not the distance of the cores.
//! `cargo bench --bench model`

use laneway::{Event, Filter, Publisher, Router, Shard, Topic};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// As many as a long run has.
const RUN: u32 = 64;
const ROUNDS: usize = 9;

type Payload = [u64; 3];

struct Setup {
    router: Router<Payload>,
    shards: Vec<Shard<Payload>>,
    publishers: Vec<Publisher<Payload>>,
    topic: Topic,
}

impl Setup {
    /// With so many actors for the topic, one after the other on each of the shards.
    fn new(shards: usize, actors: usize, publishers: usize) -> Self {
        let builder = Router::builder().shards(shards).lane_capacity(256);
        let (router, shards) = builder.manual().expect("a router");
        let topic = Topic::new("bench", "model").expect("a valid topic");
        for actor in 0..actors {
            router
                .subscription()
                .filter(Filter::exact(topic))
                .shard(actor % shards.len())
                .handler(|event: &Event<Payload>| {
                    black_box(event.payload()[0]);
                })
                .expect("a subscription");
        }
        let publishers = (0..publishers).map(|_| router.publisher()).collect();
        let mut setup = Setup {
            router,
            shards,
            publishers,
            topic,
        };
        setup.publish();
        setup.poll();
        setup
    }

    /// A run of events, spread over the publishers.
    fn publish(&mut self) {
        let each = RUN / self.publishers.len() as u32;
        for publisher in &mut self.publishers {
            for number in 0..u64::from(each) {
                let published = publisher.publish(self.topic, [number; 3]);
                black_box(published.is_ok());
            }
        }
    }

    fn poll(&mut self) {
        for shard in &mut self.shards {
            while shard.poll(1024).expect("open") > 0 {}
        }
    }

    /// What publishing and handing over take, for one event, in ns.
    fn measure(&mut self, length: Duration) -> (f64, f64) {
        let (mut publishing, mut handing) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let (mut published, mut polled, mut events) = (Duration::ZERO, Duration::ZERO, 0);
            let begin = Instant::now();
            while begin.elapsed() < length {
                let start = Instant::now();
                self.publish();
                let middle = Instant::now();
                self.poll();
                published += middle - start;
                polled += middle.elapsed();
                events += RUN;
            }
            publishing.push(published.as_nanos() as f64 / f64::from(events));
            handing.push(polled.as_nanos() as f64 / f64::from(events));
        }
        (median(publishing), median(handing))
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Least squares of the relative error: `fixed + each * count`.
fn fit(points: &[(f64, f64)]) -> (f64, f64) {
    let sum = |term: fn(f64, f64, f64) -> f64| -> f64 {
        let weighted = points.iter().map(|&(x, y)| term(x, y, 1.0 / (y * y)));
        weighted.sum()
    };
    let (w, x, y) = (sum(|_, _, w| w), sum(|x, _, w| w * x), sum(|_, y, w| w * y));
    let (xx, xy) = (sum(|x, _, w| w * x * x), sum(|x, y, w| w * x * y));
    let each = (w * xy - x * y) / (w * xx - x * x);
    ((y - each * x) / w, each)
}

fn show(what: &str, unit: &str, points: &[(f64, f64)]) {
    let (fixed, each) = fit(points);
    println!("{what}: {fixed:.1} + {each:.2} ns for each {unit}");
    for &(count, took) in points {
        let fitted = fixed + each * count;
        let off = (took - fitted) / fitted * 100.0;
        println!("  {count:>6}: {took:>8.1} ns, the fit says {fitted:.1} ({off:+.0} %)");
    }
}

fn main() {
    // `cargo test` runs benches too, to see that they run.
    let is_test = std::env::args().any(|arg| arg == "--test");
    let length = Duration::from_millis(if is_test { 1 } else { 30 });
    let of = |counts: &[usize], measure: &dyn Fn(usize) -> f64| -> Vec<(f64, f64)> {
        let point = |&count: &usize| (count as f64, measure(count));
        counts.iter().map(point).collect()
    };
    println!("ns an event, medians of {ROUNDS} rounds\n");
    let publishing = |shards| Setup::new(shards, shards, 1).measure(length).0;
    println!("publishing to one shard: {:.1} ns", publishing(1));
    let several = of(&[2, 3, 4, 6, 8], &publishing);
    show("publishing to several", "shard with an actor", &several);
    let handing = of(&[1, 2, 4, 8, 16, 32, 64, 256, 1024], &|actors| {
        Setup::new(1, actors, 1).measure(length).1
    });
    show("handing over", "actor", &handing);

    println!("\npublishing and handing over to one actor, by what else there is");
    for publishers in [1, 2, 4, 8, 16] {
        let (published, polled) = Setup::new(1, 1, publishers).measure(length);
        println!("  {publishers:>6} publishers: {published:>6.1} + {polled:.1} ns");
    }
    for others in [0, 100, 10_000, 100_000] {
        let mut setup = Setup::new(1, 1, 1);
        for other in 0..others {
            let filter = Filter::any().category("another").resource(other as u64);
            setup.router.subscribe(filter, |_| ()).expect("room");
        }
        setup.poll();
        let (published, polled) = setup.measure(length);
        println!("  {others:>6} distinct filters of others: {published:>6.1} + {polled:.1} ns");
    }
}
