//! The counts of one moment, for people.

use super::state::index_of;
use crate::lifecycle::kind::{EventType, Stage};
use std::fmt;
use std::time::Duration;

/// The label that stands for all that are too many.
pub(super) const OTHER: &str = "other";

/// The counts of a [`Tally`](super::Tally) at one moment, by component. It prints as a table.
///
/// ```
/// use laneway::lifecycle::{EventType, LifecycleEvent, Tally};
///
/// let tally = Tally::builder().build()?;
/// tally.record(&LifecycleEvent::startup("server", "1.2.3").identity("n1").build()?);
/// let snapshot = tally.snapshot();
/// assert_eq!(snapshot.component("server").unwrap().count(EventType::Startup), 1);
/// assert_eq!(snapshot.component("server").unwrap().versions, [("1.2.3".into(), 1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// In the order of their names.
    pub components: Vec<ComponentCounts>,
    /// How often a node was seen for which there was no room.
    pub nodes_untracked: u64,
}

impl Snapshot {
    /// The counts of one component.
    pub fn component(&self, name: &str) -> Option<&ComponentCounts> {
        self.components
            .iter()
            .find(|counts| counts.component == name)
    }
}

/// What was counted for one component.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComponentCounts {
    /// Its name; `other` for those past the limit.
    pub component: String,
    /// Events of all types.
    pub good_events: u64,
    /// What was reported as unreadable.
    pub process_errors: u64,
    pub(super) event_types: [u64; EventType::ALL.len()],
    /// How many nodes run it.
    pub nodes: u64,
    /// How many nodes were dropped because they were not seen for long.
    pub nodes_expired: u64,
    /// How many nodes run each version; those past the limit, which have the fewest nodes, as `other`.
    pub versions: Vec<(String, u64)>,
    /// Its governors; those past the limit as `other`.
    pub governors: Vec<GovernorCounts>,
}

impl ComponentCounts {
    /// Events of one type.
    pub fn count(&self, event_type: EventType) -> u64 {
        self.event_types[index_of(event_type)]
    }
}

/// What was counted for one governor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GovernorCounts {
    /// Its name.
    pub governor: String,
    pub(super) stages: [u64; Stage::ALL.len()],
}

impl GovernorCounts {
    /// Events of one stage.
    pub fn count(&self, stage: Stage) -> u64 {
        self.stages[stage as usize]
    }
}

/// A node that a component runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeInfo {
    /// The component.
    pub component: String,
    /// The node.
    pub identity: String,
    /// The version that it runs.
    pub version: String,
    /// When the latest event that changed it was made, in seconds since 1970 on the node's clock.
    pub timestamp: i64,
    /// How long ago it was last seen, by this process's clock.
    pub unseen_for: Duration,
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["nodes", "expired", "events", "errors"];
        let types = EventType::ALL.map(EventType::name);
        write!(f, "{:24}", "component")?;
        for head in heads.iter().chain(&types) {
            write!(f, " {head:>11}")?;
        }
        writeln!(f)?;
        for counts in &self.components {
            write!(f, "{:24}", Plain(&counts.component))?;
            let heads = [
                counts.nodes,
                counts.nodes_expired,
                counts.good_events,
                counts.process_errors,
            ];
            for count in heads.iter().chain(&counts.event_types) {
                write!(f, " {count:11}")?;
            }
            writeln!(f)?;
            for (version, nodes) in &counts.versions {
                writeln!(f, "  version {:14} {nodes:11}", Plain(version))?;
            }
            for counts in &counts.governors {
                write!(f, "  governor {:13}", Plain(&counts.governor))?;
                for stage in Stage::ALL {
                    write!(f, " {stage} {}", counts.count(stage))?;
                }
                writeln!(f)?;
            }
        }
        match self.nodes_untracked {
            0 => Ok(()),
            count => writeln!(f, "{count} times no room for a node"),
        }
    }
}

/// A name from outside, as one word of bounded length that no terminal acts on.
struct Plain<'a>(&'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| if c.is_control() { '?' } else { c };
        let text: String = self.0.chars().map(plain).take(64).collect();
        f.pad(&text)
    }
}
