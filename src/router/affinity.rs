//! Which CPUs there are, and binding threads to them.
//!
//! A CPU's number is the system's, and not a place in a list: masks have holes. The allowed CPUs are read once, before this
//! crate binds anything, since a bound thread's own mask says nothing about the process's.

use crate::contain::contain;
use crate::router::builder::Pinning;
use crate::sync::available_parallelism;
use crate::sync::global::{Mutex, OnceLock};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// The numbers of the CPUs that this process may use. Never empty.
pub(crate) fn allowed_cpus() -> &'static [usize] {
    static ALLOWED: OnceLock<Vec<usize>> = OnceLock::new();
    ALLOWED.get_or_init(|| {
        let mut cpus = system::allowed_cpus();
        if cpus.is_empty() {
            let count = available_parallelism().map_or(1, usize::from);
            cpus = (0..count).collect();
        }
        cpus
    })
}

/// A CPU that a thread is bound to. While it lives, [`plan`] counts it.
#[derive(Debug)]
pub(crate) struct Claim {
    cpu: usize,
}

/// How many shards of this process are bound to each CPU.
static CLAIMS: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());

fn claim(claims: &mut BTreeMap<usize, usize>, cpu: usize) -> Claim {
    *claims.entry(cpu).or_default() += 1;
    Claim { cpu }
}

impl Claim {
    /// Binds the calling thread. A failure is a warning and nothing more.
    pub(crate) fn bind(&self, thread: &str) {
        if let Err(error) = system::bind(self.cpu) {
            // What is subscribed to traces is user code, and must not cost a shard its thread.
            contain(|| {
                tracing::warn!(cpu = self.cpu, thread, %error, "cannot bind the thread to the CPU");
            });
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = claims.get_mut(&self.cpu) {
            *count -= 1;
        }
    }
}

/// Says for each shard which CPU it is to be bound to, if any.
pub(crate) fn plan(pinning: &Pinning, shards: usize) -> Vec<Option<Claim>> {
    let allowed = allowed_cpus();
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut next = |shard: usize| match pinning {
        Pinning::Off => None,
        Pinning::Cores(cores) => {
            let &cpu = cores.get(shard.checked_rem(cores.len())?)?;
            Some(claim(&mut claims, cpu))
        }
        Pinning::Auto if shards >= allowed.len() => None,
        Pinning::Auto => {
            // Of the least used the last: the first CPU is where most systems handle interrupts.
            let used = |cpu: &&usize| claims.get(*cpu).copied().unwrap_or(0);
            let &cpu = allowed.iter().rev().min_by_key(used)?;
            Some(claim(&mut claims, cpu))
        }
    };
    (0..shards).map(&mut next).collect()
}

#[cfg(target_os = "linux")]
mod system {
    use rustix::io::{Errno, Result};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    pub(super) fn allowed_cpus() -> Vec<usize> {
        // A machine with more CPUs than fit the set gives an error: then they are counted and not named.
        let mask = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        (0..CpuSet::MAX_CPU)
            .filter(|&cpu| mask.is_set(cpu))
            .collect()
    }

    pub(super) fn bind(cpu: usize) -> Result<()> {
        if cpu >= CpuSet::MAX_CPU {
            return Err(Errno::INVAL);
        }
        let mut mask = CpuSet::new();
        mask.set(cpu);
        sched_setaffinity(None, &mask)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    pub(super) fn allowed_cpus() -> Vec<usize> {
        Vec::new()
    }

    pub(super) fn bind(_cpu: usize) -> Result<(), &'static str> {
        Err("binding threads is not supported on this system")
    }
}
