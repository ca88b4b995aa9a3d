//! The queue of the workers. It has an entry for each subscription with something to do, never events.

use crate::manager::cancel::{Cancel, lock};
use crate::manager::run::{Entry, Job};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What workers share.
#[derive(Debug)]
pub(in crate::manager) struct Pool {
    state: Mutex<State>,
    /// There is something to do, or nothing ever again.
    work: Condvar,
    /// Nothing is pending.
    idle: Condvar,
    /// Kills the commands that run.
    pub(in crate::manager) cancel: Cancel,
}

#[derive(Debug, Default)]
struct State {
    /// Each subscription at most once.
    ready: VecDeque<Arc<Entry>>,
    /// Jobs that wait for their next attempt, by when and in which order. As many as subscriptions have pending.
    delayed: BTreeMap<(Instant, u64), (Arc<Entry>, Job)>,
    next: u64,
    /// Events that wait, run, or wait for another attempt, of all subscriptions.
    pending: usize,
    /// Events that are pending no more.
    settled: u64,
    /// Nothing waits for another attempt any more.
    is_closing: bool,
    /// Workers end.
    is_closed: bool,
}

/// What a worker does next.
pub(super) enum Next {
    Run(Arc<Entry>),
    Again(Arc<Entry>, Job),
    End,
}

impl Pool {
    pub(in crate::manager) fn new(cancel: Cancel) -> Self {
        Pool {
            state: Mutex::default(),
            work: Condvar::new(),
            idle: Condvar::new(),
            cancel,
        }
    }

    /// An entry that is not in the queue gets its place there.
    pub(super) fn schedule(&self, entry: Arc<Entry>) {
        lock(&self.state).ready.push_back(entry);
        self.work.notify_one();
    }

    pub(super) fn accepted(&self) {
        lock(&self.state).pending += 1;
    }

    pub(super) fn settled(&self, jobs: usize) {
        let mut state = lock(&self.state);
        state.pending -= jobs;
        state.settled += jobs as u64;
        if state.pending == 0 {
            self.idle.notify_all();
        }
    }

    /// Waits with a job until its next attempt; gives it back when the pool closes.
    pub(super) fn delay(&self, entry: &Arc<Entry>, job: Job, time: Duration) -> Option<Job> {
        let mut state = lock(&self.state);
        let due = Instant::now().checked_add(time);
        let Some(due) = due.filter(|_| !state.is_closing) else {
            return Some(job);
        };
        let number = state.next;
        state.next += 1;
        state
            .delayed
            .insert((due, number), (Arc::clone(entry), job));
        self.work.notify_one();
        None
    }

    /// Forgets the jobs of an entry that wait for another attempt, and says how many.
    pub(super) fn discard(&self, entry: &Entry) -> usize {
        let mut state = lock(&self.state);
        let before = state.delayed.len();
        state
            .delayed
            .retain(|_, (waiting, _)| !std::ptr::eq(&raw const **waiting, entry));
        before - state.delayed.len()
    }

    /// Waits for something to do.
    pub(super) fn next(&self) -> Next {
        let mut state = lock(&self.state);
        loop {
            if state.is_closed {
                return Next::End;
            }
            let now = Instant::now();
            let due = state.delayed.keys().next().map(|(due, _)| *due);
            if let Some(due) = due
                && (due <= now || state.is_closing)
                && let Some((_, (entry, job))) = state.delayed.pop_first()
            {
                return Next::Again(entry, job);
            }
            if let Some(entry) = state.ready.pop_front() {
                return Next::Run(entry);
            }
            state = match due {
                Some(due) => {
                    let waited = self.work.wait_timeout(state, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => (self.work.wait(state)).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits until nothing is pending; false if the time is up before. Says how many jobs were settled ever.
    pub(in crate::manager) fn wait_idle(&self, deadline: Option<Instant>) -> (bool, u64) {
        let mut state = lock(&self.state);
        while state.pending > 0 {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return (false, state.settled),
                Some(left) => {
                    let waited = self.idle.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => (self.idle.wait(state)).unwrap_or_else(PoisonError::into_inner),
            };
        }
        (true, state.settled)
    }

    pub(in crate::manager) fn is_closing(&self) -> bool {
        lock(&self.state).is_closing
    }

    /// From now on nothing is tried again: what waits for that fails now, for good.
    pub(in crate::manager) fn close(&self) {
        lock(&self.state).is_closing = true;
        self.work.notify_all();
    }

    /// Workers end after what they are at.
    pub(in crate::manager) fn end(&self) {
        let mut state = lock(&self.state);
        state.is_closed = true;
        // They hold entries, which hold this.
        state.ready.clear();
        self.work.notify_all();
    }
}
