//! Telling a thread to end, whatever it waits for.

use std::io::{self, PipeReader, PipeWriter};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Said once: for those who wait here, and for those who poll files.
#[derive(Debug)]
pub(super) struct Cancel {
    /// Closed when it is said, so that the other end reports it.
    open: Mutex<Option<PipeWriter>>,
    said: Condvar,
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "files are polled on Linux only")
    )]
    reader: PipeReader,
}

impl Cancel {
    pub(super) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Cancel {
            open: Mutex::new(Some(writer)),
            said: Condvar::new(),
            reader,
        })
    }

    pub(super) fn cancel(&self) {
        *lock(&self.open) = None;
        self.said.notify_all();
    }

    pub(super) fn is_cancelled(&self) -> bool {
        lock(&self.open).is_none()
    }

    /// Waits so long, and says false if it was cancelled before or meanwhile.
    pub(super) fn wait(&self, time: Duration) -> bool {
        let end = Instant::now().checked_add(time);
        let mut open = lock(&self.open);
        while open.is_some() {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return true;
            }
            open = match left {
                Some(left) => {
                    let waited = self.said.wait_timeout(open, left);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => (self.said.wait(open)).unwrap_or_else(PoisonError::into_inner),
            };
        }
        false
    }

    /// At its end when it is cancelled.
    #[cfg(target_os = "linux")]
    pub(super) fn reader(&self) -> &PipeReader {
        &self.reader
    }
}

/// No user code runs while one of these locks is held, so a panic of its holder leaves nothing half done.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
