//! Events to be read on another thread.

use super::buffer::{Buffer, Pop, WhenFull};
use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use super::until;
use crate::event::Event;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A bounded channel: a sink, and the reader of what is written to it.
///
/// After [`close`](Sink::close) the reader gets what is in the channel, and then the end. A write that returned `Ok` came
/// before that: it is read, or reported. Once the reader is dropped, writing gives [`SinkError::Closed`]; what was in the channel
/// then is in the report of `close`.
///
/// By default a full channel waits for its reader. Clones of the sink write to the same channel; the end comes when it is closed or
/// the last of them is dropped.
///
/// # Panics
///
/// If the capacity is not 1 to 2^24.
///
/// ```
/// use laneway::sink::{Sink, SinkError, channel};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let (mut sink, mut reader) = channel(16);
/// let event = Event::new(Topic::new("compute", "VM.START")?, 7);
/// sink.write(&event)?;
/// assert!(sink.close(Duration::ZERO).is_complete());
/// assert!(matches!(sink.write(&event), Err(SinkError::Closed)));
/// assert_eq!(reader.recv().map(Event::into_payload), Some(7));
/// assert!(reader.recv().is_none(), "the end");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn channel<E: Clone + Send + 'static>(capacity: usize) -> (ChannelSink<E>, ChannelReader<E>) {
    let buffer = Arc::new(Buffer::new(capacity));
    buffer.when_full(WhenFull::Block(Duration::MAX));
    let sink = ChannelSink {
        writers: Arc::new(Writers(Arc::clone(&buffer))),
        writer: CancelToken::new(),
    };
    (sink, ChannelReader(buffer))
}

/// Where events are written to a [`channel()`].
pub struct ChannelSink<E> {
    writers: Arc<Writers<E>>,
    /// Ends what this one waits for.
    writer: CancelToken,
}

/// What lives as long as the last sink.
struct Writers<E>(Arc<Buffer<E>>);

impl<E> ChannelSink<E> {
    /// What happens to an event that comes when it is full. By default it waits as long as it takes.
    #[must_use]
    pub fn when_full(self, when_full: WhenFull) -> Self {
        self.writers.0.when_full(when_full);
        self
    }

    /// Events that gave way to newer ones, see [`WhenFull::DropOldest`].
    pub fn dropped(&self) -> u64 {
        self.writers.0.counts().dropped
    }
}

impl<E: Clone + Send + 'static> Sink<E> for ChannelSink<E> {
    /// # Blocking
    ///
    /// With [`WhenFull::Block`] for room.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        self.writers.0.push(event.clone(), &self.writer)
    }

    fn close(&mut self, _: Duration) -> CloseReport<E> {
        CloseReport {
            left: self.writers.0.close_and_take(),
            ..CloseReport::default()
        }
    }

    fn begin_close(&mut self) {
        self.writers.0.close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.writer = cancel.clone();
    }
}

impl<E> Drop for Writers<E> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<E> Clone for ChannelSink<E> {
    fn clone(&self) -> Self {
        ChannelSink {
            writers: Arc::clone(&self.writers),
            writer: CancelToken::new(),
        }
    }
}

impl<E> fmt::Debug for ChannelSink<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelSink")
            .field("counts", &self.writers.0.counts())
            .finish()
    }
}

/// Where the events of a [`channel`] are read.
pub struct ChannelReader<E>(Arc<Buffer<E>>);

impl<E> ChannelReader<E> {
    /// The next event, waited for. `None` is the end.
    ///
    /// # Blocking
    ///
    /// Until there is one, or the channel is closed.
    pub fn recv(&mut self) -> Option<Event<E>> {
        self.pop(None).ok().flatten()
    }

    /// The next event, waited for up to `timeout`; `Ok(None)` is the end.
    ///
    /// # Errors
    ///
    /// [`RecvTimeout`] if there is none by then.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<Event<E>>, RecvTimeout> {
        let timed_out = |()| RecvTimeout { after: timeout };
        self.pop(until(timeout)).map_err(timed_out)
    }

    /// The next event if there is one.
    pub fn try_recv(&mut self) -> Option<Event<E>> {
        self.pop(Some(Instant::now())).ok().flatten()
    }

    /// The events to the end, each waited for.
    pub fn iter(&mut self) -> impl Iterator<Item = Event<E>> {
        std::iter::from_fn(|| self.recv())
    }

    fn pop(&mut self, end: Option<Instant>) -> Result<Option<Event<E>>, ()> {
        match self.0.pop(end, &CancelToken::new()) {
            Pop::Event(event) => {
                self.0.settle();
                Ok(Some(event))
            }
            Pop::Ended => Ok(None),
            Pop::Empty => Err(()),
        }
    }
}

impl<E> Drop for ChannelReader<E> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

impl<E> fmt::Debug for ChannelReader<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelReader")
            .field("counts", &self.0.counts())
            .finish()
    }
}

/// No event came in time, see [`ChannelReader::recv_timeout`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecvTimeout {
    /// How long it was waited for.
    pub after: Duration,
}

impl fmt::Display for RecvTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no event came within {:?}", self.after)
    }
}

impl Error for RecvTimeout {}
