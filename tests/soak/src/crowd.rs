//! Row 19: far more publishers than CPUs, any number of shards, and CPUs that are not there: each actor gets the same.

use crate::common::{FOREVER, assert_sums, cpus, topic};
use crate::stage::{Held, Load, Stage, Verdict, joined};
use laneway::{Event, Filter, Overflow, Pinning, Published, Router, Wait};
use std::thread;

pub(crate) const LOAD: Load = Load {
    name: "crowd",
    rows: "19",
    invariant: "whatever the number of shards and their CPUs, each actor gets each event of each publisher once and in order",
    run,
};

/// Of each publisher in a round.
const EVENTS: u64 = 200;
const ACTORS: usize = 4;

/// By publisher, and in the publisher's order.
type Numbered = (usize, u64);

/// Looks at the order. What is missing at the end shows in its count.
fn in_order(publishers: usize, verdict: Verdict) -> impl FnMut(&Event<Numbered>) + Send + 'static {
    let mut next = vec![0; publishers];
    move |event| {
        let (publisher, number) = *event.payload();
        let expected = std::mem::replace(&mut next[publisher], number + 1);
        verdict.check(number == expected, || {
            format!("{number} of publisher {publisher} came instead of {expected}")
        });
    }
}

fn one_round(stage: &mut Stage, publishers: usize) {
    let random = &mut stage.random;
    let shards = random.pick(&[1, 2, 64]);
    let wait = random.pick(&[Wait::Park, Wait::Yield]);
    let missing = usize::MAX;
    let pinning = random.pick(&[
        Pinning::Off,
        Pinning::Auto,
        Pinning::Cores(vec![0, missing]),
    ]);
    let lane_capacity = random.pick(&[1, 16, 256]);
    stage.step(format!(
        "{publishers} publishers, {shards} shards, {wait:?}, {pinning:?}, lanes of {lane_capacity}"
    ));
    let router = Router::builder()
        .shards(shards)
        .wait(wait)
        .pinning(pinning)
        .lane_capacity(lane_capacity)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap();
    stage.watch(&router);
    let actors: Vec<_> = (0..ACTORS)
        .map(|_| {
            (router.subscription())
                .filter(Filter::any())
                .mailbox(1 + stage.random.below(64), Overflow::Block)
                .handler(in_order(publishers, stage.verdict.clone()))
                .unwrap()
        })
        .collect();
    let publishing: Vec<_> = (0..publishers)
        .map(|me| {
            let mut publisher = router.publisher();
            thread::spawn(move || {
                for number in 0..EVENTS {
                    let sent = publisher.publish(topic("CROWD"), (me, number));
                    assert_eq!(sent, Ok(Published::Routed));
                }
            })
        })
        .collect();
    publishing.into_iter().for_each(joined);
    router.flush().unwrap();
    for actor in &actors {
        assert_eq!(actor.stats().handled, publishers as u64 * EVENTS);
    }
    assert_sums(&router, &actors);
    let report = router.shutdown(FOREVER);
    assert!(
        report.is_complete() && report.joined == shards,
        "{report:?}"
    );
}

fn run(stage: &mut Stage) -> Held {
    let publishers = 8 * cpus();
    let mut rounds = 0;
    while stage.goes_on() {
        one_round(stage, publishers);
        rounds += 1;
    }
    let events = rounds * publishers as u64 * EVENTS;
    Held {
        load: format!(
            "{rounds} routers of up to 64 shards, {events} events to {ACTORS} actors each"
        ),
        faults: format!(
            "{publishers} publishers on {} CPUs; shards bound to CPUs that are not there",
            cpus()
        ),
    }
}
