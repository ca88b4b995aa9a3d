//! How long to wait after a failure: exponential backoff with full jitter.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The longest wait after the `failures`-th failure: `base * 2^(failures - 1)` up to `max`, and `max` where that overflows.
pub(super) fn bound(base: Duration, max: Duration, failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1);
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(max)
}

/// A random wait up to [`bound`], so that those who failed together do not come back together.
pub(super) fn jittered(base: Duration, max: Duration, failures: u32) -> Duration {
    let bound = bound(base, max, failures);
    // Each state has keys of its own.
    let random = RandomState::new().hash_one(failures);
    let nanoseconds = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(random % nanoseconds.saturating_add(1).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Duration = Duration::from_millis(10);
    const MAX: Duration = Duration::from_secs(1);

    #[test]
    fn the_bound_doubles_up_to_the_most_and_never_wraps() {
        let bounds: Vec<_> = (1..=8).map(|n| bound(BASE, MAX, n).as_millis()).collect();
        assert_eq!(bounds, [10, 20, 40, 80, 160, 320, 640, 1000]);
        for failures in [31, 32, 33, 56, 64, 65, u32::MAX] {
            assert_eq!(bound(BASE, MAX, failures), MAX);
        }
        assert_eq!(bound(Duration::ZERO, MAX, 9), Duration::ZERO);
    }

    #[test]
    fn waits_are_within_the_bound_and_differ() {
        let waits: Vec<_> = (0..64).map(|_| jittered(BASE, MAX, 7)).collect();
        assert!(waits.iter().all(|wait| *wait <= bound(BASE, MAX, 7)));
        assert!(waits.iter().any(|wait| *wait != waits[0]));
    }
}
