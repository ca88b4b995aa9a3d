//! 5.3, #12207: events of a transaction are published after its commit, or never.

use crate::common::{Log, guarded};
use laneway::cloudstack::{Bus, BusError, EventBus, EventCategory, EventTransaction};
use laneway::{Filter, Published, Router, Topic};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Takes so many events and then no more.
#[derive(Default)]
struct Limited(AtomicUsize);

impl Bus<usize> for Limited {
    fn name(&self) -> &str {
        "limited"
    }

    fn publish(&self, _: Topic, &number: &usize) -> Result<Published, BusError> {
        assert_eq!(number, self.0.load(Ordering::Relaxed), "in order");
        if number == 3 {
            return Err(BusError::other("disk full"));
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(Published::Routed)
    }
}

fn topic() -> Topic {
    EventCategory::ACTION.topic("VM.CREATE").build().unwrap()
}

fn filled(count: usize) -> EventTransaction<usize> {
    let mut events = EventTransaction::new();
    for number in 0..count {
        events.add(topic(), number).unwrap();
    }
    events
}

#[test]
fn nothing_before_the_commit_and_all_after_it() {
    guarded(|| {
        let bus = EventBus::new("internal", Router::new());
        let log = Log::default();
        bus.subscribe(Filter::any(), log.handler()).unwrap();
        let events = filled(10);
        bus.router().flush().unwrap();
        assert_eq!((log.len(), events.len()), (0, 10));
        assert_eq!(events.commit(&bus).unwrap(), 10);
        bus.router().flush().unwrap();
        assert_eq!(log.take(), Vec::from_iter(0..10));
        // Rolled back.
        drop(filled(10));
        assert!(filled(0).is_empty());
        assert_eq!(filled(0).commit(&bus).unwrap(), 0);
        bus.router().flush().unwrap();
        assert_eq!(log.len(), 0);
    });
}

#[test]
fn what_a_bus_does_not_take_comes_back() {
    let bus = Limited::default();
    let error = filled(5).commit(&bus).unwrap_err();
    assert_eq!((error.published, error.unsent.len()), (3, 2));
    assert_eq!(error.to_string(), "3 events were published, and 2 not");
    assert_eq!(error.error.to_string(), "disk full");
    let numbers = error.unsent.into_iter().map(|(_, number)| number);
    assert_eq!(Vec::from_iter(numbers), [3, 4]);
}

#[test]
fn a_transaction_is_bounded() {
    let mut events = filled(EventTransaction::<usize>::LIMIT);
    let full = events.add(topic(), 7).unwrap_err();
    assert_eq!(full.0, 7);
    assert_eq!(events.len(), EventTransaction::<usize>::LIMIT);
}
