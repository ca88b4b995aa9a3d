//! JSON objects, read with limits and written as CloudStack's library writes them.

use crate::cloudstack::error::BodyError;
use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::{fmt, io};

/// The longest body that is read, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

pub(super) fn read(json: &[u8]) -> Result<Map<String, Value>, BodyError> {
    if json.len() > MAX_BODY_BYTES {
        return Err(BodyError::TooLong { bytes: json.len() });
    }
    let object = serde_json::from_slice(json).map(|Object(members)| members);
    object.map_err(|error| BodyError::Json {
        reason: error.to_string(),
    })
}

/// An object in which no key is there twice: readers would not agree which of the two counts.
struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;
        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                while let Some((key, value)) = map.next_entry()? {
                    if members.insert(key, value).is_some() {
                        return Err(de::Error::custom("a key is there twice"));
                    }
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// What nobody asked for, for whoever may want it. Null is the same as absent.
pub(super) fn others(object: Map<String, Value>) -> BTreeMap<String, Value> {
    let all = object.into_iter();
    all.filter(|(_, value)| !value.is_null()).collect()
}

/// Writes one object: first these members, then the others, without what is null, or is written already.
pub(super) fn write(
    own: &[(&str, Option<Value>)],
    others: &BTreeMap<String, Value>,
    keep_null: bool,
) -> String {
    let own_members = own.iter().filter_map(|(key, value)| match value {
        None if keep_null => Some((*key, &Value::Null)),
        value => Some((*key, value.as_ref()?)),
    });
    let is_other = |(key, value): &(&str, &Value)| {
        !value.is_null() && own.iter().all(|(own_key, _)| own_key != key)
    };
    let others = others.iter().map(|(key, value)| (&**key, value));
    let mut json = vec![b'{'];
    for (key, value) in own_members.chain(others.filter(is_other)) {
        if json.len() > 1 {
            json.push(b',');
        }
        write_value(&mut json, key);
        json.push(b':');
        write_value(&mut json, value);
    }
    json.push(b'}');
    String::from_utf8(json).expect("the serializer writes UTF-8")
}

fn write_value(json: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let mut serializer = Serializer::with_formatter(json, ForHtml);
    let written = value.serialize(&mut serializer);
    written.expect("a vector takes anything, and the keys of values are texts");
}

/// Escapes what HTML or JavaScript could trip over.
struct ForHtml;

impl Formatter for ForHtml {
    fn write_string_fragment<W>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + io::Write,
    {
        let mut plain = 0;
        for (at, c) in fragment.char_indices() {
            if matches!(c, '<' | '>' | '&' | '=' | '\'' | '\u{2028}' | '\u{2029}') {
                writer.write_all(&fragment.as_bytes()[plain..at])?;
                write!(writer, "\\u{:04x}", u32::from(c))?;
                plain = at + c.len_utf8();
            }
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }
}
