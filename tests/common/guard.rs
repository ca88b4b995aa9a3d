//! Against tests that never end.

use std::panic::resume_unwind;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Far more than any test takes, on a slow and busy machine too.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// For a shutdown: the hang guard is what ends a wait that does not end.
pub(crate) const FOREVER: Duration = Duration::MAX;

/// Unoptimized code has a copy of a large payload for each call that it passes.
const STACK: usize = 16 << 20;

/// Counts time, but no more of it than this between two looks: a machine that stood still meanwhile is no hang.
const SLICE: Duration = Duration::from_millis(100);

/// Time that a thread has spent waiting while the machine ran.
pub(crate) struct Waited {
    total: Duration,
    last: Instant,
}

impl Waited {
    pub(crate) fn new() -> Self {
        Waited {
            total: Duration::ZERO,
            last: Instant::now(),
        }
    }

    /// To be asked at least once in each slice.
    pub(crate) fn is_over(&mut self, limit: Duration) -> bool {
        let now = Instant::now();
        self.total += now.duration_since(self.last).min(SLICE);
        self.last = now;
        self.total >= limit
    }

    pub(crate) fn slice() -> Duration {
        SLICE / 2
    }
}

/// Runs `body` on a thread of its own. If it is not done by then, the test fails instead of blocking for ever.
#[track_caller]
pub(crate) fn within<T: Send + 'static>(
    limit: Duration,
    body: impl FnOnce() -> T + Send + 'static,
) -> T {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let (send, result) = channel();
    let runner = thread::Builder::new()
        .name(test.clone())
        .stack_size(STACK)
        .spawn(move || {
            // Nobody listens any more if it took too long.
            let _ = send.send(body());
        })
        .expect("a thread for the test");
    let mut waited = Waited::new();
    loop {
        match result.recv_timeout(Waited::slice()) {
            Ok(value) => return value,
            Err(RecvTimeoutError::Timeout) if waited.is_over(limit) => {
                panic!("{test} hangs: it is not done in {limit:?}")
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => match runner.join() {
                Err(panic) => resume_unwind(panic),
                Ok(()) => unreachable!("a body that returns sends its value"),
            },
        }
    }
}

/// [`within`] the usual limit.
#[track_caller]
pub(crate) fn guarded<T: Send + 'static>(body: impl FnOnce() -> T + Send + 'static) -> T {
    within(LIMIT, body)
}

/// Waits for what other threads bring about. Ends itself, so that a test that failed leaves no thread spinning.
#[track_caller]
pub(crate) fn wait_until(mut condition: impl FnMut() -> bool) {
    let mut waited = Waited::new();
    while !condition() {
        assert!(!waited.is_over(LIMIT), "what was waited for did not come");
        thread::yield_now();
    }
}
