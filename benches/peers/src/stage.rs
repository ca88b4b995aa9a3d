//! What all runs stand on: two places (CPUs), the messages, and the check that nothing is lost.

use laneway::Topic;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

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

/// What each receiver does with a message: check that it is the next one.
pub(crate) struct Check {
    next: u64,
    events: u64,
    finish: Finish,
}

impl Check {
    pub(crate) fn new(events: usize, finish: &Finish) -> Self {
        Check {
            next: 0,
            events: events as u64,
            finish: finish.clone(),
        }
    }

    /// True: that was the last one.
    #[inline]
    pub(crate) fn take<P: Payload>(&mut self, payload: &P) -> bool {
        assert_eq!(payload.number(), self.next, "lost or out of order");
        self.next += 1;
        let done = self.next == self.events;
        if done {
            self.finish.one_more();
        }
        done
    }
}
