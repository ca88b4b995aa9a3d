//! What happens to events whose function fails.

use crate::backoff::{self, Jitter};
use crate::manager::rule::{self, Check, InvalidField, Rule};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// How often a function is tried with one event, and how long to wait between.
///
/// The wait before another attempt is random, up to `base * 2^(failures - 1)` and never beyond `max`.
///
/// # Examples
///
/// ```
/// use laneway::manager::Retry;
/// use std::time::Duration;
///
/// let retry = Retry::attempts(5).base(Duration::from_millis(50)).max(Duration::from_secs(2));
/// assert_eq!(retry.bound(3), Duration::from_millis(200));
/// assert_eq!(retry.bound(1000), Duration::from_secs(2));
/// assert_eq!((retry.most_attempts(), retry.longest_wait()), (5, Duration::from_secs(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    attempts: u32,
    base: Duration,
    max: Duration,
}

/// The most attempts.
const MAX_ATTEMPTS: u32 = 1000;
/// The longest wait.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Retry {
    /// One attempt.
    fn default() -> Self {
        Retry::attempts(1)
    }
}

impl Retry {
    /// At most so many attempts, 1 to 1000, with waits of up to 100 ms after the first and up to 30 s in the end.
    pub fn attempts(attempts: u32) -> Self {
        Retry {
            attempts,
            base: Duration::from_millis(100),
            max: Duration::from_secs(30),
        }
    }

    /// The longest wait after the first failure.
    #[must_use]
    pub fn base(mut self, base: Duration) -> Self {
        self.base = base;
        self
    }

    /// The longest wait after any failure: a day at most.
    #[must_use]
    pub fn max(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// The most attempts.
    pub fn most_attempts(&self) -> u32 {
        self.attempts
    }

    /// The longest wait after the first failure.
    pub fn base_wait(&self) -> Duration {
        self.base
    }

    /// The longest wait after any failure.
    pub fn longest_wait(&self) -> Duration {
        self.max
    }

    /// The longest wait after so many failures.
    pub fn bound(&self, failures: u32) -> Duration {
        backoff::bound(Duration::ZERO, self.base, self.max, failures)
    }

    /// A wait after so many failures; none if there is no further attempt.
    pub(in crate::manager) fn wait(&self, failures: u32) -> Option<Duration> {
        let again = failures < self.attempts;
        again.then(|| backoff::below(self.bound(failures), Jitter::new().next()))
    }

    pub(in crate::manager) fn check(&self) -> Check {
        rule::range("attempts", self.attempts.into(), 1, MAX_ATTEMPTS.into())?;
        let seconds = self.base.max(self.max).as_secs();
        rule::range("retry wait in seconds", seconds, 0, MAX_WAIT.as_secs())
    }
}

/// Where an event goes when its last attempt has failed.
///
/// # Examples
///
/// ```
/// use laneway::manager::DeadLetter;
///
/// let letter = DeadLetter::Event("orders.failed".into());
/// assert_ne!(letter, DeadLetter::File("/var/spool/orders.ndjson".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DeadLetter {
    /// Published as an event of this type, which has the failed event and the reason in its data.
    Event(String),
    /// Appended to this file as one line of JSON, and synced.
    File(PathBuf),
    /// Given to the sink of this name: see [`Manager::add_sink`](crate::manager::Manager::add_sink).
    Sink(String),
}

impl DeadLetter {
    pub(in crate::manager) fn check(&self) -> Check {
        match self {
            DeadLetter::Event(event_type) => rule::event_type(event_type),
            DeadLetter::File(path) if path.is_absolute() => Ok(()),
            DeadLetter::File(path) => Err(InvalidField::new(
                "dead letter file",
                &path.to_string_lossy(),
                Rule::Absolute,
            )),
            DeadLetter::Sink(name) => rule::word_name("sink name", name),
        }
    }
}
