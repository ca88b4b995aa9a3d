//! Bugs that were found and mended, as in `regressions.rs`: those that need a subscriber to traces for the whole
//! process.

mod common;

use common::{Count, Hold, LIMIT, Log, guarded, on_shard, topic};
use laneway::{Event, Filter, Pinning, Published, Router, Topic};
use std::sync::Once;
use std::sync::mpsc::channel;
use std::thread;
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata};

/// Panics over each error.
struct Fragile;

impl tracing::Subscriber for Fragile {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        // A panic while panicking would end the process.
        let is_error = *event.metadata().level() == Level::ERROR;
        assert!(!is_error || thread::panicking(), "asked for: {event:?}");
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A router in a process whose subscriber to traces panics.
fn router() -> Router<u32> {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| tracing::subscriber::set_global_default(Fragile).unwrap());
    Router::builder()
        .shards(2)
        .lane_capacity(4)
        .build()
        .unwrap()
}

/// An actor on shard 0 that is held in its first call and then panics.
fn panicking_actor(router: &Router<u32>, topic: Topic) -> Hold {
    let hold = Hold::default();
    let in_handler = hold.clone();
    on_shard(router, 0, Filter::exact(topic))
        .handler(move |_: &Event<u32>| {
            in_handler.stop_here();
            panic!("asked for");
        })
        .unwrap();
    hold
}

// The report of an actor's panic was traced outside of what contains panics.
//
// An actor panics. Its shard traces that, and whoever subscribed to traces panics too: the shard's thread died, and the
// router closed under everybody.
#[test]
fn a_subscriber_to_traces_that_panics_ends_no_shard() {
    guarded(|| {
        let router = router();
        let (topic, seen) = (topic("TRACED"), Log::default());
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(topic))
                .handler(seen.handler())
                .unwrap();
        }
        let mut panics = 0;
        for number in 0..10 {
            let hold = panicking_actor(&router, topic);
            hold.release();
            panics += 1;
            assert_eq!(router.publish(topic, number), Ok(Published::Routed));
            router.flush().unwrap();
            assert_eq!(seen.take(), [number, number]);
            assert_eq!(router.stats().total().panics, panics);
            assert_eq!(router.subscriptions().len(), 2);
        }
        let report = router.shutdown(LIMIT);
        assert_eq!((report.joined, report.is_complete()), (2, true));
    });
}

// As above; and a publisher that waited for room in a lane to the shard that died was not woken.
//
// Thread A has filled the lane and sleeps. The shard dies. Nobody looks at the lane any more, and A sleeps for ever.
#[test]
fn a_publisher_that_waits_behind_a_panic_goes_on() {
    guarded(|| {
        let router = router();
        let (topic, seen) = (topic("FULL"), Count::default());
        let hold = panicking_actor(&router, topic);
        on_shard(&router, 0, Filter::exact(topic))
            .handler(seen.handler())
            .unwrap();
        let mut publisher = router.publisher();
        publisher.publish(topic, 0).unwrap();
        hold.wait_for_arrival();
        while publisher.try_publish(topic, 0).is_ok() {}
        let (accepted, results) = channel();
        let waiting = thread::spawn(move || {
            for number in 0..100 {
                accepted.send(publisher.publish(topic, number)).unwrap();
            }
        });
        // It has begun to wait, or soon will: both must go well.
        for _ in 0..2000 {
            thread::yield_now();
        }
        hold.release();
        assert!(results.iter().all(|result| result == Ok(Published::Routed)));
        waiting.join().unwrap();
        router.flush().unwrap();
        assert_eq!(seen.get(), 104);
    });
}

/// The warning about a CPU that cannot be had was given where a panic of the subscriber to traces ended the shard's thread.
#[test]
fn a_subscriber_to_traces_that_panics_about_a_cpu_ends_no_shard() {
    guarded(|| {
        drop(router());
        let router = Router::<u32>::builder()
            .shards(1)
            .pinning(Pinning::Cores(vec![5000]))
            .build()
            .unwrap();
        let (topic, seen) = (topic("UNBOUND"), Count::default());
        router
            .subscribe(Filter::exact(topic), seen.handler())
            .unwrap();
        assert_eq!(router.publish(topic, 0), Ok(Published::Routed));
        router.flush().unwrap();
        assert_eq!(seen.get(), 1);
        assert_eq!(router.shutdown(LIMIT).joined, 1);
    });
}
