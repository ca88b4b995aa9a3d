//! Does a subscription cost more the more there are? Adds actors, each with its own resource id, to a running router, and
//! times each thousand. Then subscribes and unsubscribes one at a time beside many that stay. `cargo bench --bench subscribing`

use laneway::{Filter, Router, Topic, Wait};
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;

fn main() {
    // To see that it runs.
    let quick = std::env::args().any(|arg| arg == "--test");
    growing(if quick { 2 } else { 100 });
    pairs(if quick { &[0, 1] } else { &[0, 10, 100] });
}

fn topic() -> Topic {
    Topic::new("bench", "resource").expect("a valid topic")
}

fn by_resource(number: u64) -> Filter {
    Filter::exact(topic().with_resource(number))
}

fn by_class(number: u64) -> Filter {
    Filter::any().event_type(number.to_string())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn growing(thousands: u64) {
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
                let filter = by_resource(thousand * 1000 + n);
                router.subscribe(filter, |_| ()).expect("room");
            }
            // What the shard does with them counts as well.
            router.flush().expect("not an actor thread");
            start.elapsed() / 1000
        });
        rounds.push(times.collect());
        let last = topic().with_resource(thousands * 1000 - 1);
        assert_eq!(router.explain(last).len(), 1);
        let _ = router.publish(last, 1).expect("open");
        router.flush().expect("not an actor thread");
        assert_eq!(router.stats().total().handled, 1);
    }
    let median = |thousand: usize| median(rounds.iter().map(|times| times[thousand]).collect());
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

/// On one thread, where unsubscribing waits for nobody: what is done, and not the way to the shard's thread and back.
fn pairs(thousands: &[u64]) {
    println!(
        "subscribe and unsubscribe, with what the shard does, median of {ROUNDS} rounds of 1000:"
    );
    for &thousand in thousands {
        let class = pair(thousand * 1000, by_class);
        let resource = pair(thousand * 1000, by_resource);
        println!(
            "  beside {:>6}: {class:>10.2?} by class {resource:>10.2?} by resource",
            thousand * 1000
        );
    }
}

fn pair(others: u64, filter: fn(u64) -> Filter) -> Duration {
    let (router, mut shards) = Router::<u64>::builder()
        .shards(1)
        .manual()
        .expect("a router");
    let mut poll = || shards[0].poll(0).expect("open");
    for number in 0..others {
        router.subscribe(filter(number), |_| ()).expect("room");
    }
    poll();
    let mut round = || {
        let filters: Vec<_> = (others..others + 1000).map(filter).collect();
        let start = Instant::now();
        for filter in filters {
            let subscription = router.subscribe(filter, |_| ()).expect("room");
            poll();
            subscription.unsubscribe().expect("it lives");
            poll();
        }
        start.elapsed() / 1000
    };
    // The first registers the names of the filters.
    round();
    let took = median((0..ROUNDS).map(|_| round()).collect());
    assert_eq!(router.stats().subscriptions as u64, others);
    took
}
