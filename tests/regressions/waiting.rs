//! What waits: lanes that are held, mailboxes, suspended actors, receivers.

use super::common::{
    self, FOREVER, Hold, Log, block_shard, guarded, on_shard, topic, wait_until, within,
};
use laneway::{
    Actor, Batch, Context, Event, Filter, Overflow, Pinning, Router, Shard, Subscription, Suspend,
    Wait,
};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

fn manual() -> (Router<u32>, Shard<u32>) {
    let (router, mut shards) = Router::builder().shards(1).manual().unwrap();
    (router, shards.pop().unwrap())
}

fn of(event_type: &str) -> Filter {
    Filter::exact(topic(event_type))
}

#[track_caller]
fn assert_adds_up(subscription: &Subscription) {
    let stats = subscription.stats();
    let sum = stats.handled + stats.dropped.total() + stats.discarded + stats.queued;
    assert_eq!(stats.matched, sum, "{stats:?}");
}

// A shard that was about to sleep forgot the lane it held.
//
// The shard finds no room for the lane's events, and cools the lane. The reader takes an event, and nobody has asked to be
// told. The shard looks again before it sleeps, sees the room, and goes on: but the lane is cold, and no bell rings for it.
#[test]
fn a_held_lane_is_not_forgotten_while_its_shard_falls_asleep() {
    within(Duration::from_secs(40), || {
        let router = Router::<u32>::builder().shards(1).build().unwrap();
        let mut receiver = (router.subscription().filter(of("A")))
            .mailbox(1, Overflow::Block)
            .receiver()
            .unwrap();
        let mut publisher = router.publisher();
        let mut seed = 0x9E37_79B9_u64;
        for _ in 0..200 {
            for number in 0..100 {
                publisher.publish(topic("A"), number).unwrap();
            }
            for number in 0..100 {
                let event = receiver.recv_timeout(Duration::from_secs(5));
                let event = event.expect("the next event lies in the lane, and there is room");
                assert_eq!(event.into_payload(), number);
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let until =
                    std::time::Instant::now() + Duration::from_nanos((seed >> 33) % 300_000);
                while std::time::Instant::now() < until {
                    std::hint::spin_loop();
                }
            }
        }
    });
}

// A shard that never sleeps cooled a lane that it held like one that had been empty for long, and nothing warmed it.
#[test]
fn a_held_lane_is_polled_on_by_a_shard_that_does_not_sleep() {
    guarded(|| {
        let builder = Router::<u32>::builder().shards(1).wait(Wait::Yield);
        let router = builder.build().unwrap();
        let turns = router.subscribe(of("B"), |_| ()).unwrap();
        let mut receiver = (router.subscription().filter(of("A")))
            .mailbox(1, Overflow::Block)
            .receiver()
            .unwrap();
        let mut idle: Vec<_> = (0..16).map(|_| router.publisher()).collect();
        for publisher in &mut idle {
            publisher.publish(topic("B"), 0).unwrap();
        }
        let mut publisher = router.publisher();
        for number in 0..10 {
            publisher.publish(topic("A"), number).unwrap();
        }
        // Each takes a turn, and lanes cool after 1024.
        for _ in 0..3000 {
            let before = turns.stats().handled;
            idle[0].publish(topic("B"), 0).unwrap();
            wait_until(|| turns.stats().handled > before);
        }
        for number in 0..10 {
            let event = receiver.recv_timeout(Duration::from_secs(5)).unwrap();
            assert_eq!(event.into_payload(), number);
        }
    });
}

// A shard with nothing to do never slept: a mailbox had been full when room was looked for, for a run that was not even its
// own, and that it had room now was taken for something to do each time.
#[test]
fn a_shard_with_nothing_to_do_sleeps() {
    guarded(|| {
        let router = Router::<u32>::builder().shards(1).build().unwrap();
        router.subscribe(of("B"), |_| ()).unwrap();
        let actor = (router.subscription().filter(of("A")))
            .mailbox(4, Overflow::Block)
            .handler(|_| ())
            .unwrap();
        actor.suspend(Suspend::Queue).unwrap();
        let mut publisher = router.publisher();
        for number in 0..4 {
            publisher.publish(topic("A"), number).unwrap();
        }
        publisher.publish(topic("B"), 0).unwrap();
        router.flush().unwrap();
        actor.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(actor.stats().handled, 4);
        let parks = router.stats().total().parks;
        wait_until(|| {
            for _ in 0..10_000 {
                thread::yield_now();
            }
            // Wakes it, if it sleeps.
            router.flush().unwrap();
            router.stats().total().parks > parks
        });
    });
}

// A flush took a lane that was held, and cold, for one that was empty.
#[test]
fn flush_waits_for_a_lane_that_is_held() {
    guarded(|| {
        let router = Router::<u32>::builder().shards(1).build().unwrap();
        let actor = router.subscribe(of("A"), |_| ()).unwrap();
        let receiver = (router.subscription().filter(of("A")))
            .mailbox(1, Overflow::Block)
            .receiver()
            .unwrap();
        let mut publisher = router.publisher();
        for number in 0..5 {
            publisher.publish(topic("A"), number).unwrap();
        }
        let flushed = router.flush_timeout(Duration::from_secs(2));
        if flushed.is_ok() {
            assert_eq!(actor.stats().handled, 5, "flushed");
        }
        drop(receiver);
    });
}

/// An actor that discards, with an event in the lane that was published meanwhile.
fn discarding() -> (Router<u32>, Shard<u32>, Subscription, Log<u32>) {
    let (router, mut shard) = manual();
    let log = Log::default();
    let actor = (router.subscribe(of("A"), log.handler())).unwrap();
    shard.poll(10).unwrap();
    actor.suspend(Suspend::Discard).unwrap();
    router.publish(topic("A"), 1).unwrap();
    (router, shard, actor, log)
}

// What was published while an actor discarded, and reached the shard only after it was resumed, was handed to it: the short way
// to an actor did not ask.
#[test]
fn what_was_published_while_discarding_is_discarded_after_resuming() {
    let (router, mut shard, actor, log) = discarding();
    actor.resume().unwrap();
    router.publish(topic("A"), 2).unwrap();
    shard.poll(10).unwrap();
    shard.poll(10).unwrap();
    assert_eq!(log.take(), [2]);
    assert_eq!(actor.stats().discarded, 1);
}

// Suspending a second time, while discarding, forgot when that had begun.
#[test]
fn discarding_twice_is_discarding() {
    let (_router, mut shard, actor, log) = discarding();
    actor.suspend(Suspend::Discard).unwrap();
    shard.poll(10).unwrap();
    actor.resume().unwrap();
    shard.poll(10).unwrap();
    assert_eq!(log.take(), [0; 0]);
}

// A second time of discarding took the place of the first, whose events still lay in a lane.
#[test]
fn an_earlier_time_of_discarding_is_not_forgotten() {
    let (_router, mut shard, actor, log) = discarding();
    actor.resume().unwrap();
    actor.suspend(Suspend::Discard).unwrap();
    shard.poll(10).unwrap();
    actor.resume().unwrap();
    shard.poll(10).unwrap();
    assert_eq!(log.take(), [0; 0]);
}

/// Takes one event, suspends and resumes itself, as another thread may do just then.
struct Pausing {
    own: Arc<Mutex<Option<Subscription>>>,
    log: Log<u32>,
}

impl Actor<u32> for Pausing {
    fn handle(&mut self, _: &Event<u32>, _: &mut Context<'_, u32>) {}

    fn handle_batch(&mut self, batch: Batch<'_, u32>, _: &mut Context<'_, u32>) {
        let own = self.own.lock().unwrap().clone().unwrap();
        for event in batch {
            self.log.push(*event.payload());
            if *event.payload() == 0 {
                own.suspend(Suspend::Queue).unwrap();
            }
        }
        own.resume().unwrap();
    }
}

// A batch ended because its actor was suspended, and by the time the actor returned it was resumed: what was left in the batch
// counted as discarded, as if the actor had not wanted it.
#[test]
fn a_batch_that_ended_because_of_a_suspension_goes_on() {
    let (router, mut shard) = manual();
    let log = Log::default();
    let own = Arc::default();
    let actor = Pausing {
        own: Arc::clone(&own),
        log: log.clone(),
    };
    let actor = router.spawn(of("A"), actor).unwrap();
    *own.lock().unwrap() = Some(actor.clone());
    for number in 0..4 {
        router.publish(topic("A"), number).unwrap();
    }
    for _ in 0..5 {
        shard.poll(10).unwrap();
    }
    assert_adds_up(&actor);
    own.lock().unwrap().take();
    assert_eq!(log.take(), [0, 1, 2, 3], "{:?}", actor.stats());
}

// Who came second to unsubscribe a dedicated actor waited for its shard, where it is not, and returned during its call.
#[test]
fn an_actor_that_is_gone_already_is_in_no_call() {
    guarded(|| {
        let router = Router::<u32>::builder().shards(1).build().unwrap();
        let hold = Hold::default();
        let dedicated = (router.subscription().filter(of("A")))
            .dedicated(common::holding(&hold))
            .unwrap();
        router.publish(topic("A"), 1).unwrap();
        hold.wait_for_arrival();
        let first = dedicated.clone();
        let first = thread::spawn(move || first.unsubscribe());
        common::wait_until(|| dedicated.has_ended());
        let (send, second) = channel();
        let other = dedicated.clone();
        let waiting = thread::spawn(move || send.send(other.unsubscribe().is_ok()));
        let early = second.recv_timeout(Duration::from_secs(2));
        hold.release();
        first.join().unwrap().unwrap();
        waiting.join().unwrap().unwrap();
        assert!(
            early.is_err(),
            "it returned while a call of the actor was running"
        );
    });
}

/// Takes nothing.
struct Idle;

impl Actor<u32> for Idle {
    fn handle(&mut self, _: &Event<u32>, _: &mut Context<'_, u32>) {}
    fn handle_batch(&mut self, _: Batch<'_, u32>, _: &mut Context<'_, u32>) {}
}

// A shard counted what leaves the queues at once, and what enters them behind the run. Who asked in between for what is queued
// subtracted more than there was.
#[test]
fn the_totals_of_a_shard_can_be_read_during_a_run() {
    let (router, mut shard) = manual();
    router.spawn(of("A"), Idle).unwrap();
    let weak = router.downgrade();
    let reader = router
        .subscribe(of("A"), move |_| {
            drop(weak.upgrade().unwrap().stats());
        })
        .unwrap();
    router.publish(topic("A"), 1).unwrap();
    shard.poll(10).unwrap();
    assert_eq!(reader.stats().panics, 0);
}

// What waited for a receiver that nobody read had half of every poll, and all of a poll for one event.
#[test]
fn a_receiver_that_nobody_reads_leaves_small_polls_to_others() {
    let (router, mut shard) = manual();
    let receiver = (router.subscription().filter(of("A")))
        .mailbox(8, Overflow::DropOldest)
        .receiver()
        .unwrap();
    let actor = router.subscribe(of("B"), |_| ()).unwrap();
    for number in 0..3 {
        router.publish(topic("A"), number).unwrap();
    }
    shard.poll(10).unwrap();
    router.publish(topic("B"), 0).unwrap();
    for _ in 0..100 {
        shard.poll(1).unwrap();
    }
    assert_eq!(actor.stats().handled, 1);
    drop(receiver);
}

// Events in mailboxes were dropped with their shard, and no report had them.
#[test]
fn what_waits_in_mailboxes_of_a_dropped_shard_is_reported() {
    let (router, mut shard) = manual();
    let actor = (router.subscription().filter(of("A"))).budget(1);
    let actor = actor.handler(|_| ()).unwrap();
    for number in 0..4 {
        router.publish(topic("A"), number).unwrap();
    }
    shard.poll(10).unwrap();
    let stats = actor.stats();
    assert!(stats.queued > 0, "{stats:?}");
    drop(shard);
    let report = router.shutdown(FOREVER);
    assert_eq!(report.dropped as u64, stats.queued, "{report:?}");
}

// The same for what waited for an actor that was suspended when the router shut down.
#[test]
fn what_waits_for_a_suspended_actor_is_reported() {
    guarded(|| {
        let router = Router::<u32>::builder().shards(1).build().unwrap();
        let actor = on_shard(&router, 0, of("A")).handler(|_| ()).unwrap();
        actor.suspend(Suspend::Queue).unwrap();
        router.publish(topic("A"), 1).unwrap();
        router.flush().unwrap();
        let report = router.shutdown(FOREVER);
        assert_eq!(
            (actor.stats().handled, report.dropped),
            (0, 1),
            "{report:?}"
        );
    });
}

// Lanes were served in the same order each turn: where an actor had room for one event a turn, the first lane took it.
#[test]
fn publishers_of_a_slow_actor_share_its_room() {
    guarded(|| {
        let router = Router::<u64>::builder()
            .shards(1)
            .pinning(Pinning::Off)
            .lane_capacity(1024)
            .build()
            .unwrap();
        let log = Log::default();
        let subscription = router
            .subscription()
            .filter(Filter::any())
            .mailbox(1, Overflow::Block)
            .budget(1)
            .handler(log.handler())
            .unwrap();
        subscription.suspend(Suspend::Queue).unwrap();
        let mut publishers: Vec<_> = (0..2).map(|_| router.publisher()).collect();
        for (who, publisher) in (0..).zip(&mut publishers) {
            for _ in 0..1000 {
                publisher.publish(topic("T"), who).unwrap();
            }
        }
        subscription.resume().unwrap();
        wait_until(|| subscription.stats().handled == 2000);
        let all = log.all();
        let first = all.iter().position(|&who| who != all[0]);
        assert!(
            first.unwrap() < 100,
            "the other publisher waited for {first:?} events"
        );
    });
}

// The shard wakes who waits for room when it has given back half a lane. It took one event and then held the lane: nobody woke
// the publisher, although it had room, and had it been the one to resume the actor, nobody would have.
#[test]
fn room_in_a_held_lane_wakes_who_waits_for_it() {
    guarded(|| {
        let router = Router::<u64>::builder()
            .shards(1)
            .pinning(Pinning::Off)
            .lane_capacity(8)
            .build()
            .unwrap();
        let slow = router
            .subscription()
            .filter(Filter::exact(topic("HOT")))
            .mailbox(1, Overflow::Block)
            .handler(|_| ())
            .unwrap();
        slow.suspend(Suspend::Queue).unwrap();
        let hold = block_shard(&router, 0, 0);
        let mut publisher = router.publisher();
        for number in 0..8 {
            publisher.publish(topic("HOT"), number).unwrap();
        }
        let waiting = std::thread::spawn(move || publisher.publish(topic("HOT"), 8).unwrap());
        // Long enough for it to park.
        for _ in 0..200_000 {
            std::thread::yield_now();
        }
        hold.release();
        wait_until(|| slow.stats().queued == 1);
        // A slot is free now, and it is the only one who wants it.
        wait_until(|| waiting.is_finished());
    });
}
