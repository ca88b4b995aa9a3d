//! What an event carries.

use base64_simd::Base64;
use std::borrow::Cow;

/// The alphabet and the padding of RFC 4648, section 4; nothing else is accepted.
pub(super) const BASE64: Base64 = base64_simd::STANDARD;

/// The data of an event: what it is in the event's JSON decides which of these.
///
/// * `data` under a content type that is JSON, or under none, is `Json`, as it was written. `null` is `Json` too.
/// * a `data` string under any other content type is `Text`. Data that is not a string there is kept as `Json`.
/// * `data_base64` is `Binary`; in 0.3 `data` with the encoding `base64`; in versions before 1.0 also a string under a content
///   type that is neither JSON nor text.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, Data};
///
/// let json = r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","data":{"n": 1}}"#;
/// let event = CloudEvent::from_json(json)?;
/// assert_eq!(event.data(), Some(Data::Json(r#"{"n": 1}"#.into())));
/// # Ok::<(), laneway::cloudevents::ParseError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Data<'a> {
    /// A JSON value.
    Json(Cow<'a, str>),
    /// Text in the format that the content type names.
    Text(Cow<'a, str>),
    /// Bytes in the format that the content type names.
    Binary(Cow<'a, [u8]>),
}

impl Data<'_> {
    /// The bytes that a protocol would transport: JSON and text in UTF-8, binary data as it is.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Data::Json(text) | Data::Text(text) => text.as_bytes(),
            Data::Binary(bytes) => bytes,
        }
    }
}
