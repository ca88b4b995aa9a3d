//! The long way of an event to an actor: its predicate is asked, its quota counts, and what cannot be handed over waits.
//!
//! An event takes it when something has to be asked or has to wait: a predicate is set, the actor has used up its budget or
//! is suspended, something waits for it already, its mailbox keeps the latest only, or it is on another thread.

use super::care::Predicate;
use super::seats::{Books, Caller, Seats};
use crate::batch::{Pick, Progress, Source};
use crate::contain::contain;
use crate::router::hub::Hub;
use crate::shard::callee::{Call, Callee};
use crate::stats::{Kind, Meter};
use std::sync::Arc;

impl<E: Clone + 'static> Seats<E> {
    pub(super) fn deliver_with_care(
        &mut self,
        place: u32,
        source: Source<'_, E>,
        epoch: u64,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let turn = self.turn;
        let mut wanted = std::mem::take(&mut self.wanted);
        let seat = self.seat(place);
        let record = Arc::clone(&seat.record);
        let state = &record.state;
        if !state.has_ended()
            && let Some(run) = source.run()
        {
            let caller = Caller::new(place, &record, hub, meter);
            let books = caller.books;
            caller.with(seat, |callee, when, _| {
                choose(&mut wanted, source, when, callee)
            });
            books.add(Kind::Matched, wanted.len());
            let quota = wanted.len().min(*seat.quota(turn) as usize);
            let mut settled = 0;
            if state.has_ended() {
                // Its predicate panicked.
                books.add(Kind::Stopped, wanted.len());
                settled = wanted.len();
            } else if record.is_discarded(epoch) {
                books.add(Kind::Discarded, wanted.len());
                settled = wanted.len();
            } else if quota > 0 && seat.is_direct() && !state.is_halted() {
                *seat.quota(turn) -= quota as u32;
                settled = caller.with(seat, |callee, _, mailbox| {
                    if mailbox.has_missed() {
                        callee.lagged(mailbox.take_missed());
                    }
                    callee.hand(Source::Picks(run, &wanted[..quota]), &Progress::default())
                });
                if state.has_ended() {
                    books.add(Kind::Stopped, wanted.len() - settled);
                    settled = wanted.len();
                }
            }
            self.queue(place, Source::Picks(run, &wanted), settled, books);
            if state.has_ended() {
                self.ended.push(place);
            }
        }
        self.wanted = wanted;
    }

    /// The events behind the first `settled` wait.
    fn queue(&mut self, place: u32, source: Source<'_, E>, settled: usize, books: Books<'_>) {
        let Seats { seats, store, .. } = self;
        if let Some(seat) = &mut seats[place as usize] {
            for (offset, event) in source.rest(settled) {
                seat.care().queue(event, offset, store, books);
            }
            seat.note_plain();
        }
        self.note_waiting(place);
        self.note_room(place);
    }

    /// After a call on the short way that left events in its batch, or an actor that is halted.
    #[cold]
    pub(super) fn finish(
        &mut self,
        place: u32,
        source: Source<'_, E>,
        progress: &Progress,
        meter: &Meter,
    ) {
        let record = Arc::clone(&self.seat(place).record);
        let books = Books {
            record: &record,
            meter,
        };
        let mut settled = source.len();
        if record.state.has_ended() {
            self.ended.push(place);
        } else if progress.was_halted.get() {
            // Suspended in its own call, or by somebody during it: the rest was not meant to be left.
            settled = progress.taken.get();
        }
        books.add(Kind::Discarded, settled - progress.taken.get());
        progress.was_halted.set(false);
        self.queue(place, source, settled, books);
    }

    /// After a panic on the short way.
    #[cold]
    pub(super) fn recover(
        &mut self,
        place: u32,
        source: Source<'_, E>,
        progress: &Progress,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let seat = self.seat(place);
        let record = Arc::clone(&seat.record);
        let caller = Caller::new(place, &record, hub, meter);
        let books = caller.books;
        books.add(Kind::Handled, progress.taken.get());
        let settled = caller.with(seat, |callee, _, _| {
            callee.panicked();
            callee.hand(source, progress)
        });
        self.queue(place, source, settled, books);
        if record.state.has_ended() {
            self.ended.push(place);
        }
    }
}

/// Finds the events that the actor's predicate wants.
fn choose<E: 'static>(
    wanted: &mut Vec<Pick>,
    source: Source<'_, E>,
    when: &mut Option<Predicate<E>>,
    callee: &mut Callee<'_, E>,
) {
    wanted.clear();
    let pick = |index| Pick {
        seat: 0,
        offset: source.offset(index) as u32,
    };
    let Some(when) = when else {
        wanted.extend((0..source.len()).map(pick));
        return;
    };
    (callee.mark)(Call::Other);
    let mut asked = 0;
    let state = &callee.record.state;
    while asked < source.len() && !state.has_ended() {
        let whole = contain(|| {
            while !state.has_ended()
                && let Some(event) = source.get(asked)
            {
                asked += 1;
                if when(event) {
                    wanted.push(pick(asked - 1));
                }
            }
        });
        if !whole {
            callee.predicate_panicked();
        }
    }
}
