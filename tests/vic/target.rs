//! What a collector is given: the token it waits on, and the target it publishes to.

use crate::common::{Log, guarded, wait_until};
use crate::support::{router, ticks};
use laneway::manager::collectors::{Stop, Target};
use laneway::{Filter, Overflow, PublishError, Published, Router, Subscription, Suspend};
use std::thread;
use std::time::Duration;

#[test]
fn a_stop_token_is_told_once_and_for_good() {
    guarded(|| {
        let stop = Stop::new();
        assert!(!stop.is_stopped());
        thread::scope(|scope| {
            let waits = scope.spawn(|| stop.wait(Duration::MAX));
            let waits_for_wake = scope.spawn(|| stop.wait_for_wake(Duration::MAX));
            stop.clone().stop();
            assert!(waits.join().unwrap() && waits_for_wake.join().unwrap());
        });
        stop.stop();
        assert!(stop.is_stopped() && stop.wait(Duration::ZERO));
    });
}

#[test]
fn a_wake_up_counts_once_for_those_who_wait_for_it() {
    guarded(|| {
        let stop = Stop::new();
        stop.waker().wake();
        // Neither shortened by it nor does it use it up.
        assert!(!stop.wait(Duration::from_millis(1)));
        assert!(!stop.wait_for_wake(Duration::MAX));
        // It is used up now.
        assert!(!stop.wait_for_wake(Duration::from_millis(1)));
    });
}

/// One shard, a lane of one, and a reader that takes nothing until it is resumed.
fn jammed() -> (Router<u64>, Subscription, Log<u64>) {
    let router = Router::builder().shards(1).lane_capacity(1).build();
    let (router, log) = (router.unwrap(), Log::default());
    let reader = router
        .subscription()
        .filter(Filter::exact(ticks()))
        .mailbox(1, Overflow::Block)
        .handler(log.handler())
        .unwrap();
    reader.suspend(Suspend::Queue).unwrap();
    (router, reader, log)
}

#[test]
fn what_waits_for_room_is_published_when_there_is_room() {
    guarded(|| {
        let (router, reader, log) = jammed();
        let (stop, publisher) = (Stop::new(), router.publisher());
        thread::scope(|scope| {
            let publishes = scope.spawn(|| {
                let mut target = Target::new(publisher, &stop);
                for number in 0..50 {
                    assert_eq!(target.publish(ticks(), number), Ok(Published::Routed));
                }
                target.published()
            });
            wait_until(|| reader.stats().queued == 1);
            // A wake-up of somebody else does not end the wait.
            stop.waker().wake();
            reader.resume().unwrap();
            assert_eq!(publishes.join().unwrap(), 50);
        });
        router.flush().unwrap();
        assert_eq!(log.all(), (0..50).collect::<Vec<_>>());
    });
}

/// A wake-up for the collector comes while it waits for room: waiting took it, and the collector slept over it.
#[test]
fn waiting_for_room_keeps_the_wake_ups_of_others() {
    guarded(|| {
        let (router, reader, _) = jammed();
        let (stop, publisher) = (Stop::new(), router.publisher());
        thread::scope(|scope| {
            let publishes = scope.spawn(|| {
                let mut target = Target::new(publisher, &stop);
                for number in 0..10 {
                    target.publish(ticks(), number).unwrap();
                }
                stop.wait_for_wake(Duration::MAX)
            });
            wait_until(|| reader.stats().queued == 1);
            stop.waker().wake();
            reader.resume().unwrap();
            assert!(!publishes.join().unwrap());
        });
    });
}

#[test]
fn payloads_come_back() {
    guarded(|| {
        let (router, _reader, _log) = jammed();
        let stop = Stop::new();
        let mut target = Target::new(router.publisher(), &stop);
        let mut number = 0;
        let full = loop {
            match target.try_publish(ticks(), number) {
                Ok(_) => number += 1,
                // What is in the lane may go to the mailbox yet.
                Err(error) if target.published() == 2 => break error,
                Err(_) => {}
            }
        };
        assert_eq!(full, PublishError::Full(number));
        thread::scope(|scope| {
            let waits = scope.spawn(|| target.publish(ticks(), 7));
            stop.stop();
            assert_eq!(waits.join().unwrap(), Err(PublishError::Closed(7)));
        });
        assert_eq!(target.publish(ticks(), 8), Err(PublishError::Closed(8)));
        assert_eq!(target.try_publish(ticks(), 9), Err(PublishError::Closed(9)));
        assert_eq!(target.published(), 2);
    });
}

#[test]
fn a_router_that_shuts_down_closes_the_target() {
    guarded(|| {
        let router = router::<u64>();
        let mut target = Target::new(router.publisher(), &Stop::new());
        assert!(!target.is_interested(ticks()));
        assert_eq!(target.publish(ticks(), 1), Ok(Published::Unmatched));
        router.shutdown(Duration::MAX);
        assert_eq!(target.publish(ticks(), 2), Err(PublishError::Closed(2)));
        assert_eq!(target.published(), 1);
    });
}
