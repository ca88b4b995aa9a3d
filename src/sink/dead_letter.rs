//! What becomes of events that cannot be written.

use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::{left_of, until};
use crate::event::Event;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// An event that could not be written, and why. It goes to a sink of its own, under the topic of the event.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeadLetter<E> {
    /// The event.
    pub event: Event<E>,
    /// Why it was not written.
    pub error: Arc<SinkError>,
    /// When that was.
    pub at: SystemTime,
}

/// Gives what its sink cannot write to another: what [`Sink::dead_letter`] makes.
///
/// Writing is `Ok` if either of the two has taken the event. What the dead-letter sink does not take is
/// [`SinkError::DeadLetter`], with both reasons. Events are no dead letters where the sink is closed or closing: then
/// the event is still the writer's, who gets [`SinkError::Closed`] or [`SinkError::Cancelled`].
///
/// A dead-letter sink takes [`DeadLetter`]s, so it sees the reason; any sink for the events themselves will do by
/// [`events_only`]. Put it behind the retries and before the queue:
///
/// ```
/// use laneway::sink::{DeadLetter, Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
///
/// let mut sink = sink_fn(|_: &Event<u32>| Err(SinkError::refused("no such tenant"))).dead_letter(sink_fn(
///     |letter: &Event<DeadLetter<u32>>| {
///         let letter = letter.payload();
///         assert_eq!(*letter.event.payload(), 7);
///         assert_eq!(letter.error.to_string(), "the event was refused: no such tenant");
///         Ok(())
///     },
/// ));
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DeadLetters<S, D> {
    sink: S,
    dead_letters: D,
}

impl<S, D> DeadLetters<S, D> {
    pub(super) fn new(sink: S, dead_letters: D) -> Self {
        DeadLetters { sink, dead_letters }
    }
}

impl<E, S, D> Sink<E> for DeadLetters<S, D>
where
    E: Clone,
    S: Sink<E>,
    D: Sink<DeadLetter<E>>,
{
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        let error = match self.sink.write(event) {
            Err(error) if !matches!(error, SinkError::Closed | SinkError::Cancelled { .. }) => {
                error
            }
            result => return result,
        };
        let error = Arc::new(error);
        let letter = DeadLetter {
            event: event.clone(),
            error: Arc::clone(&error),
            at: SystemTime::now(),
        };
        let letter = Event::new(event.topic(), letter);
        self.dead_letters.write(&letter).map_err(|dead_letter| {
            // Nobody but the letter has the other half.
            drop(letter);
            SinkError::DeadLetter {
                error: Arc::try_unwrap(error).map_or_else(
                    |kept| Box::new(SinkError::failed(kept.to_string())),
                    Box::new,
                ),
                dead_letter: Box::new(dead_letter),
            }
        })
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        let by = until(deadline);
        // In this order: closing the first may make dead letters.
        let mut report = self.sink.close(deadline);
        let dead = self.dead_letters.close(left_of(by));
        report.merge(dead.map(|letter| letter.into_payload().event));
        report
    }

    fn begin_close(&mut self) {
        self.sink.begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.sink.attach(cancel);
        self.dead_letters.attach(cancel);
    }
}

/// A sink for dead letters out of one for events: the reasons are left out.
///
/// ```
/// use laneway::sink::{Sink, SinkError, channel, events_only, sink_fn};
/// use laneway::{Event, Topic};
///
/// let (letters, mut reader) = channel(16);
/// let mut sink = sink_fn(|_: &Event<u32>| Err(SinkError::refused("no"))).dead_letter(events_only(letters));
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// assert_eq!(reader.recv().unwrap().into_payload(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn events_only<E, S: Sink<E>>(sink: S) -> EventsOnly<S> {
    EventsOnly(sink)
}

/// What [`events_only`] makes.
pub struct EventsOnly<S>(S);

impl<E: 'static + Clone, S: Sink<E>> Sink<DeadLetter<E>> for EventsOnly<S> {
    fn write(&mut self, letter: &Event<DeadLetter<E>>) -> Result<(), SinkError> {
        self.0.write(&letter.payload().event)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<DeadLetter<E>> {
        self.0.close(deadline).map(|event| {
            let letter = DeadLetter {
                event: event.clone(),
                error: Arc::new(SinkError::Closed),
                at: SystemTime::now(),
            };
            Event::new(event.topic(), letter)
        })
    }

    fn begin_close(&mut self) {
        self.0.begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.0.attach(cancel);
    }
}

impl<S: fmt::Debug> fmt::Debug for EventsOnly<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventsOnly").field(&self.0).finish()
    }
}
