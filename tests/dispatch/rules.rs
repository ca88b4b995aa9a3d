//! 4.1: what events, names and fields must be.

use crate::common::{guarded, vectors};
use crate::support::{event, started};
use laneway::cloudevents::CloudEvent;
use laneway::manager::{
    Command, DeadLetter, DriverSpec, DriverType, EmitError, Function, InvalidField, Manager,
    ManagerError, Retry, Rule, Status, SubscriptionSpec, Validation,
};
use serde_json::Value;
use std::time::Duration;

#[test]
fn their_validation_cases_decide_what_is_emitted() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    guarded(move || {
        let manager = started();
        let mut seen = 0;
        for name in ["validation-cases.json", "validation-cases-seed-schema.json"] {
            let text = std::fs::read_to_string(dir.join(name)).unwrap();
            let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
            for case in cases {
                let emitted = manager.emit_json(case["event"].to_string());
                assert_eq!(Value::from(emitted.is_ok()), case["valid"], "{case}");
                seen += 1;
            }
        }
        assert!(seen > 10);
        // A comma too many, and a spelling of 0.1 that was never one.
        for name in ["doc-curl-body.txt", "verbatim-knative-event.json"] {
            let text = std::fs::read_to_string(dir.join(name)).unwrap();
            let refused = manager.emit_json(text);
            assert!(matches!(refused, Err(EmitError::Parse(_))), "{name}");
        }
    });
}

#[test]
fn event_types_are_limited_in_characters_unless_all_of_cloudevents_is_asked_for() {
    guarded(|| {
        let manager = started();
        let long = "a".repeat(128);
        assert!(manager.emit(event("1", &long)).is_ok());
        for (event_type, attribute) in [
            (format!("{long}a"), "type"),
            ("a/b".into(), "type"),
            ("é.b".into(), "type"),
        ] {
            let error = manager.emit(event("7", &event_type)).unwrap_err();
            let EmitError::Invalid { id, index, error } = error else {
                panic!("{error}")
            };
            assert_eq!((&*id, index, error.name()), ("7", 0, attribute));
        }
        let builder = Manager::builder().validation(Validation::CloudEvents);
        let manager = builder.build().unwrap();
        manager.start().unwrap();
        assert!(manager.emit(event("1", "a/b")).is_ok());
    });
}

/// Which field and rule it is.
#[track_caller]
fn broken(check: Result<(), InvalidField>) -> (&'static str, Rule) {
    let error = check.unwrap_err();
    (error.field(), error.rule().clone())
}

#[test]
fn subscriptions_break_rules_by_name() {
    let named = |name: &str| SubscriptionSpec::new(name, "a.b", "f").check();
    for good in ["a", "A_b-1", "_", "9-", &"n".repeat(256)] {
        assert_eq!(named(good), Ok(()), "{good}");
    }
    let pattern = Rule::Pattern(r"^[\w\d][\w\d-]*$");
    for bad in ["-a", "a.b", "é", "a b", "a\n"] {
        assert_eq!(broken(named(bad)), ("subscription name", pattern.clone()));
    }
    assert_eq!(broken(named("")), ("subscription name", Rule::Required));
    let too_long = ("subscription name", Rule::AtMost(256));
    assert_eq!(broken(named(&"n".repeat(257))), too_long);

    let typed = |event_type: &str| SubscriptionSpec::new("s", event_type, "f").check();
    for good in ["*", "a.*", "a.b.*", "a-b_C.9", &"a".repeat(128)] {
        assert_eq!(typed(good), Ok(()), "{good}");
    }
    let pattern = Rule::Pattern(r"^[\w\d.-]+$");
    for bad in ["a*", "*.a", "a.*.b", "a/b", "**"] {
        assert_eq!(broken(typed(bad)), ("event type", pattern.clone()), "{bad}");
    }
    assert_eq!(broken(typed("")), ("event type", Rule::Required));
    assert_eq!(broken(typed(".*")), ("event type", Rule::Required));
    let too_long = ("event type", Rule::AtMost(128));
    assert_eq!(broken(typed(&"a".repeat(129))), too_long);

    let to = |function: &str| SubscriptionSpec::new("s", "a", function).check();
    assert_eq!(to("-f_1"), Ok(()));
    assert_eq!(
        broken(to("f.g")),
        ("function name", Rule::Pattern(r"^[\w\d-]+$"))
    );
    assert_eq!(broken(to("")), ("function name", Rule::Required));

    let spec = || SubscriptionSpec::new("s", "a", "f");
    assert_eq!(broken(spec().source("").check()).0, "source");
    assert_eq!(broken(spec().source("a*b").check()).0, "source");
    assert_eq!(broken(spec().secret("a b").check()).0, "secret name");
    assert_eq!(broken(spec().capacity(0).check()).0, "capacity");
    assert_eq!(broken(spec().concurrency(1025).check()).0, "concurrency");
    assert_eq!(
        broken(spec().retry(Retry::attempts(0)).check()).0,
        "attempts"
    );
    let letter = DeadLetter::File("relative".into());
    assert_eq!(broken(spec().dead_letter(letter).check()).1, Rule::Absolute);
    let letter = DeadLetter::Event("a/b".into());
    assert_eq!(broken(spec().dead_letter(letter).check()).0, "event type");
}

#[test]
fn drivers_and_their_types_break_rules_by_name() {
    let pattern = Rule::Pattern("^[a-z0-9][a-z0-9-]*$");
    for bad in ["Ticker", "tick_er", "-a", "a.b", "é"] {
        let driver = DriverSpec::new(bad, "t").check();
        assert_eq!(broken(driver), ("driver name", pattern.clone()));
        let of_type = DriverType::in_process(bad).check();
        assert_eq!(broken(of_type), ("driver type name", pattern.clone()));
    }
    assert_eq!(DriverSpec::new("0-a", "t").check(), Ok(()));
    assert_eq!(broken(DriverSpec::new("", "t").check()).1, Rule::Required);
    assert_eq!(DriverType::in_process("t".repeat(32)).check(), Ok(()));
    let too_long = DriverType::in_process("t".repeat(33)).check();
    assert_eq!(broken(too_long), ("driver type name", Rule::AtMost(32)));
    let no_image = DriverType::command("t", "", []).check();
    assert_eq!(broken(no_image), ("image", Rule::Required));
    for key in ["", "--x", "a=b", "a b"] {
        let driver = DriverSpec::new("d", "t").config(key, "v");
        assert_eq!(broken(driver.check()).0, "config key", "{key}");
    }
    let zero = DriverSpec::new("d", "t").config("k", "\0");
    assert_eq!(broken(zero.check()).1, Rule::NoZero);
}

#[test]
fn what_breaks_a_rule_is_refused_whole() {
    guarded(|| {
        let manager = started();
        let refused = manager.create_subscription(SubscriptionSpec::new("-", "a", "f"));
        assert!(matches!(refused, Err(ManagerError::Invalid(_))));
        assert!(manager.subscriptions().is_empty());
        let refused = manager.add_function("a.b", Function::new(|_, _| Ok(())));
        assert!(matches!(refused, Err(ManagerError::Invalid(_))));
        let endless = Command::new("cat").timeout(Duration::MAX);
        let refused = manager.add_function("f", Function::command(endless));
        assert!(matches!(refused, Err(ManagerError::Invalid(_))));
        assert!(manager.functions().is_empty());
        let error = manager.add_secret("s", [("key", "\0secret")]).unwrap_err();
        assert!(!error.to_string().contains("secret value `"), "{error}");
        for builder in [
            Manager::builder().workers(0),
            Manager::builder().max_depth(0),
            Manager::builder().source("not a uri"),
        ] {
            assert!(matches!(builder.build(), Err(ManagerError::Invalid(_))));
        }
    });
}

#[test]
fn statuses_have_their_words() {
    let words = [
        Status::Initialized,
        Status::Creating,
        Status::Ready,
        Status::Updating,
        Status::Error,
        Status::Deleting,
        Status::Deleted,
    ]
    .map(|status| status.to_string());
    let theirs = "INITIALIZED CREATING READY UPDATING ERROR DELETING DELETED";
    assert_eq!(words.join(" "), theirs);
}

#[test]
fn a_good_event_is_echoed_to_whoever_listens() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    guarded(move || {
        let manager = started();
        let mut receiver = manager.router().receiver(laneway::Filter::any()).unwrap();
        for name in ["good.json", "good-seed-schema.json"] {
            let text = std::fs::read_to_string(dir.join(name)).unwrap();
            assert_eq!(manager.emit_json(&text).unwrap().routed, 1);
            let event: CloudEvent = receiver.recv().unwrap().into_payload();
            assert_eq!(event.to_json(), text.trim_end());
        }
        for (name, count) in [("list.json", 2), ("stream.ndjson", 2)] {
            let text = std::fs::read_to_string(dir.join(name)).unwrap();
            assert_eq!(manager.emit_json(&text).unwrap().routed, count);
        }
    });
}
