//! The publisher's end of a lane, and how closing loses nothing.
//!
//! # Claims
//!
//! The race: a publisher sees that the router is open, is preempted, and writes its slot after the shard's last look at the
//! lane. The event was accepted and is lost.
//!
//! So a publisher claims a position before it looks, and gives the claim back if the router is closed. In order:
//!
//! ```text
//! publisher                          closer                         shard
//! P1 claimed += 1                    C1 closed = true, epoch += 1   S1 sealed == true ?
//! P2 light fence                     C2 heavy fence                 S2 all that is claimed is handled ?  -> exit
//! P3 closed ?  -> claimed -= 1       C3 sealed = true
//! P4 commit to the lane
//! ```
//!
//! P1–P3 against C1–C2 is a store-then-load pair with the asymmetric barrier between. So a publisher either sees at P3 that
//! the router is closed and commits nothing, or its P1 came before C2, and every shard that saw C3 sees the claim at S2,
//! and waits for the event. A claim that comes after that is given back. One look that finds nothing claimed, any time after
//! C3, is therefore enough.
//!
//! What a shard's own handlers publish may wait in the shard's spill after `publish` returned: each such event has its claim,
//! so the shard it goes to stays as well.

use super::{COLD, GONE, MARKED, Probe, Ring, stamp_of};
use crate::sleep::{Reader, Room};
use crate::sync::{LaneArc, Ordering, fence_light, mutant};
use crate::topic::Topic;

/// The publisher's end.
pub(crate) struct Producer<E> {
    ring: LaneArc<Ring<E>>,
    /// Positions below this are free: as of the last look at the head, it and the capacity.
    limit: u64,
    /// The epoch of the last event, see [`put`](Self::put).
    epoch: u64,
    /// How many events have claims, and no slots so far.
    ahead: u64,
}

// SAFETY: an end is used by one thread at a time; what it hands over is the events, which are `Send`.
unsafe impl<E: Send> Send for Producer<E> {}

impl<E> Producer<E> {
    pub(super) fn new(ring: LaneArc<Ring<E>>, first: u64) -> Self {
        Producer {
            limit: first + ring.capacity,
            ring,
            epoch: 0,
            ahead: 0,
        }
    }

    #[inline(always)]
    fn claimed(&self) -> u64 {
        // ORDERING: Relaxed: only this end writes it.
        self.ring.claimed.load(Ordering::Relaxed)
    }

    #[inline(always)]
    fn set_claimed(&self, claimed: u64) {
        // ORDERING: Relaxed store, and where the router may close a light fence after it: see P1 above. The shard gets the
        // events by their stamps.
        self.ring.claimed.store(claimed, Ordering::Relaxed);
    }

    /// The position of the next event that gets a slot. It counts from anything.
    #[inline(always)]
    pub(crate) fn next(&self) -> u64 {
        self.claimed() - self.ahead
    }

    /// Whether one more event fits. Once true it stays true until this end writes: only the reader frees.
    #[inline(always)]
    pub(crate) fn has_room(&mut self) -> bool {
        let next = self.next();
        next < self.limit || self.look_for_room() > next
    }

    #[inline(never)]
    fn look_for_room(&mut self) -> u64 {
        // ORDERING: Acquire pairs with the Release in `Consumer::release`: the slots behind the head are ours to write.
        let head = self.ring.head.load(mutant!("lane_head_relaxed", Acquire));
        debug_assert!(self.limit <= head + self.ring.capacity && head <= self.next());
        self.limit = head + self.ring.capacity;
        self.limit
    }

    /// Whether all that has a claim has a slot.
    #[inline(always)]
    pub(crate) fn is_clear(&self) -> bool {
        self.ahead == 0
    }

    /// Claims the next position, which [`put`](Self::put) or [`unclaim`](Self::unclaim) must follow. The lane is clear, and
    /// there must be room.
    #[inline(always)]
    pub(crate) fn claim(&mut self) -> u64 {
        debug_assert!(self.is_clear());
        let position = self.claimed();
        self.set_claimed(position + 1);
        position
    }

    #[inline(always)]
    pub(crate) fn unclaim(&mut self, position: u64) {
        self.set_claimed(position);
    }

    /// Hands the event over that has claimed this position.
    ///
    /// `epoch` never falls along a lane. It changes rarely, so it is not in every slot: a changed one is written beside
    /// the slot, and the stamp says so.
    #[inline(always)]
    pub(crate) fn put(&mut self, position: u64, topic: Topic, payload: E, epoch: u64) {
        debug_assert!(position < self.limit);
        debug_assert!(self.epoch <= epoch, "epochs rise along a lane");
        let slots = &self.ring.slots;
        let index = slots.index(position);
        let mut stamp = stamp_of(position);
        // SAFETY: `has_room` said yes, so the reader's head is past this slot's last event: it reads the slot no more,
        // and will not before the stamp says this position.
        unsafe { slots.write(index, topic, payload) };
        if epoch != self.epoch {
            // SAFETY: as above; the epoch beside a slot belongs to who owns the slot.
            unsafe { slots.write_epoch(index, epoch) };
            self.epoch = epoch;
            stamp |= MARKED;
        }
        // ORDERING: Release pairs with the Acquire of the stamp in `Consumer::look`.
        let release = mutant!("lane_stamp_relaxed", Release);
        slots.stamp(index).store(stamp, release);
    }

    /// Hands an event over where nothing closes. There must be room.
    pub(crate) fn push(&mut self, topic: Topic, payload: E, epoch: u64) {
        let position = self.claim();
        self.put(position, topic, payload, epoch);
    }

    /// Claims a position for an event that gets a slot later: [`fill`](Self::fill) gives it one. Any number may wait for
    /// that, elsewhere and in order.
    pub(crate) fn claim_ahead(&mut self) {
        self.ahead += 1;
        self.set_claimed(self.claimed() + 1);
    }

    /// Gives so many of these claims back.
    pub(crate) fn unclaim_ahead(&mut self, count: u64) {
        debug_assert!(count <= self.ahead);
        self.ahead -= count;
        self.set_claimed(self.claimed() - count);
    }

    /// Hands the oldest event over that has such a claim. There must be room.
    pub(crate) fn fill(&mut self, topic: Topic, payload: E, epoch: u64) {
        let position = self.next();
        self.ahead -= 1;
        self.put(position, topic, payload, epoch);
    }

    /// After a commit: calls the reader if it does not look at this lane.
    #[inline(always)]
    pub(crate) fn signal(&self) {
        fence_light();
        // ORDERING: Relaxed after the light fence: a store-then-load pair with `Consumer::cool`.
        if self.ring.state.load(Ordering::Relaxed) & COLD != 0 {
            self.call();
        }
    }

    #[cold]
    #[inline(never)]
    fn call(&self) {
        // ORDERING: Relaxed: whoever takes the bit calls the reader, which synchronizes.
        let taken = self.ring.state.fetch_and(!COLD, Ordering::Relaxed) & COLD != 0;
        if taken && !mutant!("cold_no_ring") {
            self.ring.reader.call();
        }
    }

    /// Events that the reader has not given back.
    pub(crate) fn depth(&self) -> usize {
        (self.next() - self.ring.head()) as usize
    }

    pub(crate) fn room(&self) -> &Room {
        &self.ring.room
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.ring.reader
    }

    pub(crate) fn probe(&self) -> Probe<E> {
        Probe(LaneArc::clone(&self.ring))
    }
}

impl<E> Drop for Producer<E> {
    /// Loses nothing: the shard drains the lane before it lets go of it.
    fn drop(&mut self) {
        // ORDERING: Release pairs with the Acquire in `Consumer::is_gone`: who sees it sees all events.
        self.ring
            .state
            .fetch_or(GONE, mutant!("lane_gone_relaxed", Release));
        self.ring.reader.call();
    }
}
