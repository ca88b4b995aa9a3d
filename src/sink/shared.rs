//! One sink, several writers.

use super::cancel::{CancelToken, LOOK};
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::{CLOSE_DEADLINE, GRACE, contained, left_of, lock, until};
use crate::contain::contain;
use crate::event::Event;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A sink for several writers, one at a time: what [`Sink::shared`] makes.
///
/// Clones are handles to the same sink. Writing waits for the writers before; closing does not wait for one that hangs: after
/// the deadline it ends what that write waits for, and if that is of no use reports it. A panic of the sink is contained. The last
/// handle closes the sink with five seconds, unless somebody has.
///
/// ```
/// use laneway::sink::{Breaker, Sink, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let sink = sink_fn(|_: &Event<u32>| Ok(())).retry(Breaker::new(3, Duration::from_millis(10))).shared();
/// let topic = Topic::new("compute", "VM.START")?;
/// std::thread::scope(|scope| {
///     for number in 0..4 {
///         let mut sink = sink.clone();
///         scope.spawn(move || sink.write(&Event::new(topic, number)).unwrap());
///     }
/// });
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Shared<E: 'static> {
    handle: Arc<Handle<E>>,
    /// Ends what this writer waits for.
    writer: CancelToken,
}

struct Handle<E: 'static> {
    slot: Mutex<Slot<E>>,
    /// The sink is back, or closed.
    back: Condvar,
    /// Ends what the sink waits for.
    cancel: CancelToken,
}

struct Slot<E> {
    /// `None` while somebody writes, and once it is closed.
    sink: Option<Box<dyn Sink<E>>>,
    is_closing: bool,
    /// Somebody has the sink to close it.
    has_closer: bool,
    has_ended: bool,
    /// Nobody waits for the writer any more: it closes the sink.
    is_abandoned: bool,
}

impl<E: 'static> Shared<E> {
    pub(super) fn new(mut sink: Box<dyn Sink<E>>) -> Self {
        let cancel = CancelToken::new();
        sink.attach(&cancel);
        Shared {
            handle: Arc::new(Handle {
                slot: Mutex::new(Slot {
                    sink: Some(sink),
                    is_closing: false,
                    has_closer: false,
                    has_ended: false,
                    is_abandoned: false,
                }),
                back: Condvar::new(),
                cancel,
            }),
            writer: CancelToken::new(),
        }
    }

    pub(super) fn write_to(&self, event: &Event<E>) -> Result<(), SinkError> {
        let mut sink = self.handle.take(&self.writer)?;
        let result = contained(|| sink.write(event));
        self.handle.give_back(sink);
        result.and_then(|result| result)
    }

    pub(super) fn close_it(&self, deadline: Duration) -> CloseReport<E> {
        self.handle.close(deadline)
    }

    pub(super) fn follow(&self, cancel: &CancelToken) {
        self.handle.cancel.follow(cancel);
    }

    pub(super) fn begin(&self) {
        let mut slot = lock(&self.handle.slot);
        // Where it is out, it is with a writer who is as good as done.
        let Some(mut sink) = slot.sink.take() else {
            return;
        };
        drop(slot);
        contain(|| sink.begin_close());
        self.handle.give_back(sink);
    }
}

impl<E: 'static> Handle<E> {
    /// Takes the sink out for a write.
    fn take(&self, writer: &CancelToken) -> Result<Box<dyn Sink<E>>, SinkError> {
        let mut slot = lock(&self.slot);
        loop {
            if slot.is_closing {
                return Err(SinkError::Closed);
            }
            if let Some(sink) = slot.sink.take() {
                return Ok(sink);
            }
            slot = wait(&self.back, slot, LOOK);
            if slot.sink.is_none() {
                drop(slot);
                if writer.is_cancelled() {
                    return Err(SinkError::Cancelled { last: None });
                }
                slot = lock(&self.slot);
            }
        }
    }

    fn give_back(&self, mut sink: Box<dyn Sink<E>>) {
        let mut slot = lock(&self.slot);
        if !slot.is_abandoned {
            slot.sink = Some(sink);
            drop(slot);
            self.back.notify_one();
            return;
        }
        slot.has_closer = true;
        drop(slot);
        let report = contained(|| sink.close(Duration::ZERO));
        contain(|| tracing::warn!(?report, "a sink was closed long after its deadline"));
        contain(|| drop((report, sink)));
        self.end();
    }

    fn end(&self) {
        lock(&self.slot).has_ended = true;
        self.back.notify_all();
    }

    /// Waits until the sink is here, or is no more.
    fn wait_until(&self, by: Option<Instant>) -> MutexGuard<'_, Slot<E>> {
        let mut slot = lock(&self.slot);
        while slot.sink.is_none() && !slot.has_ended && !left_of(by).is_zero() {
            slot = wait(&self.back, slot, left_of(by));
        }
        slot
    }

    fn close(&self, deadline: Duration) -> CloseReport<E> {
        let by = until(deadline);
        lock(&self.slot).is_closing = true;
        self.back.notify_all();
        let mut slot = self.wait_until(by);
        if slot.sink.is_none() && !slot.has_ended {
            drop(slot);
            self.cancel.cancel();
            slot = self.wait_until(until(GRACE));
        }
        let Some(mut sink) = slot.sink.take() else {
            if slot.has_closer && !slot.has_ended {
                let error = SinkError::failed("another thread is still closing it");
                return CloseReport::failure("a shared sink", error);
            }
            let is_out = !slot.has_ended;
            slot.is_abandoned |= is_out;
            return CloseReport {
                in_flight: is_out.into(),
                ..CloseReport::default()
            };
        };
        slot.has_closer = true;
        drop(slot);
        let report = contained(|| sink.close(left_of(by)));
        contain(|| drop(sink));
        self.end();
        report.unwrap_or_else(|error| CloseReport::failure("a shared sink", error))
    }
}

fn wait<'a, T>(back: &Condvar, slot: MutexGuard<'a, T>, duration: Duration) -> MutexGuard<'a, T> {
    let waited = back.wait_timeout(slot, duration.min(Duration::from_secs(3600)));
    waited.unwrap_or_else(PoisonError::into_inner).0
}

impl<E: 'static> Sink<E> for Shared<E> {
    /// # Blocking
    ///
    /// For the writers before, and for the sink.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        self.write_to(event)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.close_it(deadline)
    }

    fn begin_close(&mut self) {
        self.begin();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.writer = cancel.clone();
        self.follow(cancel);
    }
}

impl<E: 'static> Drop for Handle<E> {
    fn drop(&mut self) {
        if lock(&self.slot).is_closing {
            return;
        }
        let report = self.close(CLOSE_DEADLINE);
        if !report.is_complete() {
            contain(|| tracing::warn!(?report, "a shared sink was dropped with events in it"));
        }
        contain(|| drop(report));
    }
}

impl<E: 'static> Clone for Shared<E> {
    fn clone(&self) -> Self {
        Shared {
            handle: Arc::clone(&self.handle),
            writer: CancelToken::new(),
        }
    }
}

impl<E: 'static> fmt::Debug for Shared<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("is_closing", &lock(&self.handle.slot).is_closing)
            .finish_non_exhaustive()
    }
}
