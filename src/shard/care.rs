//! The long way to an actor: its predicate, its mailbox, its supervision.
//!
//! An event takes it when something has to be asked or has to wait: a predicate is set, the actor has used up its budget or
//! is suspended, something waits for it already, its mailbox keeps the latest only, or it is on another thread.

use super::seats::{Books, Seat, Seats};
use crate::actor::{Actor, Context, StopReason};
use crate::batch::{Batch, Pick, Source};
use crate::contain::contain;
use crate::countdown::Done;
use crate::event::Event;
use crate::hub::Hub;
use crate::mailbox::{MAX_RUN, Mailbox, Offered, Overflow, Store};
use crate::remote::Outbox;
use crate::sleep::Waiter;
use crate::stats::Meter;
use crate::subscription::Record;
use crate::supervise::Supervision;
use crate::sync::{Ordering, fence_heavy};
use std::cell::Cell;
use std::sync::Arc;

pub(crate) type Predicate<E> = Box<dyn FnMut(&Event<E>) -> bool + Send>;

/// What a seat has beside its actor.
pub(crate) struct Care<E> {
    pub(crate) when: Option<Predicate<E>>,
    pub(crate) mailbox: Mailbox,
    pub(crate) supervision: Supervision<E>,
    /// For a receiver or a dedicated actor: where its mailbox leads.
    pub(crate) outbox: Option<Outbox<E>>,
    /// All that was missed before what went to the outbox last.
    missed: u64,
    /// It is in [`Seats::waiting`].
    is_waiting: bool,
    /// It is in [`Seats::tight`].
    is_tight: bool,
    /// A lane is held because it has no room.
    is_blocking: bool,
}

impl<E> Care<E> {
    pub(crate) fn new(
        when: Option<Predicate<E>>,
        mailbox: Mailbox,
        supervision: Supervision<E>,
        outbox: Option<Outbox<E>>,
    ) -> Self {
        Care {
            when,
            mailbox,
            supervision,
            outbox,
            missed: 0,
            is_waiting: false,
            is_tight: false,
            is_blocking: false,
        }
    }

    /// Whether a run can go straight to the actor.
    pub(super) fn is_plain(&self) -> bool {
        self.when.is_none()
            && self.outbox.is_none()
            && self.mailbox.overflow != Overflow::KeepLatest
            && self.mailbox.is_empty()
            && !self.mailbox.has_missed()
    }

    /// Whether the mailbox, under [`Overflow::Block`], may have no room for a whole run.
    fn may_be_short(&self) -> bool {
        let ahead = self.outbox.as_ref().map_or(0, Outbox::capacity);
        self.mailbox.overflow == Overflow::Block
            && self.mailbox.len() + ahead + MAX_RUN > self.mailbox.capacity
    }

    /// Events that may still come until the mailbox is full.
    fn room(&mut self) -> usize {
        let ahead = self.outbox.as_mut().map_or(0, Outbox::depth);
        (self.mailbox.capacity).saturating_sub(self.mailbox.len() + ahead)
    }

    /// Keeps one event of the run under way, or drops what the policy says.
    fn queue(&mut self, event: &Event<E>, offset: usize, store: &mut Store<E>, books: Books<'_>) {
        let ahead = self.outbox.as_mut().map_or(0, Outbox::depth);
        match self.mailbox.offer(event.topic, offset, ahead, store) {
            Offered::Queued => {}
            Offered::DroppedNewest => books.add(|counts| &counts.newest, 1),
            Offered::DroppedOldest(key) => {
                books.add(|counts| &counts.oldest, 1);
                let_go(store, key, books);
            }
            Offered::Replaced(key) => {
                books.add(|counts| &counts.replaced, 1);
                let_go(store, key, books);
            }
        }
    }

    /// Moves up to `limit` events that wait to the outbox, as far as there is room. Says how many.
    fn forward(&mut self, limit: usize, store: &mut Store<E>, books: Books<'_>) -> usize
    where
        E: Clone,
    {
        let Some(outbox) = &mut self.outbox else {
            return 0;
        };
        let mut moved = 0;
        while moved < limit
            && outbox.room() > 0
            && let Some(waiting) = self.mailbox.pop(store)
        {
            self.missed += waiting.missed;
            match take(store, waiting.key, books) {
                Some(event) => outbox.push(event, self.missed),
                None => self.missed += 1,
            }
            moved += 1;
        }
        if moved > 0 {
            outbox.signal();
        }
        moved
    }

    /// The seat is given up: what waits goes to the reader on the other thread, or is dropped and counted.
    ///
    /// `done` goes with an actor on that thread, or comes back.
    pub(super) fn empty(
        &mut self,
        store: &mut Store<E>,
        books: Books<'_>,
        done: Option<Done>,
    ) -> Option<Done>
    where
        E: Clone,
    {
        let mut rest = Vec::new();
        while let Some(waiting) = self.mailbox.pop(store) {
            if self.outbox.is_none() {
                books.add(|counts| &counts.stopped, 1);
                let_go(store, waiting.key, books);
                continue;
            }
            self.missed += waiting.missed;
            match take(store, waiting.key, books) {
                Some(event) => rest.push((self.missed, event)),
                None => self.missed += 1,
            }
        }
        let Some(outbox) = self.outbox.take() else {
            return done;
        };
        let missed = self.missed + self.mailbox.take_missed();
        let lost = outbox.close(rest, missed, done);
        books.add(|counts| &counts.stopped, lost);
        None
    }
}

/// How far a mailbox must get for a flush.
pub(super) struct Mark {
    record: Arc<Record>,
    /// See [`Mailbox::end`].
    end: u64,
}

/// A mailbox lets go of an event, whose Drop is user code.
fn let_go<E>(store: &mut Store<E>, key: u32, books: Books<'_>) {
    if let Some(event) = store.let_go(key)
        && !contain(|| drop(event))
    {
        books.add(|counts| &counts.panics, 1);
    }
}

/// A mailbox's own copy of an event that leaves the shard. `None`: its Clone panicked, and it counts as dropped.
fn take<E: Clone>(store: &mut Store<E>, key: u32, books: Books<'_>) -> Option<Event<E>> {
    if !store.is_shared(key) {
        return store.let_go(key);
    }
    let mut copy = None;
    if !contain(|| copy = store.get(key).cloned()) {
        books.add(|counts| &counts.panics, 1);
        books.add(|counts| &counts.newest, 1);
    }
    store.let_go(key);
    copy
}

/// An actor about to be called, and all that a call of it needs.
struct Callee<'a, E> {
    place: u32,
    actor: &'a mut Box<dyn Actor<E>>,
    supervision: &'a mut Supervision<E>,
    record: &'a Record,
    hub: &'a Arc<Hub<E>>,
    meter: &'a Meter,
}

impl<'a, E: 'static> Callee<'a, E> {
    fn books(&self) -> Books<'a> {
        Books {
            record: self.record,
            meter: self.meter,
        }
    }

    /// Hands over the events behind the first `taken`, again after a panic that the actor survives. Says how many have been
    /// dealt with: all, unless the actor was suspended meanwhile.
    fn hand(&mut self, source: Source<'_, E>, taken: &Cell<usize>) -> usize {
        let hot = &self.record.hot;
        while taken.get() < source.len() && !hot.is_halted() {
            let before = taken.get();
            let batch = Batch { source, taken, hot };
            let mut context = Context {
                hub: self.hub,
                record: self.record,
            };
            self.meter.call.begin(self.place);
            self.meter.batches.add(1);
            let whole = contain(|| self.actor.handle_batch(batch, &mut context));
            if !whole && taken.get() == before {
                // It will not get past this one.
                taken.set(before + 1);
            }
            self.books()
                .add(|counts| &counts.handled, taken.get() - before);
            if !whole {
                self.panicked();
            } else if hot.has_ended() || !hot.is_halted() {
                self.books()
                    .add(|counts| &counts.discarded, source.len() - taken.get());
                return source.len();
            }
        }
        if hot.has_ended() {
            self.books()
                .add(|counts| &counts.stopped, source.len() - taken.get());
            return source.len();
        }
        taken.get()
    }

    fn lagged(&mut self, missed: u64) {
        let mut context = Context {
            hub: self.hub,
            record: self.record,
        };
        self.meter.call.begin(self.place);
        if !contain(|| self.actor.lagged(missed, &mut context)) {
            self.panicked();
        }
    }

    /// One that cannot be mended by another actor.
    #[cold]
    fn predicate_panicked(&mut self) {
        self.note_panic();
        if matches!(self.supervision, Supervision::Stop) {
            self.record.hot.end(StopReason::Panicked);
        }
    }

    fn note_panic(&self) {
        self.books().add(|counts| &counts.panics, 1);
        let record = self.record;
        // What is subscribed to traces is user code too.
        contain(|| {
            tracing::error!(subscription = %record.id, name = ?record.name, "an actor panicked");
        });
    }

    #[cold]
    fn panicked(&mut self) {
        self.note_panic();
        let (record, books) = (self.record, self.books());
        let mut context = Context {
            hub: self.hub,
            record,
        };
        self.supervision
            .recover(self.actor, &mut context, &|which, count| {
                books.add(which, count);
            });
    }
}

impl<E: Clone + 'static> Seats<E> {
    /// A seat's parts, apart.
    fn callee<'a>(
        place: u32,
        seat: &'a mut Seat<E>,
        hub: &'a Arc<Hub<E>>,
        meter: &'a Meter,
    ) -> (Callee<'a, E>, &'a mut Option<Predicate<E>>, &'a mut Mailbox) {
        let Care {
            when,
            mailbox,
            supervision,
            ..
        } = &mut *seat.care;
        let callee = Callee {
            place,
            actor: &mut seat.actor,
            supervision,
            record: &seat.record,
            hub,
            meter,
        };
        (callee, when, mailbox)
    }

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
        let (record, hot) = (&*record, &record.hot);
        if hot.has_ended() {
            self.wanted = wanted;
            return;
        }
        let books = Books { record, meter };
        let quota = *seat.quota(turn) as usize;
        let is_remote = seat.care.outbox.is_some();
        let (mut callee, when, mailbox) = Self::callee(place, seat, hub, meter);
        choose(&mut wanted, source, when, &mut callee);
        books.add(|counts| &counts.matched, wanted.len());
        let Some(run) = source.run() else {
            unreachable!("what waits has been chosen already");
        };
        let mut settled = 0;
        if hot.has_ended() {
            // Its predicate panicked.
            books.add(|counts| &counts.stopped, wanted.len());
            settled = wanted.len();
        } else if record.is_discarding(epoch) {
            books.add(|counts| &counts.discarded, wanted.len());
            settled = wanted.len();
        } else if !is_remote
            && mailbox.overflow != Overflow::KeepLatest
            && mailbox.is_empty()
            && !hot.is_halted()
            && quota.min(wanted.len()) > 0
        {
            let count = quota.min(wanted.len());
            if mailbox.has_missed() {
                callee.lagged(mailbox.take_missed());
            }
            settled = callee.hand(Source::Picks(run, &wanted[..count]), &Cell::new(0));
            *seat.quota(turn) -= count as u32;
            if hot.has_ended() {
                books.add(|counts| &counts.stopped, wanted.len() - settled);
                settled = wanted.len();
            }
        }
        self.queue(place, Source::Picks(run, &wanted), settled, books);
        if hot.has_ended() {
            self.ended.push(place);
        }
        self.wanted = wanted;
    }

    /// The events behind the first `settled` wait.
    fn queue(&mut self, place: u32, source: Source<'_, E>, settled: usize, books: Books<'_>) {
        let Seats { seats, store, .. } = self;
        if let Some(seat) = &mut seats[place as usize] {
            for (offset, event) in source.rest(settled) {
                seat.care.queue(event, offset, store, books);
            }
            seat.is_plain = seat.care.is_plain();
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
        taken: usize,
        meter: &Meter,
    ) {
        let record = Arc::clone(&self.seat(place).record);
        let books = Books {
            record: &record,
            meter,
        };
        if record.hot.has_ended() {
            self.ended.push(place);
        } else if record.hot.is_halted() {
            // Suspended in its own call, or by somebody during it: the rest was not meant to be left.
            self.queue(place, source, taken, books);
            return;
        }
        books.add(|counts| &counts.discarded, source.len() - taken);
    }

    /// After a panic on the short way.
    #[cold]
    pub(super) fn recover(
        &mut self,
        place: u32,
        source: Source<'_, E>,
        taken: &Cell<usize>,
        hub: &Arc<Hub<E>>,
        meter: &Meter,
    ) {
        let seat = self.seat(place);
        let record = Arc::clone(&seat.record);
        let books = Books {
            record: &record,
            meter,
        };
        let (mut callee, ..) = Self::callee(place, seat, hub, meter);
        books.add(|counts| &counts.handled, taken.get());
        callee.panicked();
        let settled = callee.hand(source, taken);
        self.queue(place, source, settled, books);
        if record.hot.has_ended() {
            self.ended.push(place);
        }
    }

    /// Sees to it that runs are cut to the room of this one, if that may be less than a run.
    pub(super) fn note_room(&mut self, place: u32) {
        let care = &mut self.seat(place).care;
        if !care.is_tight && care.may_be_short() {
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
            if !seat.care.may_be_short() {
                seat.care.is_tight = false;
                self.tight.swap_remove(index);
                continue;
            }
            index += 1;
            let free = seat.room(turn, epoch);
            seat.care.is_blocking = free == 0;
            if everyone.binary_search(&place).is_ok() {
                room = room.min(free);
            } else if let Some(first) = picks.iter().filter(|pick| pick.seat == place).nth(free) {
                room = room.min(first.offset as usize);
            }
        }
        room
    }

    /// Asks to be woken when a reader on another thread makes room that something waits for. False: there is
    /// some by now.
    pub(super) fn arm(&mut self, waiter: &Waiter) -> bool {
        let listed: Vec<u32> = self.waiting.iter().chain(&self.tight).copied().collect();
        let mut any = false;
        for &place in &listed {
            if let Some(outbox) = &self.seat(place).care.outbox {
                outbox.arm(waiter);
                any = true;
            }
        }
        if any {
            fence_heavy();
        }
        listed.iter().all(|&place| {
            let care = &mut self.seat(place).care;
            let goes_on = match &mut care.outbox {
                None => care.is_waiting,
                Some(outbox) => care.is_waiting && outbox.room() > 0,
            };
            !goes_on && !(care.is_blocking && care.room() > 0)
        })
    }

    /// Something waits for this one.
    pub(super) fn note_waiting(&mut self, place: u32) {
        let care = &mut self.seat(place).care;
        if !care.is_waiting && !care.mailbox.is_empty() {
            care.is_waiting = true;
            self.waiting.push(place);
        }
    }

    /// Hands over up to `limit` events that wait, to each actor as much as its budget allows. Says how many.
    pub(super) fn drain(&mut self, limit: usize, hub: &Arc<Hub<E>>, meter: &Meter) -> usize {
        let mut left = limit;
        let mut index = 0;
        while let Some(&place) = self.waiting.get(index) {
            left -= self.drain_one(place, left, hub, meter);
            let seat = self.seat(place);
            let suspended = seat.care.outbox.is_none() && seat.record.hot.is_halted();
            if seat.care.mailbox.is_empty() || suspended {
                seat.care.is_waiting = false;
                seat.is_plain = seat.care.is_plain();
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
        let (record, hot) = (&*record, &record.hot);
        let books = Books { record, meter };
        if seat.care.outbox.is_some() {
            return seat.care.forward(limit, store, books);
        }
        let mut left = limit;
        while !hot.is_halted() {
            let quota = left.min(*seat.quota(*turn) as usize);
            let (mut callee, _, mailbox) = Self::callee(place, seat, hub, meter);
            let (front, missed) = mailbox.front(store, quota.min(MAX_RUN));
            let count = front.len();
            if count == 0 {
                break;
            }
            if missed > 0 {
                callee.lagged(missed);
                mailbox.told();
            } else {
                let settled = callee.hand(Source::Mailbox(store, front), &Cell::new(0));
                for _ in 0..settled {
                    if let Some(waiting) = mailbox.pop(store) {
                        let_go(store, waiting.key, books);
                    }
                }
                left -= count;
                *seat.quota(*turn) -= count as u32;
            }
            if hot.has_ended() {
                ended.push(place);
            }
        }
        limit - left
    }

    /// `done` goes when no call of the actor is running any more.
    pub(super) fn pause(&mut self, record: &Record, done: Done) {
        // On this thread no call is running now.
        if let Some(seat) = self.find(record)
            && let Some(outbox) = &seat.care.outbox
        {
            outbox.barrier(done);
        }
    }

    pub(super) fn resume(&mut self, record: &Record) {
        record.is_resuming.store(false, Ordering::Relaxed);
        let place = record.seat.load(Ordering::Relaxed);
        if let Some(seat) = self.find(record) {
            if let Some(outbox) = &seat.care.outbox {
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
        let waiting = std::mem::take(&mut self.waiting);
        let mark = |&place: &u32| {
            let Seat { record, care, .. } = self.seat(place);
            Mark {
                record: Arc::clone(record),
                end: care.mailbox.end(),
            }
        };
        let marks = waiting.iter().map(mark).collect();
        self.waiting = waiting;
        marks
    }

    /// Whether all that has been handled, but for actors that are suspended.
    pub(super) fn are_past(&mut self, marks: &[Mark]) -> bool {
        marks.iter().all(|mark| {
            self.find(&mark.record).is_none_or(|seat| {
                seat.care.mailbox.left() >= mark.end || seat.record.hot.is_halted()
            })
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
            if let Some(Seat { care, record, .. }) = &mut seats[place as usize] {
                care.forward(usize::MAX, store, Books { record, meter });
            }
        }
    }
}

impl<E: 'static> Seat<E> {
    /// How many more events it can take without losing any.
    fn room(&mut self, turn: u32, epoch: u64) -> usize {
        let hot = &self.record.hot;
        if self.is_before(epoch) || hot.has_ended() || self.record.is_discarding(epoch) {
            return usize::MAX;
        }
        let goes_through =
            self.care.outbox.is_none() && self.care.mailbox.is_empty() && !hot.is_halted();
        let at_once = if goes_through { *self.quota(turn) } else { 0 };
        self.care.room() + at_once as usize
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
    callee.meter.call.begin(callee.place);
    let mut asked = 0;
    while asked < source.len() && !callee.record.hot.has_ended() {
        let whole = contain(|| {
            while let Some(event) = source.get(asked) {
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
