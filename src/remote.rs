//! The way from a shard to a reader on another thread.

use crate::countdown::Done;
use crate::event::Event;
use crate::sleep::Waiter;
use std::convert::Infallible;
use std::marker::PhantomData;

/// The shard's end.
pub(crate) struct Outbox<E>(Infallible, PhantomData<E>);

impl<E> Outbox<E> {
    pub(crate) fn room(&mut self) -> usize {
        match self.0 {}
    }
    pub(crate) fn depth(&mut self) -> usize {
        match self.0 {}
    }
    pub(crate) fn capacity(&self) -> usize {
        match self.0 {}
    }
    pub(crate) fn push(&mut self, _: Event<E>, _: u64) {
        match self.0 {}
    }
    pub(crate) fn signal(&self) {
        match self.0 {}
    }
    pub(crate) fn wake(&self) {
        match self.0 {}
    }
    pub(crate) fn arm(&self, _: &Waiter) {
        match self.0 {}
    }
    pub(crate) fn barrier(&self, _: Done) {
        match self.0 {}
    }
    pub(crate) fn close(self, _: Vec<(u64, Event<E>)>, _: u64, _: Option<Done>) -> usize {
        match self.0 {}
    }
}
