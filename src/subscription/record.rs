//! What a subscription shares with its shard: who it is, whether it may be called, and what is counted of it.
//!
//! There may be a million of them, so what few need is made when it is needed.

use super::{SubscriptionId, Suspend};
use crate::actor::StopReason;
use crate::filter::{Filter, FilterKey};
use crate::stats::{self, Counter, Counts, FarCounts, Kind, SubscriptionStats};
use crate::sync::{AtomicBool, AtomicU8, AtomicU32, Mutex, Ordering, global};
use smallvec::SmallVec;
use std::ops::Range;
use std::sync::Arc;

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

    pub(crate) fn name(&self) -> Option<&str> {
        self.rare.get()?.name.as_deref()
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
