//! The lanes of a shard: those it polls, and the cold ones that ring.

use crate::lane::Consumer;
use crate::sleep::LANES;
use crate::sync::{fence_heavy, mutant};

pub(super) struct Inlets<E> {
    polled: Vec<Inlet<E>>,
    cold: Vec<Inlet<E>>,
    /// Some of the cold ones are held.
    any_held_cold: bool,
    next_id: u64,
}

struct Inlet<E> {
    id: u64,
    lane: Consumer<E>,
    /// Looks in a row that found nothing to do.
    idle: u32,
    /// It has events, and an actor that must not lose them has no room.
    is_held: bool,
}

impl<E> Default for Inlets<E> {
    fn default() -> Self {
        Inlets {
            polled: Vec::new(),
            cold: Vec::new(),
            any_held_cold: false,
            next_id: 0,
        }
    }
}

impl<E> Inlets<E> {
    pub(super) fn attach(&mut self, lane: Consumer<E>) {
        self.polled.push(Inlet {
            id: self.next_id,
            lane,
            idle: 0,
            is_held: false,
        });
        self.next_id += 1;
    }

    /// How many lanes are polled: they are numbered from 0.
    #[inline]
    pub(super) fn polled(&self) -> usize {
        self.polled.len()
    }

    #[inline]
    pub(super) fn lane(&mut self, index: usize) -> &mut Consumer<E> {
        &mut self.polled[index].lane
    }

    /// Whether the last look at the lane found something.
    #[inline]
    pub(super) fn note(&mut self, index: usize, found: bool) {
        let inlet = &mut self.polled[index];
        inlet.idle = if found {
            0
        } else {
            inlet.idle.saturating_add(1)
        };
    }

    /// Nothing can be done about the lane's events until some mailbox has room, or no more.
    pub(super) fn hold(&mut self, index: usize, is_held: bool) {
        self.polled[index].is_held = is_held;
    }

    /// The lane's publisher is gone, and everything it left is handled.
    #[inline]
    pub(super) fn is_finished(&self, index: usize) -> bool {
        let lane = &self.polled[index].lane;
        lane.is_gone() && lane.is_empty()
    }

    /// Lanes are freed here only, between runs.
    pub(super) fn remove(&mut self, index: usize) {
        self.polled.swap_remove(index);
    }

    /// Whether a lane that is polled has something, or is at its end.
    #[inline]
    pub(super) fn any_ready(&self) -> bool {
        let is_ready = |inlet: &Inlet<E>| !inlet.lane.is_empty() || inlet.lane.is_gone();
        self.polled.iter().any(is_ready)
    }

    /// Drops all events in all lanes. Says how many there were, and how many of them panicked.
    pub(super) fn discard(&mut self) -> (usize, usize) {
        let (mut lost, mut panics) = (0, 0);
        for inlet in self.polled.iter_mut().chain(&mut self.cold) {
            loop {
                let found = inlet.lane.look(usize::MAX);
                if found == 0 {
                    break;
                }
                lost += found;
                panics += inlet.lane.release();
            }
        }
        (lost, panics)
    }

    /// Polls the cold lanes that have one of these bits in the bell.
    pub(super) fn warm(&mut self, signals: u64) {
        if signals & LANES != 0 {
            self.warm_if(|inlet| inlet.lane.reader().is_named_in(signals));
        }
    }

    /// Polls the lanes that were held when the shard went to sleep: no bell rings for them.
    pub(super) fn warm_held(&mut self) {
        if std::mem::take(&mut self.any_held_cold) && !mutant!("held_stays_cold") {
            self.warm_if(|inlet| inlet.is_held);
        }
    }

    pub(super) fn warm_nonempty(&mut self) {
        self.warm_if(|inlet| !inlet.lane.is_empty());
    }

    fn warm_if(&mut self, test: impl Fn(&Inlet<E>) -> bool) {
        for inlet in self.cold.extract_if(.., |inlet| test(inlet)) {
            inlet.lane.warm();
            self.polled.push(Inlet { idle: 0, ..inlet });
        }
    }

    /// Stops polling the lanes that were empty for so many looks, all behind one fence.
    pub(super) fn cool_idle(&mut self, looks: u32) {
        self.cool(|inlet| inlet.idle >= looks && !inlet.is_held);
    }

    /// Stops polling all lanes that can do without. [`warm_held`](Self::warm_held) must follow when the shard goes on. Says
    /// whether none is polled.
    pub(super) fn cool_all(&mut self) -> bool {
        self.any_held_cold |= self.polled.iter().any(|inlet| inlet.is_held);
        self.cool(|_| true);
        self.polled.is_empty()
    }

    fn cool(&mut self, test: impl Fn(&Inlet<E>) -> bool) {
        let mut any = false;
        for inlet in self.polled.iter().filter(|inlet| test(inlet)) {
            inlet.lane.cool();
            any = true;
        }
        if !any {
            return;
        }
        if !mutant!("cold_no_fence") {
            fence_heavy();
        }
        // A lane that is held rings like another, but what is in it is no reason to poll it.
        let stays_cold = |inlet: &Inlet<E>| inlet.is_held || inlet.lane.stays_cold();
        let cooled = (self.polled).extract_if(.., |inlet| test(inlet) && stays_cold(inlet));
        self.cold.extend(cooled);
    }

    /// No event in a lane has an epoch below this.
    pub(super) fn oldest_epoch(&self) -> u64 {
        // What is claimed may still come, from the spill of another shard.
        let epochs = self.all().filter(|inlet| !inlet.lane.is_settled());
        let epochs = epochs.map(|inlet| inlet.lane.epoch());
        epochs.min().unwrap_or(u64::MAX)
    }

    /// Where each lane ends now: its id, and how many events it will have given back by then.
    pub(super) fn ends(&self) -> Vec<(u64, u64)> {
        let end = |inlet: &Inlet<E>| {
            let depth = inlet.lane.depth() as u64;
            (depth > 0).then(|| (inlet.id, inlet.lane.taken() + depth))
        };
        self.polled.iter().filter_map(end).collect()
    }

    /// Whether all lanes have got to these ends. A lane that is gone was empty, and so past any.
    pub(super) fn are_past(&self, ends: &[(u64, u64)]) -> bool {
        ends.iter().all(|&(id, end)| {
            let inlet = self.all().find(|inlet| inlet.id == id);
            inlet.is_none_or(|inlet| inlet.lane.taken() >= end)
        })
    }

    fn all(&self) -> impl Iterator<Item = &Inlet<E>> {
        self.polled.iter().chain(&self.cold)
    }

    /// In closing: whether everything is handled that was accepted.
    pub(super) fn are_settled(&self) -> bool {
        self.all().all(|inlet| inlet.lane.is_settled())
    }
}
