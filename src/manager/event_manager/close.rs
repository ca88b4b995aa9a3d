//! The end of a manager.

use crate::manager::cancel::lock;
use crate::manager::event_manager::{Inner, Manager};
use crate::manager::run::end as end_routes;
use crate::manager::status::Status;
use crate::{FlushError, Subscription};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

/// For commands that are killed at the deadline.
const GRACE: Duration = Duration::from_secs(1);
/// How often to look for what tells nobody when it ends.
const STEP: Duration = Duration::from_millis(1);
const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// What [`Manager::close`] achieved by its deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CloseReport {
    /// Events that waited for their function and were discarded: each is counted by its subscription too.
    pub discarded: u64,
    /// Calls that were still emitting.
    pub emitting: usize,
    /// Somebody else held up the router, so that events which were taken did not come to their subscriptions.
    pub is_held_up: bool,
    /// The names of threads that were still at work, such as `laneway-driver-ticker`: closures that did not return; and
    /// `laneway-close`, if somebody else holds up the router.
    pub detached: Vec<String>,
}

impl CloseReport {
    /// Every event that was taken came to its function, and all threads ended.
    pub fn is_complete(&self) -> bool {
        *self == CloseReport::default()
    }
}

impl Manager {
    /// Closes the manager: stops the drivers, takes no more events, runs the functions for those that it has taken, and ends.
    ///
    /// Events that wait for another attempt are not tried again: they are dead letters now. At the deadline, commands are killed
    /// with their children and what still waits is discarded. What the store keeps stays as it is. Doing it again does nothing: a second call
    /// returns at once with an empty report, also while the first one is still at it.
    ///
    /// # Blocking
    ///
    /// Up to `deadline`, and a second each for the router to hand over what it has and to let go of its subscriptions, and for the
    /// commands that are killed: seconds that it takes only if somebody else holds up the router. On a thread that runs actors, and in a function, it waits for
    /// nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::manager::Manager;
    /// use std::time::Duration;
    ///
    /// let manager = Manager::new()?;
    /// manager.start()?;
    /// let report = manager.close(Duration::from_secs(5));
    /// assert!(report.is_complete(), "{report:?}");
    /// # Ok::<(), laneway::manager::ManagerError>(())
    /// ```
    pub fn close(&self, deadline: Duration) -> CloseReport {
        self.inner.close(deadline)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.inner.close(DEFAULT_DEADLINE);
    }
}

impl Inner {
    fn close(&self, deadline: Duration) -> CloseReport {
        // ORDERING: SeqCst, as it both tells and asks; pairs with the load in `Inner::is_closing`.
        if self.is_closing.swap(true, Ordering::SeqCst) {
            return CloseReport::default();
        }
        let is_worker = {
            let workers = lock(&self.workers);
            let this = thread::current().id();
            workers.iter().any(|worker| worker.thread().id() == this)
        };
        // A worker would wait for itself.
        let may_not_wait =
            is_worker || self.router.flush_timeout(Duration::ZERO) == Err(FlushError::ActorThread);
        let (deadline, grace) = if may_not_wait {
            (Duration::ZERO, Duration::ZERO)
        } else {
            (deadline, GRACE)
        };
        let end = Instant::now().checked_add(deadline);
        // What is being changed. Those that are not done in time see to it themselves, when they find it closing.
        let is_changing = || matches!(self.phase.try_write(), Err(TryLockError::WouldBlock));
        while is_changing() && !is_over(end) {
            thread::sleep(STEP);
        }
        let mut report = CloseReport::default();
        self.stop_drivers(end, &mut report.detached);
        while !self.close_gate() && !is_over(end) {
            // They wait for room, which the shards make.
            thread::sleep(STEP);
        }
        report.emitting = self.emitters();
        self.pool.close();
        if !may_not_wait {
            // Shards only queue what comes, so this is short, and without it nobody would know what was still coming.
            let left = left_until(end).max(GRACE);
            report.is_held_up = self.router.flush_timeout(left).is_err();
            self.wait_idle(end);
        }
        // Of the same ones at both times: some may be taken off the list meanwhile.
        let entries = self.entries();
        let discarded = || -> u64 {
            let each = entries.iter().map(|entry| entry.info().stats.discarded);
            each.sum()
        };
        let before = discarded();
        let routes = entries.iter().flat_map(|entry| entry.close(&self.pool));
        let routes: Vec<_> = routes.collect();
        if may_not_wait {
            end_routes(routes);
        } else {
            end_in_time(routes, left_until(end).max(GRACE), &mut report.detached);
        }
        self.pool.cancel.cancel();
        self.pool.end();
        self.join_workers(later(end, grace), &mut report.detached);
        report.discarded = discarded() - before;
        if self.owns_router {
            let left = left_until(end);
            report
                .detached
                .extend(self.router.shutdown(left.max(grace)).detached);
        }
        lock(&self.store).close();
        if !report.is_complete() {
            tracing::warn!(?report, "not everything ended by the deadline");
        }
        report
    }

    pub(super) fn stop_drivers(&self, end: Option<Instant>, detached: &mut Vec<String>) {
        let drivers: Vec<_> = lock(&self.drivers).values().cloned().collect();
        let threads: Vec<_> = (drivers.iter())
            .map(|driver| {
                driver.stop();
                driver.take_thread()
            })
            .collect();
        for (driver, handle) in drivers.iter().zip(threads) {
            let Some(handle) = handle else { continue };
            let is_this = handle.thread().id() == thread::current().id();
            if !is_this && driver.wait_for(Status::Deleted, end) {
                // All that is left of it is its own end.
                let _ = handle.join();
            } else {
                detached.extend(handle.thread().name().map(Into::into));
            }
        }
    }

    fn join_workers(&self, end: Option<Instant>, detached: &mut Vec<String>) {
        let workers = std::mem::take(&mut *lock(&self.workers));
        let this = thread::current().id();
        let own = usize::from(workers.iter().any(|worker| worker.thread().id() == this));
        let mut working = lock(&self.working);
        while *working > own {
            let left = left_until(end);
            if left.is_zero() {
                break;
            }
            let waited = self.ended.wait_timeout(working, left.min(GRACE));
            working = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let all_ended = *working <= own;
        drop(working);
        for worker in workers {
            if worker.thread().id() != this && (all_ended || worker.is_finished()) {
                let _ = worker.join();
            } else {
                detached.extend(worker.thread().name().map(Into::into));
            }
        }
    }
}

/// Ends routes on a thread that can be left alone: it waits for shards, and somebody else may hold them up.
fn end_in_time(routes: Vec<Subscription>, time: Duration, detached: &mut Vec<String>) {
    let name = "laneway-close";
    let (done, ended) = channel::<()>();
    let again = routes.clone();
    let thread = thread::Builder::new().name(name.into()).spawn(move || {
        end_routes(routes);
        drop(done);
    });
    match thread {
        Ok(_) if ended.recv_timeout(time) == Err(RecvTimeoutError::Timeout) => {
            detached.push(name.into());
        }
        // All that is left of it is its own end.
        Ok(thread) => drop(thread.join()),
        Err(_) => end_routes(again),
    }
}

fn left_until(end: Option<Instant>) -> Duration {
    end.map_or(Duration::MAX, |end| {
        end.saturating_duration_since(Instant::now())
    })
}

fn is_over(end: Option<Instant>) -> bool {
    end.is_some_and(|end| end <= Instant::now())
}

fn later(end: Option<Instant>, by: Duration) -> Option<Instant> {
    end.and_then(|end| end.max(Instant::now()).checked_add(by))
}
