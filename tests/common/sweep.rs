//! The configurations that guarantees must hold in.

use super::guard::FOREVER;
use laneway::{Pinning, Router, Wait};

/// One way to set up a router.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) shards: usize,
    pub(crate) wait: Wait,
    pub(crate) lane_capacity: usize,
}

impl Setup {
    pub(crate) fn router<E: Clone + Send + 'static>(&self) -> Router<E> {
        Router::builder()
            .shards(self.shards)
            .wait(self.wait)
            .lane_capacity(self.lane_capacity)
            .shutdown_timeout(FOREVER)
            // Tests run side by side: nobody may claim a CPU.
            .pinning(Pinning::Off)
            .build()
            .expect("a valid setup")
    }
}

pub(crate) fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// All of them: shards, ways to wait, and capacities of lanes.
pub(crate) fn setups() -> Vec<Setup> {
    let mut all = Vec::new();
    for shards in [1, 2, 4] {
        for wait in [Wait::Park, Wait::Yield, Wait::Spin] {
            // Each shard that spins takes a CPU, and publishers need one as well.
            if wait == Wait::Spin && shards >= cpus() {
                continue;
            }
            for lane_capacity in [1, 2, 256] {
                all.push(Setup {
                    shards,
                    wait,
                    lane_capacity,
                });
            }
        }
    }
    all
}

/// Runs a test in all setups, and says in which one it failed.
pub(crate) fn sweep(mut test: impl FnMut(Setup)) {
    for setup in setups() {
        let _note = Note(setup);
        test(setup);
    }
}

struct Note(Setup);

impl Drop for Note {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this happened with {:?}", self.0);
        }
    }
}
