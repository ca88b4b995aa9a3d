//! What does waking cost? One event to a shard that sleeps, beside one that spins: the publisher's own part, and the time
//! until the handler runs. `cargo bench --bench waking`
//!
//! That a shard slept is known by its counter of wake-ups, which the publisher who woke it has raised.

mod common;

use common::apart;
use criterion::{Criterion, criterion_group, criterion_main};
use laneway::{Filter, Publisher, Router, Topic, Wait};
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Yields that usually are time enough to fall asleep.
const YIELDS: usize = 1024;

struct Stage {
    router: Router<u64>,
    publisher: Publisher<u64>,
    topic: Topic,
    sleeps: bool,
    begun: Instant,
    /// When the handler ran, in ns since `begun`; 0 until it does.
    ran: Arc<AtomicU64>,
}

/// What one event took.
struct Took {
    publish: Duration,
    until_handled: Duration,
}

impl Stage {
    fn new(wait: Wait) -> Self {
        let router = Router::builder()
            .shards(1)
            .pinning(apart())
            .wait(wait)
            .build()
            .expect("a router");
        let topic = Topic::new("bench", "waking").expect("a valid topic");
        let (begun, ran) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let at = Arc::clone(&ran);
        router
            .subscribe(Filter::exact(topic), move |_| {
                // ORDERING: Relaxed: the time is all there is to hand over.
                at.store(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
            })
            .expect("open");
        let mut publisher = router.publisher();
        publisher.warm(topic);
        Stage {
            router,
            publisher,
            topic,
            sleeps: wait == Wait::Park,
            begun,
            ran,
        }
    }

    /// Publishes one event, to a sleeping shard if it sleeps at all.
    fn event(&mut self) -> Took {
        let mut yields = YIELDS;
        while self.sleeps {
            (0..yields).for_each(|_| thread::yield_now());
            let before = self.router.stats().shards[0].wakes;
            let took = self.publish();
            if self.router.stats().shards[0].wakes > before {
                return took;
            }
            yields *= 2;
        }
        self.publish()
    }

    fn publish(&mut self) -> Took {
        // ORDERING: Relaxed: the lane hands it to the handler, before it writes.
        self.ran.store(0, Ordering::Relaxed);
        let start = self.begun.elapsed();
        self.publisher.publish(self.topic, 0).expect("open");
        let publish = self.begun.elapsed() - start;
        loop {
            // ORDERING: Relaxed: see the handler.
            match self.ran.load(Ordering::Relaxed) {
                0 => spin_loop(),
                ran => {
                    return Took {
                        publish,
                        until_handled: Duration::from_nanos(ran).saturating_sub(start),
                    };
                }
            }
        }
    }
}

fn waking(c: &mut Criterion) {
    for (state, wait) in [("awake", Wait::Spin), ("asleep", Wait::Park)] {
        let mut group = c.benchmark_group(format!("shard {state}"));
        let mut stage = Stage::new(wait);
        group.bench_function("publish", |b| {
            b.iter_custom(|events| (0..events).map(|_| stage.event().publish).sum());
        });
        group.bench_function("until the handler runs", |b| {
            b.iter_custom(|events| (0..events).map(|_| stage.event().until_handled).sum());
        });
        group.finish();
    }
}

criterion_group!(benches, waking);
criterion_main!(benches);
