//! Events that are published once what they tell of has been committed, or never.

use super::bus::Bus;
use super::error::{CommitError, TransactionFull};
use crate::Topic;
use std::fmt;

/// Holds events back until the transaction of a database that they belong to is committed. Dropping it publishes nothing.
///
/// A subscriber that gets an event and looks into the database finds there what the event tells of, and hears nothing of
/// changes that were rolled back.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::{EventBus, EventCategory, EventTransaction};
/// use laneway::Router;
///
/// let bus = EventBus::new("internal", Router::<String>::new());
/// bus.subscribe(EventCategory::ACTION.filter(), |event| println!("{event:?}"))?;
///
/// let topic = EventCategory::ACTION.topic("VM.CREATE").build()?;
/// let mut events = EventTransaction::new();
/// events.add(topic, "web-1".into())?;
/// // The database commits here.
/// assert_eq!(events.commit(&bus)?, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "events are not published unless it is committed"]
pub struct EventTransaction<E> {
    events: Vec<(Topic, E)>,
}

impl<E> EventTransaction<E> {
    /// How many events it holds at most.
    pub const LIMIT: usize = 1 << 16;

    /// Without an event.
    pub fn new() -> Self {
        EventTransaction { events: Vec::new() }
    }

    /// One more event.
    ///
    /// # Errors
    ///
    /// [`TransactionFull`] with the event, if there are [`LIMIT`](Self::LIMIT).
    pub fn add(&mut self, topic: Topic, payload: E) -> Result<(), TransactionFull<E>> {
        if self.events.len() == Self::LIMIT {
            return Err(TransactionFull(payload));
        }
        self.events.push((topic, payload));
        Ok(())
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Publishes its events to a bus, in order, and says how many there were. For several buses, take the events out and give
    /// them to an [`EventDistributor`](super::EventDistributor) one by one.
    ///
    /// # Errors
    ///
    /// [`CommitError`] with the events from the first on that the bus did not take. They may be committed again.
    ///
    /// # Blocking
    ///
    /// As [`Bus::publish`], for each event.
    pub fn commit(self, bus: &(impl Bus<E> + ?Sized)) -> Result<usize, CommitError<E>> {
        let mut events = self.events.into_iter();
        let mut published = 0;
        while let Some((topic, payload)) = events.as_slice().first() {
            if let Err(error) = bus.publish(*topic, payload) {
                let events = events.collect();
                return Err(CommitError {
                    error,
                    published,
                    unsent: EventTransaction { events },
                });
            }
            events.next();
            published += 1;
        }
        Ok(published)
    }
}

/// The events, in order.
impl<E> IntoIterator for EventTransaction<E> {
    type Item = (Topic, E);
    type IntoIter = std::vec::IntoIter<(Topic, E)>;

    fn into_iter(self) -> Self::IntoIter {
        self.events.into_iter()
    }
}

impl<E> Default for EventTransaction<E> {
    fn default() -> Self {
        EventTransaction::new()
    }
}

impl<E> fmt::Debug for EventTransaction<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventTransaction")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
