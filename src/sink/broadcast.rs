//! One event, several sinks.

use super::cancel::CancelToken;
use super::error::{SinkError, SinkFailure};
use super::report::CloseReport;
use super::shared::Shared;
use super::traits::Sink;
use super::{CLOSE_DEADLINE, left_of, lock, until};
use crate::contain::contain;
use crate::event::Event;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Hands each event to several sinks, by name.
///
/// Each sink gets each event, whatever becomes of it at the others: failures are collected, and given back by name as
/// [`SinkError::Partly`]. A sink that says [`SinkError::Closed`] is named that once, closed and taken off; what it held is in the
/// report of the broadcast. Sinks are written to one
/// after the other, in the order in which they were added, and all see events in the same order; so each write takes as long
/// as all sinks together. With a queue in front of each, see [`queued`](Self::queued), none is slowed down by another.
///
/// Clones are handles to the same broadcast: for several writers, and to [`add`](Self::add) and [`remove`](Self::remove) sinks
/// meanwhile, which waits for no write. Dropping the last handle closes the sinks with five seconds. Retry each sink, not the
/// broadcast: [`SinkError::Partly`] is not retried, since it would be a second time for the sinks that took the event.
///
/// ```
/// use laneway::sink::{Broadcast, Sink, SinkError, channel, sink_fn};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let (archive, mut archived) = channel(16);
/// let mut broadcast = Broadcast::new()
///     .with("broken", sink_fn(|_: &Event<u32>| Err(SinkError::failed("unreachable"))))
///     .with("archive", archive);
/// let error = broadcast.write(&Event::new(Topic::new("compute", "VM.START")?, 7)).unwrap_err();
/// let SinkError::Partly { written: 1, failures } = error else { panic!("{error}") };
/// assert_eq!(failures[0].sink, "broken");
///
/// broadcast.remove("broken");
/// assert!(broadcast.close(Duration::from_secs(1)).is_complete());
/// assert_eq!(archived.iter().count(), 1);
/// # Ok::<(), laneway::TopicError>(())
/// ```
pub struct Broadcast<E: 'static> {
    /// One write at a time, so that all sinks see events in the same order.
    fan: Shared<E>,
    members: Arc<Mutex<Members<E>>>,
}

/// A broadcast has at most this many sinks.
pub const MAX_SINKS: usize = 1 << 16;

type Sinks<E> = Vec<(Arc<str>, Shared<E>)>;

struct Members<E: 'static> {
    /// Copied when it changes, so that a write goes over a list that stays as it is.
    sinks: Arc<Sinks<E>>,
    is_closed: bool,
    /// Of the queue in front of each.
    capacity: Option<usize>,
    /// Ends what the sinks wait for.
    cancel: CancelToken,
    /// Of sinks that are closed, until somebody takes them.
    reports: Reports<E>,
}

impl<E: 'static> Drop for Members<E> {
    fn drop(&mut self) {
        for (sink, report) in self.reports.drain(..) {
            if !report.is_complete() {
                contain(|| {
                    tracing::warn!(sink, ?report, "a broadcast was dropped with events in it")
                });
            }
            contain(|| drop(report));
        }
    }
}

impl<E: 'static> Members<E> {
    /// Changes the list, and gives back the one before, to be dropped outside of the lock.
    fn change(&mut self, change: impl FnOnce(&mut Sinks<E>)) -> Arc<Sinks<E>> {
        let mut sinks = Sinks::clone(&self.sinks);
        change(&mut sinks);
        std::mem::replace(&mut self.sinks, Arc::new(sinks))
    }
}

impl<E: Send + 'static> Broadcast<E> {
    /// Without sinks. Writing to it is `Ok`.
    pub fn new() -> Self {
        Self::with_capacity(None)
    }

    fn with_capacity(capacity: Option<usize>) -> Self {
        let members = Arc::new(Mutex::new(Members {
            sinks: Arc::default(),
            is_closed: false,
            capacity,
            cancel: CancelToken::new(),
            reports: Vec::new(),
        }));
        Broadcast {
            fan: Shared::new(Box::new(Fan(Arc::clone(&members)))),
            members,
        }
    }

    /// Takes a sink off, and gives it back: to be written to, or closed. It does not wait: an event that is being written may
    /// still reach the sink. `None`: there is none of this name.
    pub fn remove(&self, name: &str) -> Option<Shared<E>> {
        let mut members = lock(&self.members);
        let at = members
            .sinks
            .iter()
            .position(|(known, _)| **known == *name)?;
        let sink = members.sinks[at].1.clone();
        let before = members.change(|sinks| {
            sinks.remove(at);
        });
        drop(members);
        drop(before);
        Some(sink)
    }

    /// The names of its sinks, in order.
    pub fn names(&self) -> Vec<String> {
        let sinks = Arc::clone(&lock(&self.members).sinks);
        sinks.iter().map(|(name, _)| (**name).into()).collect()
    }

    /// Closes each sink, and says how that went by name. They get the deadline together; those with a queue flush at the same time.
    ///
    /// # Blocking
    ///
    /// As [`Sink::close`].
    pub fn close_each(&self, deadline: Duration) -> Vec<(String, CloseReport<E>)> {
        let by = until(deadline);
        // The write that is under way comes to its end first, and then all sinks are closed; unless it hangs.
        let hung = self.fan.close_it(deadline);
        let mut reports = close_all(&self.members, left_of(by));
        if !hung.is_complete() && reports.iter().all(|(_, report)| report.in_flight == 0) {
            reports.push(("a broadcast".into(), hung));
        }
        reports
    }
}

type Reports<E> = Vec<(String, CloseReport<E>)>;

/// Closes those that are not closed yet, and gives back all reports that nobody has taken.
fn close_all<E: Send + 'static>(members: &Mutex<Members<E>>, deadline: Duration) -> Reports<E> {
    let by = until(deadline);
    let mut open = lock(members);
    open.is_closed = true;
    let sinks = std::mem::take(&mut open.sinks);
    let mut reports = std::mem::take(&mut open.reports);
    drop(open);
    for (_, sink) in sinks.iter() {
        sink.begin();
    }
    reports.extend(sinks.iter().map(|(name, sink)| {
        let report = sink.close_it(left_of(by));
        (name.to_string(), report)
    }));
    reports
}

impl<E: Clone + Send + 'static> Broadcast<E> {
    /// One that puts a queue for `capacity` events in front of each sink that is [added](Self::add), with a thread named after
    /// the sink: so a slow one costs the others no time, and loses only what finds its own queue full.
    ///
    /// # Panics
    ///
    /// If the capacity is not 1 to 2^24.
    #[track_caller]
    pub fn queued(capacity: usize) -> Self {
        super::error::check_capacity(capacity);
        Self::with_capacity(Some(capacity))
    }
}

impl<E: Send + 'static> Broadcast<E> {
    /// [Adds](Self::add) a sink.
    ///
    /// # Panics
    ///
    /// Where that gives an error.
    #[must_use]
    #[track_caller]
    pub fn with(self, name: impl Into<String>, sink: impl Sink<E>) -> Self
    where
        E: Clone + Send,
    {
        if let Err(error) = self.add(name, sink) {
            panic!("{error}");
        }
        self
    }

    /// Adds a sink under a name of its own. It gets the events whose write begins after that.
    ///
    /// # Errors
    ///
    /// A name in use, more than [`MAX_SINKS`], or a broadcast that is closed. The sink is closed and dropped.
    pub fn add(&self, name: impl Into<String>, sink: impl Sink<E>) -> Result<(), BroadcastError>
    where
        E: Clone + Send,
    {
        let name = name.into();
        let members = lock(&self.members);
        let (capacity, cancel) = (members.capacity, members.cancel.clone());
        drop(members);
        let sink: Box<dyn Sink<E>> = match capacity {
            Some(capacity) => Box::new(sink.queue(capacity).named(name.clone())),
            None => Box::new(sink),
        };
        let sink = Shared::new(sink);
        sink.follow(&cancel);
        let mut members = lock(&self.members);
        if members.is_closed {
            return Err(BroadcastError::Closed);
        }
        if members.sinks.iter().any(|(known, _)| **known == *name) {
            return Err(BroadcastError::NameInUse { name });
        }
        if members.sinks.len() >= MAX_SINKS {
            return Err(BroadcastError::TooMany { limit: MAX_SINKS });
        }
        let before = members.change(|sinks| sinks.push((name.into(), sink)));
        drop(members);
        drop(before);
        Ok(())
    }
}

impl<E: Send + 'static> Sink<E> for Broadcast<E> {
    /// # Errors
    ///
    /// [`SinkError::Partly`] if a sink did not take it.
    ///
    /// # Blocking
    ///
    /// For the writers before, and for all sinks.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        self.fan.write_to(event)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        let mut all = CloseReport::default();
        for (name, mut report) in self.close_each(deadline) {
            for failure in &mut report.failures {
                failure.sink = format!("{name}: {}", failure.sink);
            }
            all.merge(report);
        }
        all
    }

    fn begin_close(&mut self) {
        self.fan.begin();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.fan.attach(cancel);
    }
}

/// What is behind the lock of a broadcast.
struct Fan<E: 'static>(Arc<Mutex<Members<E>>>);

impl<E: Send + 'static> Fan<E> {
    /// Takes off a sink that says it is closed. What it holds is for who closes the broadcast.
    fn leave(&self, name: &Arc<str>, sink: &Shared<E>) {
        // By what it is: another one may have this name by now, and one that was removed is its remover's.
        let is_it = |(known, _): &(Arc<str>, _)| Arc::ptr_eq(known, name);
        if !lock(&self.0).sinks.iter().any(is_it) {
            return;
        }
        let report = sink.close_it(CLOSE_DEADLINE);
        contain(|| {
            tracing::warn!(
                sink = &**name,
                ?report,
                "a closed sink leaves its broadcast"
            )
        });
        let mut members = lock(&self.0);
        let before = members.change(|sinks| sinks.retain(|known| !is_it(known)));
        // Sinks that come and go must not fill the memory.
        let is_kept = !report.is_complete() && members.reports.len() < MAX_SINKS;
        let report = if is_kept {
            members.reports.push((name.to_string(), report));
            None
        } else {
            Some(report)
        };
        drop(members);
        drop(before);
        contain(|| drop(report));
    }
}

impl<E: Send + 'static> Sink<E> for Fan<E> {
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        let sinks = Arc::clone(&lock(&self.0).sinks);
        let mut failures = Vec::new();
        for (name, sink) in sinks.iter() {
            let Err(error) = sink.write_to(event) else {
                continue;
            };
            if matches!(error, SinkError::Closed) {
                self.leave(name, sink);
            }
            failures.push(SinkFailure::new(&**name, error));
        }
        if failures.is_empty() {
            return Ok(());
        }
        let written = sinks.len() - failures.len();
        Err(SinkError::Partly { written, failures })
    }

    /// The reports are for who closes the broadcast.
    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        let reports = close_all(&self.0, deadline);
        lock(&self.0).reports = reports;
        CloseReport::default()
    }

    fn begin_close(&mut self) {
        let sinks = Arc::clone(&lock(&self.0).sinks);
        sinks.iter().for_each(|(_, sink)| sink.begin());
    }

    fn attach(&mut self, cancel: &CancelToken) {
        let own = lock(&self.0).cancel.clone();
        own.follow(cancel);
    }
}

impl<E: Send + 'static> Default for Broadcast<E> {
    fn default() -> Self {
        Broadcast::new()
    }
}

impl<E: Send + 'static> Clone for Broadcast<E> {
    fn clone(&self) -> Self {
        Broadcast {
            fan: self.fan.clone(),
            members: Arc::clone(&self.members),
        }
    }
}

impl<E: Send + 'static> fmt::Debug for Broadcast<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broadcast")
            .field("sinks", &self.names())
            .finish_non_exhaustive()
    }
}

/// Why a sink is not added to a [`Broadcast`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The broadcast is closed.
    Closed,
    /// It has a sink of this name.
    NameInUse {
        /// The name.
        name: String,
    },
    /// It has as many sinks as it may.
    TooMany {
        /// How many that is.
        limit: usize,
    },
}

impl fmt::Display for BroadcastError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BroadcastError::Closed => f.write_str("the broadcast is closed"),
            BroadcastError::NameInUse { name } => {
                write!(f, "the broadcast has a sink called {name:?}")
            }
            BroadcastError::TooMany { limit } => {
                write!(f, "a broadcast has at most {limit} sinks")
            }
        }
    }
}

impl Error for BroadcastError {}
