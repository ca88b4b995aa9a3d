//! G12 with mailboxes, receivers and dedicated actors (row 14): shutting down comes to its end whoever is stuck, each
//! accepted event is handled or counted, each refused one comes back, and no thread is left.

mod common;

use common::{
    Count, FOREVER, Hold, Random, Tally, Tracked, block_on, guarded, on_shard, rounds, topic,
    wait_until, within,
};
use laneway::{
    Actor, Context, Event, Filter, Overflow, PublishError, Receiver, Router, StopReason,
    Subscription, Suspend, Topic,
};
use std::fs;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

type Payload = Tracked<usize>;

/// One test at a time, since threads are counted in the whole process. There are none of a router when it begins.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The threads of routers, by name.
fn threads() -> Vec<String> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let names = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("laneway-")).collect()
}

fn load() -> Topic {
    topic("LOAD")
}

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

/// Counts what it gets, and how often it ends.
struct Counting {
    handled: Count,
    ends: Count,
}

impl Actor<Payload> for Counting {
    fn handle(&mut self, _: &Event<Payload>, _: &mut Context<'_, Payload>) {
        self.handled.add();
    }

    fn stopped(&mut self, reason: StopReason) {
        assert_eq!(reason, StopReason::Shutdown);
        self.ends.add();
    }
}

/// A subscription, and what came of it as seen from outside.
struct Member {
    what: String,
    subscription: Subscription,
    overflow: Overflow,
    is_suspended: bool,
    handled: Count,
    /// Of an actor.
    ends: Option<Count>,
    /// Of a receiver that nobody reads until the end.
    unread: Option<Receiver<Payload>>,
    reading: Option<JoinHandle<()>>,
}

/// Counts what it gets until the end.
fn read(mut receiver: Receiver<Payload>, handled: Count) {
    for _ in receiver.iter() {
        handled.add();
    }
}

impl Member {
    fn random(router: &Router<Payload>, shards: usize, random: &mut Random) -> Self {
        let (overflow, kind) = (random.pick(&POLICIES), random.below(4));
        let capacity = 1 + random.below(6);
        let builder = on_shard(router, random.below(shards), Filter::exact(load()));
        let builder = builder
            .mailbox(capacity, overflow)
            .budget(1 + random.below(8) as u32);
        let (handled, ends) = (Count::default(), Count::default());
        let actor = Counting {
            handled: handled.clone(),
            ends: ends.clone(),
        };
        let (mut unread, mut reading) = (None, None);
        let subscription = match kind {
            0 => builder.actor(actor).unwrap(),
            1 => builder.dedicated(actor).unwrap(),
            _ => {
                let receiver = builder.receiver().unwrap();
                let subscription = receiver.subscription().clone();
                if kind == 2 {
                    unread = Some(receiver);
                } else {
                    let handled = handled.clone();
                    reading = Some(thread::spawn(move || read(receiver, handled)));
                }
                subscription
            }
        };
        let is_suspended = random.below(3) == 0;
        if is_suspended {
            subscription.suspend(Suspend::Queue).unwrap();
        }
        Member {
            what: format!("{overflow:?} of {capacity}, kind {kind}, {is_suspended}"),
            subscription,
            overflow,
            is_suspended,
            handled,
            ends: (kind < 2).then_some(ends),
            unread,
            reading,
        }
    }

    /// After the router has shut down.
    #[track_caller]
    fn assert_over(self, accepted: usize) {
        let what = self.what;
        if let Some(receiver) = self.unread {
            read(receiver, self.handled.clone());
        }
        if let Some(reading) = self.reading {
            reading.join().unwrap();
        }
        let stats = self.subscription.stats();
        assert_eq!(
            (stats.matched, stats.queued),
            (accepted as u64, 0),
            "{what}: {stats:?}"
        );
        assert_eq!(
            stats.handled,
            self.handled.get() as u64,
            "{what}: {stats:?}"
        );
        let lost = stats.discarded + stats.dropped.total();
        assert_eq!(stats.handled + lost, stats.matched, "{what}: {stats:?}");
        if let Some(ends) = &self.ends {
            assert_eq!(ends.get(), 1, "{what}");
        }
        let may_lose = self.is_suspended && self.ends.is_some();
        if self.overflow == Overflow::Block && !may_lose {
            assert_eq!(lost, 0, "{what}: {stats:?}");
        }
        // Nobody subscribed ended before.
        assert_eq!(stats.panics, 0, "{what}");
    }
}

/// Publishes in one of four ways until the router has closed, and says how often it was told `Ok`.
fn publish(router: &Router<Payload>, way: usize, tally: &Arc<Tally>) -> JoinHandle<usize> {
    let (mut publisher, tally) = (router.publisher(), Arc::clone(tally));
    // Weak, where the last handle is to be dropped.
    let weak = router.downgrade();
    thread::spawn(move || {
        for accepted in 0.. {
            let payload = tally.track(accepted);
            let published = match way {
                0 => publisher.publish(load(), payload),
                1 => block_on(publisher.publish_async(load(), payload)),
                way => match weak.upgrade() {
                    None => Err(PublishError::Closed(payload)),
                    Some(router) if way == 2 => router.publish(load(), payload),
                    Some(router) => block_on(router.publish_async(load(), payload)),
                },
            };
            match published {
                Ok(_) => {}
                Err(PublishError::Closed(payload)) => {
                    assert_eq!(payload.value, accepted, "its own comes back");
                    return accepted;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
        unreachable!("the numbers do not end")
    })
}

/// Closes it, and sees to it that it is over.
fn close(router: Router<Payload>, how: usize, shards: usize) {
    let weak = router.downgrade();
    let shut_down = move |_: &Event<Payload>| {
        if let Some(router) = weak.upgrade() {
            assert!(
                !router.shutdown(FOREVER).is_complete(),
                "it cannot wait for itself"
            );
        }
    };
    let quit = topic("QUIT");
    match how {
        0 => {}
        1 => {
            let other = router.clone();
            let other = thread::spawn(move || other.shutdown(FOREVER));
            assert!(router.shutdown(FOREVER).is_complete());
            assert!(other.join().unwrap().is_complete());
        }
        2 | 3 => {
            let builder = on_shard(&router, shards - 1, Filter::exact(quit));
            match how {
                2 => builder.handler(shut_down).unwrap(),
                _ => builder.dedicated(shut_down).unwrap(),
            };
            // Through a lane of its own, which waits for nobody but its shard.
            assert!(
                router
                    .publisher()
                    .publish(quit, Tally::new().track(0))
                    .is_ok()
            );
            wait_until(|| {
                router
                    .publish(topic("NOBODY"), Tally::new().track(0))
                    .is_err()
            });
        }
        // The last handle, unless a publisher has one for a moment.
        _ => return drop(router),
    }
    let report = router.shutdown(FOREVER);
    assert!(report.is_complete(), "{report:?}");
    let total = router.stats().total();
    assert_eq!((total.depth, total.spilled), (0, 0));
    assert_eq!(router.subscriptions().len(), 0);
}

#[test]
fn row_14_whoever_is_stuck_it_ends_and_the_sums_are_right() {
    let _alone = alone();
    guarded(|| shut_down_at_random(rounds(120)));
}

#[test]
#[ignore = "a soak"]
fn whoever_is_stuck_it_ends_and_the_sums_are_right_10_000_times() {
    let _alone = alone();
    within(Duration::from_secs(3600), || shut_down_at_random(10_000));
}

fn shut_down_at_random(times: usize) {
    let mut random = Random::new();
    for round in 0..times {
        let shards = 1 + random.below(3);
        let builder = Router::<Payload>::builder().shards(shards);
        let builder = builder.lane_capacity(random.pick(&[1, 2, 16]));
        let router = builder.shutdown_timeout(FOREVER).build().unwrap();
        let tally = Tally::new();
        let members: Vec<_> = (0..1 + random.below(6))
            .map(|_| Member::random(&router, shards, &mut random))
            .collect();
        let how = round % 5;
        // Where the last handle is dropped, nobody else may have one while he waits for room.
        let ways = if how == 4 { 2 } else { 4 };
        let publishing: Vec<_> = (0..ways).map(|way| publish(&router, way, &tally)).collect();
        for _ in 0..random.below(300) {
            thread::yield_now();
        }
        close(router, how, shards);
        let accepted = publishing.into_iter().map(|it| it.join().unwrap()).sum();
        for member in members {
            member.assert_over(accepted);
        }
        tally.assert_balanced();
        // The system may show a thread that was joined for a moment.
        wait_until(|| threads().is_empty());
    }
}

/// Everything is full: the mailbox of a suspended actor, of a receiver and of a stuck dedicated actor, and the lanes to them.
#[test]
fn full_mailboxes_and_held_lanes_do_not_hold_it_up() {
    let _alone = alone();
    guarded(|| {
        for round in 0..rounds(200) {
            let builder = Router::<Payload>::builder().shards(1).lane_capacity(2);
            let router = builder.shutdown_timeout(FOREVER).build().unwrap();
            let tally = Tally::new();
            let blocking =
                || on_shard(&router, 0, Filter::exact(load())).mailbox(3, Overflow::Block);
            let (handled, suspended_handled) = (Count::default(), Count::default());
            let hold = Hold::default();
            let mut unread = None;
            let mut subscriptions = Vec::new();
            // Each of them alone holds the lanes, and all together.
            if round % 4 != 1 {
                let suspended = blocking().handler(suspended_handled.handler()).unwrap();
                suspended.suspend(Suspend::Queue).unwrap();
                subscriptions.push(suspended);
            }
            if round % 4 != 2 {
                let receiver = blocking().receiver().unwrap();
                subscriptions.push(receiver.subscription().clone());
                unread = Some(receiver);
            }
            if round % 4 != 3 {
                let (handled, mut at) = (handled.clone(), Some(hold.clone()));
                let stuck = blocking().dedicated(move |_: &Event<Payload>| {
                    if let Some(hold) = at.take() {
                        hold.stop_here();
                    }
                    handled.add();
                });
                subscriptions.push(stuck.unwrap());
            }
            let publishing: Vec<_> = (0..4).map(|way| publish(&router, way, &tally)).collect();
            // Four lanes of two, and a mailbox of three.
            wait_until(|| {
                let are_full = subscriptions.iter().all(|it| it.stats().matched == 3);
                are_full && router.stats().total().depth == 8
            });
            if round % 4 != 3 {
                hold.wait_for_arrival();
            }
            let other = router.clone();
            let closing = thread::spawn(move || other.shutdown(FOREVER));
            let accepted: usize = publishing.into_iter().map(|it| it.join().unwrap()).sum();
            assert_eq!(
                accepted, 11,
                "publishers come back though an actor is stuck"
            );
            hold.release();
            let report = closing.join().unwrap();
            assert!(report.is_complete(), "{report:?}");
            for subscription in &subscriptions {
                let is_unread = unread
                    .as_ref()
                    .is_some_and(|it| it.subscription().id() == subscription.id());
                let stats = subscription.stats();
                assert_eq!(stats.matched, 11, "{stats:?}");
                assert_eq!(stats.queued, if is_unread { 11 } else { 0 }, "{stats:?}");
            }
            if round % 4 != 1 {
                let stats = subscriptions[0].stats();
                assert_eq!((stats.handled, suspended_handled.get()), (0, 0));
                assert_eq!(stats.dropped.stopped, 11, "{stats:?}");
            }
            if round % 4 != 3 {
                assert_eq!(handled.get(), 11, "what was accepted for it is handled");
            }
            if let Some(mut unread) = unread {
                assert_eq!(unread.iter().count(), 11);
            }
            tally.assert_balanced();
            wait_until(|| threads().is_empty());
        }
    });
}
