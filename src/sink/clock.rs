//! The time that retries go by, and one that tests move on.

use super::cancel::CancelToken;
use super::lock;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Tells the time and waits. [`SystemClock`] for real, [`ManualClock`] in tests.
pub trait Clock: Send + 'static {
    /// What time it is.
    fn now(&self) -> Instant;

    /// Waits, but not longer than until `cancel` is cancelled.
    fn wait(&self, duration: Duration, cancel: &CancelToken);
}

/// The clock of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) {
        cancel.wait(duration);
    }
}

/// A clock that stands still until it is moved, by [`advance`](Self::advance) or by somebody who waits: waits are over at once.
///
/// Clones are the same clock.
///
/// ```
/// use laneway::sink::{CancelToken, Clock, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// let start = clock.now();
/// clock.wait(Duration::from_secs(20), &CancelToken::new());
/// assert_eq!(clock.now() - start, Duration::from_secs(20));
/// assert_eq!(clock.waits(), [Duration::from_secs(20)]);
/// ```
#[derive(Clone)]
pub struct ManualClock {
    start: Instant,
    state: Arc<Mutex<(Duration, Vec<Duration>)>>,
}

impl ManualClock {
    /// One that shows the time at which it was made.
    #[expect(
        clippy::new_without_default,
        reason = "two of them do not show the same time"
    )]
    pub fn new() -> Self {
        ManualClock {
            start: Instant::now(),
            state: Arc::default(),
        }
    }

    /// Moves it on.
    pub fn advance(&self, duration: Duration) {
        let (elapsed, _) = &mut *lock(&self.state);
        *elapsed = elapsed.saturating_add(duration);
    }

    /// What was waited for, in order.
    pub fn waits(&self) -> Vec<Duration> {
        lock(&self.state).1.clone()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Instant {
        let elapsed = lock(&self.state).0;
        self.start.checked_add(elapsed).unwrap_or(self.start)
    }

    fn wait(&self, duration: Duration, cancel: &CancelToken) {
        if !cancel.is_cancelled() {
            lock(&self.state).1.push(duration);
            self.advance(duration);
        }
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualClock")
            .field("elapsed", &lock(&self.state).0)
            .finish_non_exhaustive()
    }
}
