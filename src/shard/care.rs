//! What a seat has beside its actor: a predicate, a mailbox, a supervision, and perhaps a way to another thread.

use super::seats::{Books, Seat};
use crate::contain::contain;
use crate::countdown::Done;
use crate::event::Event;
use crate::receiver::remote::Outbox;
use crate::shard::mailbox::{MAX_RUN, Mailbox, Offered, Overflow, Store};
use crate::shard::supervise::Supervision;
use crate::stats::Kind;

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
    /// It is in [`Seats::waiting`](super::seats::Seats).
    pub(super) is_waiting: bool,
    /// It is in [`Seats::tight`](super::seats::Seats).
    pub(super) is_tight: bool,
    /// A lane is held because it has no room.
    pub(super) is_blocking: bool,
}

/// The usual one: waiting is all that there is to it.
impl<E> Default for Care<E> {
    fn default() -> Self {
        Care::new(None, Mailbox::default(), Supervision::Stop, None)
    }
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

    /// Whether it could be made when something has to wait, so that a seat does without until then.
    pub(super) fn is_usual(&self) -> bool {
        self.when.is_none()
            && self.outbox.is_none()
            && self.mailbox.is_default()
            && matches!(self.supervision, Supervision::Stop)
    }

    /// Whether a run can go straight to the actor.
    pub(super) fn is_plain(&self) -> bool {
        self.when.is_none() && self.is_direct() && !self.mailbox.has_missed()
    }

    /// Whether the actor can be handed events without their waiting first.
    pub(super) fn is_direct(&self) -> bool {
        self.outbox.is_none()
            && self.mailbox.overflow != Overflow::KeepLatest
            && self.mailbox.is_empty()
    }

    /// Whether it is an actor with a thread of its own.
    pub(super) fn is_dedicated(&self) -> bool {
        self.outbox.as_ref().is_some_and(Outbox::makes_calls)
    }

    /// Whether the mailbox, under [`Overflow::Block`], may have no room for a whole run.
    pub(super) fn may_be_short(&self) -> bool {
        let ahead = self.outbox.as_ref().map_or(0, Outbox::capacity);
        self.mailbox.overflow == Overflow::Block
            && self.mailbox.len() + ahead + MAX_RUN > self.mailbox.capacity
    }

    /// Events that may still come until the mailbox is full.
    pub(super) fn room(&mut self) -> usize {
        let ahead = self.outbox.as_mut().map_or(0, Outbox::depth);
        (self.mailbox.capacity).saturating_sub(self.mailbox.len() + ahead)
    }

    /// Keeps one event of the run under way, or drops what the policy says.
    pub(super) fn queue(
        &mut self,
        event: &Event<E>,
        offset: usize,
        store: &mut Store<E>,
        books: Books<'_>,
    ) {
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
    pub(super) fn forward(&mut self, limit: usize, store: &mut Store<E>, books: Books<'_>) -> usize
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

/// A mailbox lets go of an event, whose Drop is user code.
pub(super) fn let_go<E>(store: &mut Store<E>, key: u32, books: Books<'_>) {
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

impl<E> Seat<E> {
    /// For what has to wait.
    pub(super) fn care(&mut self) -> &mut Care<E> {
        self.care.get_or_insert_default()
    }

    /// Looks again whether the short way is open.
    pub(super) fn note_plain(&mut self) {
        self.is_plain = self.care.as_ref().is_none_or(|care| care.is_plain());
    }

    /// See [`Care::is_direct`].
    pub(super) fn is_direct(&self) -> bool {
        self.care.as_ref().is_none_or(|care| care.is_direct())
    }

    /// Where its events go instead of to the actor here.
    pub(super) fn outbox(&self) -> Option<&Outbox<E>> {
        self.care.as_ref()?.outbox.as_ref()
    }
}

impl<E: 'static> Seat<E> {
    /// How many more events it can take without losing any.
    pub(super) fn room(&mut self, turn: u32, epoch: u64) -> usize {
        let state = &self.record.state;
        if self.is_before(epoch) || state.has_ended() || self.record.is_discarded(epoch) {
            return usize::MAX;
        }
        let goes_through = self.is_direct() && !state.is_halted();
        let at_once = if goes_through { *self.quota(turn) } else { 0 };
        self.care().room() + at_once as usize
    }
}
