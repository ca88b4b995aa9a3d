//! What is wrong with an event: the fault of an attribute, and where in a document it lies.

use crate::cloudevents::SpecVersion;
use std::error::Error;
use std::fmt;

/// How much of a name from outside an error repeats, in bytes.
const SHOWN_BYTES: usize = 64;

/// Why an attribute cannot be part of an event.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{AttributeFault, CloudEvent};
///
/// let error = CloudEvent::builder("1", "not a uri", "a.b").build().unwrap_err();
/// assert_eq!((error.name(), error.fault()), ("source", AttributeFault::UriReference));
/// assert_eq!(error.to_string(), "attribute `source` is not a URI reference");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeError {
    name: Box<str>,
    fault: AttributeFault,
}

impl AttributeError {
    pub(super) fn new(name: &str, fault: AttributeFault) -> Self {
        AttributeError {
            name: shown(name),
            fault,
        }
    }

    /// The attribute's name, or its first 64 bytes; `data` for what is wrong with the data.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is wrong with it.
    pub fn fault(&self) -> AttributeFault {
        self.fault
    }
}

impl fmt::Display for AttributeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attribute `{}` {}", self.name, self.fault)
    }
}

impl Error for AttributeError {}

/// The faults that an attribute can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AttributeFault {
    /// It is required and not there.
    Missing,
    /// It is there twice.
    Duplicate,
    /// Its text is empty.
    Empty,
    /// Its text has a character that the String type excludes: a control, a noncharacter, half of a surrogate pair.
    Character,
    /// Its name is not made of `a` to `z` and `0` to `9`, or is the name of something else.
    Name,
    /// The version of the specification has no such attribute.
    Unknown,
    /// The version of the specification has no such type of value.
    Type,
    /// Not an absolute URI.
    Uri,
    /// Not a URI reference.
    UriReference,
    /// Not a timestamp as RFC 3339 writes it.
    Timestamp,
    /// Not a media type.
    MediaType,
    /// Not a whole number of 32 bits with sign.
    Integer,
    /// Longer than its version allows.
    TooLong,
    /// An event type with other characters than letters, digits, `_`, `.` and `-`, which Dispatch refuses.
    EventType,
    /// Not base64.
    Base64,
    /// The encoding of the data is not `base64`.
    Encoding,
    /// Not JSON.
    Json,
    /// Data that the version cannot carry under this content type.
    Content,
}

impl fmt::Display for AttributeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AttributeFault::Missing => "is missing",
            AttributeFault::Duplicate => "is there twice",
            AttributeFault::Empty => "is empty",
            AttributeFault::Character => "has a character that is not allowed",
            AttributeFault::Name => "has a name that is not allowed",
            AttributeFault::Unknown => "is not part of this version",
            AttributeFault::Type => "has a value of a type that is not allowed",
            AttributeFault::Uri => "is not an absolute URI",
            AttributeFault::UriReference => "is not a URI reference",
            AttributeFault::Timestamp => "is not an RFC 3339 timestamp",
            AttributeFault::MediaType => "is not a media type",
            AttributeFault::Integer => "is not a 32-bit integer",
            AttributeFault::TooLong => "is too long",
            AttributeFault::EventType => "is not an event type that Dispatch takes",
            AttributeFault::Base64 => "is not base64",
            AttributeFault::Encoding => "is not an encoding of data that is known",
            AttributeFault::Json => "is not JSON",
            AttributeFault::Content => "cannot be written under this content type",
        })
    }
}

/// Why a document is no event, and where.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, ParseErrorKind};
///
/// let error = CloudEvent::from_json("{\n  \"id\": }").unwrap_err();
/// assert_eq!((error.offset(), error.line(), error.column()), (10, 2, 9));
/// assert_eq!(error.to_string(), "expected a value at line 2, column 9");
/// assert_eq!(error.kind(), &ParseErrorKind::Expected("a value"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    kind: ParseErrorKind,
    offset: usize,
    line: usize,
    column: usize,
}

impl ParseError {
    #[cold]
    pub(super) fn new(document: &[u8], failure: Failure) -> Self {
        let offset = failure.at.min(document.len());
        let before = &document[..offset];
        let line_start = before.iter().rposition(|&byte| byte == b'\n');
        ParseError {
            kind: failure.kind,
            offset,
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: offset - line_start.map_or(0, |at| at + 1) + 1,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> &ParseErrorKind {
        &self.kind
    }

    /// Where, in bytes from the start of the document.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column in bytes, from 1.
    pub fn column(&self) -> usize {
        self.column
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ParseError {
            kind, line, column, ..
        } = self;
        write!(f, "{kind} at line {line}, column {column}")
    }
}

impl Error for ParseError {}

/// What can be wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParseErrorKind {
    /// It ends too early.
    UnexpectedEnd,
    /// Something else stands where this should.
    Expected(&'static str),
    /// Not UTF-8.
    Utf8,
    /// A control character in a string.
    ControlCharacter,
    /// A backslash with something behind it that JSON does not know.
    Escape,
    /// Arrays and objects in one another, deeper than 128.
    TooDeep,
    /// A document of 4 GiB or more.
    TooLarge,
    /// A version of the specification that is not known.
    Version(Box<str>),
    /// An attribute that cannot be part of an event.
    Attribute(AttributeError),
    /// A filter dialect that is not known.
    Dialect(Box<str>),
    /// A filter without anything in it, where the dialect demands some.
    EmptyFilter,
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseErrorKind::UnexpectedEnd => f.write_str("the document ends too early"),
            ParseErrorKind::Expected(what) => write!(f, "expected {what}"),
            ParseErrorKind::Utf8 => f.write_str("not UTF-8"),
            ParseErrorKind::ControlCharacter => f.write_str("a control character in a string"),
            ParseErrorKind::Escape => f.write_str("an escape that is not known"),
            ParseErrorKind::TooDeep => f.write_str("nested too deep"),
            ParseErrorKind::TooLarge => f.write_str("the document is too large"),
            ParseErrorKind::Version(version) => write!(f, "version `{version}` is not known"),
            ParseErrorKind::Attribute(error) => error.fmt(f),
            ParseErrorKind::Dialect(name) => write!(f, "filter dialect `{name}` is not known"),
            ParseErrorKind::EmptyFilter => f.write_str("a filter with nothing in it"),
        }
    }
}

/// A [`ParseError`] whose line is not counted yet. Boxed on its way up, so that results stay small.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) at: usize,
    pub(super) kind: ParseErrorKind,
}

pub(super) type Scan<T> = Result<T, Box<Failure>>;

#[cold]
pub(super) fn fail<T>(at: usize, kind: ParseErrorKind) -> Scan<T> {
    Err(Box::new(Failure { at, kind }))
}

#[cold]
pub(super) fn fail_attribute<T>(at: usize, name: &str, fault: AttributeFault) -> Scan<T> {
    fail(
        at,
        ParseErrorKind::Attribute(AttributeError::new(name, fault)),
    )
}

/// Why an HTTP message is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpError {
    /// An attribute that cannot be part of an event.
    Attribute(AttributeError),
    /// A header that is no text: its percent-encoding is not UTF-8, or a quote has no end.
    Header(Box<str>),
    /// A version of the specification that binary mode is not read for.
    Version(Box<str>),
    /// The body in structured mode is no event.
    Body(ParseError),
    /// The content type is that of a batch, or of a format other than JSON.
    Format(Box<str>),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Attribute(error) => error.fmt(f),
            HttpError::Header(name) => write!(f, "header `{name}` is not encoded as it should be"),
            HttpError::Version(version) => write!(f, "version `{version}` is not known"),
            HttpError::Body(error) => error.fmt(f),
            HttpError::Format(format) => {
                write!(f, "`{format}` is not the format of one JSON event")
            }
        }
    }
}

impl Error for HttpError {}

impl From<AttributeError> for HttpError {
    fn from(error: AttributeError) -> Self {
        HttpError::Attribute(error)
    }
}

/// The beginning of a name from outside.
pub(super) fn shown(name: &str) -> Box<str> {
    let mut end = name.len().min(SHOWN_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].into()
}

impl fmt::Display for SpecVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
