//! 4.5: their faults, each as a test that we pass. Which of them cannot be here by construction, the module's documentation says.

use crate::common::{Log, guarded};
use crate::support::{data_of, event, hold_in, idle, note_as, started, stats};
use laneway::cloudevents::{CloudEvent, Value};
use laneway::manager::{EmitError, Function, Retry, Status, SubscriptionSpec};
use std::time::Duration;

/// memory.go:38-52: a full channel blocked everybody, and unsubscribing then hung.
#[test]
fn a_function_that_hangs_blocks_neither_emitters_nor_its_own_deletion() {
    guarded(|| {
        let manager = started();
        let hold = hold_in(&manager, "hangs");
        let seen = note_as(&manager, "works");
        for (name, function) in [("bad", "hangs"), ("good", "works")] {
            let spec = SubscriptionSpec::new(name, "a", function).capacity(20);
            manager.create_subscription(spec).unwrap();
        }
        for id in 0..1000 {
            manager.emit(event(&id.to_string(), "a")).unwrap();
            // Never more at once than fit the good one.
            crate::common::wait_until(|| seen.len() > id);
        }
        let gone = manager.delete_subscription("bad").unwrap();
        assert_eq!(gone.stats.received, 1000);
        assert_eq!(gone.stats.dropped, 980);
        hold.release();
        idle(&manager);
        assert_eq!(seen.len(), 1000);
    });
}

/// memory.go:63-84: subscribers of a topic shared one channel, so each event went to one of them.
#[test]
fn all_subscriptions_to_a_type_get_its_events_and_one_that_goes_takes_none_with_it() {
    guarded(|| {
        let manager = started();
        let logs = ["f", "g", "h"].map(|name| {
            let log = note_as(&manager, name);
            let spec = SubscriptionSpec::new(name, "a", name);
            manager.create_subscription(spec).unwrap();
            log
        });
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        idle(&manager);
        manager.delete_subscription("g").unwrap();
        manager.emit(event("3", "a")).unwrap();
        idle(&manager);
        let [f, g, h] = logs.map(|log| log.take().join(""));
        assert_eq!((&*f, &*g, &*h), ("123", "12", "123"));
    });
}

/// subscriptions/manager.go:183-197: secrets were accepted and never sent.
#[test]
fn secrets_are_handed_to_the_function() {
    guarded(|| {
        let manager = started();
        manager
            .add_function(
                "f",
                Function::new(|_, ctx| {
                    assert!(!format!("{ctx:?}").contains("s3cret"));
                    let secrets = ctx.secrets();
                    Ok(format!("{} {}", secrets["user"], secrets["password"]))
                }),
            )
            .unwrap();
        manager
            .add_secret("one", [("user", "u"), ("password", "old")])
            .unwrap();
        manager.add_secret("two", [("password", "s3cret")]).unwrap();
        let spec = SubscriptionSpec::new("s", "a", "f")
            .secret("one")
            .secret("two");
        manager.create_subscription(spec).unwrap();
        let (results, _) = data_of(&manager, "function.*");
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        assert_eq!(results.take()[0]["output"], "u s3cret");
        // Without it the function does not run.
        manager.remove_secret("two").unwrap();
        assert_eq!(manager.subscription("s").unwrap().status, Status::Error);
        manager.emit(event("2", "a")).unwrap();
        idle(&manager);
        assert_eq!(results.take()[0]["error"]["kind"], "no-secret");
    });
}

/// subscriptions/manager.go:102-105: an update of a READY subscription did nothing. See `rerouting` too.
#[test]
fn an_update_of_a_ready_subscription_is_one() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        let info = manager.create_subscription(spec.clone()).unwrap();
        assert_eq!(info.status, Status::Ready);
        manager.update_subscription(spec.event_type("b")).unwrap();
        manager
            .emit_all([event("1", "a"), event("2", "b")])
            .unwrap();
        idle(&manager);
        assert_eq!(seen.take(), ["2"]);
    });
}

/// subscriptions/manager.go:199-205, rabbitmq.go:210-211: failures were lost, acknowledged before they were known.
#[test]
fn every_failure_is_counted_published_and_tried_again_as_told() {
    guarded(|| {
        let manager = started();
        manager
            .add_function("f", Function::new(|_, _| Err::<(), _>("no".into())))
            .unwrap();
        let retry = Retry::attempts(4).base(Duration::ZERO);
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f").retry(retry))
            .unwrap();
        let (results, _) = data_of(&manager, "function.failed");
        manager.emit(event("1", "a")).unwrap();
        idle(&manager);
        let attempts: Vec<_> = results
            .take()
            .iter()
            .map(|data| data["attempt"].clone())
            .collect();
        assert_eq!(attempts, [1, 2, 3, 4]);
        let stats = stats(&manager, "s");
        assert_eq!((stats.runs, stats.failed, stats.results_lost), (4, 1, 0));
    });
}

/// rabbitmq.go:222-249: extensions were lost on the way. And the event of a function came without its data.
#[test]
fn a_function_gets_the_event_with_all_it_has() {
    guarded(|| {
        let manager = started();
        let seen = Log::default();
        let log = seen.clone();
        manager
            .add_function(
                "f",
                Function::new(move |event, _| {
                    log.push(event.clone());
                    Ok(())
                }),
            )
            .unwrap();
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        let event = CloudEvent::builder("1", "/s", "a")
            .extension("traceid", "t")
            .extension("priority", 7)
            .json(r#"{"n": 1}"#)
            .build()
            .unwrap();
        manager.emit(event.clone()).unwrap();
        idle(&manager);
        assert_eq!(seen.all(), [event]);
        assert_eq!(seen.all()[0].extension("priority"), Some(Value::Integer(7)));
    });
}

/// cloud_event.go:71-73: an error of the event's id was printed and not returned.
#[test]
fn an_event_without_an_id_is_an_error() {
    guarded(|| {
        let manager = started();
        let json = r#"{"eventType":"a","cloudEventsVersion":"0.1","source":"s","eventID":""}"#;
        let error = manager.emit_json(json).unwrap_err();
        assert!(matches!(error, EmitError::Parse(_)));
        assert!(error.to_string().contains("`eventID` is empty"), "{error}");
    });
}

/// http.go:97-110: of a batch with a bad event, those before it stayed published.
#[test]
fn of_a_batch_with_a_bad_event_none_is_published() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "*", "f"))
            .unwrap();
        let list = [event("1", "a").to_json(), event("2", "b/c").to_json()].join(",");
        let error = manager.emit_json(format!("[{list}]")).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("error validating event with id 2")
        );
        idle(&manager);
        assert_eq!((seen.len(), manager.event_types().len()), (0, 0));
    });
}
