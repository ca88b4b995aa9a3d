//! The lane: a bounded single-producer single-consumer ring whose slots carry their own sequence, after Lamport's ring
//! and the per-slot flags of FastForward (Giacomoni, Moseley, Vachharajani, PPoPP 2008) and Vyukov's bounded queue.
//!
//! The stamp lies in the slot, so a hand-over moves one cache line, not two; measured on prototypes, 1.6 times as fast as
//! a ring with a shared tail. A slot's stamp is the lap in which it was last written. The reader waits for its own lap at
//! its own place; a slot it has not reached holds the lap before. Only the reader's head is shared beside the slots: the
//! publisher looks at it when its last view of it leaves no room, so once per ring at best.
//!
//! A lane goes cold when its shard stops polling it. The publisher looks for that after each commit, one relaxed load of
//! a line nobody writes; only if it finds it does it ring the shard's [bell](crate::sleep::Bell):
//!
//! ```text
//! publisher                           shard
//! P1 stamp                            S1 state = COLD
//! P2 light fence                      S2 heavy fence (one for many lanes)
//! P3 state is COLD ?  -> take, ring   S3 stamp ?  -> take COLD back, go on polling
//! ```
//!
//! At least one of P3 and S3 sees the other, and taking `COLD` away is one atomic operation, so exactly one side knows
//! that the lane is polled again.
//!
//! Lanes also lead the other way, from a shard to a receiver or a dedicated actor's thread: there the reader goes cold
//! whenever it is about to wait, and is called by its waker.

mod slots;

use self::slots::Slots;
use crate::contain::contain;
use crate::event::Event;
use crate::sleep::{Reader, Room, call};
use crate::sync::{AtomicU8, AtomicU64, LaneArc, Ordering, Padded, fence_light, mutant};
use crate::topic::Topic;
use crate::topic::names::ClassId;

/// The reader does not poll this lane; whoever publishes next calls it.
const COLD: u8 = 1;
/// The publisher is gone; what is in the lane is all that will ever be.
const GONE: u8 = 2;

/// A stamp is `lap << 1 | MARKED`; laps count in 31 bits and wrap. Only this lap and the one before are ever compared.
const MARKED: u32 = 1;

/// Makes a lane of `capacity` slots to `reader`. `lap` is the number of the first lap, anything (tests start near the wrap).
pub(crate) fn lane<E>(capacity: usize, lap: u32, reader: Reader) -> (Producer<E>, Consumer<E>) {
    let lap = lap & (u32::MAX >> 1);
    let ring = LaneArc::new(Ring {
        slots: Slots::new(capacity, previous(lap) << 1),
        state: AtomicU8::new(0),
        room: Room::new(),
        head: Padded(AtomicU64::new(0)),
        first_lap: lap,
        reader,
    });
    let cursor = Cursor { index: 0, lap };
    let producer = Producer {
        ring: LaneArc::clone(&ring),
        cursor,
        sent: 0,
        head_seen: 0,
        epoch: 0,
        staged: None,
    };
    let consumer = Consumer {
        ring,
        cursor,
        taken: 0,
        epoch: 0,
        front: 0,
        freed: 0,
    };
    (producer, consumer)
}

fn previous(lap: u32) -> u32 {
    lap.wrapping_sub(1) & (u32::MAX >> 1)
}

/// A place in the ring, and the lap one is in.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    /// `0..capacity`
    index: usize,
    /// 31 bits.
    lap: u32,
}

impl Cursor {
    #[inline]
    fn step(&mut self, by: usize, capacity: usize) {
        self.index += by;
        debug_assert!(self.index <= capacity, "a step never passes the end");
        if self.index == capacity {
            self.index = 0;
            self.lap = self.lap.wrapping_add(1) & (u32::MAX >> 1);
        }
    }
}

struct Ring<E> {
    slots: Slots<E>,
    /// `COLD | GONE`. Changes rarely, so both sides keep it in their caches.
    state: AtomicU8,
    room: Room,
    /// How many events the reader has given back, payloads dropped. Written by the reader, once per run.
    head: Padded<AtomicU64>,
    first_lap: u32,
    reader: Reader,
}

impl<E> Ring<E> {
    /// Where the head stands, for those who do not read the lane themselves.
    fn head_cursor(&self) -> Cursor {
        // ORDERING: Acquire pairs with the Release in `Consumer::release`.
        let head = self.head.load(Ordering::Acquire);
        let capacity = self.slots.capacity as u64;
        Cursor {
            index: (head % capacity) as usize,
            lap: self.first_lap.wrapping_add((head / capacity) as u32) & (u32::MAX >> 1),
        }
    }

    /// How many events are ready from `cursor` on.
    fn ready_from(&self, mut cursor: Cursor) -> usize {
        for ready in 0..self.slots.capacity {
            // ORDERING: Acquire pairs with the Release in `Producer::push` and `Producer::commit`.
            let stamp = self.slots.stamp(cursor.index).load(Ordering::Acquire);
            if stamp >> 1 != cursor.lap {
                return ready;
            }
            cursor.step(1, self.slots.capacity);
        }
        self.slots.capacity
    }
}

impl<E> Drop for Ring<E> {
    fn drop(&mut self) {
        if mutant!("lane_leaks_unread") {
            return;
        }
        let mut cursor = self.head_cursor();
        for _ in 0..self.ready_from(cursor) {
            // SAFETY: both ends are gone. The slots from the head on that carry their lap were written and never taken;
            // each is dropped once, since the loop passes each at most once.
            contain(|| unsafe { self.slots.drop_event(cursor.index) });
            cursor.step(1, self.slots.capacity);
        }
    }
}

/// The publisher's end.
pub(crate) struct Producer<E> {
    ring: LaneArc<Ring<E>>,
    /// Where the next event goes.
    cursor: Cursor,
    /// Events written so far.
    sent: u64,
    /// The ring's head when last looked at: `head_seen <= head <= sent <= head_seen + capacity`.
    head_seen: u64,
    /// The epoch of the last event, see [`push`](Self::push).
    epoch: u64,
    /// The first event that was staged and is not committed: its slot, and the stamp it will get.
    staged: Option<(usize, u32)>,
}

// SAFETY: an end is used by one thread at a time; what it hands over is the events, which are `Send`.
unsafe impl<E: Send> Send for Producer<E> {}

impl<E> Producer<E> {
    /// Whether `count` more events fit. Once true it stays true until this end writes: only the reader frees.
    #[inline]
    pub(crate) fn has_room(&mut self, count: usize) -> bool {
        let fits = |head| self.sent - head + count as u64 <= self.ring.slots.capacity as u64;
        if fits(self.head_seen) {
            return true;
        }
        // ORDERING: Acquire pairs with the Release in `Consumer::release`: the slots behind the head are ours to write.
        let head = self.ring.head.load(mutant!("lane_head_relaxed", Acquire));
        debug_assert!(self.head_seen <= head && head <= self.sent);
        let room = fits(head);
        self.head_seen = head;
        room
    }

    /// Hands one event over. There must be room.
    ///
    /// `epoch` never falls along a lane. It changes rarely, so it is not in every slot: a changed one is written beside
    /// the slot, and the stamp says so.
    #[inline]
    pub(crate) fn push(&mut self, topic: Topic, payload: E, epoch: u64) {
        debug_assert!(self.staged.is_none());
        let (index, stamp) = self.write(topic, payload, epoch);
        // ORDERING: Release pairs with the Acquire of the stamp in `Consumer::look`.
        self.ring
            .slots
            .stamp(index)
            .store(stamp, mutant!("lane_stamp_relaxed", Release));
    }

    /// Like [`push`](Self::push), but the reader sees nothing before [`commit`](Self::commit), and then all at once: while a
    /// batch is written its lines do not travel.
    #[inline]
    pub(crate) fn stage(&mut self, topic: Topic, payload: E, epoch: u64) {
        let (index, stamp) = self.write(topic, payload, epoch);
        if self.staged.is_none() {
            self.staged = Some((index, stamp));
        } else {
            // ORDERING: Relaxed: the reader comes here only past the first staged slot, which `commit` releases.
            self.ring.slots.stamp(index).store(stamp, Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn commit(&mut self) {
        if let Some((index, stamp)) = self.staged.take() {
            // ORDERING: Release pairs with the Acquire of the stamp in `Consumer::look`; it covers all staged slots.
            self.ring
                .slots
                .stamp(index)
                .store(stamp, mutant!("lane_stamp_relaxed", Release));
        }
    }

    /// Takes back what is staged, oldest first.
    #[cold]
    pub(crate) fn unstage(&mut self) -> Vec<Event<E>> {
        let mut events = Vec::new();
        let Some((index, stamp)) = self.staged.take() else {
            return events;
        };
        let slots = &self.ring.slots;
        let end = self.cursor.index;
        let lap = stamp >> 1;
        self.cursor = Cursor { index, lap };
        // The next event brings its epoch again: some of these may have brought one.
        self.epoch = 0;
        let mut cursor = self.cursor;
        while {
            // SAFETY: it was staged and not committed, so the slot is ours still. Its stamp says below that it is empty.
            events.push(unsafe { slots.take_event(cursor.index) });
            // ORDERING: Relaxed as in `stage`: the reader does not come here.
            let stamp = slots.stamp(cursor.index);
            stamp.store(previous(cursor.lap) << 1, Ordering::Relaxed);
            cursor.step(1, slots.capacity);
            cursor.index != end
        } {}
        self.sent -= events.len() as u64;
        events
    }

    #[inline]
    fn write(&mut self, topic: Topic, payload: E, epoch: u64) -> (usize, u32) {
        let Cursor { index, lap } = self.cursor;
        let mut stamp = lap << 1;
        debug_assert!(self.sent - self.head_seen < self.ring.slots.capacity as u64);
        debug_assert!(self.epoch <= epoch, "epochs rise along a lane");
        // SAFETY: `has_room` said yes, so the reader's head is past this slot's last event: it reads the slot no more,
        // and will not before the stamp says this lap.
        unsafe { self.ring.slots.write(index, topic, payload) };
        if epoch != self.epoch {
            // SAFETY: as above; the epoch beside a slot belongs to who owns the slot.
            unsafe { self.ring.slots.write_epoch(index, epoch) };
            self.epoch = epoch;
            stamp |= MARKED;
        }
        self.sent += 1;
        self.cursor.step(1, self.ring.slots.capacity);
        (index, stamp)
    }

    /// After a commit: calls the reader if it does not look at this lane.
    #[inline]
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

    /// Events written so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Events that the reader has not given back.
    pub(crate) fn depth(&mut self) -> usize {
        // ORDERING: Acquire as in `has_room`.
        self.head_seen = self.ring.head.load(Ordering::Acquire);
        (self.sent - self.head_seen) as usize
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
        debug_assert!(self.staged.is_none());
        // ORDERING: Release pairs with the Acquire in `Consumer::is_gone`: who sees it sees all events.
        self.ring
            .state
            .fetch_or(GONE, mutant!("lane_gone_relaxed", Release));
        self.ring.reader.call();
    }
}

/// The reader's end.
pub(crate) struct Consumer<E> {
    ring: LaneArc<Ring<E>>,
    /// The first event not given back.
    cursor: Cursor,
    /// Events given back so far: what the head will say.
    taken: u64,
    /// The epoch of the event at the cursor, once [`look`](Self::look) has seen it.
    epoch: u64,
    /// How many events from the cursor on the last `look` found to be one run.
    front: usize,
    /// Events given back while somebody waited for room, since the last wake-up.
    freed: usize,
}

// SAFETY: as for the other end.
unsafe impl<E: Send> Send for Consumer<E> {}

impl<E> Consumer<E> {
    /// Finds the next run: up to `limit` events of one class and one epoch, contiguous in memory. 0: the lane is empty.
    #[inline]
    pub(crate) fn look(&mut self, limit: usize) -> usize {
        let slots = &self.ring.slots;
        let Cursor { index, lap } = self.cursor;
        let limit = limit.min(slots.capacity - index);
        // ORDERING: Acquire pairs with the Release in `Producer::push` and `commit`.
        let first = slots.stamp(index).load(Ordering::Acquire);
        if first >> 1 != lap {
            self.front = 0;
            return 0;
        }
        if first & MARKED != 0 {
            // SAFETY: the stamp says that the slot is written, and it is not given back.
            self.epoch = unsafe { slots.read_epoch(index) };
        }
        // SAFETY: as above.
        let class = unsafe { slots.event(index) }.topic.class();
        let mut front = 1;
        while front < limit {
            // ORDERING: Acquire as above.
            let stamp = slots.stamp(index + front).load(Ordering::Acquire);
            // A marked stamp differs too, and so ends the run.
            if stamp != lap << 1 {
                break;
            }
            // SAFETY: the stamp says that the slot is written, and it is not given back.
            if unsafe { slots.event(index + front) }.topic.class() != class {
                break;
            }
            front += 1;
        }
        self.front = front;
        front
    }

    /// The run that the last [`look`](Self::look) found.
    #[inline]
    pub(crate) fn run(&self) -> Run<'_, E> {
        Run {
            slots: &self.ring.slots,
            start: self.cursor.index,
            len: self.front,
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
        let start = self.cursor.index;
        let slots = &self.ring.slots;
        self.front = 0;
        self.taken += run as u64;
        self.cursor.step(run, slots.capacity);
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
                        if offset < 64 && kept & (1 << offset) != 0 {
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
        // ORDERING: Release pairs with the Acquire in `Producer::has_room`: we are done with these slots.
        self.ring
            .head
            .store(self.taken, mutant!("lane_head_relaxed", Release));
        if self.ring.room.is_awaited() {
            panics += self.wake_publishers(run);
        }
        panics
    }

    /// Wakes those who wait for room once half a lane was given back, not for each slot: each time costs two context
    /// switches. See [`Room`] for why nobody is left out. Only a shard is sure to come to the half: a receiver may take one
    /// event and no more.
    #[cold]
    fn wake_publishers(&mut self, freed: usize) -> usize {
        self.freed += freed;
        let at_once = self.ring.reader.is_waiting() && !mutant!("remote_wakes_at_half");
        if !at_once && self.freed < self.ring.slots.capacity.div_ceil(2) {
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

    /// Events that are ready now. Costs a look at each.
    pub(crate) fn depth(&self) -> usize {
        self.ring.ready_from(self.cursor)
    }

    /// How many events were given back since the lane was made.
    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        let stamp = self.ring.slots.stamp(self.cursor.index);
        // ORDERING: Acquire as in `look`.
        stamp.load(Ordering::Acquire) >> 1 != self.cursor.lap
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

/// Looks at a lane's depth from any thread.
pub(crate) struct Probe<E>(LaneArc<Ring<E>>);

// SAFETY: a probe touches atomics only; dropping the last reference drops events, which are `Send`.
unsafe impl<E: Send> Send for Probe<E> {}

impl<E> Probe<E> {
    pub(crate) fn room(&self) -> &Room {
        &self.0.room
    }

    /// The publisher is gone.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.state.load(Ordering::Relaxed) & GONE != 0
    }

    pub(crate) fn depth(&self) -> usize {
        self.0.ready_from(self.0.head_cursor())
    }
}

/// Events of one class and one epoch, next to each other in a lane.
pub(crate) struct Run<'a, E> {
    slots: &'a Slots<E>,
    start: usize,
    len: usize,
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
        // SAFETY: `look` found this slot written, and the borrow of the consumer keeps it from being given back.
        unsafe { self.slots.event(self.start) }.topic.class()
    }

    #[inline]
    pub(crate) fn get(&self, offset: usize) -> Option<&'a Event<E>> {
        // SAFETY: `look` found these slots written, and the borrow of the consumer keeps them from being given back.
        (offset < self.len).then(|| unsafe { self.slots.event(self.start + offset) })
    }
}

/// The default capacity for events of this size: 256 slots, fewer if they took more than 256 KiB.
pub(crate) fn default_capacity<E>() -> usize {
    ((256 << 10) / Slots::<E>::STRIDE).clamp(1, 256)
}
