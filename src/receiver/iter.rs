//! Iterating over a receiver.

use super::Receiver;
use crate::event::Event;
use std::fmt;
use std::iter::FusedIterator;

/// The blocking iterator of [`Receiver::iter`].
pub struct Iter<'a, E> {
    receiver: &'a mut Receiver<E>,
    is_over: bool,
}

impl<'a, E> Iter<'a, E> {
    pub(super) fn new(receiver: &'a mut Receiver<E>) -> Self {
        Iter {
            receiver,
            is_over: false,
        }
    }
}

impl<E> Iterator for Iter<'_, E> {
    type Item = Event<E>;

    fn next(&mut self) -> Option<Event<E>> {
        next(self.receiver, &mut self.is_over)
    }
}

impl<E> FusedIterator for Iter<'_, E> {}

impl<E> fmt::Debug for Iter<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Iter").field(&self.receiver).finish()
    }
}

/// The blocking iterator over the events of a [`Receiver`] that it owns.
pub struct IntoIter<E> {
    receiver: Receiver<E>,
    is_over: bool,
}

impl<E> Iterator for IntoIter<E> {
    type Item = Event<E>;

    fn next(&mut self) -> Option<Event<E>> {
        next(&mut self.receiver, &mut self.is_over)
    }
}

impl<E> FusedIterator for IntoIter<E> {}

impl<E> fmt::Debug for IntoIter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IntoIter").field(&self.receiver).finish()
    }
}

/// A thread that runs actors ends an iterator early, and events may come after that.
fn next<E>(receiver: &mut Receiver<E>, is_over: &mut bool) -> Option<Event<E>> {
    if *is_over {
        return None;
    }
    let event = receiver.recv().ok();
    *is_over = event.is_none();
    event
}

impl<E> IntoIterator for Receiver<E> {
    type Item = Event<E>;
    type IntoIter = IntoIter<E>;

    fn into_iter(self) -> IntoIter<E> {
        IntoIter {
            receiver: self,
            is_over: false,
        }
    }
}

impl<'a, E> IntoIterator for &'a mut Receiver<E> {
    type Item = Event<E>;
    type IntoIter = Iter<'a, E>;

    fn into_iter(self) -> Iter<'a, E> {
        Iter::new(self)
    }
}
