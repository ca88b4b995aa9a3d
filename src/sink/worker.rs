//! A sink on a thread of its own, behind a bounded queue: what queues and timeouts are made of.

use super::buffer::{Buffer, Pop};
use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::{CLOSE_DEADLINE, CLOSE_GRACE, GRACE, contained, left_of, lock, until};
use crate::contain::contain;
use crate::event::Event;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Is told what became of each event, on the worker's thread.
type Settled = Box<dyn Fn(Result<(), SinkError>) + Send + Sync>;

pub(super) struct Worker<E> {
    pub(super) buffer: Buffer<E>,
    /// Ends what the sink waits for, and the worker's loop.
    pub(super) cancel: CancelToken,
    life: Mutex<Life<E>>,
    /// The thread has nothing more to do.
    ended: Condvar,
    settled: Settled,
    pub(super) written: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) panics: AtomicU64,
}

struct Life<E> {
    name: String,
    /// Until the thread takes it.
    sink: Option<Box<dyn Sink<E>>>,
    thread: Option<JoinHandle<()>>,
    /// The thread writes no more, and closes the sink.
    has_left: bool,
    has_ended: bool,
    is_closing: bool,
    /// When to be done with closing.
    close_by: Option<Instant>,
    /// What closing the sink gave, until somebody takes it.
    report: Option<CloseReport<E>>,
}

impl<E: Send + 'static> Worker<E> {
    #[track_caller]
    pub(super) fn new(mut sink: Box<dyn Sink<E>>, capacity: usize, settled: Settled) -> Arc<Self> {
        let buffer = Buffer::new(capacity);
        let cancel = CancelToken::new();
        sink.attach(&cancel);
        Arc::new(Worker {
            buffer,
            cancel,
            life: Mutex::new(Life {
                name: "laneway-sink".into(),
                sink: Some(sink),
                thread: None,
                has_left: false,
                has_ended: false,
                is_closing: false,
                close_by: None,
                report: None,
            }),
            ended: Condvar::new(),
            settled,
            written: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
        })
    }

    /// What its thread is called, if that has not started.
    pub(super) fn rename(&self, name: String) {
        lock(&self.life).name = name;
    }

    pub(super) fn name(&self) -> String {
        lock(&self.life).name.clone()
    }

    /// Starts the thread, once.
    pub(super) fn start(self: &Arc<Self>) -> Result<(), SinkError> {
        let mut life = lock(&self.life);
        if life.thread.is_some() || life.has_ended || life.is_closing {
            return Ok(());
        }
        let worker = Arc::clone(self);
        let thread = thread::Builder::new().name(life.name.clone());
        life.thread = Some(
            thread
                .spawn(move || worker.run())
                .map_err(SinkError::failed)?,
        );
        Ok(())
    }

    fn run(&self) {
        let sink = lock(&self.life).sink.take();
        let Some(mut sink) = sink else { return };
        let (mut streak, mut is_over) = (0_u64, false);
        while let Pop::Event(event) = self.buffer.pop(None, &self.cancel) {
            let result = contained(|| sink.write(&event)).and_then(|result| result);
            is_over = match &result {
                Err(SinkError::Closed) => true,
                // Cut short, one way or another: it may be tried again elsewhere.
                Err(error) if error.is_retryable() || error.is_cut_short() => {
                    self.cancel.is_cancelled()
                }
                _ => false,
            };
            if is_over {
                // It is among what is left.
                self.buffer.put_back(event);
            } else {
                self.count(&result, &mut streak);
                contain(|| drop(event));
                self.buffer.settle();
            }
            contain(|| (self.settled)(result));
            if is_over {
                break;
            }
        }
        // It may have ended by itself.
        self.buffer.close();
        if !is_over && !self.is_closing() {
            // Closing has begun, and how long it may take is known to who goes on with it.
            contain(|| sink.begin_close());
            self.wait(until(CLOSE_DEADLINE), |life| life.is_closing);
        }
        let mut life = lock(&self.life);
        life.has_left = true;
        let left = if life.is_closing {
            left_of(life.close_by)
        } else {
            CLOSE_DEADLINE
        };
        drop(life);
        self.ended.notify_all();
        let report = contained(|| sink.close(left));
        contain(|| drop(sink));
        let mut life = lock(&self.life);
        life.report = Some(report.unwrap_or_else(|error| {
            self.panics.fetch_add(1, Ordering::Relaxed);
            CloseReport::failure(life.name.clone(), error)
        }));
        life.has_ended = true;
        drop(life);
        self.ended.notify_all();
    }

    /// A streak of failures is traced when it begins, each time it has doubled, and when it is over.
    fn count(&self, result: &Result<(), SinkError>, streak: &mut u64) {
        // ORDERING: Release, here and below, pairs with the Acquire in `Queue::stats`.
        match result {
            Ok(()) => {
                self.written.fetch_add(1, Ordering::Release);
                if *streak > 0 {
                    let (sink, failed) = (self.name(), *streak);
                    contain(|| tracing::info!(sink, failed, "a sink works again"));
                }
                *streak = 0;
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Release);
                if matches!(error, SinkError::Panicked { .. }) {
                    self.panics.fetch_add(1, Ordering::Relaxed);
                }
                *streak += 1;
                if streak.is_power_of_two() {
                    let (sink, failed) = (self.name(), *streak);
                    contain(|| tracing::warn!(sink, failed, %error, "a sink did not write events"));
                }
            }
        }
    }

    pub(super) fn is_closing(&self) -> bool {
        lock(&self.life).is_closing
    }

    /// Closes the sink. First what is left in the queue itself, then what the sink says.
    pub(super) fn close(&self, deadline: Duration) -> (Vec<Event<E>>, CloseReport<E>) {
        let by = until(deadline);
        let mut life = lock(&self.life);
        life.is_closing = true;
        life.close_by = [life.close_by, by].into_iter().flatten().min();
        self.ended.notify_all();
        // Only now: its thread looks at the deadline when there is no more to write.
        self.buffer.close();
        if life.thread.is_none()
            && let Some(mut sink) = life.sink.take()
        {
            // Nothing was ever written.
            drop(life);
            let report = contained(|| sink.close(deadline));
            contain(|| drop(sink));
            lock(&self.life).has_ended = true;
            self.ended.notify_all();
            let failed = |error| CloseReport::failure(self.name(), error);
            return (Vec::new(), report.unwrap_or_else(failed));
        }
        let is_own = (life.thread.as_ref())
            .is_some_and(|thread| thread.thread().id() == thread::current().id());
        drop(life);
        if is_own {
            // A sink that closes the queue in front of it.
            return <(Vec<Event<E>>, CloseReport<E>)>::default();
        }
        if !self.wait(by, |life| life.has_ended) {
            self.cancel.cancel();
            self.buffer.wake();
            // What is behind it has threads of its own, perhaps, which give back what they hold.
            if self.wait(until(GRACE), |life| life.has_left) {
                self.wait(until(CLOSE_GRACE), |life| life.has_ended);
            }
        }
        let mut life = lock(&self.life);
        let mut report = life.report.take().unwrap_or_default();
        let thread = life.has_ended.then(|| life.thread.take()).flatten();
        if !life.has_ended {
            report.in_flight += self.buffer.counts().taken;
            report.detached.push(life.name.clone());
        }
        drop(life);
        if let Some(thread) = thread {
            // All it runs is contained.
            let _ = thread.join();
        }
        (self.buffer.drain(), report)
    }

    fn wait(&self, by: Option<Instant>, is_over: impl Fn(&Life<E>) -> bool) -> bool {
        let mut life = lock(&self.life);
        while !is_over(&life) {
            let left = left_of(by).min(Duration::from_secs(3600));
            if left.is_zero() {
                return false;
            }
            let waited = self.ended.wait_timeout(life, left);
            life = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl<E> Drop for Worker<E> {
    /// The thread has ended after everybody had stopped waiting for it.
    fn drop(&mut self) {
        let life = self.life.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = life.report.take()
            && !report.is_complete()
        {
            let sink = &life.name;
            contain(|| tracing::warn!(sink, ?report, "a sink was closed long after its deadline"));
            contain(|| drop(report));
        }
    }
}
