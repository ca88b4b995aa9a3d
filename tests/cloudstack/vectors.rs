//! The data and cases that lie beside the repository.

use crate::common::vectors;
use laneway::cloudstack::{ActionBody, ActionStatus, Compatible, EventRecord, RoutingKey};
use laneway::{Filter, Topic};
use serde_json::Value;
use std::fs;
use std::path::Path;

fn text(dir: &Path, name: &str) -> String {
    let text = fs::read_to_string(dir.join(name)).unwrap();
    text.trim_end().into()
}

fn cases(dir: &Path, name: &str) -> Vec<Value> {
    serde_json::from_str(&text(dir, name)).unwrap()
}

/// Five fields in the order of keys.
fn key(fields: &Value) -> RoutingKey<'_> {
    let field = |at: usize| fields[at].as_str();
    RoutingKey {
        source: field(0),
        category: field(1),
        event_type: field(2),
        resource_type: field(3),
        resource: field(4),
    }
}

#[test]
fn keys() {
    let Some(dir) = vectors::dir("cloudstack") else {
        return;
    };
    let cases = cases(&dir, "keys.json");
    assert_eq!(cases.len(), 6);
    for case in &cases {
        if let Some(expected) = case["routing_key"].as_str() {
            let topic = key(&case["event"]).register().unwrap();
            assert_eq!(topic.routing_key(), expected);
            assert_eq!(Topic::from_routing_key(expected), Ok(topic));
            assert_eq!(Filter::exact(topic).binding_key().unwrap(), expected);
        } else {
            let expected = case["binding_key"].as_str().unwrap();
            let key = key(&case["topic"]);
            assert_eq!(key.to_string(), expected);
            let any = |field: Option<&str>| field.unwrap_or("*").to_owned();
            let filter = Filter::any()
                .source(any(key.source))
                .category(any(key.category))
                .event_type(any(key.event_type))
                .resource_type(any(key.resource_type));
            assert_eq!(filter.binding_key().unwrap(), expected);
            assert_eq!(Filter::from_binding_key(expected), Ok(filter));
        }
    }
}

#[test]
fn matches() {
    let Some(dir) = vectors::dir("cloudstack") else {
        return;
    };
    let cases = cases(&dir, "match-cases.json");
    assert_eq!(cases.len(), 4);
    for case in &cases {
        let asked = |name: &str| case["topic"][name].as_str().unwrap_or_default();
        let compatible = Compatible::any()
            .source(asked("source"))
            .category(asked("category"))
            .event_type(asked("type"))
            .resource_type(asked("resourceType"))
            .resource(asked("resourceUUID"));
        let field = |name: &str| case["event"][name].as_str();
        let event = RoutingKey {
            source: field("source"),
            category: field("category"),
            event_type: field("type"),
            resource_type: field("resourceType"),
            resource: field("resourceUUID"),
        };
        let topic = event.register().unwrap();
        let expected = case["inmemory"].as_bool().unwrap();
        assert_eq!(compatible.matches(topic), expected, "{case}");
        assert_eq!(compatible.predicate()(topic), expected, "{case}");
    }
}

#[test]
fn the_action_of_782() {
    let Some(dir) = vectors::dir("cloudstack") else {
        return;
    };
    let body = ActionBody::from_json(text(&dir, "verbatim-action-event-pr782.json")).unwrap();
    assert_eq!(body.status, Some(ActionStatus::Scheduled));
    assert_eq!(body.event.as_deref(), Some("ACCOUNT.DELETE"));
    let description = body.description.as_deref().unwrap();
    assert!(description.ends_with(" = 28"), "{description}");
    let time = body.event_date_time.unwrap();
    assert_eq!(time.to_string(), "2015-09-04 17:59:24 +0530");
    assert_eq!(body.others.len(), 1);
    assert!(body.others["Account"].is_string());
    assert!(body.to_json().contains(r" \u003d 28"));
    assert_eq!(ActionBody::from_json(body.to_json()), Ok(body));
}

#[test]
fn the_action_of_10117() {
    let Some(dir) = vectors::dir("cloudstack") else {
        return;
    };
    let json = text(&dir, "verbatim-action-event-issue10117.json");
    let body = ActionBody::from_json(json).unwrap();
    assert_eq!(body.status, Some(ActionStatus::Completed));
    assert_eq!(body.event.as_deref(), Some("VM.START"));
    let details = body.others["details"].as_str().unwrap();
    assert!(details.starts_with("Vm Id: "), "{details}");
    assert_eq!(ActionBody::from_json(body.to_json()), Ok(body));
}

#[test]
fn the_event_of_11110() {
    let Some(dir) = vectors::dir("cloudstack") else {
        return;
    };
    let json = text(&dir, "verbatim-event-tostring-issue11110.json");
    let record = EventRecord::from_json(&json).unwrap();
    assert_eq!(record.event_type.as_deref(), Some("VOLUME.DESTROY"));
    assert_eq!(record.resource_type.as_deref(), Some("Volume"));
    assert_eq!((record.event_id, &record.resource_uuid), (None, &None));
    assert_eq!(record.to_json(), json);
    let body = ActionBody::from_json(record.description.unwrap()).unwrap();
    assert_eq!(body.event, record.event_type);
}
