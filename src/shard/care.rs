//! The long way to an actor: its predicate, its mailbox, its supervision.
//!
//! An event takes it when something has to be asked or has to wait: a predicate is set, the actor has used up its budget or
//! is suspended, something waits for it already, its mailbox keeps the latest only, or it is on another thread.

use super::seats::{Books, Caller, Seat, Seats};
use crate::batch::{Pick, Progress, Source};
use crate::contain::contain;
use crate::countdown::Done;
use crate::event::Event;
use crate::receiver::remote::Outbox;
use crate::router::hub::Hub;
use crate::shard::callee::{Call, Callee};
use crate::shard::mailbox::{MAX_RUN, Mailbox, Offered, Overflow, Store};
use crate::shard::supervise::Supervision;
use crate::sleep::Waiter;
use crate::stats::{Kind, Meter};
use crate::subscription::Record;
use crate::sync::{Ordering, fence_heavy, mutant};
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
    pub(super) is_waiting: bool,
    /// It is in [`Seats::tight`].
    pub(super) is_tight: bool,
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
        self.when.is_none() && self.is_direct() && !self.mailbox.has_missed()
    }

    /// Whether the actor can be handed events without their waiting first.
    fn is_direct(&self) -> bool {
        self.outbox.is_none()
            && self.mailbox.overflow != Overflow::KeepLatest
            && self.mailbox.is_empty()
    }

    /// Whether it is an actor with a thread of its own.
    pub(super) fn is_dedicated(&self) -> bool {
        self.outbox.as_ref().is_some_and(Outbox::makes_calls)
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
            Offered::DroppedNewest => books.add(Kind::Newest, 1),
            Offered::DroppedOldest(key) => {
                books.add(Kind::Oldest, 1);
                let_go(store, key, books);
            }
            Offered::Replaced(key) => {
                books.add(Kind::Replaced, 1);
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
        outbox.note_more(!self.mailbox.is_empty());
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
                books.add(Kind::Stopped, 1);
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
        let (lost, done) = outbox.close(rest, missed, done);
        books.add(Kind::Stopped, lost);
        done
    }
}

/// How far an actor must get for a flush.
pub(super) struct Mark {
    record: Arc<Record>,
    /// See [`Mailbox::end`].
    queued: u64,
    /// Where the lane to a dedicated actor's thread ends, once the mailbox has got there.
    sent: Option<u64>,
}

/// A mailbox lets go of an event, whose Drop is user code.
fn let_go<E>(store: &mut Store<E>, key: u32, books: Books<'_>) {
    if let Some(event) = store.let_go(key)
        && !contain(|| drop(event))
    {
        books.add(Kind::Panics, 1);
    }
}

/// A mailbox's own copy of an event that leaves the shard. `None`: its Clone panicked, and it counts as dropped.
fn take<E: Clone>(store: &mut Store<E>, key: u32, books: Books<'_>) -> Option<Event<E>> {
    if !store.is_shared(key) {
        return store.let_go(key);
    }
    let mut copy = None;
    if !contain(|| copy = store.get(key).cloned()) {
        books.add(Kind::Panics, 1);
        books.add(Kind::Newest, 1);
    }
    store.let_go(key);
    copy
}

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
        let hot = &record.hot;
        if !hot.has_ended()
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
            if hot.has_ended() {
                // Its predicate panicked.
                books.add(Kind::Stopped, wanted.len());
                settled = wanted.len();
            } else if record.is_discarded(epoch) {
                books.add(Kind::Discarded, wanted.len());
                settled = wanted.len();
            } else if quota > 0 && seat.care.is_direct() && !hot.is_halted() {
                *seat.quota(turn) -= quota as u32;
                settled = caller.with(seat, |callee, _, mailbox| {
                    if mailbox.has_missed() {
                        callee.lagged(mailbox.take_missed());
                    }
                    callee.hand(Source::Picks(run, &wanted[..quota]), &Progress::default())
                });
                if hot.has_ended() {
                    books.add(Kind::Stopped, wanted.len() - settled);
                    settled = wanted.len();
                }
            }
            self.queue(place, Source::Picks(run, &wanted), settled, books);
            if hot.has_ended() {
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
        progress: &Progress,
        meter: &Meter,
    ) {
        let record = Arc::clone(&self.seat(place).record);
        let books = Books {
            record: &record,
            meter,
        };
        let mut settled = source.len();
        if record.hot.has_ended() {
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
                (seat.care.is_tight, seat.care.is_blocking) = (false, false);
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
            if let Some(outbox) = &self.seat(place).care.outbox
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
            let care = &mut self.seat(place).care;
            let moves_up = care.is_waiting && care.outbox.as_mut().is_none_or(|o| o.room() > 0);
            // The next turn sees whether it was this room that a lane is held for.
            let may_unblock = care.is_blocking && care.room() > 0;
            care.is_blocking &= !may_unblock;
            moves_up || may_unblock
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

    /// Nothing waits for an actor here. What waits for readers on other threads goes to them when their seats are given up.
    pub(super) fn are_drained(&self) -> bool {
        let is_remote = |seat: &Seat<E>| seat.care.outbox.is_some();
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
        let caller = Caller::new(place, &record, hub, meter);
        let books = caller.books;
        if seat.care.outbox.is_some() {
            return seat.care.forward(limit, store, books);
        }
        let mut left = limit;
        while !record.hot.is_halted() && !seat.care.mailbox.is_empty() {
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
            if record.hot.has_ended() {
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
            && let Some(outbox) = &seat.care.outbox
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
        let waiting = self.waiting.iter().chain(&self.dedicated);
        waiting
            .filter_map(|&place| self.seats[place as usize].as_ref())
            .map(|seat| Mark {
                record: Arc::clone(&seat.record),
                queued: seat.care.mailbox.end(),
                sent: None,
            })
            .collect()
    }

    /// Whether all that has been handled, but for actors that are suspended.
    pub(super) fn are_past(&mut self, marks: &mut [Mark]) -> bool {
        marks.iter_mut().all(|mark| {
            let Some(seat) = self.find(&mark.record) else {
                return true;
            };
            let care = &mut seat.care;
            if seat.record.hot.is_halted() {
                return true;
            }
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
        if self.is_before(epoch) || hot.has_ended() || self.record.is_discarded(epoch) {
            return usize::MAX;
        }
        let goes_through = self.care.is_direct() && !hot.is_halted();
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
    (callee.mark)(Call::Other);
    let mut asked = 0;
    let hot = &callee.record.hot;
    while asked < source.len() && !hot.has_ended() {
        let whole = contain(|| {
            while !hot.has_ended()
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
