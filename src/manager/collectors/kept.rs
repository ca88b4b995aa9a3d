//! A collector in the registry's hands.

use super::Collector;
use crate::contain::contain;

/// A collector whose Drop may panic. Where it is dropped is not always up to us: a thread that is detached drops what it
/// returns, and a panic there would end the process.
pub(super) struct Kept<E>(Option<Box<dyn Collector<E>>>);

impl<E: 'static> Kept<E> {
    pub(super) fn new(collector: impl Collector<E>) -> Self {
        Kept(Some(Box::new(collector)))
    }

    pub(super) fn get(&mut self) -> &mut dyn Collector<E> {
        &mut **self.0.as_mut().expect("it is there until this is dropped")
    }
}

impl<E> Drop for Kept<E> {
    fn drop(&mut self) {
        let collector = self.0.take();
        contain(|| drop(collector));
    }
}
