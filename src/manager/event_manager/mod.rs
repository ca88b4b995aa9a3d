//! The manager itself: what its threads share, and how it starts.

mod builder;
mod close;
mod drivers;
mod emit;
mod functions;
mod subscriptions;

pub use builder::{ManagerBuilder, Validation};
pub use close::CloseReport;

use crate::cloudevents::{CloudEvent, TopicMap};
use crate::manager::cancel::lock;
use crate::manager::drive::{DriverEntry, DriverKind};
use crate::manager::error::ManagerError;
use crate::manager::function::Function;
use crate::manager::run::{Entry, Pool, Sink, end, work};
use crate::manager::status::{EventTypeInfo, Kind, Status};
use crate::manager::store::Store;
use crate::{PublishError, Published, Router};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The most of each kind.
const MAX_SUBSCRIPTIONS: usize = 1 << 16;
const MAX_DRIVERS: usize = 1 << 10;
const MAX_NAMED: usize = 1 << 16;

/// An event manager: drivers bring events, subscriptions bring them to functions.
///
/// It begins with [`builder`](Self::builder) or [`new`](Self::new), takes functions and secrets, and then
/// [starts](Self::start). Dropping it closes it, which waits for up to 5 s; [`close`](Self::close) says how that went.
///
/// Subscriptions, drivers and driver types survive a restart if it has a [store](ManagerBuilder::store). What belongs to the
/// program is registered again before the start: functions, driver kinds, secrets and sinks. What lacks one of these is in
/// [`Status::Error`] and says so, until it is there.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::CloudEvent;
/// use laneway::manager::{Function, Manager, SubscriptionSpec};
/// use std::time::Duration;
///
/// let manager = Manager::new()?;
/// manager.add_function("greet", Function::new(|event, _| Ok(format!("hello {}", event.id()))))?;
/// manager.start()?;
/// manager.create_subscription(SubscriptionSpec::new("on-start", "vm.*", "greet"))?;
///
/// manager.emit(CloudEvent::builder("1", "/dc/1", "vm.started").build()?)?;
/// assert!(manager.wait_idle(Duration::from_secs(5)));
/// assert_eq!(manager.subscription("on-start")?.stats.succeeded, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Manager {
    inner: Arc<Inner>,
}

/// How it was set up.
pub(super) struct Config {
    pub(super) validation: Validation,
    /// Of its own events.
    pub(super) source: Arc<str>,
    pub(super) max_depth: u32,
    pub(super) driver_backoff: (Duration, Duration),
    workers: usize,
    topics: TopicMap,
    patience: Duration,
}

/// What the manager and its threads share.
pub(super) struct Inner {
    router: Router<CloudEvent>,
    /// It was not given, and ends with the manager.
    owns_router: bool,
    pub(super) config: Config,
    pub(super) pool: Arc<Pool>,
    functions: Mutex<HashMap<String, Arc<Function>>>,
    secrets: Mutex<HashMap<String, BTreeMap<String, String>>>,
    pub(super) sinks: Mutex<HashMap<String, Arc<Sink>>>,
    kinds: Mutex<HashMap<String, Arc<DriverKind>>>,
    subscriptions: Mutex<BTreeMap<String, Arc<Entry>>>,
    /// Also held while driver types change.
    drivers: Mutex<BTreeMap<String, Arc<DriverEntry>>>,
    store: Mutex<Store>,
    /// Held while files of dead letters are written.
    pub(super) letters: Mutex<()>,
    /// Held from asking what a subscription lacks until its status says so.
    settling: Mutex<()>,
    phase: RwLock<Phase>,
    /// Set before all else when it closes.
    is_closing: AtomicBool,
    /// Events are taken.
    accepts: AtomicBool,
    /// Calls that emit now.
    emitting: AtomicUsize,
    seen: Mutex<BTreeMap<String, EventTypeInfo>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    /// Workers that have not ended.
    working: Mutex<usize>,
    ended: Condvar,
}

/// Where the manager is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Started,
}

impl Manager {
    /// A manager with a router of its own, and without a store.
    ///
    /// # Errors
    ///
    /// If the system refuses threads or pipes.
    pub fn new() -> Result<Self, ManagerError> {
        Self::builder().build()
    }

    /// Sets up a manager.
    pub fn builder() -> ManagerBuilder {
        ManagerBuilder::new()
    }

    /// The router that its events go over.
    pub fn router(&self) -> &Router<CloudEvent> {
        &self.inner.router
    }

    /// Begins: subscriptions are routed, drivers run, events are taken. Doing it again does nothing.
    ///
    /// # Errors
    ///
    /// [`ManagerError::Subscribe`] and [`ManagerError::System`], after which it can be tried again, and
    /// [`ManagerError::Closed`].
    ///
    /// # Blocking
    ///
    /// Starts threads; waits for nothing else.
    pub fn start(&self) -> Result<(), ManagerError> {
        let inner = &self.inner;
        // Doing it again asks without waiting: who changes something may wait for this thread's shard.
        if *inner.enter()? == Phase::Started {
            return Ok(());
        }
        let mut phase = inner.phase.write().unwrap_or_else(PoisonError::into_inner);
        if inner.is_closing() {
            return Err(ManagerError::Closed);
        }
        if *phase == Phase::Started {
            return Ok(());
        }
        let begun = self.begin(&mut phase);
        if inner.is_closing() {
            // It closed meanwhile, by a deadline that was over before this.
            inner.close_gate();
            inner.stop_drivers(Some(Instant::now()), &mut Vec::new());
            for entry in inner.entries() {
                end(entry.close(&inner.pool));
            }
            return Err(ManagerError::Closed);
        }
        begun
    }

    /// What can fail of a start.
    fn begin(&self, phase: &mut Phase) -> Result<(), ManagerError> {
        let inner = &self.inner;
        self.start_workers()?;
        for entry in inner.entries() {
            entry.open_route(&entry.spec(), &inner.router, &inner.pool)?;
            entry.activate();
            entry.set_status(Status::Ready, None);
            inner.settle(&entry);
        }
        for driver in lock(&inner.drivers).values() {
            if !driver.has_thread() {
                driver.start(inner)?;
            }
        }
        *phase = Phase::Started;
        // ORDERING: SeqCst, so that who emits finds what is set up above (the load in `Inner::gate`), and either the caller's
        // `is_closing` sees the swap in `Inner::close`, or `close_gate` comes after this and takes it back.
        inner.accepts.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn start_workers(&self) -> Result<(), ManagerError> {
        let mut workers = lock(&self.inner.workers);
        while workers.len() < self.inner.config.workers {
            let inner = Arc::clone(&self.inner);
            *lock(&inner.working) += 1;
            let name = format!("laneway-run-{}", workers.len());
            let worker = std::thread::Builder::new().name(name).spawn(move || {
                let at_the_end = Working(&inner);
                work(at_the_end.0);
            });
            match worker {
                Ok(worker) => workers.push(worker),
                Err(error) => {
                    *lock(&self.inner.working) -= 1;
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Waits until nothing is on its way: events that were emitted before, what functions emit in answer, results, attempts to
    /// come. False if the time is up before, or on a thread that runs actors.
    ///
    /// # Blocking
    ///
    /// Up to `timeout`, while drivers or others go on emitting.
    pub fn wait_idle(&self, timeout: Duration) -> bool {
        self.inner.wait_idle(Instant::now().checked_add(timeout))
    }

    /// What types of events were emitted through the manager, with their numbers: the first 1024 types.
    pub fn event_types(&self) -> Vec<EventTypeInfo> {
        lock(&self.inner.seen).values().cloned().collect()
    }
}

/// A worker, until it ends in whatever way.
struct Working<'a>(&'a Inner);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        *lock(&self.0.working) -= 1;
        self.0.ended.notify_all();
    }
}

impl Inner {
    /// Holds off starting and the end of closing while something is changed.
    fn enter(&self) -> Result<RwLockReadGuard<'_, Phase>, ManagerError> {
        // Asked before waiting: who closes waits for those that are in, and they may wait for this thread's shard.
        if self.is_closing() {
            return Err(ManagerError::Closed);
        }
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        match self.is_closing() {
            true => Err(ManagerError::Closed),
            false => Ok(phase),
        }
    }

    fn is_closing(&self) -> bool {
        // ORDERING: SeqCst; pairs with the swap in `Inner::close`, for the sake of the store in `Manager::begin`. Threads that
        // wait for the lock order themselves by it.
        self.is_closing.load(Ordering::SeqCst)
    }

    fn entries(&self) -> Vec<Arc<Entry>> {
        lock(&self.subscriptions).values().cloned().collect()
    }

    /// Publishes what is checked.
    pub(super) fn publish(&self, event: CloudEvent) -> Result<Published, PublishError<CloudEvent>> {
        let topic = self.config.topics.topic(&event);
        self.router.publish(topic, event)
    }

    fn wait_idle(&self, deadline: Option<Instant>) -> bool {
        let mut before = None;
        loop {
            let left = deadline.map_or(Duration::MAX, |deadline| {
                deadline.saturating_duration_since(Instant::now())
            });
            if self.router.flush_timeout(left).is_err() {
                return false;
            }
            let (is_idle, settled) = self.pool.wait_idle(deadline);
            if !is_idle {
                return false;
            }
            // Nothing ended since the last time, so nothing new was emitted by what ended.
            if before == Some(settled) {
                return true;
            }
            before = Some(settled);
        }
    }
}

fn not_found(kind: Kind, name: &str) -> ManagerError {
    ManagerError::NotFound {
        kind,
        name: name.into(),
    }
}

fn exists(kind: Kind, name: &str) -> ManagerError {
    ManagerError::AlreadyExists {
        kind,
        name: name.into(),
    }
}

fn busy(kind: Kind, name: &str, status: Status) -> ManagerError {
    ManagerError::Busy {
        kind,
        name: name.into(),
        status,
    }
}

impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.inner;
        f.debug_struct("Manager")
            .field("source", &inner.config.source)
            .field("subscriptions", &lock(&inner.subscriptions).len())
            .field("drivers", &lock(&inner.drivers).len())
            .finish_non_exhaustive()
    }
}
