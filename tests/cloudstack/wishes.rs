//! 5.3: what CloudStack's users asked for, as far as a bus can give it. (`transactions.rs` has #12207.)

use crate::common::{Log, guarded};
use crate::distributor::{Fake, topic};
use laneway::cloudstack::{
    ActionBody, BusError, EventBus, EventCategory, EventDistributor, EventRecord, PublishSwitches,
};
use laneway::{Event, Filter, Published, Router, Topic};
use std::time::Duration;

/// #6778: more than one bus at a time. #10117: that one cannot deliver is told, and the other delivers.
#[test]
fn several_buses_and_none_is_silent() {
    guarded(|| {
        let mut distributor = EventDistributor::new();
        let webhook = |_: &u32| Err(BusError::other("the account is missing"));
        distributor.add(Fake("webhook", webhook)).unwrap();
        let (amqp, log) = (EventBus::new("amqp", Router::new()), Log::default());
        amqp.subscribe(Filter::any(), log.handler()).unwrap();
        distributor.add(amqp.clone()).unwrap();
        let failures = distributor.publish(topic(), &1);
        assert_eq!(failures["webhook"].to_string(), "the account is missing");
        amqp.router().flush().unwrap();
        assert_eq!(log.all(), [1]);
    });
}

/// #9445 and #9040: events about whatever an application wants, not only what a bus knows of.
#[test]
fn events_of_any_category_and_type() {
    guarded(|| {
        let bus = EventBus::new("internal", Router::new());
        let log = Log::default();
        const CONFIG: EventCategory = EventCategory::new("ConfigEvent");
        bus.subscribe(CONFIG.filter(), log.handler()).unwrap();
        for event_type in ["CONFIGURATION.VALUE.EDIT", "RESOURCE.LIMIT.UPDATE"] {
            let topic = CONFIG.topic(event_type).build().unwrap();
            bus.publish(topic, event_type).unwrap();
        }
        bus.router().flush().unwrap();
        assert_eq!(log.len(), 2);
        assert!(PublishSwitches::default().allow(CONFIG.name()));
    });
}

/// #7589: a wrong setting is told with its key.
#[test]
fn a_wrong_setting_is_told() {
    let error = PublishSwitches::from_settings([("publish.alert.events", "yes")]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "publish.alert.events is neither true nor false"
    );
}

/// #12634: stopping what never started, and stopping twice.
#[test]
fn stopping_fails_on_nothing() {
    guarded(|| {
        let bus = EventBus::<u32>::new("internal", Router::new());
        for _ in 0..2 {
            let report = bus.router().shutdown(Duration::from_secs(60));
            assert!(report.is_complete());
        }
        drop(EventDistributor::<u32>::new());
    });
}

/// #857: a blocked broker froze what published. `distributor.rs` has the test of a bus that hangs; a bus of another kind
/// decides itself, and says so.
#[test]
fn a_blocked_broker_is_a_failure_of_its_own() {
    let mut distributor = EventDistributor::new();
    let blocked = |_: &u32| Err(BusError::Full);
    distributor.add(Fake("rabbitmq", blocked)).unwrap();
    let taken = |_: &u32| Ok(Published::Routed);
    distributor.add(Fake("kafka", taken)).unwrap();
    let failures = distributor.publish(topic(), &1);
    assert_eq!(
        failures["rabbitmq"].to_string(),
        "the bus had no room in time"
    );
    assert_eq!(failures.len(), 1);
}

/// cloudstack-documentation#487: an alert comes once, however many of a subscriber's filters match it.
#[test]
fn an_alert_comes_once() {
    guarded(|| {
        let bus = EventBus::new("internal", Router::new());
        let log = Log::default();
        let handler = log.handler();
        bus.subscribe_with(|builder| {
            builder
                .filter(EventCategory::ALERT.filter())
                .filter(Filter::any().event_type("ALERT.*"))
                .filter(Filter::any())
                .handler(handler)
        })
        .unwrap();
        let topic = EventCategory::ALERT.topic("ALERT.MEMORY").build().unwrap();
        bus.publish(topic, 1).unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), [1]);
    });
}

/// #1940: descriptions that programs can read.
#[test]
fn descriptions_for_programs() {
    let body = ActionBody {
        event: Some("VM.START".into()),
        ..ActionBody::default()
    };
    let record = EventRecord {
        description: Some(body.to_json()),
        event_type: body.event.clone(),
        ..EventRecord::default()
    };
    let read = EventRecord::from_json(record.to_json()).unwrap();
    assert_eq!(ActionBody::from_json(read.description.unwrap()), Ok(body));
}

/// #109: subscribing where there was none. Events from a bus that only produces are published to one that has subscribers.
#[test]
fn what_comes_from_a_broker_finds_subscribers() {
    guarded(|| {
        let bus = EventBus::new("bridge", Router::new());
        let log = Log::default();
        let notes = log.clone();
        bus.subscribe(
            EventCategory::ACTION.filter().event_type("BRIDGED.*"),
            move |event: &Event<String>| notes.push(event.topic().routing_key()),
        )
        .unwrap();
        Topic::new("ActionEvent", "BRIDGED.OVER").unwrap();
        for key in [
            "*.ActionEvent.BRIDGED-OVER.*.*",
            "*.AlertEvent.BRIDGED-OVER.*.*",
        ] {
            let topic = Topic::from_routing_key(key).unwrap();
            bus.publish(topic, "{}".into()).unwrap();
        }
        bus.router().flush().unwrap();
        assert_eq!(log.all(), ["*.ActionEvent.BRIDGED-OVER.*.*"]);
    });
}
