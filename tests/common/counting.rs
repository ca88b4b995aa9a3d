//! Counting what happens to payloads, and noting what handlers saw.

use laneway::Event;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What became of all [`Tracked`] values that it made.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    made: AtomicUsize,
    clones: AtomicUsize,
    drops: AtomicUsize,
}

impl Tally {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn track<T>(self: &Arc<Self>, value: T) -> Tracked<T> {
        self.made.fetch_add(1, Ordering::Relaxed);
        Tracked {
            value,
            tally: Arc::clone(self),
        }
    }

    /// Values made by [`track`](Self::track).
    pub(crate) fn made(&self) -> usize {
        self.made.load(Ordering::Acquire)
    }

    pub(crate) fn clones(&self) -> usize {
        self.clones.load(Ordering::Acquire)
    }

    pub(crate) fn drops(&self) -> usize {
        self.drops.load(Ordering::Acquire)
    }

    /// Every value was dropped, and none of them twice.
    #[track_caller]
    pub(crate) fn assert_balanced(&self) {
        let (made, clones) = (self.made(), self.clones());
        assert_eq!(
            self.drops(),
            made + clones,
            "{made} were made and {clones} cloned"
        );
    }
}

/// A value whose clones and drops are counted.
#[derive(Debug)]
pub(crate) struct Tracked<T> {
    pub(crate) value: T,
    tally: Arc<Tally>,
}

impl<T: Clone> Clone for Tracked<T> {
    fn clone(&self) -> Self {
        self.tally.clones.fetch_add(1, Ordering::Relaxed);
        Tracked {
            value: self.value.clone(),
            tally: Arc::clone(&self.tally),
        }
    }
}

impl<T> Drop for Tracked<T> {
    fn drop(&mut self) {
        self.tally.drops.fetch_add(1, Ordering::Release);
    }
}

/// Counts events from handlers on any shard.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Arc<AtomicUsize>);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// A handler that counts.
    pub(crate) fn handler<E>(&self) -> impl FnMut(&Event<E>) + Send + use<E> + 'static {
        let count = self.clone();
        move |_| count.add()
    }
}

/// What handlers saw, in their order.
#[derive(Debug)]
pub(crate) struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Default for Log<T> {
    fn default() -> Self {
        Log(Arc::default())
    }
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log(Arc::clone(&self.0))
    }
}

impl<T: Clone + Send + 'static> Log<T> {
    pub(crate) fn push(&self, value: T) {
        self.entries().push(value);
    }

    pub(crate) fn all(&self) -> Vec<T> {
        self.entries().clone()
    }

    pub(crate) fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.entries())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries().len()
    }

    /// A handler that notes payloads.
    pub(crate) fn handler(&self) -> impl FnMut(&Event<T>) + Send + 'static {
        let log = self.clone();
        move |event| log.push(event.payload().clone())
    }

    fn entries(&self) -> std::sync::MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
