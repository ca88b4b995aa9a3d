//! How long is a single event on its way, alone and among many?

use crate::random::Random;
use crate::rounds::{Effort, Figure, Workload};
use crate::stage::Usual;
use crate::stopwatch::{self, Recorder, Watcher};
use crate::systems::one_way;
use hdrhistogram::Histogram;
use laneway::Wait;
use std::cell::Cell;
use std::hint::spin_loop;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// One event at a time to a receiver that spins; the next one once the last has arrived, and after a pause.
pub(crate) fn latency() -> Workload {
    Workload::new("latency", 1)
        .with("laneway", |effort| alone(effort, laneway))
        .with("ping", |effort| alone(effort, one_way::ping))
        .with("disruptor", |effort| alone(effort, one_way::disruptor))
        .with("rtrb", |effort| alone(effort, one_way::rtrb))
        .with("kanal", |effort| alone(effort, one_way::kanal))
        .with("crossbeam-channel", |effort| {
            alone(effort, one_way::crossbeam)
        })
}

/// Events at a fixed rate, the same for all: half of what the slower of laneway and disruptor can do.
pub(crate) fn under_load() -> Workload {
    // In events a second; found by the first run of the first system.
    let rate = Rc::new(Cell::new(None));
    let same = move || {
        let rate = Rc::clone(&rate);
        move |effort: Effort| {
            let found = rate.get().unwrap_or_else(|| {
                let most = most(effort.run, laneway).min(most(effort.run, one_way::disruptor));
                most / 2.0
            });
            rate.set(Some(found));
            found
        }
    };
    let [ours, theirs, ring] = [same(), same(), same()];
    Workload::new("latency-load", 1)
        .with("laneway", move |effort| {
            loaded(effort, ours(effort), laneway)
        })
        .with("disruptor", move |effort| {
            loaded(effort, theirs(effort), one_way::disruptor)
        })
        .with("rtrb", move |effort| {
            loaded(effort, ring(effort), one_way::rtrb)
        })
}

fn laneway(recorder: Recorder) -> impl FnMut(Usual) {
    one_way::laneway(Wait::Spin, recorder)
}

fn alone<S: FnMut(Usual)>(effort: Effort, open: impl Fn(Recorder) -> S) -> Vec<Figure> {
    let (recorder, watcher) = stopwatch::pair();
    let mut send = open(recorder);
    let mut random = Random::new(4);
    let mut number = 0;
    let begun = Instant::now();
    loop {
        let last = begun.elapsed() > effort.run && number >= LEAST_EVENTS;
        // Up to about half a microsecond, so that no two loops fall into step.
        for _ in 0..random.below(64) {
            spin_loop();
        }
        send(stopwatch::payload(watcher.now(), number, last));
        number += 1;
        watcher.wait(number);
        if last {
            break;
        }
    }
    drop(send);
    let measures = ["latency-p50", "latency-p99", "latency-p99.9"];
    figures(measures, &watcher, &watcher.finish(number))
}

/// Enough for what is not recorded, and for the percentiles.
const LEAST_EVENTS: u64 = 10_000;

/// How many events a second go through when they are published as fast as can be: the best of some tries, as all that can
/// happen to a try makes it slower.
fn most<S: FnMut(Usual)>(run: Duration, open: impl Fn(Recorder) -> S) -> f64 {
    const TRIES: u32 = 3;
    let tries = (0..TRIES).map(|_| flat_out(run / TRIES, &open));
    tries.fold(0.0, f64::max)
}

fn flat_out<S: FnMut(Usual)>(run: Duration, open: impl Fn(Recorder) -> S) -> f64 {
    let (recorder, watcher) = stopwatch::pair();
    let mut send = open(recorder);
    send_warm_up(&watcher, &mut send);
    let begun = Instant::now();
    let mut number = stopwatch::WARM_UP;
    loop {
        let last = number % 1024 == 1023 && begun.elapsed() > run;
        send(stopwatch::payload(watcher.now(), number, last));
        number += 1;
        if last {
            break;
        }
    }
    watcher.wait(number);
    (number - stopwatch::WARM_UP) as f64 / begun.elapsed().as_secs_f64()
}

fn send_warm_up(watcher: &Watcher, send: &mut impl FnMut(Usual)) {
    for number in 0..stopwatch::WARM_UP {
        send(stopwatch::payload(watcher.now(), number, false));
    }
    watcher.wait(stopwatch::WARM_UP);
}

/// From when an event should have been published until it is handled, so that what is published late counts as late.
fn loaded<S: FnMut(Usual)>(effort: Effort, rate: f64, open: impl Fn(Recorder) -> S) -> Vec<Figure> {
    let (recorder, watcher) = stopwatch::pair();
    let mut send = open(recorder);
    let events = ((rate * effort.run.as_secs_f64()) as u64).max(LEAST_EVENTS);
    let second = 1e9 / (watcher.ns(1_000_000_000) / 1e9);
    let interval = second / rate;
    // What is not recorded shows that the receiver runs.
    let warm_up = stopwatch::WARM_UP;
    send_warm_up(&watcher, &mut send);
    let begin = watcher.now();
    for number in warm_up..events {
        let intended = begin + ((number - warm_up) as f64 * interval) as u64;
        while watcher.now() < intended {
            spin_loop();
        }
        send(stopwatch::payload(intended, number, number + 1 == events));
    }
    watcher.wait(events);
    drop(send);
    let measures = ["latency-load-p50", "latency-load-p99", "latency-load-p99.9"];
    figures(measures, &watcher, &watcher.finish(events))
}

fn figures(
    measures: [&'static str; 3],
    watcher: &Watcher,
    histogram: &Histogram<u64>,
) -> Vec<Figure> {
    let at = |quantile| watcher.ns(histogram.value_at_quantile(quantile));
    let values = [0.5, 0.99, 0.999].map(at);
    let figures = measures.into_iter().zip(values);
    figures
        .map(|(measure, value)| Figure::ns(measure, value))
        .collect()
}
