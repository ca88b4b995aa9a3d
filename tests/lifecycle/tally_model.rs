//! The tally against slow and obvious models, over random events in random order.

use crate::tally::with_clock;
use laneway::lifecycle::{EventType, LifecycleEvent, Tally};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Duration;

const COMPONENTS: [&str; 2] = ["server", "broker"];
const EXPIRE_AFTER: u64 = 80;
const CHECK_EVERY: u64 = 7;

#[derive(Clone, Debug)]
struct Step {
    /// Time that passes before it.
    wait: u64,
    kind: u8,
    component: usize,
    node: u8,
    version: u8,
    timestamp: i64,
}

impl Step {
    fn event(&self) -> LifecycleEvent {
        let component = COMPONENTS[self.component];
        let version = format!("v{}", self.version);
        let event = match self.kind {
            0 => LifecycleEvent::startup(component, version),
            1 => LifecycleEvent::alive(component, version),
            2 => LifecycleEvent::shutdown(component),
            3 => LifecycleEvent::provisioned(component),
            _ => LifecycleEvent::upgraded(component, version, "v9"),
        };
        let event = event.identity(format!("n{}", self.node));
        event.timestamp(self.timestamp).build().unwrap()
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let waits = prop_oneof![8 => Just(0), 4 => 0..10_u64, 1 => 0..100_u64];
    let step = (waits, 0..5_u8, 0..2_usize, 0..4_u8, 0..3_u8, 0..8_i64).prop_map(
        |(wait, kind, component, node, version, timestamp)| Step {
            wait,
            kind,
            component,
            node,
            version,
            timestamp,
        },
    );
    vec(step, 0..120)
}

#[derive(Default)]
struct Model {
    now: u64,
    checked: u64,
    /// By component and node: the version, if it runs, the latest timestamp, and when it was seen.
    nodes: BTreeMap<(usize, u8), (Option<u8>, i64, u64)>,
    expired: [u64; 2],
    events: [u64; 2],
}

impl Model {
    fn step(&mut self, step: &Step) {
        self.now += step.wait;
        self.check();
        self.events[step.component] += 1;
        let says = match step.kind {
            0 | 1 => Some(Some(step.version)),
            2 => Some(None),
            _ => None,
        };
        if let Some(version) = says {
            let now = self.now;
            let key = (step.component, step.node);
            let fresh = (version, step.timestamp, now);
            let known = self.nodes.entry(key).or_insert(fresh);
            if step.timestamp >= known.1 {
                *known = fresh;
            } else if step.kind == 1 && known.0 == version {
                known.2 = now;
            }
        }
    }

    fn check(&mut self) {
        if self.now - self.checked < CHECK_EVERY {
            return;
        }
        self.checked = self.now;
        let (now, expired) = (self.now, &mut self.expired);
        self.nodes
            .retain(|&(component, _), &mut (version, _, seen)| {
                let is_kept = now - seen <= EXPIRE_AFTER;
                expired[component] += u64::from(!is_kept && version.is_some());
                is_kept
            });
    }

    fn versions(&self, component: usize) -> BTreeMap<String, u64> {
        let mut versions = BTreeMap::new();
        for (&(of, _), &(version, ..)) in &self.nodes {
            if let (true, Some(version)) = (of == component, version) {
                *versions.entry(format!("v{version}")).or_default() += 1;
            }
        }
        versions
    }
}

fn compare(tally: &Tally, model: &Model) {
    let snapshot = tally.snapshot();
    for (component, name) in COMPONENTS.into_iter().enumerate() {
        let Some(counts) = snapshot.component(name) else {
            assert_eq!(model.events[component], 0);
            continue;
        };
        let versions = model.versions(component);
        assert_eq!(
            counts.versions,
            versions.clone().into_iter().collect::<Vec<_>>()
        );
        assert_eq!(counts.nodes, versions.values().sum::<u64>());
        assert_eq!(counts.nodes_expired, model.expired[component]);
        assert_eq!(counts.good_events, model.events[component]);
        let by_type: u64 = EventType::ALL
            .map(|event_type| counts.count(event_type))
            .iter()
            .sum();
        assert_eq!(by_type, counts.good_events);
    }
    let nodes = tally.nodes();
    assert_eq!(
        nodes.len(),
        model.nodes.values().filter(|node| node.0.is_some()).count()
    );
    for node in nodes {
        let component = COMPONENTS
            .iter()
            .position(|&name| name == node.component)
            .unwrap();
        let key = (component, node.identity[1..].parse().unwrap());
        let (version, timestamp, seen) = model.nodes[&key];
        assert_eq!(node.version, format!("v{}", version.unwrap()));
        assert_eq!(node.timestamp, timestamp);
        assert_eq!(node.unseen_for, Duration::from_secs(model.now - seen));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::common::rounds(500) as u32))]

    #[test]
    fn random_events(steps in steps()) {
        let (tally, clock) = with_clock(|builder| {
            let builder = builder.expire_after(Duration::from_secs(EXPIRE_AFTER));
            builder.check_every(Duration::from_secs(CHECK_EVERY))
        });
        let mut model = Model::default();
        for step in &steps {
            clock.advance(Duration::from_secs(step.wait));
            tally.record(&step.event());
            model.step(step);
            compare(&tally, &model);
        }
    }

    /// The latest event of each node decides, in whatever order they arrive.
    #[test]
    fn any_order(
        (events, shuffled) in vec((0..3_u8, 0..4_u8, 0..3_u8), 0..40).prop_flat_map(|events| {
            let events: Vec<_> = events.into_iter().enumerate().collect();
            (Just(events.clone()), Just(events).prop_shuffle())
        })
    ) {
        let event = |&(timestamp, (kind, node, version)): &(usize, (u8, u8, u8))| {
            let timestamp = timestamp as i64;
            Step { wait: 0, kind, component: 0, node, version, timestamp }.event()
        };
        let tally = Tally::builder().build().unwrap();
        shuffled.iter().for_each(|step| tally.record(&event(step)));
        let mut latest = BTreeMap::new();
        for (_, (kind, node, version)) in &events {
            latest.insert(node, (*kind < 2).then(|| format!("v{version}")));
        }
        let mut expected = BTreeMap::new();
        for version in latest.into_values().flatten() {
            *expected.entry(version).or_default() += 1;
        }
        let snapshot = tally.snapshot();
        let versions = snapshot.component("server").map(|counts| counts.versions.clone());
        assert_eq!(versions.unwrap_or_default(), expected.into_iter().collect::<Vec<_>>());
    }
}
