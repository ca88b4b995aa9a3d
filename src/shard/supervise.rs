//! What becomes of an actor after a panic.

use crate::actor::{Actor, Context, StopReason};
use crate::contain::contain;
use crate::event::Event;
use crate::stats::{Count, Kind};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What becomes of an actor when one of its calls panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum OnPanic {
    /// It is stopped. What waits for it is dropped and counted. The default.
    #[default]
    Stop,
    /// It goes on with the next event, in whatever state the panic left it.
    Resume,
}

/// Makes actors.
pub(crate) type Factory<E> = Box<dyn FnMut() -> Box<dyn Actor<E>> + Send>;

pub(crate) enum Supervision<E> {
    Stop,
    Resume,
    Restart(Restarts<E>),
}

/// A fresh actor after each panic, but no more than `limit` within `window`.
pub(crate) struct Restarts<E> {
    pub(crate) factory: Factory<E>,
    pub(crate) limit: usize,
    pub(crate) window: Duration,
    /// When the last ones were, at most `limit`.
    pub(crate) recent: VecDeque<Instant>,
}

/// Sits where an actor is still to be made, or where none is: in the seat of a receiver.
pub(crate) struct Nobody;

impl<E> Actor<E> for Nobody {
    fn handle(&mut self, _: &Event<E>, _: &mut Context<'_, E>) {}
}

impl<E> From<OnPanic> for Supervision<E> {
    fn from(policy: OnPanic) -> Self {
        match policy {
            OnPanic::Stop => Supervision::Stop,
            OnPanic::Resume => Supervision::Resume,
        }
    }
}

impl<E: 'static> Supervision<E> {
    /// Puts the first actor in its place, if there is a factory for it. False: that panicked.
    pub(crate) fn make(&mut self, actor: &mut Box<dyn Actor<E>>) -> bool {
        match self {
            Supervision::Restart(restarts) => restarts.make(actor),
            Supervision::Stop | Supervision::Resume => true,
        }
    }

    /// After a panic that is counted: ends the subscription, or sees to it that the actor or a fresh one can go on.
    pub(crate) fn recover(
        &mut self,
        actor: &mut Box<dyn Actor<E>>,
        context: &mut Context<'_, E>,
        count: Count<'_>,
    ) {
        match self {
            Supervision::Stop => context.record.state.end(StopReason::Panicked),
            Supervision::Resume => {}
            Supervision::Restart(restarts) => {
                // No more than `limit` in one go, however long a factory takes before it panics.
                for _ in 0..restarts.limit {
                    if context.record.state.has_ended() || !restarts.is_due() {
                        break;
                    }
                    count(Kind::Restarts, 1);
                    count(Kind::Panics, retire(actor, StopReason::Panicked));
                    if restarts.make(actor) && contain(|| actor.started(context)) {
                        return;
                    }
                    count(Kind::Panics, 1);
                }
                context.record.state.end(StopReason::Panicked);
            }
        }
    }
}

impl<E: 'static> Restarts<E> {
    /// Notes a restart, if one more is allowed now.
    fn is_due(&mut self) -> bool {
        let now = Instant::now();
        while let Some(&oldest) = self.recent.front()
            && now.duration_since(oldest) >= self.window
        {
            self.recent.pop_front();
        }
        let due = self.recent.len() < self.limit;
        if due {
            self.recent.push_back(now);
        }
        due
    }

    fn make(&mut self, actor: &mut Box<dyn Actor<E>>) -> bool {
        contain(|| *actor = (self.factory)())
    }
}

/// The last call of an actor, and its Drop. Says how many of the two panicked.
pub(crate) fn retire<E: 'static>(actor: &mut Box<dyn Actor<E>>, reason: StopReason) -> usize {
    let mut actor: Box<dyn Actor<E>> = std::mem::replace(actor, Box::new(Nobody));
    let stopped = contain(|| actor.stopped(reason));
    let dropped = contain(|| drop(actor));
    usize::from(!stopped) + usize::from(!dropped)
}
