//! What the tally knows, and how events change it.
//!
//! Events may come late and in any order, and a component that is alive may send the same event for as long as it runs. So
//! an event about a node counts if it is not older than the latest that changed the node. Of the older ones one is heard: a
//! sign of life with the version that the node has. A node whose clock went back, so that all its events seem old, is
//! unseen from its next version on, expires, and is known afresh.

use super::nodes::{Node, Nodes};
use super::snapshot::{ComponentCounts, GovernorCounts, NodeInfo, OTHER, Snapshot};
use super::{Limits, TallyBuilder};
use crate::lifecycle::event::{Detail, LifecycleEvent};
use crate::lifecycle::kind::EventType;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct State {
    limits: Limits,
    expire_after: Duration,
    check_every: Duration,
    checked: Instant,
    components: Vec<Component>,
    by_name: HashMap<Box<str>, usize>,
    nodes: Nodes,
    untracked: u64,
}

#[derive(Debug)]
struct Component {
    name: Box<str>,
    good_events: u64,
    process_errors: u64,
    /// In the order of [`EventType::ALL`].
    event_types: [u64; EventType::ALL.len()],
    expired: u64,
    /// Where each node is in `State::nodes`, by identity; past the limit of components by that of the event as well.
    nodes: HashMap<Arc<str>, usize>,
    versions: Versions,
    governors: HashMap<Box<str>, [u64; 4]>,
}

/// How many nodes run each version. A version is there while a node runs it, so there are no more than nodes; and since nodes
/// enter and leave by the same name, no count goes below zero.
#[derive(Debug, Default)]
struct Versions(HashMap<Arc<str>, usize>);

impl Versions {
    fn enter(&mut self, version: &str) -> Arc<str> {
        if let Some((name, _)) = self.0.get_key_value(version) {
            let name = Arc::clone(name);
            *self.0.get_mut(version).expect("it was there just now") += 1;
            return name;
        }
        let name: Arc<str> = version.into();
        self.0.insert(Arc::clone(&name), 1);
        name
    }

    fn leave(&mut self, version: &Arc<str>) {
        let nodes = (self.0.get_mut(version)).expect("the node entered by this name");
        *nodes -= 1;
        if *nodes == 0 {
            self.0.remove(version);
        }
    }

    /// The versions with the most nodes, and the others together.
    fn counts(&self, limit: usize) -> Vec<(String, u64)> {
        let mut counts: Vec<_> = (self.0.iter())
            .map(|(version, &nodes)| (version, nodes as u64))
            .collect();
        if counts.len() > limit {
            counts.sort_unstable_by(|(a, more), (b, less)| less.cmp(more).then(a.cmp(b)));
        }
        let others = counts.split_off(counts.len().min(limit));
        let mut counts: Vec<_> = (counts.into_iter())
            .map(|(version, nodes)| (version.to_string(), nodes))
            .collect();
        let others: u64 = others.iter().map(|(_, nodes)| nodes).sum();
        if others > 0 {
            match counts.iter_mut().find(|(version, _)| version == OTHER) {
                Some((_, nodes)) => *nodes += others,
                None => counts.push((OTHER.into(), others)),
            }
        }
        counts.sort_unstable();
        counts
    }
}

impl State {
    pub(super) fn new(settings: &TallyBuilder, now: Instant) -> Self {
        State {
            limits: settings.limits,
            expire_after: settings.expire_after,
            check_every: settings.check_every,
            checked: now,
            components: Vec::new(),
            by_name: HashMap::new(),
            nodes: Nodes::default(),
            untracked: 0,
        }
    }

    pub(super) fn record(&mut self, event: &LifecycleEvent, now: Instant) {
        let component = self.component(event.component());
        let counts = &mut self.components[component];
        counts.good_events += 1;
        counts.event_types[index_of(event.event_type())] += 1;
        match &event.0.detail {
            Detail::Startup { version } | Detail::Alive { version } => {
                self.sight(component, event, Some(version), now);
            }
            Detail::Shutdown => self.sight(component, event, None, now),
            Detail::Governor {
                governor, stage, ..
            } => {
                let governors = &mut counts.governors;
                let is_room = governors.len() < self.limits.labels;
                let name = match governors.contains_key(governor) || is_room {
                    true => governor,
                    false => OTHER,
                };
                if !governors.contains_key(name) {
                    governors.insert(name.into(), [0; 4]);
                }
                governors.get_mut(name).expect("it is there now")[*stage as usize] += 1;
            }
            Detail::Provisioned | Detail::Upgraded { .. } => {}
        }
    }

    pub(super) fn record_error(&mut self, component: &str) {
        let component = self.component(component);
        self.components[component].process_errors += 1;
    }

    /// Drops the nodes that were not seen for long, if it is time to look.
    pub(super) fn check_if_due(&mut self, now: Instant) {
        if now.saturating_duration_since(self.checked) >= self.check_every {
            self.checked = now;
            while let Some(node) = self.nodes.pop_unseen(now, self.expire_after) {
                let component = &mut self.components[node.component];
                component.nodes.remove(&node.key);
                if let Some(version) = &node.version {
                    component.versions.leave(version);
                    component.expired += 1;
                }
            }
        }
    }

    /// A node said that it runs this version, or, with none, that it stops.
    fn sight(
        &mut self,
        component: usize,
        event: &LifecycleEvent,
        version: Option<&str>,
        now: Instant,
    ) {
        let (identity, timestamp) = (event.identity(), event.timestamp());
        let counts = &mut self.components[component];
        if identity.is_empty() {
            return;
        }
        let known_by = match event.component() == &*counts.name {
            true => Cow::Borrowed(identity),
            false => Cow::Owned(format!("{identity}\0{}", event.component())),
        };
        let Some(&key) = counts.nodes.get(&*known_by) else {
            if self.nodes.len() >= self.limits.nodes {
                self.untracked += u64::from(version.is_some());
                return;
            }
            let known_by: Arc<str> = known_by.into();
            let key = self.nodes.insert(Node {
                component,
                identity: match known_by.len() == identity.len() {
                    true => Arc::clone(&known_by),
                    false => identity.into(),
                },
                key: Arc::clone(&known_by),
                version: version.map(|version| counts.versions.enter(version)),
                timestamp,
                last_seen: now,
            });
            counts.nodes.insert(known_by, key);
            return;
        };
        let node = self.nodes.get_mut(key);
        let is_same = node.version.as_deref() == version;
        if timestamp < node.timestamp {
            let is_sign_of_life = event.event_type() == EventType::Alive && is_same;
            if !is_sign_of_life {
                return;
            }
        } else {
            node.timestamp = timestamp;
        }
        if !is_same {
            if let Some(old) = &node.version {
                counts.versions.leave(old);
            }
            node.version = version.map(|version| counts.versions.enter(version));
        }
        self.nodes.see(key, now);
    }

    fn component(&mut self, name: &str) -> usize {
        if let Some(&known) = self.by_name.get(name) {
            return known;
        }
        let is_room = self.components.len() < self.limits.components;
        if !is_room && name != OTHER {
            return self.component(OTHER);
        }
        let place = self.components.len();
        self.by_name.insert(name.into(), place);
        self.components.push(Component {
            name: name.into(),
            good_events: 0,
            process_errors: 0,
            event_types: [0; EventType::ALL.len()],
            expired: 0,
            nodes: HashMap::new(),
            versions: Versions::default(),
            governors: HashMap::new(),
        });
        place
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let counts = |component: &Component| ComponentCounts {
            component: component.name.to_string(),
            good_events: component.good_events,
            process_errors: component.process_errors,
            event_types: component.event_types,
            nodes: component.versions.0.values().sum::<usize>() as u64,
            nodes_expired: component.expired,
            versions: component.versions.counts(self.limits.labels),
            governors: governors(&component.governors),
        };
        let mut components: Vec<_> = self.components.iter().map(counts).collect();
        components.sort_unstable_by(|a, b| a.component.cmp(&b.component));
        Snapshot {
            components,
            nodes_untracked: self.untracked,
        }
    }

    pub(super) fn nodes(&self, now: Instant) -> Vec<NodeInfo> {
        let running = self.nodes.iter().filter_map(|node| {
            Some(NodeInfo {
                component: self.components[node.component].name.to_string(),
                identity: node.identity.to_string(),
                version: node.version.as_deref()?.into(),
                timestamp: node.timestamp,
                unseen_for: now.saturating_duration_since(node.last_seen),
            })
        });
        running.collect()
    }
}

fn governors(counts: &HashMap<Box<str>, [u64; 4]>) -> Vec<GovernorCounts> {
    let mut governors: Vec<_> = (counts.iter())
        .map(|(governor, &stages)| GovernorCounts {
            governor: governor.to_string(),
            stages,
        })
        .collect();
    governors.sort_unstable_by(|a, b| a.governor.cmp(&b.governor));
    governors
}

pub(super) fn index_of(event_type: EventType) -> usize {
    match event_type {
        EventType::Alive => 0,
        EventType::Governor => 1,
        EventType::Provisioned => 2,
        EventType::Shutdown => 3,
        EventType::Startup => 4,
        EventType::Upgraded => 5,
    }
}
