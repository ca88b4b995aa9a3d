//! Panics of user code end here.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`, and says false where it panicked.
///
/// The panic's message was printed by the panic hook. Its payload is dropped inside a second catch, since that Drop is
/// user code too, and so is the payload of a panic that comes from there. Past some of these the next one is leaked.
///
/// Callers own what `body` touched and know what state a panic can leave it in, hence the assertion of unwind safety.
#[inline]
pub(crate) fn contain(body: impl FnOnce()) -> bool {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => true,
        Err(payload) => {
            discard(payload);
            false
        }
    }
}

/// After so many payloads in a row that panic when they are dropped, they are taken for endless.
const MAX_PAYLOADS: usize = 8;

#[cold]
#[inline(never)]
fn discard(mut payload: Box<dyn std::any::Any + Send>) {
    for _ in 0..MAX_PAYLOADS {
        match catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            Ok(()) => return,
            Err(next) => payload = next,
        }
    }
    std::mem::forget(payload);
}

#[cfg(all(test, not(laneway_loom)))]
mod tests {
    use super::*;
    use std::panic::panic_any;
    use std::sync::Arc;

    /// Panics with another of its kind when it is dropped, so many times more.
    struct Bomb {
        more: usize,
        _dropped: Arc<()>,
    }

    impl Drop for Bomb {
        fn drop(&mut self) {
            if self.more > 0 {
                panic_any(Bomb {
                    more: self.more - 1,
                    _dropped: Arc::clone(&self._dropped),
                });
            }
        }
    }

    fn left_of(more: usize) -> usize {
        let dropped = Arc::new(());
        let bomb = Bomb {
            more,
            _dropped: Arc::clone(&dropped),
        };
        assert!(!contain(|| panic_any(bomb)));
        Arc::strong_count(&dropped) - 1
    }

    #[test]
    fn payloads_that_panic_when_they_are_dropped_are_dropped_all_the_same() {
        assert_eq!(left_of(0), 0);
        assert_eq!(left_of(MAX_PAYLOADS - 1), 0);
    }

    #[test]
    fn panics_without_end_are_contained() {
        assert_eq!(left_of(MAX_PAYLOADS), 1, "the last one is leaked");
    }
}
