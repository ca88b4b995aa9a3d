//! 5.1: matching as CloudStack's bus inside the process does it, and how routers differ.

use crate::common::{Log, guarded};
use laneway::cloudstack::{Compatible, EventBus, RoutingKey};
use laneway::{Filter, Router, Topic};

const VM: &str = "5b0c7f6e-3a41-4d2b-9c58-6f1d2e7a9b03";

fn start() -> Topic {
    Topic::builder("ActionEvent", "VM.START")
        .source("management-server")
        .resource_type("VirtualMachine")
        .resource(VM)
        .build()
        .unwrap()
}

#[test]
fn capitals_dots_and_dashes_do_not_count() {
    for name in ["VM.START", "VM-START", "vm.start", "vM-sTaRt"] {
        assert!(Compatible::any().event_type(name).matches(start()));
    }
    for name in ["VM_START", "VMSTART", "VM.STAR", "VM.START.", "VM"] {
        assert!(!Compatible::any().event_type(name).matches(start()));
    }
    let all = Compatible::any()
        .source("MANAGEMENT.SERVER")
        .category("actionevent")
        .event_type("vm-start")
        .resource_type("virtualmachine")
        .resource(VM.to_uppercase());
    assert!(all.matches(start()));
    let german = Topic::new("Straße", "ÄNDERUNG").unwrap();
    assert!(Compatible::any().event_type("änderung").matches(german));
}

#[test]
fn each_field_must_match() {
    let right = Compatible::any().event_type("VM.START");
    assert!(right.matches(start()));
    for wrong in [
        right.clone().source("usage-server"),
        right.clone().category("AlertEvent"),
        right.clone().event_type("VM.STOP"),
        right.clone().resource_type("Volume"),
        right
            .clone()
            .resource("9e8d7c6b-5a49-4838-8716-f5e4d3c2b1a0"),
    ] {
        assert!(!wrong.matches(start()), "{wrong:?}");
    }
}

#[test]
fn what_one_side_leaves_out_matches() {
    let all = Compatible::any()
        .source("s")
        .category("c")
        .event_type("t")
        .resource_type("r")
        .resource("u");
    assert!(all.matches(Topic::new("c", "t").unwrap()));
    assert!(all.matches(RoutingKey::default().register().unwrap()));
    assert!(all.matches(Topic::from_routing_key("*.*.*.*.*").unwrap()));
    let only_type = RoutingKey {
        event_type: Some("other"),
        ..RoutingKey::default()
    };
    assert!(!all.matches(only_type.register().unwrap()));
    assert!(Compatible::any().matches(start()));
    let empty = Compatible::any().source("").category("*").resource("");
    assert_eq!(empty, Compatible::any());
}

#[test]
fn there_are_no_prefixes() {
    assert!(!Compatible::any().event_type("VM.*").matches(start()));
    assert!(!Compatible::any().event_type("#").matches(start()));
}

#[test]
fn a_name_that_nobody_knows_is_not_a_missing_one() {
    let category = start().category();
    let unknown = Topic::lookup(category, "compatible nobody", None, None);
    let known = Compatible::any().category("actionevent");
    assert!(known.matches(unknown));
    assert!(!known.event_type("compatible.somebody").matches(unknown));
    // It reads as the pattern of what it is under, and that is no name.
    start();
    let under = Topic::lookup(category, "VM.NOBODY.KNOWS", None, None);
    assert_eq!(under.event_type(), "VM.*");
    assert!(!Compatible::any().event_type("VM.*").matches(under));
}

#[test]
fn a_subscription() {
    guarded(|| {
        let bus = EventBus::new("compatible", Router::new());
        let log = Log::default();
        let topic = Compatible::any().event_type("compat-start").resource(VM);
        let id = bus.subscribe_compatible(&topic, log.handler()).unwrap();
        let (started, stopped) = (
            Topic::new("ActionEvent", "COMPAT.START").unwrap(),
            Topic::new("ActionEvent", "COMPAT.STOP").unwrap(),
        );
        bus.publish(started, 1).unwrap();
        bus.publish(started.with_resource(VM), 2).unwrap();
        bus.publish(started.with_resource(7), 3).unwrap();
        bus.publish(stopped.with_resource(VM), 4).unwrap();
        // As it comes from a broker, under the name that only the subscriber has given.
        let key = format!("*.*.compat-start.*.{VM}");
        bus.publish(Topic::from_routing_key(&key).unwrap(), 5)
            .unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), [1, 2, 5]);
        assert_eq!(bus.subscriber(id).unwrap().stats().matched, 3);
        bus.unsubscribe(id).unwrap();
    });
}

#[test]
fn names_that_no_topic_can_have_are_no_error() {
    guarded(|| {
        let bus = EventBus::new("compatible", Router::new());
        let log = Log::default();
        let topic = Compatible::any()
            .event_type("VM.*")
            .source("x".repeat(1000))
            .category("**");
        bus.subscribe_compatible(&topic, log.handler()).unwrap();
        bus.publish(start(), 1).unwrap();
        bus.publish(RoutingKey::default().register().unwrap(), 2)
            .unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), [2]);
    });
}

/// The table of the documentation, row by row.
#[test]
fn how_a_filter_differs() {
    let topic = start();
    let without = Topic::new("ActionEvent", "VM.START").unwrap();
    for (name, filter, compatible) in [
        ("vm.start", false, true),
        ("VM-START", false, true),
        ("VM.START", true, true),
        ("VM.*", true, false),
        ("", false, true),
        ("*", true, true),
    ] {
        assert_eq!(Filter::any().event_type(name).matches(topic), filter);
        assert_eq!(
            Compatible::any().event_type(name).matches(topic),
            compatible
        );
    }
    let kind = "VirtualMachine";
    assert!(!Filter::any().resource_type(kind).matches(without));
    assert!(Compatible::any().resource_type(kind).matches(without));
}
