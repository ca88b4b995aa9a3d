//! A subscription as seen from outside: its handle, and the record it shares with its shard.

pub(crate) mod builder;

use crate::actor::StopReason;
use crate::error::UnsubscribeError;
use crate::filter::{Filter, FilterKey};
use crate::stats::{self, Counter, Counts, FarCounts, Kind, SubscriptionStats};
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Mutex, Ordering, global};
use smallvec::SmallVec;
use std::fmt;
use std::ops::Range;
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

/// What the shard and everybody else share about one subscription.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Record {
    // What every call touches, side by side. It is not aligned to a line, which would make a record twice as large; but that
    // of another record is so far away that the two never share one, so shards do not contend.
    pub(crate) state: State,
    /// A `Resume` is on its way to the shard.
    pub(crate) is_resuming: AtomicBool,
    pub(crate) shard: u8,
    /// Where the shard seated the actor. Written by the shard only.
    pub(crate) seat: AtomicU32,
    pub(crate) matched: Counter,
    pub(crate) handled: Counter,
    /// Not among the rare ones: they may stall at any time, and nothing is allocated once all is warm.
    stalls: Counter,
    pub(crate) id: SubscriptionId,
    /// Distinct.
    pub(crate) keys: SmallVec<[FilterKey; 1]>,
    /// Made with the record, or by whoever first needs it. No model looks at how that goes.
    rare: global::OnceLock<Box<Rare>>,
}

// With the two counts of its `Arc` and the word in front of every allocation, two lines.
const _: () = assert!(cfg!(laneway_loom) || size_of::<Record>() <= 104);

/// What few subscriptions need.
#[derive(Debug)]
struct Rare {
    name: Option<Arc<str>>,
    /// What the thread of a receiver or a dedicated actor counts.
    far: Option<Box<Counts>>,
    /// What is counted of it, but for what is in the record.
    counts: Counts,
    /// Events of these epochs are discarded: from when it was suspended that way until it was resumed. In order, the last one
    /// perhaps still open, and as long as such events may be in a lane; but no more than [`MAX_WINDOWS`].
    windows: Mutex<Vec<Range<u64>>>,
}

impl Rare {
    fn new(name: Option<Arc<str>>, is_remote: bool) -> Box<Self> {
        Box::new(Rare {
            name,
            far: is_remote.then(Box::default),
            counts: Counts::default(),
            windows: Mutex::new(Vec::new()),
        })
    }
}

impl Record {
    pub(crate) fn new(
        id: SubscriptionId,
        shard: usize,
        keys: SmallVec<[FilterKey; 1]>,
        name: Option<Arc<str>>,
        is_remote: bool,
    ) -> Self {
        let rare = if name.is_some() || is_remote {
            Rare::new(name, is_remote).into()
        } else {
            global::OnceLock::new()
        };
        Record {
            state: State::default(),
            is_resuming: AtomicBool::new(false),
            shard: u8::try_from(shard).expect("at most 64 shards"),
            seat: AtomicU32::new(u32::MAX),
            matched: Counter::default(),
            handled: Counter::default(),
            stalls: Counter::default(),
            id,
            keys,
            rare,
        }
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(|| Rare::new(None, false))
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.rare.get()?.name.as_ref()
    }

    /// For the record of a receiver or a dedicated actor.
    pub(crate) fn far(&self) -> Option<&Counts> {
        self.rare.get()?.far.as_deref()
    }

    /// On the shard's thread; stalls on the watching one.
    pub(crate) fn add(&self, kind: Kind, count: usize) {
        let counter = self.counter(kind);
        counter
            .unwrap_or_else(|| &self.rare().counts[kind])
            .add(count);
    }

    /// None where nothing was counted yet.
    fn counter(&self, kind: Kind) -> Option<&Counter> {
        match kind {
            Kind::Matched => Some(&self.matched),
            Kind::Handled => Some(&self.handled),
            Kind::Stalls => Some(&self.stalls),
            _ => self.rare.get().map(|rare| &rare.counts[kind]),
        }
    }

    /// Events of this and later epochs are discarded, or no more. Under the registry lock, so that epochs rise.
    pub(crate) fn discard(&self, from_now_on: bool, epoch: u64) {
        // To close one that never opened, nothing is made.
        if !from_now_on && self.rare.get().is_none() {
            return;
        }
        let mut windows = self.rare().windows.lock();
        let open = windows.last_mut().filter(|window| window.end == u64::MAX);
        match open {
            Some(window) if !from_now_on => window.end = epoch,
            None if from_now_on => {
                if windows.len() == MAX_WINDOWS {
                    windows.remove(0);
                }
                windows.push(epoch..u64::MAX);
                self.state.0.fetch_or(WINDOWS, Ordering::Relaxed);
            }
            _ => {}
        }
    }

    /// Whether an event of this epoch was published while events were discarded.
    pub(crate) fn is_discarded(&self, epoch: u64) -> bool {
        self.state.0.load(Ordering::Relaxed) & WINDOWS != 0
            && (self.rare().windows.lock().iter()).any(|window| window.contains(&epoch))
    }

    /// No event of an epoch below `oldest` will come any more.
    pub(crate) fn forget_windows(&self, oldest: u64) {
        let Some(rare) = self.rare.get() else { return };
        let mut windows = rare.windows.lock();
        windows.retain(|window| window.end > oldest || window.end == u64::MAX);
        if windows.is_empty() {
            self.state.0.fetch_and(!WINDOWS, Ordering::Relaxed);
        }
    }

    pub(crate) fn filters(&self) -> Vec<Filter> {
        self.keys.iter().map(|key| key.to_filter()).collect()
    }

    pub(crate) fn stats(&self) -> SubscriptionStats {
        stats::total(
            |kind| self.counter(kind).map_or(0, Counter::get),
            self.far(),
        )
    }

    fn info(&self) -> SubscriptionInfo {
        SubscriptionInfo {
            id: self.id,
            name: self.name().map(|name| name.as_ref().into()),
            shard: self.shard.into(),
            filters: self.filters(),
            stats: self.stats(),
        }
    }
}

/// Counts for a receiver or a dedicated actor on its own thread: for its subscription, and for the totals of its shard.
#[derive(Debug)]
pub(crate) struct FarMeter {
    record: Arc<Record>,
    totals: Arc<FarCounts>,
}

impl FarMeter {
    pub(crate) fn new(record: Arc<Record>, totals: Arc<FarCounts>) -> Self {
        FarMeter { record, totals }
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn add(&self, kind: Kind, count: usize) {
        let far = self.record.far();
        let counts = far.expect("the record was made for a reader that is no shard");
        counts[kind].add(count);
        self.totals.add(kind, count);
    }
}

/// Whether calls may begin. Anybody may change it.
///
/// 0: live. The low bits are why it ended, see [`reason`](State::reason); above them why it pauses.
#[derive(Debug, Default)]
pub(crate) struct State(AtomicU8);

/// So many times of discarding are remembered while their events lie in lanes; of an older one they come through.
const MAX_WINDOWS: usize = 64;

/// The bits that say why it ended.
const REASON: u8 = 7;
/// Suspended: events wait in the mailbox.
const QUEUEING: u8 = 8;
/// Suspended: events are discarded.
const DISCARDING: u8 = 16;
/// Some epochs' events are discarded, see [`Record::is_discarded`]. No halt by itself.
const WINDOWS: u8 = 32;

impl State {
    /// No call may begin. Relaxed: on the shard's own thread it is exact; another thread's word is carried by the table that
    /// is swapped after it, and by the command.
    #[inline(always)]
    pub(crate) fn is_halted(&self) -> bool {
        self.0.load(Ordering::Relaxed) & !WINDOWS != 0
    }

    /// An event cannot just be handed over.
    #[inline(always)]
    pub(crate) fn needs_care(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed) & REASON != 0
    }

    /// From now on no call begins on the shard's thread. The first reason stays.
    pub(crate) fn end(&self, reason: StopReason) {
        let code = match reason {
            StopReason::Unsubscribed => 1,
            StopReason::Stopped => 2,
            StopReason::Panicked => 3,
            StopReason::Shutdown => 4,
        };
        let live = |state: u8| (state & REASON == 0).then_some(state | code);
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, live);
    }

    pub(crate) fn reason(&self) -> Option<StopReason> {
        match self.0.load(Ordering::Relaxed) & REASON {
            0 => None,
            1 => Some(StopReason::Unsubscribed),
            2 => Some(StopReason::Stopped),
            3 => Some(StopReason::Panicked),
            _ => Some(StopReason::Shutdown),
        }
    }

    /// `None`: it goes on.
    pub(crate) fn suspend(&self, how: Option<Suspend>) {
        let bits = match how {
            None => 0,
            Some(Suspend::Queue) => QUEUEING,
            Some(Suspend::Discard) => DISCARDING,
        };
        let change = |state: u8| Some(state & !(QUEUEING | DISCARDING) | bits);
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }

    pub(crate) fn suspended(&self) -> Option<Suspend> {
        match self.0.load(Ordering::Relaxed) & (QUEUEING | DISCARDING) {
            0 => None,
            DISCARDING => Some(Suspend::Discard),
            _ => Some(Suspend::Queue),
        }
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
        self.record.name().map(|name| &**name)
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
    /// Waits for the shard to take the command, so for the call it is in at the moment.
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
    /// Waits for the shard to take the command, so for the call it is in at the moment.
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
        record.info()
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
