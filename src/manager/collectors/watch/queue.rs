//! Notices on their way from the system's thread to the collector's.

use super::super::Stop;
use notify::{Event, EventHandler, EventKind};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

pub(super) enum Notice {
    Event(notify::Result<Event>),
    /// So many had no room here.
    Dropped(u64),
}

/// A bounded queue that says where something is missing.
pub(super) struct Queue {
    /// One more than the capacity at most: the last can be a count of those dropped.
    notices: Mutex<VecDeque<Notice>>,
    capacity: usize,
    waker: Waker,
    /// Told when the system's thread is over.
    ended: Stop,
}

impl Queue {
    pub(super) fn new(capacity: usize, waker: Waker) -> Self {
        Queue {
            notices: Mutex::default(),
            capacity,
            waker,
            ended: Stop::new(),
        }
    }

    fn put(&self, event: notify::Result<Event>) {
        let mut notices = self.lock();
        if notices.len() < self.capacity {
            notices.push_back(Notice::Event(event));
        } else if let Some(Notice::Dropped(count)) = notices.back_mut() {
            *count += 1;
        } else {
            notices.push_back(Notice::Dropped(1));
        }
        drop(notices);
        self.waker.wake_by_ref();
    }

    pub(super) fn take(&self) -> Option<Notice> {
        self.lock().pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.is_stopped()
    }

    pub(super) fn wait_for_end(&self, timeout: Duration) -> bool {
        self.ended.wait(timeout)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Notice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The system's end of the queue.
pub(super) struct Feed(Arc<Queue>);

impl Feed {
    pub(super) fn new(queue: &Arc<Queue>) -> Self {
        Feed(Arc::clone(queue))
    }
}

impl EventHandler for Feed {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let is_read = |event: &Event| matches!(event.kind, EventKind::Access(_));
        if !event.as_ref().is_ok_and(is_read) {
            self.0.put(event);
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.ended.stop();
        self.0.waker.wake_by_ref();
    }
}
