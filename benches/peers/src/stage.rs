//! What all runs stand on: two places (CPUs), the messages, and the check that nothing is lost.

use laneway::Topic;
use std::array;
use std::hint::spin_loop;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// What each queue may hold, in messages.
pub(crate) const CAPACITY: usize = 256;

static CPUS: OnceLock<Vec<usize>> = OnceLock::new();

/// Reads which CPUs there are, and pins the calling thread to the publishers' one. Called once, first.
pub(crate) fn take_places() {
    let mask = rustix::thread::sched_getaffinity(None).expect("the mask can be read");
    let cpus: Vec<_> = (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|&cpu| mask.is_set(cpu))
        .collect();
    CPUS.set(cpus).expect("called once");
    pin(publishing_cpu());
}

pub(crate) fn publishing_cpu() -> usize {
    CPUS.get().expect("places are taken")[0]
}

/// Another CPU than the publishers' one, if there is one.
pub(crate) fn receiving_cpu() -> usize {
    *CPUS.get().expect("places are taken").last().expect("a CPU")
}

pub(crate) fn pin(cpu: usize) {
    let mut mask = rustix::thread::CpuSet::new();
    mask.set(cpu);
    rustix::thread::sched_setaffinity(None, &mask).expect("the CPU is allowed");
}

/// Lets the calling thread run on each CPU.
pub(crate) fn unpin() {
    let mut mask = rustix::thread::CpuSet::new();
    for &cpu in CPUS.get().expect("places are taken") {
        mask.set(cpu);
    }
    rustix::thread::sched_setaffinity(None, &mask).expect("the CPUs are allowed");
}

/// A payload that carries a number.
pub(crate) trait Payload: Copy + Send + Sync + 'static {
    fn new(number: u64) -> Self;
    fn number(&self) -> u64;
}

/// The usual payload: 24 bytes.
pub(crate) type Usual = [u64; 3];

impl Payload for Usual {
    fn new(number: u64) -> Self {
        [number; 3]
    }

    fn number(&self) -> u64 {
        self[0]
    }
}

impl Payload for u64 {
    fn new(number: u64) -> Self {
        number
    }

    fn number(&self) -> u64 {
        *self
    }
}

/// The same information for all systems: a topic and a payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<P> {
    #[expect(
        dead_code,
        reason = "it travels; nobody looks at it, as little as laneway's handlers do"
    )]
    pub(crate) topic: Topic,
    pub(crate) payload: P,
}

impl<P: Payload> Message<P> {
    pub(crate) fn new(topic: Topic, number: u64) -> Self {
        Message {
            topic,
            payload: P::new(number),
        }
    }
}

pub(crate) fn topic() -> Topic {
    Topic::new("bench", "event").expect("a valid topic")
}

/// Counts receivers that have everything.
#[derive(Clone)]
pub(crate) struct Finish(Arc<AtomicUsize>);

impl Finish {
    pub(crate) fn new() -> Self {
        Finish(Arc::new(AtomicUsize::new(0)))
    }

    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }

    /// Spins until so many are done.
    pub(crate) fn wait(&self, receivers: usize) {
        while self.0.load(Ordering::Acquire) < receivers {
            spin_loop();
        }
    }
}

/// The numbers of one publisher's events: it is in the upper bits.
fn numbers(publisher: usize, events: usize) -> Range<u64> {
    let first = (publisher as u64) << PUBLISHER_SHIFT;
    first..first + events as u64
}

const PUBLISHER_SHIFT: u32 = 48;

/// What each receiver does with a message: check that it is its publisher's next one.
pub(crate) struct Check<const PUBLISHERS: usize = 1> {
    next: [u64; PUBLISHERS],
    end: [u64; PUBLISHERS],
    /// Publishers of whom not everything is here.
    publishing: usize,
    finish: Finish,
}

impl Check {
    pub(crate) fn new(events: usize, finish: &Finish) -> Self {
        Check::of_publishers(events, finish)
    }
}

impl<const PUBLISHERS: usize> Check<PUBLISHERS> {
    /// So many events from each publisher.
    pub(crate) fn of_publishers(events: usize, finish: &Finish) -> Self {
        Check {
            next: array::from_fn(|publisher| numbers(publisher, events).start),
            end: array::from_fn(|publisher| numbers(publisher, events).end),
            publishing: PUBLISHERS,
            finish: finish.clone(),
        }
    }

    /// True: that was the last one.
    #[inline]
    pub(crate) fn take<P: Payload>(&mut self, payload: &P) -> bool {
        let number = payload.number();
        let publisher = match PUBLISHERS {
            1 => 0,
            _ => (number >> PUBLISHER_SHIFT) as usize,
        };
        assert_eq!(number, self.next[publisher], "lost or out of order");
        self.next[publisher] += 1;
        if self.next[publisher] < self.end[publisher] {
            return false;
        }
        self.publishing -= 1;
        let done = self.publishing == 0;
        if done {
            self.finish.one_more();
        }
        done
    }
}

/// Has every publisher publish so many events, and takes the time until all receivers have all of them.
///
/// A single publisher is the calling thread; several are threads beside it, on the same CPU.
pub(crate) fn time<S: Send, const PUBLISHERS: usize>(
    mut publishers: [S; PUBLISHERS],
    events: usize,
    finish: &Finish,
    receivers: usize,
    publish: impl Fn(&mut S, Range<u64>) + Sync,
) -> Duration {
    let start = match &mut publishers[..] {
        [only] => {
            let start = Instant::now();
            publish(only, numbers(0, events));
            start
        }
        all => {
            let (barrier, publish) = (&Barrier::new(all.len()), &publish);
            thread::scope(|scope| {
                let threads: Vec<_> = (all.iter_mut().enumerate())
                    .map(|(index, publisher)| {
                        scope.spawn(move || {
                            barrier.wait();
                            let start = Instant::now();
                            publish(publisher, numbers(index, events));
                            start
                        })
                    })
                    .collect();
                // Joined before anything spins here: it would take their CPU from them.
                let starts = (threads.into_iter()).map(|thread| thread.join().expect("published"));
                starts.min().expect("a publisher")
            })
        }
    };
    finish.wait(receivers);
    start.elapsed()
}
