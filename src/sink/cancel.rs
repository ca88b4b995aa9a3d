//! Ending a wait from another thread.

use super::{lock, until};
use crate::contain::contain;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How long a wait goes on before it looks again at what cannot wake it.
pub(super) const LOOK: Duration = Duration::from_millis(10);

/// Says that waiting has no purpose any more.
///
/// A sink that waits inside [`write`](super::Sink::write), for the next attempt of a retry or for room, holds up the thread that
/// calls it. Whoever owns that thread hands it a token by [`attach`](super::Sink::attach), and cancels the token when the
/// sink is closed and its time is over: the wait ends, and the write gives [`SinkError::Cancelled`](super::SinkError::Cancelled).
///
/// Cloning gives another handle to the same token. A token that was cancelled stays so.
///
/// ```
/// use laneway::sink::CancelToken;
/// use std::time::Duration;
///
/// let token = CancelToken::new();
/// let waiter = std::thread::spawn({
///     let token = token.clone();
///     move || token.wait(Duration::MAX)
/// });
/// token.cancel();
/// assert!(waiter.join().unwrap(), "the wait was cut short");
/// ```
#[derive(Clone, Default)]
pub struct CancelToken(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_cancelled: bool,
    /// Run once, by whoever cancels.
    callbacks: Vec<Box<dyn FnOnce() + Send>>,
    /// Tokens that this one follows.
    upstream: Vec<CancelToken>,
    /// Tokens that follow this one, and some that are no more.
    followers: Vec<Weak<Inner>>,
    /// Looked at now and then: what it speaks of tells nobody.
    watched: Option<Arc<dyn Fn() -> bool + Send + Sync>>,
}

impl CancelToken {
    /// A token that nobody has cancelled.
    pub fn new() -> Self {
        CancelToken::default()
    }

    /// One that counts as cancelled once `is_over` says so.
    pub(super) fn watching(is_over: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let token = CancelToken::new();
        lock(&token.0.state).watched = Some(Arc::new(is_over));
        token
    }

    /// Ends all waits, now and later, and runs the callbacks on this thread. Again, it does nothing.
    pub fn cancel(&self) {
        let mut state = lock(&self.0.state);
        state.is_cancelled = true;
        let callbacks = std::mem::take(&mut state.callbacks);
        let followers = std::mem::take(&mut state.followers);
        // They may hold tokens that hold this one.
        let upstream = std::mem::take(&mut state.upstream);
        drop(state);
        self.0.changed.notify_all();
        drop(upstream);
        for follower in followers.iter().filter_map(Weak::upgrade) {
            CancelToken(follower).cancel();
        }
        for callback in callbacks {
            contain(callback);
        }
    }

    /// Whether it was cancelled, or a token that it follows.
    pub fn is_cancelled(&self) -> bool {
        let state = lock(&self.0.state);
        if state.is_cancelled {
            return true;
        }
        let (upstream, watched) = (state.upstream.clone(), state.watched.clone());
        // Somebody else's code, which may look at this token.
        drop(state);
        let is_over = upstream.iter().any(CancelToken::is_cancelled)
            || watched.is_some_and(|is_over| is_over());
        if is_over {
            self.cancel();
        }
        is_over
    }

    /// Waits, but not longer than until it is cancelled. Says whether it was.
    ///
    /// # Blocking
    ///
    /// Up to `duration`; `Duration::MAX` is for ever.
    pub fn wait(&self, duration: Duration) -> bool {
        let end = until(duration);
        loop {
            if self.is_cancelled() {
                return true;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                return false;
            }
            let state = lock(&self.0.state);
            if state.is_cancelled {
                return true;
            }
            // Who cancels wakes this thread; what is watched, here or further up, does not.
            let slice = if state.watched.is_some() || !state.upstream.is_empty() {
                LOOK
            } else {
                Duration::from_secs(3600)
            };
            let slice = left.map_or(slice, |left| left.min(slice));
            let waited = self.0.changed.wait_timeout(state, slice);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Runs `callback` when it is cancelled, on the thread that does so; at once, if it was. For waits that nothing but their
    /// own means can end, such as a socket's. A panic in it is contained. It stays until then, so register once, in
    /// [`attach`](super::Sink::attach), and not with each write.
    ///
    /// ```
    /// use laneway::sink::CancelToken;
    /// use std::sync::mpsc::channel;
    ///
    /// let (send, told) = channel();
    /// let token = CancelToken::new();
    /// token.on_cancel(move || send.send("cancelled").unwrap());
    /// token.cancel();
    /// assert_eq!(told.recv()?, "cancelled");
    /// # Ok::<(), std::sync::mpsc::RecvError>(())
    /// ```
    pub fn on_cancel(&self, callback: impl FnOnce() + Send + 'static) {
        let mut state = lock(&self.0.state);
        if state.is_cancelled {
            drop(state);
            contain(callback);
        } else {
            state.callbacks.push(Box::new(callback));
        }
    }

    fn is(&self, other: &CancelToken) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether somebody has said so of this very token: nobody else's code runs for that.
    pub(super) fn is_set(&self) -> bool {
        lock(&self.0.state).is_cancelled
    }

    /// From now on it is cancelled when `upstream` is. One that would follow itself by that, through others or not, does not.
    pub fn follow(&self, upstream: &CancelToken) {
        // One at a time: two that follow each other would not see that otherwise.
        static FOLLOWING: Mutex<()> = Mutex::new(());
        // Dropped after the lock is free: callbacks may go with the last handle.
        let mut above = vec![upstream.clone()];
        let following = lock(&FOLLOWING);
        let mut seen = 0;
        while let Some(token) = above.get(seen) {
            if token.is(self) {
                return;
            }
            for next in lock(&token.clone().0.state).upstream.iter() {
                if !above.iter().any(|known| known.is(next)) {
                    above.push(next.clone());
                }
            }
            seen += 1;
        }
        let mut state = lock(&upstream.0.state);
        if state.is_cancelled {
            drop((state, following));
            self.cancel();
            return;
        }
        let followers = &mut state.followers;
        if followers.len() == followers.capacity() {
            // Before it grows: those that come and go must not stay here.
            followers.retain(|follower| follower.strong_count() > 0);
        }
        followers.push(Arc::downgrade(&self.0));
        drop(state);
        let mut state = lock(&self.0.state);
        if !state.is_cancelled && !state.upstream.iter().any(|known| known.is(upstream)) {
            state.upstream.push(upstream.clone());
        }
    }
}

impl fmt::Debug for CancelToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancelToken")
            .field("is_cancelled", &lock(&self.0.state).is_cancelled)
            .finish()
    }
}
