//! Does a subscription cost more the more there are? Adds actors, each with its own resource id, to a running router, and
//! times each thousand. `cargo bench --bench subscribe`

use laneway::{Filter, Router, Topic, Wait};
use std::time::{Duration, Instant};

const THOUSANDS: u64 = 100;
const ROUNDS: usize = 5;

fn main() {
    // `cargo test` runs benches too, to see that they run.
    let thousands = if std::env::args().any(|arg| arg == "--test") {
        2
    } else {
        THOUSANDS
    };
    let topic = Topic::new("bench", "resource").expect("a valid topic");
    let mut rounds: Vec<Vec<Duration>> = Vec::new();
    for _ in 0..ROUNDS {
        let router = Router::<u64>::builder()
            .shards(1)
            .wait(Wait::Park)
            .build()
            .expect("a router");
        let times = (0..thousands).map(|thousand| {
            let start = Instant::now();
            for n in 0..1000 {
                let filter = Filter::exact(topic.with_resource(thousand * 1000 + n));
                router.subscribe(filter, |_| ()).expect("room");
            }
            // What the shard does with them counts as well.
            router.flush().expect("not an actor thread");
            start.elapsed() / 1000
        });
        rounds.push(times.collect());
        let last = topic.with_resource(thousands * 1000 - 1);
        assert_eq!(router.explain(last).len(), 1);
        let _ = router.publish(last, 1).expect("open");
        router.flush().expect("not an actor thread");
        assert_eq!(router.stats().total().handled, 1);
    }
    let median = |thousand: usize| {
        let mut each: Vec<_> = rounds.iter().map(|times| times[thousand]).collect();
        each.sort();
        each[ROUNDS / 2]
    };
    println!("one subscription, its part of 1000, median of {ROUNDS} rounds:");
    let first = median(0);
    for thousand in [0, 1, 2, 5, 10, 20, 50, 99] {
        if thousand < thousands as usize {
            let took = median(thousand);
            let ratio = took.as_secs_f64() / first.as_secs_f64();
            println!(
                "  at {:>6}: {took:>10.2?}  {ratio:.2} x the first",
                thousand * 1000
            );
        }
    }
}
