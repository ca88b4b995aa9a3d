//! From an event to JSON.

use crate::cloudevents::check;
use crate::cloudevents::data::BASE64;
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::json::string::find;
use crate::cloudevents::parts::{Held, Stored};
use crate::cloudevents::version::{Field, SpecVersion};
use std::fmt::Write;

/// The fields around the version's number, and those before the data, in the order of each spelling's own documents.
fn order(version: SpecVersion) -> (&'static [Field], &'static [Field]) {
    use Field::*;
    match version {
        SpecVersion::V0_1Kebab => (
            &[Namespace, Type, TypeVersion],
            &[SourceType, Source, Id, Time, Schema, ContentType],
        ),
        SpecVersion::V0_1 => (
            &[Type, TypeVersion],
            &[Source, Id, Time, Schema, ContentType],
        ),
        _ => (&[], &[Id, Source, Type, Subject, ContentType, Schema, Time]),
    }
}

/// What names, quotes and commas take for each of the members, in bytes.
const AROUND: usize = 20;

/// Appends the event's JSON.
pub(crate) fn event(event: &CloudEvent, json: &mut String) {
    let version = event.spec_version();
    let binary = event.parts().bytes.len().div_ceil(3) * 4;
    let members = 12 + event.parts().extensions.len();
    json.reserve(event.parts().text.len() + binary + members * AROUND);
    json.push('{');
    let (before, after) = order(version);
    for &field in before {
        write_field(event, field, json);
    }
    name(version.key(), json);
    string(version.as_str(), json);
    for &field in after {
        write_field(event, field, json);
    }
    if !version.has_bag() {
        extensions(event, json);
    } else if !event.parts().extensions.is_empty() {
        name("extensions", json);
        json.push('{');
        extensions(event, json);
        json.push('}');
    }
    data(event, json);
    json.push('}');
}

fn write_field(event: &CloudEvent, field: Field, json: &mut String) {
    if let (Some(known), Some(text)) = (event.spec_version().name_of(field), event.field(field)) {
        name(known, json);
        string(text, json);
    }
}

fn extensions(event: &CloudEvent, json: &mut String) {
    for extension in &event.parts().extensions {
        name(event.parts().text(extension.name), json);
        match extension.value {
            Stored::Boolean(true) => json.push_str("true"),
            Stored::Boolean(false) => json.push_str("false"),
            Stored::Integer(number) => {
                // Writing to a string cannot fail.
                let _ = write!(json, "{number}");
            }
            Stored::Json(span) => json.push_str(event.parts().text(span)),
            Stored::Text(_, span) => string(event.parts().text(span), json),
        }
    }
}

fn data(event: &CloudEvent, json: &mut String) {
    match event.parts().data {
        Held::Nothing => {}
        Held::Json(span) => {
            name("data", json);
            json.push_str(event.parts().text(span));
        }
        Held::Text(span) => {
            name("data", json);
            string(event.parts().text(span), json);
        }
        Held::Binary => {
            match event.spec_version() {
                SpecVersion::V1_0 => name("data_base64", json),
                SpecVersion::V0_3 => {
                    name("datacontentencoding", json);
                    json.push_str("\"base64\"");
                    name("data", json);
                }
                _ => name("data", json),
            }
            json.push('"');
            BASE64.encode_append(&event.parts().bytes, json);
            json.push('"');
        }
    }
}

/// The name of a member and all that stands around it.
#[inline]
fn name(name: &str, json: &mut String) {
    if !json.ends_with('{') {
        json.push(',');
    }
    string(name, json);
    json.push(':');
}

/// Text in quotes.
#[inline]
pub(crate) fn string(text: &str, json: &mut String) {
    json.push('"');
    let bytes = text.as_bytes();
    let mut written = 0;
    loop {
        let at = find::<false>(bytes, written);
        json.push_str(&text[written..at]);
        let Some(&byte) = bytes.get(at) else { break };
        escape(byte, json);
        written = at + 1;
    }
    json.push('"');
}

#[cold]
fn escape(byte: u8, json: &mut String) {
    match byte {
        b'"' => json.push_str("\\\""),
        b'\\' => json.push_str("\\\\"),
        b'\n' => json.push_str("\\n"),
        b'\r' => json.push_str("\\r"),
        b'\t' => json.push_str("\\t"),
        control => {
            let digit = |nibble: u8| char::from_digit(nibble.into(), 16).expect("below 16");
            json.push_str("\\u00");
            json.push(digit(control >> 4));
            json.push(digit(control & 0xF));
        }
    }
}

impl CloudEvent {
    /// The event in JSON, in the spelling of its own version. What is null or absent is left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let event = CloudEvent::builder("1", "/s", "a.b").json("[1, 2]").build()?;
    /// let json = r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","datacontenttype":"application/json","data":[1, 2]}"#;
    /// assert_eq!(event.to_json(), json);
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn to_json(&self) -> String {
        let mut json = String::new();
        self.write_json(&mut json);
        json
    }

    /// Appends the event in JSON to `json`: without an allocation if there is room.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let event = CloudEvent::builder("1", "/s", "a.b").build()?;
    /// let mut lines = String::new();
    /// event.write_json(&mut lines);
    /// lines.push('\n');
    /// assert_eq!(lines.trim_end(), event.to_json());
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn write_json(&self, json: &mut String) {
        event(self, json);
    }

    /// The content type to say elsewhere: JSON data without one has it implied.
    pub(crate) fn content_type(&self) -> Option<&str> {
        let implied = || matches!(self.parts().data, Held::Json(_)).then_some(check::JSON);
        self.datacontenttype().or_else(implied)
    }
}
