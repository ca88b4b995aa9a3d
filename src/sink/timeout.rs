//! A limit to how long a write may take.

use super::cancel::{CancelToken, LOOK};
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::worker::Worker;
use super::{CLOSE_DEADLINE, left_of, lock, until};
use crate::contain::contain;
use crate::event::Event;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Gives up waiting for a slow write: what [`Sink::timeout`] makes.
///
/// Its sink lives on one thread of its own, which is handed a clone of each event. A write that is not over in time gives
/// [`SinkError::TimedOut`] and goes on there; while it does, further events time out without being begun. So whoever tries again
/// after a timeout may write twice, but there is never more than one event in the sink, nor more than one thread.
///
/// Closing waits for the write that is under way, ends what it waits for at the deadline, and reports it as in flight if that is
/// of no use.
///
/// ```
/// use laneway::sink::{Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
/// use std::sync::mpsc::channel;
/// use std::time::Duration;
///
/// let (go_on, stuck) = channel::<()>();
/// let mut sink = sink_fn(move |_: &Event<u32>| {
///     let _ = stuck.recv();
///     Ok(())
/// })
/// .timeout(Duration::from_millis(10));
/// let event = Event::new(Topic::new("compute", "VM.START")?, 7);
/// assert!(matches!(sink.write(&event), Err(SinkError::TimedOut { .. })));
/// drop(go_on);
/// assert!(sink.close(Duration::from_secs(5)).is_complete());
/// assert_eq!(sink.late(), 1, "it was written in the end");
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Timeout<E: Send + 'static> {
    worker: Arc<Worker<E>>,
    outcome: Arc<Outcome>,
    limit: Duration,
    /// How many events the worker was handed.
    handed: u64,
    /// Ends what the writer waits for.
    writer: CancelToken,
}

#[derive(Default)]
struct Outcome {
    state: Mutex<OutcomeState>,
    changed: Condvar,
}

#[derive(Default)]
struct OutcomeState {
    /// How many events the worker is done with.
    settled: u64,
    /// What became of the last of them.
    last: Option<Result<(), SinkError>>,
    /// Nobody waits for those up to this one.
    given_up: u64,
    late: u64,
}

impl<E: Clone + Send + 'static> Timeout<E> {
    pub(super) fn new(sink: impl Sink<E>, limit: Duration) -> Self {
        let outcome = Arc::new(Outcome::default());
        let told = Arc::clone(&outcome);
        let settled = move |result| {
            let mut state = lock(&told.state);
            state.settled += 1;
            if state.settled <= state.given_up {
                state.late += 1;
            }
            let before = state.last.replace(result);
            drop(state);
            told.changed.notify_all();
            contain(|| drop(before));
        };
        let worker = Worker::new(Box::new(sink), 1, Box::new(settled));
        worker.rename("laneway-timeout".into());
        Timeout {
            worker,
            outcome,
            limit,
            handed: 0,
            writer: CancelToken::new(),
        }
    }

    /// Writes that were over after nobody waited for them any more, whatever became of them.
    pub fn late(&self) -> u64 {
        lock(&self.outcome.state).late
    }

    /// The result of the event last handed over. `None`: it is not over in time.
    fn wait(&self) -> Option<Result<(), SinkError>> {
        let end = until(self.limit);
        let mut state = lock(&self.outcome.state);
        while state.settled < self.handed {
            let left = left_of(end).min(LOOK);
            if left.is_zero() {
                return None;
            }
            let waited = self.outcome.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if state.settled < self.handed {
                // What is watched by the token is somebody else's code.
                drop(state);
                if self.writer.is_cancelled() {
                    return None;
                }
                state = lock(&self.outcome.state);
            }
        }
        state.last.take()
    }

    /// Gives the result that came in the last moment.
    fn give_up(&mut self) -> Option<Result<(), SinkError>> {
        // One that was not begun is as if it had not come.
        if let Some(event) = self.worker.buffer.take_back() {
            contain(|| drop(event));
            self.handed -= 1;
            return None;
        }
        let mut state = lock(&self.outcome.state);
        if state.settled >= self.handed {
            return state.last.take();
        }
        state.given_up = self.handed;
        None
    }
}

impl<E: Clone + Send + 'static> Sink<E> for Timeout<E> {
    /// # Blocking
    ///
    /// Up to the limit.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        if !self.worker.buffer.is_open() {
            return Err(SinkError::Closed);
        }
        self.worker.start()?;
        self.worker.buffer.push(event.clone(), &self.writer)?;
        self.handed += 1;
        if let Some(result) = self.wait().or_else(|| self.give_up()) {
            return result;
        }
        if self.writer.is_cancelled() {
            return Err(SinkError::Cancelled { last: None });
        }
        Err(SinkError::TimedOut { after: self.limit })
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        // What was not begun was given back to its writer, as an error.
        self.worker.close(deadline).1
    }

    fn begin_close(&mut self) {
        self.worker.buffer.close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.writer = cancel.clone();
    }
}

impl<E: Send + 'static> Drop for Timeout<E> {
    fn drop(&mut self) {
        if !self.worker.is_closing() {
            let (_, report) = self.worker.close(CLOSE_DEADLINE);
            if !report.is_complete() {
                contain(|| tracing::warn!(?report, "a timeout was dropped with its sink at work"));
            }
            contain(|| drop(report));
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Timeout<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
