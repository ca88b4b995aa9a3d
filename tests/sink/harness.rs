//! Sinks that note what they get, and fail as they are told.

use crate::common::{Hold, Log, topic};
use laneway::Event;
use laneway::sink::{CancelToken, CloseReport, Sink, SinkError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Time enough, under the hang guard.
pub(crate) const LONG: Duration = Duration::from_secs(50);

pub(crate) fn event(number: u32) -> Event<u32> {
    Event::new(topic("SINK"), number)
}

pub(crate) fn numbers(events: &[Event<u32>]) -> Vec<u32> {
    events.iter().map(|event| *event.payload()).collect()
}

/// What one note is: a write that was `Ok`, or that it was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Note {
    Written(u32),
    Closed,
}

type Fault = dyn FnMut(u32) -> Result<(), SinkError> + Send;

/// Notes what it is written, unless its fault speaks against it.
pub(crate) struct Probe {
    log: Log<Note>,
    fault: Box<Fault>,
}

impl Probe {
    pub(crate) fn new(log: &Log<Note>) -> Self {
        Probe::failing(log, |_| Ok(()))
    }

    pub(crate) fn failing(
        log: &Log<Note>,
        fault: impl FnMut(u32) -> Result<(), SinkError> + Send + 'static,
    ) -> Self {
        Probe {
            log: log.clone(),
            fault: Box::new(fault),
        }
    }
}

impl Sink<u32> for Probe {
    fn write(&mut self, event: &Event<u32>) -> Result<(), SinkError> {
        (self.fault)(*event.payload())?;
        self.log.push(Note::Written(*event.payload()));
        Ok(())
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        self.log.push(Note::Closed);
        CloseReport::default()
    }
}

/// The numbers that were written.
pub(crate) fn written(log: &Log<Note>) -> Vec<u32> {
    let notes = log.all().into_iter();
    notes
        .filter_map(|note| match note {
            Note::Written(number) => Some(number),
            Note::Closed => None,
        })
        .collect()
}

pub(crate) fn closings(log: &Log<Note>) -> usize {
    let notes = log.all();
    notes.iter().filter(|note| **note == Note::Closed).count()
}

/// A sink that stops in its first write until it is let go.
pub(crate) fn holding(log: &Log<Note>, hold: &Hold) -> Probe {
    let mut hold = Some(hold.clone());
    Probe::failing(log, move |_| {
        if let Some(hold) = hold.take() {
            hold.stop_here();
        }
        Ok(())
    })
}

/// An endpoint that fails until it is told otherwise.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    works: Arc<AtomicBool>,
    attempts: Arc<AtomicUsize>,
}

impl Endpoint {
    pub(crate) fn repair(&self) {
        self.works.store(true, Ordering::Release);
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Acquire)
    }

    pub(crate) fn sink(&self, log: &Log<Note>) -> Probe {
        let endpoint = self.clone();
        Probe::failing(log, move |_| {
            endpoint.attempts.fetch_add(1, Ordering::Release);
            if endpoint.works.load(Ordering::Acquire) {
                Ok(())
            } else {
                Err(SinkError::failed("unreachable"))
            }
        })
    }
}

/// Waits for its token in each write, as a retry does.
pub(crate) struct Patient {
    pub(crate) cancel: CancelToken,
    pub(crate) hold: Hold,
}

impl Sink<u32> for Patient {
    fn write(&mut self, _: &Event<u32>) -> Result<(), SinkError> {
        self.hold.release();
        self.hold.stop_here();
        self.cancel.wait(Duration::MAX);
        Err(SinkError::Cancelled { last: None })
    }

    fn close(&mut self, _: Duration) -> CloseReport<u32> {
        CloseReport::default()
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.cancel = cancel.clone();
    }
}

/// A folder that is gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let unique = format!("laneway-sink-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder for temporary files");
        // As files are named that are open.
        Folder(folder.canonicalize().expect("it is there"))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.join("events.ndjson")
    }

    /// A file beside it.
    pub(crate) fn beside(&self, suffix: &str) -> PathBuf {
        self.0.join(format!("events.ndjson{suffix}"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Handles can be had on any thread, whatever the events are.
#[test]
fn auto_traits() {
    use laneway::sink::{Attached, Breaker, Broadcast, ChannelSink, Queue, Shared, SinkMetrics};
    use std::cell::Cell;
    fn check<T: Send + Sync + Clone>() {}
    check::<Queue<Cell<u32>>>();
    check::<Shared<Cell<u32>>>();
    check::<Broadcast<Cell<u32>>>();
    check::<ChannelSink<Cell<u32>>>();
    check::<Attached<Cell<u32>>>();
    check::<CancelToken>();
    check::<SinkMetrics>();
    check::<Breaker>();
    fn check_error<T: std::error::Error + Send + Sync + 'static>() {}
    check_error::<SinkError>();
}
