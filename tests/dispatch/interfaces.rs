//! 4.2: parsing, emitting, and what is created, read, updated and deleted.

use crate::common::{Hold, guarded, vectors};
use crate::support::{event, from, idle, note_as, noting, started, stats};
use laneway::cloudevents::CloudEvent;
use laneway::manager::{
    EmitError, Function, Kind, Manager, ManagerError, Status, SubscriptionSpec,
};
use laneway::{Filter, Published, Router};
use serde_json::Value;

#[test]
fn documents_are_parsed_as_theirs_are() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    guarded(move || {
        let manager = started();
        let text = std::fs::read_to_string(dir.join("parser-cases.json")).unwrap();
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let emitted = manager.emit_json(case["in"].as_str().unwrap());
            match emitted {
                Ok(published) => {
                    let count = published.routed + published.unmatched;
                    assert_eq!(Value::from(count), case["events"], "{case}");
                }
                // To the sidecar, a document without events is an error too.
                Err(EmitError::NoEvents) => assert_eq!(case["events"], 0, "{case}"),
                Err(EmitError::Parse(_)) => assert!(!case["err"].is_null(), "{case}"),
                Err(error) => panic!("{case}: {error}"),
            }
        }
    });
}

#[test]
fn errors_of_emitting_say_what_the_sidecar_says() {
    guarded(|| {
        let manager = started();
        let text = |json: &str| manager.emit_json(json).unwrap_err().to_string();
        assert!(text("{error}").starts_with("error parsing input: "));
        assert_eq!(text("[]"), "no events parsed");
        let bad = event("3", "a/b").to_json();
        assert!(text(&bad).starts_with("error validating event with id 3: "));
    });
}

#[test]
fn a_batch_is_emitted_whole_or_not_at_all() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "*", "f"))
            .unwrap();
        let batch = [event("1", "a"), event("2", "b"), event("3", "c/d")];
        let error = manager.emit_all(batch).unwrap_err();
        assert!(
            matches!(error, EmitError::Invalid { index: 2, .. }),
            "{error}"
        );
        let json = [event("1", "a").to_json(), "{".into()].concat();
        assert!(manager.emit_json(json).is_err());
        assert!(matches!(manager.emit_all([]), Err(EmitError::NoEvents)));
        idle(&manager);
        assert_eq!(seen.len(), 0);
        manager
            .emit_all([event("1", "a"), event("2", "b")])
            .unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1", "2"]);
    });
}

#[test]
fn emitting_needs_a_manager_that_has_started_and_not_closed() {
    guarded(|| {
        let manager = Manager::new().unwrap();
        let refused = |error| match error {
            EmitError::Closed { unsent } => unsent.len(),
            error => panic!("{error}"),
        };
        assert_eq!(refused(manager.emit(event("1", "a")).unwrap_err()), 1);
        manager.start().unwrap();
        assert_eq!(manager.emit(event("1", "a")).unwrap(), Published::Unmatched);
        manager.start().unwrap();
        assert!(manager.close(crate::common::FOREVER).is_complete());
        let two = [event("1", "a"), event("2", "a")];
        assert_eq!(refused(manager.emit_all(two).unwrap_err()), 2);
        assert!(matches!(manager.start(), Err(ManagerError::Closed)));
        let spec = SubscriptionSpec::new("s", "a", "f");
        let created = manager.create_subscription(spec);
        assert!(matches!(created, Err(ManagerError::Closed)));
    });
}

#[test]
fn subscriptions_are_created_read_updated_and_deleted() {
    guarded(|| {
        let manager = started();
        note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f").tag("team", "ops");
        let created = manager.create_subscription(spec.clone()).unwrap();
        assert_eq!((created.status, &created.spec), (Status::Ready, &spec));

        let again = manager.create_subscription(spec.clone()).unwrap_err();
        let ManagerError::AlreadyExists { kind, name } = again else {
            panic!("{again}")
        };
        assert_eq!((kind, &*name), (Kind::Subscription, "s"));

        assert_eq!(manager.subscription("s").unwrap().spec, spec);
        let other = SubscriptionSpec::new("r", "b", "f");
        manager.create_subscription(other).unwrap();
        let names = manager.subscriptions().into_iter();
        let names: Vec<_> = names.map(|info| info.spec.name().to_owned()).collect();
        assert_eq!(names, ["r", "s"]);

        let new = spec.clone().event_type("b.*").tag("team", "dev");
        assert_eq!(manager.update_subscription(new.clone()).unwrap().spec, new);
        assert_eq!(manager.subscription("s").unwrap().spec, new);

        let gone = manager.delete_subscription("s").unwrap();
        assert_eq!((gone.status, gone.spec), (Status::Deleted, new));
        let unknown = |error| {
            matches!(
                error,
                ManagerError::NotFound {
                    kind: Kind::Subscription,
                    ..
                }
            )
        };
        assert!(unknown(manager.subscription("s").unwrap_err()));
        assert!(unknown(manager.delete_subscription("s").unwrap_err()));
        assert!(unknown(
            manager.update_subscription(spec.clone()).unwrap_err()
        ));
        // The name is free again, and nothing of the old one is left.
        manager.create_subscription(spec).unwrap();
        assert_eq!(stats(&manager, "s").received, 0);
        assert_eq!(manager.router().subscriptions().len(), 2);
    });
}

#[test]
fn a_subscription_that_is_being_updated_is_busy() {
    guarded(|| {
        let manager = started();
        note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        manager.create_subscription(spec.clone()).unwrap();
        // An update waits for what was published before; somebody on the router holds that up.
        let hold = Hold::default();
        let mut stop = Some(hold.clone());
        (manager.router())
            .subscribe(Filter::any().event_type("block"), move |_| {
                if let Some(hold) = stop.take() {
                    hold.stop_here();
                }
            })
            .unwrap();
        manager.emit(event("1", "block")).unwrap();
        hold.wait_for_arrival();
        std::thread::scope(|scope| {
            let update = scope.spawn(|| manager.update_subscription(spec.clone().event_type("b")));
            crate::common::wait_until(|| {
                manager.subscription("s").unwrap().status == Status::Updating
            });
            let is_busy = |error| {
                let wanted = Status::Updating;
                matches!(error, ManagerError::Busy { status, .. } if status == wanted)
            };
            assert!(is_busy(manager.delete_subscription("s").unwrap_err()));
            assert!(is_busy(
                manager.update_subscription(spec.clone()).unwrap_err()
            ));
            hold.release();
            update.join().unwrap().unwrap();
        });
        assert_eq!(manager.subscription("s").unwrap().status, Status::Ready);
        manager.delete_subscription("s").unwrap();
    });
}

#[test]
fn two_functions_of_one_name_are_refused() {
    guarded(|| {
        let manager = started();
        let first = note_as(&manager, "f");
        let again = manager.add_function("f", Function::new(|_, _| Ok(())));
        assert!(matches!(
            again,
            Err(ManagerError::AlreadyExists {
                kind: Kind::Function,
                ..
            })
        ));
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(first.take(), ["1"]);
        assert_eq!(manager.functions(), ["f"]);
        manager.remove_function("f").unwrap();
        assert!(matches!(
            manager.remove_function("f"),
            Err(ManagerError::NotFound { .. })
        ));
    });
}

#[test]
fn a_subscription_without_its_function_or_secret_is_in_error_until_it_is_there() {
    guarded(|| {
        let manager = started();
        let spec = SubscriptionSpec::new("s", "a", "f").secret("key");
        let info = manager.create_subscription(spec).unwrap();
        assert_eq!(info.status, Status::Error);
        assert_eq!(info.reason.unwrap(), "function `f` is not known");
        let seen = note_as(&manager, "f");
        let info = manager.subscription("s").unwrap();
        assert_eq!(info.reason.unwrap(), "secret `key` is not known");
        manager.add_secret("key", [("token", "t")]).unwrap();
        let info = manager.subscription("s").unwrap();
        assert_eq!((info.status, info.reason), (Status::Ready, None));
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);

        manager.remove_function("f").unwrap();
        assert_eq!(manager.subscription("s").unwrap().status, Status::Error);
        // What comes meanwhile fails, and is counted.
        manager.emit(event("2", "a")).unwrap();
        idle(&manager);
        assert_eq!(stats(&manager, "s").failed, 1);
        manager.add_function("f", noting(&seen)).unwrap();
        assert_eq!(manager.subscription("s").unwrap().status, Status::Ready);
    });
}

#[test]
fn a_router_can_be_shared() {
    guarded(|| {
        let router = Router::<CloudEvent>::new();
        let manager = Manager::builder().router(&router).build().unwrap();
        manager.start().unwrap();
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "a.*", "f").source("/s"))
            .unwrap();
        // Somebody who knows nothing of the manager.
        let topics = laneway::cloudevents::TopicMap::new();
        let mut publisher = router.publisher();
        for event in [from("/s", "1", "a.b"), from("/t", "2", "a.b")] {
            publisher.publish(topics.topic(&event), event).unwrap();
        }
        idle(&manager);
        assert_eq!(seen.take(), ["1"]);
        drop(manager);
        assert!(router.subscriptions().is_empty());
        assert!(
            router
                .publish(laneway::Topic::new("x", "y").unwrap(), event("3", "y"))
                .is_ok()
        );
    });
}
