//! What named subscriptions promise where one replaces another.

use crate::common::{Hold, Log, assert_adds_up, guarded, holding, rounds, topic, wait_until};
use crate::support::{router, ticks};
use laneway::manager::{NamedError, Subscribers};
use laneway::{Event, Filter, SubscribeError, Suspend};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Each event is handled once, by one handler or the next, in order.
#[test]
fn nothing_is_lost_and_nothing_comes_twice_while_handlers_replace_each_other() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        // The number of the handler and the event.
        let log = Log::<(usize, u64)>::default();
        let subscribe = |handler: usize| {
            let log = log.clone();
            let note = move |event: &Event<u64>| log.push((handler, *event.payload()));
            subscribers
                .subscribe(Filter::exact(ticks()), "s", note)
                .unwrap()
        };
        let subscriber = subscribe(0);
        let done = AtomicBool::new(false);
        let mut published = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for handler in 1..=rounds(300) {
                    assert_eq!(subscribe(handler).id(), subscriber.id());
                }
                done.store(true, Ordering::Release);
            });
            while !done.load(Ordering::Acquire) || published < 1000 {
                router.publish(ticks(), published).unwrap();
                published += 1;
            }
        });
        router.flush().unwrap();
        let log = log.all();
        let events: Vec<u64> = log.iter().map(|(_, event)| *event).collect();
        assert_eq!(events, (0..published).collect::<Vec<_>>());
        assert!(
            log.windows(2).all(|pair| pair[0].0 <= pair[1].0),
            "an old handler came back"
        );
        assert_adds_up(subscriber.stats());
    });
}

#[test]
fn what_waits_for_a_suspended_one_waits_for_its_successor() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let (old, new) = (Log::default(), Log::default());
        let filter = Filter::exact(ticks());
        let subscriber = subscribers
            .subscribe(filter.clone(), "s", old.handler())
            .unwrap();
        subscriber.suspend(Suspend::Queue).unwrap();
        router.publish(ticks(), 1).unwrap();
        router.flush().unwrap();
        let same = subscribers.subscribe(filter, "s", new.handler()).unwrap();
        assert!(same.is_suspended());
        router.publish(ticks(), 2).unwrap();
        router.flush().unwrap();
        assert_eq!(new.len(), 0);
        same.resume().unwrap();
        router.flush().unwrap();
        assert_eq!((old.all(), new.all()), (vec![], vec![1, 2]));
    });
}

#[test]
fn other_names_and_other_filters_are_others() {
    let router = router::<u64>();
    let subscribers = Subscribers::new(&router);
    let filters = [Filter::any(), Filter::exact(ticks())];
    for filter in &filters {
        for name in ["a", "b"] {
            subscribers.subscribe(filter.clone(), name, |_| ()).unwrap();
        }
    }
    assert_eq!(subscribers.count(), 4);
    let list = subscribers.list();
    assert_eq!(list.len(), 2);
    for (filter, named) in list {
        assert!(filters.contains(&filter));
        let names: Vec<&str> = named.iter().map(|subscriber| subscriber.name()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}

#[test]
fn a_handler_that_panics_stays_and_is_counted() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let log = Log::default();
        let seen = log.clone();
        let handler = move |event: &Event<u64>| {
            assert_ne!(*event.payload(), 1, "on purpose");
            seen.push(*event.payload());
        };
        let subscriber = subscribers.subscribe(Filter::any(), "s", handler).unwrap();
        for number in 0..3 {
            router.publish(ticks(), number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(log.take(), [0, 2]);
        assert_eq!(subscriber.stats().panics, 1);
        // It can be replaced after that, too.
        subscribers
            .subscribe(Filter::any(), "s", log.handler())
            .unwrap();
        router.publish(ticks(), 3).unwrap();
        router.flush().unwrap();
        assert_eq!(log.all(), [3]);
    });
}

#[test]
fn one_that_ended_by_other_means_is_not_there() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let filter = Filter::any();
        let first = subscribers.subscribe(filter.clone(), "s", |_| ()).unwrap();
        router.unsubscribe(first.id()).unwrap();
        assert_eq!(subscribers.count(), 0);
        let unknown = NamedError::Unknown {
            filter: filter.clone(),
            name: "s".into(),
        };
        assert_eq!(subscribers.unsubscribe(&filter, "s"), Err(unknown));
        let second = subscribers.subscribe(filter.clone(), "s", |_| ()).unwrap();
        assert_ne!(first.id(), second.id());
        // Dropping the names keeps the subscriptions.
        drop(subscribers);
        assert!(!second.has_ended());
        drop(router);
        wait_until(|| second.has_ended());
        assert!(second.suspend(Suspend::Queue).is_err());
    });
}

#[test]
fn the_router_goes_when_its_last_handle_does() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let held = Arc::new(());
        let mine = Arc::clone(&held);
        let handler = move |_: &Event<u64>| drop(Arc::clone(&mine));
        subscribers.subscribe(Filter::any(), "s", handler).unwrap();
        drop(router);
        assert_eq!(Arc::strong_count(&held), 1);
        let closed = NamedError::Subscribe(SubscribeError::Closed);
        let error = subscribers
            .subscribe(Filter::any(), "s", |_| ())
            .unwrap_err();
        assert_eq!(error, closed);
    });
}

/// When `subscribe` has returned, the handler before is not running.
#[test]
fn replacing_waits_for_the_call_that_runs() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let at = topic("REPLACED");
        for _ in 0..rounds(50) {
            let (hold, log) = (Hold::default(), Log::default());
            let (mut first, done) = (holding::<u64>(&hold), log.clone());
            let handler = move |event: &Event<u64>| {
                first(event);
                done.push("the old one is done");
            };
            subscribers
                .subscribe(Filter::exact(at), "s", handler)
                .unwrap();
            router.publish(at, 1).unwrap();
            hold.wait_for_arrival();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    subscribers
                        .subscribe(Filter::exact(at), "s", |_| ())
                        .unwrap();
                    log.push("replaced");
                });
                hold.release();
            });
            assert_eq!(log.all(), ["the old one is done", "replaced"]);
        }
    });
}

#[test]
fn what_ended_by_other_means_is_forgotten() {
    let router = router::<u64>();
    let subscribers = Subscribers::new(&router);
    for number in 0..1000 {
        let name = number.to_string();
        let subscriber = subscribers.subscribe(Filter::any(), &name, |_| ()).unwrap();
        router.unsubscribe(subscriber.id()).unwrap();
    }
    // Without a look at the list, which would clear it.
    let names = format!("{subscribers:?}").matches('"').count() / 2;
    assert!(names <= 128, "{names} names");
}
