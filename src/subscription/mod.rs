//! A subscription as seen from outside: its handle.

pub(crate) mod builder;
mod record;

pub(crate) use self::record::{FarMeter, Record, State};

use crate::error::UnsubscribeError;
use crate::filter::Filter;
use crate::stats::SubscriptionStats;
use crate::sync::{Ordering, global};
use std::fmt;
use std::sync::{Arc, Weak};

/// Names a subscription. Never given twice in a process, whichever router it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubscriptionId(u64);

impl SubscriptionId {
    pub(crate) fn next() -> Self {
        static NEXT: global::AtomicU64 = global::AtomicU64::new(1);
        SubscriptionId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for SubscriptionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What becomes of events for a suspended subscription: see [`Subscription::suspend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suspend {
    /// They wait in the mailbox, under the subscription's own overflow policy.
    Queue,
    /// They are discarded, and counted as such. What waits in the mailbox already is kept.
    Discard,
}

/// What a handle can ask of its router, whatever the router's events are.
pub(crate) trait Control: Send + Sync {
    /// `shard`: where it is, as far as the caller knows.
    fn unsubscribe(&self, id: SubscriptionId, shard: Option<usize>)
    -> Result<(), UnsubscribeError>;

    fn suspend(&self, id: SubscriptionId, how: Suspend) -> Result<(), UnsubscribeError>;

    fn resume(&self, id: SubscriptionId) -> Result<(), UnsubscribeError>;
    /// Ends it, if it lives, and waits for nobody.
    fn abandon(&self, id: SubscriptionId);
}

/// The handle of one subscription. Cheap to clone; dropping it keeps the actor.
///
/// ```
/// use laneway::{Filter, Router, Topic};
///
/// let router = Router::<u32>::new();
/// let topic = Topic::new("compute", "VM.START")?;
/// let subscription = router.subscribe(Filter::exact(topic), |event| println!("{event:?}"))?;
/// router.publish(topic, 1)?;
/// router.flush()?;
/// assert_eq!(subscription.stats().handled, 1);
/// subscription.unsubscribe()?;
/// assert!(subscription.unsubscribe().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Subscription {
    record: Arc<Record>,
    control: Weak<dyn Control>,
}

impl Subscription {
    pub(crate) fn new(record: Arc<Record>, control: Weak<dyn Control>) -> Self {
        Subscription { record, control }
    }

    pub(crate) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Ends the subscription without waiting.
    pub(crate) fn abandon(&self) {
        if let Some(control) = self.control.upgrade() {
            control.abandon(self.record.id);
        }
    }

    /// Its id, by which [`Router::unsubscribe`](crate::Router::unsubscribe) knows it.
    pub fn id(&self) -> SubscriptionId {
        self.record.id
    }

    /// The name it was given.
    pub fn name(&self) -> Option<&str> {
        self.record.name()
    }

    /// The shard its actor lives on, counted from 0.
    pub fn shard(&self) -> usize {
        self.record.shard.into()
    }

    /// Ends the subscription. When this returns, no call of the actor is running or will begin, and its
    /// [`stopped`](crate::Actor::stopped) and Drop are complete.
    ///
    /// Events that were accepted for it and not handled are gone with it. On a thread that runs actors this does not
    /// wait: there, no further call begins on the own shard, and elsewhere from when that shard next takes commands.
    ///
    /// # Errors
    ///
    /// [`UnsubscribeError::Unknown`] if it has ended already: by this, by itself, by a panic, or with its router. Its last
    /// call is over then as well.
    ///
    /// # Blocking
    ///
    /// Waits for the shard to take the command, so for the run it is in at the moment: the calls of all actors that get it.
    pub fn unsubscribe(&self) -> Result<(), UnsubscribeError> {
        self.control()?
            .unsubscribe(self.record.id, Some(self.shard()))
    }

    fn control(&self) -> Result<Arc<dyn Control>, UnsubscribeError> {
        let gone = UnsubscribeError::Unknown(self.record.id);
        self.control.upgrade().ok_or(gone)
    }

    /// Holds the subscription. When this returns, no call of the actor is running or will begin, until
    /// [`resume`](Self::resume).
    ///
    /// With [`Suspend::Queue`], events wait in the mailbox under its policy: one that blocks holds up its publishers once
    /// it is full. With [`Suspend::Discard`], what is published from now on is discarded and counted; what was published
    /// before waits. Suspending again changes between the two. Predicates are asked meanwhile as ever. A receiver yields
    /// nothing while it is suspended. [`flush`](crate::Router::flush) does not wait for what is in the mailbox of a suspended
    /// actor; but where that is full and blocks, it waits for the events that it holds up in the lanes.
    ///
    /// On a thread that runs actors this does not wait: there, no further call begins on the own shard, and elsewhere from
    /// when that thread next looks.
    ///
    /// # Errors
    ///
    /// [`UnsubscribeError::Unknown`] if it has ended.
    ///
    /// # Blocking
    ///
    /// Waits for the shard to take the command, so for the run it is in at the moment: the calls of all actors that get it.
    ///
    /// ```
    /// use laneway::{Filter, Router, Suspend, Topic};
    ///
    /// let router = Router::<u32>::new();
    /// let topic = Topic::new("compute", "VM.START")?;
    /// let subscription = router.subscribe(Filter::exact(topic), |event| println!("{event:?}"))?;
    /// subscription.suspend(Suspend::Queue)?;
    /// router.publish(topic, 1)?;
    /// router.flush()?;
    /// assert_eq!(subscription.stats().queued, 1);
    /// subscription.resume()?;
    /// router.flush()?;
    /// assert_eq!(subscription.stats().handled, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn suspend(&self, how: Suspend) -> Result<(), UnsubscribeError> {
        self.control()?.suspend(self.record.id, how)
    }

    /// Goes on: what waited comes first, in order, then what is published from now on. Without
    /// [`suspend`](Self::suspend) before it, this does nothing.
    ///
    /// # Errors
    ///
    /// [`UnsubscribeError::Unknown`] if it has ended.
    pub fn resume(&self) -> Result<(), UnsubscribeError> {
        self.control()?.resume(self.record.id)
    }

    /// Whether it has ended, for whatever reason. Its actor may still be in its last call.
    pub fn has_ended(&self) -> bool {
        self.record.state.has_ended()
    }

    /// Its counters. Reads a few words; the shard writes them once per run.
    pub fn stats(&self) -> SubscriptionStats {
        self.record.stats()
    }

    /// Ends the subscription when the guard is dropped.
    pub fn guard(self) -> SubscriptionGuard {
        SubscriptionGuard(self)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("id", &self.record.id)
            .field("name", &self.record.name())
            .field("shard", &self.record.shard)
            .finish_non_exhaustive()
    }
}

/// Ends its subscription when dropped, as [`Subscription::unsubscribe`] does.
#[derive(Debug)]
#[must_use = "dropping the guard ends the subscription"]
pub struct SubscriptionGuard(Subscription);

impl std::ops::Deref for SubscriptionGuard {
    type Target = Subscription;

    fn deref(&self) -> &Subscription {
        &self.0
    }
}

impl Drop for SubscriptionGuard {
    fn drop(&mut self) {
        // That it has ended already is as good: its last call is waited for then, too.
        let _ = self.0.unsubscribe();
    }
}

/// A subscription as [`Router::subscriptions`](crate::Router::subscriptions) lists it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// Its id.
    pub id: SubscriptionId,
    /// The name it was given.
    pub name: Option<String>,
    /// The shard its actor lives on, counted from 0.
    pub shard: usize,
    /// What it listens to: any of these.
    pub filters: Vec<Filter>,
    /// Its counters.
    pub stats: SubscriptionStats,
}

impl From<&Record> for SubscriptionInfo {
    fn from(record: &Record) -> Self {
        SubscriptionInfo {
            id: record.id,
            name: record.name().map(Into::into),
            shard: record.shard.into(),
            filters: record.filters(),
            stats: record.stats(),
        }
    }
}

/// Why a subscription gets a topic: see [`Router::explain`](crate::Router::explain).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explanation {
    /// The subscription.
    pub id: SubscriptionId,
    /// Its name.
    pub name: Option<String>,
    /// Its shard.
    pub shard: usize,
    /// The first of its filters that matches.
    pub filter: Filter,
}
