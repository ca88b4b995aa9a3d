//! G8: who falls behind hurts only itself. Row 18.

mod common;

use common::{Count, FOREVER, Log, assert_sums, guarded, rounds, topic, wait_until};
use laneway::{
    Event, Filter, Overflow, Pinning, PublishError, Publisher, Router, Subscription, Suspend, Topic,
};

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

const ACTORS: usize = 64;

/// A payload: what it is for and, for what is published from a handler, how many calls there had been.
type Load = u64;

fn router(lane_capacity: usize) -> Router<Load> {
    Router::builder()
        .shards(1)
        .pinning(Pinning::Off)
        .lane_capacity(lane_capacity)
        .shutdown_timeout(FOREVER)
        .build()
        .unwrap()
}

fn number(index: usize) -> Topic {
    topic("QUIET").with_resource(index as u64)
}

/// A quiet actor. It notes how many calls of busy actors there were between the publishing of its event and its call.
fn add_quiet(
    router: &Router<Load>,
    index: usize,
    calls: &Count,
    waited: &Log<usize>,
) -> Subscription {
    let (calls, waited) = (calls.clone(), waited.clone());
    router
        .subscribe(Filter::exact(number(index)), move |event: &Event<Load>| {
            waited.push(calls.get() - *event.payload() as usize);
        })
        .unwrap()
}

/// Row 18: one hot actor with more to do than it may in many turns, and 63 quiet ones.
///
/// The events for the quiet ones are published in the middle of the hot one's calls, so that all numbers are exact.
#[test]
fn row_18_a_quiet_actor_waits_for_a_turn_of_the_hot_one() {
    guarded(|| {
        for overflow in POLICIES {
            for budget in [1, 8, 100] {
                let router = router(256);
                let (calls, waited) = (Count::default(), Log::default());
                let mut all: Vec<_> = (1..ACTORS)
                    .map(|index| add_quiet(&router, index, &calls, &waited))
                    .collect();
                let counted = calls.clone();
                let hot = (router.subscription())
                    .filter(Filter::exact(topic("HOT")))
                    .mailbox(20_000, overflow)
                    .budget(budget)
                    .handler_ctx(move |_, ctx| {
                        counted.add();
                        let now = counted.get();
                        if now.is_multiple_of(128) {
                            let index = 1 + now / 128 % (ACTORS - 1);
                            ctx.publish(number(index), now as Load).unwrap();
                        }
                    })
                    .unwrap();
                hot.suspend(Suspend::Queue).unwrap();
                let mut publisher = router.publisher();
                let backlog = rounds(16_000) as u64;
                for each in 0..backlog {
                    // A topic of its own for each, for those that keep the latest.
                    let topic = topic("HOT").with_resource(each);
                    publisher.publish(topic, 0).unwrap();
                }
                hot.resume().unwrap();
                wait_until(|| hot.stats().handled == backlog);
                router.flush().unwrap();
                router.flush().unwrap();
                let waited = waited.all();
                assert_eq!(waited.len() as u64, backlog / 128);
                let longest = waited.into_iter().max().unwrap_or(0);
                // The rest of the turn in which it is published, and no more than the next.
                assert!(
                    longest <= 2 * budget as usize,
                    "{longest} calls with {overflow:?} and a budget of {budget}"
                );
                all.push(hot);
                assert_sums(&router, &all);
            }
        }
    });
}

/// Row 18: a quiet actor among 63 hot ones.
#[test]
fn row_18_a_quiet_actor_waits_for_a_turn_of_each_other() {
    guarded(|| {
        for overflow in POLICIES {
            let budget = 4;
            let router = router(256);
            let (calls, waited) = (Count::default(), Log::default());
            let mut all = vec![add_quiet(&router, 1, &calls, &waited)];
            for _ in 1..ACTORS {
                let counted = calls.clone();
                let hot = (router.subscription())
                    .filter(Filter::exact(topic("HOT")))
                    .mailbox(500, overflow)
                    .budget(budget)
                    .handler_ctx(move |_, ctx| {
                        counted.add();
                        if counted.get().is_multiple_of(333) {
                            ctx.publish(number(1), counted.get() as Load).unwrap();
                        }
                    })
                    .unwrap();
                hot.suspend(Suspend::Queue).unwrap();
                all.push(hot);
            }
            let mut publisher = router.publisher();
            for each in 0..400 {
                let topic = topic("HOT").with_resource(each);
                publisher.publish(topic, 0).unwrap();
            }
            router.flush().unwrap();
            for hot in &all[1..] {
                hot.resume().unwrap();
            }
            router.flush().unwrap();
            router.flush().unwrap();
            let waited = waited.all();
            assert_eq!(waited.len(), 400 * (ACTORS - 1) / 333);
            let longest = waited.into_iter().max().unwrap_or(0);
            let bound = 2 * budget as usize * (ACTORS - 1);
            assert!(longest <= bound, "{longest} calls with {overflow:?}");
            // They had the same, and nobody was behind by more than a turn's share at any time: all is done.
            assert_eq!(calls.get(), 400 * (ACTORS - 1));
            assert_sums(&router, &all);
        }
    });
}

/// The hot actor blocks and its lanes are held; that of a quiet one is not.
#[test]
fn row_18_a_quiet_actor_waits_no_longer_when_lanes_are_held() {
    guarded(|| {
        let (budget, mailbox) = (2, 4);
        let router = router(1024);
        let (calls, waited) = (Count::default(), Log::default());
        let quiet = add_quiet(&router, 1, &calls, &waited);
        let counted = calls.clone();
        let hot = (router.subscription())
            .filter(Filter::exact(topic("HOT")))
            .mailbox(mailbox, Overflow::Block)
            .budget(budget)
            .handler_ctx(move |_, ctx| {
                counted.add();
                // At each phase of its turns.
                if counted.get().is_multiple_of(7) {
                    ctx.publish(number(1), counted.get() as Load).unwrap();
                }
            })
            .unwrap();
        hot.suspend(Suspend::Queue).unwrap();
        let mut publishers: Vec<Publisher<Load>> = (0..4).map(|_| router.publisher()).collect();
        for publisher in &mut publishers {
            for _ in 0..1000 {
                publisher.publish(topic("HOT"), 0).unwrap();
            }
        }
        hot.resume().unwrap();
        wait_until(|| hot.stats().handled == 4000);
        router.flush().unwrap();
        let waited = waited.all();
        assert_eq!(waited.len(), 4000 / 7);
        let longest = waited.into_iter().max().unwrap_or(0);
        assert!(longest <= 2 * budget as usize, "{longest} calls");
        assert_sums(&router, &[quiet, hot]);
    });
}

/// While its shard goes on, publishers never notice a subscription that does not, unless it blocks.
#[test]
fn who_drops_does_not_slow_publishers() {
    guarded(|| {
        let lane_capacity = 8;
        for overflow in POLICIES {
            let router = router(lane_capacity);
            let behind = (router.subscription())
                .filter(Filter::any())
                .mailbox(4, overflow)
                .handler(|_| ())
                .unwrap();
            behind.suspend(Suspend::Queue).unwrap();
            let other = router.subscribe(Filter::any(), |_| ()).unwrap();
            let mut publisher = router.publisher();
            let mut sent = 0;
            let mut try_one = || {
                let tried = publisher.try_publish(topic("T").with_resource(sent), sent);
                sent += u64::from(tried.is_ok());
                tried
            };
            if overflow == Overflow::Block {
                // What the mailbox and the lane hold, and nothing behind that.
                for _ in 0..4 + lane_capacity {
                    wait_until(|| try_one().is_ok());
                }
                for _ in 0..rounds(1000) {
                    let refused = try_one();
                    assert!(matches!(refused, Err(PublishError::Full(_))), "{refused:?}");
                }
            } else {
                for round in 1..=rounds(1000) {
                    for _ in 0..lane_capacity {
                        let tried = try_one();
                        assert!(tried.is_ok(), "{tried:?} with {overflow:?}");
                    }
                    // Otherwise it would be the shard that had no time.
                    let all = (round * lane_capacity) as u64;
                    wait_until(|| {
                        other.stats().handled == all && router.stats().total().depth == 0
                    });
                }
            }
            behind.resume().unwrap();
            router.flush().unwrap();
            assert_eq!(other.stats().handled, sent);
            assert_sums(&router, &[behind, other]);
        }
    });
}
