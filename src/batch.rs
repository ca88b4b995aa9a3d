//! A run of events, as an actor gets it.

use crate::event::Event;
use crate::lane::Run;
use crate::shard::mailbox::{Store, Waiting};
use crate::subscription::State;
use std::cell::Cell;
use std::fmt;
use std::iter::FusedIterator;

/// Events of one class for one actor, in order: an iterator over references to them.
///
/// It ends early once the actor is stopped, unsubscribed or suspended.
pub struct Batch<'a, E> {
    pub(crate) source: Source<'a, E>,
    pub(crate) progress: &'a Progress,
    pub(crate) state: &'a State,
}

/// How far an actor has got with a batch. It lives with the caller, which counts by it even if the actor panics or leaks the
/// batch.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// How many events were taken.
    pub(crate) taken: Cell<usize>,
    /// The batch ended early because the actor was halted, so what is left was not left by the actor. The halt itself may be
    /// over by the time the actor returns.
    pub(crate) was_halted: Cell<bool>,
}

/// Where the events of a batch are.
pub(crate) enum Source<'a, E> {
    /// A whole run of a lane.
    Run(Run<'a, E>),
    /// Some events of a run, by their offsets, which rise; beside each the seat it was picked for.
    Picks(Run<'a, E>, &'a [Pick]),
    /// They wait in a mailbox.
    Mailbox(&'a Store<E>, &'a [Waiting]),
}

/// One event of a run for one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pick {
    pub(crate) seat: u32,
    pub(crate) offset: u32,
}

impl<E> Clone for Source<'_, E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Source<'_, E> {}

impl<'a, E> Source<'a, E> {
    /// A whole run, or these of it.
    #[inline(always)]
    pub(crate) fn of(run: Run<'a, E>, picks: Option<&'a [Pick]>) -> Self {
        match picks {
            None => Source::Run(run),
            Some(picks) => Source::Picks(run, picks),
        }
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Source::Run(run) => run.len(),
            Source::Picks(_, picks) => picks.len(),
            Source::Mailbox(_, waiting) => waiting.len(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, index: usize) -> Option<&'a Event<E>> {
        match self {
            Source::Run(run) => run.get(index),
            Source::Picks(run, picks) => run.get(picks.get(index)?.offset as usize),
            Source::Mailbox(store, waiting) => store.get(waiting.get(index)?.key),
        }
    }

    /// The offset in its run of the event at `index`.
    pub(crate) fn offset(&self, index: usize) -> usize {
        match self {
            Source::Picks(_, picks) => picks[index].offset as usize,
            Source::Run(_) | Source::Mailbox(..) => index,
        }
    }

    /// The run they are of.
    pub(crate) fn run(&self) -> Option<Run<'a, E>> {
        match self {
            Source::Run(run) | Source::Picks(run, _) => Some(*run),
            Source::Mailbox(..) => None,
        }
    }

    /// Those behind the first `count`, one by one: for when few are left.
    pub(crate) fn rest(self, count: usize) -> impl Iterator<Item = (usize, &'a Event<E>)> {
        (count..self.len()).filter_map(move |index| Some((self.offset(index), self.get(index)?)))
    }
}

impl<'a, E> Batch<'a, E> {
    /// Hands the events that are left to `take`. `get` finds them by their index.
    #[inline(always)]
    fn each(
        &self,
        get: impl Fn(usize) -> Option<&'a Event<E>>,
        mut take: impl FnMut(&'a Event<E>),
    ) {
        let mut taken = Taken::of(self.progress);
        while !self.is_halted()
            && let Some(event) = get(taken.count)
        {
            taken.count += 1;
            take(event);
        }
    }

    #[inline(always)]
    fn is_halted(&self) -> bool {
        let is_halted = self.state.is_halted();
        if is_halted {
            self.progress.was_halted.set(true);
        }
        is_halted
    }
}

/// How many events were taken, in a register: written down only when all that are taken in one go have been, or one of them
/// panicked.
struct Taken<'p> {
    count: usize,
    progress: &'p Progress,
}

impl<'p> Taken<'p> {
    #[inline(always)]
    fn of(progress: &'p Progress) -> Self {
        let count = progress.taken.get();
        Taken { count, progress }
    }
}

impl Drop for Taken<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.progress.taken.set(self.count);
    }
}

impl<'a, E> Iterator for Batch<'a, E> {
    type Item = &'a Event<E>;

    #[inline]
    fn next(&mut self) -> Option<&'a Event<E>> {
        // Once it said so, it does not go on, even if the actor is resumed meanwhile.
        if self.progress.was_halted.get() || self.is_halted() {
            return None;
        }
        let mut taken = Taken::of(self.progress);
        let event = self.source.get(taken.count)?;
        taken.count += 1;
        Some(event)
    }

    /// Asks once where the events are, and not for each.
    #[inline]
    fn for_each<F: FnMut(Self::Item)>(self, take: F) {
        match self.source {
            Source::Run(run) => self.each(|index| run.get(index), take),
            source => self.each(|index| source.get(index), take),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.len() - self.progress.taken.get();
        (0, Some(left))
    }
}

impl<E> FusedIterator for Batch<'_, E> {}

impl<E> Batch<'_, E> {
    /// How many events are left to take, unless the actor is stopped meanwhile.
    pub fn len(&self) -> usize {
        if self.state.is_halted() {
            0
        } else {
            self.source.len() - self.progress.taken.get()
        }
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<E> fmt::Debug for Batch<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}
