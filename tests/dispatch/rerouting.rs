//! Updates: what routes change, and that no event is lost or comes twice on the way.

use crate::common::{Log, Random, guarded, rounds};
use crate::support::{assert_adds_up, event, from, idle, note_as, started, stats};
use laneway::Published;
use laneway::manager::{Function, Manager, SubscriptionSpec};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn an_update_holds_for_whatever_is_emitted_after_it() {
    guarded(|| {
        let manager = started();
        let (old, new) = (note_as(&manager, "old"), note_as(&manager, "new"));
        let spec = SubscriptionSpec::new("s", "a", "old");
        manager.create_subscription(spec.clone()).unwrap();
        manager.emit(event("1", "a")).unwrap();
        manager
            .update_subscription(spec.clone().function("new"))
            .unwrap();
        manager.emit(event("2", "a")).unwrap();
        // Another type, another source, and all of it at once.
        manager
            .update_subscription(SubscriptionSpec::new("s", "b", "new"))
            .unwrap();
        manager
            .emit_all([event("3", "a"), event("4", "b")])
            .unwrap();
        let with_source = SubscriptionSpec::new("s", "*", "old").source("/t");
        manager.update_subscription(with_source).unwrap();
        manager
            .emit_all([event("5", "b"), from("/t", "6", "c")])
            .unwrap();
        idle(&manager);
        assert_eq!(
            (old.take(), new.take()),
            (vec!["1".into(), "6".into()], vec!["2".into(), "4".into()])
        );
        assert_adds_up(stats(&manager, "s"));
    });
}

#[test]
fn an_update_that_is_refused_changes_nothing() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        manager.create_subscription(spec.clone()).unwrap();
        manager
            .update_subscription(spec.clone().event_type("/"))
            .unwrap_err();
        assert_eq!(manager.subscription("s").unwrap().spec, spec);
        // On a thread that runs actors it cannot wait for what was published before.
        let manager = std::sync::Arc::new(manager);
        let (inside, told) = (manager.clone(), Log::default());
        let (log, new) = (told.clone(), spec.clone().event_type("b"));
        (manager.router())
            .subscribe(laneway::Filter::any().event_type("go"), move |_| {
                let refused = inside.update_subscription(new.clone()).unwrap_err();
                log.push(refused.to_string());
            })
            .unwrap();
        manager.emit(event("0", "go")).unwrap();
        manager
            .emit_all([event("1", "a"), event("2", "b")])
            .unwrap();
        idle(&manager);
        assert_eq!(told.take(), ["earlier events could not be waited for"]);
        assert_eq!(seen.take(), ["1"]);
        assert_eq!(manager.subscription("s").unwrap().spec, spec);
        // The router has one subscription for it, as before, and that of this test.
        assert_eq!(manager.router().subscriptions().len(), 2);
        let (router, close) = (
            manager.router().clone(),
            laneway::Topic::new("x", "go").unwrap(),
        );
        drop(manager);
        // The handler has the other handle of the manager.
        drop((router, close));
    });
}

#[test]
fn routes_go_when_they_can_bring_nothing_more() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        let spec = |event_type: &str| SubscriptionSpec::new("s", event_type, "f");
        let routes = || manager.router().subscriptions().len();
        manager.create_subscription(spec("a.b")).unwrap();
        for (event_type, expected) in [
            // Wider: the old one still brings its part.
            ("a.*", 2),
            ("*", 3),
            // Narrower: the first that covers it is enough.
            ("a.c", 1),
            ("a.b", 1),
            // Disjoint: a new one, and the old one goes.
            ("b", 1),
            ("b", 1),
        ] {
            manager.update_subscription(spec(event_type)).unwrap();
            assert_eq!(routes(), expected, "{event_type}");
            let types = ["a.b", "a.c", "a.b.c", "b", "c"];
            let before = seen.len();
            for name in types {
                manager.emit(event(name, name)).unwrap();
            }
            idle(&manager);
            let mut wanted: Vec<_> = (types.into_iter())
                .filter(|name| {
                    event_type == "*"
                        || *name == event_type
                        || event_type
                            .strip_suffix('*')
                            .is_some_and(|prefix| name.starts_with(prefix))
                })
                .collect();
            let mut got = seen.all().split_off(before);
            got.sort();
            wanted.sort();
            assert_eq!(got, wanted, "{event_type}");
        }
        manager.delete_subscription("s").unwrap();
        assert_eq!(routes(), 0);
    });
}

/// Regression: a topic that was looked up before an update does not know the names that came with it.
#[test]
fn an_event_whose_topic_is_older_than_the_update_is_not_lost() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "old.topic", "f");
        manager.create_subscription(spec.clone()).unwrap();
        let event = from("/nobody/knows/this/source", "1", "old.topic");
        let topic = laneway::cloudevents::TopicMap::new().topic(&event);
        let narrower = spec.source("/nobody/knows/this/source");
        manager.update_subscription(narrower).unwrap();
        manager.router().publish(topic, event).unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);
    });
}

/// Row 2: what both sides of all updates ask for comes exactly once, however often the routes change meanwhile.
#[test]
fn no_event_is_lost_or_doubled_while_subscriptions_are_updated() {
    let updates = rounds(300);
    guarded(move || {
        let manager = Manager::builder().workers(2).build().unwrap();
        manager.start().unwrap();
        let seen: Log<(u8, String)> = Log::default();
        for (number, name) in ["even", "odd"].into_iter().enumerate() {
            let log = seen.clone();
            let note = move |event: &_, _: &laneway::manager::FunctionContext<'_>| {
                let event: &laneway::cloudevents::CloudEvent = event;
                log.push((number as u8, event.id().to_owned()));
                Ok(())
            };
            manager.add_function(name, Function::new(note)).unwrap();
        }
        let spec = |event_type: &str, function: &str| {
            let spec = SubscriptionSpec::new("s", event_type, function);
            spec.capacity(1 << 20).concurrency(2)
        };
        let specs = [
            spec("load.a", "even"),
            spec("load.a", "odd"),
            spec("load.*", "even"),
            spec("*", "odd"),
            spec("load.a", "even").source("/s"),
            spec("*", "odd").source("/s"),
            spec("load.*", "odd").source("/s"),
        ];
        manager.create_subscription(specs[0].clone()).unwrap();
        let over = AtomicBool::new(false);
        let emitted = std::thread::scope(|scope| {
            let emitters: Vec<_> = (0..2)
                .map(|emitter| {
                    let (manager, over) = (&manager, &over);
                    scope.spawn(move || {
                        let mut count = 0;
                        while !over.load(Ordering::Acquire) {
                            for (event_type, letter) in
                                [("load.a", 'a'), ("load.b", 'b'), ("x", 'x')]
                            {
                                let id = format!("{letter}-{emitter}-{count}");
                                let published = manager.emit(event(&id, event_type)).unwrap();
                                // There is a subscriber for these at any time.
                                assert!(letter != 'a' || published == Published::Routed);
                            }
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            let mut random = Random::new();
            for _ in 0..updates {
                manager.update_subscription(random.pick(&specs)).unwrap();
                assert_adds_up(stats(&manager, "s"));
            }
            over.store(true, Ordering::Release);
            emitters
                .into_iter()
                .map(|emitter| emitter.join().unwrap())
                .sum::<usize>()
        });
        idle(&manager);
        let mut counts = HashMap::<String, usize>::new();
        for (_, id) in seen.take() {
            *counts.entry(id).or_default() += 1;
        }
        assert!(emitted > 0);
        let always = counts.keys().filter(|id| id.starts_with('a')).count();
        assert_eq!(always, emitted, "of events that all versions ask for");
        assert!(
            counts.values().all(|&count| count == 1),
            "something came twice"
        );
        let stats = stats(&manager, "s");
        assert_eq!((stats.received, stats.dropped), (counts.len() as u64, 0));
        assert_adds_up(stats);
        crate::common::assert_all_add_up(manager.router(), 0);
    });
}

/// Whoever publishes: also past the manager.
#[test]
fn what_was_emitted_before_an_update_is_with_the_old_one() {
    guarded(|| {
        let manager = started();
        let (old, new) = (note_as(&manager, "old"), note_as(&manager, "new"));
        for round in 0..rounds(100) {
            // Nothing in common: what is emitted before and after an update tells the order to the event.
            let name = format!("s{round}");
            let spec = SubscriptionSpec::new(&*name, "a", "old");
            manager.create_subscription(spec).unwrap();
            manager
                .emit_all((0..20).map(|id| event(&id.to_string(), "a")))
                .unwrap();
            let update = SubscriptionSpec::new(&*name, "b", "new");
            manager.update_subscription(update).unwrap();
            manager
                .emit_all((0..20).map(|id| event(&id.to_string(), "b")))
                .unwrap();
            idle(&manager);
            let expected: Vec<_> = (0..20).map(|id: u32| id.to_string()).collect();
            assert_eq!((old.take(), new.take()), (expected.clone(), expected));
            manager.delete_subscription(&name).unwrap();
        }
    });
}
