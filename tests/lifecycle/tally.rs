//! The tally: what is counted, who is known, and for how long.

use crate::common::guarded;
use laneway::Router;
use laneway::lifecycle::{ComponentCounts, EventType, LifecycleEvent, Stage, Tally, TallyBuilder};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// A clock that stands until it is moved.
#[derive(Clone)]
pub(crate) struct Clock(Arc<Mutex<Instant>>);

impl Clock {
    pub(crate) fn advance(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

pub(crate) fn with_clock(set: impl FnOnce(TallyBuilder) -> TallyBuilder) -> (Tally, Clock) {
    let clock = Clock(Arc::new(Mutex::new(Instant::now())));
    let now = clock.clone();
    let builder = Tally::builder().clock(move || *now.0.lock().unwrap());
    (set(builder).build().unwrap(), clock)
}

pub(crate) fn server(tally: &Tally) -> ComponentCounts {
    tally.snapshot().component("server").unwrap().clone()
}

fn versions(tally: &Tally) -> Vec<(String, u64)> {
    server(tally).versions
}

fn startup(identity: &str, version: &str, timestamp: i64) -> LifecycleEvent {
    let event = LifecycleEvent::startup("server", version).identity(identity);
    event.timestamp(timestamp).build().unwrap()
}

fn alive(identity: &str, version: &str, timestamp: i64) -> LifecycleEvent {
    let event = LifecycleEvent::alive("server", version).identity(identity);
    event.timestamp(timestamp).build().unwrap()
}

fn shutdown(identity: &str, timestamp: i64) -> LifecycleEvent {
    let event = LifecycleEvent::shutdown("server").identity(identity);
    event.timestamp(timestamp).build().unwrap()
}

fn one(version: &str) -> Vec<(String, u64)> {
    vec![(version.into(), 1)]
}

#[test]
fn options() {
    for component in [">", "a b", ""] {
        let error = Tally::builder().component(component).build().unwrap_err();
        let expected = format!("invalid options supplied: invalid component {component}");
        assert_eq!(error.to_string(), expected);
    }
    for prefix in ["", "1x", "a-b", "a b"] {
        let error = Tally::builder().prefix(prefix).build().unwrap_err();
        let expected = format!("invalid options supplied: invalid prefix {prefix}");
        assert_eq!(error.to_string(), expected);
    }
    let any = Tally::builder().component("*").build().unwrap();
    any.record(&startup("n1", "1", 0));
    assert_eq!(server(&any).nodes, 1);
    let brokers = Tally::builder().component("broker").build().unwrap();
    brokers.record(&startup("n1", "1", 0));
    assert!(brokers.snapshot().components.is_empty());
}

#[test]
fn each_type_is_counted() {
    let (tally, _) = with_clock(|builder| builder);
    let governor = |stage| LifecycleEvent::governor("server", "PUPPET", stage);
    for event in [
        LifecycleEvent::startup("server", "1"),
        LifecycleEvent::alive("server", "1"),
        LifecycleEvent::shutdown("server"),
        LifecycleEvent::provisioned("server"),
        LifecycleEvent::upgraded("server", "1", "2"),
        governor(Stage::Enter),
        governor(Stage::Enter),
        governor(Stage::Timeouts),
    ] {
        tally.record(&event.identity("n1").timestamp(0).build().unwrap());
    }
    tally.record_error("server");
    let counts = server(&tally);
    assert_eq!((counts.good_events, counts.process_errors), (8, 1));
    for event_type in EventType::ALL {
        let expected = if event_type == EventType::Governor {
            3
        } else {
            1
        };
        assert_eq!(counts.count(event_type), expected);
    }
    let [puppet] = &counts.governors[..] else {
        panic!("{counts:?}");
    };
    assert_eq!(puppet.governor, "PUPPET");
    assert_eq!(Stage::ALL.map(|stage| puppet.count(stage)), [2, 0, 1, 0]);
    assert_eq!((counts.nodes, counts.nodes_expired), (0, 0));
}

#[test]
fn unseen_nodes_expire() {
    let (tally, clock) = with_clock(|builder| builder);
    tally.record(&startup("n1", "1", 0));
    tally.record(&startup("n2", "1", 0));
    clock.advance(60 * MINUTE);
    assert_eq!(server(&tally).nodes, 2);
    // The same event again, as the original's components send it.
    tally.record(&alive("n2", "1", 0));
    clock.advance(20 * MINUTE);
    assert_eq!(server(&tally).nodes, 2);
    clock.advance(MINUTE);
    assert_eq!((server(&tally).nodes, server(&tally).nodes_expired), (1, 1));
    assert_eq!(tally.nodes()[0].identity, "n2");
    assert_eq!(tally.nodes()[0].unseen_for, 21 * MINUTE);
    clock.advance(60 * MINUTE);
    assert_eq!((server(&tally).nodes, server(&tally).nodes_expired), (0, 2));
    assert_eq!(versions(&tally), []);
    // It comes back.
    tally.record(&alive("n1", "1", 0));
    assert_eq!(versions(&tally), one("1"));
}

#[test]
fn expiry_can_be_set_and_waits_for_the_check() {
    let (tally, clock) = with_clock(|builder| {
        let builder = builder.expire_after(Duration::from_secs(5));
        builder.check_every(Duration::from_secs(10))
    });
    tally.record(&startup("n1", "1", 0));
    clock.advance(Duration::from_secs(9));
    assert_eq!(server(&tally).nodes, 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(server(&tally).nodes, 0);
}

#[test]
fn startup_alive_and_shutdown() {
    let (tally, _) = with_clock(|builder| builder);
    tally.record(&shutdown("unknown", 0));
    assert_eq!(server(&tally).nodes, 0);
    tally.record(&startup("n1", "1", 10));
    tally.record(&startup("n2", "1", 10));
    assert_eq!(versions(&tally), [("1".into(), 2)]);
    tally.record(&startup("n1", "2", 20));
    assert_eq!(versions(&tally), [("1".into(), 1), ("2".into(), 1)]);
    tally.record(&alive("n2", "2", 20));
    assert_eq!(versions(&tally), [("2".into(), 2)]);
    tally.record(&alive("n3", "3", 20));
    tally.record(&shutdown("n1", 30));
    tally.record(&shutdown("n2", 30));
    tally.record(&shutdown("n2", 30));
    assert_eq!(versions(&tally), one("3"));
    assert_eq!(server(&tally).nodes_expired, 0);
}

#[test]
fn what_comes_late_changes_nothing() {
    let (tally, clock) = with_clock(|builder| builder);
    tally.record(&startup("n1", "2", 20));
    tally.record(&shutdown("n1", 19));
    tally.record(&startup("n1", "1", 10));
    tally.record(&alive("n1", "1", 10));
    assert_eq!(versions(&tally), one("2"));
    assert_eq!(tally.nodes()[0].timestamp, 20);
    tally.record(&shutdown("n1", 30));
    tally.record(&alive("n1", "2", 20));
    tally.record(&startup("n1", "2", 20));
    assert_eq!(versions(&tally), []);
    // Also where the end came first.
    tally.record(&shutdown("n2", 30));
    tally.record(&startup("n2", "1", 29));
    assert_eq!(versions(&tally), []);
    tally.record(&startup("n2", "1", 30));
    assert_eq!(versions(&tally), one("1"));
    // What is remembered of the dead goes too, and is not counted again.
    clock.advance(90 * MINUTE);
    tally.record(&startup("n1", "1", 0));
    assert_eq!(versions(&tally), one("1"));
    assert_eq!(server(&tally).nodes_expired, 1);
}

#[test]
fn a_clock_that_went_back_is_survived() {
    let (tally, clock) = with_clock(|builder| builder);
    tally.record(&startup("n1", "1", 1_000_000));
    // The same version is alive all the time, though its events seem old.
    for _ in 0..10 {
        clock.advance(30 * MINUTE);
        tally.record(&alive("n1", "1", 5));
        assert_eq!(versions(&tally), one("1"));
    }
    // A new version is not believed until the old one expires.
    for _ in 0..2 {
        clock.advance(30 * MINUTE);
        tally.record(&alive("n1", "2", 5));
        assert_eq!(versions(&tally), one("1"));
    }
    clock.advance(30 * MINUTE);
    tally.record(&alive("n1", "2", 5));
    assert_eq!(server(&tally).nodes_expired, 1);
    assert_eq!(versions(&tally), one("2"));
}

#[test]
fn the_same_node_runs_several_components() {
    let (tally, _) = with_clock(|builder| builder);
    tally.record(&startup("n1", "1", 0));
    let broker = LifecycleEvent::startup("broker", "9")
        .identity("n1")
        .timestamp(0);
    tally.record(&broker.build().unwrap());
    tally.record(&shutdown("n1", 1));
    assert_eq!(versions(&tally), []);
    assert_eq!(
        tally.snapshot().component("broker").unwrap().versions,
        one("9")
    );
}

#[test]
fn an_event_without_a_node_is_counted_only() {
    let (tally, _) = with_clock(|builder| builder);
    let json =
        r#"{"protocol":"io.choria.lifecycle.v1.startup","component":"server","version":"1"}"#;
    tally.record(&LifecycleEvent::from_json(json).unwrap());
    assert_eq!((server(&tally).good_events, server(&tally).nodes), (1, 0));
}

#[test]
fn on_a_router() {
    guarded(|| {
        let router = Router::<LifecycleEvent>::new();
        let (tally, clock) = with_clock(|builder| builder);
        // Two on one router do not get into each other's way.
        let brokers = Tally::builder().component("broker").build().unwrap();
        let subscription = router.spawn(tally.filter(), tally.clone()).unwrap();
        router.spawn(brokers.filter(), brokers.clone()).unwrap();
        let mut publisher = router.publisher();
        for number in 0..1000 {
            let event = startup(&format!("n{number}"), "1", 0);
            publisher.publish(event.topic(), event).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(versions(&tally), [("1".into(), 1000)]);
        assert!(brokers.snapshot().components.is_empty());
        assert_eq!(subscription.stats().handled, 1000);
        // An event is an occasion to look for the expired.
        clock.advance(81 * MINUTE);
        publisher
            .publish(startup("n0", "1", 0).topic(), startup("n0", "1", 0))
            .unwrap();
        router.flush().unwrap();
        assert_eq!(versions(&tally), one("1"));
        assert_eq!(server(&tally).nodes_expired, 1000);
    });
}
