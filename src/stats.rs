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

/// What one shard counts, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Meter {
    pub(crate) events: Counter,
    pub(crate) runs: Counter,
    pub(crate) matched: Counter,
    pub(crate) handled: Counter,
    pub(crate) discarded: Counter,
    pub(crate) dropped_stopped: Counter,
    pub(crate) panics: Counter,
    pub(crate) commands: Counter,
    pub(crate) parks: Counter,
    /// Events that were accepted and that nobody handles, because the shard or their target was given up.
    pub(crate) lost: Counter,
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
            total.dropped.stopped += shard.dropped.stopped;
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
}

/// Lost events by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// They were in the batch when the actor was ended by a panic.
    pub stopped: u64,
}

impl Dropped {
    /// All reasons together.
    pub fn total(&self) -> u64 {
        self.stopped
    }
}
