//! Keys there and back, matching against a slow and obvious model, and bodies there and back.

use laneway::cloudstack::{
    ActionBody, ActionStatus, AlertBody, Compatible, EventTime, RoutingKey, StateBody, UsageBody,
};
use laneway::{Filter, Topic};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Names that are alike but for dots and dashes, so that the way back is not obvious. Letters tell the fields of one test
/// from those of others.
fn name(letters: &'static str) -> impl Strategy<Value = String> {
    let part = select(Vec::from_iter(letters.chars().map(String::from)));
    let joint = select(vec![".", "-", "", ".", "-."]);
    (part.clone(), vec((joint, part), 0..5)).prop_map(|(first, parts)| {
        let rest = parts
            .into_iter()
            .map(|(joint, part)| format!("{joint}{part}"));
        first + &String::from_iter(rest)
    })
}

/// Which names are written the same in keys.
fn word(name: &str) -> String {
    name.replace('.', "-")
}

/// Names of these tests that are registered: the model of the registry.
static REGISTERED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

fn register(key: &RoutingKey<'_>) -> Topic {
    let topic = key.register().unwrap();
    let mut registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    let names = [key.source, key.category, key.event_type, key.resource_type];
    for name in names.into_iter().flatten() {
        let dots = name.match_indices('.').map(|(dot, _)| &name[..dot]);
        registered.extend(dots.chain([name]).map(Into::into));
    }
    topic
}

/// How many registered names are written like this one.
fn spellings(name: Option<&str>) -> usize {
    let registered = REGISTERED.lock().unwrap_or_else(PoisonError::into_inner);
    name.map_or(1, |name| {
        let same = registered.iter().filter(|other| word(other) == word(name));
        same.count()
    })
}

proptest! {
    #[test]
    fn registered_names_come_back_from_keys(
        source in option::of(name("ab")),
        category in name("ab"),
        event_type in name("ab"),
        resource_type in option::of(name("ab")),
        resource in option::of(any::<u128>()),
    ) {
        let id = resource.map(|resource| uuid::Uuid::from_u128(resource).to_string());
        let key = RoutingKey {
            source: source.as_deref(),
            category: Some(&category),
            event_type: Some(&event_type),
            resource_type: resource_type.as_deref(),
            resource: id.as_deref(),
        };
        let topic = register(&key);
        let text = topic.routing_key();
        prop_assert_eq!(&text, &key.to_string());
        prop_assert_eq!(text.split('.').count(), 5);

        let back = Topic::from_routing_key(&text).unwrap();
        // Whatever the names are, they are written the same.
        prop_assert_eq!(back.routing_key(), text.clone());
        prop_assert_eq!(back.resource(), topic.resource());
        for (own, returned) in [
            (key.source, back.source()),
            (key.category, Some(back.category())),
            (key.event_type, Some(back.event_type())),
            (key.resource_type, back.resource_type()),
        ] {
            prop_assert_eq!(own.is_some(), returned.is_some());
            if spellings(own) == 1 {
                prop_assert_eq!(own, returned);
            }
        }

        let filter = Filter::exact(topic);
        prop_assert_eq!(filter.binding_key(), Ok(text.clone()));
        prop_assert_eq!(Filter::from_binding_key(&text), Ok(Filter::exact(back)));
        prop_assert!(Filter::from_binding_key(&text).unwrap().matches(back));
    }

    /// With letters of its own: names that other tests register meanwhile would change what is read.
    #[test]
    fn any_text_is_a_key_or_an_error(text in "[cd.*#-]{0,24}") {
        let words = Vec::from_iter(text.split('.'));
        let is_key = words.len() == 5
            && words.iter().all(|word| *word == "*" || !word.is_empty() && !word.contains('*'));
        let topic = Topic::from_routing_key(&text);
        prop_assert_eq!(topic.is_ok(), is_key);
        let filter = Filter::from_binding_key(&text);
        if let Ok(filter) = &filter {
            prop_assert_eq!(filter.check(), Ok(()));
            let written = filter.binding_key().unwrap();
            prop_assert_eq!(&Filter::from_binding_key(&written), &Ok(filter.clone()));
        }
        if !words.contains(&"#") {
            prop_assert_eq!(filter.is_ok(), is_key);
        }
    }

    #[test]
    fn compatible_matching(
        asked in vec(option::of("(|\\*|[xX][.-]?[yY]?)"), 4),
        event in vec(option::of("[xX][.-]?[yY]?"), 4),
        ids in (option::of(0_u64..2), option::of(0_u64..2)),
    ) {
        let uuid = |id: u64| uuid::Uuid::from_u64_pair(0, id).to_string();
        let (asked_id, event_id) = (ids.0.map(uuid), ids.1.map(uuid));
        let text = |at: usize| asked[at].as_deref().unwrap_or_default();
        let compatible = Compatible::any()
            .source(text(0))
            .category(text(1))
            .event_type(text(2))
            .resource_type(text(3))
            .resource(asked_id.as_deref().unwrap_or_default());
        let topic = RoutingKey {
            source: event[0].as_deref(),
            category: event[1].as_deref(),
            event_type: event[2].as_deref(),
            resource_type: event[3].as_deref(),
            resource: event_id.as_deref(),
        }
        .register()
        .unwrap();

        // As the original does it: text by text, after replacing.
        let plain = |text: Option<&str>| match text {
            None | Some("") => "*".to_owned(),
            Some(text) => text.replace('.', "-").to_lowercase(),
        };
        let mut fields = Vec::from_iter((0..4).map(|at| (asked[at].as_deref(), event[at].as_deref())));
        fields.push((asked_id.as_deref(), event_id.as_deref()));
        let expected = fields.into_iter().all(|(asked, event)| {
            let (asked, event) = (plain(asked), plain(event));
            asked == "*" || event == "*" || asked == event
        });
        prop_assert_eq!(compatible.matches(topic), expected);
        let mut predicate = compatible.predicate();
        prop_assert_eq!([predicate(topic), predicate(topic)], [expected, expected]);
    }

    #[test]
    fn bodies_come_back(
        texts in vec(option::of(any::<String>()), 8),
        others in proptest::collection::btree_map("[A-Z]{1,4}", any::<String>(), 0..4),
        seconds in -62_167_000_000_i64..253_402_000_000,
        offset in -1439_i16..1440,
        status in option::of(select(vec![ActionStatus::Created, ActionStatus::Completed])),
    ) {
        let text = |at: usize| texts[at].clone();
        let body = ActionBody {
            user: text(0),
            account: text(1),
            project: text(2),
            event: text(3),
            status,
            entity: text(4),
            entity_uuid: text(5),
            description: text(6),
            event_date_time: EventTime::new(seconds, offset),
            others: others.into_iter().map(|(key, text)| (key, text.into())).collect(),
        };
        let json = body.to_json();
        let is_plain = !json.contains(['<', '>', '&', '=', '\'', '\n', '\u{2028}']);
        prop_assert!(is_plain);
        prop_assert_eq!(ActionBody::from_json(&json), Ok(body));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..64), json in "[{}\\[\\]\",:a-z0-9 ]{0,64}") {
        for bytes in [&bytes[..], json.as_bytes()] {
            let _ = ActionBody::from_json(bytes);
            let _ = AlertBody::from_json(bytes);
            let _ = UsageBody::from_json(bytes);
            let _ = StateBody::from_json(bytes);
        }
        let _ = json.parse::<EventTime>();
    }
}
