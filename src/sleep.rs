//! Sleeping and waking: the shard's bell, and a publisher's wait for room.

use crate::contain::contain;
use crate::sync::{
    AtomicBool, AtomicU64, AtomicWaker, Mutex, Ordering, Padded, Thread, global, mutant,
};
use crate::sync::{current, fence_light, park, spin_loop, yield_now};
use std::sync::Arc;
use std::task::{Wake, Waker};

/// What a shard is called by, all in one word, so that signals and sleep have one order.
///
/// ```text
/// bits 0..60  a lane that was cold has an event (lanes share bits once there are more than 60)
/// bit 60      a command is in the queue
/// bit 61      a lane that this shard publishes to has room again
/// bit 62      the shard has exited: nobody will take commands any more
/// bit 63      the shard sleeps
/// ```
///
/// The shard falls asleep by one compare-and-swap from 0: a signal that came before makes it fail, one that comes after
/// finds the bit. Whoever takes the bit away wakes the thread, so of many only one pays the system call.
#[derive(Debug)]
pub(crate) struct Bell {
    word: Padded<AtomicU64>,
    /// Set by the shard's thread before it first sleeps.
    thread: global::OnceLock<Thread>,
    /// How often the shard was woken. No model looks at it.
    wakes: global::AtomicU64,
}

pub(crate) const LANE_BITS: u32 = 60;
pub(crate) const LANES: u64 = COMMAND - 1;
pub(crate) const COMMAND: u64 = 1 << LANE_BITS;
pub(crate) const ROOM: u64 = 1 << 61;
const EXITED: u64 = 1 << 62;
const ASLEEP: u64 = 1 << 63;
const SIGNALS: u64 = EXITED - 1;

impl Bell {
    pub(crate) fn new() -> Self {
        Bell {
            word: Padded(AtomicU64::new(0)),
            thread: global::OnceLock::new(),
            wakes: global::AtomicU64::new(0),
        }
    }

    /// Leaves `signal` for the shard and wakes it if it sleeps. False: the shard has exited.
    #[cold]
    #[inline(never)]
    pub(crate) fn ring(&self, signal: u64) -> bool {
        debug_assert_eq!(signal & !SIGNALS, 0);
        // ORDERING: Release hands what was written before the signal to `answer`. Acquire pairs with `exit`.
        let before = self
            .word
            .fetch_or(signal, mutant!("bell_ring_relaxed", AcqRel));
        // ORDERING: Relaxed: it is only about which of many wakes; the signal above is what synchronizes.
        let wakes = before & ASLEEP != 0
            && self.word.fetch_and(!ASLEEP, Ordering::Relaxed) & ASLEEP != 0
            && !mutant!("bell_no_wake");
        if wakes && let Some(thread) = self.thread.get() {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            thread.unpark();
        }
        before & EXITED == 0
    }

    /// Whether there is a signal to answer. One load of a line that is written only to signal.
    #[inline]
    pub(crate) fn is_ringing(&self) -> bool {
        // ORDERING: Relaxed: `answer` synchronizes. A signal that happens before this load is seen by coherence.
        self.word.load(Ordering::Relaxed) & SIGNALS != 0
    }

    /// Takes all signals.
    pub(crate) fn answer(&self) -> u64 {
        // ORDERING: Acquire pairs with the Release in `ring`.
        self.word.fetch_and(!SIGNALS, Ordering::Acquire) & SIGNALS
    }

    /// Sleeps until there is a signal, at once if there is one already. Says whether it slept. The shard's thread only.
    pub(crate) fn sleep(&self) -> bool {
        self.thread.get_or_init(current);
        // ORDERING: Release hands the thread to `ring`, which acquires it with the bit.
        if mutant!("bell_forgets") {
            self.word.store(ASLEEP, Ordering::Relaxed);
        } else if self
            .word
            .compare_exchange(0, ASLEEP, Ordering::Release, Ordering::Relaxed)
            .is_err()
        {
            return false;
        }
        // ORDERING: Relaxed: `answer` synchronizes with whoever took the bit.
        while self.word.load(Ordering::Relaxed) & ASLEEP != 0 {
            park();
        }
        true
    }

    /// From now on `ring` says false. Commands that were pushed before a `ring` that said true are in the queue.
    pub(crate) fn exit(&self) {
        // ORDERING: AcqRel: see `ring`; all rings are ordered before or after this one.
        self.word.fetch_or(EXITED, Ordering::AcqRel);
    }

    /// The shard sleeps or has exited: it makes no call. After a heavy fence, see `watch.rs`; elsewhere a hint.
    pub(crate) fn is_asleep(&self) -> bool {
        // ORDERING: Relaxed: the load of a store-then-load pair.
        self.word.load(Ordering::Relaxed) & (ASLEEP | EXITED) != 0
    }

    /// How often somebody woke the shard.
    pub(crate) fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    /// Like [`exit`](Self::exit), to look at.
    pub(crate) fn has_exited(&self) -> bool {
        // ORDERING: Acquire pairs with the AcqRel in `exit`: what the shard did is over for who sees it.
        self.word.load(Ordering::Acquire) & EXITED != 0
    }
}

/// As a waker the bell tells its shard that a lane it publishes to has room.
impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.ring(ROOM);
    }
}

/// Who reads a lane, as its publisher calls them.
#[derive(Debug)]
pub(crate) enum Reader {
    /// A shard, and the lane's bit in its bell.
    Shard(Arc<Bell>, u64),
    /// Whoever waits for the next event of a receiver or a dedicated actor.
    Waiting(AtomicWaker),
}

impl Reader {
    pub(crate) fn shard(bell: Arc<Bell>, bit: u32) -> Self {
        Reader::Shard(bell, 1 << bit)
    }

    /// Whether these signals of a bell are about this lane.
    pub(crate) fn is_named_in(&self, signals: u64) -> bool {
        matches!(self, Reader::Shard(_, bit) if bit & signals != 0)
    }

    pub(crate) fn call(&self) {
        match self {
            Reader::Shard(bell, bit) => {
                bell.ring(*bit);
            }
            // A waker is user code.
            Reader::Waiting(waker) => {
                if !mutant!("reader_no_wake") {
                    contain(|| waker.wake());
                }
            }
        }
    }

    /// Whether it takes events one by one, and may stop at any of them.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self, Reader::Waiting(_))
    }

    /// From now on calls go to `waker`. What is looked at after this has changed, or the next call finds the waker.
    pub(crate) fn register(&self, waker: &Waker) {
        if let Reader::Waiting(slot) = self {
            // A waker that panics while it is cloned or dropped must not leave the slot half written, so both happen here.
            let relay = Waker::from(Arc::new(Relay(waker.clone())));
            drop(slot.take());
            slot.register(&relay);
        }
    }

    /// The waker that nobody waits on any more, for its owner to drop.
    pub(crate) fn unregister(&self) -> Option<Waker> {
        match self {
            Reader::Shard(..) => None,
            Reader::Waiting(slot) => slot.take(),
        }
    }
}

/// A waker that can be cloned without calling the user's.
#[derive(Debug)]
struct Relay(Waker);

impl Wake for Relay {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}

/// Somebody who waits for room. Known by its address: two futures of one task have the same waker, and when one of them is
/// dropped the other still waits.
pub(crate) type Waiter = Arc<Waker>;

/// Those who wait for room in a lane: the sleep protocol with the sides exchanged.
///
/// ```text
/// waiter                              reader
/// W1 in the list, waiting = true      R1 head moves
/// W2 heavy fence                      R2 light fence
/// W3 room, or closed ?  -> go         R3 waiting ?  -> count what it gave back; wake all
/// W4 sleep
/// ```
///
/// At least one of W3 and R3 sees the other side, so nobody goes to sleep over free room. Closing takes the reader's part:
/// `closed` is set, a heavy fence, then those who wait in any lane are woken.
///
/// There may be many: all tasks that a thread polls share its lanes, and the thread itself may block there.
///
/// Nobody sleeps for ever over room that came later, either. Who arms finds the lane full: a whole lane of events is still
/// to be given back, and at R3 each of those sees `waiting`. The reader wakes when it has given back half a lane since it
/// last did, so each waiter is woken before its lane has gone round, whoever took the free slots meanwhile. (To wake when
/// half of the lane *is* free would not do: others may take slots as fast as the reader frees them.) A wake-up is for all,
/// and takes all out of the list. A reader that will not go on for a while wakes them with less. Who then finds no room arms again, at a full lane; and one that goes away instead has
/// taken nobody's turn. Who gets the room is a race, so the one that always comes late is woken again and again.
#[derive(Debug)]
pub(crate) struct Room {
    /// Whether there are waiters. Written under their lock.
    waiting: AtomicBool,
    /// Okay to lock: only those who wait come here, and the reader if it saw them. No user code runs under it.
    waiters: Mutex<Vec<Waiter>>,
}

impl Room {
    pub(crate) fn new() -> Self {
        Room {
            waiting: AtomicBool::new(false),
            waiters: Mutex::new(Vec::new()),
        }
    }

    /// The waiter announces itself. A heavy fence must follow, then another look for room, and only then sleep.
    pub(crate) fn arm(&self, waiter: &Waiter) {
        let mut waiters = self.waiters.lock();
        if !waiters.iter().any(|other| Arc::ptr_eq(other, waiter)) {
            waiters.push(Arc::clone(waiter));
        }
        // ORDERING: Relaxed: the list has its lock; with the fence a store-then-load pair with `is_awaited`.
        self.waiting.store(true, Ordering::Relaxed);
    }

    /// The waiter goes on. A wake-up that comes all the same is spurious.
    pub(crate) fn disarm(&self, waiter: &Waiter) {
        let mut waiters = self.waiters.lock();
        waiters.retain(|other| !Arc::ptr_eq(other, waiter));
        if waiters.is_empty() || mutant!("room_forgets_others") {
            // ORDERING: Relaxed: whoever arms after this stores true after it, under the same lock.
            self.waiting.store(false, Ordering::Relaxed);
        }
    }

    /// The reader's look, after it moved the head.
    #[inline]
    pub(crate) fn is_awaited(&self) -> bool {
        if !mutant!("room_no_light_fence") {
            fence_light();
        }
        // ORDERING: Relaxed after the light fence: a store-then-load pair with `arm`.
        self.waiting.load(Ordering::Relaxed)
    }

    /// All who wait. Whoever takes them must [`call`] them, outside all locks.
    pub(crate) fn take(&self) -> Vec<Waiter> {
        let mut waiters = self.waiters.lock();
        // ORDERING: Relaxed: as in `disarm`.
        self.waiting.store(false, Ordering::Relaxed);
        if mutant!("room_wakes_one") {
            waiters.truncate(1);
        }
        std::mem::take(&mut waiters)
    }
}

/// Wakes them, and says how many panicked. What a waker does is user code.
#[cold]
#[inline(never)]
pub(crate) fn call(waiters: Vec<Waiter>) -> usize {
    let mut panics = 0;
    for waiter in waiters {
        panics += usize::from(!contain(|| waiter.wake_by_ref()));
        panics += usize::from(!contain(|| drop(waiter)));
    }
    panics
}

/// How long to try before sleeping: spin, then yield, then say so.
#[derive(Debug, Default)]
pub(crate) struct Patience(u32);

/// Spinning bridges the other side's work on a few events, yielding that on a full lane. Sleeping too early costs far more
/// than the context switch: the kernel likes to wake a thread on the CPU of who woke it, and there a publisher competes
/// with a shard that never sleeps. Measured with 64 actors: 50 ns an event with 256 yields, 15 us with 32.
const SPINS: u32 = if cfg!(laneway_loom) { 0 } else { 64 };
const YIELDS: u32 = if cfg!(laneway_loom) { 0 } else { 256 };

impl Patience {
    /// Spends a moment and says true, or says false: time to sleep.
    pub(crate) fn wait(&mut self) -> bool {
        if self.0 >= SPINS + YIELDS {
            return false;
        }
        if self.0 < SPINS {
            spin_loop();
        } else {
            yield_now();
        }
        self.0 += 1;
        true
    }

    pub(crate) fn renew(&mut self) {
        self.0 = 0;
    }
}

/// Wakes a parked thread.
#[derive(Debug)]
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A waiter that unparks the calling thread.
pub(crate) fn this_thread() -> Waiter {
    Waiter::new(Waker::from(Arc::new(Unpark(current()))))
}
