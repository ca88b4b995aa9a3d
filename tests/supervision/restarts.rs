//! Fresh actors in place of those that panicked.

use super::*;

#[test]
fn a_fresh_actor_takes_the_place_of_one_that_panicked() {
    guarded(|| {
        for path in PATHS {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, steps) = (topic("FRESH"), Log::default());
                let faults: Faults = |step| matches!(step, Handled(_, 2 | 3 | 9));
                let builder = builder(&router, topic, path);
                let subscription = builder.actor_with(factory(&steps, faults)).unwrap();
                publish_together(&router, topic, 0..12);
                let life = |number, events: std::ops::Range<u64>, reason| {
                    let handled = events.map(move |event| Handled(number, event));
                    let first = [Made(number), Started(number)].into_iter();
                    let last = [Stopped(number, reason), Dropped(number)];
                    first.chain(handled).chain(last)
                };
                subscription.unsubscribe().unwrap();
                let expected = life(0, 0..3, StopReason::Panicked)
                    .chain(life(1, 3..4, StopReason::Panicked))
                    .chain(life(2, 4..10, StopReason::Panicked))
                    .chain(life(3, 10..12, StopReason::Unsubscribed));
                assert!(steps.all().into_iter().eq(expected), "{:?}", steps.all());
                let stats = subscription.stats();
                assert_eq!((stats.handled, stats.panics, stats.restarts), (12, 3, 3));
                assert_eq!(stats.matched, 12);
                let total = router.stats().total();
                assert_eq!((total.panics, total.restarts), (3, 3));
                assert_all_add_up(&router, 0);
            });
        }
    });
}

/// Subscribes actors with faults, at most `limit` restarts, publishes 0..20 and says what happened.
fn supervised(limit: usize, path: Path, faults: Faults) -> (Vec<Step>, Subscription) {
    let (router, topic, steps) = (one_shard(), topic("SUPERVISED"), Log::default());
    let log = Log::default();
    router
        .subscribe(Filter::exact(topic), log.handler())
        .unwrap();
    let builder = builder(&router, topic, path).restarts(limit, Duration::MAX);
    let subscription = builder.actor_with(factory(&steps, faults)).unwrap();
    publish_together(&router, topic, 0..20);
    if subscription.has_ended() {
        assert!(subscription.unsubscribe().is_err());
    }
    assert_adds_up(subscription.stats());
    assert_all_add_up(&router, 0);
    // The neighbour notices nothing, and all panics are one subscription's.
    assert!(log.all().into_iter().eq(0..20));
    let total = router.stats().total();
    let stats = subscription.stats();
    assert_eq!(
        (total.panics, total.restarts),
        (stats.panics, stats.restarts)
    );
    let _ = subscription.unsubscribe();
    // Each actor that was made has one last call and one Drop, in this order, before the next is made.
    let all = steps.all();
    let of = |wanted: fn(&Step) -> bool| all.iter().filter(|step| wanted(step)).count();
    let stopped = of(|step| matches!(step, Stopped(..)));
    assert_eq!(stopped, of(|step| matches!(step, Dropped(_))));
    let pairs = all.windows(2);
    let is_last =
        |pair: &[Step]| matches!(pair[0], Stopped(number, _) if pair[1] == Dropped(number));
    assert_eq!(
        pairs.filter(|pair| is_last(pair)).count(),
        stopped,
        "{all:?}"
    );
    (all, subscription)
}

#[test]
fn the_limit_of_restarts_ends_it_once() {
    guarded(|| {
        for path in PATHS {
            for limit in [0, 1, 3] {
                let (steps, subscription) =
                    supervised(limit, path, |step| matches!(step, Handled(..)));
                let stats = subscription.stats();
                let count = limit as u64 + 1;
                assert_eq!((stats.panics, stats.restarts), (count, count - 1));
                assert_eq!((stats.handled, subscription.has_ended()), (count, true));
                let life = |number| {
                    [
                        Made(number),
                        Started(number),
                        Handled(number, number as u64),
                        Stopped(number, StopReason::Panicked),
                        Dropped(number),
                    ]
                };
                assert!(steps.into_iter().eq((0..=limit).flat_map(life)), "{path:?}");
            }
        }
    });
}

#[test]
fn restarts_count_for_the_length_of_their_window() {
    guarded(|| {
        // So short that each is over before the next one.
        {
            let (router, topic, steps) = (one_shard(), topic("WINDOW"), Log::default());
            let builder = builder(&router, topic, Path::Straight);
            let builder = builder.restarts(1, Duration::from_nanos(1));
            let always: Faults = |step| matches!(step, Handled(..));
            let subscription = builder.actor_with(factory(&steps, always)).unwrap();
            for number in 0..100 {
                router.publish(topic, number).unwrap();
                router.flush().unwrap();
            }
            assert!(!subscription.has_ended());
            assert_eq!(subscription.stats().restarts, 100);
        }

        let router = one_shard();
        let zero = router.subscription().filter(Filter::any());
        let refused = zero
            .restarts(1, Duration::ZERO)
            .actor_with(|| |_: &Event<u64>| ());
        assert!(matches!(refused, Err(SubscribeError::RestartWindow)));
        assert!(router.subscriptions().is_empty());
        // It is for factories only.
        let other = router.subscription().filter(Filter::any());
        assert!(other.restarts(1, Duration::ZERO).handler(|_| ()).is_ok());
    });
}

#[test]
fn a_factory_that_panics_is_asked_again_within_the_limit() {
    guarded(|| {
        for path in PATHS {
            // Its first call, and a later one.
            let (steps, subscription) =
                supervised(8, path, |step| matches!(step, Made(0 | 2) | Handled(_, 5)));
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts, stats.handled), (3, 3, 20));
            let made: Vec<_> = (steps.iter())
                .filter(|step| matches!(step, Made(_) | Started(_)))
                .collect();
            let expected = [Made(0), Made(1), Started(1), Made(2), Made(3), Started(3)];
            assert!(made.into_iter().eq(&expected), "{steps:?}");

            let (steps, subscription) = supervised(4, path, |step| matches!(step, Made(_)));
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts, stats.matched), (5, 4, 0));
            assert!(steps.into_iter().eq((0..5).map(Made)));
            assert!(subscription.has_ended());
        }
    });
}

#[test]
fn panics_in_the_first_and_the_last_calls_count_and_harm_nobody() {
    guarded(|| {
        for path in PATHS {
            let (_, subscription) = supervised(8, path, |step| matches!(step, Started(0 | 1)));
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts, stats.handled), (2, 2, 20));

            let (steps, subscription) = supervised(4, path, |step| matches!(step, Started(_)));
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts, stats.matched), (5, 4, 0));
            assert_eq!(steps.len(), 5 * 4);

            let (_, subscription) = supervised(8, path, |step| {
                matches!(step, Handled(_, 4) | Stopped(..) | Dropped(_))
            });
            // The one that panicked has three, and the one that was unsubscribed two.
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts, stats.handled), (5, 1, 20));

            let (_, subscription) = supervised(3, path, |_| true);
            let stats = subscription.stats();
            assert_eq!((stats.panics, stats.restarts), (4, 3));
            assert!(subscription.has_ended());

            // All but the factory.
            let (_, subscription) = supervised(3, path, |step| !matches!(step, Made(_)));
            assert_eq!(subscription.stats().panics, 4 * 3);
        }
    });
}
