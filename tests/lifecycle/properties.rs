//! Written, read, the same; and nothing that is read makes it panic.

use crate::harness;
use laneway::lifecycle::{EventType, Format, LifecycleEvent, Stage};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Text with what may need care, and never empty.
fn text() -> impl Strategy<Value = String> {
    let special = select(
        "\"\\\n\r\t\u{0}\u{8}\u{c}\u{1f}\u{7f}<>&\u{2028}\u{2029}/ é\u{10ffff}"
            .chars()
            .collect::<Vec<_>>(),
    );
    let c = prop_oneof![special, any::<char>(), proptest::char::range('a', 'z')];
    vec(c, 1..20).prop_map(String::from_iter)
}

fn event() -> impl Strategy<Value = LifecycleEvent> {
    let texts = (text(), text(), text(), text(), text());
    let rest = (
        select(EventType::ALL.to_vec()),
        select(Stage::ALL.to_vec()),
        any::<i64>(),
        any::<u64>(),
        any::<bool>(),
    );
    (texts, rest).prop_map(
        |((id, identity, component, a, b), (event_type, stage, timestamp, slot, is_choria))| {
            let event = match event_type {
                EventType::Startup => LifecycleEvent::startup(component, a),
                EventType::Alive => LifecycleEvent::alive(component, a),
                EventType::Shutdown => LifecycleEvent::shutdown(component),
                EventType::Provisioned => LifecycleEvent::provisioned(component),
                EventType::Upgraded => LifecycleEvent::upgraded(component, a, b),
                EventType::Governor => LifecycleEvent::governor(component, a, stage).sequence(slot),
            };
            let format = if is_choria {
                Format::Choria
            } else {
                Format::CloudEvent
            };
            let event = event
                .id(id)
                .identity(identity)
                .timestamp(timestamp)
                .format(format);
            event.build().unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::rounds(1000) as u32))]

    #[test]
    fn written_and_read(event in event()) {
        harness::check_event(&event);
        assert!(harness::check(event.to_json().as_bytes()));
        // Somebody else's reader agrees on what it says.
        let json: serde_json::Value = serde_json::from_str(&event.to_json_as(Format::CloudEvent)).unwrap();
        assert_eq!(json["id"], event.id().trim());
        assert_eq!(json["data"]["id"], event.id());
        assert_eq!(json["data"]["identity"], event.identity());
        assert_eq!(json["data"]["timestamp"], event.timestamp());
        assert_eq!(json["data"]["version"].as_str(), event.version());
        assert_eq!(json["data"]["sequence"].as_u64(), event.sequence());
    }

    #[test]
    fn changed_a_little(event in event(), changes in vec((any::<Index>(), any::<u8>(), 0..3_u8), 1..4)) {
        let mut bytes = event.to_json().into_bytes();
        for (place, byte, how) in changes {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => bytes.truncate(place + 1),
            }
        }
        harness::check(&bytes);
    }

    #[test]
    fn put_together_anyhow(parts in vec(select(PARTS.to_vec()), 0..24)) {
        harness::check(parts.concat().as_bytes());
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..64)) {
        harness::check(&bytes);
    }
}

const PARTS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\n",
    "null",
    "1",
    "-0",
    "1e9",
    "\\ud800",
    "\"x\"",
    "{\"protocol\":",
    "\"io.choria.lifecycle.v1.alive\"",
    "\"choria:lifecycle:alive:1\"",
    ",\"timestamp\":",
    ",\"component\":",
    "{\"specversion\":\"1.0\"",
    ",\"source\":\"io.choria.lifecycle\"",
    ",\"data\":",
    ",\"version\":",
    ",\"id\":",
];
