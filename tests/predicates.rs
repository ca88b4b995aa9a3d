//! Predicates: who they are asked for, how often, and what becomes of what they refuse.

mod common;

use common::{
    Count, Log, Target, assert_adds_up, assert_all_add_up, guarded, inside_a_handler, on_shard,
    sweep, topic, wait_until,
};
use laneway::{
    Event, Filter, OnPanic, Overflow, Published, Router, SubscriptionBuilder, Suspend, Topic,
};

const POLICIES: [Overflow; 4] = [
    Overflow::Block,
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

fn is_even(event: &Event<u64>) -> bool {
    event.payload().is_multiple_of(2)
}

/// A predicate that notes what it is asked about.
fn noting(
    asked: &Log<u64>,
    mut predicate: impl FnMut(&Event<u64>) -> bool + Send + 'static,
) -> impl FnMut(&Event<u64>) -> bool + Send + 'static {
    let asked = asked.clone();
    move |event| {
        asked.push(*event.payload());
        predicate(event)
    }
}

fn one_shard() -> Router<u64> {
    Router::builder().shards(1).build().unwrap()
}

/// Lets these lie in a lane of shard 0 before any is handled, and waits until all are.
fn publish_together(router: &Router<u64>, topic: Topic, numbers: std::ops::Range<u64>) {
    inside_a_handler(router, 0, move |_, ctx| {
        for number in numbers {
            assert_eq!(ctx.publish(topic, number), Ok(Published::Routed));
        }
    });
    router.flush().unwrap();
    router.flush().unwrap();
}

#[test]
fn each_event_is_asked_about_once_in_order_and_what_is_refused_counts_nowhere() {
    guarded(|| {
        for policy in POLICIES {
            for budget in [1, 7, 1000] {
                sweep(|setup| {
                    let router: Router<u64> = setup.router();
                    let topic = topic("ONCE");
                    let (asked, log, all) = (Log::default(), Log::default(), Count::default());
                    let builder = on_shard(&router, 0, Filter::exact(topic)).budget(budget);
                    let builder = builder.mailbox(100, policy).when(noting(&asked, is_even));
                    let subscription = builder.handler(log.handler()).unwrap();
                    router
                        .subscribe(Filter::exact(topic), all.handler())
                        .unwrap();
                    for number in 0..60 {
                        // Refused by all that listen, or not: it is routed all the same.
                        assert_eq!(router.publish(topic, number), Ok(Published::Routed));
                    }
                    router.flush().unwrap();
                    assert!(asked.all().into_iter().eq(0..60));
                    assert_eq!(all.get(), 60);
                    let stats = subscription.stats();
                    assert_adds_up(stats);
                    assert_eq!((stats.matched, stats.queued, stats.discarded), (30, 0, 0));
                    assert_eq!(stats.handled, log.len() as u64);
                    match policy {
                        // Of one topic it keeps one, but the last comes in any case.
                        Overflow::KeepLatest => {
                            assert!(log.all().is_sorted_by(|a, b| a < b && a % 2 == 0));
                            assert_eq!(log.all().last(), Some(&58));
                        }
                        _ => assert!(log.all().into_iter().eq((0..60).step_by(2))),
                    }
                    assert_all_add_up(&router, 0);
                });
            }
        }
    });
}

#[test]
fn with_several_filters_that_match_it_is_asked_once() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (topic, asked, log) = (topic("SEVERAL.WAYS"), Log::default(), Log::default());
            let builder = router.subscription().when(noting(&asked, is_even));
            let filters = [
                Filter::any(),
                Filter::exact(topic),
                Filter::any().category("test"),
                Filter::any().event_type("SEVERAL.*").resource(1),
                Filter::exact(topic.with_resource(1)),
            ];
            let subscription = common::any_of(builder, &filters)
                .handler(log.handler())
                .unwrap();
            for number in 0..20 {
                let topic = topic.with_resource(number % 3);
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            assert!(asked.all().into_iter().eq(0..20));
            assert!(log.all().into_iter().eq((0..20).step_by(2)));
            assert_eq!(subscription.stats().matched, 10);
        });
    });
}

/// A run comes to it in pieces: those for its resource.
#[test]
fn of_a_resource_it_is_asked_about_its_own_events_only() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("RESOURCE");
            let subscriptions: Vec<_> = (0..3)
                .map(|resource: u64| {
                    let (asked, log) = (Log::default(), Log::default());
                    let filter = Filter::exact(topic.with_resource(resource));
                    let builder = on_shard(&router, 0, filter).budget(3);
                    // State of its own: every other one of those it is asked about.
                    let mut is_due = false;
                    let every_other = move |_: &Event<u64>| {
                        is_due = !is_due;
                        is_due
                    };
                    let builder = builder.when(noting(&asked, every_other));
                    let subscription = builder.handler(log.handler()).unwrap();
                    (asked, log, subscription)
                })
                .collect();
            inside_a_handler(&router, 0, move |_, ctx| {
                for number in 0..60 {
                    ctx.publish(topic.with_resource(number % 4), number)
                        .unwrap();
                }
            });
            router.flush().unwrap();
            router.flush().unwrap();
            for (resource, (asked, log, subscription)) in subscriptions.iter().enumerate() {
                let own = (0..60).filter(|number| *number % 4 == resource as u64);
                assert!(asked.all().into_iter().eq(own.clone()));
                assert!(log.all().into_iter().eq(own.step_by(2)));
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.handled), (8, 8));
            }
            assert_all_add_up(&router, 0);
        });
    });
}

#[test]
fn it_is_asked_when_an_event_comes_and_not_when_it_is_handled() {
    guarded(|| {
        for policy in POLICIES {
            let router = one_shard();
            let (topic, asked, log) = (topic("SUSPENDED"), Log::default(), Log::default());
            let builder = on_shard(&router, 0, Filter::any().event_type("SUSPENDED"));
            let builder = builder.mailbox(8, policy).when(noting(&asked, is_even));
            let subscription = builder.handler(log.handler()).unwrap();
            let publish = |numbers: std::ops::Range<u64>| {
                for number in numbers {
                    router.publish(topic.with_resource(number), number).unwrap();
                }
                router.flush().unwrap();
            };
            subscription.suspend(Suspend::Queue).unwrap();
            publish(0..10);
            let stats = subscription.stats();
            assert_eq!(
                (asked.take().len(), stats.matched, stats.queued),
                (10, 5, 5)
            );
            subscription.suspend(Suspend::Discard).unwrap();
            publish(10..20);
            let stats = subscription.stats();
            assert_eq!(
                (asked.take().len(), stats.matched, stats.discarded),
                (10, 10, 5)
            );
            subscription.resume().unwrap();
            router.flush().unwrap();
            assert_eq!(
                (asked.len(), log.all()),
                (0, vec![0, 2, 4, 6, 8]),
                "{policy:?}"
            );
            publish(20..30);
            assert_eq!((asked.len(), log.len()), (10, 10));
            assert_adds_up(subscription.stats());
        }
    });
}

/// What is refused takes no room.
#[test]
fn only_what_it_wants_fills_the_mailbox() {
    guarded(|| {
        for (policy, kept) in [
            (Overflow::DropNewest, [0, 2, 4]),
            (Overflow::DropOldest, [54, 56, 58]),
        ] {
            let (router, topic, log) = (one_shard(), topic("ROOM"), Log::default());
            let builder = on_shard(&router, 0, Filter::exact(topic)).when(is_even);
            let subscription = builder.mailbox(3, policy).handler(log.handler()).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            publish_together(&router, topic, 0..60);
            subscription.resume().unwrap();
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!((stats.matched, stats.dropped.total()), (30, 27));
            assert_eq!(log.all(), kept, "{policy:?}");
        }
        // One that blocks takes all of them, however small it is.
        let (router, topic, log) = (one_shard(), topic("ROOM"), Log::default());
        let builder = on_shard(&router, 0, Filter::exact(topic)).when(is_even);
        let builder = builder.mailbox(1, Overflow::Block).budget(1);
        builder.handler(log.handler()).unwrap();
        publish_together(&router, topic, 0..60);
        assert!(log.all().into_iter().eq((0..60).step_by(2)));
    });
}

/// Panics over every tenth number, and wants the others that are even.
fn faulty(event: &Event<u64>) -> bool {
    assert!(*event.payload() % 10 != 5, "asked for");
    is_even(event)
}

#[test]
fn where_it_panics_its_subscription_ends_by_default() {
    guarded(|| {
        for policy in POLICIES {
            let router = one_shard();
            let (topic, asked, log) = (topic("STOPS"), Log::default(), Log::default());
            let builder = on_shard(&router, 0, Filter::exact(topic));
            let builder = builder.mailbox(100, policy).when(noting(&asked, faulty));
            let subscription = builder.handler(log.handler()).unwrap();
            let others = Count::default();
            router
                .subscribe(Filter::exact(topic), others.handler())
                .unwrap();
            publish_together(&router, topic, 0..20);
            assert!(subscription.has_ended());
            assert!(subscription.unsubscribe().is_err());
            assert!(asked.all().into_iter().eq(0..6));
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!((stats.panics, stats.matched, stats.queued), (1, 3, 0));
            assert_eq!(stats.handled, log.len() as u64);
            assert_eq!(stats.handled + stats.dropped.total(), 3);
            assert_eq!((others.get(), router.stats().total().panics), (20, 1));
            assert_eq!(router.subscriptions().len(), 2);
            assert_all_add_up(&router, 0);
        }
    });
}

#[test]
fn where_it_panics_and_its_actor_goes_on_only_the_event_is_refused() {
    guarded(|| {
        for (policy, restarts) in POLICIES
            .into_iter()
            .flat_map(|it| [(it, false), (it, true)])
        {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, asked, log) = (topic("GOES.ON"), Log::default(), Log::default());
                let filter = Filter::any().event_type("GOES.ON");
                let builder = on_shard(&router, 0, filter).mailbox(100, policy);
                let builder = builder
                    .when(noting(&asked, faulty))
                    .on_panic(OnPanic::Resume);
                let noted = log.clone();
                let subscription = match restarts {
                    // One predicate for all actors; a fresh actor would not mend it.
                    true => builder.actor_with(move || {
                        let noted = noted.clone();
                        move |event: &Event<u64>| noted.push(*event.payload())
                    }),
                    false => builder.handler(noted.handler()),
                };
                for number in 0..60 {
                    router.publish(topic.with_resource(number), number).unwrap();
                }
                router.flush().unwrap();
                assert!(asked.all().into_iter().eq(0..60));
                assert!(log.all().into_iter().eq((0..60).step_by(2)), "{policy:?}");
                let stats = subscription.unwrap().stats();
                assert_adds_up(stats);
                assert_eq!((stats.panics, stats.restarts, stats.matched), (6, 0, 30));
                assert_eq!(router.stats().total().panics, 6);
            });
        }
    });
}

/// Ends or suspends its own subscription, and others, when it is asked.
#[test]
fn it_may_end_and_suspend_its_own_subscription() {
    guarded(|| {
        for suspends in [false, true] {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, log, me) = (topic("ITSELF"), Log::default(), Target::default());
                let target = me.clone();
                let predicate = move |event: &Event<u64>| {
                    match (*event.payload(), suspends) {
                        (10, true) => target.suspend(Suspend::Queue),
                        (10, false) => assert!(target.unsubscribe().is_ok()),
                        _ => {}
                    }
                    true
                };
                let builder = on_shard(&router, 0, Filter::exact(topic)).when(predicate);
                let subscription = builder.handler(log.handler()).unwrap();
                me.set(&subscription);
                publish_together(&router, topic, 0..20);
                let seen = log.all();
                assert!(seen.iter().copied().eq(0..seen.len() as u64));
                assert!(seen.len() <= 10);
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!(stats.handled, seen.len() as u64);
                if suspends {
                    assert_eq!(stats.matched, 20);
                    subscription.resume().unwrap();
                    router.flush().unwrap();
                    assert!(log.all().into_iter().eq(0..20));
                } else {
                    wait_until(|| subscription.stats().queued == 0);
                    assert!(subscription.unsubscribe().is_err());
                }
                assert_all_add_up(&router, 0);
            });
        }
    });
}

#[test]
fn a_second_predicate_replaces_the_first() {
    guarded(|| {
        let (router, topic, log) = (one_shard(), topic("SECOND"), Log::default());
        let builder: SubscriptionBuilder<'_, u64> = on_shard(&router, 0, Filter::exact(topic));
        let builder = builder
            .when(|_| unreachable!("it was replaced"))
            .when(is_even);
        builder.handler(log.handler()).unwrap();
        publish_together(&router, topic, 0..10);
        assert_eq!(log.all(), [0, 2, 4, 6, 8]);
    });
}
