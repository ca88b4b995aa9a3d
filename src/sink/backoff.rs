//! Exponential backoff with full jitter.

use super::error::SinkError;
use super::retry::{Proceed, Strategy};
use crate::backoff::{self, Jitter};
use std::fmt;
use std::time::{Duration, Instant};

/// Waits longer the more attempts in a row have failed, by random times, so that those who fail together do not come back
/// together.
///
/// After n failures the wait is uniform between 0 and [`bound(n)`](Self::bound), which is `base + factor * 2^(n-1)`, at most
/// `max`; without failures there is none. The defaults are 1 s, 1 s and 20 s: bounds of 2, 3, 5, 9, 17, 20, 20 s.
/// An event that is written begins it anew.
///
/// ```
/// use laneway::sink::ExponentialBackoff;
/// use std::time::Duration;
///
/// let backoff = ExponentialBackoff::default();
/// assert_eq!(backoff.bound(0), Duration::ZERO);
/// assert_eq!(backoff.bound(1), Duration::from_secs(2));
/// assert_eq!(backoff.bound(5), Duration::from_secs(17));
/// assert_eq!(backoff.bound(u32::MAX), Duration::from_secs(20));
/// ```
pub struct ExponentialBackoff {
    base: Duration,
    factor: Duration,
    max: Duration,
    failures: u32,
    random: Box<dyn FnMut() -> u64 + Send>,
}

impl ExponentialBackoff {
    /// With these instead of the defaults. A `max` of zero does not wait at all.
    pub fn new(base: Duration, factor: Duration, max: Duration) -> Self {
        let mut jitter = Jitter::new();
        ExponentialBackoff {
            base,
            factor,
            max,
            failures: 0,
            random: Box::new(move || jitter.next()),
        }
    }

    /// Takes its random numbers from here, each uniform over all of `u64`.
    ///
    /// ```
    /// use laneway::sink::{ExponentialBackoff, Proceed, SinkError, Strategy};
    /// use std::time::{Duration, Instant};
    ///
    /// let mut backoff = ExponentialBackoff::default().random(|| 1 << 63);
    /// let now = Instant::now();
    /// backoff.failed(now, &SinkError::failed("unreachable"));
    /// assert_eq!(backoff.proceed(now), Proceed::After(Duration::from_secs(1)), "half of 2 s");
    /// ```
    #[must_use]
    pub fn random(mut self, random: impl FnMut() -> u64 + Send + 'static) -> Self {
        self.random = Box::new(random);
        self
    }

    /// What waits stay below after so many failures. Never wraps around.
    pub fn bound(&self, failures: u32) -> Duration {
        backoff::bound(self.base, self.factor, self.max, failures)
    }

    /// Attempts that have failed since the last that did not.
    pub fn failures(&self) -> u32 {
        self.failures
    }
}

impl Default for ExponentialBackoff {
    fn default() -> Self {
        let second = Duration::from_secs(1);
        ExponentialBackoff::new(second, second, 20 * second)
    }
}

impl Strategy for ExponentialBackoff {
    fn proceed(&mut self, _: Instant) -> Proceed {
        let delay = backoff::below(self.bound(self.failures), (self.random)());
        if delay.is_zero() {
            Proceed::Now
        } else {
            Proceed::After(delay)
        }
    }

    fn failed(&mut self, _: Instant, _: &SinkError) {
        self.failures = self.failures.saturating_add(1);
    }

    fn succeeded(&mut self) {
        self.failures = 0;
    }
}

impl fmt::Debug for ExponentialBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExponentialBackoff")
            .field("base", &self.base)
            .field("factor", &self.factor)
            .field("max", &self.max)
            .field("failures", &self.failures)
            .finish_non_exhaustive()
    }
}
