//! The way from a shard to the thread of a receiver or a dedicated actor.
//!
//! It is a small lane. The shard commits events ahead of the reader as its mailbox's policy allows, and with each the number
//! of events that were missed before it: it rises along the lane, as an epoch does. The reader goes cold whenever it waits:
//!
//! ```text
//! reader                              shard
//! R1 register the waker               S1 stamp
//! R2 state = COLD                     S2 light fence
//! R3 heavy fence                      S3 state is COLD ?  -> take it, wake
//! R4 stamp ?  -> go on
//! R5 wait
//! ```
//!
//! At least one of R4 and S3 sees the other side, and who takes `COLD` comes after R1 or makes R1 see what it brought.
//! What is rare (the end, a barrier, a resumption) the shard changes first, and then wakes whether the lane is cold or not;
//! the reader looks at it after R1.
//!
//! # The end
//!
//! When the seat goes, what waited on the shard's side stays in a locked place beside the lane, and the shard lets go of the
//! lane. The reader comes to the lane's end, and then goes on with that. Where the reader has gone first, nobody will take
//! what is left. The lock decides who comes last, and that side counts it, once.

use crate::contain::contain;
use crate::countdown::Done;
use crate::error::TryRecvError;
use crate::event::Event;
use crate::lane::{Consumer, Producer, Run, lane};
use crate::sleep::{Reader, Waiter};
use crate::sync::{AtomicBool, AtomicWaker, Mutex, Ordering, fence_heavy, mutant};
use std::mem;
use std::sync::Arc;
use std::task::Waker;

/// Makes a lane from a shard to another thread, for `ahead` events that the shard commits ahead of the reader.
///
/// A reader that `makes_calls` must [`acknowledge`](Inbox::acknowledge) barriers between them.
pub(crate) fn remote<E>(ahead: usize, makes_calls: bool) -> (Outbox<E>, Inbox<E>) {
    let (outgoing, incoming) = lane(ahead, 0, Reader::Waiting(AtomicWaker::new()));
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            rest: Vec::new(),
            missed: 0,
            done: None,
            barriers: Vec::new(),
            seat_gone: false,
            reader_gone: false,
        }),
        has_barriers: AtomicBool::new(false),
        has_more: AtomicBool::new(false),
    });
    let outbox = Outbox {
        lane: outgoing,
        capacity: ahead,
        makes_calls,
        missed: 0,
        shared: Arc::clone(&shared),
    };
    let inbox = Inbox {
        lane: incoming,
        seen: 0,
        reported: 0,
        last: None,
        shared,
    };
    (outbox, inbox)
}

/// What is beside the lane, for what is rare.
struct Shared<E> {
    state: Mutex<State<E>>,
    /// `barriers` is not empty.
    has_barriers: AtomicBool,
    /// Something waits on the shard's side for room in the lane.
    has_more: AtomicBool,
}

/// No user code runs while it is locked.
struct State<E> {
    /// What waited on the shard's side when the seat went, each with the number missed before it.
    rest: Vec<(u64, Event<E>)>,
    /// The number missed in all, once the seat is gone.
    missed: u64,
    /// Dropped when the actor is.
    done: Option<Done>,
    /// Dropped when the reader is between calls.
    barriers: Vec<Done>,
    seat_gone: bool,
    reader_gone: bool,
}

/// The shard's end.
pub(crate) struct Outbox<E> {
    lane: Producer<E>,
    capacity: usize,
    /// The reader is the thread of a dedicated actor.
    makes_calls: bool,
    /// As of the last event.
    missed: u64,
    shared: Arc<Shared<E>>,
}

impl<E> Outbox<E> {
    /// How many events it takes now. It grows when the reader takes one, and shrinks by [`push`](Self::push) alone.
    pub(crate) fn room(&mut self) -> usize {
        self.capacity - self.depth()
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity
    }

    /// Whether the reader is the thread of a dedicated actor.
    pub(crate) fn makes_calls(&self) -> bool {
        self.makes_calls
    }

    /// How many events were pushed.
    pub(crate) fn sent(&self) -> u64 {
        self.lane.next()
    }

    /// How many of them the reader has given back.
    pub(crate) fn taken(&mut self) -> u64 {
        self.sent() - self.depth() as u64
    }

    /// How many events the reader has not taken.
    pub(crate) fn depth(&mut self) -> usize {
        self.lane.depth()
    }

    /// Commits an event. There must be room. `missed` is how many were missed before it in all, and never falls.
    pub(crate) fn push(&mut self, event: Event<E>, missed: u64) {
        assert!(self.lane.has_room(), "room is asked for before");
        self.missed = missed;
        self.lane.push(event.topic, event.payload, missed);
    }

    /// Whether more waits on the shard's side. To be said after what could be pushed was.
    pub(crate) fn note_more(&self, has_more: bool) {
        // ORDERING: Relaxed: a hint.
        if self.shared.has_more.load(Ordering::Relaxed) != has_more {
            self.shared.has_more.store(has_more, Ordering::Relaxed);
        }
    }

    /// Wakes the reader if it waits for an event. Once per run, after it.
    pub(crate) fn signal(&self) {
        self.lane.signal();
    }

    /// Wakes the reader whatever it waits for: its subscription goes on, for example.
    pub(crate) fn wake(&self) {
        self.lane.reader().call();
    }

    /// The next event that the reader takes wakes `waker`. A heavy fence must follow, and then another look for
    /// [`room`](Self::room).
    pub(crate) fn arm(&self, waiter: &Waiter) {
        self.lane.room().arm(waiter);
    }

    /// Drops `done` when the reader is in no call that began before this: at once, if it makes none.
    pub(crate) fn barrier(&self, done: Done) {
        let passed = {
            let mut state = self.shared.state.lock();
            if state.reader_gone || !self.makes_calls || mutant!("remote_barrier_at_once") {
                Some(done)
            } else {
                state.barriers.push(done);
                // ORDERING: Relaxed: the reader sees it after a call, or when it registers its waker, which `wake` follows.
                self.shared.has_barriers.store(true, Ordering::Relaxed);
                None
            }
        };
        if passed.is_none() {
            self.wake();
        }
    }

    /// The seat is gone. The reader gets what is in the lane, then `rest`, in order and each with the number missed before
    /// it, and then the end. `missed` is the number missed in all. `done` goes along until a dedicated actor is dropped.
    ///
    /// If the reader has gone first, it says how many events are lost, and gives `done` back to be dropped once they are
    /// counted. Otherwise the reader counts what it does not take.
    pub(crate) fn close(
        mut self,
        rest: impl IntoIterator<Item = (u64, Event<E>)>,
        missed: u64,
        done: Option<Done>,
    ) -> (usize, Option<Done>) {
        let rest: Vec<_> = rest.into_iter().collect();
        self.end(rest, missed, done)
    }

    fn end(
        &mut self,
        rest: Vec<(u64, Event<E>)>,
        missed: u64,
        done: Option<Done>,
    ) -> (usize, Option<Done>) {
        {
            let mut state = self.shared.state.lock();
            if state.seat_gone {
                return (0, done);
            }
            state.seat_gone = true;
            if !state.reader_gone {
                state.rest = rest;
                state.missed = missed;
                if !self.makes_calls || mutant!("remote_done_too_early") {
                    return (0, done);
                }
                state.done = done;
                return (0, None);
            }
        }
        let lost = self.depth() + rest.len();
        for event in rest {
            contain(|| drop(event));
        }
        (lost, done)
    }
}

impl<E> Drop for Outbox<E> {
    /// Also if it was not closed: a reader that waits for a shard that died comes to the end. The lane goes after this.
    fn drop(&mut self) {
        self.end(Vec::new(), self.missed, None);
    }
}

/// What the reader finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// So many events of one class, with nothing missed between them.
    Run(usize),
    /// Nothing now.
    Empty,
    /// Nothing ever again.
    Ended,
}

/// The reader's end.
pub(crate) struct Inbox<E> {
    lane: Consumer<E>,
    /// The number missed before the last event that was looked at.
    seen: u64,
    /// How much of it was reported.
    reported: u64,
    /// The number missed in all, once the lane that the shard wrote is at its end. From then on `lane` has the rest.
    last: Option<u64>,
    shared: Arc<Shared<E>>,
}

impl<E> Inbox<E> {
    /// Finds the next run of up to `limit` events.
    pub(crate) fn look(&mut self, limit: usize) -> Look {
        loop {
            // In this order: what is gone and then empty stays empty.
            let mut is_gone = self.lane.is_gone();
            let found = self.lane.look(limit);
            if mutant!("remote_gone_last") {
                is_gone = self.lane.is_gone();
            }
            if found > 0 {
                self.seen = self.lane.epoch();
                return Look::Run(found);
            }
            if !is_gone {
                return Look::Empty;
            }
            if let Some(last) = self.last {
                self.seen = last;
                return Look::Ended;
            }
            self.turn_over();
        }
    }

    /// The run that was found.
    pub(crate) fn run(&self) -> Run<'_, E> {
        self.lane.run()
    }

    /// Gives the first `count` events of the run back. What is left is found again. Says how many of the payloads panicked.
    pub(crate) fn release(&mut self, count: usize) -> usize {
        self.lane.cut(count);
        self.lane.release()
    }

    /// Takes one event.
    pub(crate) fn take(&mut self) -> Result<Event<E>, TryRecvError> {
        match self.look(1) {
            Look::Run(_) => {
                let mut taken = None;
                self.lane.release_but(1, |_, event| taken = Some(event));
                taken.ok_or(TryRecvError::Empty)
            }
            Look::Empty => Err(TryRecvError::Empty),
            Look::Ended => Err(TryRecvError::Closed),
        }
    }

    /// How many events were missed before the last one that was looked at, and not reported.
    pub(crate) fn take_missed(&mut self) -> u64 {
        self.seen - mem::replace(&mut self.reported, self.seen)
    }

    /// More waits on the shard's side, and comes when the shard gets to it.
    pub(crate) fn has_more(&self) -> bool {
        self.shared.has_more.load(Ordering::Relaxed)
    }

    /// The shard will bring nothing more.
    pub(crate) fn is_closed(&self) -> bool {
        self.lane.is_gone()
    }

    /// Between calls: lets those go who wait for that. Whoever is to make no call because of what they did before looks
    /// for that after this.
    pub(crate) fn acknowledge(&self) {
        if self.has_barriers() {
            let passed = {
                let mut state = self.shared.state.lock();
                self.shared.has_barriers.store(false, Ordering::Relaxed);
                mem::take(&mut state.barriers)
            };
            drop(passed);
        }
    }

    fn has_barriers(&self) -> bool {
        // ORDERING: Relaxed, see `Outbox::barrier`; the lock synchronizes.
        self.shared.has_barriers.load(Ordering::Relaxed)
    }

    /// Before waiting: whatever comes from now on wakes `waker`. False: something has come already. While `is_paused`,
    /// events do not count.
    pub(crate) fn arm(&self, waker: &Waker, is_paused: impl FnOnce() -> bool) -> bool {
        self.lane.reader().register(waker);
        if self.has_barriers() {
            return false;
        }
        if is_paused() {
            return !self.is_closed();
        }
        if !self.lane.cool() {
            fence_heavy();
        }
        self.lane.stays_cold()
    }

    /// The lane is at its end: goes on with what waited on the shard's side, as if it had come in a lane too.
    fn turn_over(&mut self) {
        let (rest, last) = {
            let mut state = self.shared.state.lock();
            (mem::take(&mut state.rest), state.missed)
        };
        self.last = Some(last);
        if rest.is_empty() || mutant!("remote_forgets_rest") {
            return;
        }
        let (mut outgoing, incoming) = lane(rest.len(), 0, Reader::Waiting(AtomicWaker::new()));
        for (missed, event) in rest {
            assert!(outgoing.has_room(), "it is as long as what goes in");
            outgoing.push(event.topic, event.payload, missed);
        }
        // User code, so not for the shard to drop with the lane.
        drop(self.lane.reader().unregister());
        self.lane = incoming;
    }

    /// The reader takes nothing more. Says how many events are lost with it, unless the shard will count them, and who
    /// waited for it.
    pub(crate) fn leave(&mut self) -> Left {
        let (counts, rest, waiting) = {
            let mut state = self.shared.state.lock();
            let counts = state.seat_gone && !state.reader_gone;
            state.reader_gone = true;
            let rest = mem::take(&mut state.rest);
            let mut waiting = mem::take(&mut state.barriers);
            waiting.extend(state.done.take());
            (counts, rest, waiting)
        };
        drop(self.lane.reader().unregister());
        let lost = if counts || mutant!("remote_both_count") {
            self.lane.depth() + rest.len()
        } else {
            0
        };
        for event in rest {
            contain(|| drop(event));
        }
        Left {
            lost,
            _waiting: waiting,
        }
    }
}

impl<E> Drop for Inbox<E> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What a reader leaves behind.
pub(crate) struct Left {
    /// Events that nobody took, for the reader to count.
    pub(crate) lost: usize,
    /// Dropped with this, once that is done.
    _waiting: Vec<Done>,
}
