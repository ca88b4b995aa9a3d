//! The reader's end of a lane.

use super::slots::Slots;
use super::{COLD, GONE, MARKED, Ring, stamp_of};
use crate::contain::contain;
use crate::event::Event;
use crate::sleep::{Reader, call};
use crate::sync::{Accesses, LaneArc, Ordering, mutant};
use crate::topic::names::ClassId;
use std::marker::PhantomData;
use std::ptr::NonNull;

/// The reader's end.
pub(crate) struct Consumer<E> {
    ring: LaneArc<Ring<E>>,
    /// The position of the first event not given back: what the head says.
    taken: u64,
    /// The epoch of that event, once [`look`](Self::look) has seen it.
    epoch: u64,
    /// How many events from there on the last `look` found to be one run.
    front: usize,
    /// Events given back while somebody waited for room, since the last wake-up.
    freed: usize,
    /// How many events the next look takes at most.
    reach: usize,
}

// SAFETY: as for the other end.
unsafe impl<E: Send> Send for Consumer<E> {}

impl<E> Consumer<E> {
    pub(super) fn new(ring: LaneArc<Ring<E>>, first: u64) -> Self {
        Consumer {
            ring,
            taken: first,
            epoch: 0,
            front: 0,
            freed: 0,
            reach: usize::MAX,
        }
    }

    /// Finds the next run: up to `limit` events of one class and one epoch, all with a resource or none, contiguous in memory.
    /// 0: the lane is empty.
    ///
    /// Reading a slot that is written just now takes as long as a cache line takes from CPU to CPU, and what was found before
    /// waits meanwhile: a reader that keeps up with its publisher would chase it event by event, and hand over none. So after a
    /// run that ended where nothing was written yet, the next look takes one event, and each that comes to no such end lets the
    /// next take twice as many. A look that finds nothing adds one: what lies in an idle lane comes in one run.
    #[inline]
    pub(crate) fn look(&mut self, limit: usize) -> usize {
        let slots = &self.ring.slots;
        let index = slots.index(self.taken);
        let expected = stamp_of(self.taken);
        let limit = limit.min(slots.count() - index).min(self.reach);
        // ORDERING: Acquire pairs with the Release in `Producer::put`.
        let first = slots.stamp(index).load(Ordering::Acquire);
        if first & !MARKED != expected {
            self.front = 0;
            self.reach = self.reach.saturating_add(1);
            return 0;
        }
        if first & MARKED != 0 {
            // SAFETY: the stamp says that the slot is written, and it is not given back.
            self.epoch = unsafe { slots.read_epoch(index) };
        }
        // SAFETY: as above.
        let kind = unsafe { slots.event(index) }.topic.kind();
        let (mut front, mut is_end) = (1, false);
        while front < limit {
            // ORDERING: Acquire as above.
            let stamp = slots.stamp(index + front).load(Ordering::Acquire);
            let expected = stamp_of(self.taken + front as u64);
            // A marked stamp differs too, and so ends the run.
            if stamp != expected {
                is_end = stamp & !MARKED != expected;
                break;
            }
            // SAFETY: the stamp says that the slot is written, and it is not given back.
            if unsafe { slots.event(index + front) }.topic.kind() != kind {
                break;
            }
            front += 1;
        }
        if is_end {
            self.reach = 1;
        } else if front == self.reach {
            self.reach *= 2;
        }
        self.front = front;
        front
    }

    /// So many events are known to be there: the next look takes all of them, if they are one run.
    #[inline]
    pub(crate) fn expect(&mut self, events: usize) {
        self.reach = self.reach.max(events);
    }

    /// The run that the last [`look`](Self::look) found.
    #[inline]
    pub(crate) fn run(&self) -> Run<'_, E> {
        let slots = &self.ring.slots;
        let start = slots.index(self.taken);
        Run {
            first: slots.slot(start),
            len: self.front,
            checks: slots.checks.from(start),
            events: PhantomData,
        }
    }

    /// The epoch of that run.
    #[inline]
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Shortens the run to its first `count` events. What is left is found again.
    pub(crate) fn cut(&mut self, count: usize) {
        self.front = self.front.min(count);
    }

    /// Drops the run's events and gives their slots back. Says how many payloads panicked while dropping, and wakers of
    /// those who wait for room.
    #[inline]
    pub(crate) fn release(&mut self) -> usize {
        self.release_but(0, |_, _| ())
    }

    /// Like [`release`](Self::release), but the events whose bits are set in `kept` are moved to `keep`, in order and with
    /// their offset in the run. Only a run of up to 64 events has a bit for each.
    #[inline]
    pub(crate) fn release_but(
        &mut self,
        kept: u64,
        mut keep: impl FnMut(usize, Event<E>),
    ) -> usize {
        let run = self.front;
        let slots = &self.ring.slots;
        let start = slots.index(self.taken);
        self.front = 0;
        self.taken += run as u64;
        let mut rest = kept;
        while rest != 0 {
            let offset = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            assert!(offset < run, "only what is in the run can be kept");
            // SAFETY: written and not given back; below it is not dropped, as its bit is set.
            keep(offset, unsafe { slots.take_event(start + offset) });
        }
        let mut panics = 0;
        if std::mem::needs_drop::<E>() {
            let mut next = 0;
            while next < run {
                let whole = contain(|| {
                    while next < run {
                        let offset = next;
                        next += 1;
                        let is_kept = offset < 64 && kept & (1 << offset) != 0;
                        if is_kept && !mutant!("kept_is_dropped") {
                            continue;
                        }
                        // SAFETY: written, not given back, not moved out, and counted in `next` before it drops: dropped
                        // once.
                        unsafe { slots.drop_event(start + offset) };
                    }
                });
                panics += usize::from(!whole);
            }
        }
        for index in start..start + run {
            slots.checks.read(index);
        }
        // ORDERING: Release pairs with the Acquire in `Producer::look_for_room`: we are done with these slots.
        self.ring
            .head
            .store(self.taken, mutant!("lane_head_relaxed", Release));
        if self.ring.room.is_awaited() {
            panics += self.wake_publishers(run);
        }
        panics
    }

    /// Wakes those who wait for room once half a lane was given back, not for each slot: each time costs two context
    /// switches. See [`Room`](crate::sleep::Room) for why nobody is left out. Only a shard is sure to come to the half: a
    /// receiver may take one event and no more.
    #[cold]
    fn wake_publishers(&mut self, freed: usize) -> usize {
        self.freed += freed;
        let at_once = self.ring.reader.is_waiting() && !mutant!("remote_wakes_at_half");
        if !at_once && self.freed < self.capacity().div_ceil(2) {
            return 0;
        }
        self.freed = 0;
        call(self.ring.room.take())
    }

    /// What is left will not be given back for a while: wakes those who wait, if there is room. Says how many wakers panicked.
    pub(crate) fn hold(&mut self) -> usize {
        if self.freed == 0 {
            return 0;
        }
        self.freed = 0;
        call(self.ring.room.take())
    }

    /// How many events it holds.
    #[inline]
    pub(crate) fn capacity(&self) -> usize {
        self.ring.capacity as usize
    }

    /// Events that are ready now. Costs a look at each.
    pub(crate) fn depth(&self) -> usize {
        self.ring.ready_from(self.taken)
    }

    /// What follows the last event that was given back. It counts from anything.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        let stamp = self.ring.slots.stamp(self.ring.slots.index(self.taken));
        // ORDERING: Relaxed: who takes the event looks again. What a gone publisher left came before the word that says so.
        stamp.load(Ordering::Relaxed) & !MARKED != stamp_of(self.taken)
    }

    /// In closing: whether all that the publisher has accepted is given back. See `producer.rs`.
    pub(crate) fn is_settled(&self) -> bool {
        // ORDERING: Relaxed: a claim that counts came before the heavy fence that came before what the shard has seen.
        self.ring.claimed.load(Ordering::Relaxed) == self.taken
            || mutant!("claims_unseen") && self.is_empty()
    }

    /// The publisher is gone. Ask this before [`is_empty`](Self::is_empty): a lane that is gone and then empty stays so.
    #[inline]
    pub(crate) fn is_gone(&self) -> bool {
        // ORDERING: Acquire pairs with the Release in the producer's Drop.
        self.ring.state.load(Ordering::Acquire) & GONE != 0
    }

    /// Announces that this lane is no longer polled. A heavy fence must follow, and then [`stays_cold`](Self::stays_cold).
    ///
    /// Says whether it was cold already. Then the fence of that time serves this one as well: every publisher that has
    /// not called since saw `COLD` or is seen.
    pub(crate) fn cool(&self) -> bool {
        self.ring.state.fetch_or(COLD, Ordering::Relaxed) & COLD != 0
    }

    /// After the fence: false if the lane must be polled on, because an event came before the publisher could see `COLD`
    /// or because the publisher is gone.
    pub(crate) fn stays_cold(&self) -> bool {
        if (self.is_empty() || mutant!("cold_no_recheck")) && !self.is_gone() {
            return true;
        }
        // If the publisher took the bit first, its signal comes as well, and finds the lane polled.
        self.warm();
        false
    }

    /// The lane is polled again.
    pub(crate) fn warm(&self) {
        self.ring.state.fetch_and(!COLD, Ordering::Relaxed);
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.ring.reader
    }
}

/// Events of one class and one epoch, all with a resource or none, next to each other in a lane.
///
/// Two words, so that it goes from hand to hand in registers.
pub(crate) struct Run<'a, E> {
    first: NonNull<Event<E>>,
    len: usize,
    checks: Accesses<'a>,
    events: PhantomData<&'a Event<E>>,
}

impl<E> Clone for Run<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Run<'_, E> {}

impl<'a, E> Run<'a, E> {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The class of all its events. A run is never empty.
    #[inline]
    pub(crate) fn class(&self) -> ClassId {
        debug_assert!(self.len > 0);
        // SAFETY: it is never empty.
        unsafe { self.event(0) }.topic.class()
    }

    /// Whether its events have resources: all of them, or none.
    #[inline]
    pub(crate) fn has_resources(&self) -> bool {
        debug_assert!(self.len > 0);
        // SAFETY: it is never empty.
        unsafe { self.event(0) }.topic.has_resource()
    }

    #[inline]
    pub(crate) fn get(&self, offset: usize) -> Option<&'a Event<E>> {
        // SAFETY: just looked.
        (offset < self.len).then(|| unsafe { self.event(offset) })
    }

    /// # Safety
    ///
    /// The offset is below the length.
    #[inline(always)]
    unsafe fn event(&self, offset: usize) -> &'a Event<E> {
        self.checks.read(offset);
        // SAFETY: `look` found so many slots written, one behind the other from the first, and the borrow of the consumer
        // keeps them from being given back.
        unsafe { self.first.byte_add(offset * Slots::<E>::STRIDE).as_ref() }
    }
}
