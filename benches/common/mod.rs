//! What the benches with two threads share.
#![allow(
    dead_code,
    reason = "compiled into each bench, and none uses all of it"
)]

use laneway::Pinning;
use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Binds the calling thread to the first CPU, and says how to bind a shard to the last.
pub(crate) fn apart() -> Pinning {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        use std::sync::OnceLock;

        // Read once: a bound thread's own mask says nothing about the process's.
        static ENDS: OnceLock<(usize, usize)> = OnceLock::new();
        let (first, last) = *ENDS.get_or_init(|| {
            let mask = sched_getaffinity(None).expect("the mask can be read");
            let mut cpus = (0..CpuSet::MAX_CPU).filter(|&cpu| mask.is_set(cpu));
            let first = cpus.next().expect("a CPU");
            (first, cpus.next_back().unwrap_or(first))
        });
        let mut mask = CpuSet::new();
        mask.set(first);
        sched_setaffinity(None, &mask).expect("the CPU is allowed");
        Pinning::Cores(vec![last])
    }
    #[cfg(not(target_os = "linux"))]
    Pinning::Off
}

/// Counts the actors that saw the last event.
#[derive(Clone, Default)]
pub(crate) struct Finish(Arc<AtomicUsize>);

impl Finish {
    /// Called by an actor with each event: how many come after it.
    #[inline]
    pub(crate) fn see(&self, left: u64) {
        if left == 0 {
            // ORDERING: Release pairs with `wait_for`: what the handlers did is done.
            self.0.fetch_add(1, Ordering::Release);
        }
    }

    /// Waits until so many actors saw the last event, and begins again.
    pub(crate) fn wait_for(&self, actors: usize) {
        // ORDERING: Acquire pairs with `see`.
        while self.0.load(Ordering::Acquire) < actors {
            spin_loop();
        }
        // ORDERING: Relaxed: the next lane slot hands it to the shard.
        self.0.store(0, Ordering::Relaxed);
    }
}
