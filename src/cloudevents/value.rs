//! The values of attributes, and what has attributes.

use crate::cloudevents::check;
use crate::cloudevents::data::BASE64;
use crate::cloudevents::error::AttributeFault;
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::version::SpecVersion;
use std::borrow::Cow;

/// The value of an attribute: one of the types of the specification.
///
/// JSON has no other form for the types after `String` than text, so what was written as one of them is read as a `String`;
/// and events compare them by their text.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, Value};
///
/// let event = CloudEvent::builder("1", "/s", "a.b")
///     .extension("sampledrate", 5)
///     .extension("key", Value::Binary(b"foo".into()))
///     .build()?;
/// assert_eq!(event.extension("sampledrate"), Some(Value::Integer(5)));
/// assert_eq!(event.extension("key").unwrap().text(), "Zm9v");
/// # Ok::<(), laneway::cloudevents::AttributeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Value<'a> {
    /// True or false.
    Boolean(bool),
    /// A whole number of 32 bits.
    Integer(i32),
    /// Text without control characters and noncharacters.
    String(Cow<'a, str>),
    /// Bytes.
    Binary(Cow<'a, [u8]>),
    /// An absolute URI.
    Uri(Cow<'a, str>),
    /// A URI reference.
    UriReference(Cow<'a, str>),
    /// A point in time.
    Timestamp(Timestamp<'a>),
    /// Any other JSON, as it was written. Only versions before 1.0 have such values.
    Json(Cow<'a, str>),
}

impl<'a> Value<'a> {
    /// The canonical text of the value, which is what filters compare with.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Value::Boolean(true) => "true".into(),
            Value::Boolean(false) => "false".into(),
            Value::Integer(number) => number.to_string().into(),
            Value::Binary(bytes) => BASE64.encode_to_string(bytes).into(),
            Value::Timestamp(time) => time.as_str().into(),
            Value::String(text)
            | Value::Uri(text)
            | Value::UriReference(text)
            | Value::Json(text) => Cow::Borrowed(text),
        }
    }

    /// As [`text`](Self::text), without copying what is borrowed already.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        match self {
            Value::Timestamp(time) => time.into_text(),
            Value::String(text)
            | Value::Uri(text)
            | Value::UriReference(text)
            | Value::Json(text) => text,
            other => Cow::Owned(other.text().into_owned()),
        }
    }

    /// Whether the value is of its type, and the version has the type.
    pub(super) fn check(&self, version: SpecVersion) -> Result<(), AttributeFault> {
        match self {
            Value::Boolean(_) | Value::Integer(_) | Value::Binary(_) | Value::Timestamp(_) => {
                Ok(())
            }
            Value::String(text) => check::text(text),
            Value::Uri(text) => check::uri(text),
            Value::UriReference(text) => check::uri_reference(text),
            Value::Json(_) if !version.has_json_values() => Err(AttributeFault::Type),
            Value::Json(text) => match Scanner::whole(text) {
                // What has a value of its own would be read as that.
                Ok(token) if token.is_plain() => Err(AttributeFault::Type),
                Ok(_) => Ok(()),
                Err(_) => Err(AttributeFault::Json),
            },
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Value::Integer(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Boolean(value)
    }
}

impl<'a> From<Timestamp<'a>> for Value<'a> {
    fn from(time: Timestamp<'a>) -> Self {
        Value::Timestamp(time)
    }
}

/// What has the attributes of an event: events, and payloads that carry one.
///
/// Topics are made from attributes, and filters ask for them.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{Attributes, CloudEvent, Value};
///
/// struct Tagged {
///     tag: u32,
///     event: CloudEvent,
/// }
///
/// impl Attributes for Tagged {
///     fn attribute(&self, name: &str) -> Option<Value<'_>> {
///         self.event.attribute(name)
///     }
/// }
///
/// let event = CloudEvent::from_json(r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b"}"#)?;
/// let tagged = Tagged { tag: 7, event };
/// assert_eq!((tagged.tag, tagged.attribute("type")), (7, Some("a.b".into())));
/// # Ok::<(), laneway::cloudevents::ParseError>(())
/// ```
pub trait Attributes {
    /// The value of the attribute that 1.0 calls `name`, be it an extension or not. Data is no attribute.
    fn attribute(&self, name: &str) -> Option<Value<'_>>;
}

impl<T: Attributes + ?Sized> Attributes for &T {
    fn attribute(&self, name: &str) -> Option<Value<'_>> {
        (**self).attribute(name)
    }
}
