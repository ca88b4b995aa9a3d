//! Events as JSON, byte for byte as the original writes them.

use super::event::{Detail, LifecycleEvent};
use super::kind::Format;
use super::time::Rfc3339;
use std::fmt::Write as _;

impl LifecycleEvent {
    /// The event in its own [`format`](Self::format), as one line of JSON.
    pub fn to_json(&self) -> String {
        self.to_json_as(self.format())
    }

    /// The event in a given format, as one line of JSON.
    ///
    /// The bytes are those of the original: its order of fields, and its two ways of escaping. The time of a CloudEvent is
    /// left out where RFC 3339 has no year for it.
    pub fn to_json_as(&self, format: Format) -> String {
        let mut json = String::with_capacity(512);
        self.append_json(format, &mut json);
        json
    }

    /// Appends the event in a given format, for a buffer that is used again.
    pub fn append_json(&self, format: Format, json: &mut String) {
        match format {
            Format::Choria => self.append_body(json),
            Format::CloudEvent => {
                let protocol = self.event_type().protocol();
                json.push_str("{\"specversion\":\"1.0\",\"id\":");
                push_text(json, self.id().trim(), Escapes::Envelope);
                json.push_str(",\"source\":\"io.choria.lifecycle\",\"type\":\"");
                json.push_str(protocol);
                json.push('"');
                let subject = self.identity().trim();
                if !subject.is_empty() {
                    json.push_str(",\"subject\":");
                    push_text(json, subject, Escapes::Envelope);
                }
                json.push_str(",\"datacontenttype\":\"application/json\"");
                if let Some(time) = Rfc3339::new(self.timestamp()) {
                    push(json, format_args!(",\"time\":\"{time}\""));
                }
                json.push_str(",\"data\":");
                self.append_body(json);
                json.push('}');
            }
        }
    }

    fn append_body(&self, json: &mut String) {
        let text = |json: &mut String, key: &str, text: &str| {
            push(json, format_args!(",\"{key}\":"));
            push_text(json, text, Escapes::Body);
        };
        json.push_str("{\"protocol\":\"");
        json.push_str(self.event_type().protocol());
        json.push('"');
        text(json, "id", self.id());
        text(json, "identity", self.identity());
        text(json, "component", self.component());
        push(json, format_args!(",\"timestamp\":{}", self.timestamp()));
        match &self.0.detail {
            Detail::Startup { version } | Detail::Alive { version } => {
                text(json, "version", version);
            }
            Detail::Shutdown | Detail::Provisioned => {}
            Detail::Upgraded {
                version,
                new_version,
            } => {
                text(json, "version", version);
                text(json, "new_version", new_version);
            }
            Detail::Governor {
                governor,
                sequence,
                stage,
            } => {
                text(json, "governor", governor);
                push(
                    json,
                    format_args!(",\"sequence\":{sequence},\"event_type\":\"{stage}\""),
                );
            }
        }
        json.push('}');
    }
}

/// What to escape beside quotes, backslashes and control characters. The original writes the two with different libraries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    /// What HTML or JavaScript could trip over; backspace and form feed have their short form.
    Body,
    Envelope,
}

fn push_text(json: &mut String, text: &str, escapes: Escapes) {
    let in_body = escapes == Escapes::Body;
    json.push('"');
    let mut plain = 0;
    for (at, c) in text.char_indices() {
        let escape = match c {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '\u{8}' if in_body => "\\b",
            '\u{c}' if in_body => "\\f",
            '<' if in_body => "\\u003c",
            '>' if in_body => "\\u003e",
            '&' if in_body => "\\u0026",
            '\u{2028}' if in_body => "\\u2028",
            '\u{2029}' if in_body => "\\u2029",
            '\0'..='\x1f' => "",
            _ => continue,
        };
        json.push_str(&text[plain..at]);
        plain = at + c.len_utf8();
        match escape {
            "" => push(json, format_args!("\\u{:04x}", u32::from(c))),
            escape => json.push_str(escape),
        }
    }
    json.push_str(&text[plain..]);
    json.push('"');
}

fn push(json: &mut String, what: std::fmt::Arguments<'_>) {
    json.write_fmt(what).expect("strings take anything");
}
