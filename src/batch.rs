//! A run of events, as an actor gets it.

use crate::event::Event;
use crate::lane::Run;
use crate::subscription::Hot;
use std::cell::Cell;
use std::fmt;
use std::iter::FusedIterator;

/// Events of one class for one actor, in the order of their lane: an iterator over references into it.
///
/// It ends early once the actor is stopped, unsubscribed or suspended.
pub struct Batch<'a, E> {
    pub(crate) run: Run<'a, E>,
    pub(crate) picks: Picks<'a>,
    /// How many were taken. It lives in the shard, which counts by it even if the actor panics or leaks the batch.
    pub(crate) taken: &'a Cell<usize>,
    pub(crate) hot: &'a Hot,
}

/// Which events of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Picks<'a> {
    All,
    /// The offsets, rising; beside each the seat it was picked for.
    Some(&'a [Pick]),
}

/// One event of a run for one seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pick {
    pub(crate) seat: u32,
    pub(crate) offset: u32,
}

impl<E> Batch<'_, E> {
    fn total(&self) -> usize {
        match self.picks {
            Picks::All => self.run.len(),
            Picks::Some(picks) => picks.len(),
        }
    }
}

impl<'a, E> Iterator for Batch<'a, E> {
    type Item = &'a Event<E>;

    #[inline]
    fn next(&mut self) -> Option<&'a Event<E>> {
        let next = self.taken.get();
        if self.hot.is_halted() {
            return None;
        }
        let event = match self.picks {
            Picks::All => self.run.get(next)?,
            Picks::Some(picks) => self.run.get(picks.get(next)?.offset as usize)?,
        };
        self.taken.set(next + 1);
        Some(event)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.total() - self.taken.get();
        (0, Some(left))
    }
}

impl<E> FusedIterator for Batch<'_, E> {}

impl<E> Batch<'_, E> {
    /// How many events are left to take, unless the actor is stopped meanwhile.
    pub fn len(&self) -> usize {
        if self.hot.is_halted() {
            0
        } else {
            self.total() - self.taken.get()
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
