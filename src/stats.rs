//! Counters, and the snapshots of them that users see.

use crate::registry::RegistryStats;
use crate::sync::{AtomicU64, Ordering};

/// A counter with one writer: adding is a plain load and store, and anybody may read.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    /// The one writer only.
    #[inline(always)]
    pub(crate) fn add(&self, count: usize) {
        let now = self.0.load(Ordering::Relaxed).wrapping_add(count as u64);
        // ORDERING: Release pairs with the Acquire in `get`: a reader that reads what left a queue before what entered it
        // never finds more gone than came.
        self.0.store(now, Ordering::Release);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What becomes of the events of a subscription, or of all of a shard's. One thread writes it.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) matched: Counter,
    pub(crate) handled: Counter,
    pub(crate) discarded: Counter,
    pub(crate) newest: Counter,
    pub(crate) oldest: Counter,
    pub(crate) replaced: Counter,
    pub(crate) stopped: Counter,
    pub(crate) panics: Counter,
    pub(crate) restarts: Counter,
}

impl Counts {
    /// Without `queued`. What leaves the queue is read before what enters it.
    fn snapshot(&self) -> SubscriptionStats {
        SubscriptionStats {
            handled: self.handled.get(),
            discarded: self.discarded.get(),
            dropped: Dropped {
                newest: self.newest.get(),
                oldest: self.oldest.get(),
                replaced: self.replaced.get(),
                stopped: self.stopped.get(),
            },
            panics: self.panics.get(),
            restarts: self.restarts.get(),
            matched: self.matched.get(),
            queued: 0,
        }
    }
}

/// A counter with many writers.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

impl SharedCounter {
    pub(crate) fn add(&self, count: usize) {
        // Others write the line as well: it is left alone where there is nothing to add.
        if count > 0 {
            // ORDERING: Release as in `Counter::add`.
            self.0.fetch_add(count as u64, Ordering::Release);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// What the threads of receivers and dedicated actors count for the totals of their shard, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct FarCounts {
    pub(crate) handled: SharedCounter,
    pub(crate) discarded: SharedCounter,
    pub(crate) stopped: SharedCounter,
    pub(crate) panics: SharedCounter,
    pub(crate) restarts: SharedCounter,
}

impl FarCounts {
    pub(crate) fn snapshot(&self) -> SubscriptionStats {
        SubscriptionStats {
            handled: self.handled.get(),
            discarded: self.discarded.get(),
            dropped: Dropped {
                stopped: self.stopped.get(),
                ..Dropped::default()
            },
            panics: self.panics.get(),
            restarts: self.restarts.get(),
            ..SubscriptionStats::default()
        }
    }
}

/// What is counted on the shard, and on the thread of a receiver or a dedicated actor, as one; `queued` is what is left.
pub(crate) fn total(near: &Counts, far: Option<&Counts>) -> SubscriptionStats {
    // The far side first: an event is matched before it gets there.
    let far = far.map(Counts::snapshot).unwrap_or_default();
    let mut total = sum(near, far);
    total.queued = total.matched - total.handled - total.discarded - total.dropped.total();
    total
}

/// The same without `queued`. `far` is a snapshot taken before.
pub(crate) fn sum(near: &Counts, far: SubscriptionStats) -> SubscriptionStats {
    let near = near.snapshot();
    SubscriptionStats {
        matched: near.matched,
        handled: near.handled + far.handled,
        discarded: near.discarded + far.discarded,
        dropped: near.dropped + far.dropped,
        panics: near.panics + far.panics,
        restarts: near.restarts + far.restarts,
        queued: 0,
    }
}

/// What one shard counts, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Meter {
    pub(crate) events: Counter,
    pub(crate) runs: Counter,
    pub(crate) counts: Counts,
    pub(crate) commands: Counter,
    pub(crate) parks: Counter,
}

/// A router's counters at one moment: see [`Router::stats`](crate::Router::stats).
///
/// Each number is exact, but they are read one after the other while shards go on. After a
/// [`flush`](crate::Router::flush) with no publisher at work they agree with each other.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Stats {
    /// One for each shard.
    pub shards: Vec<ShardStats>,
    /// Live subscriptions.
    pub subscriptions: usize,
    /// How full the process-wide registry of topics is.
    pub registry: RegistryStats,
}

impl Stats {
    /// The sum over all shards.
    pub fn total(&self) -> ShardStats {
        let mut total = ShardStats::default();
        for shard in &self.shards {
            total.lanes += shard.lanes;
            total.depth += shard.depth;
            total.spilled += shard.spilled;
            total.events += shard.events;
            total.runs += shard.runs;
            total.matched += shard.matched;
            total.handled += shard.handled;
            total.discarded += shard.discarded;
            total.dropped = total.dropped + shard.dropped;
            total.restarts += shard.restarts;
            total.panics += shard.panics;
            total.commands += shard.commands;
            total.parks += shard.parks;
        }
        total
    }
}

/// One shard's counters since it started, ended subscriptions included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShardStats {
    /// Lanes to it: one for each publisher that has published to it and lives.
    pub lanes: usize,
    /// Events waiting in these lanes.
    pub depth: usize,
    /// Events that its actors published and that wait for room in a lane.
    pub spilled: usize,
    /// Events taken from its lanes.
    pub events: u64,
    /// The runs they came in.
    pub runs: u64,
    /// Deliveries: an event counts once for each subscription it was for.
    pub matched: u64,
    /// Deliveries whose handler returned, or panicked over them.
    pub handled: u64,
    /// Deliveries that a batch handler left in its batch.
    pub discarded: u64,
    /// Deliveries that were lost, by reason.
    pub dropped: Dropped,
    /// Panics of user code that the shard contained.
    pub panics: u64,
    /// Fresh actors made after a panic.
    pub restarts: u64,
    /// Commands taken.
    pub commands: u64,
    /// How often it went to sleep.
    pub parks: u64,
}

/// One subscription's counters: `matched == handled + discarded + dropped.total() + queued`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Events that were for it.
    pub matched: u64,
    /// Events whose handler returned, or panicked over them.
    pub handled: u64,
    /// Events that its batch handler left in its batch.
    pub discarded: u64,
    /// Events lost, by reason.
    pub dropped: Dropped,
    /// Events that matched and whose handler has not returned.
    pub queued: u64,
    /// Calls that panicked.
    pub panics: u64,
    /// Fresh actors made after a panic.
    pub restarts: u64,
}

/// Lost events by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// They came to a full mailbox that drops the newest.
    pub newest: u64,
    /// They waited longest in a full mailbox that drops the oldest, or keeps the latest of each topic.
    pub oldest: u64,
    /// They waited when a newer one of their topic came, in a mailbox that keeps the latest of each.
    pub replaced: u64,
    /// They waited for an actor that ended.
    pub stopped: u64,
}

impl Dropped {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.newest + self.oldest + self.replaced + self.stopped
    }
}

impl std::ops::Add for Dropped {
    type Output = Dropped;

    fn add(self, other: Dropped) -> Dropped {
        Dropped {
            newest: self.newest + other.newest,
            oldest: self.oldest + other.oldest,
            replaced: self.replaced + other.replaced,
            stopped: self.stopped + other.stopped,
        }
    }
}
