//! Count, last, least and greatest value of each series; percentiles of each type; and how long events take to arrive.

use crate::reading::{Reading, is_level};
use hdrhistogram::Histogram;
use laneway::{Actor, Batch, Context, Event, StopReason, Topic};
use std::collections::HashMap;
use std::mem;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Counters are read thousands of times a second and move in steps, such as ticks of 10 ms. A rate needs a longer base.
const RATE_BASE: Duration = Duration::from_millis(100);

pub(crate) struct Statistics {
    outcome: StatisticsOutcome,
    done: Sender<StatisticsOutcome>,
}

pub(crate) struct StatisticsOutcome {
    pub(crate) taken: u64,
    pub(crate) series: HashMap<Topic, Series>,
    /// By type, over all its series: the values of levels, the rates per second of counters. Not by series, since a
    /// histogram takes some kilobytes and there may be thousands of threads.
    pub(crate) spreads: HashMap<&'static str, Histogram<u64>>,
    /// From publishing to the call of the handler, in nanoseconds.
    pub(crate) latency_ns: Histogram<u64>,
}

/// Of one type and resource.
pub(crate) struct Series {
    pub(crate) count: u64,
    pub(crate) last: u64,
    pub(crate) least: u64,
    pub(crate) greatest: u64,
    /// Where the current rate is measured from.
    base: Reading,
}

impl Statistics {
    pub(crate) fn new() -> (Statistics, Receiver<StatisticsOutcome>) {
        let (done, outcome) = channel();
        let statistics = Statistics {
            outcome: StatisticsOutcome::new(),
            done,
        };
        (statistics, outcome)
    }
}

impl StatisticsOutcome {
    fn new() -> Self {
        StatisticsOutcome {
            taken: 0,
            series: HashMap::new(),
            spreads: HashMap::new(),
            latency_ns: histogram(),
        }
    }

    /// Events of one type.
    fn take<'a>(&mut self, events: impl Iterator<Item = &'a Event<Reading>>) {
        let mut events = events.peekable();
        let Some(first) = events.peek() else { return };
        let event_type = first.topic().event_type();
        let is_level = is_level(event_type);
        let spread = self.spreads.entry(event_type).or_insert_with(histogram);
        // One look at the clock for all: it is the call that the latency ends with.
        let called = Instant::now();
        for event in events {
            let reading = *event.payload();
            self.taken += 1;
            record(
                &mut self.latency_ns,
                called.saturating_duration_since(reading.at).as_nanos() as u64,
            );
            let series = self.series.entry(event.topic());
            let series = series.or_insert_with(|| Series::new(reading));
            series.take(reading);
            if is_level {
                record(spread, reading.value);
            } else if let Some(rate) = series.rate(reading) {
                record(spread, rate);
            }
        }
    }
}

impl Series {
    fn new(first: Reading) -> Self {
        Series {
            count: 0,
            last: first.value,
            least: first.value,
            greatest: first.value,
            base: first,
        }
    }

    fn take(&mut self, Reading { value, .. }: Reading) {
        self.count += 1;
        self.last = value;
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
    }

    /// The growth per second, if it is time for it.
    fn rate(&mut self, reading: Reading) -> Option<u64> {
        let time = reading.at.saturating_duration_since(self.base.at);
        if time < RATE_BASE {
            return None;
        }
        // Some counters of the kernel go back a little at times.
        let growth = reading.value.saturating_sub(self.base.value);
        self.base = reading;
        Some((growth as f64 / time.as_secs_f64()) as u64)
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("1 to 5 digits are possible")
}

fn record(histogram: &mut Histogram<u64>, value: u64) {
    histogram.record(value).expect("it grows as needed");
}

impl Actor<Reading> for Statistics {
    fn handle(&mut self, event: &Event<Reading>, _: &mut Context<'_, Reading>) {
        self.outcome.take([event].into_iter());
    }

    /// A batch is of one type and source, so what depends on these is looked up once for all of it.
    fn handle_batch(&mut self, batch: Batch<'_, Reading>, _: &mut Context<'_, Reading>) {
        self.outcome.take(batch);
    }

    fn stopped(&mut self, _: StopReason) {
        let outcome = mem::replace(&mut self.outcome, StatisticsOutcome::new());
        // Nobody waits for it if the program ends early.
        let _ = self.done.send(outcome);
    }
}
