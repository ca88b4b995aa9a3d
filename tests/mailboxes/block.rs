//! `Block`: nothing is lost, and who has no room holds its lane and nothing else.

use super::common::{Count, assert_sums, guarded, on_shard, setups, topic, wait_until};
use super::{
    Seen, events, handled, queued, router, setup, suspended_witness, with_mailbox, witness,
};
use laneway::{
    Filter, Overflow, PublishError, Published, Publisher, Router, Subscription, Suspend,
};

const BLOCK: Overflow = Overflow::Block;

/// Knows when a shard has looked at all its lanes.
struct Ticker {
    publisher: Publisher<u64>,
    seen: Count,
    sent: usize,
}

impl Ticker {
    fn new(router: &Router<u64>) -> (Self, Subscription) {
        let seen = Count::default();
        let subscription = on_shard(router, 0, Filter::exact(topic("TICK")))
            .handler(seen.handler())
            .unwrap();
        let publisher = router.publisher();
        let ticker = Ticker {
            publisher,
            seen,
            sent: 0,
        };
        (ticker, subscription)
    }

    /// When the third tick is handled, a turn has passed in between.
    fn tick(&mut self) {
        for _ in 0..3 {
            self.publisher.publish(topic("TICK"), 0).unwrap();
            self.sent += 1;
            wait_until(|| self.seen.get() == self.sent);
        }
    }
}

#[test]
fn a_full_mailbox_holds_its_lane_and_nothing_else() {
    guarded(|| {
        for capacity in [1, 2, 100] {
            let router: Router<u64> = setup().shards(2).lane_capacity(8).build().unwrap();
            let [hot, near, far] = ["HOT", "NEAR", "FAR"].map(topic);
            let builder = with_mailbox(&router, Filter::exact(hot), capacity as usize, BLOCK);
            let (slow, log) = suspended_witness(builder.shard(0));
            let neighbour = on_shard(&router, 0, Filter::exact(near)).handler(|_| ());
            let stranger = on_shard(&router, 1, Filter::exact(far)).handler(|_| ());
            let (neighbour, stranger) = (neighbour.unwrap(), stranger.unwrap());
            let (mut ticker, ticks) = Ticker::new(&router);

            let mut publisher = router.publisher();
            for number in 0..capacity {
                publisher.publish(hot, number).unwrap();
            }
            publisher.publish(near, 0).unwrap();
            wait_until(|| handled(&neighbour) == 1);
            // These find no room: first the lane fills up, then publishers get theirs back.
            for number in capacity..capacity + 8 {
                publisher.try_publish(hot, number).unwrap();
            }
            for _ in 0..2 {
                let refused = publisher.try_publish(hot, 77);
                assert!(
                    matches!(refused, Err(PublishError::Full(77))),
                    "{refused:?}"
                );
                let refused = publisher.try_publish(near, 78);
                assert!(
                    matches!(refused, Err(PublishError::Full(78))),
                    "{refused:?}"
                );
                ticker.tick();
            }
            // Another lane of the same publisher, and another publisher.
            assert_eq!(publisher.try_publish(far, 0).unwrap(), Published::Routed);
            wait_until(|| handled(&stranger) == 1);
            router.publisher().publish(near, 0).unwrap();
            wait_until(|| handled(&neighbour) == 2);
            let stats = slow.stats();
            assert_eq!((stats.matched, stats.queued), (capacity, capacity));

            slow.resume().unwrap();
            publisher.publish(hot, capacity + 8).unwrap();
            publisher.publish(near, 0).unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), events(0..capacity + 9));
            assert_eq!(handled(&neighbour), 3);
            assert_sums(&router, &[slow, neighbour, stranger, ticks]);
        }
    });
}

#[test]
fn a_run_is_cut_to_the_least_room() {
    guarded(|| {
        let router = router();
        let hot = topic("HOT");
        let begin = |capacity| with_mailbox(&router, Filter::exact(hot), capacity, BLOCK);
        let (small, small_log) = suspended_witness(begin(3));
        let (large, large_log) = suspended_witness(begin(5));
        let (free, free_log) = witness(begin(1));
        let (mut ticker, ticks) = Ticker::new(&router);
        // All at once, so that they could be one run.
        let mut publisher = router.publisher();
        publisher
            .publish_batch((0..7).map(|number| (hot, number)))
            .unwrap();
        wait_until(|| queued(&small) == 3);
        ticker.tick();
        let matched = || [&small, &large, &free].map(|one| one.stats().matched);
        assert_eq!(matched(), [3, 3, 3]);
        small.resume().unwrap();
        wait_until(|| queued(&large) == 5);
        ticker.tick();
        assert_eq!(matched(), [5, 5, 5]);
        large.resume().unwrap();
        router.flush().unwrap();
        for log in [small_log, large_log, free_log] {
            assert_eq!(log.all(), events(0..7));
        }
        assert_sums(&router, &[small, large, free, ticks]);
    });
}

#[test]
fn a_run_is_cut_before_what_a_resource_routed_actor_has_no_room_for() {
    guarded(|| {
        let router = router();
        let class = topic("CLASS");
        let mine = Filter::any().event_type("CLASS").resource(1);
        let (keyed, keyed_log) = suspended_witness(with_mailbox(&router, mine, 2, BLOCK));
        let everything = Filter::any().event_type("CLASS");
        let (free, free_log) = witness(with_mailbox(&router, everything, 1, BLOCK));
        let (mut ticker, ticks) = Ticker::new(&router);
        let mut publisher = router.publisher();
        publisher
            .publish_batch((0..8).map(|number| (class.with_resource(number % 2), number)))
            .unwrap();
        // 1 and 3 have room, 5 has none.
        wait_until(|| handled(&free) == 5);
        ticker.tick();
        assert_eq!((handled(&free), queued(&keyed)), (5, 2));
        keyed.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(keyed_log.all(), events([1, 3, 5, 7]));
        assert_eq!(free_log.all(), events(0..8));
        assert_sums(&router, &[keyed, free, ticks]);
    });
}

#[test]
fn the_smallest_mailbox_and_budget_lose_nothing() {
    guarded(|| {
        for setup in setups() {
            let router: Router<u64> = setup.router();
            let mut all = Vec::new();
            for shard in 0..setup.shards {
                for (capacity, budget) in [(1, 1), (2, 3), (100, 1), (1, 1024)] {
                    let builder = with_mailbox(&router, Filter::any(), capacity, BLOCK);
                    all.push(witness(builder.shard(shard).budget(budget)));
                }
            }
            for number in 0..200 {
                router.publish(topic("T"), number).unwrap();
            }
            router.flush().unwrap();
            for (_, log) in &all {
                assert_eq!(log.all(), events(0..200), "{setup:?}");
            }
            let all: Vec<_> = all.into_iter().map(|(it, _)| it).collect();
            assert_sums(&router, &all);
        }
    });
}

/// How an actor that holds a lane can come to no longer do so.
#[derive(Clone, Copy, Debug)]
enum End {
    Unsubscribed,
    StopsItself,
    Panics,
    Discards,
    Guard,
}

#[test]
fn a_lane_is_let_go_when_the_actor_that_holds_it_ends() {
    guarded(|| {
        use End::{Discards, Guard, Panics, StopsItself, Unsubscribed};
        for end in [Unsubscribed, StopsItself, Panics, Discards, Guard] {
            let router: Router<u64> = setup().lane_capacity(4).build().unwrap();
            let builder = with_mailbox(&router, Filter::exact(topic("HOT")), 1, BLOCK);
            let slow = builder
                .handler_ctx(move |_, ctx| match end {
                    Panics => panic!("as it should"),
                    _ => ctx.stop(),
                })
                .unwrap();
            slow.suspend(Suspend::Queue).unwrap();
            let (other, log) = witness(with_mailbox(&router, Filter::any(), 1, BLOCK));
            let mut publisher = router.publisher();
            publisher.publish(topic("HOT"), 0).unwrap();
            wait_until(|| queued(&slow) == 1 && handled(&other) == 1);
            for number in 1..5 {
                publisher.publish(topic("HOT"), number).unwrap();
            }
            match end {
                Unsubscribed => slow.unsubscribe().unwrap(),
                Guard => drop(slow.clone().guard()),
                // What is published from now on finds no lane held, once the actor is past what came before.
                Discards => {
                    slow.suspend(Suspend::Discard).unwrap();
                    slow.unsubscribe().unwrap();
                }
                StopsItself | Panics => slow.resume().unwrap(),
            }
            // Nobody else wakes the shard.
            wait_until(|| handled(&other) == 5);
            router.flush().unwrap();
            assert_eq!(log.all(), events(0..5), "{end:?}");
            assert!(slow.has_ended());
            assert_sums(&router, &[slow, other]);
        }
    });
}

#[test]
fn what_is_discarded_needs_no_room() {
    guarded(|| {
        let router: Router<u64> = setup().lane_capacity(4).build().unwrap();
        let (subscription, log) = witness(with_mailbox(&router, Filter::any(), 1, BLOCK));
        subscription.suspend(Suspend::Queue).unwrap();
        router.publish(topic("T"), 0).unwrap();
        router.flush().unwrap();
        subscription.suspend(Suspend::Discard).unwrap();
        for number in 1..100 {
            router.publish(topic("T"), number).unwrap();
        }
        router.flush().unwrap();
        let stats = subscription.stats();
        assert_eq!((stats.queued, stats.discarded), (1, 99));
        subscription.resume().unwrap();
        router.publish(topic("T"), 100).unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [Seen::Event(0), Seen::Event(100)]);
        assert_sums(&router, &[subscription]);
    });
}

#[test]
fn a_publisher_that_waits_for_room_goes_on_when_the_actor_does() {
    guarded(|| {
        let router: Router<u64> = setup().lane_capacity(2).build().unwrap();
        let (subscription, log) = suspended_witness(with_mailbox(&router, Filter::any(), 1, BLOCK));
        let mut publisher = router.publisher();
        let worker = std::thread::spawn(move || {
            for number in 0..100 {
                publisher.publish(topic("T"), number).unwrap();
            }
        });
        // One in the mailbox, two in the lane, and the worker with the fourth.
        wait_until(|| queued(&subscription) == 1 && router.stats().total().depth == 2);
        assert!(!worker.is_finished());
        subscription.resume().unwrap();
        worker.join().unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), events(0..100));
        assert_sums(&router, &[subscription]);
    });
}

#[test]
fn a_shard_that_fell_asleep_over_a_held_lane_takes_it_up_again() {
    guarded(|| {
        let router: Router<u64> = setup().lane_capacity(8).build().unwrap();
        let hot = Filter::exact(topic("HOT"));
        let (subscription, log) = suspended_witness(with_mailbox(&router, hot, 1, BLOCK));
        let (mut ticker, ticks) = Ticker::new(&router);
        let mut publisher = router.publisher();
        for number in 0..9 {
            publisher.publish(topic("HOT"), number).unwrap();
            wait_until(|| queued(&subscription) == 1);
        }
        // It says that it slept when it is awake again: then it is given as long once more.
        let mut pause = 1;
        let mut give_it_time = || {
            (0..pause).for_each(|_| std::thread::yield_now());
            pause *= 2;
        };
        let parks = router.stats().total().parks;
        wait_until(|| {
            give_it_time();
            ticker.tick();
            router.stats().total().parks > parks
        });
        give_it_time();
        subscription.resume().unwrap();
        // Nothing else wakes it.
        wait_until(|| handled(&subscription) == 9);
        assert_eq!(log.all(), events(0..9));
        assert_sums(&router, &[subscription, ticks]);
    });
}
