//! What does handing an event over cost? From the first publish on one pinned thread until the handler on another, which
//! spins, saw the last one; by payload, by the way of publishing, and by the lane's capacity. `cargo bench --bench handover`
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

fn router<P: Payload>(lane_capacity: Option<usize>) -> Router<P> {
    let builder = Router::<P>::builder()
        .shards(1)
        .pinning(apart())
        .wait(Wait::Spin);
    let builder = match lane_capacity {
        Some(events) => builder.lane_capacity(events),
        None => builder,
    };
    builder.build().expect("a router")
}

/// An actor that tells when it saw the last event.
fn watched<P: Payload>(router: &Router<P>) -> (Topic, impl Fn(&mut dyn FnMut()) -> Duration) {
    let topic = Topic::new("bench", "handover").expect("a valid topic");
    let finish = Finish::default();
    let seen = finish.clone();
    router
        .subscribe(Filter::exact(topic), move |event| {
            seen.see(event.payload().left());
        })
        .expect("open");
    let time = move |publish: &mut dyn FnMut()| {
        let start = Instant::now();
        publish();
        finish.wait_for(1);
        start.elapsed()
    };
    (topic, time)
}

fn handover<P: Payload>(c: &mut Criterion, payload: &str) {
    let router = router::<P>(None);
    let (topic, time) = watched(&router);
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

fn lanes(c: &mut Criterion) {
    let mut group = c.benchmark_group("handover/lanes of so many events");
    group.throughput(Throughput::Elements(1));
    for capacity in [16, 32, 64, 256, 1024] {
        let router = router::<[u64; 3]>(Some(capacity));
        let (topic, time) = watched(&router);
        let mut publisher = router.publisher();
        group.bench_function(capacity.to_string(), |b| {
            b.iter_custom(|events| {
                time(&mut || {
                    for left in (0..events).rev() {
                        publisher.publish(topic, Payload::new(left)).expect("open");
                    }
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, payloads, lanes);
criterion_main!(benches);
