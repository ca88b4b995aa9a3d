//! A bounded queue with a thread of its own.

use super::buffer::WhenFull;
use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::worker::Worker;
use super::{CLOSE_DEADLINE, contained};
use crate::contain::contain;
use crate::event::Event;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A bounded first-in-first-out queue in front of a sink that has a thread of its own: what [`Sink::queue`] makes.
///
/// Writing puts a clone of the event into the queue and waits for nobody, unless [`when_full`](Self::when_full) says so. The
/// thread is started by the first write, is called "laneway-sink" if not [named](Self::named), and writes one event after the
/// other. What the sink does not take counts as failed and is traced; with a [`dead_letter`](Sink::dead_letter) between the
/// two it is kept. A panic of the sink costs the event it was called with, and counts as failed.
///
/// Clones are handles to the same queue, for several writers. Any of them closes it:
///
/// * [`close`](Sink::close) lets the thread write until the deadline. Then it ends what the sink waits for (a retry, a
///   request), takes back what was not written and reports it. A thread that does not come back from its sink within 100 ms, or
///   has not closed it within a second after that, is detached and named in the report; it ends when the call returns.
/// * A second close at the same time waits for the same end. What is left is reported to one of them.
/// * Dropping the last handle closes it with five seconds, and what is left then is traced as a warning.
///
/// ```
/// use laneway::sink::{Sink, SinkError, WhenFull, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let mut queue = sink_fn(|event: &Event<u32>| {
///     println!("{event:?}");
///     Ok(())
/// })
/// .queue(1024)
/// .named("printer")
/// .when_full(WhenFull::Block(Duration::from_millis(100)));
///
/// let event = Event::new(Topic::new("compute", "VM.START")?, 7);
/// queue.write(&event)?;
/// assert!(queue.close(Duration::from_secs(1)).is_complete());
/// assert!(matches!(queue.write(&event), Err(SinkError::Closed)));
/// let stats = queue.stats();
/// assert_eq!((stats.accepted, stats.written, stats.waiting), (1, 1, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Queue<E: Send + 'static> {
    handle: Arc<Handle<E>>,
    /// Ends what a writer waits for.
    writer: CancelToken,
}

/// What lives as long as the last handle.
struct Handle<E: Send + 'static>(Arc<Worker<E>>);

impl<E: Clone + Send + 'static> Queue<E> {
    #[track_caller]
    pub(super) fn new(sink: impl Sink<E>, capacity: usize) -> Self {
        let worker = Worker::new(Box::new(sink), capacity, Box::new(|_| ()));
        Queue {
            handle: Arc::new(Handle(worker)),
            writer: CancelToken::new(),
        }
    }
}

impl<E: Send + 'static> Queue<E> {
    /// What its thread is called, in traces too, if it has not started. Some systems show the first 15 bytes.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.handle.0.rename(name.into());
        self
    }

    /// What happens to an event that comes when it is full. By default [`WhenFull::Refuse`].
    pub fn when_full(self, when_full: WhenFull) -> Self {
        self.handle.0.buffer.when_full(when_full);
        self
    }

    /// Its counters.
    pub fn stats(&self) -> QueueStats {
        let worker = &self.handle.0;
        // ORDERING: Acquire pairs with the Release of the worker, which counts before it settles: what has left the queue is
        // never missing in both.
        let (written, failed) = (
            worker.written.load(Ordering::Acquire),
            worker.failed.load(Ordering::Acquire),
        );
        let counts = worker.buffer.counts();
        QueueStats {
            accepted: counts.accepted,
            written,
            failed,
            dropped: counts.dropped,
            waiting: counts.waiting,
            in_flight: counts.taken,
            refused: counts.refused,
            panics: worker.panics.load(Ordering::Relaxed),
        }
    }
}

/// The counters of a [`Queue`]: once it is idle, `accepted == written + failed + dropped + waiting + in_flight`. What closing it
/// left and reported is in none of the last five.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Events whose write was `Ok`.
    pub accepted: u64,
    /// Events that the sink has taken.
    pub written: u64,
    /// Events that the sink has not taken. They are gone.
    pub failed: u64,
    /// Events that gave way to newer ones, see [`WhenFull::DropOldest`].
    pub dropped: u64,
    /// Events in the queue.
    pub waiting: usize,
    /// Events that the sink was called with and has not returned from: 0 or 1.
    pub in_flight: usize,
    /// Events that found it full. Whoever wrote them knows.
    pub refused: u64,
    /// Panics of the sink.
    pub panics: u64,
}

impl<E: Clone + Send + 'static> Sink<E> for Queue<E> {
    /// # Blocking
    ///
    /// With [`WhenFull::Block`] for room. Starts the thread the first time; an error of that can be retried.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        let worker = &self.handle.0;
        if !worker.buffer.is_open() {
            return Err(SinkError::Closed);
        }
        worker.start()?;
        worker.buffer.push(event.clone(), &self.writer)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.handle.close(deadline)
    }

    fn begin_close(&mut self) {
        self.handle.0.buffer.close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.writer = cancel.clone();
    }
}

impl<E: Send + 'static> Handle<E> {
    fn close(&self, deadline: Duration) -> CloseReport<E> {
        let (left, mut report) = self.0.close(deadline);
        report.left.splice(0..0, left);
        report
    }
}

impl<E: Send + 'static> Drop for Handle<E> {
    fn drop(&mut self) {
        if self.0.is_closing() {
            return;
        }
        let report = contained(|| self.close(CLOSE_DEADLINE));
        let is_complete = report.as_ref().is_ok_and(CloseReport::is_complete);
        if !is_complete {
            let sink = self.0.name();
            contain(|| tracing::warn!(sink, ?report, "a queue was dropped with events in it"));
        }
        contain(|| drop(report));
    }
}

impl<E: Send + 'static> Clone for Queue<E> {
    fn clone(&self) -> Self {
        Queue {
            handle: Arc::clone(&self.handle),
            writer: CancelToken::new(),
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Queue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue")
            .field("name", &self.handle.0.name())
            .field("stats", &self.stats())
            .finish()
    }
}
