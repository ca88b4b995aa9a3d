//! What each policy keeps and drops, to the event.

use super::common::{assert_sums, block_shard, guarded, topic, wait_until};
use super::{
    DROPPING, Seen, behind, events, handled, queued, router, setup, suspended_witness,
    with_mailbox, witness,
};
use laneway::{Dropped, Filter, Overflow, SubscribeError, Subscription, Topic, Wait};

const CAPACITIES: [u64; 6] = [1, 2, 7, 64, 65, 1000];

/// What is published to a mailbox of some capacity: nothing lost, just full, one too many, and far too many.
fn loads(capacity: u64) -> [u64; 5] {
    [capacity - 1, capacity, capacity + 1, 2 * capacity, 300]
}

fn dropped(subscription: &Subscription) -> [u64; 4] {
    let Dropped {
        newest,
        oldest,
        replaced,
        stopped,
        ..
    } = subscription.stats().dropped;
    [newest, oldest, replaced, stopped]
}

/// Publishes while the actor is suspended, resumes it, publishes one more. Gives back what it sees, and what it lost.
fn overflow(
    overflow: Overflow,
    capacity: u64,
    load: u64,
    topic_of: fn(u64) -> Topic,
) -> (Vec<Seen>, [u64; 4]) {
    let router = router();
    let (subscription, log) = suspended_witness(with_mailbox(
        &router,
        Filter::any().category("test"),
        capacity as usize,
        overflow,
    ));
    let mut publisher = router.publisher();
    for number in 0..load {
        publisher.publish(topic_of(number), number).unwrap();
    }
    router.flush().unwrap();
    assert_eq!(log.len(), 0, "it is suspended");
    let lost = dropped(&subscription);
    assert_eq!(queued(&subscription), load - lost.iter().sum::<u64>());
    subscription.resume().unwrap();
    router.flush().unwrap();
    publisher.publish(topic_of(load), load).unwrap();
    router.flush().unwrap();
    assert_eq!(dropped(&subscription), lost, "nothing more is lost");
    assert_sums(&router, &[subscription]);
    (log.all(), lost)
}

#[test]
fn drop_newest_keeps_what_came_first() {
    guarded(|| {
        for capacity in CAPACITIES {
            for load in loads(capacity) {
                let (seen, lost) = overflow(Overflow::DropNewest, capacity, load, |_| topic("T"));
                let missed = load.saturating_sub(capacity);
                let mut expected = events(0..load.min(capacity));
                // The gap is behind what waited: it is told before what came next.
                expected.extend(behind(missed, [load]));
                assert_eq!(seen, expected, "{load} to {capacity}");
                assert_eq!(lost, [missed, 0, 0, 0]);
            }
        }
    });
}

#[test]
fn drop_oldest_keeps_what_came_last() {
    guarded(|| {
        for capacity in CAPACITIES {
            for load in loads(capacity) {
                let (seen, lost) = overflow(Overflow::DropOldest, capacity, load, |_| topic("T"));
                let missed = load.saturating_sub(capacity);
                assert_eq!(seen, behind(missed, missed..=load), "{load} to {capacity}");
                assert_eq!(lost, [0, missed, 0, 0]);
            }
        }
    });
}

#[test]
fn keep_latest_keeps_one_of_each_topic() {
    guarded(|| {
        for capacity in CAPACITIES {
            for load in loads(capacity) {
                let (seen, lost) = overflow(Overflow::KeepLatest, capacity, load, |_| topic("T"));
                let missed = load.saturating_sub(1);
                assert_eq!(seen, behind(missed, missed..=load), "{load} to {capacity}");
                assert_eq!(lost, [0, 0, missed, 0]);
            }
        }
    });
}

#[test]
fn keep_latest_full_of_topics_drops_the_one_that_waited_longest() {
    guarded(|| {
        for capacity in CAPACITIES {
            for load in loads(capacity) {
                let each_its_own = |number| topic("T").with_resource(number);
                let (seen, lost) = overflow(Overflow::KeepLatest, capacity, load, each_its_own);
                let missed = load.saturating_sub(capacity);
                assert_eq!(seen, behind(missed, missed..=load), "{load} to {capacity}");
                assert_eq!(lost, [0, missed, 0, 0]);
            }
        }
    });
}

#[test]
fn keep_latest_leaves_topics_in_the_order_in_which_they_first_came() {
    guarded(|| {
        let router = router();
        let builder = with_mailbox(&router, Filter::any(), 3, Overflow::KeepLatest);
        let (subscription, log) = suspended_witness(builder);
        let mut publisher = router.publisher();
        let topics = [0_u64, 1, 0, 2, 1, 0, 3, 0];
        for (number, resource) in (0..).zip(topics) {
            let topic = topic("T").with_resource(resource);
            publisher.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        subscription.resume().unwrap();
        router.flush().unwrap();
        // 3 drops 0, of which two were replaced; 0 comes again as the last and drops 1, of which one was replaced. All
        // these gaps are in front of what waits longest now.
        assert_eq!(log.all(), behind(5, [3, 6, 7]));
        assert_eq!(dropped(&subscription), [0, 2, 3, 0]);
        assert_sums(&router, &[subscription]);
    });
}

#[test]
fn keep_latest_conflates_what_is_ready_on_all_lanes_before_the_first_call() {
    guarded(|| {
        // It never sleeps, so all its lanes stay polled: one that had turned cold would ring while the turn goes on, and have
        // its part in the next turn.
        let router = setup().wait(Wait::Yield).build().unwrap();
        let latest = topic("LATEST");
        let builder = with_mailbox(&router, Filter::exact(latest), 8, Overflow::KeepLatest);
        let (subscription, log) = witness(builder);
        let mut publishers: Vec<_> = (0..4).map(|_| router.publisher()).collect();
        // The lanes are known to the shard, and in this order: its turn behind the call that holds it looks at all of them.
        for publisher in &mut publishers {
            publisher.publish(latest, 0).unwrap();
            router.flush().unwrap();
        }
        log.take();
        let hold = block_shard(&router, 0, 0);
        for (number, publisher) in (1..).zip(&mut publishers) {
            for _ in 0..200 {
                publisher.publish(latest, number).unwrap();
            }
        }
        hold.release();
        router.flush().unwrap();
        let seen = log.all();
        assert!(
            matches!(seen[..], [Seen::Lagged(799), Seen::Event(1..=4)]),
            "{seen:?}"
        );
        assert_eq!(subscription.stats().dropped.replaced, 799);
    });
}

#[test]
fn keep_latest_takes_the_long_way_with_an_idle_actor_too() {
    guarded(|| {
        let router = router();
        let builder = with_mailbox(&router, Filter::any(), 1, Overflow::KeepLatest);
        let (subscription, log) = witness(builder);
        for number in 0..100 {
            router.publish(topic("T"), number).unwrap();
            // Not flushed: it is the shard alone that must see that something waits.
            wait_until(|| handled(&subscription) == number + 1);
        }
        assert_eq!(log.all(), events(0..100));
    });
}

#[test]
fn what_is_missed_at_the_end_is_in_the_counters_alone() {
    guarded(|| {
        for overflow in DROPPING {
            let router = router();
            let builder = with_mailbox(&router, Filter::any(), 1, overflow);
            let (subscription, log) = suspended_witness(builder);
            for number in 0..5 {
                router.publish(topic("T"), number).unwrap();
            }
            router.flush().unwrap();
            subscription.unsubscribe().unwrap();
            assert!(matches!(log.all()[..], [Seen::Stopped(_)]));
            let stats = subscription.stats();
            assert_eq!((stats.dropped.total(), stats.dropped.stopped), (5, 1));
            assert_sums(&router, &[subscription]);
        }
    });
}

#[test]
fn capacities_and_budgets_have_ranges() {
    let router = router::<u64>();
    let begin = || router.subscription().filter(Filter::any());
    for capacity in [0, (1 << 24) + 1, usize::MAX] {
        let refused = begin().mailbox(capacity, Overflow::Block).handler(|_| ());
        let error = refused.unwrap_err();
        assert!(
            matches!(error, SubscribeError::MailboxCapacity { events } if events == capacity),
            "{error:?}"
        );
    }
    let refused = begin().budget(0).handler(|_| ());
    assert!(matches!(refused.unwrap_err(), SubscribeError::Budget));
    for capacity in [1, 1 << 24] {
        let builder = begin().mailbox(capacity, Overflow::Block).budget(u32::MAX);
        builder.handler(|_| ()).unwrap();
    }
}
