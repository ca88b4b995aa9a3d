//! A bounded queue of events: what a queue's thread and a channel's reader take from.

use super::cancel::{CancelToken, LOOK};
use super::error::{SinkError, check_capacity};
use super::{lock, until};
use crate::contain::contain;
use crate::event::Event;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a full [`Queue`](super::Queue) or [`channel`](super::channel()) does with one more event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WhenFull {
    /// Gives [`SinkError::Full`] at once. The default.
    #[default]
    Refuse,
    /// Waits for room, up to this long, and then gives [`SinkError::Full`]. `Duration::MAX` is for ever.
    Block(Duration),
    /// Drops the event that waited longest, and counts it.
    DropOldest,
}

/// No user code runs under its lock: events are cloned and dropped outside.
pub(super) struct Buffer<E> {
    state: Mutex<State<E>>,
    filled: Condvar,
    room: Condvar,
}

struct State<E> {
    waiting: VecDeque<Event<E>>,
    capacity: usize,
    when_full: WhenFull,
    is_open: bool,
    /// Somebody may still take out what is in it.
    has_reader: bool,
    counts: BufferCounts,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BufferCounts {
    pub(super) accepted: u64,
    /// That waited longest, for a newer one.
    pub(super) dropped: u64,
    pub(super) refused: u64,
    pub(super) waiting: usize,
    /// Popped and not settled.
    pub(super) taken: usize,
}

/// What a reader finds.
pub(super) enum Pop<E> {
    Event(Event<E>),
    /// Nothing, and the time is up.
    Empty,
    /// Nothing, and nothing will come; or it was cancelled.
    Ended,
}

impl<E> Buffer<E> {
    #[track_caller]
    pub(super) fn new(capacity: usize) -> Self {
        check_capacity(capacity);
        Buffer {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                capacity,
                when_full: WhenFull::default(),
                is_open: true,
                has_reader: true,
                counts: BufferCounts::default(),
            }),
            filled: Condvar::new(),
            room: Condvar::new(),
        }
    }

    pub(super) fn when_full(&self, when_full: WhenFull) {
        lock(&self.state).when_full = when_full;
    }

    pub(super) fn is_open(&self) -> bool {
        lock(&self.state).is_open
    }

    pub(super) fn push(&self, event: Event<E>, cancel: &CancelToken) -> Result<(), SinkError> {
        let mut state = lock(&self.state);
        let mut displaced = None;
        let mut end = None;
        while state.is_open && state.waiting.len() >= state.capacity {
            match state.when_full {
                WhenFull::Refuse => return Err(state.refuse()),
                WhenFull::DropOldest => {
                    displaced = state.waiting.pop_front();
                    state.counts.dropped += 1;
                }
                WhenFull::Block(limit) => {
                    let end = *end.get_or_insert_with(|| until(limit));
                    let left =
                        end.map_or(LOOK, |end| end.saturating_duration_since(Instant::now()));
                    if left.is_zero() {
                        return Err(state.refuse());
                    }
                    state = wait(&self.room, state, left.min(LOOK));
                    if state.waiting.len() >= state.capacity {
                        // What is watched by the token is somebody else's code.
                        drop(state);
                        if cancel.is_cancelled() {
                            return Err(SinkError::Cancelled { last: None });
                        }
                        state = lock(&self.state);
                    }
                }
            }
        }
        if !state.is_open {
            return Err(SinkError::Closed);
        }
        state.waiting.push_back(event);
        state.counts.accepted += 1;
        drop(state);
        self.filled.notify_one();
        drop(displaced);
        Ok(())
    }

    /// The next event, waited for until `end`. What it gives is to be [settled](Self::settle).
    pub(super) fn pop(&self, end: Option<Instant>, cancel: &CancelToken) -> Pop<E> {
        let mut state = lock(&self.state);
        loop {
            // Not what it follows: that is somebody else's code.
            if cancel.is_set() {
                return Pop::Ended;
            }
            if let Some(event) = state.waiting.pop_front() {
                state.counts.taken += 1;
                drop(state);
                self.room.notify_one();
                return Pop::Event(event);
            }
            if !state.is_open {
                return Pop::Ended;
            }
            let now = Instant::now();
            let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(now));
            if left.is_zero() {
                return Pop::Empty;
            }
            state = wait(&self.filled, state, left);
        }
    }

    /// What was popped is dealt with.
    pub(super) fn settle(&self) {
        lock(&self.state).counts.taken -= 1;
    }

    /// What was popped is not, and is the next one again.
    pub(super) fn put_back(&self, event: Event<E>) {
        let mut state = lock(&self.state);
        state.counts.taken -= 1;
        state.waiting.push_front(event);
    }

    /// Takes the newest one out as if it had not come.
    pub(super) fn take_back(&self) -> Option<Event<E>> {
        let mut state = lock(&self.state);
        let event = state.waiting.pop_back()?;
        state.counts.accepted -= 1;
        Some(event)
    }

    /// Takes no more. What it holds can be popped.
    pub(super) fn close(&self) {
        lock(&self.state).is_open = false;
        self.wake();
    }

    /// Takes no more, and nobody pops what it holds.
    pub(super) fn abandon(&self) {
        lock(&self.state).has_reader = false;
        self.close();
    }

    /// Takes no more, and gives what nobody will pop.
    pub(super) fn close_and_take(&self) -> Vec<Event<E>> {
        self.close();
        let mut state = lock(&self.state);
        if state.has_reader {
            Vec::new()
        } else {
            std::mem::take(&mut state.waiting).into()
        }
    }

    /// For who cancels a token that somebody pops by.
    pub(super) fn wake(&self) {
        // Whoever has looked and does not wait yet holds the lock.
        drop(lock(&self.state));
        self.filled.notify_all();
        self.room.notify_all();
    }

    /// All that it holds.
    pub(super) fn drain(&self) -> Vec<Event<E>> {
        std::mem::take(&mut lock(&self.state).waiting).into()
    }

    pub(super) fn counts(&self) -> BufferCounts {
        let state = lock(&self.state);
        BufferCounts {
            waiting: state.waiting.len(),
            ..state.counts
        }
    }
}

impl<E> Drop for Buffer<E> {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let events = state.waiting.len();
        if events > 0 {
            contain(|| tracing::warn!(events, "a queue was dropped with events in it"));
        }
    }
}

impl<E> State<E> {
    fn refuse(&mut self) -> SinkError {
        self.counts.refused += 1;
        SinkError::Full {
            capacity: self.capacity,
        }
    }
}

fn wait<'a, T>(
    condition: &Condvar,
    guard: MutexGuard<'a, T>,
    duration: Duration,
) -> MutexGuard<'a, T> {
    // A wait for ever is too long for some systems' clocks.
    let duration = duration.min(Duration::from_secs(3600));
    let waited = condition.wait_timeout(guard, duration);
    waited.unwrap_or_else(PoisonError::into_inner).0
}
