//! 5.1: several buses at once.

use crate::common::{Count, Hold, Log, guarded, holding};
use laneway::cloudstack::{
    AddBusError, Bus, BusError, EventBus, EventCategory, EventDistributor, PublishSwitches,
};
use laneway::{Event, Filter, Published, Router, Topic};
use std::cell::Cell;
use std::time::Duration;

/// A bus that does as the closure says.
pub(crate) struct Fake<F>(pub(crate) &'static str, pub(crate) F);

impl<E, F> Bus<E> for Fake<F>
where
    F: Fn(&E) -> Result<Published, BusError> + Send + Sync,
{
    fn name(&self) -> &str {
        self.0
    }

    fn publish(&self, _: Topic, payload: &E) -> Result<Published, BusError> {
        (self.1)(payload)
    }
}

pub(crate) fn topic() -> Topic {
    EventCategory::ACTION.topic("VM.START").build().unwrap()
}

fn names<E>(distributor: &EventDistributor<E>) -> Vec<&str> {
    distributor.names().collect()
}

#[test]
fn every_bus_gets_every_event() {
    guarded(|| {
        let mut distributor = EventDistributor::new();
        let logs = [Log::default(), Log::default(), Log::default()];
        let mut buses = Vec::new();
        for (name, log) in ["one", "two", "three"].into_iter().zip(&logs) {
            let bus = EventBus::new(name, Router::new());
            bus.subscribe(Filter::any(), log.handler()).unwrap();
            distributor.add(bus.clone()).unwrap();
            buses.push(bus);
        }
        assert_eq!(names(&distributor), ["one", "two", "three"]);
        for number in 0..1000 {
            let failures = distributor.publish(topic(), &number);
            assert!(failures.is_empty(), "{failures:?}");
        }
        for (bus, log) in buses.iter().zip(&logs) {
            bus.router().flush().unwrap();
            assert_eq!(log.all(), Vec::from_iter(0..1000));
        }
        assert_eq!(distributor.remove("two").unwrap().name(), "two");
        assert!(distributor.remove("two").is_none());
        distributor.publish(topic(), &1000);
        let [one, two, three] = &logs;
        for bus in &buses {
            bus.router().flush().unwrap();
        }
        assert_eq!([one.len(), two.len(), three.len()], [1001, 1000, 1001]);
    });
}

#[test]
fn names_are_unique() {
    let mut distributor = EventDistributor::<u32>::new();
    let fine = |_: &u32| Ok(Published::Routed);
    distributor.add(Fake("a", fine)).unwrap();
    assert_eq!(
        distributor.add(Fake("a", fine)),
        Err(AddBusError::DuplicateName("a".into()))
    );
    assert_eq!(distributor.add(Fake("", fine)), Err(AddBusError::NoName));
    distributor.add(Fake("A", fine)).unwrap();
    assert_eq!(names(&distributor), ["a", "A"]);
    distributor.remove("a").unwrap();
    distributor.add(Fake("a", fine)).unwrap();
    assert_eq!(names(&distributor), ["A", "a"]);
}

#[test]
fn a_bus_that_was_removed_can_be_added_again() {
    let (mut distributor, count) = (EventDistributor::<u32>::new(), Count::default());
    let taken = count.clone();
    let bus = Fake("moved", move |_: &u32| {
        taken.add();
        Ok(Published::Routed)
    });
    distributor.add(bus).unwrap();
    let boxed = distributor.remove("moved").unwrap();
    distributor.add(boxed).unwrap();
    assert!(distributor.publish(topic(), &1).is_empty());
    assert_eq!((names(&distributor), count.get()), (vec!["moved"], 1));
}

#[test]
fn buses_and_distributors_can_be_shared_among_threads() {
    fn is_shareable<T: Send + Sync>(_: &T) {}

    is_shareable(&EventDistributor::<u32>::new());
    // Also with events that cannot be shared themselves.
    is_shareable(&EventDistributor::<Cell<u32>>::new());
    is_shareable(&EventBus::new("cells", Router::<Cell<u32>>::new()));
}

#[test]
fn there_is_a_limit() {
    let mut distributor = EventDistributor::<u32>::new();
    for number in 0..EventDistributor::<u32>::LIMIT {
        let name: &'static str = Box::leak(number.to_string().into());
        let bus = Fake(name, |_: &u32| Ok(Published::Routed));
        distributor.add(bus).unwrap();
    }
    let bus = Fake("one more", |_: &u32| Ok(Published::Routed));
    assert_eq!(distributor.add(bus), Err(AddBusError::TooMany));
}

#[test]
fn failures_are_told_by_name_and_stop_nobody() {
    guarded(|| {
        let mut distributor = EventDistributor::new();
        let (internal, log) = (EventBus::new("internal", Router::new()), Log::default());
        internal.subscribe(Filter::any(), log.handler()).unwrap();
        let closed = EventBus::new("closed", Router::new());
        closed.router().shutdown(Duration::from_secs(60));
        let down = |number: &u32| Err(BusError::other(format!("no route for {number}")));
        distributor.add(Fake("down", down)).unwrap();
        let panics = |number: &u32| panic!("cannot bear {number}");
        distributor.add(Fake("panics", panics)).unwrap();
        distributor.add(closed).unwrap();
        distributor.add(internal.clone()).unwrap();
        for number in 0..3 {
            let failures = distributor.publish(topic(), &number);
            let texts = failures
                .iter()
                .map(|(name, error)| format!("{name}: {error}"));
            assert_eq!(
                Vec::from_iter(texts),
                [
                    "closed: the bus is closed".into(),
                    format!("down: no route for {number}"),
                    "panics: the bus panicked".into(),
                ]
            );
        }
        internal.router().flush().unwrap();
        assert_eq!(log.all(), [0, 1, 2]);
    });
}

#[test]
fn a_bus_whose_subscriber_hangs_holds_nobody_up_for_long() {
    guarded(|| {
        let router = Router::builder().shards(1).build().unwrap();
        let stuck = EventBus::new("stuck", router).patience(Duration::from_millis(1));
        let hold = Hold::default();
        stuck.subscribe(Filter::any(), holding(&hold)).unwrap();
        let (fine, log) = (EventBus::new("fine", Router::new()), Log::default());
        fine.subscribe(Filter::any(), log.handler()).unwrap();
        let mut distributor = EventDistributor::new();
        distributor.add(stuck.clone()).unwrap();
        distributor.add(fine.clone()).unwrap();
        let mut number = 0;
        let failures = loop {
            let failures = distributor.publish(topic(), &number);
            number += 1;
            if !failures.is_empty() {
                break failures;
            }
        };
        assert!(matches!(failures["stuck"], BusError::Full));
        assert_eq!(failures.len(), 1);
        fine.router().flush().unwrap();
        assert_eq!(log.all(), Vec::from_iter(0..number));
        hold.wait_for_arrival();
        hold.release();
    });
}

#[test]
fn switches_turn_categories_off() {
    let taken = Count::default();
    let count = taken.clone();
    let switches = PublishSwitches {
        usage: false,
        ..PublishSwitches::default()
    };
    let mut distributor = EventDistributor::new().switches(switches);
    let bus = Fake("counts", move |_: &u32| {
        count.add();
        Ok(Published::Routed)
    });
    distributor.add(bus).unwrap();
    for category in EventCategory::ALL {
        let topic = category.topic("SWITCHED").build().unwrap();
        assert!(distributor.publish(topic, &1).is_empty());
    }
    assert_eq!(taken.get(), 4);
}

#[test]
fn without_a_bus_nothing_fails() {
    let distributor = EventDistributor::default();
    assert!(distributor.publish(topic(), &1).is_empty());
    let event = Event::new(topic(), 1);
    assert!(
        distributor
            .publish(event.topic(), event.payload())
            .is_empty()
    );
}
