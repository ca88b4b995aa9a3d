//! An event in parts that still lie where they were found.

use crate::cloudevents::check;
use crate::cloudevents::data::{BASE64, Data};
use crate::cloudevents::dispatch;
use crate::cloudevents::error::{AttributeError, AttributeFault, ParseError};
use crate::cloudevents::json::read;
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::token::Token;
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::value::{Attributes, Value};
use crate::cloudevents::version::{FIELDS, Field, Slot, SpecVersion};
use smallvec::SmallVec;
use std::borrow::Cow;

/// An event that borrows from the document it was read from: for looking at what routing needs, and then perhaps no further.
///
/// Reading one checks the document as reading a [`CloudEvent`](crate::cloudevents::CloudEvent) does, and allocates nothing,
/// unless texts have escapes or there are more members than usual. `CloudEvent::from(&envelope)` makes an event of it.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, Envelope};
///
/// let json = br#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","data":[1,2]}"#;
/// let envelope = Envelope::parse(json)?;
/// assert_eq!((envelope.event_type(), envelope.source()), ("a.b", "/s"));
/// let event = CloudEvent::from(&envelope);
/// assert_eq!(event.id(), "1");
/// # Ok::<(), laneway::cloudevents::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    pub(super) version: SpecVersion,
    pub(super) fields: [Option<Cow<'a, str>>; FIELDS],
    /// Sorted by name, once complete.
    pub(super) extensions: SmallVec<[(Cow<'a, str>, Value<'a>); 4]>,
    pub(super) data: Option<Payload<'a>>,
}

/// Data, before it is decoded.
#[derive(Clone, Debug)]
pub(super) enum Payload<'a> {
    Json(Cow<'a, str>),
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    /// Known to be base64.
    Base64(Cow<'a, str>),
}

impl<'a> From<Data<'a>> for Payload<'a> {
    fn from(data: Data<'a>) -> Self {
        match data {
            Data::Json(text) => Payload::Json(text),
            Data::Text(text) => Payload::Text(text),
            Data::Binary(bytes) => Payload::Binary(bytes),
        }
    }
}

impl<'a> Envelope<'a> {
    /// Reads one event in JSON, of any version.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong and where.
    pub fn parse(json: &'a [u8]) -> Result<Self, ParseError> {
        let mut envelope = Envelope::new(SpecVersion::V1_0);
        envelope.read(json)?;
        Ok(envelope)
    }

    /// Fills an empty envelope.
    pub(super) fn read(&mut self, json: &'a [u8]) -> Result<(), ParseError> {
        read::one(json, self).map_err(|failure| ParseError::new(json, *failure))
    }

    /// The version of the specification it is written in.
    pub fn spec_version(&self) -> SpecVersion {
        self.version
    }

    /// What tells the event from others of the same source.
    pub fn id(&self) -> &str {
        self.required(Field::Id)
    }

    /// Where it comes from.
    pub fn source(&self) -> &str {
        self.required(Field::Source)
    }

    /// What happened: the attribute `type`.
    pub fn event_type(&self) -> &str {
        self.required(Field::Type)
    }

    /// What it is about.
    pub fn subject(&self) -> Option<&str> {
        match self.field(Field::Subject) {
            None if self.version < SpecVersion::V0_3 => {
                let mut extensions = self.extensions.iter();
                match extensions.find(|(name, _)| name == "subject")? {
                    (_, Value::String(text)) => Some(text),
                    _ => None,
                }
            }
            subject => subject,
        }
    }

    /// The data; decoding base64 allocates.
    pub fn data(&self) -> Option<Data<'_>> {
        Some(match self.data.as_ref()? {
            Payload::Json(text) => Data::Json(Cow::Borrowed(text)),
            Payload::Text(text) => Data::Text(Cow::Borrowed(text)),
            Payload::Binary(bytes) => Data::Binary(Cow::Borrowed(bytes)),
            Payload::Base64(text) => Data::Binary(decode(text).into()),
        })
    }

    pub(super) fn new(version: SpecVersion) -> Self {
        Envelope {
            version,
            fields: [const { None }; FIELDS],
            extensions: SmallVec::new(),
            data: None,
        }
    }

    pub(super) fn field(&self, field: Field) -> Option<&str> {
        self.fields[field as usize].as_deref()
    }

    fn required(&self, field: Field) -> &str {
        self.field(field).unwrap_or_default()
    }

    /// Adds an attribute by the name that 1.0 has for it. [`finish`](Self::finish) looks at the texts.
    pub(super) fn put(
        &mut self,
        name: Cow<'a, str>,
        value: Value<'a>,
    ) -> Result<(), AttributeError> {
        let wrong = |fault| Err(AttributeError::new(&name, fault));
        if let Some(field) =
            Field::named(&name).filter(|&field| self.version.name_of(field).is_some())
        {
            let place = &mut self.fields[field as usize];
            return match value {
                _ if place.is_some() => wrong(AttributeFault::Duplicate),
                Value::Boolean(_) | Value::Integer(_) | Value::Json(_) => {
                    wrong(AttributeFault::Type)
                }
                text => {
                    *place = Some(text.into_text());
                    Ok(())
                }
            };
        }
        if !self.version.has_bag() && self.version.slot(&name) != Slot::Other {
            return wrong(AttributeFault::Name);
        }
        let checked =
            check::extension_name(self.version, &name).and_then(|()| value.check(self.version));
        if let Err(fault) = checked {
            return wrong(fault);
        }
        self.extensions.push((name, value));
        Ok(())
    }

    /// Checks what [`put`](Self::put) did not, and brings data into the form that it would have after writing and reading.
    pub(super) fn finish(&mut self, data: Option<Data<'a>>) -> Result<(), AttributeError> {
        if self.version == SpecVersion::V0_1Kebab {
            let defaults = [
                (Field::Namespace, dispatch::NAMESPACE),
                (Field::SourceType, dispatch::SOURCE_TYPE),
            ];
            for (field, text) in defaults {
                self.fields[field as usize].get_or_insert(text.into());
            }
            self.drop_empty();
        }
        for field in Field::ALL {
            let Some(text) = self.field(field) else {
                continue;
            };
            let checked = check::text(text).and_then(|()| check::field(self.version, field, text));
            checked.map_err(|fault| AttributeError::new(field.name(), fault))?;
        }
        if let Some(field) = self.missing() {
            return Err(AttributeError::new(field.name(), AttributeFault::Missing));
        }
        if let Some(twice) = self.sort() {
            return Err(AttributeError::new(
                &self.extensions[twice].0,
                AttributeFault::Duplicate,
            ));
        }
        let content_type = self.field(Field::ContentType);
        let normal = data
            .map(|data| normal(self.version, content_type, data))
            .transpose();
        self.data = normal
            .map_err(|fault| AttributeError::new("data", fault))?
            .map(Payload::from);
        if u32::try_from(self.text_bytes()).is_err() {
            return Err(AttributeError::new("data", AttributeFault::TooLong));
        }
        Ok(())
    }

    /// In the draft of 0.1, empty is the same as absent.
    pub(super) fn drop_empty(&mut self) {
        for field in Field::ALL {
            if !self.version.required().contains(&field) {
                self.fields[field as usize].take_if(|text| text.is_empty());
            }
        }
    }

    /// The first required field that is not there.
    pub(super) fn missing(&self) -> Option<Field> {
        let mut required = self.version.required().iter().copied();
        required.find(|&field| self.fields[field as usize].is_none())
    }

    /// Sorts the extensions, and says where one is that has the name of the one before it.
    pub(super) fn sort(&mut self) -> Option<usize> {
        if !self.extensions.is_sorted_by(|a, b| a.0 < b.0) {
            self.extensions.sort_by(|a, b| a.0.cmp(&b.0));
        }
        let twice = self
            .extensions
            .windows(2)
            .position(|pair| pair[0].0 == pair[1].0)?;
        Some(twice + 1)
    }

    /// The bytes of all texts together, and a little more: extensions count with what a number takes.
    pub(super) fn text_bytes(&self) -> usize {
        let fields = self.fields.iter().flatten().map(|text| text.len());
        let extensions = self.extensions.iter().map(|(name, value)| {
            name.len()
                + match value {
                    Value::Boolean(_) | Value::Integer(_) => 0,
                    Value::Binary(bytes) => BASE64.encoded_length(bytes.len()),
                    Value::Timestamp(time) => time.as_str().len(),
                    Value::String(text)
                    | Value::Uri(text)
                    | Value::UriReference(text)
                    | Value::Json(text) => text.len(),
                }
        });
        let data = match &self.data {
            Some(Payload::Json(text) | Payload::Text(text)) => text.len(),
            _ => 0,
        };
        fields.sum::<usize>() + extensions.sum::<usize>() + data
    }
}

pub(super) fn decode(base64: &str) -> Vec<u8> {
    BASE64
        .decode_to_vec(base64)
        .expect("checked when it was read")
}

/// The form of data that a version has for it under this content type.
fn normal<'a>(
    version: SpecVersion,
    content_type: Option<&str>,
    data: Data<'a>,
) -> Result<Data<'a>, AttributeFault> {
    let is_json = check::is_json(content_type);
    let is_textual = content_type.is_some_and(check::is_textual);
    let has_base64 = version >= SpecVersion::V0_3;
    if version == SpecVersion::V0_1Kebab {
        return match text_of(data) {
            Ok(text) => Ok(Data::Text(text)),
            Err(_) => Err(AttributeFault::Content),
        };
    }
    match data {
        Data::Json(text) => match Scanner::whole(&text) {
            // It would be read as the text that it quotes.
            Ok(Token::String(_)) if !is_json => Err(AttributeFault::Content),
            Ok(_) => Ok(Data::Json(trimmed(text))),
            Err(_) => Err(AttributeFault::Json),
        },
        Data::Text(text) if is_json => match Scanner::whole(&text) {
            Ok(_) => Ok(Data::Json(trimmed(text))),
            Err(_) if has_base64 => Ok(Data::Binary(into_bytes(text))),
            Err(_) => Err(AttributeFault::Content),
        },
        Data::Text(text) if version == SpecVersion::V1_0 || is_textual => Ok(Data::Text(text)),
        Data::Text(text) => Ok(Data::Binary(into_bytes(text))),
        Data::Binary(bytes) if has_base64 || !is_json && !is_textual => Ok(Data::Binary(bytes)),
        binary => match text_of(binary) {
            Ok(text) if is_textual => Ok(Data::Text(text)),
            Ok(text) if Scanner::whole(&text).is_ok() => Ok(Data::Json(trimmed(text))),
            _ => Err(AttributeFault::Content),
        },
    }
}

fn text_of(data: Data<'_>) -> Result<Cow<'_, str>, Data<'_>> {
    match data {
        Data::Json(text) | Data::Text(text) => Ok(text),
        Data::Binary(Cow::Borrowed(bytes)) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(_) => Err(data),
        },
        Data::Binary(Cow::Owned(bytes)) => match String::from_utf8(bytes) {
            Ok(text) => Ok(text.into()),
            Err(error) => Err(Data::Binary(error.into_bytes().into())),
        },
    }
}

fn into_bytes(text: Cow<'_, str>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// Without the space around a JSON value.
fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => text.trim_ascii().into(),
        Cow::Owned(text) if text.trim_ascii().len() == text.len() => text.into(),
        Cow::Owned(text) => text.trim_ascii().to_owned().into(),
    }
}

impl Attributes for Envelope<'_> {
    fn attribute(&self, name: &str) -> Option<Value<'_>> {
        if name == "specversion" {
            return Some(self.version.as_str().into());
        }
        if let Some(text) = Field::named(name).and_then(|field| self.field(field)) {
            return Some(typed(self.version, Field::named(name)?, text));
        }
        let (_, value) = self.extensions.iter().find(|(known, _)| known == name)?;
        Some(borrowed(value))
    }
}

/// The text of a field with the type that the specification gives it.
pub(super) fn typed(version: SpecVersion, field: Field, text: &str) -> Value<'_> {
    match field {
        _ if version == SpecVersion::V0_1Kebab && field != Field::Time => text.into(),
        Field::Source => Value::UriReference(text.into()),
        Field::Schema if version == SpecVersion::V1_0 => Value::Uri(text.into()),
        Field::Schema => Value::UriReference(text.into()),
        Field::Time => Timestamp::parse(text).map_or(text.into(), Value::Timestamp),
        _ => text.into(),
    }
}

fn borrowed<'a>(value: &'a Value<'_>) -> Value<'a> {
    match value {
        Value::Boolean(value) => Value::Boolean(*value),
        Value::Integer(number) => Value::Integer(*number),
        Value::Binary(bytes) => Value::Binary(Cow::Borrowed(bytes)),
        Value::String(text) => Value::String(Cow::Borrowed(text)),
        Value::Uri(text) => Value::Uri(Cow::Borrowed(text)),
        Value::UriReference(text) => Value::UriReference(Cow::Borrowed(text)),
        Value::Json(text) => Value::Json(Cow::Borrowed(text)),
        Value::Timestamp(time) => Value::Timestamp(time.clone()),
    }
}
