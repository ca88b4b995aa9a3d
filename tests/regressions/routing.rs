//! Events that missed their actor, or could have.

use super::*;

// An unsubscribing took the interest off the table under the lock, and queued the removal of the actor after it.
//
// Thread A unsubscribes the only actor with a resource under a pattern: the table forgets the pattern. The shard gets
// an event of the class and makes its route, which has no pattern. Thread B subscribes another actor under the same
// pattern: the shard counts one pattern more, and as it still counts A's, does not forget the route. Thread A queues
// the removal: the count goes down to one, and the route stays. What was published for B's actor never came.
#[test]
fn a_subscription_behind_an_unsubscribing_of_its_pattern_gets_everything() {
    static PREEMPTION: Preemption = Preemption::new();
    struct Stage {
        router: Router<u32>,
        old: Subscription,
        everything: Log<u32>,
    }
    guarded(|| {
        let topic = topic("PATTERN");
        let under_pattern = |resource| Filter::any().category("test").resource(resource);
        let setup = || {
            let (router, everything) = (router_with::<u32>(1), Log::default());
            router
                .subscribe(Filter::any(), everything.handler())
                .unwrap();
            let old = router.subscribe(under_pattern(1), |_| ()).unwrap();
            router.flush().unwrap();
            Stage {
                router,
                old,
                everything,
            }
        };
        PREEMPTION.at_each_call(
            setup,
            |stage| stage.old.unsubscribe().unwrap(),
            |stage| {
                stage.router.publish(topic.with_resource(9), 0).unwrap();
                common::wait_until(|| stage.everything.len() == 1);
                let seen = Log::default();
                stage
                    .router
                    .subscribe(under_pattern(2), seen.handler())
                    .unwrap();
                seen
            },
            |stage, (), seen: Log<u32>| {
                for number in 1..4 {
                    stage
                        .router
                        .publish(topic.with_resource(2), number)
                        .unwrap();
                }
                stage.router.flush().unwrap();
                assert_eq!(stage.everything.all(), [0, 1, 2, 3]);
                assert_eq!(seen.all(), [1, 2, 3]);
            },
        );
    });
}

// Picking the events of a run for actors by their resource compared each pick with all picks of the same event.
//
// Thousands of actors listen to one resource. Each event for it took the square of their number. Without optimization
// that is more than the guard allows; in any build, no filter too many may bring an event twice.
#[test]
fn many_actors_of_one_resource_get_each_event_once_and_in_order() {
    const ACTORS: usize = 10_000;
    const EVENTS: u32 = 100;
    guarded(|| {
        let router = router_with::<u32>(1);
        let many = topic("MANY.ONE");
        let ours = many.with_resource(1);
        let keyed = [
            Filter::any().resource(1),
            Filter::any().category("test").resource(1),
            Filter::any().event_type("MANY.*").resource(1),
            Filter::exact(ours),
        ];
        let logs: Vec<Log<u32>> = (0..ACTORS)
            .map(|actor| {
                let log = Log::default();
                // Three of the four, beginning anywhere; and some are for all resources besides.
                let mine = keyed.iter().cycle().skip(actor % 4).take(3).cloned();
                let all = (actor % 5 == 0).then(|| Filter::exact(many));
                let filters: Vec<Filter> = mine.chain(all).collect();
                common::any_of(router.subscription(), &filters)
                    .handler(log.handler())
                    .unwrap();
                log
            })
            .collect();
        let mut publisher = router.publisher();
        for number in 0..EVENTS {
            let resource = if number % 10 == 9 { 2 } else { 1 };
            publisher
                .publish(many.with_resource(resource), number)
                .unwrap();
        }
        router.flush().unwrap();
        for (actor, log) in logs.iter().enumerate() {
            let is_ours = |number: &u32| actor % 5 == 0 || number % 10 != 9;
            let expected = (0..EVENTS).filter(is_ours);
            assert!(log.take().into_iter().eq(expected), "actor {actor}");
        }
        assert!(router.shutdown(LIMIT).is_complete());
    });
}

// Publishing a batch asked the iterator for more after it had said that there is no more.
//
// The end of the batch came within a part of 32. For the next part the iterator was polled again, and one that begins
// again after its end, as a channel's `try_iter` does, brought events that belong to the next batch.
#[test]
fn a_batch_ends_with_its_iterator() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, seen) = (topic("ENDS"), Log::default());
        router
            .subscribe(Filter::exact(topic), seen.handler())
            .unwrap();
        let mut publisher = router.publisher();
        for count in [0, 1, 31, 32, 33, 64, 100] {
            let (mut next, mut polls_after_the_end) = (0, 0);
            let items = std::iter::from_fn(|| {
                next += 1;
                if next <= count {
                    return Some((topic, next));
                }
                polls_after_the_end += usize::from(next > count + 1);
                (next == count + 2).then_some((topic, u32::MAX))
            });
            let published = publisher.publish_batch(items).unwrap();
            assert_eq!((published.routed, published.unmatched), (count as usize, 0));
            assert_eq!(polls_after_the_end, 0, "after {count} items");
            router.flush().unwrap();
            assert!(seen.take().into_iter().eq(1..=count));
        }
    });
}

// Subscribing raised the epoch before it changed the table.
//
// A publisher alternates between a topic that reaches the shard anyway and one that only the new subscription wants.
// Thread B subscribes: the epoch rises. The publisher publishes the first topic: with the new epoch, and the actor gets
// it. It publishes the second: the table does not show the interest yet, and nobody gets it. Then the table changes, and
// the actor gets what follows: a gap.
//
// Unsubscribing had the same gap at its end. Thread B takes the interest off the table, and is preempted before it tells the
// shard. The publisher publishes the second topic: nobody gets it. Then the first, and the actor still gets it.
#[test]
fn a_subscription_sees_everything_from_some_event_to_another() {
    guarded(|| {
        let router = router_with::<u64>(1);
        let (known, new) = (topic("KNOWN"), topic("NEW"));
        router.subscribe(Filter::exact(known), |_| ()).unwrap();
        let mut publisher = router.publisher();
        let publishing = thread::spawn(move || {
            for number in 0.. {
                let topic = if number % 2 == 0 { known } else { new };
                if publisher.publish(topic, number).is_err() {
                    break;
                }
            }
        });
        for _ in 0..rounds(500) {
            let log = Log::default();
            let subscription = router.subscribe(Filter::any(), log.handler()).unwrap();
            common::wait_until(|| log.len() >= 20);
            subscription.unsubscribe().unwrap();
            assert!(log.all().is_sorted_by(|a, b| a + 1 == *b), "a gap");
        }
        router.shutdown(Duration::MAX);
        publishing.join().unwrap();
    });
}
