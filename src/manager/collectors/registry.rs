//! The registry: collectors by name, and their threads.

use super::Collector;
use super::backoff::Restarts;
use super::clock::{Clock, SystemClock};
use super::error::{MonitorError, NameError, RegisterError, StartError, StopError};
use super::info::{CollectorInfo, State, StopReport, Stopped};
use super::kept::Kept;
use super::monitored::Monitored;
use super::slot::{Patience, Replaced, Slot, Start};
use crate::{FlushError, Router, WeakRouter};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many collectors there may be.
const MAX_COLLECTORS: usize = 1024;

/// How long a collector may take to end, if nothing else is said.
const DEFAULT_STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Collectors that publish to one router, by name: each with a publisher and, while it is started, a thread of its own.
///
/// A collector that fails or panics runs again after a while, see [`Restarts`]; [`list`](Self::list) shows it. Dropping the
/// registry stops all of them. It does not keep the router running.
///
/// All methods can be called from any thread, also by collectors and in handlers: threads that run actors, and a collector
/// that stops itself, do not wait.
///
/// ```
/// use laneway::manager::collectors::{Collector, Collectors, Failure, State, Stop, Stopped, Target};
/// use laneway::{Router, Topic};
/// use std::time::Duration;
///
/// struct Ticks(Topic);
///
/// impl Collector<u64> for Ticks {
///     fn name(&self) -> &str {
///         "ticks"
///     }
///
///     fn run(&mut self, target: &mut Target<u64>, stop: &Stop) -> Result<(), Failure> {
///         for tick in 0.. {
///             target.publish(self.0, tick)?;
///             if stop.wait(Duration::from_secs(1)) {
///                 break;
///             }
///         }
///         Ok(())
///     }
/// }
///
/// let router = Router::<u64>::new();
/// let collectors = Collectors::new(&router);
/// collectors.register(Ticks(Topic::new("clock", "tick")?))?;
/// assert_eq!(collectors.stop("ticks")?, Stopped::Idle);
/// collectors.start("ticks")?;
/// assert!(collectors.start("ticks").is_err()); // it runs already
/// assert_eq!(collectors.stop("ticks")?, Stopped::Ended);
/// assert_eq!(collectors.list()[0].state, State::Stopped);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Collectors<E: Clone + Send + 'static> {
    router: WeakRouter<E>,
    slots: Mutex<BTreeMap<Arc<str>, Arc<Slot<E>>>>,
    restarts: Restarts,
    stop_timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl<E: Clone + Send + 'static> Collectors<E> {
    /// A registry without collectors.
    pub fn new(router: &Router<E>) -> Self {
        Collectors {
            router: router.downgrade(),
            slots: Mutex::default(),
            restarts: Restarts::default(),
            stop_timeout: DEFAULT_STOP_TIMEOUT,
            clock: Arc::new(SystemClock),
        }
    }

    /// When collectors that fail run again. Holds for those that are started after.
    #[must_use]
    pub fn restarts(mut self, restarts: Restarts) -> Self {
        self.restarts = restarts;
        self
    }

    /// How long stopping waits for a collector. By default 5 s.
    #[must_use]
    pub fn stop_timeout(mut self, timeout: Duration) -> Self {
        self.stop_timeout = timeout;
        self
    }

    /// The clock that restarts go by. By default the system's.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Enters a collector under its name; [`start`](Self::start) starts it.
    ///
    /// One of the same name is replaced. It is stopped first, and its thread joined: no event of it comes after one of the
    /// new collector. True: there was one.
    ///
    /// # Errors
    ///
    /// [`RegisterError`] if the name is invalid, there are 1024 collectors, or the one of that name does not end in time; the
    /// new one is dropped then. On a thread that runs actors, and on the collector's own, there is no time: one that runs is
    /// not told to stop then.
    ///
    /// # Blocking
    ///
    /// While one that is replaced comes to its end, for at most the [`stop_timeout`](Self::stop_timeout).
    pub fn register(&self, collector: impl Collector<E>) -> Result<bool, RegisterError> {
        let name: Arc<str> = collector.name().into();
        NameError::check(&name).map_err(RegisterError::Name)?;
        let monitored = collector.monitored().cloned();
        let mut collector = Kept::new(collector);
        loop {
            let slot = {
                let mut slots = self.lock();
                let Some(slot) = slots.get(&name) else {
                    if slots.len() >= MAX_COLLECTORS {
                        return Err(RegisterError::TooMany {
                            limit: MAX_COLLECTORS,
                        });
                    }
                    let slot = Slot::new(Arc::clone(&name), collector, monitored);
                    slots.insert(name, Arc::new(slot));
                    return Ok(false);
                };
                Arc::clone(slot)
            };
            match slot.replace(collector, monitored.clone(), self.patience(&slot)) {
                Replaced::Yes => return Ok(true),
                Replaced::StillRunning => {
                    return Err(RegisterError::StillRunning {
                        name: name.as_ref().into(),
                    });
                }
                Replaced::Removed(back) => {
                    self.forget(&slot);
                    collector = back;
                }
            }
        }
    }

    /// Stops a collector and forgets it.
    ///
    /// # Errors
    ///
    /// As [`stop`](Self::stop); one that has not ended is kept.
    ///
    /// # Blocking
    ///
    /// As [`stop`](Self::stop).
    pub fn remove(&self, name: &str) -> Result<(), StopError> {
        let slot = self
            .find(name)
            .ok_or(StopError::Unknown { name: name.into() })?;
        if !slot.remove(self.patience(&slot)) {
            return Err(StopError::StillRunning { name: name.into() });
        }
        self.forget(&slot);
        Ok(())
    }

    /// Takes a slot that was removed out of the list, if nobody has yet.
    fn forget(&self, slot: &Arc<Slot<E>>) {
        let mut slots = self.lock();
        let listed = slots.get(&slot.name);
        if listed.is_some_and(|listed| Arc::ptr_eq(listed, slot)) {
            slots.remove(&slot.name);
        }
    }

    /// Starts a collector on a thread of its own, named `collector-<name>`.
    ///
    /// # Errors
    ///
    /// [`StartError`]: it runs already, needs an object to monitor, was never registered, or there is no router or no thread.
    pub fn start(&self, name: &str) -> Result<(), StartError> {
        self.start_by(name, false)
    }

    /// [`stop`](Self::stop), if it runs, then [`start`](Self::start). What failed before is forgotten.
    ///
    /// # Errors
    ///
    /// As `start`; [`StartError::Running`] if it has not ended by the deadline. Where stopping does not wait, one that runs is
    /// not told to.
    ///
    /// # Blocking
    ///
    /// As `stop`.
    pub fn restart(&self, name: &str) -> Result<(), StartError> {
        self.start_by(name, true)
    }

    fn start_by(&self, name: &str, stop: bool) -> Result<(), StartError> {
        let slot = self
            .find(name)
            .ok_or(StartError::Unknown { name: name.into() })?;
        let router = self.router.upgrade().ok_or(StartError::Closed)?;
        let start = Start {
            router,
            restarts: self.restarts,
            clock: Arc::clone(&self.clock),
        };
        slot.start(start, self.patience(&slot), stop)
    }

    /// Tells a collector to stop and waits for its thread to end. After that it publishes nothing.
    ///
    /// Stopping one that does not run is no error, however often.
    ///
    /// # Errors
    ///
    /// [`StopError`] if there is no such collector, or it has not ended by the deadline: then it is told, and publishes nothing
    /// more but an event that it is publishing just now.
    ///
    /// # Blocking
    ///
    /// Up to the [`stop_timeout`](Self::stop_timeout). Not on the collector's own thread, nor on those that run actors.
    pub fn stop(&self, name: &str) -> Result<Stopped, StopError> {
        let slot = self
            .find(name)
            .ok_or(StopError::Unknown { name: name.into() })?;
        let Some(ends) = slot.shared.tell() else {
            return Ok(Stopped::Idle);
        };
        let patience = self.patience(&slot);
        if ends.have_ended(patience) {
            slot.reap();
            Ok(Stopped::Ended)
        } else if patience.is_none() {
            Ok(Stopped::Told)
        } else {
            Err(StopError::StillRunning { name: name.into() })
        }
    }

    /// Stops all collectors, which can still be started again.
    ///
    /// # Blocking
    ///
    /// Up to `deadline` for all of them together, where [`stop`](Self::stop) waits.
    pub fn stop_all(&self, deadline: Duration) -> StopReport {
        let (begun, may_wait) = (Instant::now(), self.may_wait());
        let slots: Vec<_> = self.lock().values().cloned().collect();
        // First all, so that they end side by side.
        let told: Vec<_> = (slots.iter())
            .filter_map(|slot| Some((slot, slot.shared.tell()?)))
            .collect();
        let mut report = StopReport::default();
        for (slot, ends) in told {
            let left = deadline.saturating_sub(begun.elapsed());
            if ends.have_ended(may_wait.then_some(left)) {
                slot.reap();
                report.ended += 1;
            } else {
                report.late.push(slot.name.as_ref().into());
            }
        }
        report
    }

    /// All collectors, by name.
    pub fn list(&self) -> Vec<CollectorInfo> {
        let slots: Vec<_> = self.lock().values().cloned().collect();
        slots.iter().map(|slot| info(slot)).collect()
    }

    /// One collector.
    pub fn get(&self, name: &str) -> Option<CollectorInfo> {
        self.find(name).map(|slot| info(&slot))
    }

    /// Adds an object to those that a collector monitors, whether it runs or not.
    ///
    /// # Errors
    ///
    /// [`MonitorError`]: no such collector, one that monitors nothing, or an object that it refuses.
    pub fn monitor(&self, name: &str, object: &str) -> Result<(), MonitorError> {
        self.monitored(name)?.add(object)
    }

    /// Takes an object from those that a collector monitors, whether it runs or not.
    ///
    /// # Errors
    ///
    /// [`MonitorError`]: no such collector, or no such object.
    pub fn unmonitor(&self, name: &str, object: &str) -> Result<(), MonitorError> {
        self.monitored(name)?.remove(object)
    }

    fn monitored(&self, name: &str) -> Result<Monitored, MonitorError> {
        let slot = self
            .find(name)
            .ok_or(MonitorError::UnknownCollector { name: name.into() })?;
        let monitored = slot.shared.lock().monitored.clone();
        monitored.ok_or(MonitorError::NotMonitoring { name: name.into() })
    }

    fn find(&self, name: &str) -> Option<Arc<Slot<E>>> {
        self.lock().get(name).cloned()
    }

    fn patience(&self, slot: &Slot<E>) -> Patience {
        (!slot.shared.is_own() && self.may_wait()).then_some(self.stop_timeout)
    }

    /// Whether the calling thread may wait: it may not while it runs actors, and a flush is what says so.
    fn may_wait(&self) -> bool {
        let router = self.router.upgrade();
        router.is_none_or(|router| {
            router.flush_timeout(Duration::ZERO) != Err(FlushError::ActorThread)
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Arc<Slot<E>>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn info<E>(slot: &Slot<E>) -> CollectorInfo {
    let status = slot.shared.lock();
    CollectorInfo {
        name: slot.name.as_ref().into(),
        state: status.state.clone(),
        runs: status.runs,
        failures: status.failures,
        panics: status.panics,
        last_failure: status.last_failure.clone(),
        published: status.published.load(Ordering::Relaxed),
        monitored: status.monitored.as_ref().map(Monitored::list),
    }
}

impl<E: Clone + Send + 'static> Drop for Collectors<E> {
    fn drop(&mut self) {
        let report = self.stop_all(self.stop_timeout);
        if !report.late.is_empty() {
            tracing::warn!(late = ?report.late, "collectors did not end by the deadline");
        }
    }
}

impl<E: Clone + Send + 'static> fmt::Debug for Collectors<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let states: Vec<(String, State)> = (self.list().into_iter())
            .map(|info| (info.name, info.state))
            .collect();
        f.debug_struct("Collectors")
            .field("collectors", &states)
            .field("restarts", &self.restarts)
            .field("stop_timeout", &self.stop_timeout)
            .finish_non_exhaustive()
    }
}
