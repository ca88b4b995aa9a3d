//! Random events are written and read and stay the same; random documents, and events with a few wrong bytes, do no harm.

use crate::harness::{any_document, any_event};
use laneway::cloudevents::{CloudEvent, Data, SpecVersion, Timestamp, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

/// Text of the String type.
fn text() -> impl Strategy<Value = String> {
    let character = any::<char>().prop_filter("allowed", |&character| {
        let code = character as u32;
        !character.is_control() && !(0xFDD0..=0xFDEF).contains(&code) && code & 0xFFFE != 0xFFFE
    });
    let often = prop::sample::select(vec!['a', '"', '\\', '/', ' ', 'é']);
    vec(prop_oneof![character, often], 1..24).prop_map(String::from_iter)
}

fn value() -> impl Strategy<Value = Value<'static>> {
    prop_oneof![
        any::<bool>().prop_map(Value::Boolean),
        any::<i32>().prop_map(Value::Integer),
        text().prop_map(Value::from),
        "[a-z.]{0,8}".prop_map(Value::from),
        vec(any::<u8>(), 0..12).prop_map(|bytes| Value::Binary(bytes.into())),
        time().prop_map(Value::Timestamp),
        Just(Value::UriReference("../a?b#c".into())),
    ]
}

fn time() -> impl Strategy<Value = Timestamp<'static>> {
    (0_u64..250_000_000_000, 0_u32..1_000_000_000).prop_map(|(seconds, nanoseconds)| {
        Timestamp::from(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanoseconds))
    })
}

fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let tree = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..6).prop_map(Into::into),
            btree_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    });
    (tree, any::<bool>()).prop_map(|(tree, pretty)| {
        if pretty {
            serde_json::to_string_pretty(&tree).unwrap()
        } else {
            tree.to_string()
        }
    })
}

fn data() -> impl Strategy<Value = Option<Data<'static>>> {
    prop_oneof![
        Just(None),
        json().prop_map(|json| Some(Data::Json(json.into()))),
        any::<String>().prop_map(|text| Some(Data::Text(text.into()))),
        vec(any::<u8>(), 0..64).prop_map(|bytes| Some(Data::Binary(bytes.into()))),
    ]
}

const MEDIA_TYPES: [&str; 6] = [
    "application/json",
    "a/b+json; c=d",
    "text/plain",
    "image/png",
    "text/xml; charset=utf-8",
    "application/x",
];

prop_compose! {
    fn event()(
        texts in (text(), text(), prop::option::of(text())),
        source in "(/[a-z%20]{0,3}|urn:x:[0-9]{1,4}|http://é?)".prop_filter("a URI", |source| !source.contains('é') && !source.contains('%')),
        media_type in prop::option::of(prop::sample::select(&MEDIA_TYPES[..])),
        time in prop::option::of(time()),
        extensions in btree_map("[a-z][a-z0-9]{0,9}", value(), 0..6),
        data in data(),
        version in prop::sample::select(vec![SpecVersion::V1_0, SpecVersion::V1_0, SpecVersion::V0_3, SpecVersion::V0_2, SpecVersion::V0_1]),
    ) -> Option<CloudEvent> {
        let (id, kind, subject) = &texts;
        let mut builder = CloudEvent::builder(id, &source, kind).spec_version(version);
        for (name, value) in &extensions {
            builder = builder.extension(name.as_str(), value.clone());
        }
        if let Some(subject) = subject {
            builder = builder.subject(subject.as_str());
        }
        if let Some(media_type) = media_type {
            builder = builder.datacontenttype(media_type);
        }
        if let Some(time) = time {
            builder = builder.time(time);
        }
        if let Some(data) = data {
            builder = builder.data(data);
        }
        // Some combinations of content type and data cannot be, and some names are taken.
        builder.build().ok()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_as_it_was(event in event()) {
        if let Some(event) = event {
            any_event(&event);
            any_document(event.to_json().as_bytes());
        }
    }

    #[test]
    fn wrong_bytes_do_no_harm(event in event(), wrong in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        if let Some(event) = event {
            let mut document = event.to_json().into_bytes();
            for (place, byte) in wrong {
                let place = place.index(document.len());
                document[place] = byte;
            }
            any_document(&document);
        }
    }

    #[test]
    fn anything_does_no_harm(document in "[\\[\\]{}\",:\\\\0-9a-z.+-]{0,60}") {
        any_document(document.as_bytes());
    }
}

#[test]
fn most_random_events_are_events() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let made = (0..200).filter(|_| event().new_tree(&mut runner).unwrap().current().is_some());
    assert!(made.count() > 100);
}
