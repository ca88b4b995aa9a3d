//! From events to topics, and who gets them.

use crate::common::{guarded, rounds};
use laneway::cloudevents::{Category, CloudEvent, Envelope, TopicMap};
use laneway::{Filter, Published, Router, Topic};

#[test]
fn real_events_with_made_up_names_reach_wildcards_too() {
    guarded(|| {
        let events = rounds(20_000);
        let router: Router<CloudEvent> = Router::builder().shards(1).build().unwrap();
        let wildcard = router
            .subscribe(Filter::any().event_type("real.up.*"), |_| ())
            .unwrap();
        let map = TopicMap::new();
        let mut publisher = router.publisher();
        for number in 0..events {
            let json = format!(
                r#"{{"specversion":"1.0","id":"{number}","source":"/s{number}","type":"real.up.x{number}","subject":"{number}"}}"#
            );
            let envelope = Envelope::parse(json.as_bytes()).unwrap();
            let published =
                publisher.publish_with(map.topic(&envelope), || CloudEvent::from(&envelope));
            assert_eq!(published.unwrap(), Published::Routed);
        }
        router.flush().unwrap();
        assert_eq!(wildcard.stats().handled, events as u64);
    });
}

fn event(kind: &str) -> CloudEvent {
    let builder = CloudEvent::builder("1", "/topics", kind).subject("vm/7");
    builder
        .extension("tenant", "blue")
        .extension("sourcetype", "vm")
        .build()
        .unwrap()
}

#[test]
fn each_field_comes_from_where_the_map_says() {
    let full = Topic::builder("topics.kind", "topics.kind.made")
        .source("/topics")
        .resource_type("vm")
        .build()
        .unwrap();
    Topic::new("blue", "topics").unwrap();
    Topic::new("kind", "topics").unwrap();
    let event = event("topics.kind.made");
    let topic = TopicMap::new()
        .resource_type_from("sourcetype")
        .topic(&event);
    assert_eq!(topic, full.with_resource("vm/7"));

    let category = |category| TopicMap::new().category(category).topic(&event).category();
    let attribute = |name: &str| Category::Attribute {
        name: name.into(),
        otherwise: "kind".into(),
    };
    assert_eq!(category(attribute("tenant")), "blue");
    assert_eq!(category(attribute("nothing")), "kind");
    assert_eq!(category(Category::Fixed("blue".into())), "blue");
    assert_eq!(category(Category::TypePrefix(3)), "topics.kind.made");
    assert_eq!(category(Category::TypePrefix(9)), "topics.kind.made");
    assert_eq!(category(Category::TypePrefix(2)), "topics.kind");

    let map = TopicMap::new();
    assert_eq!(
        map.clone().without_resource().topic(&event).resource(),
        None
    );
    assert_eq!(
        map.clone().resource_from("tenant").topic(&event).resource(),
        Some("blue".into())
    );
    assert_eq!(map.resource_from("nothing").topic(&event).resource(), None);
}
