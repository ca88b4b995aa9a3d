//! What is routed: a payload under a topic.

use crate::sync::AtomicU32;
use crate::topic::Topic;
use std::fmt;

/// A payload and the [`Topic`] it was published under.
///
/// Handlers get events by reference, straight from the lane where the publisher wrote them; cloning one clones the
/// payload. An event takes 24 bytes beside its payload, and one with a `u64` in it 32: two to a cache line.
///
/// ```
/// use laneway::{Event, Topic};
///
/// let event = Event::new(Topic::new("compute", "VM.START")?, 7_u64);
/// assert_eq!(event.topic().event_type(), "VM.START");
/// assert_eq!(*event.payload(), 7);
/// assert_eq!(event.into_payload(), 7);
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Event<E> {
    /// The lane's stamp while the event lies in a slot, see `lane.rs`; 0 and meaningless elsewhere. It is here and not
    /// beside the event because here it fills what would be padding: the topic is 20 bytes, aligned to 4.
    pub(crate) stamp: AtomicU32,
    pub(crate) topic: Topic,
    pub(crate) payload: E,
}

#[cfg(not(any(laneway_loom, laneway_random_layout)))]
const _: () = assert!(size_of::<Event<u64>>() == 32 && size_of::<Event<()>>() == 24);

impl<E> Event<E> {
    /// An event that was not published, for example to call a handler from a unit test.
    pub fn new(topic: Topic, payload: E) -> Self {
        Event {
            stamp: AtomicU32::new(0),
            topic,
            payload,
        }
    }

    /// The topic it was published under.
    #[inline]
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// What was published.
    #[inline]
    pub fn payload(&self) -> &E {
        &self.payload
    }

    /// Takes the payload out.
    #[inline]
    pub fn into_payload(self) -> E {
        self.payload
    }
}

impl<E: Clone> Clone for Event<E> {
    fn clone(&self) -> Self {
        Event::new(self.topic, self.payload.clone())
    }
}

impl<E: fmt::Debug> fmt::Debug for Event<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("topic", &self.topic)
            .field("payload", &self.payload)
            .finish()
    }
}
