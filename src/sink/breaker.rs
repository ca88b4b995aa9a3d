//! A circuit breaker.

use super::error::SinkError;
use super::lock;
use super::retry::{Proceed, Strategy};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long one who may not probe waits, at most, before it asks again.
const RECHECK: Duration = Duration::from_millis(100);

/// After a number of failures in a row leaves the sink alone for a while, then tries with one event.
///
/// Until `threshold` attempts in a row have failed, there is no waiting. From then on the breaker is open: nobody tries until
/// `backoff` has passed since the last failure. Then it is half open: one attempt, the probe, goes through. If it works, the
/// breaker is closed and all go on; if it fails, it is open again. Where its event is refused, or nothing is heard of it within
/// `backoff`, the next one may try.
///
/// Clones are the same breaker: several sinks in front of one endpoint can share it, and one probe is sent among them.
///
/// ```
/// use laneway::sink::{Breaker, Proceed, SinkError, Strategy};
/// use std::time::{Duration, Instant};
///
/// let (now, minute) = (Instant::now(), Duration::from_secs(60));
/// let mut breaker = Breaker::new(2, minute);
/// let error = SinkError::failed("unreachable");
/// breaker.failed(now, &error);
/// assert_eq!(breaker.proceed(now), Proceed::Now);
/// breaker.failed(now, &error);
/// assert_eq!(breaker.proceed(now), Proceed::AskIn(minute));
/// assert_eq!(breaker.proceed(now + minute), Proceed::Now, "the probe");
/// assert_ne!(breaker.proceed(now + minute), Proceed::Now, "no second one");
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    threshold: u32,
    backoff: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    last_failure: Option<Instant>,
    /// When the probe that is under way went out.
    probe: Option<Instant>,
}

/// What a [`Breaker`] does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// Every attempt goes through.
    Closed,
    /// None does.
    Open,
    /// One may, or is under way.
    HalfOpen,
}

impl Breaker {
    /// One that opens after `threshold` failures in a row, and stays open for `backoff`. A threshold of 0 counts as 1.
    pub fn new(threshold: u32, backoff: Duration) -> Self {
        Breaker {
            threshold: threshold.max(1),
            backoff,
            state: Arc::default(),
        }
    }

    /// What it does at this time.
    pub fn state(&self, now: Instant) -> BreakerState {
        let state = lock(&self.state);
        match self.open_for(&state, now) {
            None => BreakerState::Closed,
            Some(Duration::ZERO) => BreakerState::HalfOpen,
            Some(_) => BreakerState::Open,
        }
    }

    /// `None` while it is closed.
    fn open_for(&self, state: &State, now: Instant) -> Option<Duration> {
        let last = state.last_failure?;
        let is_open = state.failures >= self.threshold;
        is_open.then(|| {
            self.backoff
                .saturating_sub(now.saturating_duration_since(last))
        })
    }
}

impl Strategy for Breaker {
    fn proceed(&mut self, now: Instant) -> Proceed {
        let mut state = lock(&self.state);
        let Some(open_for) = self.open_for(&state, now) else {
            return Proceed::Now;
        };
        if !open_for.is_zero() {
            return Proceed::AskIn(open_for);
        }
        let lost_in = state.probe.map_or(Duration::ZERO, |sent| {
            self.backoff
                .saturating_sub(now.saturating_duration_since(sent))
        });
        if lost_in.is_zero() {
            state.probe = Some(now);
            return Proceed::Now;
        }
        Proceed::AskIn(lost_in.min(RECHECK))
    }

    fn failed(&mut self, now: Instant, _: &SinkError) {
        let mut state = lock(&self.state);
        state.failures = state.failures.saturating_add(1);
        state.last_failure = Some(now);
        state.probe = None;
    }

    fn succeeded(&mut self) {
        *lock(&self.state) = State::default();
    }

    /// The next event may be the probe.
    fn inconclusive(&mut self) {
        lock(&self.state).probe = None;
    }
}
