//! The original's data: written and read byte for byte, and refused with its texts.

use crate::common::vectors;
use crate::harness;
use laneway::lifecycle::{EventType, Format, LifecycleEvent, Stage};
use serde_json::Value;
use std::fs;
use std::path::Path;

const ID: &str = "01e72410-d734-4611-9485-8c6a2dd2579b";

fn json(dir: &Path, name: &str) -> Value {
    serde_json::from_str(&text(dir, name)).unwrap()
}

fn text(dir: &Path, name: &str) -> String {
    let text = fs::read_to_string(dir.join(name)).unwrap();
    text.trim_end().into()
}

/// The event that the vectors were made from.
fn built(name: &str) -> LifecycleEvent {
    let (event_type, stage) = name.split_once('-').unwrap_or((name, ""));
    let event = match event_type.parse().unwrap() {
        EventType::Startup => LifecycleEvent::startup("ginkgo", "1.2.3"),
        EventType::Alive => LifecycleEvent::alive("ginkgo", "1.2.3"),
        EventType::Shutdown => LifecycleEvent::shutdown("ginkgo"),
        EventType::Provisioned => LifecycleEvent::provisioned("ginkgo"),
        EventType::Upgraded => LifecycleEvent::upgraded("ginkgo", "1.2.3", "1.2.4"),
        EventType::Governor => {
            let slot = if stage == "timeouts" { 0 } else { 10 };
            LifecycleEvent::governor("ginkgo", "PUPPET", stage).sequence(slot)
        }
    };
    let event = event.id(ID).identity("ginkgo.example.net");
    event.timestamp(1_535_106_973).build().unwrap()
}

#[test]
fn the_manifest() {
    let Some(dir) = vectors::dir("choria") else {
        return;
    };
    let manifest = json(&dir, "manifest.json");
    let cases = manifest.as_array().unwrap();
    assert_eq!(cases.len(), 9);
    for case in cases {
        let field = |key: &str| case[key].as_str().unwrap();
        let event = built(field("name"));
        assert_eq!(event.event_type().name(), field("type"));
        assert_eq!(event.target().unwrap(), field("subject"));
        assert_eq!(event.to_string(), field("string"));
        for (format, key) in [
            (Format::Choria, "choria"),
            (Format::CloudEvent, "cloudevent"),
        ] {
            let expected = text(&dir, field(key));
            assert_eq!(event.to_json_as(format), expected);
            assert_eq!(Format::detect(&expected), Some(format));
            let read = LifecycleEvent::from_json(&expected).unwrap();
            assert_eq!(read.format(), format);
            assert_eq!(read.to_json(), expected);
            assert_eq!(read.to_json_as(Format::Choria), event.to_json());
            assert!(harness::check(expected.as_bytes()));
        }
    }
}

#[test]
fn the_verbatim_files() {
    let Some(dir) = vectors::dir("choria") else {
        return;
    };
    let event =
        LifecycleEvent::from_json(text(&dir, "verbatim-choriaFormatShutdown.json")).unwrap();
    assert_eq!(event.format(), Format::Choria);
    assert_eq!(event.to_string(), "[shutdown] dev1.devco.net: server");
    assert_eq!(event.timestamp(), 1_575_482_338);

    let name = "verbatim-cloudEventFormatShutdown.json";
    let event = LifecycleEvent::from_json(text(&dir, name)).unwrap();
    assert_eq!(event.format(), Format::CloudEvent);
    assert_eq!(event.to_string(), "[shutdown] ginkgo.example.net: ginkgo");
    // A shutdown has no version, and one on the wire is passed over.
    assert_eq!(event.version(), None);
}

#[test]
fn the_formats() {
    let Some(dir) = vectors::dir("choria") else {
        return;
    };
    for case in json(&dir, "format-detect.json").as_array().unwrap() {
        assert_eq!(case["format"], "UnknownFormat");
        assert_eq!(Format::detect(case["in"].as_str().unwrap()), None);
    }
}

#[test]
fn the_parsing_cases() {
    let Some(dir) = vectors::dir("choria") else {
        return;
    };
    for case in json(&dir, "parse-cases.json").as_array().unwrap() {
        let (function, text) = (case["fn"].as_str().unwrap(), case["in"].as_str().unwrap());
        let read = match function.strip_prefix("parse:") {
            None => LifecycleEvent::from_json(text),
            Some(name) => LifecycleEvent::from_json_as(name.parse().unwrap(), text),
        };
        let event = match (read, case["err"].as_str()) {
            (Err(error), Some(expected)) => {
                assert_eq!(error.to_string(), expected);
                continue;
            }
            (read, _) => read.unwrap(),
        };
        for (key, expected) in case["ok"].as_object().unwrap() {
            let actual: Value = match key.as_str() {
                "type" => event.event_type().name().into(),
                "component" => event.component().into(),
                "version" => event.version().into(),
                "new_version" => event.new_version().into(),
                "governor" => event.governor_name().into(),
                "event_type" => event.stage().map(Stage::name).into(),
                "sequence" => event.sequence().into(),
                other => panic!("what is {other}?"),
            };
            assert_eq!(&actual, expected, "{key}");
        }
    }
}

#[test]
fn what_is_written_is_of_the_schema() {
    let Some(dir) = vectors::dir("choria") else {
        return;
    };
    for name in ["startup", "alive", "shutdown", "provisioned", "upgraded"] {
        let schema = json(&dir, &format!("schemas/{name}.json"));
        let event: Value = serde_json::from_str(&built(name).to_json()).unwrap();
        for required in schema["required"].as_array().unwrap() {
            assert!(
                event.get(required.as_str().unwrap()).is_some(),
                "{required}"
            );
        }
        for (key, property) in schema["properties"].as_object().unwrap() {
            let Some(value) = event.get(key) else {
                continue;
            };
            match property["type"].as_str().unwrap() {
                "string" => assert!(value.is_string(), "{key}"),
                "integer" => assert!(value.is_i64(), "{key}"),
                other => panic!("what is {other}?"),
            }
            if let Some(allowed) = property["enum"].as_array() {
                assert!(allowed.contains(value), "{key}");
            }
        }
    }
}
