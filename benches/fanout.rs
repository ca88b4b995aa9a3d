//! What does one more actor cost? Events for 1 to 1024 actors of one shard with the same exact filter; an element is one
//! delivery. `cargo bench --bench fanout`
//!
//! On one thread nothing waits and no cache line travels, so that repeats well. Two threads show how far the handing over
//! hides behind the calls of the actors.

mod common;

use common::{Finish, apart};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use laneway::{Actor, Batch, Context, Event, Filter, Router, Topic, Wait};
use std::hint::black_box;
use std::time::Instant;

/// As many events as an actor is handed in one call.
const RUN: u64 = 64;

fn topic() -> Topic {
    Topic::new("bench", "fanout").expect("a valid topic")
}

/// Takes a run as a whole, where a closure is called for each of its events.
struct Sum(u64);

impl Actor<u64> for Sum {
    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        self.0 = black_box(self.0.wrapping_add(*event.payload()));
    }

    fn handle_batch(&mut self, batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        let sum = batch.fold(self.0, |sum, event| sum.wrapping_add(*event.payload()));
        self.0 = black_box(sum);
    }
}

fn closure() -> impl FnMut(&Event<u64>) + Send + 'static {
    let mut sum = 0_u64;
    move |event| sum = black_box(sum.wrapping_add(*event.payload()))
}

fn one_thread(c: &mut Criterion) {
    let mut group = c.benchmark_group("one thread, runs of 64");
    for actors in [1, 8, 64, 1024] {
        group.throughput(Throughput::Elements(RUN * actors));
        for kind in ["closures", "batch actors"] {
            let (router, mut shards) = Router::builder().shards(1).manual().expect("a router");
            for _ in 0..actors {
                let filter = Filter::exact(topic());
                let subscribed = match kind {
                    "closures" => router.subscribe(filter, closure()),
                    _ => router.spawn(filter, Sum(0)),
                };
                subscribed.expect("room");
            }
            let (topic, mut publisher) = (topic(), router.publisher());
            group.bench_function(BenchmarkId::new(kind, actors), |b| {
                b.iter(|| {
                    for number in 0..RUN {
                        publisher.publish(topic, number).expect("open");
                    }
                    while shards[0].poll(usize::MAX).expect("open") > 0 {}
                });
            });
            let handled = router.stats().total().handled;
            assert_eq!(handled % (RUN * actors), 0, "each actor gets each event");
        }
    }
    group.finish();
}

fn two_threads(c: &mut Criterion) {
    let mut group = c.benchmark_group("two threads");
    for actors in [8, 64] {
        let router = Router::builder()
            .shards(1)
            .pinning(apart())
            .wait(Wait::Spin)
            .build()
            .expect("a router");
        let finish = Finish::default();
        for _ in 0..actors {
            let finish = finish.clone();
            router
                .subscribe(Filter::exact(topic()), move |event| {
                    finish.see(*event.payload());
                })
                .expect("room");
        }
        let (topic, mut publisher) = (topic(), router.publisher());
        group.throughput(Throughput::Elements(actors as u64));
        group.bench_function(BenchmarkId::new("closures", actors), |b| {
            b.iter_custom(|events| {
                let start = Instant::now();
                for left in (0..events).rev() {
                    publisher.publish(topic, left).expect("open");
                }
                finish.wait_for(actors);
                start.elapsed()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, one_thread, two_threads);
criterion_main!(benches);
