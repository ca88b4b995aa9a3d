//! Lifecycle events on a router.

use crate::common::{Log, guarded};
use laneway::lifecycle::{CATEGORY, EventType, LifecycleEvent, RESOURCE_TYPE, filter};
use laneway::{Filter, Router, Topic, registry_stats};

fn startup(component: &str, identity: &str) -> LifecycleEvent {
    let event = LifecycleEvent::startup(component, "1").identity(identity);
    event.build().unwrap()
}

#[test]
fn the_topic_has_all_five_fields() {
    let names = Topic::builder(CATEGORY, "startup").source("routing-server");
    let known = names.resource_type(RESOURCE_TYPE).build().unwrap();
    let topic = startup("routing-server", "n1").topic();
    assert_eq!(topic, known.with_resource("n1"));

    let anonymous = r#"{"protocol":"io.choria.lifecycle.v1.startup"}"#;
    let topic = LifecycleEvent::from_json(anonymous).unwrap().topic();
    assert_eq!((topic.source(), topic.resource()), (None, None));
}

#[test]
fn filters_pick_by_type_component_and_node() {
    guarded(|| {
        let router = Router::<LifecycleEvent>::new();
        let subscribe = |filter: Filter| {
            let log = Log::default();
            router.subscribe(filter, log.handler()).unwrap();
            log
        };
        let all = subscribe(filter(None, None));
        let shutdowns = subscribe(filter(Some(EventType::Shutdown), None));
        let brokers = subscribe(filter(None, Some("routing-broker")));
        let node = subscribe(filter(None, None).resource("n2"));
        let events = [
            startup("routing-server", "n1"),
            startup("routing-broker", "n2"),
            LifecycleEvent::shutdown("nobody heard of")
                .identity("n2")
                .build()
                .unwrap(),
        ];
        for event in &events {
            router.publish(event.topic(), event.clone()).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(all.all(), events);
        assert_eq!(shutdowns.all(), [events[2].clone()]);
        assert_eq!(brokers.all(), [events[1].clone()]);
        assert_eq!(node.all(), [events[1].clone(), events[2].clone()]);
    });
}

#[test]
fn strangers_cannot_fill_the_registry() {
    guarded(|| {
        let router = Router::<LifecycleEvent>::new();
        let log = Log::default();
        router.subscribe(filter(None, None), log.handler()).unwrap();
        let before = registry_stats();
        let mut publisher = router.publisher();
        for number in 0..20_000 {
            let event = startup(&format!("made-up-{number}"), &format!("n{number}"));
            publisher.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(log.len(), 20_000);
        let after = registry_stats();
        // Other tests register a few names meanwhile.
        assert!(
            after.classes - before.classes < 1000,
            "{before:?} {after:?}"
        );
        assert!(
            after.text_bytes - before.text_bytes < 10_000,
            "{before:?} {after:?}"
        );
    });
}
