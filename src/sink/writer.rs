//! Lines to a pipe, a terminal, or whatever can be written to.

use super::encode::{Encode, Encoder, encode_line};
use super::error::{BoxError, SinkError};
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use std::fmt;
use std::io::{self, ErrorKind, Stdout, Write};
use std::time::Duration;

/// Writes events as lines, one JSON document each (NDJSON), and flushes after each.
///
/// A pipe whose reader has gone is closed for ever: [`SinkError::Closed`]. Other errors may pass; but a line of which only a part
/// was written is ended before the next, so that it spoils no other.
///
/// ```
/// use laneway::sink::{Sink, WriterSink};
/// use laneway::{Event, Topic};
///
/// let mut sink = WriterSink::with_encoder(std::io::stderr(), |event: &Event<u32>, out| {
///     out.extend(event.payload().to_string().bytes());
///     Ok(())
/// });
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriterSink<E, W = Box<dyn Write + Send>> {
    /// `None` once it is closed.
    writer: Option<W>,
    encoder: Encoder<E>,
    line: Vec<u8>,
    /// The last line has no end.
    is_torn: bool,
}

/// A [`WriterSink`] to the standard output.
///
/// ```
/// use laneway::Event;
/// use laneway::sink::StdoutSink;
///
/// let sink = StdoutSink::stdout_with(|event: &Event<u32>, out| {
///     out.extend(event.payload().to_string().bytes());
///     Ok(())
/// });
/// ```
pub type StdoutSink<E> = WriterSink<E, Stdout>;

/// The longest line.
const MAX_LINE: u64 = 64 << 20;

impl<E: Encode> StdoutSink<E> {
    /// To the standard output, in the event's own encoding.
    pub fn stdout() -> Self {
        WriterSink::with_encoder(io::stdout(), E::encode)
    }
}

impl<E> StdoutSink<E> {
    /// To the standard output, in this encoding.
    pub fn stdout_with<F>(encode: F) -> Self
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        WriterSink::with_encoder(io::stdout(), encode)
    }
}

impl<E: Encode> WriterSink<E> {
    /// To `writer`, in the event's own encoding.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        WriterSink::with_encoder(Box::new(writer), E::encode)
    }
}

impl<E, W: Write + Send + 'static> WriterSink<E, W> {
    /// To `writer`, with a closure that appends an event's document: JSON in one line.
    pub fn with_encoder<F>(writer: W, encode: F) -> Self
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        WriterSink {
            writer: Some(writer),
            encoder: Box::new(encode),
            line: Vec::new(),
            is_torn: false,
        }
    }

    fn write_line(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        if self.is_torn {
            writer.write_all(b"\n")?;
        }
        // Until it is through, and flushed.
        self.is_torn = true;
        writer.write_all(&self.line)?;
        writer.flush()?;
        self.is_torn = false;
        Ok(())
    }
}

impl<E: 'static, W: Write + Send + 'static> Sink<E> for WriterSink<E, W> {
    /// # Blocking
    ///
    /// As its writer.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        if self.writer.is_none() {
            return Err(SinkError::Closed);
        }
        encode_line(&mut self.encoder, event, &mut self.line, MAX_LINE)
            .map_err(SinkError::Refused)?;
        self.write_line().map_err(|error| {
            if error.kind() == ErrorKind::BrokenPipe {
                self.writer = None;
                return SinkError::Closed;
            }
            SinkError::failed(error)
        })
    }

    fn close(&mut self, _: Duration) -> CloseReport<E> {
        let Some(mut writer) = self.writer.take() else {
            return CloseReport::default();
        };
        match writer.flush() {
            Ok(()) => CloseReport::default(),
            Err(error) => CloseReport::failure("a writer", SinkError::failed(error)),
        }
    }
}

impl<E, W> fmt::Debug for WriterSink<E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterSink")
            .field("is_closed", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}
