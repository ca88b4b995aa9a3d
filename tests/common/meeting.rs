//! Places where threads wait for each other.

use super::guard::{LIMIT, Waited, wait_until};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// Lets a number of threads go at the same moment, as near as spinning gets.
#[derive(Debug)]
pub(crate) struct SpinBarrier {
    parties: usize,
    arrived: AtomicUsize,
}

impl SpinBarrier {
    pub(crate) fn new(parties: usize) -> Arc<Self> {
        Arc::new(SpinBarrier {
            parties,
            arrived: AtomicUsize::new(0),
        })
    }

    /// Can be used again and again by the same threads.
    #[track_caller]
    pub(crate) fn wait(&self) {
        let arrived = self.arrived.fetch_add(1, Ordering::AcqRel);
        let all = (arrived / self.parties + 1) * self.parties;
        let are_all_here = || self.arrived.load(Ordering::Acquire) >= all;
        for _ in 0..1000 {
            if are_all_here() {
                return;
            }
            std::hint::spin_loop();
        }
        wait_until(are_all_here);
    }
}

/// A door that opens once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Latch(Arc<(Mutex<bool>, Condvar)>);

impl Latch {
    pub(crate) fn open(&self) {
        let (is_open, changed) = &*self.0;
        *is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
    }

    pub(crate) fn is_open(&self) -> bool {
        *(self.0.0).lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[track_caller]
    pub(crate) fn wait(&self) {
        let (is_open, changed) = &*self.0;
        let mut waited = Waited::new();
        let mut guard = is_open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*guard && !waited.is_over(LIMIT) {
            (guard, _) = changed
                .wait_timeout(guard, Waited::slice())
                .unwrap_or_else(PoisonError::into_inner);
        }
        let opened = *guard;
        drop(guard);
        assert!(opened, "nobody opened the latch");
    }
}

/// A place in a handler where it stops until the test lets it go.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hold {
    arrived: Latch,
    released: Latch,
}

impl Hold {
    /// For the handler.
    pub(crate) fn stop_here(&self) {
        self.arrived.open();
        self.released.wait();
    }

    #[track_caller]
    pub(crate) fn wait_for_arrival(&self) {
        self.arrived.wait();
    }

    pub(crate) fn release(&self) {
        self.released.open();
    }
}
