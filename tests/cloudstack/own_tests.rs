//! 5.2: the cases of CloudStack's own tests.

use crate::common::{Count, guarded};
use crate::distributor::{Fake, topic};
use laneway::cloudstack::{BusError, EventBus, EventDistributor, RoutingKey, UnsubscribeError};
use laneway::{Event, Filter, Published, Router};
use uuid::Uuid;

fn bus() -> EventBus<u32> {
    EventBus::new("test-bus", Router::new())
}

#[test]
fn the_name_is_configured() {
    assert_eq!(bus().name(), "test-bus");
}

#[test]
fn one_subscribes_and_unsubscribes() {
    guarded(|| {
        let bus = bus();
        let id = bus.subscribe(Filter::any(), |_| ()).unwrap();
        assert!(!id.is_nil());
        assert_eq!(bus.total_subscribers(), 1);
        bus.unsubscribe(id).unwrap();
        assert_eq!(bus.total_subscribers(), 0);
    });
}

// That a topic or a subscriber is null cannot be written here.

#[test]
fn unsubscribing_without_subscribers() {
    let error = bus().unsubscribe(Uuid::from_u128(1)).unwrap_err();
    assert_eq!(error, UnsubscribeError::NoSubscribers);
    assert_eq!(error.to_string(), "the bus has no subscribers");
}

#[test]
fn unsubscribing_without_an_id() {
    let bus = bus();
    assert_eq!(bus.unsubscribe(Uuid::nil()), Err(UnsubscribeError::Nil));
    bus.subscribe(Filter::any(), |_| ()).unwrap();
    assert_eq!(bus.unsubscribe(Uuid::nil()), Err(UnsubscribeError::Nil));
    assert_eq!(bus.total_subscribers(), 1);
}

#[test]
fn unsubscribing_with_a_wrong_id() {
    guarded(|| {
        let bus = bus();
        let id = bus.subscribe(Filter::any(), |_| ()).unwrap();
        let wrong = Uuid::from_u128(7);
        let error = bus.unsubscribe(wrong).unwrap_err();
        assert_eq!(error, UnsubscribeError::Unknown(wrong));
        assert!(error.to_string().contains(&wrong.to_string()));
        assert_eq!(bus.total_subscribers(), 1);
        bus.unsubscribe(id).unwrap();
    });
}

#[test]
fn an_event_comes_once_with_a_topic_without_fields() {
    guarded(|| {
        let (bus, count) = (bus(), Count::default());
        bus.subscribe(Filter::any(), count.handler()).unwrap();
        let nothing = RoutingKey::default().register().unwrap();
        bus.publish(nothing, 1).unwrap();
        bus.router().flush().unwrap();
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn without_subscribers_nobody_is_called() {
    guarded(|| {
        let bus = bus();
        assert_eq!(bus.publish(topic(), 1), Ok(Published::Unmatched));
        let count = Count::default();
        let id = bus.subscribe(Filter::any(), count.handler()).unwrap();
        bus.unsubscribe(id).unwrap();
        assert_eq!(bus.publish(topic(), 2), Ok(Published::Unmatched));
        assert_eq!(count.get(), 0);
    });
}

// That an event is null cannot be written here: a distributor is given a topic and a payload.

#[test]
fn one_of_two_buses_fails() {
    guarded(|| {
        let mut distributor = EventDistributor::new();
        let failing = |_: &u32| Err(BusError::other("down"));
        distributor.add(Fake("one", failing)).unwrap();
        distributor.add(bus()).unwrap();
        let failures = distributor.publish(topic(), Event::new(topic(), 1).payload());
        assert_eq!(Vec::from_iter(failures.keys()), ["one"]);
    });
}
