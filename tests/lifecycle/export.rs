//! The counts for monitoring.

use crate::common::guarded;
use crate::tally::with_clock;
use laneway::Router;
use laneway::lifecycle::{LifecycleEvent, Stage, Tally};
use metrics::{Counter, CounterFn, Gauge, GaugeFn, Key, KeyName, Metadata, SharedString, Unit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn startup(identity: &str, version: &str) -> LifecycleEvent {
    let event = LifecycleEvent::startup("server", version).identity(identity);
    event.timestamp(0).build().unwrap()
}

#[test]
fn as_prometheus_text() {
    let tally = Tally::builder().prefix("fleet").build().unwrap();
    tally.record(&startup("n1", "1\"\\\n"));
    let event = LifecycleEvent::governor("server", "G", Stage::Enter).identity("n1");
    tally.record(&event.build().unwrap());
    tally.record_error("server");
    let expected = r#"# HELP fleet_good_events Events that were read.
# TYPE fleet_good_events counter
fleet_good_events{component="server"} 2
# HELP fleet_process_errors Events that could not be read.
# TYPE fleet_process_errors counter
fleet_process_errors{component="server"} 1
# HELP fleet_event_types Events of each type.
# TYPE fleet_event_types counter
fleet_event_types{component="server",type="alive"} 0
fleet_event_types{component="server",type="governor"} 1
fleet_event_types{component="server",type="provisioned"} 0
fleet_event_types{component="server",type="shutdown"} 0
fleet_event_types{component="server",type="startup"} 1
fleet_event_types{component="server",type="upgraded"} 0
# HELP fleet_nodes Nodes that run the component.
# TYPE fleet_nodes gauge
fleet_nodes{component="server"} 1
# HELP fleet_versions Nodes that run each version.
# TYPE fleet_versions gauge
fleet_versions{component="server",version="1\"\\\n"} 1
# HELP fleet_nodes_expired Nodes that were not seen for too long.
# TYPE fleet_nodes_expired counter
fleet_nodes_expired{component="server"} 0
# HELP fleet_governor Events of each governor.
# TYPE fleet_governor counter
fleet_governor{component="server",governor="G",event="enter"} 1
fleet_governor{component="server",governor="G",event="exit"} 0
fleet_governor{component="server",governor="G",event="timeouts"} 0
fleet_governor{component="server",governor="G",event="eviction"} 0
# HELP fleet_nodes_untracked Sightings of nodes for which there was no room.
# TYPE fleet_nodes_untracked counter
fleet_nodes_untracked 0
"#;
    assert_eq!(tally.prometheus(), expected);
}

/// A recorder that only remembers, by name and labels.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<BTreeMap<String, f64>>>);

impl Recorder {
    fn entry(&self, key: &Key) -> Arc<Entry> {
        let labels = key
            .labels()
            .map(|label| format!(" {}={}", label.key(), label.value()));
        let name = key.name().to_owned() + &labels.collect::<String>();
        Arc::new(Entry(self.clone(), name))
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.lock().unwrap().get(name).copied()
    }

    fn starting_with(&self, name: &str) -> Vec<f64> {
        let values = self.0.lock().unwrap();
        let found = values.iter().filter(|(key, _)| key.starts_with(name));
        found.map(|(_, value)| *value).collect()
    }
}

struct Entry(Recorder, String);

impl Entry {
    fn set(&self, value: f64) {
        (self.0.0.lock().unwrap()).insert(self.1.clone(), value);
    }
}

impl CounterFn for Entry {
    fn increment(&self, _: u64) {
        panic!("counters are set");
    }
    fn absolute(&self, value: u64) {
        self.set(value as f64);
    }
}

impl GaugeFn for Entry {
    fn increment(&self, _: f64) {
        panic!("gauges are set");
    }
    fn decrement(&self, _: f64) {
        panic!("gauges are set");
    }
    fn set(&self, value: f64) {
        Entry::set(self, value);
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        panic!("there are none");
    }
}

#[test]
fn through_the_facade() {
    let recorder = Recorder::default();
    let (tally, clock) = with_clock(|builder| builder);
    let export = || metrics::with_local_recorder(&recorder, || tally.export_metrics());
    tally.record(&startup("n1", "1"));
    tally.record(&startup("n2", "2"));
    export();
    let versions = |version: &str| {
        recorder.get(&format!(
            "lifecycle_tally_versions component=server version={version}"
        ))
    };
    assert_eq!(
        recorder.get("lifecycle_tally_good_events component=server"),
        Some(2.0)
    );
    assert_eq!(
        recorder.get("lifecycle_tally_event_types component=server type=startup"),
        Some(2.0)
    );
    assert_eq!((versions("1"), versions("2")), (Some(1.0), Some(1.0)));
    // What is gone is 0, not what it was; and never less, however often it goes.
    clock.advance(Duration::from_secs(90 * 60));
    tally.record(&startup("n2", "3"));
    for _ in 0..3 {
        export();
        assert_eq!(
            (versions("1"), versions("2"), versions("3")),
            (Some(0.0), Some(0.0), Some(1.0))
        );
    }
    assert_eq!(
        recorder.get("lifecycle_tally_nodes component=server"),
        Some(1.0)
    );
    assert_eq!(
        recorder.get("lifecycle_tally_nodes_expired component=server"),
        Some(2.0)
    );
}

#[test]
fn the_facade_sees_a_limited_number_of_versions_over_all_time() {
    let recorder = Recorder::default();
    let (tally, _) = with_clock(|builder| builder);
    metrics::with_local_recorder(&recorder, || {
        for round in 0..60 {
            for number in 0..100 {
                tally.record(&startup(
                    &format!("n{number}"),
                    &format!("v{round}-{number}"),
                ));
            }
            tally.export_metrics();
        }
    });
    let versions = recorder.starting_with("lifecycle_tally_versions");
    assert!(versions.len() <= 4097, "{}", versions.len());
    assert_eq!(versions.iter().sum::<f64>(), 100.0);
    let other = recorder.get("lifecycle_tally_versions component=server version=other");
    assert_eq!(other, Some(100.0));
}

#[test]
fn the_actor_exports_by_itself() {
    guarded(|| {
        let recorder = Recorder::default();
        let (tally, clock) = with_clock(|builder| builder.export_every(Duration::from_secs(10)));
        let (router, mut shards) = Router::<LifecycleEvent>::builder()
            .shards(1)
            .manual()
            .unwrap();
        let subscription = router.spawn(tally.filter(), tally.clone()).unwrap();
        let good_events = || recorder.get("lifecycle_tally_good_events component=server");
        let mut pass = |identity: &str| {
            let event = startup(identity, "1");
            router.publish(event.topic(), event).unwrap();
            metrics::with_local_recorder(&recorder, || while shards[0].poll(64).unwrap() > 0 {});
        };
        pass("n1");
        assert_eq!(good_events(), None);
        clock.advance(Duration::from_secs(10));
        pass("n2");
        assert_eq!(good_events(), Some(2.0));
        pass("n3");
        assert_eq!(good_events(), Some(2.0));
        drop(subscription);
    });
}
