//! The stall detector: a thread that looks for calls that take too long.
//!
//! Reading a clock around each call would cost more than most calls. So a shard only marks the call it makes, and one
//! thread per router looks at the marks of all shards from time to time, and has the clock. So it sees a call that never
//! returns, too. No call counts that was shorter than `stall_after`; one that was hardly longer may escape.
//!
//! # When nothing happens
//!
//! While all shards sleep, so does this thread, and a shard that wakes up wakes it:
//!
//! ```text
//! watcher                            shard
//! W1 parked = true                   S1 it is not asleep any more
//! W2 heavy fence                     S2 light fence
//! W3 some shard awake ?  -> go on    S3 parked ?  -> unpark
//! W4 park
//! ```
//!
//! At least one of W3 and S3 sees the other side. It lingers before it parks, so that shards that wake up often do not pay
//! a system call each time.

use crate::contain::contain;
use crate::publisher::local;
use crate::router::hub::Hub;
use crate::stats::Kind;
use crate::sync::global::{AtomicBool, AtomicU64, OnceLock};
use crate::sync::{JoinHandle, Ordering, Thread, current, fence_heavy, fence_light};
use crate::sync::{park, park_timeout, spawn, wait_loosely, yield_now};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The pause between two looks is half of `stall_after`, within these. Where all CPUs are busy each look interrupts one of
/// them: with a look every millisecond, one event in a hundred felt it.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

/// How much longer a pause may be. Most kernels interrupt a busy CPU each 1 to 4 ms. A look with an interrupt of its own took
/// 20 µs from what the CPU was busy with, on a virtual machine; one that comes along with those, nothing that stands out.
const SLACK: Duration = Duration::from_millis(4);

/// For so long after a shard was awake it looks on.
const LINGER: Duration = Duration::from_millis(50);

/// The call a shard is in: in the upper half how many there were, wrapping, and in the lower the seat, counted from 1.
/// A lower half of 0: in none.
///
/// Written by the shard's thread only. No model looks at it, so it is hidden from loom.
#[derive(Debug, Default)]
pub(crate) struct CallMark(AtomicU64);

const SEAT: u64 = u32::MAX as u64;

impl CallMark {
    /// A call of the actor with this seat begins. The mark before need not have ended.
    #[inline(always)]
    pub(crate) fn begin(&self, place: u32) {
        self.begin_after(self.last(), place);
    }

    /// The same for a shard that has the [`last`](Self::last) mark at hand. Says what the next one comes after.
    #[inline(always)]
    pub(crate) fn begin_after(&self, last: u64, place: u32) -> u64 {
        let next = (last | SEAT).wrapping_add(u64::from(place) + 2);
        // ORDERING: Release pairs with the Acquire in `now`: who sees the call finds its actor's record.
        self.0.store(next, Ordering::Release);
        next
    }

    #[inline(always)]
    pub(crate) fn last(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn end(&self) {
        let now = self.0.load(Ordering::Relaxed);
        self.0.store(now & !SEAT, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release in `begin`.
        self.0.load(Ordering::Acquire)
    }
}

/// The shards' way to the watching thread.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    parked: AtomicBool,
    /// Set by the watching thread before it first parks.
    thread: OnceLock<Thread>,
}

impl Watch {
    /// A shard has woken up.
    pub(crate) fn stir(&self) {
        // No watcher runs under loom, and a fence of its own could hide from the models what they are to find.
        if cfg!(laneway_loom) {
            return;
        }
        fence_light();
        // ORDERING: Relaxed after the light fence: a store-then-load pair with `Watcher::rest`. The thread it names comes
        // through the `OnceLock`.
        if self.parked.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Makes it look at once. If it has not begun yet, it will look soon.
    pub(crate) fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}

/// Starts the watching thread, unless it is turned off, and waits until it runs: what a thread allocates to begin must not
/// come when everything else is warm. It ends when all shards have exited.
pub(crate) fn start<E: Send + 'static>(
    hub: &Arc<Hub<E>>,
) -> std::io::Result<Option<JoinHandle<()>>> {
    if hub.config.stall_after == Duration::MAX {
        return Ok(None);
    }
    let watcher = Watcher {
        looks: hub.ports.iter().map(|_| Look::new()).collect(),
        hub: Arc::clone(hub),
    };
    let thread = spawn("laneway-watch".into(), move || watcher.run())?;
    while hub.watch.thread.get().is_none() {
        yield_now();
    }
    Ok(Some(thread))
}

struct Watcher<E> {
    looks: Vec<Look>,
    /// A cycle while shards run, and they keep it alive as well.
    hub: Arc<Hub<E>>,
}

/// What was seen of one shard.
struct Look {
    mark: u64,
    /// When that mark was first seen.
    since: Instant,
    /// There is nothing more to find out about it: it is no call, or it was counted.
    settled: bool,
}

impl Look {
    fn new() -> Self {
        Look {
            mark: 0,
            since: Instant::now(),
            settled: true,
        }
    }
}

impl<E> Watcher<E> {
    fn run(mut self) {
        // Traces go to user code, which may have the router's last handle.
        local::never_wait();
        self.hub.watch.thread.get_or_init(current);
        wait_loosely(SLACK);
        let stall_after = self.hub.config.stall_after;
        let pause = (stall_after / 2).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let mut was_again = false;
        let mut awake = Instant::now();
        while !self.hub.ports.iter().all(|port| port.bell.has_exited()) {
            let now = Instant::now();
            // A call that was just seen for the first time is looked at again when it may have become too long.
            let again = self.look(now) && !was_again;
            was_again = again;
            if !self.is_quiet() {
                awake = now;
            }
            if now.duration_since(awake) < LINGER {
                park_timeout(if again { stall_after.min(pause) } else { pause });
            } else {
                self.rest();
                awake = Instant::now();
            }
        }
    }

    fn is_quiet(&self) -> bool {
        self.hub.ports.iter().all(|port| port.bell.is_asleep())
    }

    /// Sleeps until a shard wakes up.
    fn rest(&self) {
        let parked = &self.hub.watch.parked;
        // ORDERING: with the heavy fence a store-then-load pair with `Watch::stir`.
        parked.store(true, Ordering::Relaxed);
        fence_heavy();
        if self.is_quiet() {
            park();
        }
        parked.store(false, Ordering::Relaxed);
    }

    /// One look at all shards. Says whether one of them is in a call that was not seen before.
    ///
    /// `now` is from before it, and `since` from after a look, so no call counts as longer than it is.
    fn look(&mut self, now: Instant) -> bool {
        let stall_after = self.hub.config.stall_after;
        let mut any_new = false;
        for (shard, look) in self.looks.iter_mut().enumerate() {
            let mark = self.hub.ports[shard].meter.call.now();
            if mark != look.mark {
                let settled = mark & SEAT == 0;
                any_new |= !settled;
                *look = Look {
                    mark,
                    settled,
                    since: Instant::now(),
                };
            } else if !look.settled && now.saturating_duration_since(look.since) >= stall_after {
                look.settled = true;
                report(&self.hub, shard, mark);
            }
        }
        any_new
    }
}

/// Counts, names and traces a call.
#[cold]
fn report<E>(hub: &Hub<E>, shard: usize, mark: u64) {
    let meter = &hub.ports[shard].meter;
    let place = (mark & SEAT) as u32 - 1;
    let record = hub.seated_at(shard, place);
    // If the call has ended meanwhile, what has its seat now may be another actor.
    if meter.call.now() != mark {
        return;
    }
    meter.counts[Kind::Stalls].add(1);
    if let Some(record) = &record {
        record.add(Kind::Stalls, 1);
    }
    // Somebody may have unsubscribed it since the call began: then there is no name to give.
    let id = (record.as_ref()).map(|record| tracing::field::display(record.id));
    let name = record.as_ref().and_then(|record| record.name());
    let stall_after = hub.config.stall_after;
    contain(|| {
        tracing::warn!(
            shard,
            subscription = id,
            name,
            ?stall_after,
            "a call stalls its shard"
        );
    });
}
