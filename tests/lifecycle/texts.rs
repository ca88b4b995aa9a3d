//! What events print as, and how texts stand on the wire.

use laneway::lifecycle::{EventType, Format, LifecycleEvent, Stage, TargetError, target_pattern};

fn shutdown(identity: &str) -> LifecycleEvent {
    let event = LifecycleEvent::shutdown("server").id("1").timestamp(0);
    event.identity(identity).build().unwrap()
}

#[test]
fn types_print_their_own_name() {
    // The original prints "Startup" for both.
    assert_eq!(EventType::Shutdown.to_string(), "Shutdown");
    assert_eq!(EventType::Startup.to_string(), "Startup");
    for event_type in EventType::ALL {
        assert_eq!(event_type.to_string().to_lowercase(), event_type.name());
        assert_eq!(event_type.name().parse(), Ok(event_type));
        assert!(event_type.to_string().parse::<EventType>().is_err());
    }
    let names = EventType::ALL.map(EventType::name);
    assert!(names.is_sorted());
    let error = "bogus".parse::<EventType>().unwrap_err();
    assert_eq!(error.to_string(), "unknown event type");
}

#[test]
fn events_of_a_governor() {
    for (stage, slot, expected) in [
        (Stage::Enter, 10, "obtained slot 10 on PUPPET"),
        (Stage::Enter, 0, "obtained slot on PUPPET"),
        (Stage::Exit, 10, "vacated slot 10 on PUPPET"),
        (Stage::Exit, 0, "vacated PUPPET"),
        (Stage::Timeouts, 0, "failed to obtain a slot on PUPPET"),
        (Stage::Timeouts, 10, "failed to obtain a slot on PUPPET"),
        (Stage::Eviction, 10, "evicted from slot 10 on PUPPET"),
        (Stage::Eviction, 0, "evicted from PUPPET"),
    ] {
        let event = LifecycleEvent::governor("ginkgo", "PUPPET", stage).sequence(slot);
        let event = event.identity("n1").build().unwrap();
        assert_eq!(event.to_string(), format!("[governor] n1: {expected}"));
    }
}

#[test]
fn the_body_is_escaped_for_html_and_the_envelope_is_not() {
    let identity = "<a>&\u{2028}\u{2029}\"\\\n\r\t\u{8}\u{c}\u{1}\u{7f}é";
    let event = shutdown(identity);
    let body = concat!(
        r#"{"protocol":"io.choria.lifecycle.v1.shutdown","id":"1","identity":"#,
        r#""\u003ca\u003e\u0026\u2028\u2029\"\\\n\r\t\b\f\u0001"#,
        "\u{7f}é",
        r#"","component":"server","timestamp":0}"#,
    );
    assert_eq!(event.to_json(), body);
    let envelope = concat!(
        r#"{"specversion":"1.0","id":"1","source":"io.choria.lifecycle","type":"io.choria.lifecycle.v1.shutdown","#,
        r#""subject":"<a>&"#,
        "\u{2028}\u{2029}",
        r#"\"\\\n\r\t\u0008\u000c\u0001"#,
        "\u{7f}é",
        r#"","datacontenttype":"application/json","time":"1970-01-01T00:00:00Z","data":"#,
    );
    assert_eq!(
        event.to_json_as(Format::CloudEvent),
        format!("{envelope}{body}}}")
    );
    let json = event.to_json_as(Format::CloudEvent);
    assert_eq!(
        LifecycleEvent::from_json(json).unwrap().identity(),
        identity
    );
}

#[test]
fn the_subject_is_trimmed_and_left_out_if_nothing_is_left() {
    let json = shutdown("\u{a0} n1\t").to_json_as(Format::CloudEvent);
    assert!(json.contains(r#""subject":"n1","#), "{json}");
    let json = shutdown(" ").to_json_as(Format::CloudEvent);
    assert!(!json.contains("subject"), "{json}");
    assert_eq!(LifecycleEvent::from_json(json).unwrap().identity(), " ");
}

#[test]
fn a_time_without_a_year_is_left_out() {
    for timestamp in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
        let event = LifecycleEvent::shutdown("server").identity("n1");
        let event = event.timestamp(timestamp).build().unwrap();
        let json = event.to_json_as(Format::CloudEvent);
        assert!(!json.contains("\"time\""), "{json}");
        assert_eq!(
            LifecycleEvent::from_json(json).unwrap().timestamp(),
            timestamp
        );
    }
}

#[test]
fn targets() {
    let json = r#"{"protocol":"io.choria.lifecycle.v1.startup"}"#;
    let error = LifecycleEvent::from_json(json)
        .unwrap()
        .target()
        .unwrap_err();
    assert_eq!(error, TargetError::NoComponent);
    assert_eq!(
        error.to_string(),
        "event is not complete, component has not been set"
    );
    for component in ["*", ">", "a b", "a\u{0}"] {
        let event = LifecycleEvent::shutdown(component).identity("n1").build();
        assert_eq!(event.unwrap().target(), Err(TargetError::InvalidComponent));
    }
    assert_eq!(target_pattern(None).unwrap(), "choria.lifecycle.event.>");
    let any = target_pattern(Some("*")).unwrap();
    assert_eq!(any, "choria.lifecycle.event.*.*");
    assert_eq!(
        target_pattern(Some(">")),
        Err(TargetError::InvalidComponent)
    );
}
