//! How a manager is set up.

use crate::Router;
use crate::cloudevents::{CloudEvent, TopicMap};
use crate::manager::cancel::Cancel;
use crate::manager::drive::DriverEntry;
use crate::manager::error::ManagerError;
use crate::manager::event_manager::{Config, Inner, Manager, Phase};
use crate::manager::rule;
use crate::manager::run::{Entry, Pool};
use crate::manager::store::Store;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Arc, Condvar, Mutex, RwLock};
use std::time::Duration;

/// Which events a manager takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Validation {
    /// Those that Dispatch takes, by the rules for their fields: see [`CloudEvent::check_dispatch`]. Of any version, though
    /// Dispatch itself knew 0.1 alone.
    #[default]
    Dispatch,
    /// All that the CloudEvents specification allows. A [`CloudEvent`] cannot be anything else.
    CloudEvents,
}

/// Sets up a [`Manager`].
///
/// # Examples
///
/// ```
/// use laneway::Router;
/// use laneway::cloudevents::CloudEvent;
/// use laneway::manager::{Manager, Validation};
///
/// let router = Router::<CloudEvent>::new();
/// let manager = Manager::builder()
///     .router(&router)
///     .validation(Validation::CloudEvents)
///     .workers(2)
///     .build()?;
/// manager.start()?;
/// # Ok::<(), laneway::manager::ManagerError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct ManagerBuilder {
    router: Option<Router<CloudEvent>>,
    store: Option<PathBuf>,
    validation: Validation,
    source: String,
    topics: TopicMap,
    workers: usize,
    max_depth: u32,
    driver_backoff: (Duration, Duration),
    patience: Duration,
}

/// Enough for functions that wait, on small machines too.
const DEFAULT_WORKERS: usize = 4;
const DEFAULT_DEPTH: u32 = 8;
const DEFAULT_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
const DEFAULT_PATIENCE: Duration = Duration::from_secs(5);

impl ManagerBuilder {
    pub(super) fn new() -> Self {
        ManagerBuilder {
            router: None,
            store: None,
            validation: Validation::default(),
            source: "dispatch".into(),
            topics: TopicMap::new().resource_type_from("sourcetype"),
            workers: DEFAULT_WORKERS,
            max_depth: DEFAULT_DEPTH,
            driver_backoff: DEFAULT_BACKOFF,
            patience: DEFAULT_PATIENCE,
        }
    }

    /// A router to share, which outlives the manager. By default it has one of its own.
    pub fn router(mut self, router: &Router<CloudEvent>) -> Self {
        self.router = Some(router.clone());
        self
    }

    /// The file where subscriptions, driver types and drivers are kept. It is made if there is none. Beside it are
    /// `<file>.lock`, which keeps other managers away, and `<file>.tmp` while it changes.
    pub fn store(mut self, path: impl Into<PathBuf>) -> Self {
        self.store = Some(path.into());
        self
    }

    /// Which events are taken. By default those that Dispatch takes.
    pub fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    /// The source of the manager's own events. By default `dispatch`.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = source.into();
        self
    }

    /// How events become topics. The resource type has to be the attribute `sourcetype`, as by default, if subscriptions are to
    /// ask for types of sources.
    pub fn topics(mut self, topics: TopicMap) -> Self {
        self.topics = topics;
        self
    }

    /// How many functions run at once, 1 to 1024: each worker is a thread. By default 4.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many events may come one from the other, 1 to 1000: what a function emits in answer to an event, and what its run
    /// led to, come from that event. By default 8.
    pub fn max_depth(mut self, events: u32) -> Self {
        self.max_depth = events;
        self
    }

    /// How long a driver that ended waits before it is started again: a random time of up to `base` after the first failure,
    /// doubled after each, up to `max`. By default 100 ms and 30 s.
    pub fn driver_backoff(mut self, base: Duration, max: Duration) -> Self {
        self.driver_backoff = (base, max);
        self
    }

    /// How long an update waits for what was published before. By default 5 s.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Makes the manager, and reads what its store keeps.
    ///
    /// # Errors
    ///
    /// A number out of range or a source that is no URI reference, a store that cannot be opened, a router that cannot be built.
    pub fn build(self) -> Result<Manager, ManagerError> {
        rule::range("workers", self.workers as u64, 1, 1024)?;
        rule::range("depth", self.max_depth.into(), 1, 1000)?;
        rule::length("source", &self.source, rule::MAX_NAME)?;
        if let Err(error) = CloudEvent::builder("id", &self.source, "type").build() {
            return Err(rule::InvalidField::new(
                "source",
                &self.source,
                rule::Rule::Attribute(error.fault()),
            )
            .into());
        }
        let store = match &self.store {
            Some(path) => Store::open(path)?,
            None => Store::in_memory(),
        };
        let owns_router = self.router.is_none();
        let router = match self.router {
            Some(router) => router,
            None => Router::builder().build()?,
        };
        let source: Arc<str> = self.source.into();
        let kept = store.kept();
        let subscriptions = kept.subscriptions.iter().map(|(name, spec)| {
            let entry = Entry::new(Arc::new(spec.clone()), Arc::clone(&source));
            (name.clone(), entry)
        });
        let drivers = kept.drivers.iter();
        let drivers = drivers.map(|(name, spec)| (name.clone(), DriverEntry::new(spec.clone())));
        let inner = Inner {
            subscriptions: Mutex::new(subscriptions.collect()),
            drivers: Mutex::new(drivers.collect()),
            store: Mutex::new(store),
            router,
            owns_router,
            pool: Arc::new(Pool::new(Cancel::new()?)),
            config: Config {
                validation: self.validation,
                source,
                max_depth: self.max_depth,
                driver_backoff: self.driver_backoff,
                workers: self.workers,
                topics: self.topics,
                patience: self.patience,
            },
            functions: Mutex::default(),
            secrets: Mutex::default(),
            sinks: Mutex::new(HashMap::new()),
            kinds: Mutex::new(HashMap::new()),
            letters: Mutex::default(),
            settling: Mutex::default(),
            phase: RwLock::new(Phase::New),
            is_closing: AtomicBool::new(false),
            accepts: AtomicBool::new(false),
            emitting: AtomicUsize::new(0),
            seen: Mutex::new(BTreeMap::new()),
            workers: Mutex::default(),
            working: Mutex::new(0),
            ended: Condvar::new(),
        };
        Ok(Manager {
            inner: Arc::new(inner),
        })
    }
}
