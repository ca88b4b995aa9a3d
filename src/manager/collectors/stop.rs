//! How a collector is told to stop, and what it waits on.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

/// Tells a collector to stop, once and for good: what it waits on between two looks.
///
/// Cheap to clone, and usable from any thread.
///
/// ```
/// use laneway::manager::collectors::Stop;
/// use std::time::Duration;
///
/// let stop = Stop::new();
/// assert!(!stop.wait(Duration::from_millis(1)));
/// stop.stop();
/// assert!(stop.wait(Duration::MAX)); // at once
/// ```
#[derive(Clone, Default)]
pub struct Stop(Arc<Signal>);

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    stopped: bool,
    /// A wake-up that nobody has taken yet: it must not be lost if it comes before the wait.
    woken: bool,
}

impl Stop {
    /// One that has not been told. The registry makes them; a collector's own tests may as well.
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells whoever looks or waits. Doing it again changes nothing.
    pub fn stop(&self) {
        self.0.lock().stopped = true;
        self.0.changed.notify_all();
    }

    /// Whether it was told.
    pub fn is_stopped(&self) -> bool {
        self.0.lock().stopped
    }

    /// Waits for at most `timeout`, and says whether it was told to stop. Wakers do not shorten it.
    ///
    /// # Blocking
    ///
    /// Until then, or at once if it was told before.
    pub fn wait(&self, timeout: Duration) -> bool {
        (self.wait_while(timeout, |state| !state.stopped)).stopped
    }

    /// Waits until a [`waker`](Self::waker) is called, for at most `timeout`, and says whether it was told to stop.
    ///
    /// A wake-up counts once, also if it comes before the wait. It can be an old one, so look at what you wait for.
    pub fn wait_for_wake(&self, timeout: Duration) -> bool {
        let mut state = self.wait_while(timeout, |state| !state.stopped && !state.woken);
        state.woken = false;
        state.stopped
    }

    fn wait_while(
        &self,
        timeout: Duration,
        more: impl Fn(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let until = Instant::now().checked_add(timeout);
        let mut state = self.0.lock();
        while more(&state) {
            state = match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => (self.0.changed.wait(state)).unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => break,
                Some(left) => {
                    let waited = self.0.changed.wait_timeout(state, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state
    }

    /// Ends a [`wait_for_wake`](Self::wait_for_wake) early. For futures that are polled on the collector's thread, and for
    /// other threads that have something for it.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.0))
    }
}

impl Signal {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.lock().woken = true;
        self.changed.notify_all();
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop")
            .field("is_stopped", &self.is_stopped())
            .finish_non_exhaustive()
    }
}
