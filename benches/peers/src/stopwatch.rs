//! How long an event is on its way: stamped with the time-stamp counter where it leaves, recorded where it arrives.

use crate::stage::Usual;
use crate::systems::one_way::Take;
use hdrhistogram::Histogram;
use quanta::Clock;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};
use std::sync::mpsc;

/// The first events are not recorded.
pub(crate) const WARM_UP: u64 = 1_000;

/// Three digits, up to ten seconds and more.
const LONGEST: u64 = 1 << 36;

/// After so many looks there will be no answer.
const PATIENCE: u64 = 1 << 28;

/// An event on its way.
pub(crate) fn payload(stamp: u64, number: u64, last: bool) -> Usual {
    [stamp, number, last.into()]
}

pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST, 3).expect("valid bounds")
}

/// The receiver's side.
pub(crate) struct Recorder {
    clock: Clock,
    next: u64,
    histogram: Histogram<u64>,
    reply: Arc<Reply>,
    done: mpsc::Sender<Histogram<u64>>,
}

/// The publisher's side.
pub(crate) struct Watcher {
    clock: Clock,
    reply: Arc<Reply>,
    done: mpsc::Receiver<Histogram<u64>>,
}

#[repr(align(128))]
struct Reply {
    /// How many events have arrived.
    arrived: AtomicU64,
    /// The receiving thread, once the first event has.
    thread: AtomicI32,
}

pub(crate) fn pair() -> (Recorder, Watcher) {
    let clock = Clock::new();
    let (sender, done) = mpsc::channel();
    let reply = Arc::new(Reply {
        arrived: AtomicU64::new(0),
        thread: AtomicI32::new(0),
    });
    let recorder = Recorder {
        clock: clock.clone(),
        next: 0,
        histogram: histogram(),
        reply: Arc::clone(&reply),
        done: sender,
    };
    let watcher = Watcher { clock, reply, done };
    (recorder, watcher)
}

impl Take for Recorder {
    #[inline]
    fn take(&mut self, payload: &Usual) -> bool {
        let now = self.clock.raw();
        let [stamp, number, last] = *payload;
        assert_eq!(number, self.next, "lost or out of order");
        self.next += 1;
        if number >= WARM_UP {
            self.histogram.saturating_record(now.saturating_sub(stamp));
        } else if number == 0 {
            let thread = rustix::thread::gettid().as_raw_nonzero().get();
            self.reply.thread.store(thread, Ordering::Relaxed);
        }
        let last = last == 1;
        if last {
            let all = self.histogram.clone();
            self.done.send(all).expect("it is awaited");
        }
        self.reply.arrived.store(self.next, Ordering::Release);
        last
    }
}

impl Watcher {
    /// Spins until so many events have arrived.
    pub(crate) fn wait(&self, events: u64) {
        let mut looks = 0;
        while self.reply.arrived.load(Ordering::Acquire) < events {
            spin_loop();
            looks += 1;
            assert!(looks < PATIENCE, "no answer");
        }
    }

    /// After the first event.
    pub(crate) fn receiving_thread(&self) -> i32 {
        self.reply.thread.load(Ordering::Relaxed)
    }

    /// After the last event: what was recorded of all `events`, in ticks.
    pub(crate) fn finish(&self, events: u64) -> Histogram<u64> {
        let histogram = self.done.recv().expect("the last event arrived");
        let recorded = histogram.len();
        assert_eq!(recorded, events.saturating_sub(WARM_UP), "each one counts");
        histogram
    }

    pub(crate) fn now(&self) -> u64 {
        self.clock.raw()
    }

    pub(crate) fn ns(&self, ticks: u64) -> f64 {
        self.clock.delta_as_nanos(0, ticks) as f64
    }
}
