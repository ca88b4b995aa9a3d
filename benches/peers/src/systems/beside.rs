//! laneway's `handoff` beside a thread that does something else.

use crate::stage::{self, Check, Finish, Usual};
use crate::systems;
use laneway::{Filter, Router};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Times as [`systems::laneway::one_by_one`] does. What `start` returns lives as long as the events go, and `end` says whether it
/// did what it should: that goes with the time.
pub(crate) fn handoff<D>(
    events: usize,
    start: impl FnOnce(&Router<Usual>) -> D,
    end: impl FnOnce(D) -> bool,
) -> (Duration, bool) {
    let finish = Finish::new();
    let router = systems::laneway::builder::<Usual>()
        .build()
        .expect("a router");
    let mut check = Check::new(events, &finish);
    let filter = Filter::exact(stage::topic());
    router
        .subscribe(filter, move |event| {
            check.take(event.payload());
        })
        .expect("a subscription");
    let mut publisher = router.publisher();
    let topic = stage::topic();
    publisher.warm(topic);
    router.flush().expect("not an actor thread");
    let beside = start(&router);
    let begun = Instant::now();
    for n in 0..events as u64 {
        publisher.publish(topic, [n; 3]).expect("open");
    }
    finish.wait(1);
    let took = begun.elapsed();
    (took, end(beside))
}

/// A thread on any CPU that does something again and again at a fixed pace.
pub(crate) struct Paced {
    thread: JoinHandle<(u64, Duration)>,
    stop: Arc<AtomicBool>,
    pace: Duration,
}

impl Paced {
    /// Returns once the thread runs. `turn` is handed the number of the turn.
    pub(crate) fn start(pace: Duration, mut turn: impl FnMut(u64) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let runs = Finish::new();
        let thread = thread::spawn({
            let (stop, runs) = (Arc::clone(&stop), runs.clone());
            move || {
                stage::unpin();
                let begun = Instant::now();
                let mut turns = 0;
                let mut next = begun;
                runs.one_more();
                while !stop.load(Ordering::Acquire) {
                    turn(turns);
                    turns += 1;
                    next += pace;
                    // What is late is made up for.
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
                (turns, begun.elapsed())
            }
        });
        runs.wait(1);
        Paced { thread, stop, pace }
    }

    /// Says how many turns there were, and whether that was within a tenth of what it should be.
    pub(crate) fn stop(self) -> (u64, bool) {
        self.stop.store(true, Ordering::Release);
        let (turns, took) = self.thread.join().expect("the thread ended");
        let due = took.as_secs_f64() / self.pace.as_secs_f64();
        let off = (turns as f64 - due).abs();
        // The first and the last turn do not count.
        (turns, off <= due / 10.0 + 2.0)
    }
}
