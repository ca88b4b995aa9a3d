//! The rules for names and texts of attributes.

use crate::cloudevents::dispatch;
use crate::cloudevents::error::AttributeFault;
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::version::{Field, SpecVersion};
use fluent_uri::{Uri, UriRef};

/// The content type that most events have.
pub(super) const JSON: &str = "application/json";

/// The String type: no control characters, no noncharacters. Surrogates cannot occur in a `str`.
pub(super) fn text(text: &str) -> Result<(), AttributeFault> {
    let printable = |byte: u8| (0x20..0x7F).contains(&byte);
    if text.bytes().all(printable) || !text.chars().any(is_forbidden) {
        Ok(())
    } else {
        Err(AttributeFault::Character)
    }
}

fn is_forbidden(character: char) -> bool {
    let code = character as u32;
    character.is_control() || (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// The rules for the text of a field beyond those for all texts.
pub(super) fn field(version: SpecVersion, field: Field, text: &str) -> Result<(), AttributeFault> {
    if version == SpecVersion::V0_1Kebab {
        return dispatch::field(field, text);
    }
    if text.is_empty() {
        return Err(AttributeFault::Empty);
    }
    match field {
        Field::Source => uri_reference(text),
        Field::Schema if version == SpecVersion::V1_0 => uri(text),
        Field::Schema => uri_reference(text),
        Field::Time => Timestamp::parse(text).map(drop),
        Field::ContentType => media_type(text),
        _ => Ok(()),
    }
}

pub(super) fn uri(text: &str) -> Result<(), AttributeFault> {
    Uri::parse(text).map(drop).map_err(|_| AttributeFault::Uri)
}

pub(super) fn uri_reference(text: &str) -> Result<(), AttributeFault> {
    (UriRef::parse(text).map(drop)).map_err(|_| AttributeFault::UriReference)
}

/// A type and a subtype in ASCII without space around it; parameters are not looked into.
fn media_type(text: &str) -> Result<(), AttributeFault> {
    if text == JSON {
        return Ok(());
    }
    let essence = essence(text);
    let is_token = |part: &str| {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !part.is_empty() && part.bytes().all(token)
    };
    match essence.bytes().position(|byte| byte == b'/') {
        Some(_) if !text.is_ascii() || text.trim_ascii().len() < text.len() => {
            Err(AttributeFault::MediaType)
        }
        Some(slash) if is_token(&essence[..slash]) && is_token(&essence[slash + 1..]) => Ok(()),
        _ => Err(AttributeFault::MediaType),
    }
}

/// A media type without its parameters.
/// The media type without its parameters.
pub(super) fn essence(media_type: &str) -> &str {
    let end = media_type.bytes().position(|byte| byte == b';');
    media_type[..end.unwrap_or(media_type.len())].trim_ascii_end()
}

fn subtype(media_type: &str) -> &[u8] {
    let essence = essence(media_type).as_bytes();
    let slash = essence.iter().position(|&byte| byte == b'/');
    &essence[slash.map_or(0, |at| at + 1)..]
}

fn ends_with(text: &[u8], end: &[u8]) -> bool {
    text.len() >= end.len() && text[text.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// Whether data under this content type is JSON: also where there is none.
pub(super) fn is_json(media_type: Option<&str>) -> bool {
    media_type.is_none_or(|media_type| {
        if media_type == JSON {
            return true;
        }
        let subtype = subtype(media_type);
        subtype.eq_ignore_ascii_case(b"json") || ends_with(subtype, b"+json")
    })
}

/// Whether data under this content type, which is not JSON, is text. Versions before 1.0 do not say so otherwise.
pub(super) fn is_textual(media_type: &str) -> bool {
    let essence = essence(media_type).as_bytes();
    let subtype = subtype(media_type);
    let is = |name: &str| subtype.eq_ignore_ascii_case(name.as_bytes());
    essence.len() > 5 && essence[..5].eq_ignore_ascii_case(b"text/")
        || ends_with(subtype, b"+xml")
        || ends_with(subtype, b"+yaml")
        || [
            "xml",
            "yaml",
            "javascript",
            "x-www-form-urlencoded",
            "x-ndjson",
            "sql",
            "graphql",
        ]
        .into_iter()
        .any(is)
        || media_type.as_bytes()[essence.len()..]
            .to_ascii_lowercase()
            .windows(8)
            .any(|part| part == b"charset=")
}

/// The name of an extension, as the version has them.
pub(super) fn extension_name(version: SpecVersion, name: &str) -> Result<(), AttributeFault> {
    if version.has_bag() {
        return if name.is_empty() {
            Err(AttributeFault::Name)
        } else {
            text(name)
        };
    }
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let starts =
        version == SpecVersion::V1_0 || name.starts_with(|first: char| first.is_ascii_lowercase());
    if !name.is_empty()
        && name.bytes().fold(true, |all, byte| all & allowed(byte))
        && starts
        && name != "data"
    {
        Ok(())
    } else {
        Err(AttributeFault::Name)
    }
}
