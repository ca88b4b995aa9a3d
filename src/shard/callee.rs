//! Calling an actor: contained, counted, marked for the stall detector, and with its supervision at hand. Shards and the
//! threads of dedicated actors do it alike.

use crate::actor::{Actor, Context, StopReason};
use crate::batch::{Batch, Progress, Source};
use crate::contain::contain;
use crate::router::hub::Hub;
use crate::shard::supervise::Supervision;
use crate::stats::{Count, Kind};
use crate::subscription::Record;
use std::sync::Arc;

/// An actor about to be called, and all that a call of it needs.
pub(crate) struct Callee<'a, E> {
    pub(crate) actor: &'a mut Box<dyn Actor<E>>,
    pub(crate) supervision: &'a mut Supervision<E>,
    pub(crate) record: &'a Record,
    pub(crate) hub: &'a Arc<Hub<E>>,
    pub(crate) count: Count<'a>,
    /// A call begins.
    pub(crate) mark: &'a dyn Fn(Call),
}

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// `handle_batch`
    Batch,
    Other,
}

impl<'a, E: 'static> Callee<'a, E> {
    /// The first calls: its factory, if it has one, and `started`. Not if somebody has ended the subscription before.
    pub(crate) fn start(&mut self) {
        if self.record.state.has_ended() {
            return;
        }
        (self.mark)(Call::Other);
        let mut context = self.context();
        if !(self.supervision.make(self.actor) && contain(|| self.actor.started(&mut context))) {
            self.panicked();
        }
    }

    /// Hands over the events behind the first `taken`, again after a panic that the actor survives. Says how many have been
    /// dealt with: all, unless the actor was suspended meanwhile.
    pub(crate) fn hand(&mut self, source: Source<'_, E>, progress: &Progress) -> usize {
        let state = &self.record.state;
        let taken = &progress.taken;
        while taken.get() < source.len() && !state.is_halted() {
            let before = taken.get();
            progress.was_halted.set(false);
            let batch = Batch {
                source,
                progress,
                state,
            };
            let mut context = self.context();
            (self.mark)(Call::Batch);
            let whole = contain(|| self.actor.handle_batch(batch, &mut context));
            if !whole && taken.get() == before {
                // It will not get past this one.
                taken.set(before + 1);
            }
            (self.count)(Kind::Handled, taken.get() - before);
            if !whole {
                self.panicked();
            } else if state.has_ended() || !progress.was_halted.get() {
                (self.count)(Kind::Discarded, source.len() - taken.get());
                return source.len();
            }
        }
        if state.has_ended() {
            (self.count)(Kind::Stopped, source.len() - taken.get());
            return source.len();
        }
        taken.get()
    }

    /// `missed` events were lost in front of the next one.
    pub(crate) fn lagged(&mut self, missed: u64) {
        let mut context = self.context();
        (self.mark)(Call::Other);
        if !contain(|| self.actor.lagged(missed, &mut context)) {
            self.panicked();
        }
    }

    /// Its predicate did. Another actor would not mend that.
    #[cold]
    pub(crate) fn predicate_panicked(&mut self) {
        self.note_panic();
        if matches!(self.supervision, Supervision::Stop) {
            self.record.state.end(StopReason::Panicked);
        }
    }

    /// Ends the subscription, or sees to it that the actor or a fresh one can go on.
    #[cold]
    pub(crate) fn panicked(&mut self) {
        self.note_panic();
        let mut context = self.context();
        self.supervision
            .recover(self.actor, &mut context, self.count);
    }

    fn note_panic(&self) {
        (self.count)(Kind::Panics, 1);
        let record = self.record;
        // What is subscribed to traces is user code too.
        contain(|| {
            tracing::error!(subscription = %record.id, name = ?record.name(), "an actor panicked");
        });
    }

    fn context(&self) -> Context<'a, E> {
        Context {
            hub: self.hub,
            record: self.record,
        }
    }
}
