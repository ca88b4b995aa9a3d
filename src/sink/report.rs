//! What closing a sink achieved.

use super::error::{SinkError, SinkFailure};
use crate::event::Event;
use std::fmt;

/// What [`Sink::close`](super::Sink::close) left undone by its deadline.
///
/// ```
/// use laneway::sink::{Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let mut queue = sink_fn(|_: &Event<u32>| Err(SinkError::Closed)).queue(16);
/// queue.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// let report = queue.close(Duration::from_secs(1));
/// assert!(!report.is_complete());
/// // The sink behind it did not take it; here it is.
/// assert_eq!(*report.left[0].payload(), 7);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it may hold events that were accepted and not written"]
#[non_exhaustive]
pub struct CloseReport<E> {
    /// Events that were accepted and are not written, oldest first for each queue.
    pub left: Vec<Event<E>>,
    /// Events in the hands of threads that were still writing them: they may be written yet.
    pub in_flight: usize,
    /// The names of these threads. They end when their call returns.
    pub detached: Vec<String>,
    /// What went wrong with closing, by sink.
    pub failures: Vec<SinkFailure>,
}

impl<E> CloseReport<E> {
    /// Everything that was accepted is settled, nothing failed and all threads have ended.
    pub fn is_complete(&self) -> bool {
        self.left.is_empty()
            && self.in_flight == 0
            && self.detached.is_empty()
            && self.failures.is_empty()
    }

    /// Adds what another one says.
    pub fn merge(&mut self, other: CloseReport<E>) {
        self.left.extend(other.left);
        self.in_flight += other.in_flight;
        self.detached.extend(other.detached);
        self.failures.extend(other.failures);
    }

    /// With one failure.
    pub fn failure(sink: impl Into<String>, error: SinkError) -> Self {
        CloseReport {
            failures: vec![SinkFailure::new(sink, error)],
            ..CloseReport::default()
        }
    }

    /// The same of events of another type.
    pub(super) fn map<T>(self, map: impl FnMut(Event<E>) -> Event<T>) -> CloseReport<T> {
        CloseReport {
            left: self.left.into_iter().map(map).collect(),
            in_flight: self.in_flight,
            detached: self.detached,
            failures: self.failures,
        }
    }
}

impl<E> Default for CloseReport<E> {
    fn default() -> Self {
        CloseReport {
            left: Vec::new(),
            in_flight: 0,
            detached: Vec::new(),
            failures: Vec::new(),
        }
    }
}

impl<E> fmt::Debug for CloseReport<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseReport")
            .field("left", &self.left.len())
            .field("in_flight", &self.in_flight)
            .field("detached", &self.detached)
            .field("failures", &self.failures)
            .finish()
    }
}
