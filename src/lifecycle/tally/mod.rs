//! Counting a fleet: what happened, and which nodes run what.

mod export;
mod nodes;
mod snapshot;
mod state;

pub use snapshot::{ComponentCounts, GovernorCounts, NodeInfo, Snapshot};

use self::export::Facade;
use self::state::State;
use super::address::{checked, filter};
use super::event::LifecycleEvent;
use crate::sync::Mutex;
use crate::{Actor, Batch, Context, Event, Filter, StopReason};
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Counts lifecycle events, and keeps which nodes run which version of each component.
///
/// A handle: clones share the counts. One clone goes to a router as an [`Actor`], others look.
///
/// * A node is known from its first `Startup` or `Alive` until its `Shutdown`, or until it was not seen for 80 minutes.
/// * Timestamps decide, not the order of arrival: a `Shutdown` does not end a node that has started since, a `Startup` that
///   comes late does not bring the old version back, and nothing older than its `Shutdown` brings a node back.
/// * How many nodes run a version is the number of nodes that are known with it, so it cannot drift.
/// * Names from outside cannot fill the memory: nodes, components, and the governors and versions shown of each component
///   are limited, and what is past a limit counts as `other`.
///
/// # Blocking and cost
///
/// The actor takes a lock once a run of events, which only [`snapshot`](Self::snapshot) and its kind contend for. An event
/// costs two or three hash look-ups; looking for nodes that expired costs what expires.
///
/// ```
/// use laneway::lifecycle::{LifecycleEvent, Tally};
///
/// let tally = Tally::builder().build()?;
/// let start = LifecycleEvent::startup("server", "1.2.3").identity("n1").timestamp(100).build()?;
/// let late = LifecycleEvent::shutdown("server").identity("n1").timestamp(99).build()?;
/// tally.record(&start);
/// tally.record(&late);
/// assert_eq!(tally.snapshot().component("server").unwrap().nodes, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tally(Arc<Shared>);

struct Shared {
    settings: TallyBuilder,
    state: Mutex<State>,
    facade: Mutex<Facade>,
    exported: Mutex<Instant>,
}

impl Tally {
    /// Begins a tally.
    pub fn builder() -> TallyBuilder {
        TallyBuilder {
            component: None,
            prefix: "lifecycle_tally".into(),
            expire_after: Duration::from_secs(80 * 60),
            check_every: Duration::from_secs(60),
            export_every: Duration::from_secs(10),
            limits: Limits {
                components: 100,
                labels: 100,
                nodes: 1 << 18,
            },
            clock: Arc::new(Instant::now),
        }
    }

    /// The filter to subscribe it with.
    pub fn filter(&self) -> Filter {
        filter(None, self.0.settings.component.as_deref())
    }

    /// Counts an event, unless it is of another component than asked for.
    pub fn record(&self, event: &LifecycleEvent) {
        self.record_all([event]);
    }

    /// Counts something that was to be an event of this component and could not be read.
    pub fn record_error(&self, component: &str) {
        self.0.state.lock().record_error(component);
    }

    /// The counts at this moment. Nodes that are due to expire have.
    ///
    /// Costs the number of labels, and for a component with more versions than are shown, sorting them.
    pub fn snapshot(&self) -> Snapshot {
        let now = self.now();
        let mut state = self.0.state.lock();
        state.check_if_due(now);
        state.snapshot()
    }

    /// The nodes that are known, in no order. The actor waits meanwhile, if there are many.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        let now = self.now();
        let mut state = self.0.state.lock();
        state.check_if_due(now);
        state.nodes(now)
    }

    /// The counts in the text format that Prometheus scrapes.
    ///
    /// Metrics, after the prefix and `_`: `good_events`, `process_errors`, `nodes`, `nodes_expired` by component,
    /// `event_types` by component and type, `versions` by component and version, `governor` by component, governor and
    /// event, and `nodes_untracked`.
    pub fn prometheus(&self) -> String {
        self.snapshot().to_prometheus(&self.0.settings.prefix)
    }

    /// Gives the counts to the recorder of the `metrics` crate.
    ///
    /// The actor does it as events come, every 10 seconds unless set otherwise, and when it stops. Metrics and labels are
    /// those of [`prometheus`](Self::prometheus). Values are set, not added to. Since recorders keep labels for ever, at
    /// most 4096 versions are given over all time; later ones are `other`.
    pub fn export_metrics(&self) {
        let snapshot = self.snapshot();
        // The recorder is somebody else's code: it may call anything but this method.
        let mut facade = self.0.facade.lock();
        facade.export(&snapshot, &self.0.settings.prefix);
    }

    fn record_all<'a>(&self, events: impl IntoIterator<Item = &'a LifecycleEvent>) {
        let now = self.now();
        let wanted = self.0.settings.component.as_deref();
        let mut state = self.0.state.lock();
        state.check_if_due(now);
        for event in events {
            if wanted.is_none_or(|wanted| wanted == event.component()) {
                state.record(event, now);
            }
        }
    }

    fn export_if_due(&self) {
        let now = self.now();
        let mut exported = self.0.exported.lock();
        if now.saturating_duration_since(*exported) >= self.0.settings.export_every {
            *exported = now;
            drop(exported);
            self.export_metrics();
        }
    }

    fn now(&self) -> Instant {
        (self.0.settings.clock)()
    }
}

impl Actor<LifecycleEvent> for Tally {
    fn handle(&mut self, event: &Event<LifecycleEvent>, _: &mut Context<'_, LifecycleEvent>) {
        self.record(event.payload());
        self.export_if_due();
    }

    fn handle_batch(
        &mut self,
        batch: Batch<'_, LifecycleEvent>,
        _: &mut Context<'_, LifecycleEvent>,
    ) {
        self.record_all(batch.map(Event::payload));
        self.export_if_due();
    }

    fn stopped(&mut self, _: StopReason) {
        self.export_metrics();
    }
}

impl fmt::Debug for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tally")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// Where names from outside stop having a place of their own.
#[derive(Clone, Copy, Debug)]
struct Limits {
    components: usize,
    labels: usize,
    nodes: usize,
}

/// Sets up a [`Tally`].
#[derive(Clone)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct TallyBuilder {
    component: Option<String>,
    prefix: String,
    expire_after: Duration,
    check_every: Duration,
    export_every: Duration,
    limits: Limits,
    clock: Arc<dyn Fn() -> Instant + Send + Sync>,
}

impl TallyBuilder {
    /// Counts only this component; `*`, and not setting it, is all of them.
    pub fn component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into()).filter(|component| component != "*");
        self
    }

    /// Sets what the names of metrics begin with; `lifecycle_tally` if not set.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets for how long a node may be unseen; 80 minutes if not set.
    pub fn expire_after(mut self, time: Duration) -> Self {
        self.expire_after = time;
        self
    }

    /// Sets how often to look for such nodes, as events come and counts are asked for; each minute if not set.
    pub fn check_every(mut self, time: Duration) -> Self {
        self.check_every = time;
        self
    }

    /// Sets how often the actor gives the counts to the `metrics` facade; every 10 seconds if not set.
    pub fn export_every(mut self, time: Duration) -> Self {
        self.export_every = time;
        self
    }

    /// Sets how many components are counted apart; 100 if not set.
    pub fn max_components(mut self, limit: usize) -> Self {
        self.limits.components = limit;
        self
    }

    /// Sets how many governors are counted apart, and how many versions shown, of each component; 100 if not set.
    pub fn max_labels(mut self, limit: usize) -> Self {
        self.limits.labels = limit;
        self
    }

    /// Sets how many nodes are known at most, those that shut down of late included; 2^18 if not set.
    pub fn max_nodes(mut self, limit: usize) -> Self {
        self.limits.nodes = limit;
        self
    }

    /// Sets the clock by which nodes are seen, for tests; [`Instant::now`] if not set.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Makes the tally.
    ///
    /// # Errors
    ///
    /// [`TallyError`] if the component cannot be part of a subject, or the prefix not of the name of a metric.
    ///
    /// ```
    /// use laneway::lifecycle::Tally;
    ///
    /// let error = Tally::builder().component(">").build().unwrap_err();
    /// assert_eq!(error.to_string(), "invalid options supplied: invalid component >");
    /// ```
    pub fn build(self) -> Result<Tally, TallyError> {
        if let Some(component) = &self.component
            && checked(component).is_err()
        {
            let component = component.clone();
            return Err(TallyError::InvalidComponent { component });
        }
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
        let is_valid = self.prefix.chars().all(is_name)
            && !self.prefix.is_empty()
            && !self.prefix.starts_with(|c: char| c.is_ascii_digit());
        if !is_valid {
            let prefix = self.prefix;
            return Err(TallyError::InvalidPrefix { prefix });
        }
        let now = (self.clock)();
        Ok(Tally(Arc::new(Shared {
            state: Mutex::new(State::new(&self, now)),
            facade: Mutex::default(),
            exported: Mutex::new(now),
            settings: self,
        })))
    }
}

impl fmt::Debug for TallyBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TallyBuilder")
            .field("component", &self.component)
            .field("prefix", &self.prefix)
            .field("expire_after", &self.expire_after)
            .field("check_every", &self.check_every)
            .field("export_every", &self.export_every)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Why a tally cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TallyError {
    /// No event can be of such a component.
    InvalidComponent {
        /// What was asked for.
        component: String,
    },
    /// No metric can have a name that begins so.
    InvalidPrefix {
        /// What was asked for.
        prefix: String,
    },
}

impl fmt::Display for TallyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid options supplied: ")?;
        match self {
            TallyError::InvalidComponent { component } => {
                write!(f, "invalid component {component}")
            }
            TallyError::InvalidPrefix { prefix } => write!(f, "invalid prefix {prefix}"),
        }
    }
}

impl Error for TallyError {}
