//! How long to wait before a collector that failed runs again.

use crate::backoff::{self, Jitter};
use std::time::Duration;

/// When a collector that failed or panicked runs again: after waits that double, up to a limit of attempts.
///
/// The wait before attempt n is between half and all of `base * 2^(n-1)`, at most `max`, drawn at random so that collectors
/// that failed together do not come back together. A run that lasted for [`settled_after`](Self::settled_after) before it
/// failed begins the count anew.
///
/// ```
/// use laneway::manager::collectors::Restarts;
/// use std::time::Duration;
///
/// let restarts = Restarts::default().limit(3).base(Duration::from_secs(1));
/// assert_eq!(restarts.bound(3), Duration::from_secs(4));
/// assert_eq!(restarts.bound(u32::MAX), Duration::from_secs(60)); // the default maximum
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    limit: u32,
    base: Duration,
    max: Duration,
    settled_after: Duration,
}

impl Default for Restarts {
    /// 8 attempts, from 100 ms to 60 s; a run of a minute begins the count anew.
    fn default() -> Self {
        Restarts {
            limit: 8,
            base: Duration::from_millis(100),
            max: Duration::from_secs(60),
            settled_after: Duration::from_secs(60),
        }
    }
}

impl Restarts {
    /// None at all: the first failure is the last.
    pub fn never() -> Self {
        Self::default().limit(0)
    }

    /// How many attempts in a row may follow a failure. `u32::MAX`: any number.
    #[must_use]
    pub fn limit(mut self, attempts: u32) -> Self {
        self.limit = attempts;
        self
    }

    /// The longest wait before the first attempt.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest wait of all.
    #[must_use]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// How long a run has to last for the count to begin anew.
    #[must_use]
    pub fn settled_after(mut self, duration: Duration) -> Self {
        self.settled_after = duration;
        self
    }

    /// The longest wait before this attempt, counted from 1. Never wraps.
    pub fn bound(&self, attempt: u32) -> Duration {
        backoff::bound(Duration::ZERO, self.base, self.max, attempt)
    }
}

/// The failures in a row of one collector.
pub(super) struct Backoff {
    restarts: Restarts,
    attempts: u32,
    jitter: Jitter,
}

impl Backoff {
    pub(super) fn new(restarts: Restarts) -> Self {
        Backoff {
            restarts,
            attempts: 0,
            jitter: Jitter::new(),
        }
    }

    /// The next attempt and the wait before it. `None`: there were as many as there may be.
    pub(super) fn after_run_of(&mut self, ran_for: Duration) -> Option<(u32, Duration)> {
        if ran_for >= self.restarts.settled_after {
            self.attempts = 0;
        }
        if self.attempts >= self.restarts.limit {
            return None;
        }
        self.attempts = self.attempts.saturating_add(1);
        let half = self.restarts.bound(self.attempts) / 2;
        Some((
            self.attempts,
            half + backoff::below(half, self.jitter.next()),
        ))
    }
}
