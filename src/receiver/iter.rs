//! Iterating over a receiver.

use super::Receiver;
use crate::event::Event;
use std::fmt;
use std::iter::FusedIterator;

/// The blocking iterator of [`Receiver::iter`].
pub struct ReceiverIter<'a, E> {
    receiver: &'a mut Receiver<E>,
    is_over: bool,
}

impl<'a, E> ReceiverIter<'a, E> {
    pub(super) fn new(receiver: &'a mut Receiver<E>) -> Self {
        ReceiverIter {
            receiver,
            is_over: false,
        }
    }
}

impl<E> Iterator for ReceiverIter<'_, E> {
    type Item = Event<E>;

    fn next(&mut self) -> Option<Event<E>> {
        next(self.receiver, &mut self.is_over)
    }
}

impl<E> FusedIterator for ReceiverIter<'_, E> {}

impl<E> fmt::Debug for ReceiverIter<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiverIter").field(&self.receiver).finish()
    }
}

/// The blocking iterator over the events of a [`Receiver`] that it owns.
pub struct ReceiverIntoIter<E> {
    receiver: Receiver<E>,
    is_over: bool,
}

impl<E> Iterator for ReceiverIntoIter<E> {
    type Item = Event<E>;

    fn next(&mut self) -> Option<Event<E>> {
        next(&mut self.receiver, &mut self.is_over)
    }
}

impl<E> FusedIterator for ReceiverIntoIter<E> {}

impl<E> fmt::Debug for ReceiverIntoIter<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReceiverIntoIter")
            .field(&self.receiver)
            .finish()
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
    type IntoIter = ReceiverIntoIter<E>;

    fn into_iter(self) -> ReceiverIntoIter<E> {
        ReceiverIntoIter {
            receiver: self,
            is_over: false,
        }
    }
}

impl<'a, E> IntoIterator for &'a mut Receiver<E> {
    type Item = Event<E>;
    type IntoIter = ReceiverIter<'a, E>;

    fn into_iter(self) -> ReceiverIter<'a, E> {
        ReceiverIter::new(self)
    }
}
