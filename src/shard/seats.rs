//! The actors of a shard, and the short way to them: a run goes by reference to whoever has nothing waiting.

use super::care::{Care, Predicate};
use crate::actor::{Actor, Context, StopReason};
use crate::batch::{Batch, Pick, Progress, Source};
use crate::contain::contain;
use crate::countdown::Done;
use crate::lane::Run;
use crate::receiver::remote::Outbox;
use crate::router::hub::Hub;
use crate::shard::callee::Callee;
use crate::shard::mailbox::{Mailbox, Store};
use crate::shard::supervise::retire;
use crate::stats::{Kind, Meter};
use crate::subscription::Record;
use crate::sync::mutant;
use std::sync::Arc;

/// One actor.
pub(crate) struct Seat<E> {
    pub(super) actor: Box<dyn Actor<E>>,
    pub(super) record: Arc<Record>,
    /// The first epoch whose events are for it.
    since: u64,
    /// The turn that `quota` is for.
    turn: u32,
    /// Events that may still be handed to it in this turn.
    quota: u32,
    /// The quota of each turn.
    budget: u32,
    /// The short way is open: nothing waits, and there is nothing to ask.
    pub(super) is_plain: bool,
    /// None for the usual one as long as nothing had to wait: it takes over 300 bytes.
    pub(super) care: Option<Box<Care<E>>>,
}

/// What a subscription is made of, as far as its shard is concerned.
pub(crate) struct Setup<E> {
    pub(crate) actor: Box<dyn Actor<E>>,
    pub(crate) care: Care<E>,
    /// Events in a turn.
    pub(crate) budget: u32,
}

impl<E> Seat<E> {
    pub(crate) fn new(setup: Setup<E>, record: Arc<Record>, since: u64) -> Self {
        Seat {
            actor: setup.actor,
            record,
            since,
            turn: 0,
            quota: setup.budget,
            budget: setup.budget,
            is_plain: setup.care.is_plain(),
            care: (!setup.care.is_usual()).then(|| Box::new(setup.care)),
        }
    }

    pub(super) fn record(&self) -> &Arc<Record> {
        &self.record
    }

    /// Whether events of this epoch were published before the subscription.
    #[inline]
    pub(super) fn is_before(&self, epoch: u64) -> bool {
        self.since > epoch && !mutant!("since_ignored")
    }

    /// How many events it may still be handed in this turn.
    #[inline]
    pub(super) fn quota(&mut self, turn: u32) -> &mut u32 {
        if self.turn != turn {
            self.turn = turn;
            self.quota = self.budget;
        }
        &mut self.quota
    }
}

pub(super) struct Seats<E> {
    pub(super) seats: Vec<Option<Seat<E>>>,
    free: Vec<u32>,
    /// Ended in a call and not removed yet.
    pub(super) ended: Vec<u32>,
    /// Counts the shard's turns.
    pub(super) turn: u32,
    /// The events that wait in mailboxes.
    pub(super) store: Store<E>,
    /// The seats in whose mailboxes something waits that can be handed over.
    pub(super) waiting: Vec<u32>,
    /// The seats that may have no room for all of a run.
    pub(super) tight: Vec<u32>,
    /// The seats whose actors are on other threads.
    pub(super) dedicated: Vec<u32>,
    /// Scratch: what an actor is to get of a run.
    pub(super) wanted: Vec<Pick>,
}

impl<E> Default for Seats<E> {
    fn default() -> Self {
        Seats {
            seats: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
            turn: 0,
            store: Store::default(),
            waiting: Vec::new(),
            tight: Vec::new(),
            dedicated: Vec::new(),
            wanted: Vec::new(),
        }
    }
}

/// A shard that is about to call an actor.
pub(super) struct Caller<'a, E> {
    place: u32,
    hub: &'a Arc<Hub<E>>,
    pub(super) books: Books<'a>,
}

impl<'a, E: 'static> Caller<'a, E> {
    pub(super) fn new(
        place: u32,
        record: &'a Record,
        hub: &'a Arc<Hub<E>>,
        meter: &'a Meter,
    ) -> Self {
        let books = Books { record, meter };
        Caller { place, hub, books }
    }

    /// Takes the seat apart for `body`.
    pub(super) fn with<R>(
        &self,
        seat: &mut Seat<E>,
        body: impl FnOnce(&mut Callee<'_, E>, &mut Option<Predicate<E>>, &mut Mailbox) -> R,
    ) -> R {
        // Where there is none, nothing waits, and no call makes anything wait.
        let mut usual;
        let care = match &mut seat.care {
            Some(care) => &mut **care,
            None => {
                usual = Care::default();
                &mut usual
            }
        };
        let Books { record, meter } = self.books;
        let mut callee = Callee {
            actor: &mut seat.actor,
            supervision: &mut care.supervision,
            record,
            hub: self.hub,
            count: &|kind, count| self.books.add(kind, count),
            mark: &|call| meter.begin(self.place, call),
        };
        body(&mut callee, &mut care.when, &mut care.mailbox)
    }
}

/// Where a shard counts, for a subscription and for itself.
#[derive(Clone, Copy)]
pub(super) struct Books<'a> {
    pub(super) record: &'a Record,
    pub(super) meter: &'a Meter,
}

impl Books<'_> {
    pub(super) fn add(self, kind: Kind, count: usize) {
        if count > 0 {
            self.record.add(kind, count);
            self.meter.counts[kind].add(count);
        }
    }
}

impl<E: Clone + 'static> Seats<E> {
    pub(super) fn insert(&mut self, seat: Seat<E>) -> u32 {
        let place = match self.free.pop() {
            Some(place) => {
                self.seats[place as usize] = Some(seat);
                place
            }
            None => {
                self.seats.push(Some(seat));
                u32::try_from(self.seats.len() - 1).expect("subscriptions are capped below")
            }
        };
        self.note_room(place);
        if self.is_dedicated(place) {
            self.dedicated.push(place);
        }
        place
    }

    pub(super) fn seat(&mut self, place: u32) -> &mut Seat<E> {
        let seat = self.seats[place as usize].as_mut();
        seat.expect("routes, records and the list of ended actors name taken seats only")
    }

    pub(super) fn record(&mut self, place: u32) -> &Arc<Record> {
        &self.seat(place).record
    }

    pub(super) fn is_dedicated(&mut self, place: u32) -> bool {
        let outbox = self.seat(place).outbox();
        outbox.is_some_and(Outbox::makes_calls)
    }

    pub(super) fn taken(&self) -> Vec<u32> {
        let taken = |(place, seat): (usize, &Option<Seat<E>>)| seat.as_ref().map(|_| place as u32);
        self.seats.iter().enumerate().filter_map(taken).collect()
    }

    pub(super) fn next_turn(&mut self) -> u32 {
        self.turn = self.turn.wrapping_add(1);
        self.turn
    }

    #[inline]
    pub(super) fn any_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Whether some run may find no room.
    #[inline]
    pub(super) fn may_be_short(&self) -> bool {
        !self.tight.is_empty()
    }

    pub(super) fn next_ended(&mut self) -> Option<u32> {
        self.ended.pop()
    }

    /// The first call, unless somebody has ended the subscription before it.
    pub(super) fn start(&mut self, place: u32, hub: &Arc<Hub<E>>, meter: &Meter) {
        let seat = self.seat(place);
        let record = Arc::clone(&seat.record);
        let caller = Caller::new(place, &record, hub, meter);
        if seat.outbox().is_none() {
            caller.with(seat, |callee, _, _| callee.start());
        }
        meter.call.end();
        if record.state.has_ended() {
            self.ended.push(place);
        }
    }

    /// Drops what waits for it, then the last call and the actor's Drop. `done` comes back, or has gone to the actor's thread.
    pub(super) fn remove(&mut self, place: u32, meter: &Meter, done: Option<Done>) -> Option<Done> {
        let Some(seat) = self.seats[place as usize].take() else {
            return done;
        };
        self.free.push(place);
        // It may have been noted as ended by the same run in which somebody withdrew it.
        let is = |listed: fn(&Care<E>) -> bool| seat.care.as_deref().is_some_and(listed);
        let lists = [
            (&mut self.ended, true),
            (&mut self.waiting, is(|care| care.is_waiting)),
            (&mut self.tight, is(|care| care.is_tight)),
            (&mut self.dedicated, is(Care::is_dedicated)),
        ];
        for (list, is_in) in lists {
            if is_in {
                list.retain(|&other| other != place);
            }
        }
        let Seat {
            mut actor,
            record,
            mut care,
            ..
        } = seat;
        let record = &*record;
        let books = Books { record, meter };
        let done = match &mut care {
            Some(care) => care.empty(&mut self.store, books, done),
            None => done,
        };
        let reason = record.state.reason().unwrap_or(StopReason::Stopped);
        books.add(Kind::Panics, retire(&mut actor, reason));
        if let Some(care) = care {
            let Care {
                when, supervision, ..
            } = *care;
            // What they have captured is the user's, and each may panic.
            let dropped = [contain(|| drop(when)), contain(|| drop(supervision))];
            let panics = dropped.iter().filter(|whole| !**whole).count();
            books.add(Kind::Panics, panics);
        }
        done
    }

    /// A whole run to each of `places`.
    #[inline]
    pub(super) fn deliver_to_all(
        &mut self,
        places: &[u32],
        run: Run<'_, E>,
        epoch: u64,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let jobs = places.iter().map(|&place| (place, None));
        self.deliver(jobs, run, epoch, hub, meter);
    }

    /// To each seat the events picked for it.
    pub(super) fn deliver_picked(
        &mut self,
        picks: &[Pick],
        run: Run<'_, E>,
        epoch: u64,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let jobs = picks
            .chunk_by(|a, b| a.seat == b.seat)
            .map(|group| (group[0].seat, Some(group)));
        self.deliver(jobs, run, epoch, hub, meter);
    }

    /// One catch around all calls of a run: it is entered again behind an actor that panicked.
    #[inline]
    fn deliver<'a>(
        &mut self,
        jobs: impl Iterator<Item = (u32, Option<&'a [Pick]>)> + Clone,
        run: Run<'a, E>,
        epoch: u64,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) where
        E: 'a,
    {
        let (mut total_matched, mut total_handled) = (0, 0);
        let mut batches = 0;
        let mut current = None;
        let progress = Progress::default();
        let turn = self.turn;
        let mut rest = jobs.clone();
        while !contain(|| {
            let mut mark = meter.call.last();
            for (place, picks) in rest.by_ref() {
                let Some(seat) = self.seats[place as usize].as_mut() else {
                    continue;
                };
                if seat.is_before(epoch) {
                    continue;
                }
                let matched = picks.map_or(run.len(), <[Pick]>::len);
                let is_affordable = matched <= *seat.quota(turn) as usize;
                let record: &Record = &seat.record;
                let state = &record.state;
                if !seat.is_plain || !is_affordable || state.needs_care() {
                    self.deliver_with_care(place, Source::of(run, picks), epoch, hub, meter);
                    mark = meter.call.last();
                    continue;
                }
                seat.quota -= matched as u32;
                progress.taken.set(0);
                batches += 1;
                mark = meter.call.begin_after(mark, place);
                current = Some(place);
                record.matched.add(matched);
                total_matched += matched;
                // Made in place: copied from a `Source` it would be read before its parts are written back.
                let batch = Batch {
                    source: Source::of(run, picks),
                    progress: &progress,
                    state,
                };
                (seat.actor).handle_batch(batch, &mut Context { hub, record });
                let handled = progress.taken.get();
                record.handled.add(handled);
                total_handled += handled;
                if handled < matched || state.is_halted() || progress.was_halted.get() {
                    self.finish(place, Source::of(run, picks), &progress, meter);
                }
            }
        }) {
            let panicked = |&(place, _): &(u32, _)| Some(place) == current;
            if let Some((place, picks)) = jobs.clone().find(panicked) {
                self.recover(place, Source::of(run, picks), &progress, hub, meter);
                progress.was_halted.set(false);
            }
        }
        meter.call.end();
        meter.batches.add(batches);
        meter.counts[Kind::Matched].add(total_matched);
        meter.counts[Kind::Handled].add(total_handled);
    }
}
