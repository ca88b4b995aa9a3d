//! Several buses at once.

use super::bus::Bus;
use super::error::{AddBusError, BusError};
use super::switches::PublishSwitches;
use crate::Topic;
use crate::contain::contain;
use std::collections::BTreeMap;
use std::fmt;

/// Publishes to several buses, and says by name which of them failed. A bus that fails or panics costs the others nothing.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::{AddBusError, EventBus, EventCategory, EventDistributor};
/// use laneway::Router;
///
/// let mut distributor = EventDistributor::new();
/// let internal = EventBus::new("internal", Router::<String>::new());
/// distributor.add(internal.clone())?;
/// distributor.add(EventBus::new("audit", Router::new()))?;
/// assert_eq!(distributor.add(internal), Err(AddBusError::DuplicateName("internal".into())));
///
/// let topic = EventCategory::ACTION.topic("VM.START").build()?;
/// let failures = distributor.publish(topic, &"web-1".into());
/// assert!(failures.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EventDistributor<E> {
    /// In the order in which they were added, with the names that they had then.
    buses: Vec<(Box<str>, Box<dyn Bus<E>>)>,
    switches: PublishSwitches,
}

impl<E> EventDistributor<E> {
    /// How many buses there can be.
    pub const LIMIT: usize = 64;

    /// Without a bus.
    pub fn new() -> Self {
        EventDistributor {
            buses: Vec::new(),
            switches: PublishSwitches::default(),
        }
    }

    /// Sets which categories are published. By default all are.
    #[must_use]
    pub fn switches(mut self, switches: PublishSwitches) -> Self {
        self.switches = switches;
        self
    }

    /// One more bus.
    ///
    /// # Errors
    ///
    /// [`AddBusError`] if it has no name or that of another, or there are [`LIMIT`](Self::LIMIT).
    pub fn add(&mut self, bus: impl Bus<E> + 'static) -> Result<(), AddBusError> {
        let name = bus.name();
        if name.is_empty() {
            return Err(AddBusError::NoName);
        }
        if self.names().any(|known| known == name) {
            return Err(AddBusError::DuplicateName(name.into()));
        }
        if self.buses.len() == Self::LIMIT {
            return Err(AddBusError::TooMany);
        }
        self.buses.push((name.into(), Box::new(bus)));
        Ok(())
    }

    /// Takes a bus out.
    pub fn remove(&mut self, name: &str) -> Option<Box<dyn Bus<E>>> {
        let place = self.buses.iter().position(|(known, _)| **known == *name)?;
        Some(self.buses.remove(place).1)
    }

    /// The names of the buses, in the order in which they were added.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.buses.iter().map(|(name, _)| &**name)
    }

    /// Publishes to all buses in turn. What comes back are the failures by the names of the buses: nothing, if all took it.
    ///
    /// An event of a category that is [switched off](Self::switches) goes to none.
    ///
    /// # Blocking
    ///
    /// As long as the buses take: an [`EventBus`](super::EventBus) at most its [patience](super::EventBus::patience).
    pub fn publish(&self, topic: Topic, payload: &E) -> BTreeMap<String, BusError> {
        let mut failures = BTreeMap::new();
        if self.switches.allow_topic(topic) {
            for (name, bus) in &self.buses {
                // Where it panics before it can say so.
                let mut failure = Some(BusError::Panicked);
                contain(|| failure = bus.publish(topic, payload).err());
                if let Some(failure) = failure {
                    failures.insert(name.to_string(), failure);
                }
            }
        }
        failures
    }
}

impl<E> Default for EventDistributor<E> {
    fn default() -> Self {
        EventDistributor::new()
    }
}

impl<E> fmt::Debug for EventDistributor<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventDistributor")
            .field("buses", &self.names().collect::<Vec<_>>())
            .field("switches", &self.switches)
            .finish()
    }
}
