//! How long to wait before a collector that failed runs again.

use std::hash::{BuildHasher, RandomState};
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
        const SECOND: u128 = 1_000_000_000;
        let factor = 1_u128 << attempt.saturating_sub(1).min(120);
        let nanos = self.base.as_nanos().saturating_mul(factor);
        if nanos >= self.max.as_nanos() {
            return self.max;
        }
        Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
    }
}

/// The failures in a row of one collector.
pub(super) struct Backoff {
    restarts: Restarts,
    attempts: u32,
    /// SplitMix64: any sequence that differs from one collector to the next will do.
    random: u64,
}

impl Backoff {
    pub(super) fn new(restarts: Restarts) -> Self {
        Backoff {
            restarts,
            attempts: 0,
            random: RandomState::new().hash_one(0),
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
        Some((self.attempts, half + half.mul_f64(self.share())))
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}
