//! One JSON object on the wire: the values that matter, undecoded, and bounded work for the others.

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// What is read of an event and of its envelope.
pub(super) const KEYS: [&str; 13] = [
    "protocol",
    "id",
    "identity",
    "component",
    "timestamp",
    "version",
    "new_version",
    "governor",
    "sequence",
    "event_type",
    "specversion",
    "source",
    "data",
];
pub(super) const PROTOCOL: usize = 0;
pub(super) const ID: usize = 1;
pub(super) const IDENTITY: usize = 2;
pub(super) const COMPONENT: usize = 3;
pub(super) const TIMESTAMP: usize = 4;
pub(super) const VERSION: usize = 5;
pub(super) const NEW_VERSION: usize = 6;
pub(super) const GOVERNOR: usize = 7;
pub(super) const SEQUENCE: usize = 8;
pub(super) const EVENT_TYPE: usize = 9;
pub(super) const SPECVERSION: usize = 10;
pub(super) const ENVELOPE_SOURCE: usize = 11;
pub(super) const DATA: usize = 12;

/// The values of one object under [`KEYS`], as they stand in the text.
pub(super) struct Values<'a>(pub(super) [Option<&'a RawValue>; KEYS.len()]);

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValuesVisitor)
    }
}

struct ValuesVisitor;

impl<'de> Visitor<'de> for ValuesVisitor {
    type Value = Values<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Values<'de>, A::Error> {
        let mut values = Values([None; KEYS.len()]);
        while let Some(Key(key)) = map.next_key()? {
            match key {
                None => map.next_value::<Shallow>().map(|Shallow| ())?,
                Some(key) if values.0[key].is_some() => {
                    return Err(de::Error::duplicate_field(KEYS[key]));
                }
                Some(key) => values.0[key] = Some(map.next_value()?),
            }
        }
        Ok(values)
    }
}

/// One of [`KEYS`], or none that matters.
struct Key(Option<usize>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = Key;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_str<E>(self, key: &str) -> Result<Key, E> {
                Ok(Key(KEYS.iter().position(|&known| known == key)))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// Any value that does not nest deeper than the reader's limit. (`IgnoredAny` alone knows no limit.)
struct Shallow;

impl<'de> Deserialize<'de> for Shallow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShallowVisitor)
    }
}

struct ShallowVisitor;

impl<'de> Visitor<'de> for ShallowVisitor {
    type Value = Shallow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E>(self) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_bool<E>(self, _: bool) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_i64<E>(self, _: i64) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_u64<E>(self, _: u64) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_f64<E>(self, _: f64) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_str<E>(self, _: &str) -> Result<Shallow, E> {
        Ok(Shallow)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shallow, A::Error> {
        while seq.next_element::<Shallow>()?.is_some() {}
        Ok(Shallow)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shallow, A::Error> {
        while map.next_entry::<IgnoredAny, Shallow>()?.is_some() {}
        Ok(Shallow)
    }
}
