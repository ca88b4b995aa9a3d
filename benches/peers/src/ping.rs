//! How far are the two CPUs from each other? One cache line, one way: half of a round trip.

use crate::stage;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

const ROUND_TRIPS: u64 = 20_000;

#[repr(align(128))]
struct Line(AtomicU64);

/// In nanoseconds. The calling thread is at the publishers' place.
pub(crate) fn ping() -> f64 {
    let there = Arc::new(Line(AtomicU64::new(0)));
    let back = Arc::new(Line(AtomicU64::new(0)));
    let echo = thread::spawn({
        let (there, back) = (Arc::clone(&there), Arc::clone(&back));
        move || {
            stage::pin(stage::receiving_cpu());
            for n in 1..=ROUND_TRIPS + 1 {
                await_value(&there, n);
                back.0.store(n, Ordering::Release);
            }
        }
    });
    let trip = |n| {
        there.0.store(n, Ordering::Release);
        await_value(&back, n);
    };
    // The first shows that the other thread runs.
    trip(1);
    let start = Instant::now();
    (2..=ROUND_TRIPS + 1).for_each(trip);
    let took = start.elapsed();
    echo.join().expect("the echo ended");
    took.as_nanos() as f64 / (2 * ROUND_TRIPS) as f64
}

fn await_value(line: &Line, value: u64) {
    while line.0.load(Ordering::Acquire) != value {
        spin_loop();
    }
}
