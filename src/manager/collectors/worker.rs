//! The thread of a collector: its runs, and the waits between them.

use super::Failure;
use super::backoff::{Backoff, Restarts};
use super::clock::Clock;
use super::info::State;
use super::kept::Kept;
use super::monitored::Monitored;
use super::slot::Patience;
use super::stop::Stop;
use super::target::Target;
use crate::Publisher;
use crate::contain::contain;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::Duration;

/// What its thread and the registry both know of a collector.
pub(super) struct Shared {
    status: Mutex<Status>,
}

/// One collector's place in the list, until another replaces it.
pub(super) struct Status {
    pub(super) state: State,
    pub(super) monitored: Option<Monitored>,
    pub(super) published: Arc<AtomicU64>,
    pub(super) runs: u64,
    pub(super) failures: u64,
    pub(super) panics: u64,
    pub(super) last_failure: Option<String>,
    /// Of the thread that was started last.
    pub(super) ends: Option<Ends>,
}

/// Both ends of telling a thread to stop.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) stop: Stop,
    /// Told when the thread is over.
    pub(super) exited: Stop,
    pub(super) thread: ThreadId,
}

impl Ends {
    /// Whether it is the thread that asks.
    pub(super) fn is_own(&self) -> bool {
        self.thread == thread::current().id()
    }

    pub(super) fn have_ended(&self, patience: Patience) -> bool {
        match patience {
            Some(patience) if !self.is_own() => self.exited.wait(patience),
            _ => self.exited.is_stopped(),
        }
    }
}

impl Shared {
    pub(super) fn new(monitored: Option<Monitored>) -> Self {
        Shared {
            status: Mutex::new(Status::new(monitored)),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For another collector of the same name.
    pub(super) fn begin_anew(&self, monitored: Option<Monitored>) {
        *self.lock() = Status::new(monitored);
    }

    /// Tells the thread, if there is one, to stop. What comes back is what to wait for.
    pub(super) fn tell(&self) -> Option<Ends> {
        let mut status = self.lock();
        let ends = status.at_work()?;
        ends.stop.stop();
        // It may have said already how it ended.
        if matches!(status.state, State::Running | State::Waiting { .. }) {
            status.state = State::Stopping;
        }
        Some(ends)
    }

    /// The thread, until it has ended.
    pub(super) fn at_work(&self) -> Option<Ends> {
        self.lock().at_work()
    }

    /// Whether there will be no run until it is started again.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.lock().state, State::Stopped | State::Failed { .. })
    }

    /// Whether the calling thread is the collector's.
    pub(super) fn is_own(&self) -> bool {
        self.lock().ends.as_ref().is_some_and(Ends::is_own)
    }

    /// A change of state by the collector's thread, which does not count once it is told to stop. False: it was.
    fn go_on(&self, stop: &Stop, change: impl FnOnce(&mut Status)) -> bool {
        let mut status = self.lock();
        // Whoever tells it does so under this lock, and marks the state then.
        let goes_on = !stop.is_stopped();
        if goes_on {
            change(&mut status);
        }
        goes_on
    }
}

impl Status {
    fn new(monitored: Option<Monitored>) -> Self {
        Status {
            state: State::Stopped,
            monitored,
            published: Arc::default(),
            runs: 0,
            failures: 0,
            panics: 0,
            last_failure: None,
            ends: None,
        }
    }

    fn at_work(&self) -> Option<Ends> {
        let ends = self.ends.as_ref();
        ends.filter(|ends| !ends.exited.is_stopped()).cloned()
    }
}

/// Longer than anybody waits, and not beyond what a clock can say.
const FAR: Duration = Duration::from_secs(u32::MAX as u64);

/// What a collector's thread is started with.
pub(super) struct Worker<E> {
    pub(super) name: Arc<str>,
    pub(super) collector: Kept<E>,
    /// Its publisher stays with the name: events of one that is replaced would wait in a lane of their own otherwise, and
    /// those of the next overtake them.
    pub(super) target: Target<E>,
    pub(super) stop: Stop,
    pub(super) restarts: Restarts,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
}

/// What comes back from a thread, for the next start.
pub(super) type Pair<E> = (Kept<E>, Publisher<E>);

/// How one run ended.
enum Outcome {
    Done,
    Failed(String),
    Panicked(String),
}

impl<E: Clone + Send + 'static> Worker<E> {
    /// Runs the collector until it is told to stop, is done, or has failed too often.
    pub(super) fn run(mut self) -> Pair<E> {
        let end = self.runs();
        self.shared.lock().state = end;
        self.into_pair()
    }

    pub(super) fn into_pair(self) -> Pair<E> {
        (self.collector, self.target.into_publisher())
    }

    fn runs(&mut self) -> State {
        let mut backoff = Backoff::new(self.restarts);
        loop {
            let begins = |status: &mut Status| {
                status.state = State::Running;
                status.runs += 1;
            };
            if !self.shared.go_on(&self.stop, begins) {
                return State::Stopped;
            }
            let begun = self.clock.now();
            let reason = match self.one_run() {
                Outcome::Done => return State::Stopped,
                // Most likely that its target is closed.
                Outcome::Failed(reason) if self.stop.is_stopped() => {
                    tracing::debug!(collector = &*self.name, reason, "a collector was stopped");
                    return State::Stopped;
                }
                Outcome::Failed(reason) => self.note(reason, false),
                Outcome::Panicked(reason) => self.note(reason, true),
            };
            if self.stop.is_stopped() {
                return State::Stopped;
            }
            let ran_for = self.clock.now().saturating_duration_since(begun);
            let next = match backoff.after_run_of(ran_for) {
                // It could publish nothing any more.
                _ if self.target.is_router_closed() => None,
                next => next,
            };
            let Some((attempt, delay)) = next else {
                tracing::error!(
                    collector = &*self.name,
                    reason,
                    "a collector failed for good"
                );
                return State::Failed { reason };
            };
            tracing::warn!(
                collector = &*self.name,
                reason,
                attempt,
                ?delay,
                "a collector failed"
            );
            if self.wait(attempt, delay) {
                return State::Stopped;
            }
        }
    }

    fn one_run(&mut self) -> Outcome {
        let Worker {
            collector,
            target,
            stop,
            ..
        } = self;
        let outcome = caught(|| collector.get().run(target, stop));
        let stopped = caught(|| {
            collector.get().stopped();
            Ok(())
        });
        match outcome {
            Outcome::Done => stopped,
            failed => failed,
        }
    }

    fn note(&self, reason: String, panicked: bool) -> String {
        let mut status = self.shared.lock();
        status.failures += 1;
        status.panics += u64::from(panicked);
        status.last_failure = Some(reason.clone());
        reason
    }

    /// True: told to stop.
    fn wait(&self, attempt: u32, delay: Duration) -> bool {
        let until = self.clock.now() + delay.min(FAR);
        let waits = |status: &mut Status| status.state = State::Waiting { attempt, until };
        !self.shared.go_on(&self.stop, waits) || self.clock.wait_until(&self.stop, until)
    }
}

/// Runs user code; its errors are user code as well.
fn caught(body: impl FnOnce() -> Result<(), Failure>) -> Outcome {
    let described = || body().map_err(|failure| failure.to_string());
    match catch_unwind(AssertUnwindSafe(described)) {
        Ok(Ok(())) => Outcome::Done,
        Ok(Err(reason)) => Outcome::Failed(reason),
        Err(payload) => {
            let reason = format!("it panicked: {}", message(&*payload));
            contain(move || drop(payload));
            Outcome::Panicked(reason)
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(|text| &**text));
    text.unwrap_or("with something that is not text")
}

/// Says that a thread is over, whatever ended it.
pub(super) struct Exit {
    pub(super) shared: Arc<Shared>,
    pub(super) exited: Stop,
}

impl Drop for Exit {
    fn drop(&mut self) {
        if thread::panicking() {
            // All of the collector's own code is caught: what is left is the clock, and tracing.
            let reason = "its thread died".to_owned();
            self.shared.lock().state = State::Failed { reason };
        }
        self.exited.stop();
    }
}
