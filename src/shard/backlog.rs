//! What waits in mailboxes: whether there is room for more, and handing it over in time.

use super::care::let_go;
use super::seats::{Books, Caller, Seat, Seats};
use crate::batch::{Pick, Progress, Source};
use crate::countdown::Done;
use crate::router::hub::Hub;
use crate::shard::mailbox::MAX_RUN;
use crate::sleep::Waiter;
use crate::stats::Meter;
use crate::subscription::Record;
use crate::sync::{Ordering, fence_heavy, mutant};
use std::sync::Arc;

/// How far an actor must get for a flush.
pub(super) struct Mark {
    record: Arc<Record>,
    /// See [`Mailbox::end`](super::mailbox::Mailbox::end).
    queued: u64,
    /// Where the lane to a dedicated actor's thread ends, once the mailbox has got there.
    sent: Option<u64>,
}

impl<E: Clone + 'static> Seats<E> {
    /// Sees to it that runs are cut to the room of this one, if that may be less than a run.
    pub(super) fn note_room(&mut self, place: u32) {
        if let Some(care) = &mut self.seat(place).care
            && !care.is_tight
            && care.may_be_short()
        {
            care.is_tight = true;
            self.tight.push(place);
        }
    }

    /// How much of a run there is room for in all mailboxes that must not lose any of it. The predicates are not asked.
    pub(super) fn room(
        &mut self,
        everyone: &[u32],
        picks: &[Pick],
        run: usize,
        epoch: u64,
    ) -> usize {
        let mut room = run;
        let mut index = 0;
        while let Some(&place) = self.tight.get(index) {
            let turn = self.turn;
            let seat = self.seat(place);
            let care = seat.care();
            if !care.may_be_short() {
                (care.is_tight, care.is_blocking) = (false, false);
                self.tight.swap_remove(index);
                continue;
            }
            index += 1;
            let free = seat.room(turn, epoch);
            seat.care().is_blocking = free == 0;
            if everyone.binary_search(&place).is_ok() {
                room = room.min(free);
            } else if let Some(first) = picks.iter().filter(|pick| pick.seat == place).nth(free) {
                room = room.min(first.offset as usize);
            }
        }
        room
    }

    /// Asks to be woken when a reader on another thread makes room that something waits for, or, while a flush waits, when a
    /// dedicated actor gets on. False: there is some room by now.
    pub(super) fn arm(&mut self, waiter: &Waiter, is_flushing: bool) -> bool {
        let dedicated = if is_flushing {
            &self.dedicated[..]
        } else {
            &[]
        };
        let listed = self.waiting.iter().chain(&self.tight).chain(dedicated);
        let listed: Vec<u32> = listed.copied().collect();
        let mut any = false;
        for &place in &listed {
            if let Some(outbox) = self.seat(place).outbox()
                && !mutant!("full_outbox_not_armed")
            {
                outbox.arm(waiter);
                any = true;
            }
        }
        if any {
            fence_heavy();
        }
        !listed.iter().any(|&place| {
            let care = self.seat(place).care();
            let moves_up = care.is_waiting && care.outbox.as_mut().is_none_or(|o| o.room() > 0);
            // The next turn sees whether it was this room that a lane is held for.
            let may_unblock = care.is_blocking && care.room() > 0;
            care.is_blocking &= !may_unblock;
            moves_up || may_unblock
        })
    }

    /// Something waits for this one.
    pub(super) fn note_waiting(&mut self, place: u32) {
        if let Some(care) = &mut self.seat(place).care
            && !care.is_waiting
            && !care.mailbox.is_empty()
        {
            care.is_waiting = true;
            self.waiting.push(place);
        }
    }

    /// Nothing waits for an actor here. What waits for readers on other threads goes to them when their seats are given up.
    pub(super) fn are_drained(&self) -> bool {
        let is_remote = |seat: &Seat<E>| seat.outbox().is_some();
        let seats = self
            .waiting
            .iter()
            .map(|&place| &self.seats[place as usize]);
        seats.flatten().all(is_remote)
    }

    /// Hands over up to `limit` events that wait, to each actor as much as its budget allows. Says how many.
    pub(super) fn drain(&mut self, limit: usize, hub: &Arc<Hub<E>>, meter: &Meter) -> usize {
        let mut left = limit;
        let mut index = 0;
        while let Some(&place) = self.waiting.get(index) {
            left -= self.drain_one(place, left, hub, meter);
            let seat = self.seat(place);
            let suspended = seat.outbox().is_none() && seat.record.state.is_halted();
            let care = seat.care();
            if care.mailbox.is_empty() || suspended {
                care.is_waiting = false;
                seat.note_plain();
                self.waiting.swap_remove(index);
            } else {
                index += 1;
            }
        }
        limit - left
    }

    fn drain_one(&mut self, place: u32, limit: usize, hub: &Arc<Hub<E>>, meter: &Meter) -> usize {
        let Seats {
            seats,
            store,
            turn,
            ended,
            ..
        } = self;
        let Some(seat) = &mut seats[place as usize] else {
            return 0;
        };
        let record = Arc::clone(&seat.record);
        let caller = Caller::new(place, &record, hub, meter);
        let books = caller.books;
        if seat.outbox().is_some() {
            return seat.care().forward(limit, store, books);
        }
        let mut left = limit;
        while !record.state.is_halted() && !seat.care().mailbox.is_empty() {
            let quota = left.min(*seat.quota(*turn) as usize).min(MAX_RUN);
            if quota == 0 {
                break;
            }
            let handed = caller.with(seat, |callee, _, mailbox| {
                let missed = mailbox.take_gap();
                if missed > 0 {
                    callee.lagged(missed);
                }
                let front = mailbox.front(store, quota);
                let handed = front.len();
                let settled = callee.hand(Source::Mailbox(store, front), &Progress::default());
                for _ in 0..settled {
                    if let Some(waiting) = mailbox.pop(store) {
                        let_go(store, waiting.key, books);
                    }
                }
                handed
            });
            left -= handed;
            *seat.quota(*turn) -= handed as u32;
            if record.state.has_ended() {
                ended.push(place);
            }
        }
        limit - left
    }

    /// `done` goes when no call of the actor is running any more. The events in the lanes are of `oldest` or later epochs.
    pub(super) fn pause(&mut self, record: &Record, done: Done, oldest: u64) {
        record.forget_windows(oldest);
        // On this thread no call is running now.
        if let Some(seat) = self.find(record)
            && let Some(outbox) = seat.outbox()
        {
            outbox.barrier(done);
        }
    }

    pub(super) fn resume(&mut self, record: &Record, oldest: u64) {
        // ORDERING: AcqRel pairs with the swap in `Hub::resume`: either that one sends another command, or what it changed
        // before is seen here.
        record.is_resuming.swap(false, Ordering::AcqRel);
        record.forget_windows(oldest);
        let place = record.seat.load(Ordering::Relaxed);
        if let Some(seat) = self.find(record) {
            if let Some(outbox) = seat.outbox() {
                outbox.wake();
            }
            self.note_waiting(place);
        }
    }

    /// The seat of a subscription, unless it has been removed.
    fn find(&mut self, record: &Record) -> Option<&mut Seat<E>> {
        let place = record.seat.load(Ordering::Relaxed);
        let seat = self.seats.get_mut(place as usize)?.as_mut();
        seat.filter(|seat| seat.record.id == record.id)
    }

    /// What waits for actors now.
    pub(super) fn marks(&mut self) -> Vec<Mark> {
        let waiting = self.waiting.iter().chain(&self.dedicated);
        waiting
            .filter_map(|&place| self.seats[place as usize].as_ref())
            .filter_map(|seat| {
                Some(Mark {
                    record: Arc::clone(&seat.record),
                    queued: seat.care.as_ref()?.mailbox.end(),
                    sent: None,
                })
            })
            .collect()
    }

    /// Whether all that has been handled, but for actors that are suspended.
    pub(super) fn are_past(&mut self, marks: &mut [Mark]) -> bool {
        marks.iter_mut().all(|mark| {
            let Some(seat) = self.find(&mark.record) else {
                return true;
            };
            if seat.record.state.is_halted() {
                return true;
            }
            let care = seat.care();
            let is_past = care.mailbox.is_past(mark.queued);
            match &mut care.outbox {
                None => is_past,
                // It is in a receiver's mailbox.
                Some(outbox) if !outbox.makes_calls() => true,
                Some(outbox) => {
                    is_past && {
                        let sent = *mark.sent.get_or_insert(outbox.sent());
                        outbox.taken() >= sent
                    }
                }
            }
        })
    }

    /// Moves to other threads what can be moved.
    pub(super) fn forward(&mut self, meter: &Meter) {
        let Seats {
            seats,
            store,
            waiting,
            ..
        } = self;
        for &place in &*waiting {
            if let Some(Seat { care, record, .. }) = &mut seats[place as usize]
                && let Some(care) = care
            {
                care.forward(usize::MAX, store, Books { record, meter });
            }
        }
    }
}
