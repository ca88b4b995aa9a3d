//! What a sink is, and how sinks are chained.

use super::broadcast::Broadcast;
use super::cancel::CancelToken;
use super::dead_letter::{DeadLetter, DeadLetters};
use super::error::SinkError;
use super::filtered::Filtered;
use super::queue::Queue;
use super::report::CloseReport;
use super::retry::{Retry, Strategy};
use super::shared::Shared;
use super::tap::{SinkMetrics, Tap};
use super::timeout::Timeout;
use crate::error::FilterError;
use crate::event::Event;
use crate::filter::Filter;
use std::fmt;
use std::time::Duration;

/// Where events go: a file, a webhook, a queue in front of another sink.
///
/// A sink takes one event at a time and is closed once. What composes is chained, and is a sink again:
///
/// ```
/// use laneway::sink::{ExponentialBackoff, Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let mut attempts = 0;
/// let flaky = sink_fn(move |_: &Event<u32>| {
///     attempts += 1;
///     if attempts < 3 { Err(SinkError::failed("not now")) } else { Ok(()) }
/// });
/// let backoff = ExponentialBackoff::new(Duration::ZERO, Duration::from_millis(1), Duration::from_millis(5));
/// let mut sink = flaky.retry(backoff).queue(1024);
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// assert!(sink.close(Duration::from_secs(5)).is_complete());
/// assert_eq!(sink.stats().written, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # For those who write one
///
/// * After [`close`](Self::close), a write gives [`SinkError::Closed`]; before it, nothing does but an end that is for ever.
/// * `Ok` means that the event is taken care of. What is dropped is an error.
/// * A sink that waits does so by the token that it was handed by [`attach`](Self::attach); one that has others inside hands the
///   token on to them.
/// * [`close`](Self::close) returns by its deadline, or as soon after as it can, and closes what is inside. The second
///   time it does nothing.
pub trait Sink<E>: Send + 'static {
    /// Writes one event.
    ///
    /// # Errors
    ///
    /// Where it is not written; [`SinkError::is_retryable`] says whether to try again.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError>;

    /// Takes no more events, writes what it has accepted, and lets go of what it holds. Returns by the deadline, and says
    /// what was left.
    ///
    /// # Blocking
    ///
    /// Up to `deadline`; sinks with threads of their own take up to 100 ms more each for these to come back, and up to a second
    /// for closing what is behind them.
    fn close(&mut self, deadline: Duration) -> CloseReport<E>;

    /// Takes no more events, and begins to write what it has accepted, without waiting. For who closes several sinks one
    /// after the other; [`close`](Self::close) must follow.
    fn begin_close(&mut self) {}

    /// Hands it the token by which its waits are ended. The last one holds.
    fn attach(&mut self, cancel: &CancelToken) {
        let _ = cancel;
    }

    /// A queue in front of it, for at most `capacity` events, with a thread of its own: writing does not wait for this sink.
    ///
    /// # Panics
    ///
    /// If the capacity is not 1 to 2^24.
    #[track_caller]
    fn queue(self, capacity: usize) -> Queue<E>
    where
        Self: Sized,
        E: Clone + Send + 'static,
    {
        Queue::new(self, capacity)
    }

    /// Tries again what [may work the next time](SinkError::is_retryable), at the pace of `strategy`, up to ten times.
    fn retry<T: Strategy>(self, strategy: T) -> Retry<Self>
    where
        Self: Sized,
    {
        Retry::new(self, strategy)
    }

    /// Waits for it no longer than `limit` with each write.
    fn timeout(self, limit: Duration) -> Timeout<E>
    where
        Self: Sized,
        E: Clone + Send + 'static,
    {
        Timeout::new(self, limit)
    }

    /// Only events for which `accept` says true. Others are none of its business: writing them is `Ok`.
    fn filter<P>(self, accept: P) -> Filtered<Self, P>
    where
        Self: Sized,
        P: FnMut(&Event<E>) -> bool + Send + 'static,
    {
        Filtered::new(self, accept)
    }

    /// Only events whose topic matches `filter`.
    ///
    /// # Errors
    ///
    /// A filter that is none, since it would match nothing.
    fn matching(
        self,
        filter: Filter,
    ) -> Result<Filtered<Self, impl FnMut(&Event<E>) -> bool + Send + 'static>, FilterError>
    where
        Self: Sized,
        E: 'static,
    {
        filter.check()?;
        Ok(Filtered::new(self, move |event: &Event<E>| {
            filter.matches(event.topic())
        }))
    }

    /// Counts what is written to it, what fails and how long it takes.
    fn tap(self, metrics: &SinkMetrics) -> Tap<E, Self>
    where
        Self: Sized,
    {
        Tap::new(self, metrics)
    }

    /// What it cannot write goes to `dead_letters`, with the reason.
    fn dead_letter<D: Sink<DeadLetter<E>>>(self, dead_letters: D) -> DeadLetters<Self, D>
    where
        Self: Sized,
        E: Clone,
    {
        DeadLetters::new(self, dead_letters)
    }

    /// The same sink for several writers, one at a time.
    fn shared(self) -> Shared<E>
    where
        Self: Sized,
        E: 'static,
    {
        Shared::new(Box::new(self))
    }

    /// A broadcast that begins with this sink.
    fn broadcast(self, name: impl Into<String>) -> Broadcast<E>
    where
        Self: Sized,
        E: Clone + Send + 'static,
    {
        Broadcast::new().with(name, self)
    }
}

impl<E: 'static> Sink<E> for Box<dyn Sink<E>> {
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        (**self).write(event)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        (**self).close(deadline)
    }

    fn begin_close(&mut self) {
        (**self).begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        (**self).attach(cancel);
    }
}

/// A sink that calls `write`, until it is closed.
///
/// ```
/// use laneway::sink::{Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let mut sink = sink_fn(|event: &Event<u32>| {
///     println!("{event:?}");
///     Ok(())
/// });
/// let event = Event::new(Topic::new("compute", "VM.START")?, 7);
/// sink.write(&event)?;
/// assert!(sink.close(Duration::ZERO).is_complete());
/// assert!(matches!(sink.write(&event), Err(SinkError::Closed)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sink_fn<E, F>(write: F) -> SinkFn<F>
where
    F: FnMut(&Event<E>) -> Result<(), SinkError> + Send + 'static,
{
    SinkFn(Some(write))
}

/// What [`sink_fn`] makes. Closing it drops the closure.
pub struct SinkFn<F>(Option<F>);

impl<E, F> Sink<E> for SinkFn<F>
where
    F: FnMut(&Event<E>) -> Result<(), SinkError> + Send + 'static,
{
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        self.0.as_mut().ok_or(SinkError::Closed)?(event)
    }

    fn close(&mut self, _: Duration) -> CloseReport<E> {
        self.0 = None;
        CloseReport::default()
    }
}

impl<F> fmt::Debug for SinkFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkFn")
            .field("is_closed", &self.0.is_none())
            .finish()
    }
}
