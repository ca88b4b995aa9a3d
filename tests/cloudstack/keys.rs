//! 5.1: routing keys and binding keys, and the way back.

use laneway::cloudstack::{BindingKeyError, EventCategory, KeyError, RoutingKey, UNSET};
use laneway::{Field, Filter, FilterError, ResourceId, Topic};
use std::collections::HashSet;

const VM: &str = "5b0c7f6e-3a41-4d2b-9c58-6f1d2e7a9b03";

#[test]
fn a_topic_and_its_key() {
    let topic = EventCategory::ACTION
        .topic("VM.START")
        .resource_type("VirtualMachine")
        .resource(VM)
        .build()
        .unwrap();
    let key = format!("management-server.ActionEvent.VM-START.VirtualMachine.{VM}");
    assert_eq!(topic.routing_key(), key);
    assert_eq!(Topic::from_routing_key(&key), Ok(topic));
    assert_eq!(
        topic.without_resource().routing_key(),
        "management-server.ActionEvent.VM-START.VirtualMachine.*"
    );
}

#[test]
fn a_number_as_the_resource() {
    let topic = Topic::new("ActionEvent", "VM.START").unwrap();
    let topic = topic.with_resource(7);
    let key = "*.ActionEvent.VM-START.*.00000000-0000-0000-0000-000000000007";
    assert_eq!(topic.routing_key(), key);
    assert_eq!(Topic::from_routing_key(key), Ok(topic));
}

#[test]
fn the_same_function_writes_both_keys() {
    let topic = EventCategory::ALERT.topic("ALERT.MEMORY").build().unwrap();
    let filter = Filter::exact(topic);
    assert_eq!(filter.binding_key(), Ok(topic.routing_key()));
    assert_eq!(Filter::any().binding_key().unwrap(), "*.*.*.*.*");
    assert_eq!(Filter::from_binding_key("*.*.*.*.*"), Ok(Filter::any()));
    let about = filter.resource(VM);
    let key = about.binding_key().unwrap();
    assert_eq!(
        key,
        format!("management-server.AlertEvent.ALERT-MEMORY.*.{VM}")
    );
    assert_eq!(Filter::from_binding_key(&key), Ok(about));
}

#[test]
fn empty_fields_are_missing_ones() {
    let key = RoutingKey {
        source: Some(""),
        category: Some("*"),
        event_type: Some("VM.START"),
        ..RoutingKey::default()
    };
    assert_eq!(key.to_string(), "*.*.VM-START.*.*");
    let topic = key.register().unwrap();
    assert_eq!((topic.source(), topic.category()), (None, UNSET));
    assert_eq!(topic.routing_key(), key.to_string());
}

#[test]
fn an_event_without_any_field() {
    let topic = Topic::from_routing_key("*.*.*.*.*").unwrap();
    assert_eq!(topic, RoutingKey::default().register().unwrap());
    assert_eq!(topic.routing_key(), "*.*.*.*.*");
    assert!(Filter::any().matches(topic));
    assert!(!Filter::any().category("ActionEvent").matches(topic));
}

#[test]
fn dashes_become_dots_where_cloudstack_has_them() {
    let names = ["keys-host", "KeysEvent", "KEYS.A.B", "KeysDisk"];
    let known = Topic::builder(names[1], names[2])
        .source(names[0])
        .resource_type(names[3])
        .build()
        .unwrap();
    let topic = Topic::from_routing_key("keys-host.KeysEvent.KEYS-A-B.KeysDisk.*");
    assert_eq!(topic, Ok(known));
    // Names that nobody registered have the usual spelling in filters, which keep their text.
    let filter = Filter::from_binding_key("other-host.*.OTHER-A-B.*.*").unwrap();
    assert_eq!(
        filter,
        Filter::any().source("other-host").event_type("OTHER.A.B")
    );
}

#[test]
fn registered_names_decide_what_a_dash_was() {
    for (category, event_type) in [
        ("Mixed.Event", "MIXED-UP"),
        ("Mixed-Event.2", "MIXED.UP-THERE.NOW"),
        ("-mixed", "MIXED..TWICE"),
        ("mixed.", ".MIXED-"),
    ] {
        let topic = Topic::builder(category, event_type)
            .source("10.0.0.1")
            .build();
        let topic = topic.unwrap();
        assert_eq!(Topic::from_routing_key(&topic.routing_key()), Ok(topic));
    }
}

#[test]
fn of_several_spellings_the_usual_one_wins() {
    for name in [
        "BOTH.WAYS.ON",
        "BOTH-WAYS-ON",
        "BOTH.WAYS-ON",
        "BOTH-WAYS.ON",
    ] {
        Topic::builder("Both", name).source(name).build().unwrap();
    }
    let topic = Topic::from_routing_key("BOTH-WAYS-ON.Both.BOTH-WAYS-ON.*.*").unwrap();
    assert_eq!(topic.event_type(), "BOTH.WAYS.ON");
    assert_eq!(topic.source(), Some("BOTH-WAYS-ON"));
    // A program that knows better says so.
    let mut key = RoutingKey::parse("*.Both.BOTH-WAYS-ON.*.*").unwrap();
    key.event_type = Some("BOTH-WAYS.ON");
    assert_eq!(key.topic(), Topic::new("Both", "BOTH-WAYS.ON").unwrap());
}

#[test]
fn strange_names_reach_those_who_ask_for_their_prefix() {
    Topic::new("StrangeEvent", "STRANGE.KNOWN").unwrap();
    let topic = Topic::from_routing_key("*.StrangeEvent.STRANGE-NEW-THING.*.*").unwrap();
    assert_eq!(topic.event_type(), "STRANGE.*");
    assert!(Filter::any().event_type("STRANGE.*").matches(topic));
    // What nobody knows here cannot be told to others.
    assert_eq!(topic.routing_key(), "*.StrangeEvent.*.*.*");
    // All strangers are one class, whatever they make up.
    let strangers = (0..100).map(|stranger| {
        let key = format!("from.nowhere.stranger-{stranger}.thing.{stranger}");
        Topic::from_routing_key(&key).unwrap()
    });
    let classes = strangers.map(Topic::without_resource);
    assert_eq!(HashSet::<Topic>::from_iter(classes).len(), 1);
}

#[test]
fn a_long_word_of_dashes_is_bounded_work() {
    let word = "-".repeat(1 << 20);
    let key = format!("*.ActionEvent.{word}.*.*");
    assert_eq!(
        Topic::from_routing_key(&key).unwrap().category(),
        Topic::lookup("ActionEvent", "x", None, None).category()
    );
    let word = "A-".repeat(127);
    assert!(Topic::from_routing_key(&format!("*.*.{word}.*.*")).is_ok());
}

#[test]
fn what_is_no_routing_key() {
    for (key, error) in [
        ("", KeyError::Empty { word: 1 }),
        ("a.b.c.d", KeyError::Words { words: 4 }),
        ("a.b.c.d.e.f", KeyError::Words { words: 6 }),
        ("a..c.d.e", KeyError::Empty { word: 2 }),
        ("a.b.VM*.d.e", KeyError::Star { word: 3 }),
        ("a.b.c.d.**", KeyError::Star { word: 5 }),
    ] {
        assert_eq!(Topic::from_routing_key(key), Err(error.clone()), "{key}");
        assert_eq!(Filter::from_binding_key(key), Err(error), "{key}");
    }
    // A word like any other, in a routing key.
    assert!(Topic::from_routing_key("a.b.#.d.e").is_ok());
}

#[test]
fn a_hash_stands_for_the_words_that_are_missing() {
    let hash_type = |key: &str| Filter::from_binding_key(key);
    assert_eq!(hash_type("#"), Ok(Filter::any()));
    assert_eq!(hash_type("s.#"), Ok(Filter::any().source("s")));
    assert_eq!(hash_type("#.u"), Ok(Filter::any().resource("u")));
    assert_eq!(
        hash_type("s.#.u"),
        Ok(Filter::any().source("s").resource("u"))
    );
    assert_eq!(
        hash_type("s.c.#.t.r.u"),
        hash_type("s.c.t.r.u"),
        "a hash can be no word"
    );
    assert_eq!(hash_type("#.#"), Err(KeyError::Hashes));
    assert_eq!(
        hash_type("s.c.#.t.r.u.v"),
        Err(KeyError::Words { words: 6 })
    );
}

#[test]
fn what_has_no_binding_key() {
    let field = Field::EventType;
    let error = |filter: Filter| filter.binding_key().unwrap_err();
    assert_eq!(
        error(Filter::any().event_type("VM.*")),
        BindingKeyError::Prefix { field }
    );
    assert_eq!(
        error(Filter::any().event_type("#")),
        BindingKeyError::Hash { field }
    );
    assert_eq!(
        error(Filter::any().event_type("V*")),
        BindingKeyError::Filter(FilterError::Star { field })
    );
    assert!(Filter::any().event_type("C#").binding_key().is_ok());
}

#[test]
fn resources_that_are_no_uuids_go_by_their_id() {
    let topic = Topic::from_routing_key("*.ActionEvent.VM-START.*.disk7").unwrap();
    assert_eq!(topic.resource(), Some(ResourceId::from("disk7")));
    let again = Topic::from_routing_key(&topic.routing_key());
    assert_eq!(again.unwrap().resource(), topic.resource());
}

#[test]
fn a_filter_for_events_without_a_category_asks_for_the_star_that_they_have() {
    let filter = Filter::any().category(UNSET).event_type("KEYS.UNSET");
    assert_eq!(filter.binding_key().unwrap(), "*.*.KEYS-UNSET.*.*");
    let topic = Topic::new(UNSET, "KEYS.UNSET").unwrap();
    assert_eq!(topic.routing_key(), "*.*.KEYS-UNSET.*.*");
}
