//! The actors of a shard, and calling them.

use crate::actor::{Actor, Context, StopReason};
use crate::batch::{Batch, Pick, Picks};
use crate::contain::contain;
use crate::hub::Hub;
use crate::lane::Run;
use crate::stats::Meter;
use crate::subscription::Record;
use crate::sync::mutant;
use std::cell::Cell;
use std::sync::Arc;

/// One actor.
pub(crate) struct Seat<E> {
    actor: Box<dyn Actor<E>>,
    record: Arc<Record>,
    /// The first epoch whose events are for it.
    since: u64,
}

impl<E> Seat<E> {
    pub(crate) fn new(actor: Box<dyn Actor<E>>, record: Arc<Record>, since: u64) -> Self {
        Seat {
            actor,
            record,
            since,
        }
    }

    pub(super) fn record(&self) -> &Arc<Record> {
        &self.record
    }
}

pub(super) struct Seats<E> {
    seats: Vec<Option<Seat<E>>>,
    free: Vec<u32>,
    /// Ended in a call and not removed yet.
    ended: Vec<u32>,
}

impl<E> Default for Seats<E> {
    fn default() -> Self {
        Seats {
            seats: Vec::new(),
            free: Vec::new(),
            ended: Vec::new(),
        }
    }
}

/// What one run came to, for the shard's meter.
#[derive(Default)]
struct Tally {
    batches: usize,
    matched: usize,
    handled: usize,
    discarded: usize,
}

impl<E: 'static> Seats<E> {
    pub(super) fn insert(&mut self, seat: Seat<E>) -> u32 {
        match self.free.pop() {
            Some(place) => {
                self.seats[place as usize] = Some(seat);
                place
            }
            None => {
                self.seats.push(Some(seat));
                u32::try_from(self.seats.len() - 1).expect("subscriptions are capped below")
            }
        }
    }

    fn seat(&mut self, place: u32) -> &mut Seat<E> {
        let seat = self.seats[place as usize].as_mut();
        seat.expect("routes, records and the list of ended actors name taken seats only")
    }

    pub(super) fn record(&mut self, place: u32) -> &Arc<Record> {
        &self.seat(place).record
    }

    pub(super) fn taken(&self) -> Vec<u32> {
        let taken = |(place, seat): (usize, &Option<Seat<E>>)| seat.as_ref().map(|_| place as u32);
        self.seats.iter().enumerate().filter_map(taken).collect()
    }

    pub(super) fn next_ended(&mut self) -> Option<u32> {
        self.ended.pop()
    }

    /// The first call, unless somebody has ended the subscription before it.
    pub(super) fn start(&mut self, place: u32, hub: &Arc<Hub<E>>) {
        let Seat { actor, record, .. } = self.seat(place);
        if record.hot.has_ended() {
            return;
        }
        let meter = &hub.ports[usize::from(record.shard)].meter;
        let mut context = Context { hub, record };
        meter.call.begin(place);
        if !contain(|| actor.started(&mut context)) {
            record.hot.panics.add(1);
            record.hot.end(StopReason::Panicked);
            meter.panics.add(1);
        }
        meter.call.end();
        if record.hot.has_ended() {
            self.ended.push(place);
        }
    }

    /// The last call and the actor's Drop. Says how many of the two panicked.
    pub(super) fn remove(&mut self, place: u32) -> usize {
        let Some(seat) = self.seats[place as usize].take() else {
            return 0;
        };
        self.free.push(place);
        // It may have been noted as ended by the same run in which somebody withdrew it.
        self.ended.retain(|&ended| ended != place);
        let Seat {
            mut actor, record, ..
        } = seat;
        let reason = record.hot.reason().unwrap_or(StopReason::Stopped);
        let stopped = contain(|| actor.stopped(reason));
        let dropped = contain(|| drop(actor));
        let panics = usize::from(!stopped) + usize::from(!dropped);
        record.hot.panics.add(panics);
        panics
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
        let jobs = places.iter().map(|&place| (place, Picks::All));
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
            .map(|group| (group[0].seat, Picks::Some(group)));
        self.deliver(jobs, run, epoch, hub, meter);
    }

    /// One catch around all calls of a run: it is entered again behind an actor that panicked.
    #[inline]
    fn deliver<'a>(
        &mut self,
        mut jobs: impl Iterator<Item = (u32, Picks<'a>)>,
        run: Run<'a, E>,
        epoch: u64,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let mut tally = Tally::default();
        let mut current = None;
        let taken = Cell::new(0);
        while !contain(|| {
            for (place, picks) in jobs.by_ref() {
                let seat = self.seats[place as usize].as_mut();
                let Some(Seat {
                    actor,
                    record,
                    since,
                }) = seat
                else {
                    continue;
                };
                let hot = &record.hot;
                if (*since > epoch && !mutant!("since_ignored")) || hot.has_ended() {
                    continue;
                }
                let matched = match picks {
                    Picks::All => run.len(),
                    Picks::Some(picks) => picks.len(),
                };
                taken.set(0);
                current = Some((place, matched));
                hot.matched.add(matched);
                tally.matched += matched;
                tally.batches += 1;
                meter.call.begin(place);
                let batch = Batch {
                    run,
                    picks,
                    taken: &taken,
                    hot,
                };
                actor.handle_batch(batch, &mut Context { hub, record });
                let handled = taken.get();
                hot.handled.add(handled);
                tally.handled += handled;
                if handled < matched {
                    hot.discarded.add(matched - handled);
                    tally.discarded += matched - handled;
                }
                if hot.has_ended() {
                    self.ended.push(place);
                }
            }
        }) {
            if let Some((place, matched)) = current {
                self.panicked(place, matched, taken.get(), meter);
            }
        }
        meter.call.end();
        meter.batches.add(tally.batches);
        meter.matched.add(tally.matched);
        meter.handled.add(tally.handled);
        if tally.discarded > 0 {
            meter.discarded.add(tally.discarded);
        }
    }

    /// The event last taken counts as handled; what the batch still held is lost with the actor, and counted.
    #[cold]
    fn panicked(&mut self, place: u32, matched: usize, taken: usize, meter: &Meter) {
        let record = &self.seat(place).record;
        record.hot.end(StopReason::Panicked);
        record.hot.panics.add(1);
        record.hot.handled.add(taken);
        record.hot.dropped_stopped.add(matched - taken);
        meter.panics.add(1);
        meter.handled.add(taken);
        meter.dropped_stopped.add(matched - taken);
        // What is subscribed to traces is user code too.
        contain(|| {
            tracing::error!(subscription = %record.id, name = ?record.name, "an actor panicked and is stopped");
        });
        self.ended.push(place);
    }
}
