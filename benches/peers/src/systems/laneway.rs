//! laneway: one shard that spins, pinned, with an actor for each receiver.

use crate::stage::{self, Check, Finish, Payload};
use laneway::{Event, Filter, Pinning, Publisher, Router, RouterBuilder, Wait};
use std::array;
use std::ops::Range;
use std::time::Duration;

/// One shard at the receivers' place.
pub(crate) fn builder<P: Payload>() -> RouterBuilder<P> {
    Router::builder()
        .shards(1)
        .pinning(Pinning::Cores(vec![stage::receiving_cpu()]))
        .wait(Wait::Spin)
        .lane_capacity(stage::CAPACITY)
}

pub(crate) fn one_by_one<P: Payload>(events: usize, receivers: usize) -> Duration {
    deliver::<P, 1>(events, receivers, publish_each)
}

/// `events` is what all publishers publish together.
pub(crate) fn gather<P: Payload, const PUBLISHERS: usize>(events: usize) -> Duration {
    deliver::<P, PUBLISHERS>(events / PUBLISHERS, 1, publish_each)
}

fn publish_each<P: Payload>(publisher: &mut Publisher<P>, numbers: Range<u64>) {
    let topic = stage::topic();
    for n in numbers {
        publisher.publish(topic, P::new(n)).expect("open");
    }
}

pub(crate) fn in_batches<P: Payload>(events: usize, receivers: usize, of: usize) -> Duration {
    deliver::<P, 1>(events, receivers, |publisher, numbers| {
        let topic = stage::topic();
        for first in numbers.clone().step_by(of) {
            let batch = first..numbers.end.min(first + of as u64);
            let batch = batch.map(|n| (topic, P::new(n)));
            publisher.publish_batch(batch).expect("open");
        }
    })
}

fn deliver<P: Payload, const PUBLISHERS: usize>(
    events: usize,
    receivers: usize,
    publish: impl Fn(&mut Publisher<P>, Range<u64>) + Sync,
) -> Duration {
    let finish = Finish::new();
    let router = builder::<P>().build().expect("a router");
    for _ in 0..receivers {
        let mut check = Check::<PUBLISHERS>::of_publishers(events, &finish);
        let handler = move |event: &Event<P>| {
            check.take(event.payload());
        };
        router
            .subscribe(Filter::exact(stage::topic()), handler)
            .expect("a subscription");
    }
    let publishers: [_; PUBLISHERS] = array::from_fn(|_| {
        let mut publisher = router.publisher();
        publisher.warm(stage::topic());
        publisher
    });
    router.flush().expect("not an actor thread");
    stage::time(publishers, events, &finish, receivers, publish)
}
