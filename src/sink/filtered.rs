//! Only some events.

use super::cancel::CancelToken;
use super::error::SinkError;
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use std::fmt;
use std::time::Duration;

/// Hands on the events that a predicate accepts: what [`Sink::filter`] and [`Sink::matching`] make.
///
/// ```
/// use laneway::sink::{Sink, channel};
/// use laneway::{Event, Filter, Topic};
/// use std::time::Duration;
///
/// let (sink, mut reader) = channel::<u32>(100);
/// let mut sink = sink
///     .filter(|event: &Event<u32>| event.payload() % 2 == 0)
///     .matching(Filter::any().event_type("VM.*"))?;
/// for (event_type, number) in [("VM.START", 1), ("VM.START", 2), ("IP.LEASE", 4)] {
///     sink.write(&Event::new(Topic::new("compute", event_type)?, number))?;
/// }
/// let _ = sink.close(Duration::ZERO);
/// assert_eq!(reader.iter().map(|event| event.into_payload()).collect::<Vec<_>>(), [2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Filtered<S, P> {
    sink: S,
    accept: P,
    is_closed: bool,
}

impl<S, P> Filtered<S, P> {
    pub(super) fn new(sink: S, accept: P) -> Self {
        Filtered {
            sink,
            accept,
            is_closed: false,
        }
    }
}

impl<E, S, P> Sink<E> for Filtered<S, P>
where
    S: Sink<E>,
    P: FnMut(&Event<E>) -> bool + Send + 'static,
{
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        if self.is_closed {
            return Err(SinkError::Closed);
        }
        if (self.accept)(event) {
            self.sink.write(event)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.is_closed = true;
        self.sink.close(deadline)
    }

    fn begin_close(&mut self) {
        self.is_closed = true;
        self.sink.begin_close();
    }

    fn attach(&mut self, cancel: &CancelToken) {
        self.sink.attach(cancel);
    }
}

impl<S: fmt::Debug, P> fmt::Debug for Filtered<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Filtered")
            .field("sink", &self.sink)
            .finish_non_exhaustive()
    }
}
