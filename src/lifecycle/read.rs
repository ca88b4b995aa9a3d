//! Events from JSON: which format it is, and what it says.
//!
//! The text is gone through once to find the values of the keys that matter, which stay as they are; then those that the
//! type of the event has are decoded. So what a type does not have is not looked at, as in the original.

use super::MAX_TEXT_BYTES;
use super::builder::fresh_id;
use super::error::{ParseError, Position};
use super::event::{Body, Detail, LifecycleEvent};
use super::kind::{EventType, Format};
use super::object::{
    COMPONENT, DATA, ENVELOPE_SOURCE, EVENT_TYPE, GOVERNOR, ID, IDENTITY, KEYS, NEW_VERSION,
    PROTOCOL, SEQUENCE, SPECVERSION, TIMESTAMP, VERSION, Values,
};
use super::time;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;

/// What the protocols of this format begin with, and the source of its CloudEvents.
const SOURCE: &str = "io.choria.lifecycle";

impl Format {
    /// The format of a lifecycle event, or `None` if the text is none.
    ///
    /// A protocol that begins as those of lifecycle events do makes it [`Format::Choria`], whatever else is there; else the
    /// version and source of a CloudEvent make it [`Format::CloudEvent`].
    ///
    /// ```
    /// use laneway::lifecycle::Format;
    ///
    /// assert_eq!(Format::detect(r#"{"protocol":"io.choria.lifecycle.v1.alive"}"#), Some(Format::Choria));
    /// assert_eq!(Format::detect("{}"), None);
    /// ```
    pub fn detect(json: impl AsRef<[u8]>) -> Option<Format> {
        let text = decode(json.as_ref()).ok()?;
        Fields::read(text, text).ok()?.format().ok()?
    }
}

impl LifecycleEvent {
    /// Reads an event in either format.
    ///
    /// What is absent is empty or 0, but for the id and the timestamp: those are a fresh UUID and the present time. The
    /// attributes of a CloudEvent are not looked at once it is recognised; its data says everything.
    ///
    /// # Errors
    ///
    /// [`ParseError`]; with its position where it is about a place in the text.
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<LifecycleEvent, ParseError> {
        read(json.as_ref(), Legacy::Refused)
    }

    /// Reads an event in either format, and those whose protocol has the form of old, `choria:lifecycle:startup:1`, as well.
    ///
    /// They become events like the others, and are written with the protocol of now.
    ///
    /// # Errors
    ///
    /// [`ParseError`], as for [`from_json`](Self::from_json).
    ///
    /// ```
    /// use laneway::lifecycle::LifecycleEvent;
    ///
    /// let old = r#"{"protocol":"choria:lifecycle:shutdown:1","identity":"n1","component":"server"}"#;
    /// assert!(LifecycleEvent::from_json(old).is_err());
    /// let event = LifecycleEvent::from_json_or_legacy(old)?;
    /// assert!(event.to_json().starts_with(r#"{"protocol":"io.choria.lifecycle.v1.shutdown""#));
    /// # Ok::<(), laneway::lifecycle::ParseError>(())
    /// ```
    pub fn from_json_or_legacy(json: impl AsRef<[u8]>) -> Result<LifecycleEvent, ParseError> {
        read(json.as_ref(), Legacy::Accepted)
    }

    /// Reads an event of a known type in the plain format, with its protocol or the one of old.
    ///
    /// # Errors
    ///
    /// [`ParseError`]; [`ParseError::InvalidProtocol`] if it is of another type.
    ///
    /// ```
    /// use laneway::lifecycle::{EventType, LifecycleEvent};
    ///
    /// let error = LifecycleEvent::from_json_as(EventType::Alive, r#"{"protocol":"x"}"#).unwrap_err();
    /// assert_eq!(error.to_string(), "invalid protocol 'x'");
    /// ```
    pub fn from_json_as(
        event_type: EventType,
        json: impl AsRef<[u8]>,
    ) -> Result<LifecycleEvent, ParseError> {
        let text = decode(json.as_ref())?;
        Fields::read(text, text)?.event(event_type, Format::Choria)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Legacy {
    Accepted,
    Refused,
}

fn decode(json: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(json).map_err(|error| ParseError::Encoding {
        at: Position::after(&json[..error.valid_up_to()]),
    })
}

fn read(json: &[u8], legacy: Legacy) -> Result<LifecycleEvent, ParseError> {
    let text = decode(json)?;
    let fields = Fields::read(text, text)?;
    match fields.format()? {
        Some(Format::Choria) => fields.event(fields.type_by_protocol()?, Format::Choria),
        Some(Format::CloudEvent) => {
            let data = fields.raw(DATA).ok_or(ParseError::UnsupportedFormat)?;
            if !data.starts_with('{') {
                return Err(fields.wrong_type(DATA, data, "an object"));
            }
            let body = Fields::read(text, data)?;
            match body.format()? {
                Some(Format::Choria) => body.event(body.type_by_protocol()?, Format::CloudEvent),
                Some(Format::CloudEvent) => Err(ParseError::Nested {
                    at: body.position_of(data),
                }),
                None => body.legacy_event(legacy, Format::CloudEvent),
            }
        }
        None => fields.legacy_event(legacy, Format::Choria),
    }
}

/// The values of one object, as they stand in the text.
struct Fields<'a> {
    /// What positions are counted in.
    text: &'a str,
    values: Values<'a>,
}

impl<'a> Fields<'a> {
    /// Reads `object`, which is a part of `text`.
    fn read(text: &'a str, object: &'a str) -> Result<Self, ParseError> {
        match serde_json::from_str(object) {
            Ok(values) => Ok(Fields { text, values }),
            Err(error) => Err(json_error(&error, position_of(text, object))),
        }
    }

    /// What stands under a key; `null` is nothing.
    fn raw(&self, key: usize) -> Option<&'a str> {
        let value = self.values.0[key].map(RawValue::get);
        value.filter(|&value| value != "null")
    }

    fn position_of(&self, part: &str) -> Position {
        position_of(self.text, part)
    }

    fn wrong_type(&self, key: usize, value: &str, expected: &'static str) -> ParseError {
        ParseError::WrongType {
            field: KEYS[key],
            expected,
            at: self.position_of(value),
        }
    }

    /// A text; empty if it is absent.
    fn text(&self, key: usize) -> Result<Cow<'a, str>, ParseError> {
        let Some(value) = self.raw(key) else {
            return Ok(Cow::Borrowed(""));
        };
        let inside = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let inside = inside.ok_or_else(|| self.wrong_type(key, value, "a string"))?;
        let text = if inside.contains('\\') {
            let decoded = serde_json::from_str(value);
            Cow::Owned(decoded.map_err(|error| json_error(&error, self.position_of(value)))?)
        } else {
            Cow::Borrowed(inside)
        };
        if text.len() > MAX_TEXT_BYTES {
            return Err(ParseError::TooLong {
                field: KEYS[key],
                bytes: text.len(),
                at: self.position_of(value),
            });
        }
        Ok(text)
    }

    fn boxed(&self, key: usize) -> Result<Box<str>, ParseError> {
        self.text(key)
            .map(|text| text.into_owned().into_boxed_str())
    }

    fn number<T: std::str::FromStr>(
        &self,
        key: usize,
        expected: &'static str,
    ) -> Result<Option<T>, ParseError> {
        self.raw(key)
            .map(|value| {
                let number = value.parse();
                number.map_err(|_| self.wrong_type(key, value, expected))
            })
            .transpose()
    }

    fn format(&self) -> Result<Option<Format>, ParseError> {
        Ok(if self.text(PROTOCOL)?.starts_with(SOURCE) {
            Some(Format::Choria)
        } else if self.text(SPECVERSION)? == "1.0" && self.text(ENVELOPE_SOURCE)? == SOURCE {
            Some(Format::CloudEvent)
        } else {
            None
        })
    }

    /// The type that the last of five parts of the protocol names.
    fn type_by_protocol(&self) -> Result<EventType, ParseError> {
        let protocol = self.text(PROTOCOL)?;
        let mut parts = protocol.split('.');
        let name = parts.nth(4).filter(|_| parts.next().is_none());
        name.and_then(|name| name.parse().ok())
            .ok_or_else(|| ParseError::UnknownProtocol {
                protocol: (&*protocol).into(),
            })
    }

    fn legacy_event(&self, legacy: Legacy, format: Format) -> Result<LifecycleEvent, ParseError> {
        let event_type = EventType::of_legacy(&self.text(PROTOCOL)?)
            .filter(|_| legacy == Legacy::Accepted)
            .ok_or(ParseError::UnsupportedFormat)?;
        self.event(event_type, format)
    }

    fn event(&self, event_type: EventType, format: Format) -> Result<LifecycleEvent, ParseError> {
        let protocol = self.text(PROTOCOL)?;
        let is_its = protocol == event_type.protocol()
            || EventType::of_legacy(&protocol) == Some(event_type);
        if !is_its {
            return Err(ParseError::InvalidProtocol {
                protocol: (&*protocol).into(),
            });
        }
        let detail = match event_type {
            EventType::Startup => Detail::Startup {
                version: self.boxed(VERSION)?,
            },
            EventType::Alive => Detail::Alive {
                version: self.boxed(VERSION)?,
            },
            EventType::Shutdown => Detail::Shutdown,
            EventType::Provisioned => Detail::Provisioned,
            EventType::Upgraded => Detail::Upgraded {
                version: self.boxed(VERSION)?,
                new_version: self.boxed(NEW_VERSION)?,
            },
            EventType::Governor => self.governor()?,
        };
        let id = self.text(ID)?;
        let timestamp = self.number(TIMESTAMP, "a whole number of 64 bits")?;
        Ok(LifecycleEvent(Arc::new(Body {
            format,
            id: match &*id {
                "" => fresh_id().into(),
                id => id.into(),
            },
            identity: self.boxed(IDENTITY)?,
            component: self.boxed(COMPONENT)?,
            timestamp: timestamp.unwrap_or_else(time::now),
            detail,
        })))
    }

    fn governor(&self) -> Result<Detail, ParseError> {
        let governor = self.boxed(GOVERNOR)?;
        if governor.is_empty() {
            return Err(ParseError::NoGovernor);
        }
        let stage = self.text(EVENT_TYPE)?;
        let sequence = self.number(SEQUENCE, "a whole number of 64 bits without a sign")?;
        Ok(Detail::Governor {
            governor,
            sequence: sequence.unwrap_or(0),
            stage: stage.parse().map_err(|_| ParseError::InvalidStage {
                stage: (&*stage).into(),
            })?,
        })
    }
}

/// Where `part` begins in `text`, of which it is a part.
fn position_of(text: &str, part: &str) -> Position {
    let offset = part.as_ptr().addr() - text.as_ptr().addr();
    Position::after(&text.as_bytes()[..offset])
}

#[cold]
fn json_error(error: &serde_json::Error, start: Position) -> ParseError {
    let (line, column) = (error.line(), error.column());
    let reason = error.to_string();
    let place = format!(" at line {line} column {column}");
    ParseError::Json {
        reason: reason.strip_suffix(&place).unwrap_or(&reason).into(),
        at: start.plus(line, column),
    }
}
