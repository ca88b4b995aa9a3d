//! laneway: one shard that spins, pinned, with an actor for each receiver.

use crate::stage::{self, Check, Finish, Payload};
use laneway::{Event, Filter, Pinning, Publisher, Router, RouterBuilder, Topic, Wait};
use std::time::{Duration, Instant};

/// One shard at the receivers' place.
pub(crate) fn builder<P: Payload>() -> RouterBuilder<P> {
    Router::builder()
        .shards(1)
        .pinning(Pinning::Cores(vec![stage::receiving_cpu()]))
        .wait(Wait::Spin)
        .lane_capacity(stage::CAPACITY)
}

pub(crate) fn one_by_one<P: Payload>(events: usize, receivers: usize) -> Duration {
    deliver::<P>(events, receivers, |publisher, topic| {
        for n in 0..events as u64 {
            publisher.publish(topic, P::new(n)).expect("open");
        }
    })
}

pub(crate) fn in_batches<P: Payload>(events: usize, receivers: usize, of: usize) -> Duration {
    deliver::<P>(events, receivers, |publisher, topic| {
        for first in (0..events).step_by(of) {
            let batch = first..(first + of).min(events);
            let batch = batch.map(|n| (topic, P::new(n as u64)));
            publisher.publish_batch(batch).expect("open");
        }
    })
}

fn deliver<P: Payload>(
    events: usize,
    receivers: usize,
    publish: impl FnOnce(&mut Publisher<P>, Topic),
) -> Duration {
    let finish = Finish::new();
    let router = builder::<P>().build().expect("a router");
    for _ in 0..receivers {
        let mut check = Check::new(events, &finish);
        let handler = move |event: &Event<P>| {
            check.take(event.payload());
        };
        router
            .subscribe(Filter::exact(stage::topic()), handler)
            .expect("a subscription");
    }
    let mut publisher = router.publisher();
    publisher.warm(stage::topic());
    router.flush().expect("not an actor thread");
    let start = Instant::now();
    publish(&mut publisher, stage::topic());
    finish.wait(receivers);
    start.elapsed()
}
