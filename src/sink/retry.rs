//! Trying again.

use super::cancel::CancelToken;
use super::clock::{Clock, SystemClock};
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use std::fmt;
use std::time::{Duration, Instant};

/// When to try: [`Breaker`](super::Breaker), [`ExponentialBackoff`](super::ExponentialBackoff), a pair of strategies, which must
/// both agree, or your own.
pub trait Strategy: Send + 'static {
    /// Is asked before each attempt, the first of an event included.
    fn proceed(&mut self, now: Instant) -> Proceed;

    /// An attempt has failed, and could be retried.
    fn failed(&mut self, now: Instant, error: &SinkError);

    /// An attempt has not failed.
    fn succeeded(&mut self);

    /// An attempt tells nothing about the next one: its event was refused, or it was cut short. Does nothing by default.
    fn inconclusive(&mut self) {}
}

/// What a [`Strategy`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proceed {
    /// Go ahead.
    Now,
    /// Go ahead when this time has passed.
    After(Duration),
    /// Ask again when this time has passed.
    AskIn(Duration),
}

impl Proceed {
    fn delay(self) -> Duration {
        match self {
            Proceed::Now => Duration::ZERO,
            Proceed::After(delay) | Proceed::AskIn(delay) => delay,
        }
    }
}

impl<A: Strategy, B: Strategy> Strategy for (A, B) {
    fn proceed(&mut self, now: Instant) -> Proceed {
        let (a, b) = (self.0.proceed(now), self.1.proceed(now));
        let delay = a.delay().max(b.delay());
        match (a, b) {
            (Proceed::Now, Proceed::Now) => Proceed::Now,
            (Proceed::AskIn(_), _) | (_, Proceed::AskIn(_)) => Proceed::AskIn(delay),
            _ => Proceed::After(delay),
        }
    }

    fn failed(&mut self, now: Instant, error: &SinkError) {
        self.0.failed(now, error);
        self.1.failed(now, error);
    }

    fn succeeded(&mut self) {
        self.0.succeeded();
        self.1.succeeded();
    }

    fn inconclusive(&mut self) {
        self.0.inconclusive();
        self.1.inconclusive();
    }
}

/// Attempts per event, if nothing else is said.
const ATTEMPTS: u32 = 10;

/// The longest that the other side's wish to be left alone is heeded, if nothing else is said.
const MAX_HINT: Duration = Duration::from_secs(600);

/// Tries again what did not work: what [`Sink::retry`] makes.
///
/// An error that [can be retried](SinkError::is_retryable) is, when the [`Strategy`] says so and not before the
/// [time](SinkError::retry_after) that the other side asked for. Others are given back at once. It gives up after
/// [`max_attempts`](Self::max_attempts), ten by default, and as soon as the next attempt would come later than
/// [`max_age`](Self::max_age) allows; the event's writer gets [`SinkError::GaveUp`] with the last error, never `Ok`. A
/// [`dead_letter`](Sink::dead_letter) behind it keeps such events.
///
/// Waiting holds up the calling thread, so put a [`queue`](Sink::queue) in front. Closing that ends the wait.
///
/// ```
/// use laneway::sink::{ExponentialBackoff, ManualClock, Sink, SinkError, sink_fn};
/// use laneway::{Event, Topic};
///
/// let clock = ManualClock::new();
/// let mut sink = sink_fn(|_: &Event<u32>| Err(SinkError::failed("unreachable")))
///     .retry(ExponentialBackoff::default())
///     .max_attempts(3)
///     .clock(clock.clone());
/// let error = sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7)).unwrap_err();
/// assert!(matches!(error, SinkError::GaveUp { attempts: 3, .. }));
/// assert_eq!(clock.waits().len(), 2);
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Retry<S> {
    sink: S,
    strategy: Box<dyn Strategy>,
    clock: Box<dyn Clock>,
    max_attempts: u32,
    max_age: Duration,
    max_hint: Duration,
    cancel: CancelToken,
    is_closed: bool,
}

impl<S> Retry<S> {
    pub(super) fn new(sink: S, strategy: impl Strategy) -> Self {
        Retry {
            sink,
            strategy: Box::new(strategy),
            clock: Box::new(SystemClock),
            max_attempts: ATTEMPTS,
            max_age: Duration::MAX,
            max_hint: MAX_HINT,
            cancel: CancelToken::new(),
            is_closed: false,
        }
    }

    /// How often an event is tried in all, at least once. `u32::MAX` is for ever: then one event that nobody takes, and can be
    /// retried, holds up all others.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// How long after it came the last attempt of an event may begin. By default there is no such limit.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// The longest wait that the other side can ask for. By default ten minutes.
    #[must_use]
    pub fn max_retry_after(mut self, limit: Duration) -> Self {
        self.max_hint = limit;
        self
    }

    /// Goes by this clock, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Waits until the strategy agrees. `Err`: it was cancelled, or gives up since that would be too late.
    fn wait_for_turn(&mut self, begun: Instant, not_before: Instant) -> Result<(), Stop> {
        let mut waits_once = false;
        loop {
            let now = self.clock.now();
            let proceed = if waits_once {
                Proceed::Now
            } else {
                self.strategy.proceed(now)
            };
            let hint = not_before.saturating_duration_since(now);
            let delay = proceed.delay().max(hint);
            if self.cancel.is_cancelled() {
                return Err(Stop::Cancelled);
            }
            if delay.is_zero() {
                return Ok(());
            }
            let age = now.saturating_duration_since(begun);
            if delay > self.max_age.saturating_sub(age) {
                return Err(Stop::TooLate);
            }
            self.clock.wait(delay, &self.cancel);
            waits_once |= !matches!(proceed, Proceed::AskIn(_));
        }
    }
}

/// Why there is no other attempt.
enum Stop {
    Cancelled,
    TooLate,
}

impl<E, S: Sink<E>> Sink<E> for Retry<S> {
    /// # Blocking
    ///
    /// Between attempts, as long as the strategy or the other side says.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        if self.is_closed {
            return Err(SinkError::Closed);
        }
        let begun = self.clock.now();
        let (mut attempts, mut last, mut not_before) = (0, None, begun);
        loop {
            match self.wait_for_turn(begun, not_before) {
                Ok(()) => {}
                Err(Stop::Cancelled) => return Err(SinkError::Cancelled { last }),
                Err(Stop::TooLate) => break,
            }
            let error = match self.sink.write(event) {
                Ok(()) => {
                    self.strategy.succeeded();
                    return Ok(());
                }
                Err(error) if !error.is_retryable() => {
                    self.strategy.inconclusive();
                    return Err(error);
                }
                Err(error) => error,
            };
            attempts += 1;
            let now = self.clock.now();
            self.strategy.failed(now, &error);
            let hint = error.retry_after().unwrap_or_default().min(self.max_hint);
            not_before = now.checked_add(hint).unwrap_or(now);
            last = Some(Box::new(error));
            if attempts >= self.max_attempts && self.max_attempts < u32::MAX {
                break;
            }
            attempts = attempts.min(u32::MAX - 1);
        }
        let after = self.clock.now().saturating_duration_since(begun);
        Err(SinkError::GaveUp {
            attempts,
            after,
            last,
        })
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.is_closed = true;
        self.sink.close(deadline)
    }

    fn begin_close(&mut self) {
        self.is_closed = true;
        self.sink.begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.cancel = cancel.clone();
        self.sink.attach(cancel);
    }
}

impl<S: fmt::Debug> fmt::Debug for Retry<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retry")
            .field("sink", &self.sink)
            .field("max_attempts", &self.max_attempts)
            .field("max_age", &self.max_age)
            .finish_non_exhaustive()
    }
}
