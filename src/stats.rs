//! Counters, and the snapshots of them that users see.

use crate::shard::callee::Call;
use crate::shard::watch::CallMark;
use crate::sync::{AtomicU64, Ordering, mutant};
use crate::topic::registry::RegistryStats;
use std::ops::Index;

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
        self.0.store(now, mutant!("counter_add_relaxed", Release));
    }

    /// The one writer only. Makes it at least `value`, for a high-water mark.
    #[inline]
    pub(crate) fn raise(&self, value: usize) {
        if value as u64 > self.0.load(Ordering::Relaxed) {
            self.0.store(value as u64, Ordering::Relaxed);
        }
    }

    pub(crate) fn get(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release in `add`.
        self.0.load(mutant!("counter_get_relaxed", Acquire))
    }
}

/// A counter with many writers.
#[derive(Debug, Default)]
pub(crate) struct SharedCounter(AtomicU64);

impl SharedCounter {
    pub(crate) fn get(&self) -> u64 {
        // ORDERING: Acquire as in `Counter::get`.
        self.0.load(mutant!("shared_get_relaxed", Acquire))
    }

    pub(crate) fn add(&self, count: usize) {
        // Others write the line as well: it is left alone where there is nothing to add.
        if count > 0 {
            // ORDERING: Release as in `Counter::add`.
            self.0
                .fetch_add(count as u64, mutant!("shared_add_relaxed", Release));
        }
    }
}

/// What is counted of a subscription, and of all of a shard's.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Matched,
    Handled,
    Discarded,
    /// The reasons for which events are dropped: see [`Dropped`].
    Newest,
    Oldest,
    Replaced,
    Stopped,
    Panics,
    Restarts,
    /// Written by the watching thread, the others by the one that calls the actor.
    Stalls,
}

/// A counter of each kind.
#[derive(Debug, Default)]
pub(crate) struct Counts<C = Counter>([C; Kind::Stalls as usize + 1]);

impl<C> Index<Kind> for Counts<C> {
    type Output = C;

    #[inline(always)]
    fn index(&self, kind: Kind) -> &C {
        &self.0[kind as usize]
    }
}

/// What the threads of receivers and dedicated actors count for their shard, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct FarCounts(Counts<SharedCounter>);

impl FarCounts {
    pub(crate) fn add(&self, kind: Kind, count: usize) {
        self.0[kind].add(count);
    }
}

/// Where a call and what becomes of its events are counted.
pub(crate) type Count<'a> = &'a dyn Fn(Kind, usize);

/// Without `queued`. `get` is asked for what leaves the queue before what enters it.
fn snapshot(get: impl Fn(Kind) -> u64) -> SubscriptionStats {
    SubscriptionStats {
        handled: get(Kind::Handled),
        discarded: get(Kind::Discarded),
        dropped: Dropped {
            newest: get(Kind::Newest),
            oldest: get(Kind::Oldest),
            replaced: get(Kind::Replaced),
            stopped: get(Kind::Stopped),
        },
        panics: get(Kind::Panics),
        restarts: get(Kind::Restarts),
        stalls: get(Kind::Stalls),
        matched: get(Kind::Matched),
        queued: 0,
    }
}

/// What is counted on the shard, and on the thread of a receiver or a dedicated actor, as one.
pub(crate) fn total(near: impl Fn(Kind) -> u64, far: Option<&Counts>) -> SubscriptionStats {
    // The far side first: an event is matched before it gets there.
    let mut stats = snapshot(|kind| far.map_or(0, |far| far[kind].get()) + near(kind));
    let gone = [stats.handled, stats.discarded, stats.dropped.total()];
    stats.queued = gone.into_iter().fold(stats.matched, u64::wrapping_sub);
    stats
}

/// The same of all of a shard's subscriptions, without what is queued: a shard counts once per run.
pub(crate) fn shard_total(near: &Counts, far: &FarCounts) -> SubscriptionStats {
    snapshot(|kind| far.0[kind].get() + near[kind].get())
}

/// What one shard counts, on lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Meter {
    pub(crate) call: CallMark,
    pub(crate) events: Counter,
    pub(crate) runs: Counter,
    pub(crate) batches: Counter,
    pub(crate) counts: Counts,
    pub(crate) commands: Counter,
    pub(crate) parks: Counter,
    pub(crate) depth_high: Counter,
    pub(crate) spilled_high: Counter,
    /// Events that were accepted and that nobody handles, because the shard or their target was given up.
    pub(crate) lost: SharedCounter,
    /// What waited for actors that were suspended when the router shut down, once for each.
    pub(crate) dropped_last: SharedCounter,
}

impl Meter {
    /// The shard calls the actor with this seat.
    #[inline]
    pub(crate) fn begin(&self, place: u32, call: Call) {
        self.call.begin(place);
        if call == Call::Batch {
            self.batches.add(1);
        }
    }
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
    /// The sum over all shards; of high-water marks the highest.
    pub fn total(&self) -> ShardStats {
        let mut total = ShardStats::default();
        for shard in &self.shards {
            total.lanes += shard.lanes;
            total.depth += shard.depth;
            total.spilled += shard.spilled;
            total.events += shard.events;
            total.runs += shard.runs;
            total.batches += shard.batches;
            total.matched += shard.matched;
            total.handled += shard.handled;
            total.discarded += shard.discarded;
            total.dropped = total.dropped + shard.dropped;
            total.restarts += shard.restarts;
            total.panics += shard.panics;
            total.commands += shard.commands;
            total.parks += shard.parks;
            total.wakes += shard.wakes;
            total.stalls += shard.stalls;
            total.depth_high = total.depth_high.max(shard.depth_high);
            total.spilled_high = total.spilled_high.max(shard.spilled_high);
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
    /// The most events that it took from one lane in one turn. A turn ends when the lane is empty, or after as many events
    /// as the lane holds, at least 256.
    pub depth_high: usize,
    /// Events that its actors published and that wait for room in a lane.
    pub spilled: usize,
    /// The most events that ever waited there at a time.
    pub spilled_high: usize,
    /// Events taken from its lanes.
    pub events: u64,
    /// The runs they came in.
    pub runs: u64,
    /// Calls of [`Actor::handle_batch`](crate::Actor::handle_batch): one for each run and each subscription that it has
    /// events for.
    pub batches: u64,
    /// Deliveries: an event counts once for each subscription it was for.
    pub matched: u64,
    /// Deliveries whose handler returned, or panicked over them.
    pub handled: u64,
    /// Deliveries that a batch handler left in its batch, or that came while their subscription was suspended with
    /// [`Suspend::Discard`](crate::Suspend::Discard).
    pub discarded: u64,
    /// Deliveries that were lost, by reason.
    pub dropped: Dropped,
    /// Panics of user code that the shard contained.
    pub panics: u64,
    /// Fresh actors made after a panic.
    pub restarts: u64,
    /// Commands taken.
    pub commands: u64,
    /// How often it slept. Counted when it wakes up.
    pub parks: u64,
    /// How often somebody woke it, for which that thread made a system call.
    pub wakes: u64,
    /// Calls that took longer than [`stall_after`](crate::RouterBuilder::stall_after). One that still runs counts already.
    pub stalls: u64,
}

/// One subscription's counters: `matched == handled + discarded + dropped.total() + queued`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscriptionStats {
    /// Events that were for it.
    pub matched: u64,
    /// Events whose handler returned, or panicked over them.
    pub handled: u64,
    /// Events that its batch handler left in its batch, or that came while it was suspended with
    /// [`Suspend::Discard`](crate::Suspend::Discard).
    pub discarded: u64,
    /// Events lost, by reason.
    pub dropped: Dropped,
    /// Events that matched and whose handler has not returned.
    pub queued: u64,
    /// Calls that panicked.
    pub panics: u64,
    /// Fresh actors made after a panic.
    pub restarts: u64,
    /// Calls that took longer than [`stall_after`](crate::RouterBuilder::stall_after). One that still runs counts already.
    pub stalls: u64,
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
        let reasons = [self.newest, self.oldest, self.replaced, self.stopped];
        reasons.into_iter().fold(0, u64::wrapping_add)
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
