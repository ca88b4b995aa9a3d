//! The test data of the specification and of VMware Dispatch.

use crate::common::vectors;
use crate::harness;
use laneway::cloudevents::{
    AttributeFault, CloudEvent, Data, EventFilter, JsonEvents, ParseErrorKind, SpecVersion,
    from_json_batch,
};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn read(dir: &Path, name: &str) -> String {
    fs::read_to_string(dir.join(name)).expect(name)
}

/// The data that stands for some base64 in the specification's examples, and is none.
const PLACEHOLDER: &str = "... base64 encoded string ...";

#[test]
fn the_official_examples_are_read_unless_their_data_is_a_placeholder() {
    let Some(dir) = vectors::dir("cloudevents/json_examples") else {
        return;
    };
    let mut seen = [0, 0];
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let is_batch = text.trim_start().starts_with('[');
        let events = if is_batch {
            from_json_batch(&text)
        } else {
            CloudEvent::from_json(&text).map(|event| vec![event])
        };
        harness::any_document(text.as_bytes());
        seen[usize::from(events.is_ok())] += 1;
        if text.contains(PLACEHOLDER) {
            let error = events.expect_err(&name);
            let ParseErrorKind::Attribute(attribute) = error.kind() else {
                panic!("{name}: {error}")
            };
            assert_eq!(attribute.fault(), AttributeFault::Base64, "{name}");
            assert_eq!(
                &text[error.offset()..][1..][..PLACEHOLDER.len()],
                PLACEHOLDER,
                "{name}"
            );
            continue;
        }
        let events = events.unwrap_or_else(|error| panic!("{name}: {error}"));
        let original: Value = serde_json::from_str(&text).unwrap();
        let originals = if is_batch {
            original.as_array().unwrap().clone()
        } else {
            vec![original]
        };
        assert_eq!(events.len(), originals.len(), "{name}");
        for (event, mut original) in events.iter().zip(originals) {
            // Nulls are absent, and nothing else is.
            original
                .as_object_mut()
                .unwrap()
                .retain(|name, value| name == "data" || !value.is_null());
            assert_eq!(
                serde_json::from_str::<Value>(&event.to_json()).unwrap(),
                original,
                "{name}"
            );
        }
    }
    assert_eq!(seen, [6, 16], "refused and read");
}

#[test]
fn the_official_filters_are_read_and_sql_is_refused() {
    let Some(dir) = vectors::dir("cloudevents") else {
        return;
    };
    let filters: Vec<Value> = serde_json::from_str(&read(&dir, "filter_examples.json")).unwrap();
    let subject = "https://github.com/cloudevents/spec";
    let event = |kind, subject| {
        CloudEvent::builder("1", "/s", kind)
            .subject(subject)
            .build()
            .unwrap()
    };
    let push = event("com.github.push", subject);
    let created = event("com.github.created", subject);
    let other = event("com.github.push", "x");
    // In the order of the file.
    let passes = [
        [true, false, false],
        [true, true, false],
        [false, true, false],
        [true, false, false],
        [true, true, true],
        [false, true, false],
    ];
    for (filter, passes) in filters.iter().zip(passes) {
        let read = EventFilter::from_json(filter.to_string()).unwrap();
        let list = EventFilter::from_json(format!("[{filter}]")).unwrap();
        for (event, passes) in [&push, &created, &other].into_iter().zip(passes) {
            assert_eq!(read.matches(event), passes, "{filter} {event:?}");
            assert_eq!(list.matches(event), passes, "{filter} {event:?}");
        }
    }
    assert_eq!(filters.len(), passes.len() + 1);
    let error = EventFilter::from_json(filters[6].to_string()).unwrap_err();
    assert_eq!(error.kind(), &ParseErrorKind::Dialect("sql".into()));
}

#[test]
fn events_of_dispatch_come_back_byte_for_byte() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    for name in ["good.json", "good-seed-schema.json"] {
        let text = read(&dir, name);
        let event = CloudEvent::from_json(&text).unwrap();
        assert_eq!(event.to_json(), text.trim_end(), "{name}");
        assert_eq!(event.check_dispatch(), Ok(()));
        harness::any_document(text.as_bytes());
    }
    let seed = CloudEvent::from_json(read(&dir, "good-seed-schema.json")).unwrap();
    assert_eq!(seed.spec_version(), SpecVersion::V0_1Kebab);
    assert_eq!(
        seed.data(),
        Some(Data::Text(r#"{"example":"value"}"#.into()))
    );
    let new = seed.to_version(SpecVersion::V1_0).unwrap();
    assert_eq!(
        new.data(),
        Some(Data::Json(r#"{"example":"value"}"#.into()))
    );
    assert_eq!(new.extension("sourcetype").unwrap().text(), "test.source");

    let list = from_json_batch(read(&dir, "list.json")).unwrap();
    let stream: Vec<_> = JsonEvents::new(read(&dir, "stream.ndjson").as_bytes())
        .map(Result::unwrap)
        .collect();
    assert_eq!((list.len(), &list), (2, &stream));
}

#[test]
fn what_dispatch_refuses_is_refused() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    for name in ["validation-cases.json", "validation-cases-seed-schema.json"] {
        let cases: Vec<Value> = serde_json::from_str(&read(&dir, name)).unwrap();
        assert!(!cases.is_empty());
        for case in cases {
            let event = CloudEvent::from_json(case["event"].to_string());
            let is_valid = event.is_ok_and(|event| event.check_dispatch().is_ok());
            assert_eq!(Value::from(is_valid), case["valid"], "{}", case["name"]);
        }
    }
    // A comma too many, and a spelling of 0.1 that was never one.
    for name in ["doc-curl-body.txt", "verbatim-knative-event.json"] {
        CloudEvent::from_json(read(&dir, name)).expect_err(name);
    }
}

#[test]
fn streams_are_read_as_dispatch_reads_them() {
    let Some(dir) = vectors::dir("dispatch") else {
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&read(&dir, "parser-cases.json")).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let text = case["in"].as_str().unwrap();
        let events: Result<Vec<_>, _> = JsonEvents::new(text.as_bytes()).collect();
        assert_eq!(events.is_err(), !case["err"].is_null(), "{text}");
        if let Ok(events) = events {
            assert_eq!(
                events.len(),
                case["events"].as_u64().unwrap() as usize,
                "{text}"
            );
        }
    }
}
