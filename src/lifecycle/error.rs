//! What can be wrong with an event.

use super::kind::EventType;
use std::error::Error;
use std::fmt;

/// Why an event cannot be built.
///
/// ```
/// use laneway::lifecycle::LifecycleEvent;
///
/// let error = LifecycleEvent::alive("server", "").identity("n1").build().unwrap_err();
/// assert_eq!(error.to_string(), "an event of type Alive needs its version");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A field that the type requires is not set, or empty.
    Missing {
        /// The type of the event.
        event_type: EventType,
        /// The name of the field on the wire.
        field: &'static str,
    },
    /// A field is set that events of this type do not have.
    Foreign {
        /// The type of the event.
        event_type: EventType,
        /// The name of the field on the wire.
        field: &'static str,
    },
    /// The stage is none of [`Stage::ALL`](super::Stage::ALL).
    InvalidStage,
    /// A text is longer than [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
    TooLong {
        /// The name of the field on the wire.
        field: &'static str,
        /// How long it is.
        bytes: usize,
    },
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Missing { event_type, field } => {
                write!(f, "an event of type {event_type} needs its {field}")
            }
            BuildError::Foreign { event_type, field } => {
                write!(f, "an event of type {event_type} has no {field}")
            }
            BuildError::InvalidStage => UnknownName::Stage.fmt(f),
            BuildError::TooLong { field, bytes } => too_long(f, field, *bytes),
        }
    }
}

impl Error for BuildError {}

/// Why text is not a lifecycle event.
///
/// The first four print as the original's errors do.
///
/// ```
/// use laneway::lifecycle::{LifecycleEvent, ParseError};
///
/// let error = LifecycleEvent::from_json(r#"{"protocol":"other"}"#).unwrap_err();
/// assert_eq!(error, ParseError::UnsupportedFormat);
///
/// let error = LifecycleEvent::from_json("{\n  \"protocol\": 5\n}").unwrap_err();
/// assert_eq!(error.to_string(), "protocol is not a string at line 2 column 15");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseError {
    /// It is JSON, and neither of the two formats.
    UnsupportedFormat,
    /// The protocol names no type of event.
    UnknownProtocol {
        /// What it says.
        protocol: Box<str>,
    },
    /// The protocol is not the one of the type that was asked for, or of another version.
    InvalidProtocol {
        /// What it says.
        protocol: Box<str>,
    },
    /// An event of a governor does not say of which.
    NoGovernor,
    /// The stage of a governor is none of [`Stage::ALL`](super::Stage::ALL).
    InvalidStage {
        /// What it says.
        stage: Box<str>,
    },
    /// The data of a CloudEvent is a CloudEvent again.
    Nested {
        /// Where the inner one begins.
        at: Position,
    },
    /// A field has a value of another type.
    WrongType {
        /// The name of the field.
        field: &'static str,
        /// What should be there.
        expected: &'static str,
        /// Where the value begins.
        at: Position,
    },
    /// A text is longer than [`MAX_TEXT_BYTES`](super::MAX_TEXT_BYTES).
    TooLong {
        /// The name of the field.
        field: &'static str,
        /// How long it is.
        bytes: usize,
        /// Where the value begins.
        at: Position,
    },
    /// It is not UTF-8.
    Encoding {
        /// The first byte that is not.
        at: Position,
    },
    /// It is not JSON, or not an object, a key is there twice, or values nest too deep.
    Json {
        /// What is wrong.
        reason: Box<str>,
        /// Where.
        at: Position,
    },
}

impl ParseError {
    /// Where in the text it is, if the error is about a place.
    pub fn position(&self) -> Option<Position> {
        match self {
            ParseError::Nested { at }
            | ParseError::WrongType { at, .. }
            | ParseError::TooLong { at, .. }
            | ParseError::Encoding { at }
            | ParseError::Json { at, .. } => Some(*at),
            _ => None,
        }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::UnsupportedFormat => f.write_str("unsupported event format"),
            ParseError::UnknownProtocol { protocol } => {
                write!(f, "unknown protocol '{protocol}' received")
            }
            ParseError::InvalidProtocol { protocol } => write!(f, "invalid protocol '{protocol}'"),
            ParseError::NoGovernor => f.write_str("governor name is not set"),
            ParseError::InvalidStage { stage } => write!(f, "{} '{stage}'", UnknownName::Stage),
            ParseError::Nested { .. } => f.write_str("a CloudEvent inside a CloudEvent"),
            ParseError::WrongType {
                field, expected, ..
            } => write!(f, "{field} is not {expected}"),
            ParseError::TooLong { field, bytes, .. } => too_long(f, field, *bytes),
            ParseError::Encoding { .. } => f.write_str("not UTF-8"),
            ParseError::Json { reason, .. } => f.write_str(reason),
        }?;
        match self.position() {
            Some(at) => write!(f, " at {at}"),
            None => Ok(()),
        }
    }
}

impl Error for ParseError {}

fn too_long(f: &mut fmt::Formatter<'_>, field: &str, bytes: usize) -> fmt::Result {
    let limit = super::MAX_TEXT_BYTES;
    write!(
        f,
        "{field} has {bytes} bytes, and at most {limit} are allowed"
    )
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The byte in that line, from 1. Where the JSON itself is at fault, it may be the one before.
    pub column: usize,
}

impl Position {
    /// Of the byte behind `before`.
    pub(super) fn after(before: &[u8]) -> Position {
        let line_start = before.iter().rposition(|&byte| byte == b'\n');
        Position {
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: before.len() - line_start.map_or(0, |at| at + 1) + 1,
        }
    }

    /// Of a place in a part that begins here.
    pub(super) fn plus(self, line: usize, column: usize) -> Position {
        let start = if line > 1 { 0 } else { self.column - 1 };
        Position {
            line: self.line + line.max(1) - 1,
            column: start + column.max(1),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// Why an event has no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetError {
    /// The component is empty.
    NoComponent,
    /// The component contains white space, a control character, `*` or `>`, which a subject cannot carry.
    InvalidComponent,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TargetError::NoComponent => "event is not complete, component has not been set",
            TargetError::InvalidComponent => "the component cannot be part of a subject",
        })
    }
}

impl Error for TargetError {}

/// A name that is none of the known ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownName {
    /// Of a type of event.
    EventType,
    /// Of a stage of a governor.
    Stage,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            UnknownName::EventType => "unknown event type",
            UnknownName::Stage => "invalid stage",
        })
    }
}

impl Error for UnknownName {}
