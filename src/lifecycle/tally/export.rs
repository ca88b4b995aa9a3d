//! The counts of one moment, for monitoring: as Prometheus text, and through the `metrics` facade.

use super::snapshot::{OTHER, Snapshot};
use crate::lifecycle::kind::{EventType, Stage};
use metrics::Label;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One family of metrics.
struct Family {
    name: &'static str,
    help: &'static str,
    is_gauge: bool,
    labels: &'static [&'static str],
    /// The values of the labels, and of the metric.
    rows: Vec<(Vec<String>, u64)>,
}

impl Snapshot {
    /// The text that Prometheus scrapes, with names that begin with the prefix and `_`.
    pub(super) fn to_prometheus(&self, prefix: &str) -> String {
        let mut text = String::new();
        for family in self.families() {
            if let Err(error) = write_family(&mut text, prefix, &family) {
                unreachable!("strings take anything: {error}");
            }
        }
        text
    }

    fn families(&self) -> [Family; 8] {
        let family = |name, is_gauge, labels, help| Family {
            name,
            help,
            is_gauge,
            labels,
            rows: Vec::new(),
        };
        let component: &[&str] = &["component"];
        let typed: &[&str] = &["component", "type"];
        let version: &[&str] = &["component", "version"];
        let staged: &[&str] = &["component", "governor", "event"];
        let mut families = [
            family("good_events", false, component, "Events that were read."),
            family(
                "process_errors",
                false,
                component,
                "Events that could not be read.",
            ),
            family("event_types", false, typed, "Events of each type."),
            family("nodes", true, component, "Nodes that run the component."),
            family("versions", true, version, "Nodes that run each version."),
            family(
                "nodes_expired",
                false,
                component,
                "Nodes that were not seen for too long.",
            ),
            family("governor", false, staged, "Events of each governor."),
            family(
                "nodes_untracked",
                false,
                &[],
                "Sightings of nodes for which there was no room.",
            ),
        ];
        let [
            good,
            errors,
            types,
            nodes,
            versions,
            expired,
            governors,
            untracked,
        ] = &mut families;
        for counts in &self.components {
            let name = || counts.component.clone();
            good.rows.push((vec![name()], counts.good_events));
            errors.rows.push((vec![name()], counts.process_errors));
            for event_type in EventType::ALL {
                let labels = vec![name(), event_type.name().into()];
                types.rows.push((labels, counts.count(event_type)));
            }
            nodes.rows.push((vec![name()], counts.nodes));
            for (version, nodes) in &counts.versions {
                versions.rows.push((vec![name(), version.clone()], *nodes));
            }
            expired.rows.push((vec![name()], counts.nodes_expired));
            for governor in &counts.governors {
                for stage in Stage::ALL {
                    let labels = vec![name(), governor.governor.clone(), stage.name().into()];
                    governors.rows.push((labels, governor.count(stage)));
                }
            }
        }
        untracked.rows.push((Vec::new(), self.nodes_untracked));
        families
    }
}

fn write_family(text: &mut String, prefix: &str, family: &Family) -> std::fmt::Result {
    let name = family.name;
    let kind = if family.is_gauge { "gauge" } else { "counter" };
    writeln!(text, "# HELP {prefix}_{name} {}", family.help)?;
    writeln!(text, "# TYPE {prefix}_{name} {kind}")?;
    for (labels, value) in &family.rows {
        write!(text, "{prefix}_{name}")?;
        for (index, (label, value)) in family.labels.iter().zip(labels).enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(text, "{before}{label}=\"")?;
            for c in value.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        let end = if labels.is_empty() { "" } else { "}" };
        writeln!(text, "{end} {value}")?;
    }
    Ok(())
}

/// What was given to the `metrics` facade, which forgets no label: so versions stay within a limit over all time.
#[derive(Debug, Default)]
pub(super) struct Facade {
    versions: BTreeMap<Vec<String>, u64>,
}

/// How many versions of all components the facade gets to see. Those after it are `other`.
const MAX_VERSIONS: usize = 4096;

impl Facade {
    pub(super) fn export(&mut self, snapshot: &Snapshot, prefix: &str) {
        for mut family in snapshot.families() {
            if family.name == "versions" {
                family.rows = self.bounded(family.rows);
            }
            let name = format!("{prefix}_{}", family.name);
            for (values, value) in family.rows {
                let labels = (family.labels.iter().zip(values))
                    .map(|(&label, value)| Label::new(label, value))
                    .collect::<Vec<_>>();
                if family.is_gauge {
                    metrics::gauge!(name.clone(), labels).set(value as f64);
                } else {
                    metrics::counter!(name.clone(), labels).absolute(value);
                }
            }
        }
    }

    /// With zeros for the versions that are gone.
    fn bounded(&mut self, rows: Vec<(Vec<String>, u64)>) -> Vec<(Vec<String>, u64)> {
        self.versions.values_mut().for_each(|nodes| *nodes = 0);
        for (mut labels, nodes) in rows {
            if !self.versions.contains_key(&labels) && self.versions.len() >= MAX_VERSIONS {
                labels[1] = OTHER.into();
            }
            *self.versions.entry(labels).or_default() += nodes;
        }
        self.versions.clone().into_iter().collect()
    }
}
