//! Waiting until others are done. Off the hot path: a short lock is fine here.

use crate::sync::{Mutex, Thread, current, park, park_timeout};
use std::sync::{Arc, Weak};
use std::time::Instant;

struct State {
    left: usize,
    waiting: Vec<Thread>,
}

/// The waiting end.
#[derive(Clone)]
pub(crate) struct Countdown(Arc<Mutex<State>>);

/// One of those waited for. Dropping it says "done", so a command that is never carried out holds nobody up either.
pub(crate) struct Done(Weak<Mutex<State>>);

impl Countdown {
    /// `count` ends to wait for.
    pub(crate) fn new(count: usize) -> (Self, Vec<Done>) {
        let state = Arc::new(Mutex::new(State {
            left: count,
            waiting: Vec::new(),
        }));
        let all = (0..count).map(|_| Done(Arc::downgrade(&state))).collect();
        (Countdown(state), all)
    }

    /// One end to wait for.
    pub(crate) fn of_one() -> (Self, Done) {
        let (countdown, mut all) = Countdown::new(1);
        (countdown, all.pop().expect("one was asked for"))
    }

    pub(crate) fn is_same(&self, other: &Countdown) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.lock().left == 0
    }

    /// Blocks until all are done, or `deadline`; without one for ever. Says whether all are done.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let this = current();
        let id = this.id();
        {
            let mut state = self.0.lock();
            if state.left == 0 {
                return true;
            }
            state.waiting.push(this);
        }
        loop {
            match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => park(),
                Some(left) if left.is_zero() => break,
                Some(left) => park_timeout(left),
            }
            if self.0.lock().left == 0 {
                return true;
            }
        }
        let mut state = self.0.lock();
        state.waiting.retain(|thread| thread.id() != id);
        state.left == 0
    }
}

impl Done {
    /// Nobody waits any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        let Some(state) = self.0.upgrade() else {
            return;
        };
        let waiting = {
            let mut state = state.lock();
            state.left -= 1;
            if state.left > 0 {
                return;
            }
            std::mem::take(&mut state.waiting)
        };
        for thread in waiting {
            thread.unpark();
        }
    }
}
