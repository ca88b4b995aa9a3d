//! What is published, and how its things are called.

use laneway::{ResourceId, Topic, TopicError};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

/// The category of all readings.
pub(crate) const TELEMETRY: &str = "telemetry";

/// The category of what the alert rule publishes: apart from the readings, so that the rule does not hear itself.
pub(crate) const ALERT: &str = "alert";

/// The payload. What it is a reading of, its event's topic says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) value: u64,
    /// When it was published.
    pub(crate) at: Instant,
}

/// Whether readings of this type are levels, such as free memory. All others are counters: what they say is their rate.
pub(crate) fn is_level(event_type: &str) -> bool {
    event_type.starts_with("mem.")
}

/// How many things are sampled in one run of the program, those included that are gone by now. It bounds the actors'
/// maps.
const MAX_THINGS: usize = 4096;

/// The names of CPUs, network interfaces and threads.
///
/// A resource made of text is a hash of it, and the text does not travel with the events. It does not belong in a field
/// that is text either: those are registered for good, and the kernel makes up new names all the time. So whoever shows
/// readings to people looks the name up here, once for each series.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels(Arc<RwLock<HashMap<Thing, String>>>);

/// Resource type and resource.
type Thing = (&'static str, ResourceId);

impl Labels {
    /// Names what `topic` is about. False: there are too many things, and this one should not be sampled.
    pub(crate) fn enter(&self, topic: Topic, label: String) -> bool {
        let Some(thing) = thing(topic) else {
            return false;
        };
        let mut labels = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if labels.len() >= MAX_THINGS && !labels.contains_key(&thing) {
            return false;
        }
        labels.insert(thing, label);
        true
    }

    /// As it was entered: any text at all.
    pub(crate) fn of(&self, topic: Topic) -> String {
        let labels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let label = thing(topic).and_then(|thing| labels.get(&thing));
        label.cloned().unwrap_or_else(|| "-".into())
    }

    /// Fit for a terminal and for columns: neither spaces nor control characters.
    pub(crate) fn plain(&self, topic: Topic) -> String {
        let plain = |c: char| {
            if c.is_control() || c.is_whitespace() {
                '_'
            } else {
                c
            }
        };
        self.of(topic).chars().map(plain).collect()
    }
}

fn thing(topic: Topic) -> Option<Thing> {
    Some((topic.resource_type()?, topic.resource()?))
}

/// The topics of the readings about one kind of thing. Made once; a thing's own differ from them by the resource only.
pub(crate) fn topics<const N: usize>(
    host: &str,
    resource_type: &str,
    event_types: [&str; N],
) -> Result<[Topic; N], TopicError> {
    let topic = |event_type| {
        Topic::builder(TELEMETRY, event_type)
            .source(host)
            .resource_type(resource_type)
            .build()
    };
    let topics: Vec<Topic> = event_types
        .into_iter()
        .map(topic)
        .collect::<Result<_, _>>()?;
    Ok(topics.try_into().expect("one for each type"))
}
