//! Who waits for what waits: flush and shutdown.

use super::common::{
    FOREVER, Tally, Tracked, assert_sums, block_shard, guarded, topic, wait_until,
};
use super::{
    DROPPING, Seen, events, handled, queued, router, setup, suspended_witness, with_mailbox,
    witness,
};
use laneway::{Actor, Context, Event, Filter, Overflow, PublishError, Router, StopReason, Suspend};
use std::thread;

#[test]
fn flush_waits_for_what_waits_in_mailboxes() {
    guarded(|| {
        for overflow in [Overflow::Block, Overflow::DropOldest, Overflow::KeepLatest] {
            let router = router();
            let builder = with_mailbox(&router, Filter::any(), 1000, overflow).budget(1);
            let (subscription, log) = witness(builder);
            let mut publisher = router.publisher();
            for number in 0..500 {
                let topic = topic("T").with_resource(number);
                publisher.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            assert_eq!(log.all(), events(0..500), "{overflow:?}");
            assert_sums(&router, &[subscription]);
        }
    });
}

#[test]
fn flush_does_not_wait_for_suspended_actors() {
    guarded(|| {
        let router = router();
        let begin = || with_mailbox(&router, Filter::any(), 1000, Overflow::Block);
        let (held, held_log) = suspended_witness(begin());
        let (slow, slow_log) = witness(begin().budget(1));
        for number in 0..300 {
            router.publish(topic("T"), number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(slow_log.all(), events(0..300));
        assert_eq!((queued(&held), held_log.len()), (300, 0));
        held.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(held_log.all(), events(0..300));
        assert_sums(&router, &[held, slow]);
    });
}

/// The actor is suspended by its own handler while a flush waits for it.
#[test]
fn flush_stops_waiting_for_an_actor_that_is_suspended_meanwhile() {
    guarded(|| {
        let router: Router<u64> = router();
        let (send, receive) = std::sync::mpsc::channel::<laneway::Subscription>();
        let builder = with_mailbox(&router, Filter::any(), 1000, Overflow::Block).budget(1);
        let subscription = builder
            .handler(move |event| {
                if *event.payload() == 50 {
                    receive.recv().unwrap().suspend(Suspend::Queue).unwrap();
                }
            })
            .unwrap();
        send.send(subscription.clone()).unwrap();
        for number in 0..100 {
            router.publish(topic("T"), number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!((handled(&subscription), queued(&subscription)), (51, 49));
    });
}

#[test]
fn shutdown_drains_mailboxes() {
    guarded(|| {
        for overflow in [Overflow::Block, Overflow::DropNewest, Overflow::KeepLatest] {
            let router = router();
            let begin = || with_mailbox(&router, Filter::exact(topic("T")), 1000, overflow);
            let (slow, slow_log) = witness(begin().budget(1));
            let (held, held_log) = suspended_witness(begin());
            let hold = block_shard(&router, 0, 0);
            let mut publisher = router.publisher();
            for number in 0..200 {
                let topic = topic("T").with_resource(number);
                publisher.publish(topic, number).unwrap();
            }
            // The shard takes up its work only when it is told that it is the last.
            let closing = router.clone();
            let shutdown = thread::spawn(move || closing.shutdown(FOREVER));
            let nobodys = topic("NOBODYS");
            wait_until(|| matches!(publisher.publish(nobodys, 0), Err(PublishError::Closed(_))));
            hold.release();
            let report = shutdown.join().unwrap();
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(report.dropped, 200, "those of the one that is suspended");
            let mut expected = events(0..200);
            expected.push(Seen::Stopped(StopReason::Shutdown));
            assert_eq!(slow_log.all(), expected, "{overflow:?}");
            assert_eq!(held_log.all(), [Seen::Stopped(StopReason::Shutdown)]);
            assert_eq!(held.stats().dropped.stopped, 200);
            assert_eq!(handled(&slow), 200);
        }
    });
}

/// Only its drop is of interest.
struct Idle;

impl Actor<Tracked<u64>> for Idle {
    fn handle(&mut self, _: &Event<Tracked<u64>>, _: &mut Context<'_, Tracked<u64>>) {
        panic!("it is suspended");
    }
}

#[test]
fn what_waits_for_suspended_actors_at_shutdown_is_dropped_and_counted() {
    guarded(|| {
        let tally = Tally::new();
        let router: Router<Tracked<u64>> = setup().lane_capacity(8).build().unwrap();
        let mut all = Vec::new();
        // The one that blocks holds a lane full of events as well: when the router closes, it takes them all.
        for (capacity, overflow) in [(100, Overflow::Block)]
            .into_iter()
            .chain(DROPPING.map(|one| (5, one)))
        {
            let builder = with_mailbox(&router, Filter::any(), capacity, overflow);
            let subscription = builder.actor(Idle).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            all.push(subscription);
        }
        let mut publisher = router.publisher();
        for number in 0..108 {
            if number == 100 {
                // Then the lane has room for the rest.
                wait_until(|| all.iter().all(|one| one.stats().matched == 100));
            }
            publisher
                .publish(topic("T").with_resource(number), tally.track(number))
                .unwrap();
        }
        let report = router.shutdown(FOREVER);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(report.dropped, 108 + 3 * 5);
        let stopped: Vec<u64> = (all.iter())
            .map(|one| one.stats().dropped.stopped)
            .collect();
        assert_eq!(stopped, [108, 5, 5, 5]);
        assert!(all.iter().all(|one| one.stats().matched == 108));
        assert_eq!(router.stats().total().handled, 0);
        assert_sums(&router, &all);
        drop((publisher, router));
        tally.assert_balanced();
        assert_eq!(tally.drops(), 108);
    });
}

#[test]
fn all_that_a_lane_holds_back_is_handled_at_shutdown() {
    guarded(|| {
        let router: Router<u64> = setup().lane_capacity(64).build().unwrap();
        let builder = with_mailbox(&router, Filter::any(), 1, Overflow::Block).budget(1);
        let (subscription, log) = witness(builder);
        let mut publisher = router.publisher();
        for number in 0..1000 {
            publisher.publish(topic("T"), number).unwrap();
        }
        let report = router.shutdown(FOREVER);
        assert!(report.is_complete(), "{report:?}");
        let mut expected = events(0..1000);
        expected.push(Seen::Stopped(StopReason::Shutdown));
        assert_eq!(log.all(), expected);
        assert_sums(&router, &[subscription]);
    });
}
