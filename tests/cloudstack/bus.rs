//! 5.1: a bus, its subscribers and their UUIDs.

use crate::common::{Count, Hold, Log, assert_adds_up, guarded, holding, rounds};
use laneway::cloudstack::{Bus, BusError, EventBus, EventCategory, UnsubscribeError};
use laneway::{
    Actor, Context, Event, Filter, FilterError, Overflow, Published, Router, SubscribeError, Topic,
};
use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;
use uuid::Uuid;

fn bus<E: Clone + Send + 'static>() -> EventBus<E> {
    EventBus::new("internal", Router::builder().shards(1).build().unwrap())
}

fn topic() -> Topic {
    EventCategory::ACTION.topic("VM.START").build().unwrap()
}

#[test]
fn subscribers_have_ids_of_their_own() {
    guarded(|| {
        let bus = bus::<u32>();
        assert_eq!(bus.name(), "internal");
        let ids = (0..100).map(|_| bus.subscribe(Filter::any(), |_| ()).unwrap());
        let ids = HashSet::<Uuid>::from_iter(ids);
        assert_eq!((ids.len(), bus.total_subscribers()), (100, 100));
        for (gone, id) in ids.into_iter().enumerate() {
            assert!(bus.subscriber(id).is_some());
            bus.unsubscribe(id).unwrap();
            assert_eq!(bus.total_subscribers(), 99 - gone);
            assert!(bus.subscriber(id).is_none());
        }
    });
}

#[test]
fn an_event_goes_to_those_who_asked_for_it() {
    guarded(|| {
        let bus = bus();
        let (all, starts, alerts) = (Log::default(), Log::default(), Log::default());
        bus.subscribe(Filter::any(), all.handler()).unwrap();
        let about = EventCategory::ACTION.filter().event_type("VM.*");
        bus.subscribe(about, starts.handler()).unwrap();
        bus.subscribe(EventCategory::ALERT.filter(), alerts.handler())
            .unwrap();
        assert_eq!(bus.publish(topic(), 1), Ok(Published::Routed));
        let stranger = Topic::new("OtherEvent", "LOGIN").unwrap();
        bus.publish(stranger, 2).unwrap();
        bus.router().flush().unwrap();
        assert_eq!(all.all(), [1, 2]);
        assert_eq!(starts.all(), [1]);
        assert_eq!(alerts.len(), 0);
    });
}

#[test]
fn actors_and_builders() {
    struct Last(Log<u32>);

    impl Actor<u32> for Last {
        fn handle(&mut self, event: &Event<u32>, ctx: &mut Context<'_, u32>) {
            self.0.push(*event.payload());
            ctx.stop();
        }
    }

    guarded(|| {
        let bus = bus();
        let (log, dedicated) = (Log::default(), Log::default());
        let id = bus.spawn(Filter::any(), Last(log.clone())).unwrap();
        let handler = dedicated.handler();
        let own = bus.subscribe_with(|builder| {
            let builder = builder.named("own thread").filter(Filter::exact(topic()));
            builder.mailbox(8, Overflow::DropOldest).dedicated(handler)
        });
        let own = bus.subscriber(own.unwrap()).unwrap();
        assert_eq!(own.name(), Some("own thread"));
        bus.publish(topic(), 1).unwrap();
        bus.publish(topic(), 2).unwrap();
        bus.router().flush().unwrap();
        // The actor has ended itself, so its id is unknown.
        assert_eq!(log.all(), [1]);
        assert_eq!(dedicated.all(), [1, 2]);
        assert_eq!(bus.total_subscribers(), 1);
        assert!(bus.subscriber(id).is_none());
        assert_eq!(bus.unsubscribe(id), Err(UnsubscribeError::Unknown(id)));
        let named = bus.subscribe_with(|builder| {
            let builder = builder.named("own thread").filter(Filter::any());
            builder.handler(|_| ())
        });
        let taken = SubscribeError::DuplicateName("own thread".into());
        assert_eq!(named, Err(taken));
    });
}

#[test]
fn a_filter_that_is_wrong_is_refused() {
    let error = bus::<u32>().subscribe(Filter::any().source(""), |_| ());
    assert!(matches!(
        error,
        Err(SubscribeError::Filter(FilterError::Empty { .. }))
    ));
}

#[test]
fn a_closed_bus() {
    guarded(|| {
        let bus = bus();
        bus.subscribe(Filter::any(), |_: &Event<u32>| ()).unwrap();
        assert!(bus.router().shutdown(Duration::from_secs(60)).is_complete());
        assert_eq!(bus.publish(topic(), 7).unwrap_err().into_payload(), 7);
        assert!(matches!(
            Bus::publish(&bus, topic(), &7),
            Err(BusError::Closed)
        ));
        assert_eq!(
            bus.subscribe(Filter::any(), |_| ()),
            Err(SubscribeError::Closed)
        );
        assert_eq!(bus.total_subscribers(), 0);
    });
}

#[test]
fn as_a_bus_it_waits_no_longer_than_its_patience() {
    guarded(|| {
        let bus = bus::<u64>().patience(Duration::from_millis(5));
        let (hold, log) = (Hold::default(), Log::default());
        let id = bus.subscribe(Filter::any(), holding(&hold)).unwrap();
        bus.subscribe(Filter::any(), log.handler()).unwrap();
        let mut sent = 0;
        let error = loop {
            match Bus::publish(&bus, topic(), &sent) {
                Ok(_) => sent += 1,
                Err(error) => break error,
            }
            hold.wait_for_arrival();
        };
        assert!(matches!(error, BusError::Full));
        assert!(sent > 0);
        hold.release();
        // Nothing of what it refused was published.
        Bus::publish(&bus.clone().patience(Duration::MAX), topic(), &sent).unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), Vec::from_iter(0..=sent));
        assert_adds_up(bus.subscriber(id).unwrap().stats());
    });
}

#[test]
fn as_a_bus_it_goes_on_when_there_is_room() {
    guarded(|| {
        let bus = bus::<u64>().patience(Duration::MAX);
        let (hold, log) = (Hold::default(), Log::default());
        bus.subscribe(Filter::any(), holding(&hold)).unwrap();
        bus.subscribe(Filter::any(), log.handler()).unwrap();
        let publisher = bus.clone();
        let publishing = thread::spawn(move || {
            for number in 0..10_000 {
                Bus::publish(&publisher, topic(), &number).unwrap();
            }
        });
        hold.wait_for_arrival();
        hold.release();
        publishing.join().unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), Vec::from_iter(0..10_000));
    });
}

#[test]
fn a_subscriber_may_use_the_bus() {
    guarded(|| {
        let bus = bus::<u32>();
        let (own, log) = (bus.clone(), Log::default());
        let second = log.clone();
        let mut state = 0;
        bus.subscribe(EventCategory::ACTION.filter(), move |event| {
            state += 1;
            let answer = EventCategory::ALERT.topic("ANSWER").build().unwrap();
            if state == 1 {
                let id = own.subscribe(EventCategory::ALERT.filter(), second.handler());
                assert!(id.is_ok());
            }
            Bus::publish(&own, answer, event.payload()).unwrap();
        })
        .unwrap();
        bus.publish(topic(), 1).unwrap();
        bus.publish(topic(), 2).unwrap();
        bus.router().flush().unwrap();
        bus.router().flush().unwrap();
        assert_eq!(log.all(), [1, 2]);
        assert_eq!(bus.total_subscribers(), 2);
        // The handler holds the router; it does not end of itself.
        bus.router().shutdown(Duration::from_secs(60));
    });
}

#[test]
fn a_subscriber_may_unsubscribe_itself() {
    guarded(|| {
        let bus = bus::<u32>();
        let (own, own_id, log) = (bus.clone(), Arc::new(OnceLock::new()), Log::default());
        let (known, notes) = (Arc::clone(&own_id), log.clone());
        let id = bus.subscribe(Filter::any(), move |event| {
            notes.push((*event.payload(), own.unsubscribe(*known.get().unwrap())));
        });
        own_id.set(id.unwrap()).unwrap();
        for number in 0..3 {
            bus.publish(topic(), number).unwrap();
        }
        bus.router().flush().unwrap();
        assert_eq!(log.all(), [(0, Ok(()))]);
        assert_eq!(bus.total_subscribers(), 0);
    });
}

#[test]
fn buses_that_share_a_router_share_events_and_nothing_else() {
    guarded(|| {
        let router = Router::new();
        let (one, other) = (
            EventBus::new("one", router.clone()),
            EventBus::new("other", router),
        );
        let log = Log::default();
        let id = one.subscribe(Filter::any(), log.handler()).unwrap();
        other.publish(topic(), 7).unwrap();
        assert_eq!((one.total_subscribers(), other.total_subscribers()), (1, 0));
        assert_eq!(other.unsubscribe(id), Err(UnsubscribeError::NoSubscribers));
        other.router().flush().unwrap();
        assert_eq!(log.all(), [7]);
        one.unsubscribe(id).unwrap();
    });
}

#[test]
fn ended_subscribers_make_room_for_others() {
    guarded(|| {
        let router = Router::builder().max_subscriptions(8).build().unwrap();
        let bus = EventBus::new("internal", router);
        let kept = bus
            .subscribe(Filter::any().category("none"), |_| ())
            .unwrap();
        for _ in 0..rounds(1000) {
            let once = bus.subscribe_with(|builder| {
                let builder = builder.filter(Filter::any());
                builder.handler_ctx(|_: &Event<u32>, ctx| ctx.stop())
            });
            once.unwrap();
            bus.publish(topic(), 1).unwrap();
            bus.router().flush().unwrap();
        }
        assert_eq!(bus.total_subscribers(), 1);
        bus.unsubscribe(kept).unwrap();
    });
}

#[test]
fn many_threads_subscribe_publish_and_unsubscribe() {
    guarded(|| {
        let bus = Arc::new(bus::<usize>());
        let all = Count::default();
        let id = bus.subscribe(Filter::any(), all.handler()).unwrap();
        let threads = (0..4).map(|_| {
            let bus = Arc::clone(&bus);
            thread::spawn(move || {
                for number in 0..rounds(200) {
                    let own = Count::default();
                    let id = bus.subscribe(Filter::any(), own.handler()).unwrap();
                    bus.publish(topic(), number).unwrap();
                    bus.router().flush().unwrap();
                    bus.unsubscribe(id).unwrap();
                    let seen = own.get();
                    assert!(seen >= 1);
                    bus.publish(topic(), number).unwrap();
                    bus.router().flush().unwrap();
                    assert_eq!(own.get(), seen);
                }
            })
        });
        for thread in Vec::from_iter(threads) {
            thread.join().unwrap();
        }
        assert_eq!(all.get(), 4 * 2 * rounds(200));
        assert_eq!(bus.total_subscribers(), 1);
        assert_adds_up(bus.subscriber(id).unwrap().stats());
    });
}
