//! Panics of user code end here.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body`, and says false where it panicked.
///
/// The panic's message was printed by the panic hook. Its payload is dropped inside a second catch, since that Drop is
/// user code too; a payload that panics there as well is leaked.
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

#[cold]
#[inline(never)]
fn discard(payload: Box<dyn std::any::Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(again);
    }
}
