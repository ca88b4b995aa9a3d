//! G11: what comes and goes leaves no memory behind, and what stays takes little.
//!
//! One test, since it looks at the memory of the whole process.

mod common;

use common::{guarded, on_shard, rounds, topic};
use laneway::{Filter, Router, Topic};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread;

/// The system's allocator, with the number of bytes in use.
struct Weighing;

static IN_USE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: all calls go to the system's allocator as they are; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        IN_USE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

/// Far less than one small allocation for each round would come to, and enough for tables rebuilt at another size.
const SLACK: isize = 16 << 10;

/// How much more memory is in use after many rounds than after a few.
fn growth(router: &Router<u64>, count: usize, mut round: impl FnMut(u64)) -> isize {
    let mut number = 0;
    let mut run = |count: usize| {
        for _ in 0..count {
            round(number);
            number += 1;
        }
        // Shards have freed what they were told to free.
        router.flush().unwrap();
        router.flush().unwrap();
        IN_USE.load(Ordering::Relaxed)
    };
    let before = run(count / 4 + 10);
    run(count) - before
}

fn listener(router: &Router<u64>, topic: Topic) {
    for shard in 0..2 {
        on_shard(router, shard, Filter::exact(topic))
            .handler(|_| ())
            .unwrap();
    }
}

/// In bytes, without the actor: that takes none here.
const MOST_PER_SUBSCRIPTION: isize = 400;

/// Just below the number at which the tables double, where little of them is empty.
const SUBSCRIPTIONS: isize = 14_000;

fn subscriptions_are_small(topic: Topic) {
    let router = Router::<u64>::builder().shards(1).build().unwrap();
    router.publisher().warm(topic);
    router.flush().unwrap();
    let before = IN_USE.load(Ordering::Relaxed);
    for resource in 0..SUBSCRIPTIONS as u64 {
        let filter = Filter::exact(topic.with_resource(resource));
        router.subscribe(filter, |_| ()).unwrap();
    }
    router.flush().unwrap();
    let each = (IN_USE.load(Ordering::Relaxed) - before) / SUBSCRIPTIONS;
    assert!(each <= MOST_PER_SUBSCRIPTION, "{each} bytes each");
}

#[test]
fn row_17_what_comes_and_goes_leaves_no_memory_behind() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let topic = topic("MEMORY");
        subscriptions_are_small(topic);
        listener(&router, topic);
        let check = |case: &str, count: usize, round: &mut dyn FnMut(u64)| {
            let growth = growth(&router, rounds(count), round);
            assert!(growth < SLACK, "{case}: {growth} bytes more");
        };

        check("subscriptions", 4000, &mut |number| {
            let filter = Filter::exact(topic.with_resource(number));
            let builder = router.subscription().filter(filter).filter(Filter::any());
            let subscription = builder
                .named(format!("number {number}"))
                .handler(|_| ())
                .unwrap();
            router.publish(topic.with_resource(number), number).unwrap();
            subscription.unsubscribe().unwrap();
        });
        check("actors that stop by themselves", 2000, &mut |number| {
            let own = topic.with_resource(number);
            let builder = router.subscription().filter(Filter::any().resource(number));
            builder.handler_ctx(|_, ctx| ctx.stop()).unwrap();
            router.publish(own, number).unwrap();
            router.flush().unwrap();
        });
        check("publishers", 4000, &mut |number| {
            router.publisher().publish(topic, number).unwrap();
            // Not more at a time than the warm-up had, or the shards' lists grow for them.
            if number % 8 == 0 {
                router.flush().unwrap();
            }
        });
        check("threads", 400, &mut |number| {
            let router = router.clone();
            let worker = thread::spawn(move || {
                router.publish(topic, number).unwrap();
                router.flush().unwrap();
            });
            worker.join().unwrap();
        });
        check("routers", 200, &mut |number| {
            let other = Router::<u64>::builder().shards(2).build().unwrap();
            listener(&other, topic);
            other.publish(topic, number).unwrap();
            if number % 2 == 0 {
                assert!(other.shutdown(common::FOREVER).is_complete());
            }
        });
        check("flushes", 1000, &mut |_| router.flush().unwrap());
    });
}
