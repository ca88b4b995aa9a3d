//! What do the promises cost? The whole way of an event on one thread, the bare ring, and each thing between them.
//!
//! On one thread nothing waits and no cache line travels, so this shows instructions, and repeats well. It compiles the
//! crate's own sources, because the parts are not public. `cargo bench --bench itemised`

#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "a crate's sources without its public face"
)]

#[path = "../src/actor.rs"]
mod actor;
#[path = "../src/batch.rs"]
mod batch;
#[path = "../src/contain.rs"]
mod contain;
#[path = "../src/countdown.rs"]
mod countdown;
#[path = "../src/error.rs"]
mod error;
#[path = "../src/event.rs"]
mod event;
#[path = "../src/filter.rs"]
mod filter;
#[path = "../src/hash.rs"]
mod hash;
#[path = "../src/interest/mod.rs"]
mod interest;
#[path = "../src/lane/mod.rs"]
mod lane;
#[path = "../src/publisher/mod.rs"]
mod publisher;
#[path = "../src/receiver/mod.rs"]
mod receiver;
#[path = "../src/router/mod.rs"]
mod router;
#[path = "../src/shard/mod.rs"]
mod shard;
#[path = "../src/sleep.rs"]
mod sleep;
#[path = "../src/stats.rs"]
mod stats;
#[path = "../src/subscription/mod.rs"]
mod subscription;
#[path = "../src/sync.rs"]
mod sync;
#[path = "../src/topic/mod.rs"]
mod topic;

/// What the crate's root has for the public, and its sources' doc links use.
pub use crate::{error::*, receiver::Receiver, router::Router};

use crate::event::Event;
use crate::filter::Filter;
use crate::publisher::outlet::Outlet;
use crate::router::builder::{Config, Wait};
use crate::router::hub::{Hub, Plan};
use crate::shard::mailbox::{Mailbox, Overflow};
use crate::shard::supervise::Supervision;
use crate::shard::{Care, Setup, Shard};
use crate::sleep::{Bell, Reader};
use crate::stats::Counter;
use crate::subscription::builder::Placement;
use crate::topic::Topic;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// As many events as a run has where few actors listen.
const RUN: usize = 8;

type Payload = [u64; 3];

fn topic() -> Topic {
    Topic::new("bench", "event").expect("a valid topic")
}

fn hub_with(actors: usize) -> (Arc<Hub<Payload>>, Shard<Payload>, Outlet<Payload>) {
    sync::prepare_fences();
    let hub = Arc::new(Hub::new(Config {
        shards: 1,
        wait: Wait::Spin,
        lane_capacity: 256,
        max_subscriptions: 1 << 20,
        budget: 1024,
        shutdown_timeout: Duration::ZERO,
        stall_after: Duration::MAX,
    }));
    for _ in 0..actors {
        let plan = Plan {
            filters: vec![Filter::exact(topic())],
            name: None,
            placement: Placement::Colocate,
        };
        let handler = |event: &Event<Payload>| {
            black_box(event.payload()[0]);
        };
        let mailbox = Mailbox::new(1024, Overflow::Block);
        let setup = Setup {
            actor: Box::new(handler),
            care: Care::new(None, mailbox, Supervision::Stop, None),
            budget: 1024,
        };
        hub.subscribe(plan, setup).expect("open");
    }
    let mut shard = Shard::new(Arc::clone(&hub), 0);
    let mut outlet = Outlet::new(&hub, 256);
    outlet.warm(&hub, topic());
    while shard.turn() {}
    (hub, shard, outlet)
}

fn whole(c: &mut Criterion) {
    let mut group = c.benchmark_group("whole way of 8 events");
    group.throughput(Throughput::Elements(RUN as u64));
    for actors in [1, 8, 64] {
        let (hub, mut shard, mut outlet) = hub_with(actors);
        let mut copies = Vec::new();
        group.bench_function(BenchmarkId::new("actors", actors), |b| {
            b.iter(|| {
                for n in 0..RUN as u64 {
                    let _ = outlet.offer(&hub, topic_of(&hub), &mut Some([n; 3]), &mut copies);
                }
                shard.turn()
            });
        });
    }
    group.finish();
}

/// A topic that the compiler knows nothing about.
fn topic_of<E>(_: &Hub<E>) -> Topic {
    use std::cell::OnceCell;
    thread_local! { static TOPIC: OnceCell<Topic> = const { OnceCell::new() } }
    TOPIC.with(|known| black_box(*known.get_or_init(topic)))
}

fn parts(c: &mut Criterion) {
    let mut group = c.benchmark_group("parts, for 8 events");
    group.throughput(Throughput::Elements(RUN as u64));

    let reader = Reader::shard(Arc::new(Bell::new()), 0);
    let (mut tx, mut rx) = lane::lane::<Payload>(256, 1, reader);
    let topic = topic();
    group.bench_function("bare lane", |b| {
        b.iter(|| {
            for n in 0..RUN as u64 {
                if tx.has_room() {
                    tx.push(black_box(topic), [n; 3], 1);
                }
            }
            while rx.look(RUN) > 0 {
                let run = rx.run();
                for at in 0..run.len() {
                    black_box(run.get(at).map(|event| event.payload()[0]));
                }
                rx.release();
            }
        });
    });

    let (hub, _shard, mut outlet) = hub_with(1);
    group.bench_function("match: class seen before", |b| {
        b.iter(|| {
            for _ in 0..RUN {
                black_box(outlet.shards(&hub, black_box(topic)));
            }
        });
    });

    group.bench_function("claim, and look whether closed", |b| {
        b.iter(|| {
            for _ in 0..RUN {
                let position = tx.claim();
                sync::fence_light();
                black_box(hub.epoch());
                tx.unclaim(position);
            }
        });
    });

    let mut last = 0;
    group.bench_function("epoch: load and compare", |b| {
        b.iter(|| {
            for _ in 0..RUN {
                let epoch = hub.epoch();
                if epoch != last {
                    last = black_box(epoch);
                }
            }
        });
    });

    group.bench_function("look whether the lane is cold", |b| {
        b.iter(|| {
            for _ in 0..RUN {
                tx.signal();
            }
        });
    });

    let counters: [Counter; 6] = std::array::from_fn(|_| Counter::default());
    group.bench_function("counters of one run", |b| {
        b.iter(|| {
            for counter in &counters {
                counter.add(black_box(RUN));
            }
        });
    });

    group.bench_function("catch_unwind of one run", |b| {
        b.iter(|| {
            contain::contain(|| {
                black_box(RUN);
            })
        });
    });

    let bell = Bell::new();
    group.bench_function("command poll of one run", |b| {
        b.iter(|| black_box(&bell).is_ringing())
    });

    let text = Arc::<str>::from("a payload");
    group.bench_function("clone and drop of an Arc, for each shard but one", |b| {
        b.iter(|| {
            for _ in 0..RUN {
                black_box(Arc::clone(black_box(&text)));
            }
        });
    });
    group.finish();
}

criterion_group!(benches, whole, parts);
criterion_main!(benches);
