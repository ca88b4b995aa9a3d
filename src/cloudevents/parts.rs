//! How an event lies in memory: spans of one text.

use crate::cloudevents::envelope::{Envelope, Payload, decode};
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::value::Value;
use crate::cloudevents::version::{FIELDS, Field, SpecVersion};
use smallvec::SmallVec;

pub(super) struct Parts {
    pub(super) version: SpecVersion,
    fields: [Span; FIELDS],
    /// Sorted by name.
    pub(super) extensions: SmallVec<[Extension; 4]>,
    pub(super) data: Held,
    /// All texts, one after the other.
    pub(super) text: Box<str>,
    /// Binary data.
    pub(super) bytes: Box<[u8]>,
}

/// A part of the text.
#[derive(Clone, Copy)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// No text, as opposed to an empty one.
    const NONE: Span = Span {
        start: u32::MAX,
        end: u32::MAX,
    };

    fn is_none(self) -> bool {
        self.start == u32::MAX
    }
}

pub(super) struct Extension {
    pub(super) name: Span,
    pub(super) value: Stored,
}

/// The value of an extension.
pub(super) enum Stored {
    Boolean(bool),
    Integer(i32),
    Json(Span),
    /// Canonical text, and what it is the text of.
    Text(Kind, Span),
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    String,
    Binary,
    Uri,
    UriReference,
    Timestamp,
}

/// What the event carries.
pub(super) enum Held {
    Nothing,
    Json(Span),
    Text(Span),
    /// In `bytes`.
    Binary,
}

impl Parts {
    pub(super) fn field(&self, field: Field) -> Option<&str> {
        let span = self.fields[field as usize];
        (!span.is_none()).then(|| self.text(span))
    }

    pub(super) fn extension(&self, name: &str) -> Option<&Stored> {
        let found =
            (self.extensions).binary_search_by(|extension| self.text(extension.name).cmp(name));
        found.ok().map(|at| &self.extensions[at].value)
    }

    pub(super) fn text(&self, span: Span) -> &str {
        &self.text[span.start as usize..span.end as usize]
    }

    pub(super) fn value(&self, stored: &Stored) -> Value<'_> {
        match *stored {
            Stored::Boolean(value) => Value::Boolean(value),
            Stored::Integer(number) => Value::Integer(number),
            Stored::Json(span) => Value::Json(self.text(span).into()),
            Stored::Text(kind, span) => {
                let text = self.text(span);
                match kind {
                    Kind::String => Value::String(text.into()),
                    Kind::Binary => Value::Binary(decode(text).into()),
                    Kind::Uri => Value::Uri(text.into()),
                    Kind::UriReference => Value::UriReference(text.into()),
                    Kind::Timestamp => Timestamp::parse(text).map_or(text.into(), Value::Timestamp),
                }
            }
        }
    }
}

/// The one buffer while it fills.
struct Buffer(String);

impl Buffer {
    #[inline]
    fn push(&mut self, text: &str) -> Span {
        // Documents and builders are checked for less than 4 GiB of text.
        let start = self.0.len() as u32;
        self.0.push_str(text);
        Span {
            start,
            end: self.0.len() as u32,
        }
    }

    fn value(&mut self, value: &Value<'_>) -> Stored {
        let kind = match value {
            Value::Boolean(value) => return Stored::Boolean(*value),
            Value::Integer(number) => return Stored::Integer(*number),
            Value::Json(text) => return Stored::Json(self.push(text)),
            Value::String(_) => Kind::String,
            Value::Binary(_) => Kind::Binary,
            Value::Uri(_) => Kind::Uri,
            Value::UriReference(_) => Kind::UriReference,
            Value::Timestamp(_) => Kind::Timestamp,
        };
        Stored::Text(kind, self.push(&value.text()))
    }
}

impl From<&Envelope<'_>> for Parts {
    fn from(envelope: &Envelope<'_>) -> Self {
        let mut buffer = Buffer(String::with_capacity(envelope.text_bytes()));
        let mut fields = [Span::NONE; FIELDS];
        for (span, text) in fields.iter_mut().zip(&envelope.fields) {
            if let Some(text) = text {
                *span = buffer.push(text);
            }
        }
        let extensions = envelope.extensions.iter();
        let extensions = extensions.map(|(name, value)| Extension {
            name: buffer.push(name),
            value: buffer.value(value),
        });
        let extensions = extensions.collect();
        let mut bytes = Box::default();
        let data = match &envelope.data {
            None => Held::Nothing,
            Some(Payload::Json(text)) => Held::Json(buffer.push(text)),
            Some(Payload::Text(text)) => Held::Text(buffer.push(text)),
            Some(Payload::Binary(binary)) => {
                bytes = binary.as_ref().into();
                Held::Binary
            }
            Some(Payload::Base64(text)) => {
                bytes = decode(text).into();
                Held::Binary
            }
        };
        Parts {
            version: envelope.version,
            fields,
            extensions,
            data,
            text: buffer.0.into(),
            bytes,
        }
    }
}
