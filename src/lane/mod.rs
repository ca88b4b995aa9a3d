//! The lane: a bounded single-producer single-consumer ring whose slots carry their own sequence, after Lamport's ring
//! and the per-slot flags of FastForward (Giacomoni, Moseley, Vachharajani, PPoPP 2008) and Vyukov's bounded queue.
//!
//! The stamp lies in the slot, so a hand-over moves one cache line, not two; measured on prototypes, 1.6 times as fast as
//! a ring with a shared tail. A slot's stamp is the position of the event last written to it. The reader waits for the
//! position it is at; a slot it has not reached holds the one of the lap before. Only the reader's head is shared beside the slots: the
//! publisher looks at it when its last view of it leaves no room, so once per ring at best.
//!
//! A publisher waits for the lines that it writes, and how many of them are on their way at a time goes by how many stores
//! its CPU can hold back: the fewer stores an event takes, the more events travel side by side. Measured: 47 ns an event
//! with some 20 stores, 25 ns with 12. So positions are plain counts, and slots a power of two: one store moves on.
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

mod consumer;
mod producer;
mod slots;

pub(crate) use self::consumer::{Consumer, Run};
pub(crate) use self::producer::Producer;

use self::slots::Slots;
use crate::contain::contain;
use crate::sleep::{Reader, Room};
use crate::sync::{AtomicU8, AtomicU64, LaneArc, Ordering, Padded, mutant};

/// The reader does not poll this lane; whoever publishes next calls it.
const COLD: u8 = 1;
/// The publisher is gone; what is in the lane is all that will ever be.
const GONE: u8 = 2;

/// A stamp is `position << 1 | MARKED`, cut to 32 bits: only this lap and the one before are ever compared.
const MARKED: u32 = 1;

/// Makes a lane for `capacity` events to `reader`, of that many slots or the next power of two. `first` is the position of
/// the first event, anything (tests start near the wrap).
pub(crate) fn lane<E>(capacity: usize, first: u64, reader: Reader) -> (Producer<E>, Consumer<E>) {
    assert!(
        (1..=1 << 30).contains(&capacity),
        "stamps tell two laps apart"
    );
    let count = capacity.next_power_of_two();
    let ring = LaneArc::new(Ring {
        slots: Slots::new(count, first),
        capacity: capacity as u64,
        state: AtomicU8::new(0),
        room: Room::new(),
        claimed: Padded(AtomicU64::new(first)),
        head: Padded(AtomicU64::new(first)),
        reader,
    });
    let producer = Producer::new(LaneArc::clone(&ring), first);
    (producer, Consumer::new(ring, first))
}

/// The stamp of an event that brings no epoch.
#[inline(always)]
fn stamp_of(position: u64) -> u32 {
    (position as u32) << 1
}

/// What both ends share. Events have positions, which count from the first one's on.
struct Ring<E> {
    slots: Slots<E>,
    /// At most as many events as there are slots.
    capacity: u64,
    /// `COLD | GONE`. Changes rarely, so both sides keep it in their caches.
    state: AtomicU8,
    room: Room,
    /// What follows the last event that the publisher has accepted, or is about to. Written by the publisher, and looked at
    /// when the router closes: see `producer.rs`.
    claimed: Padded<AtomicU64>,
    /// What follows the last event that the reader has given back, payload dropped. Written by the reader, once per run.
    head: Padded<AtomicU64>,
    reader: Reader,
}

impl<E> Ring<E> {
    /// How many events are ready from `position` on.
    fn ready_from(&self, position: u64) -> usize {
        let is_ready = |&position: &u64| {
            let stamp = self.slots.stamp(self.slots.index(position));
            // ORDERING: Relaxed: a count. Who reads the events looks again, or drops the ring after both ends.
            stamp.load(Ordering::Relaxed) & !MARKED == stamp_of(position)
        };
        let end = position + self.slots.count() as u64;
        (position..end).take_while(is_ready).count()
    }

    /// Where the head stands, for those who do not read the lane themselves.
    fn head(&self) -> u64 {
        // ORDERING: Relaxed: a count, or both ends are gone.
        self.head.load(Ordering::Relaxed)
    }
}

impl<E> Drop for Ring<E> {
    fn drop(&mut self) {
        if mutant!("lane_leaks_unread") {
            return;
        }
        let head = self.head();
        for position in head..head + self.ready_from(head) as u64 {
            let index = self.slots.index(position);
            // SAFETY: both ends are gone. The slots from the head on that carry their lap were written and never taken;
            // each is dropped once, since the loop passes each at most once.
            contain(|| unsafe { self.slots.drop_event(index) });
        }
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
        self.0.ready_from(self.0.head())
    }
}

/// The default capacity for events of this size: 256 slots, fewer if they took more than 256 KiB.
pub(crate) fn default_capacity<E>() -> usize {
    let fit = ((256 << 10) / Slots::<E>::STRIDE).clamp(1, 256);
    1 << fit.ilog2()
}

#[cfg(all(test, not(laneway_loom)))]
mod tests {
    use super::*;
    use crate::sleep::Bell;
    use crate::topic::Topic;
    use std::sync::Arc;

    fn make() -> (Producer<u32>, Consumer<u32>) {
        lane(256, 0, Reader::shard(Arc::new(Bell::new()), 0))
    }

    /// The lengths of all runs, up to `limit` at a time.
    fn runs(lane: &mut Consumer<u32>, limit: usize) -> Vec<usize> {
        let mut all = Vec::new();
        loop {
            match lane.look(limit) {
                0 => return all,
                length => all.push(length),
            }
            lane.release();
        }
    }

    fn push(lane: &mut Producer<u32>, topic: Topic, epoch: u64) {
        assert!(lane.has_room());
        lane.push(topic, 0, epoch);
    }

    #[test]
    fn looks_begin_small_behind_the_end_of_a_lane() {
        let (mut publisher, mut shard) = make();
        let topic = Topic::new("lane", "run").unwrap();
        let mut push = |events| (0..events).for_each(|_| push(&mut publisher, topic, 0));
        push(31);
        assert_eq!(runs(&mut shard, 8), [8, 8, 8, 7]);
        // One look has found nothing since.
        push(32);
        assert_eq!(runs(&mut shard, 8), [2, 4, 8, 8, 8, 2]);
        push(3);
        assert_eq!(shard.look(8), 2);
        shard.release();
        assert_eq!(shard.look(8), 1);
        shard.release();
        // Right behind the end.
        push(4);
        assert_eq!(runs(&mut shard, 8), [1, 2, 1]);
        push(20);
        shard.expect(20);
        assert_eq!(runs(&mut shard, 32), [20]);
        for _ in 0..8 {
            assert_eq!(shard.look(8), 0);
        }
        push(8);
        assert_eq!(runs(&mut shard, 8), [8]);
    }

    #[test]
    fn a_run_has_one_class_and_one_epoch_and_resources_or_none() {
        let (mut publisher, mut shard) = make();
        let [a, b] = ["a", "b"].map(|event_type| Topic::new("lane", event_type).unwrap());
        let topics = [a, a, a, a.with_resource(1), a.with_resource(2), b, b, b];
        let epochs = [0, 0, 0, 0, 0, 0, 0, 1];
        for (topic, epoch) in topics.into_iter().zip(epochs) {
            push(&mut publisher, topic, epoch);
        }
        assert_eq!(runs(&mut shard, 8), [3, 2, 2, 1]);
    }
}
