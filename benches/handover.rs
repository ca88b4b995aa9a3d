//! What does handing an event over cost? From the first publish on one pinned thread until the handler on another, which
//! spins, saw the last one; by payload, and by the way of publishing. `cargo bench --bench handover`
//!
//! An `Arc` is made for each event and freed by the shard, so its row has what the allocator takes for that.

mod common;

use common::{Finish, apart};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use laneway::{Filter, Router, Topic, Wait};
use std::sync::Arc;
use std::time::{Duration, Instant};

const BATCH: u64 = 32;

/// Says how many events come after it.
trait Payload: Clone + Send + 'static {
    fn new(left: u64) -> Self;
    fn left(&self) -> u64;
}

impl<const WORDS: usize> Payload for [u64; WORDS] {
    fn new(left: u64) -> Self {
        [left; WORDS]
    }

    fn left(&self) -> u64 {
        self[0]
    }
}

impl<P: Payload + Sync> Payload for Arc<P> {
    fn new(left: u64) -> Self {
        Arc::new(P::new(left))
    }

    fn left(&self) -> u64 {
        P::left(self)
    }
}

fn handover<P: Payload>(c: &mut Criterion, payload: &str) {
    let router = Router::<P>::builder()
        .shards(1)
        .pinning(apart())
        .wait(Wait::Spin)
        .build()
        .expect("a router");
    let topic = Topic::new("bench", "handover").expect("a valid topic");
    let finish = Finish::default();
    let seen = finish.clone();
    router
        .subscribe(Filter::exact(topic), move |event| {
            seen.see(event.payload().left());
        })
        .expect("open");
    let time = |publish: &mut dyn FnMut()| -> Duration {
        let start = Instant::now();
        publish();
        finish.wait_for(1);
        start.elapsed()
    };

    let mut group = c.benchmark_group(format!("handover/{payload}"));
    group.throughput(Throughput::Elements(1));
    let mut publisher = router.publisher();
    group.bench_function("publisher", |b| {
        b.iter_custom(|events| {
            time(&mut || {
                for left in (0..events).rev() {
                    publisher.publish(topic, P::new(left)).expect("open");
                }
            })
        });
    });
    group.bench_function("publisher, batches of 32", |b| {
        b.iter_custom(|events| {
            time(&mut || {
                let mut left = events;
                while left > 0 {
                    let rest = left.saturating_sub(BATCH);
                    let batch = (rest..left).rev().map(|left| (topic, P::new(left)));
                    publisher.publish_batch(batch).expect("open");
                    left = rest;
                }
            })
        });
    });
    group.bench_function("router.publish", |b| {
        b.iter_custom(|events| {
            time(&mut || {
                for left in (0..events).rev() {
                    router.publish(topic, P::new(left)).expect("open");
                }
            })
        });
    });
    group.finish();
}

fn payloads(c: &mut Criterion) {
    handover::<[u64; 1]>(c, "8 bytes");
    handover::<[u64; 3]>(c, "24 bytes");
    handover::<[u64; 8]>(c, "64 bytes");
    handover::<Arc<[u64; 8]>>(c, "an Arc of 64 bytes");
}

criterion_group!(benches, payloads);
criterion_main!(benches);
