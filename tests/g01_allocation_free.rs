//! G1: publishing and handling allocate nothing once everything is warm.
//!
//! One test, since it counts what the whole process allocates, and other tests would be counted as well. The other
//! half of the guarantee, no system calls, cannot be seen from inside.

mod common;

use common::{guarded, on_shard, topic, wait_until};
use laneway::{Context, Event, Filter, Published, Publisher, Router, Topic};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// The system's allocator, counted on every thread.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: all calls go to the system's allocator as they are; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const EVENTS: u64 = 100_000;
const WARM_UP: u64 = 10_000;

/// Events in flight at most. It fits the lanes of implicit publishers, so that nobody waits for room: parking is the
/// caller's choice, and is not what is counted here.
const WINDOW: u64 = 32;

/// A router with actors that count what they handle.
struct Stage {
    router: Router<u64>,
    topic: Topic,
    handled: Arc<AtomicU64>,
    /// Deliveries that one event comes to.
    fan_out: u64,
}

impl Stage {
    fn new(name: &str, shards: usize) -> Self {
        Stage {
            router: Router::builder().shards(shards).build().unwrap(),
            topic: topic(name),
            handled: Arc::default(),
            fan_out: 0,
        }
    }

    fn add_actors(&mut self, count: usize, filter: &Filter) {
        let shards = self.router.stats().shards.len();
        for actor in 0..count {
            let handled = Arc::clone(&self.handled);
            on_shard(&self.router, actor % shards, filter.clone())
                .handler(move |_| {
                    handled.fetch_add(1, Ordering::Relaxed);
                })
                .unwrap();
        }
        self.fan_out += count as u64;
    }

    /// Publishes `events`, a window at a time, and sees each window handled.
    fn drive(&self, events: u64, mut publish: impl FnMut(Topic, u64)) {
        let begun = self.handled.load(Ordering::Relaxed);
        for sent in 1..=events {
            publish(self.topic.with_resource(sent % 2), sent);
            if sent.is_multiple_of(WINDOW) || sent == events {
                let expected = begun + sent * self.fan_out;
                wait_until(|| self.handled.load(Ordering::Relaxed) == expected);
            }
        }
    }

    /// Until each shard has slept beside its lanes and was woken: the first time it makes a place for those that ring.
    fn let_shards_sleep(&self) {
        let parks = || -> Vec<u64> {
            let stats = self.router.stats();
            stats.shards.iter().map(|shard| shard.parks).collect()
        };
        let before = parks();
        let mut pause = 1;
        wait_until(|| {
            (0..pause).for_each(|_| thread::yield_now());
            pause = (pause * 2).min(1 << 16);
            self.router.flush().unwrap();
            parks()
                .iter()
                .zip(&before)
                .all(|(now, before)| now > before)
        });
    }

    /// How many times anybody allocated while so many events were published and handled.
    fn allocations(&self, mut publish: impl FnMut(Topic, u64)) -> u64 {
        self.drive(WARM_UP, &mut publish);
        self.let_shards_sleep();
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        self.drive(EVENTS, &mut publish);
        ALLOCATIONS.load(Ordering::Relaxed) - before
    }
}

fn publish(publisher: &mut Publisher<u64>, topic: Topic, number: u64) {
    assert_eq!(publisher.publish(topic, number), Ok(Published::Routed));
}

fn with_one_actor() -> u64 {
    let mut stage = Stage::new("ONE", 1);
    stage.add_actors(1, &Filter::exact(stage.topic));
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| publish(&mut publisher, topic, number))
}

fn with_64_actors() -> u64 {
    let mut stage = Stage::new("MANY", 1);
    stage.add_actors(64, &Filter::exact(stage.topic));
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| publish(&mut publisher, topic, number))
}

fn with_64_actors_on_two_shards() -> u64 {
    let mut stage = Stage::new("SPREAD", 2);
    stage.add_actors(64, &Filter::exact(stage.topic));
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| publish(&mut publisher, topic, number))
}

fn from_the_first_publish_after_warming() -> u64 {
    let mut stage = Stage::new("WARMED", 4);
    stage.add_actors(4, &Filter::exact(stage.topic));
    let mut publisher = stage.router.publisher();
    publisher.warm(stage.topic);
    stage.let_shards_sleep();
    // Beside the new lanes, everything else has been through it before.
    let mut other = stage.router.publisher();
    stage.drive(WARM_UP, |topic, number| publish(&mut other, topic, number));
    stage.let_shards_sleep();
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    stage.drive(1, |topic, number| publish(&mut publisher, topic, number));
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn with_actors_for_resources() -> u64 {
    let mut stage = Stage::new("RESOURCES", 1);
    // Each event is for one of the two by its resource, and for the third anyway.
    for resource in 0..2 {
        stage.add_actors(1, &Filter::exact(stage.topic.with_resource(resource)));
    }
    stage.add_actors(1, &Filter::exact(stage.topic));
    stage.fan_out = 2;
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| publish(&mut publisher, topic, number))
}

fn through_the_threads_own_publisher() -> u64 {
    let mut stage = Stage::new("IMPLICIT", 1);
    stage.add_actors(1, &Filter::exact(stage.topic));
    let router = stage.router.clone();
    stage.allocations(|topic, number| assert!(router.publish(topic, number).is_ok()))
}

fn in_batches() -> u64 {
    let mut stage = Stage::new("BATCH", 1);
    stage.add_actors(1, &Filter::exact(stage.topic));
    stage.fan_out = 4;
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| {
        let published = publisher.publish_batch((0..4).map(|_| (topic, number)));
        assert_eq!(published.map(|published| published.routed), Ok(4));
    })
}

fn from_a_handler() -> u64 {
    let mut stage = Stage::new("ANSWER", 1);
    stage.add_actors(1, &Filter::exact(stage.topic));
    let (question, answer) = (topic("QUESTION"), stage.topic);
    stage
        .router
        .subscription()
        .filter(Filter::exact(question))
        .handler_ctx(move |event: &Event<u64>, ctx: &mut Context<'_, u64>| {
            assert!(ctx.publish(answer, *event.payload()).is_ok());
        })
        .unwrap();
    let mut publisher = stage.router.publisher();
    stage.allocations(|_, number| publish(&mut publisher, question, number))
}

fn to_nobody() -> u64 {
    let stage = Stage::new("NOBODY", 1);
    let mut publisher = stage.router.publisher();
    stage.allocations(|topic, number| {
        assert_eq!(publisher.publish(topic, number), Ok(Published::Unmatched));
        assert_eq!(
            stage.router.publish(topic, number),
            Ok(Published::Unmatched)
        );
    })
}

#[test]
fn row_20_publishing_and_handling_allocate_nothing_once_warm() {
    guarded(|| {
        let before = ALLOCATIONS.load(Ordering::Relaxed);
        drop(std::hint::black_box(Box::new(0)));
        assert!(
            ALLOCATIONS.load(Ordering::Relaxed) > before,
            "the count counts nothing"
        );
        for (case, run) in [
            ("one actor", with_one_actor as fn() -> u64),
            ("64 actors", with_64_actors),
            ("64 actors on two shards", with_64_actors_on_two_shards),
            ("warmed", from_the_first_publish_after_warming),
            ("actors for resources", with_actors_for_resources),
            (
                "the thread's own publisher",
                through_the_threads_own_publisher,
            ),
            ("batches", in_batches),
            ("from a handler", from_a_handler),
            ("to nobody", to_nobody),
        ] {
            assert_eq!(run(), 0, "{case}: allocations in {EVENTS} publishes");
        }
    });
}
