//! Random numbers that can be had again.

use std::hash::{BuildHasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, 2014). Prints its seed if the test fails; `LANEWAY_SEED=<seed>` brings it back.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// With a seed from the environment, or a new one.
    pub(crate) fn new() -> Self {
        let seed = match std::env::var("LANEWAY_SEED") {
            Ok(seed) => seed.parse().expect("LANEWAY_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0),
        };
        Random::from_seed(seed)
    }

    pub(crate) fn from_seed(seed: u64) -> Self {
        Random { seed, state: seed }
    }

    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Another one, for another thread. What it yields follows from the seed too.
    pub(crate) fn fork(&mut self) -> Self {
        Random {
            seed: self.seed,
            state: self.next(),
        }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub(crate) fn flip(&mut self) -> bool {
        self.next() & 1 == 1
    }

    pub(crate) fn pick<T: Clone>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())].clone()
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to see this again: LANEWAY_SEED={}", self.seed);
        }
    }
}
