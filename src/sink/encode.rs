//! How events become bytes.

use super::dead_letter::DeadLetter;
use super::error::BoxError;
use crate::event::Event;
use std::borrow::Cow;
use std::fmt::Write as _;

/// Payloads that know how they are written: as one JSON document.
///
/// Files, pipes and webhooks take such events as they are, and others with a closure that says how.
///
/// ```
/// use laneway::Event;
/// use laneway::sink::{BoxError, Encode, WriterSink};
///
/// #[derive(Clone)]
/// struct Reading(f64);
///
/// impl Encode for Reading {
///     fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
///         out.extend(format!(r#"{{"celsius":{}}}"#, event.payload().0).bytes());
///         Ok(())
///     }
/// }
///
/// let _ = WriterSink::<Reading>::new(std::io::stderr());
/// ```
pub trait Encode: Sized + 'static {
    /// What the bytes are.
    const CONTENT_TYPE: &'static str = "application/json";

    /// Appends the document.
    ///
    /// # Errors
    ///
    /// Where there is none: the event is refused, and not tried again.
    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError>;

    /// What makes this event different from all others, for receivers that must not take one twice.
    fn id(event: &Event<Self>) -> Option<Cow<'_, str>> {
        let _ = event;
        None
    }
}

/// Appends an event's bytes to a buffer.
pub(super) type Encoder<E> = Box<dyn FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send>;

/// As a document of its own, with the error as text and the time in seconds since 1970.
impl<E: Encode> Encode for DeadLetter<E> {
    fn encode(letter: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        let letter = letter.payload();
        let since = letter.at.duration_since(std::time::UNIX_EPOCH);
        let seconds = since.unwrap_or_default().as_secs();
        let error = json_string(&letter.error.to_string());
        out.extend(format!(r#"{{"error":{error},"at":{seconds},"event":"#).bytes());
        E::encode(&letter.event, out)?;
        out.push(b'}');
        Ok(())
    }

    fn id(letter: &Event<Self>) -> Option<Cow<'_, str>> {
        E::id(&letter.payload().event)
    }
}

#[cfg(feature = "cloudevents")]
impl Encode for crate::cloudevents::CloudEvent {
    const CONTENT_TYPE: &'static str = crate::cloudevents::MEDIA_TYPE;

    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        out.extend(event.payload().to_json().bytes());
        Ok(())
    }

    fn id(event: &Event<Self>) -> Option<Cow<'_, str>> {
        Some(event.payload().id().into())
    }
}

#[cfg(feature = "lifecycle")]
impl Encode for crate::lifecycle::LifecycleEvent {
    fn encode(event: &Event<Self>, out: &mut Vec<u8>) -> Result<(), BoxError> {
        out.extend(event.payload().to_json().bytes());
        Ok(())
    }

    fn id(event: &Event<Self>) -> Option<Cow<'_, str>> {
        Some(event.payload().id().into())
    }
}

/// Text as a JSON string.
pub(super) fn json_string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for char in text.chars() {
        match char {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\0'..='\u{1f}' => {
                // Writing to a String does not fail.
                let _ = write!(json, "\\u{:04x}", u32::from(char));
            }
            _ => json.push(char),
        }
    }
    json.push('"');
    json
}

/// Why an event is not a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LineError {
    /// Its document has a line break in it, and would be two.
    LineBreak,
    /// It is longer than a line may be.
    TooLong {
        /// How long it is.
        bytes: u64,
        /// How long it may be.
        limit: u64,
    },
}

impl std::fmt::Display for LineError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LineError::LineBreak => f.write_str("the event has a line break in it"),
            LineError::TooLong { bytes, limit } => {
                write!(
                    f,
                    "the event is a line of {bytes} bytes, and {limit} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for LineError {}

/// Writes the event into `line`, with its line break.
pub(super) fn encode_line<E>(
    encoder: &mut Encoder<E>,
    event: &Event<E>,
    line: &mut Vec<u8>,
    limit: u64,
) -> Result<(), BoxError> {
    line.clear();
    encoder(event, line)?;
    if line.contains(&b'\n') {
        return Err(LineError::LineBreak.into());
    }
    line.push(b'\n');
    let bytes = line.len() as u64;
    if bytes > limit {
        return Err(LineError::TooLong { bytes, limit }.into());
    }
    Ok(())
}
