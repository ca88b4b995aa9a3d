//! Looking at what passes.

use super::cancel::CancelToken;
use super::error::{SinkError, SinkErrorKind};
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Is called after each write, with how long it took.
type Hook<E> = Box<dyn FnMut(&Event<E>, &Result<(), SinkError>, Duration) + Send>;

/// Counts what is written to its sink: what [`Sink::tap`] makes.
///
/// ```
/// use laneway::sink::{Sink, SinkError, SinkErrorKind, SinkMetrics, sink_fn};
/// use laneway::{Event, Topic};
///
/// let metrics = SinkMetrics::new();
/// let mut sink = sink_fn(|event: &Event<u32>| match event.payload() {
///     0 => Err(SinkError::refused("nothing to say")),
///     _ => Ok(()),
/// })
/// .tap(&metrics)
/// .on_write(|event, result, took| println!("{event:?}: {result:?} in {took:?}"));
/// let topic = Topic::new("compute", "VM.START")?;
/// for number in 0..3 {
///     let _ = sink.write(&Event::new(topic, number));
/// }
/// let stats = metrics.snapshot();
/// assert_eq!((stats.writes, stats.written), (3, 2));
/// assert_eq!(stats.failures(SinkErrorKind::Refused), 1);
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Tap<E, S> {
    sink: S,
    metrics: SinkMetrics,
    hook: Option<Hook<E>>,
}

impl<E, S> Tap<E, S> {
    pub(super) fn new(sink: S, metrics: &SinkMetrics) -> Self {
        Tap {
            sink,
            metrics: metrics.clone(),
            hook: None,
        }
    }

    /// Calls `hook` after each write, with its result and how long it took. A second one replaces the first.
    #[must_use]
    pub fn on_write<F>(mut self, hook: F) -> Self
    where
        F: FnMut(&Event<E>, &Result<(), SinkError>, Duration) + Send + 'static,
    {
        self.hook = Some(Box::new(hook));
        self
    }
}

impl<E: 'static, S: Sink<E>> Sink<E> for Tap<E, S> {
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        let begun = Instant::now();
        let result = self.sink.write(event);
        let took = begun.elapsed();
        self.metrics.count(&result, took);
        if let Some(hook) = &mut self.hook {
            hook(event, &result, took);
        }
        result
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.sink.close(deadline)
    }

    fn begin_close(&mut self) {
        self.sink.begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.sink.attach(cancel);
    }
}

impl<E, S: fmt::Debug> fmt::Debug for Tap<E, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("sink", &self.sink)
            .field("metrics", &self.metrics)
            .finish_non_exhaustive()
    }
}

const KINDS: usize = SinkErrorKind::ALL.len();

/// One for each power of two up to half an hour, in microseconds.
const BUCKETS: usize = 32;

/// Counters of writes, by a handle: clones are the same counters. See [`Tap`].
///
/// One may count for several sinks.
#[derive(Clone, Default)]
pub struct SinkMetrics(Arc<Counters>);

#[derive(Default)]
struct Counters {
    written: AtomicU64,
    failures: [AtomicU64; KINDS],
    latencies: [AtomicU64; BUCKETS],
    missed: AtomicU64,
}

impl SinkMetrics {
    /// With nothing counted yet.
    pub fn new() -> Self {
        SinkMetrics::default()
    }

    pub(super) fn count(&self, result: &Result<(), SinkError>, took: Duration) {
        let counter = match result {
            Ok(()) => &self.0.written,
            Err(error) => &self.0.failures[error.kind() as usize],
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let micros = took.as_micros().max(1);
        let bucket = (u128::BITS - 1 - micros.leading_zeros()) as usize;
        self.0.latencies[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
    }

    /// Events that were dropped before they came here.
    pub(super) fn miss(&self, events: u64) {
        self.0.missed.fetch_add(events, Ordering::Relaxed);
    }

    /// What is counted by now.
    pub fn snapshot(&self) -> SinkStats {
        let all = |counters: &[AtomicU64]| -> Vec<u64> {
            let counts = counters.iter();
            counts
                .map(|counter| counter.load(Ordering::Relaxed))
                .collect()
        };
        let written = self.0.written.load(Ordering::Relaxed);
        let failures = all(&self.0.failures);
        SinkStats {
            writes: written + failures.iter().sum::<u64>(),
            written,
            missed: self.0.missed.load(Ordering::Relaxed),
            failures,
            latencies: all(&self.0.latencies),
        }
    }
}

impl fmt::Debug for SinkMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SinkMetrics")
            .field(&self.snapshot())
            .finish()
    }
}

/// The counters of [`SinkMetrics`] at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkStats {
    /// Writes that are over.
    pub writes: u64,
    /// Those that were `Ok`.
    pub written: u64,
    /// Of a sink on a router: events that its mailbox dropped in front of others, as told by
    /// [`Actor::lagged`](crate::Actor::lagged).
    pub missed: u64,
    failures: Vec<u64>,
    latencies: Vec<u64>,
}

impl SinkStats {
    /// Writes that failed for this reason.
    pub fn failures(&self, kind: SinkErrorKind) -> u64 {
        self.failures[kind as usize]
    }

    /// Writes that failed.
    pub fn failed(&self) -> u64 {
        self.failures.iter().sum()
    }

    /// How many writes took less than each of these times, and not less than the one before. The last one has no upper end.
    pub fn latencies(&self) -> impl ExactSizeIterator<Item = (Duration, u64)> {
        let ends = (0..BUCKETS as u32).map(|bucket| match bucket {
            LAST => Duration::MAX,
            bucket => Duration::from_micros(2_u64.pow(bucket + 1)),
        });
        let counts: Vec<_> = ends.zip(self.latencies.iter().copied()).collect();
        counts.into_iter()
    }
}

const LAST: u32 = BUCKETS as u32 - 1;
