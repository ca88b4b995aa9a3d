//! How long to wait after failures: exponential backoff with jitter. For what is built on the core.
#![cfg(any(feature = "manager", feature = "sink"))]

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest wait after so many failures in a row: `base + factor * 2^(failures - 1)` up to `max`, and none without a
/// failure. Never wraps around.
pub(crate) fn bound(base: Duration, factor: Duration, max: Duration, failures: u32) -> Duration {
    let Some(doublings) = failures.checked_sub(1) else {
        return Duration::ZERO;
    };
    let grown = (factor.as_nanos()).saturating_mul(2_u128.saturating_pow(doublings));
    let nanos = grown.saturating_add(base.as_nanos()).min(max.as_nanos());
    from_nanos(nanos)
}

/// A wait below `bound`, by a number that is uniform over all of `u64`.
pub(crate) fn below(bound: Duration, random: u64) -> Duration {
    // Beyond five centuries, what the bound has more does not matter. The upper half of the product is uniform below the
    // bound, but for one part in 2^64.
    let nanos = bound.as_nanos().min(u64::MAX.into());
    from_nanos((u128::from(random) * nanos) >> 64)
}

/// No more than some duration had.
fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    Duration::new((nanos / SECOND) as u64, (nanos % SECOND) as u32)
}

/// Random numbers, so that those who failed together do not come back together. SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug)]
pub(crate) struct Jitter(u64);

impl Jitter {
    /// Another sequence each time.
    pub(crate) fn new() -> Self {
        Jitter(RandomState::new().hash_one(0))
    }

    /// Uniform over all of `u64`.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTOR: Duration = Duration::from_millis(10);
    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn the_bound_doubles_up_to_the_most_and_never_wraps() {
        let at = |failures| bound(Duration::ZERO, FACTOR, MAX, failures);
        let bounds: Vec<_> = (0..=8).map(|failures| at(failures).as_millis()).collect();
        assert_eq!(bounds, [0, 10, 20, 40, 80, 160, 320, 640, 1000]);
        for failures in [31, 32, 33, 56, 64, 65, 128, u32::MAX] {
            assert_eq!(at(failures), MAX);
        }
        assert_eq!(
            bound(Duration::ZERO, Duration::ZERO, MAX, 9),
            Duration::ZERO
        );
        assert_eq!(bound(MAX, FACTOR, Duration::MAX, 3), MAX + 4 * FACTOR);
        assert_eq!(bound(MAX, Duration::MAX, Duration::MAX, 200), Duration::MAX);
    }

    #[test]
    fn waits_are_below_the_bound_and_differ() {
        assert_eq!(below(MAX, 0), Duration::ZERO);
        assert_eq!(below(MAX, 1 << 63), MAX / 2);
        assert!(below(MAX, u64::MAX) < MAX);
        assert!(below(Duration::MAX, u64::MAX) < Duration::MAX);
        let mut jitter = Jitter::new();
        assert_ne!(below(MAX, jitter.next()), below(MAX, jitter.next()));
    }
}
