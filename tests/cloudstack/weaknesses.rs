//! 5.4: what CloudStack's buses got wrong, as tests that this one passes. The documentation of the module says which of the
//! faults cannot be made here at all.

use crate::common::{Count, Hold, Log, assert_adds_up, guarded, holding, wait_until};
use crate::distributor::topic;
use laneway::cloudstack::{Compatible, EventBus, UnsubscribeError};
use laneway::{Event, Filter, Router, Topic};
use std::sync::{Arc, Mutex};
use std::thread;

fn bus<E: Clone + Send + 'static>(shards: usize) -> EventBus<E> {
    EventBus::new(
        "internal",
        Router::builder().shards(shards).build().unwrap(),
    )
}

/// There, subscriptions to RabbitMQ could not be removed: they were looked up under another id.
#[test]
fn every_id_that_was_given_out_can_be_unsubscribed() {
    guarded(|| {
        let bus = bus::<u32>(2);
        // All of one kind: ids do not come from the kind of the subscriber.
        let ids = Vec::from_iter((0..50).map(|_| {
            let count = Count::default();
            let id = bus.subscribe(Filter::any(), count.handler()).unwrap();
            (id, count)
        }));
        for (id, _) in ids.iter().rev() {
            bus.unsubscribe(*id).unwrap();
        }
        bus.publish(topic(), 1).unwrap();
        bus.router().flush().unwrap();
        assert!(ids.iter().all(|(_, count)| count.get() == 0));
        assert!(bus.router().subscriptions().is_empty());
    });
}

/// There, publishing ran the subscribers.
#[test]
fn no_subscriber_runs_on_the_thread_that_publishes() {
    guarded(|| {
        let bus = bus(2);
        let threads = Log::default();
        for _ in 0..4 {
            let threads = threads.clone();
            bus.subscribe(Filter::any(), move |_: &Event<u32>| {
                threads.push(thread::current().id());
            })
            .unwrap();
        }
        // Neither waits for one that hangs.
        let hold = Hold::default();
        bus.subscribe(Filter::any(), holding(&hold)).unwrap();
        bus.publish(topic(), 1).unwrap();
        hold.wait_for_arrival();
        hold.release();
        bus.router().flush().unwrap();
        let seen = threads.all();
        assert_eq!(seen.len(), 4);
        assert!(!seen.contains(&thread::current().id()));
    });
}

/// There, one that threw kept the event from those behind it, and the publisher got the exception.
#[test]
fn a_subscriber_that_panics_costs_nobody_an_event() {
    guarded(|| {
        let bus = bus(1);
        let logs = [Log::default(), Log::default()];
        bus.subscribe(Filter::any(), logs[0].handler()).unwrap();
        let survived = Log::default();
        let notes = survived.clone();
        let bad = bus
            .subscribe(Filter::any(), move |event: &Event<u32>| {
                assert!(!event.payload().is_multiple_of(10), "a bad one");
                notes.push(*event.payload());
            })
            .unwrap();
        bus.subscribe(Filter::any(), logs[1].handler()).unwrap();
        for number in 0..100 {
            bus.publish(topic(), number).unwrap();
        }
        bus.router().flush().unwrap();
        for log in &logs {
            assert_eq!(log.all(), Vec::from_iter(0..100));
        }
        // It stays subscribed, and gets what it can bear.
        assert_eq!(survived.len(), 90);
        let stats = bus.subscriber(bad).unwrap().stats();
        assert_eq!((stats.handled, stats.panics), (100, 10));
        assert_adds_up(stats);
        bus.unsubscribe(bad).unwrap();
    });
}

/// There, publishing failed on a subscriber that was unsubscribed meanwhile.
#[test]
fn unsubscribing_while_others_publish() {
    guarded(|| {
        let bus = bus::<u32>(2);
        let all = Count::default();
        bus.subscribe(Filter::any(), all.handler()).unwrap();
        let publishers = Vec::from_iter((0..2).map(|_| {
            let bus = bus.clone();
            thread::spawn(move || {
                for number in 0..2000 {
                    bus.publish(topic(), number).unwrap();
                }
            })
        }));
        while publishers.iter().any(|publisher| !publisher.is_finished()) {
            let own = Count::default();
            let id = bus.subscribe(Filter::any(), own.handler()).unwrap();
            bus.unsubscribe(id).unwrap();
            let seen = own.get();
            thread::yield_now();
            assert_eq!(own.get(), seen, "it was called after it was unsubscribed");
        }
        for publisher in publishers {
            publisher.join().unwrap();
        }
        bus.router().flush().unwrap();
        assert_eq!(all.get(), 4000);
    });
}

/// Who loses the race for an id waits for the last call too.
#[test]
fn two_threads_unsubscribe_the_same() {
    guarded(|| {
        let bus = bus(1);
        let hold = Hold::default();
        let id = bus.subscribe(Filter::any(), holding(&hold)).unwrap();
        bus.publish(topic(), 1).unwrap();
        hold.wait_for_arrival();
        let released = Arc::new(Mutex::new(false));
        let both = Vec::from_iter((0..2).map(|_| {
            let (bus, released) = (bus.clone(), Arc::clone(&released));
            thread::spawn(move || {
                let result = bus.unsubscribe(id);
                assert!(*released.lock().unwrap(), "it was still running");
                result
            })
        }));
        wait_until(|| bus.total_subscribers() == 0);
        *released.lock().unwrap() = true;
        hold.release();
        let results = both.into_iter().map(|thread| thread.join().unwrap());
        let results = Vec::from_iter(results);
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(results.contains(&Err(UnsubscribeError::NoSubscribers)));
    });
}

/// There, all instances had the same subscribers.
#[test]
fn a_bus_has_its_own_subscribers() {
    guarded(|| {
        let (one, other) = (bus::<u32>(1), bus::<u32>(1));
        let log = Log::default();
        let id = one.subscribe(Filter::any(), log.handler()).unwrap();
        other.publish(topic(), 1).unwrap();
        other.router().flush().unwrap();
        assert_eq!((log.len(), other.total_subscribers()), (0, 0));
        assert_eq!(other.unsubscribe(id), Err(UnsubscribeError::NoSubscribers));
        assert_eq!(one.total_subscribers(), 1);
    });
}

/// There, an event went through all subscribers and their texts. Here even those that compare texts do so once for each
/// combination of names: many more events than that take no more comparing.
#[test]
fn a_predicate_remembers_and_stays_right_when_it_cannot() {
    let compatible = Compatible::any().event_type("remembered.7");
    let mut matches = compatible.predicate();
    let mut matched = 0;
    for _ in 0..2 {
        for number in 0..5000 {
            let topic = Topic::new("RememberedEvent", format!("REMEMBERED-{number}")).unwrap();
            assert_eq!(matches(topic), number == 7);
            matched += u32::from(matches(topic.with_resource(number)));
        }
    }
    assert_eq!(matched, 2);
}

/// There, what a subscriber got from RabbitMQ was a word of the key, and not the name.
#[test]
fn names_come_back_from_keys() {
    guarded(|| {
        let bus = bus(1);
        let log = Log::default();
        let names = log.clone();
        let filter = Filter::any().event_type("BACK.FROM.KEY");
        bus.subscribe(filter, move |event: &Event<u32>| {
            names.push(event.topic().event_type());
        })
        .unwrap();
        let key = "management-server.ActionEvent.BACK-FROM-KEY.*.*";
        bus.publish(Topic::from_routing_key(key).unwrap(), 1)
            .unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), ["BACK.FROM.KEY"]);
    });
}
