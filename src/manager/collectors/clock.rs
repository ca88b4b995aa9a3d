//! The time that restarts go by.

use super::stop::Stop;
use std::time::Instant;

/// What the waits between restarts are measured with. Replaced in tests; others need not know it.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Instant;

    /// Waits until `at`, or until `stop` is told: then it is true.
    fn wait_until(&self, stop: &Stop, at: Instant) -> bool;
}

/// The clock of the system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wait_until(&self, stop: &Stop, at: Instant) -> bool {
        stop.wait(at.saturating_duration_since(Instant::now()))
    }
}
