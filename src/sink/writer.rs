//! Lines to a pipe, a terminal, or whatever can be written to.

use super::encode::{Encode, Encoder, encode_line};
use super::error::{BoxError, SinkError};
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use std::fmt;
use std::io::{self, ErrorKind, Write};
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
pub struct WriterSink<E> {
    /// `None` once it is closed.
    writer: Option<Box<dyn Write + Send>>,
    encoder: Encoder<E>,
    line: Vec<u8>,
    /// The last line has no end.
    is_torn: bool,
}

/// The longest line.
const MAX_LINE: u64 = 64 << 20;

impl<E: Encode> WriterSink<E> {
    /// To `writer`, in the event's own encoding.
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        WriterSink::with_encoder(writer, E::encode)
    }
}

impl<E> WriterSink<E> {
    /// To `writer`, with a closure that appends an event's document: JSON in one line.
    pub fn with_encoder<F>(writer: impl Write + Send + 'static, encode: F) -> Self
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        WriterSink {
            writer: Some(Box::new(writer)),
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
            self.is_torn = false;
        }
        let mut rest = &self.line[..];
        while !rest.is_empty() {
            match writer.write(rest) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => rest = &rest[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            self.is_torn = !rest.is_empty();
        }
        writer.flush()
    }
}

impl<E: 'static> Sink<E> for WriterSink<E> {
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

impl<E> fmt::Debug for WriterSink<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterSink")
            .field("is_closed", &self.writer.is_none())
            .finish_non_exhaustive()
    }
}

/// A [`WriterSink`] to the standard output.
///
/// ```
/// use laneway::sink::{Sink, StdoutSink};
/// use laneway::{Event, Topic};
///
/// let mut sink = StdoutSink::with_encoder(|event: &Event<u32>, out| {
///     out.extend(event.payload().to_string().bytes());
///     Ok(())
/// });
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StdoutSink<E>(WriterSink<E>);

impl<E: Encode> StdoutSink<E> {
    /// In the event's own encoding.
    #[expect(clippy::new_without_default, reason = "a resource of the process")]
    pub fn new() -> Self {
        StdoutSink(WriterSink::new(io::stdout()))
    }
}

impl<E> StdoutSink<E> {
    /// With a closure that appends an event's document: JSON in one line.
    pub fn with_encoder<F>(encode: F) -> Self
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        StdoutSink(WriterSink::with_encoder(io::stdout(), encode))
    }
}

impl<E: 'static> Sink<E> for StdoutSink<E> {
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        self.0.write(event)
    }

    fn close(&mut self, deadline: Duration) -> CloseReport<E> {
        self.0.close(deadline)
    }
}
