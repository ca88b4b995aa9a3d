//! From JSON to an envelope: the members of one object, and what the version says they are.

use crate::cloudevents::check;
use crate::cloudevents::data::BASE64;
use crate::cloudevents::envelope::{Envelope, Payload};
use crate::cloudevents::error::{
    AttributeFault, ParseErrorKind, Scan, fail, fail_attribute, shown,
};
use crate::cloudevents::json::scan::Scanner;
use crate::cloudevents::json::token::{Member, Members, Text, Token};
use crate::cloudevents::value::Value;
use crate::cloudevents::version::{Field, Slot, SpecVersion};
use std::borrow::Cow;

/// Reads a document that is one event.
pub(crate) fn one<'a>(document: &'a [u8], envelope: &mut Envelope<'a>) -> Scan<()> {
    let mut scanner = Scanner::new(document)?;
    scanner.space();
    event(&mut scanner, envelope)?;
    scanner.end()
}

/// Reads the event that begins here into an empty envelope: by reference, as it is large.
pub(crate) fn event<'a>(scanner: &mut Scanner<'a>, envelope: &mut Envelope<'a>) -> Scan<()> {
    let start = scanner.at();
    let mut members = Members::new();
    scanner.members(&mut members)?;
    envelope.version = version(start, scanner, &members)?;
    let mut reader = Reader {
        scanner,
        envelope,
        seen: 0,
        data: None,
        base64: None,
        encoding: None,
    };
    // Extensions are sorted by name; the members they come from are not.
    let mut named_at = Places::new();
    for member in &members {
        reader.member(member, &mut named_at)?;
    }
    reader.finish(start, &named_at)
}

/// Where the names of extensions lie, of those with a value.
type Places = smallvec::SmallVec<[usize; 8]>;

/// What tells slots that are not fields from one another in [`Reader::seen`]; fields have the lowest bits.
const SEEN_VERSION: u32 = 1 << 16;
const SEEN_DATA: u32 = 1 << 17;
const SEEN_BASE64: u32 = 1 << 18;
const SEEN_ENCODING: u32 = 1 << 19;
const SEEN_EXTENSIONS: u32 = 1 << 20;

struct Reader<'s, 'a> {
    scanner: &'s Scanner<'a>,
    envelope: &'s mut Envelope<'a>,
    /// A bit for each slot that had a member, if only a null.
    seen: u32,
    data: Option<&'s Member<'a>>,
    base64: Option<&'s Member<'a>>,
    encoding: Option<&'s Member<'a>>,
}

/// The version, whatever the place of its member.
fn version(start: usize, scanner: &Scanner<'_>, members: &Members<'_>) -> Scan<SpecVersion> {
    for key in ["specversion", "cloudEventsVersion", "cloud-events-version"] {
        let Some(member) = members.iter().find(|member| member.name == key) else {
            continue;
        };
        return match member.value {
            Token::String(text) => {
                let number = text.text(scanner, key)?;
                match SpecVersion::of(key, &number) {
                    Some(version) => Ok(version),
                    None => fail(member.place(), ParseErrorKind::Version(shown(&number))),
                }
            }
            Token::Null => continue,
            _ => fail_attribute(member.place(), key, AttributeFault::Type),
        };
    }
    fail_attribute(start, "specversion", AttributeFault::Missing)
}

impl<'s, 'a> Reader<'s, 'a> {
    #[inline]
    fn member(&mut self, member: &'s Member<'a>, named_at: &mut Places) -> Scan<()> {
        match self.envelope.version.slot(&member.name) {
            Slot::Field(field) => {
                self.once(1 << field as u32, member)?;
                self.envelope.fields[field as usize] = self.field(field, member)?;
            }
            Slot::Other if self.envelope.version.has_bag() => {
                return fail_attribute(member.at(), &member.name, AttributeFault::Unknown);
            }
            Slot::Other => self.extension(member, named_at)?,
            Slot::Version => self.once(SEEN_VERSION, member)?,
            Slot::Data => {
                self.once(SEEN_DATA, member)?;
                self.data = Some(member);
            }
            Slot::Base64 => {
                self.once(SEEN_BASE64, member)?;
                self.base64 = Some(member).filter(|member| !matches!(member.value, Token::Null));
            }
            Slot::Encoding => {
                self.once(SEEN_ENCODING, member)?;
                self.encoding = Some(member).filter(|member| !matches!(member.value, Token::Null));
            }
            Slot::Extensions => {
                self.once(SEEN_EXTENSIONS, member)?;
                self.bag(member, named_at)?;
            }
        }
        Ok(())
    }

    #[inline]
    fn once(&mut self, bit: u32, member: &Member<'_>) -> Scan<()> {
        if self.seen & bit != 0 {
            return fail_attribute(member.at(), &member.name, AttributeFault::Duplicate);
        }
        self.seen |= bit;
        Ok(())
    }

    #[inline]
    fn field(&self, field: Field, member: &Member<'a>) -> Scan<Option<Cow<'a, str>>> {
        let text = match member.value {
            Token::String(text) => self.text(text, member)?,
            Token::Null => return Ok(None),
            _ => return fail_attribute(member.place(), &member.name, AttributeFault::Type),
        };
        match check::field(self.envelope.version, field, &text) {
            Ok(()) => Ok(Some(text)),
            Err(fault) => fail_attribute(member.place(), &member.name, fault),
        }
    }

    /// A text of the String type.
    #[inline]
    fn text(&self, text: Text<'a>, member: &Member<'_>) -> Scan<Cow<'a, str>> {
        let said = text.text(self.scanner, &member.name)?;
        if !text.is_plain
            && let Err(fault) = check::text(&said)
        {
            return fail_attribute(member.place(), &member.name, fault);
        }
        Ok(said)
    }

    fn extension(&mut self, member: &Member<'a>, named_at: &mut Places) -> Scan<()> {
        let version = self.envelope.version;
        if let Err(fault) = check::extension_name(version, &member.name) {
            return fail_attribute(member.at(), &member.name, fault);
        }
        let is_free = version.has_json_values();
        let value = match member.value {
            Token::String(text) => Value::String(self.text(text, member)?),
            Token::Boolean(value) => Value::Boolean(value),
            Token::Number(number) => match number.parse() {
                Ok(number) => Value::Integer(number),
                Err(_) if is_free => Value::Json(number.into()),
                Err(_) => {
                    return fail_attribute(member.place(), &member.name, AttributeFault::Integer);
                }
            },
            Token::Composite(raw) if is_free => Value::Json(raw.into()),
            Token::Composite(_) => {
                return fail_attribute(member.place(), &member.name, AttributeFault::Type);
            }
            // Not a String: found again among the others, and only then left out.
            Token::Null => Value::Json("".into()),
        };
        self.envelope.extensions.push((member.name.clone(), value));
        named_at.push(member.at());
        Ok(())
    }

    /// The object that 0.1 has for extensions, with at least one in it.
    fn bag(&mut self, member: &Member<'a>, named_at: &mut Places) -> Scan<()> {
        let raw = match member.value {
            Token::Null => return Ok(()),
            Token::Composite(raw) if raw.starts_with('{') => raw,
            _ => return fail_attribute(member.place(), &member.name, AttributeFault::Type),
        };
        let mut members = Members::new();
        self.scanner.within(raw).members(&mut members)?;
        if members.is_empty() {
            return fail_attribute(member.place(), &member.name, AttributeFault::Empty);
        }
        members
            .iter()
            .try_for_each(|member| self.extension(member, named_at))
    }

    fn finish(mut self, start: usize, named_at: &Places) -> Scan<()> {
        self.unique(named_at)?;
        if self.envelope.version == SpecVersion::V0_1Kebab {
            self.envelope.drop_empty();
        }
        if let Some(field) = self.envelope.missing() {
            let name = self.envelope.version.name_of(field).unwrap_or_default();
            return fail_attribute(start, name, AttributeFault::Missing);
        }
        self.envelope.data = self.payload()?;
        Ok(())
    }

    /// Sorts the extensions, sees that no name is there twice, and leaves out those without a value.
    #[inline]
    fn unique(&mut self, named_at: &Places) -> Scan<()> {
        let extensions = &mut self.envelope.extensions;
        if !extensions.is_sorted_by(|a, b| a.0 < b.0) {
            let mut places: Places = (0..extensions.len()).collect();
            places.sort_by(|&a, &b| extensions[a].0.cmp(&extensions[b].0));
            let twice = places
                .windows(2)
                .find(|pair| extensions[pair[0]].0 == extensions[pair[1]].0);
            if let Some(pair) = twice {
                let (name, at) = (&extensions[pair[1]].0, named_at[pair[1]]);
                return fail_attribute(at, name, AttributeFault::Duplicate);
            }
            self.envelope.sort();
        }
        let is_set = |value: &Value<'_>| !matches!(value, Value::Json(text) if text.is_empty());
        if !self
            .envelope
            .extensions
            .iter()
            .all(|(_, value)| is_set(value))
        {
            self.envelope.extensions.retain(|(_, value)| is_set(value));
        }
        Ok(())
    }

    fn payload(&self) -> Scan<Option<Payload<'a>>> {
        let is_base64 = self.is_encoded()?;
        let Some(member) = self.data else {
            let base64 = self.base64.map(|member| self.base64(member));
            return base64.transpose();
        };
        if self.base64.is_some() {
            return fail_attribute(member.at(), "data", AttributeFault::Duplicate);
        }
        let version = self.envelope.version;
        // Said of data that is no string, the encoding means nothing.
        if is_base64 && matches!(member.value, Token::String(_)) {
            return self.base64(member).map(Some);
        }
        if version == SpecVersion::V0_1Kebab {
            return match member.value {
                Token::Null => Ok(None),
                Token::String(text) => Ok(Some(Payload::Text(text.text(self.scanner, "data")?))),
                _ => fail_attribute(member.place(), "data", AttributeFault::Type),
            };
        }
        let content_type = self.envelope.field(Field::ContentType);
        match member.value {
            Token::String(text) if !check::is_json(content_type) => {
                if version == SpecVersion::V1_0 || content_type.is_some_and(check::is_textual) {
                    Ok(Some(Payload::Text(text.text(self.scanner, "data")?)))
                } else {
                    self.base64(member).map(Some)
                }
            }
            _ => Ok(Some(Payload::Json(self.scanner.raw(member).into()))),
        }
    }

    fn base64(&self, member: &Member<'a>) -> Scan<Payload<'a>> {
        let Token::String(text) = member.value else {
            return fail_attribute(member.place(), &member.name, AttributeFault::Type);
        };
        let text = text.text(self.scanner, &member.name)?;
        match BASE64.check(text.as_bytes()) {
            Ok(()) => Ok(Payload::Base64(text)),
            Err(_) => fail_attribute(member.place(), &member.name, AttributeFault::Base64),
        }
    }

    /// What 0.3 says of the encoding.
    fn is_encoded(&self) -> Scan<bool> {
        let Some(member) = self.encoding else {
            return Ok(false);
        };
        match member.value {
            Token::String(text) if text.raw.eq_ignore_ascii_case("base64") => Ok(true),
            _ => fail_attribute(member.place(), &member.name, AttributeFault::Encoding),
        }
    }
}
