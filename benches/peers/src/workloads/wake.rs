//! What does it cost to publish to a receiver that sleeps, and how long does the event take?

use crate::rounds::{Effort, Figure, Workload};
use crate::stage::Usual;
use crate::stopwatch::{self, Recorder};
use crate::systems::one_way;
use laneway::Wait;
use std::fs::File;
use std::hint::spin_loop;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

pub(crate) fn wake() -> Workload {
    Workload::new("wake", 1)
        .with("laneway", |effort| {
            run(effort, |recorder| one_way::laneway(Wait::Park, recorder))
        })
        .with("crossbeam-channel", |effort| {
            run(effort, one_way::crossbeam_asleep)
        })
        .with("kanal", |effort| run(effort, one_way::kanal_asleep))
        .with("tokio mpsc", |effort| run(effort, one_way::tokio_asleep))
}

/// Events before the receiver is waited for to fall asleep: the stopwatch does not record them.
const AWAKE: u64 = stopwatch::WARM_UP;

const LEAST_EVENTS: u64 = AWAKE + 100;

/// How long the receiver sleeps before the next event.
const SLEEP: Duration = Duration::from_micros(50);

fn run<S: FnMut(Usual)>(effort: Effort, open: impl Fn(Recorder) -> S) -> Vec<Figure> {
    let (recorder, watcher) = stopwatch::pair();
    let mut send = open(recorder);
    let mut calls = stopwatch::histogram();
    let mut thread = None;
    let mut number = 0;
    let begun = Instant::now();
    loop {
        let last = number >= LEAST_EVENTS && begun.elapsed() > effort.run;
        if number >= AWAKE {
            let thread = thread.get_or_insert_with(|| Thread::new(watcher.receiving_thread()));
            thread.wait_asleep();
        }
        let before = watcher.now();
        send(stopwatch::payload(before, number, last));
        let after = watcher.now();
        if number >= AWAKE {
            calls.saturating_record(after.saturating_sub(before));
        }
        number += 1;
        watcher.wait(number);
        if last {
            break;
        }
    }
    drop(send);
    let through = watcher.finish(number);
    let median =
        |histogram: &hdrhistogram::Histogram<u64>| watcher.ns(histogram.value_at_quantile(0.5));
    vec![
        Figure::ns("wake-publish", median(&calls)),
        Figure::ns("wake-through", median(&through)),
    ]
}

/// A thread of this process, as the system sees it.
struct Thread(File);

impl Thread {
    fn new(id: i32) -> Self {
        let stat = File::open(format!("/proc/self/task/{id}/stat"));
        Thread(stat.expect("the thread lives, and this is Linux"))
    }

    /// Waits until it sleeps, and has done so for a while.
    fn wait_asleep(&self) {
        let mut since = Instant::now();
        let deadline = since + Duration::from_secs(10);
        while since.elapsed() < SLEEP {
            if !self.is_asleep() {
                since = Instant::now();
                assert!(since < deadline, "it does not fall asleep");
            }
            spin_loop();
        }
    }

    fn is_asleep(&self) -> bool {
        let mut text = [0; 128];
        let length = self.0.read_at(&mut text, 0).expect("it can be read");
        // The state follows the name, which stands in brackets.
        let state = text[..length].iter().rposition(|&byte| byte == b')');
        state.is_some_and(|end| text.get(end + 2) == Some(&b'S'))
    }
}
