//! The versions of the specification, and what each of them calls things.

/// A version of the CloudEvents specification, in one of its spellings.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, SpecVersion};
///
/// let old = r#"{"cloudEventsVersion":"0.1","eventType":"a.b","source":"/s","eventID":"1"}"#;
/// let event = CloudEvent::from_json(old)?;
/// assert_eq!(event.spec_version(), SpecVersion::V0_1);
/// assert_eq!(event.event_type(), "a.b");
/// # Ok::<(), laneway::cloudevents::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SpecVersion {
    /// The draft of 0.1 that VMware Dispatch began with, in `kebab-case` and with field rules of its own.
    V0_1Kebab,
    /// 0.1, in `camelCase`.
    V0_1,
    /// 0.2.
    V0_2,
    /// 0.3.
    V0_3,
    /// 1.0.
    #[default]
    V1_0,
}

/// The attributes that have a place of their own in some version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Field {
    Id,
    Source,
    Type,
    Subject,
    ContentType,
    Schema,
    Time,
    TypeVersion,
    Namespace,
    SourceType,
}

pub(super) const FIELDS: usize = 10;

impl Field {
    pub(super) const ALL: [Field; FIELDS] = [
        Field::Id,
        Field::Source,
        Field::Type,
        Field::Subject,
        Field::ContentType,
        Field::Schema,
        Field::Time,
        Field::TypeVersion,
        Field::Namespace,
        Field::SourceType,
    ];

    /// The field that 1.0 calls so, or would. A match, as it compares with constants faster than a search does.
    #[inline]
    pub(super) fn named(name: &str) -> Option<Field> {
        Some(match name {
            "id" => Field::Id,
            "source" => Field::Source,
            "type" => Field::Type,
            "subject" => Field::Subject,
            "datacontenttype" => Field::ContentType,
            "dataschema" => Field::Schema,
            "time" => Field::Time,
            "eventtypeversion" => Field::TypeVersion,
            "namespace" => Field::Namespace,
            "sourcetype" => Field::SourceType,
            _ => return None,
        })
    }

    /// What 1.0 calls it, or would.
    pub(super) fn name(self) -> &'static str {
        CANONICAL[self as usize]
    }
}

/// In the order of [`Field::ALL`].
const CANONICAL: [&str; FIELDS] = [
    "id",
    "source",
    "type",
    "subject",
    "datacontenttype",
    "dataschema",
    "time",
    "eventtypeversion",
    "namespace",
    "sourcetype",
];

/// What a member of an event's JSON object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Field(Field),
    Version,
    Data,
    Base64,
    Encoding,
    Extensions,
    Other,
}

/// What each version calls the fields; empty where it has none. In the order of the versions and of [`Field::ALL`].
const NAMES: [[&str; FIELDS]; 5] = [
    [
        "event-id",
        "source-id",
        "event-type",
        "",
        "content-type",
        "schema-url",
        "event-time",
        "event-type-version",
        "namespace",
        "source-type",
    ],
    [
        "eventID",
        "source",
        "eventType",
        "",
        "contentType",
        "schemaURL",
        "eventTime",
        "eventTypeVersion",
        "",
        "",
    ],
    [
        "id",
        "source",
        "type",
        "",
        "contenttype",
        "schemaurl",
        "time",
        "",
        "",
        "",
    ],
    [
        "id",
        "source",
        "type",
        "subject",
        "datacontenttype",
        "schemaurl",
        "time",
        "",
        "",
        "",
    ],
    [
        "id",
        "source",
        "type",
        "subject",
        "datacontenttype",
        "dataschema",
        "time",
        "",
        "",
        "",
    ],
];

impl SpecVersion {
    /// The number that events carry: `"0.1"` for both spellings of it.
    pub fn as_str(self) -> &'static str {
        match self {
            SpecVersion::V0_1Kebab | SpecVersion::V0_1 => "0.1",
            SpecVersion::V0_2 => "0.2",
            SpecVersion::V0_3 => "0.3",
            SpecVersion::V1_0 => "1.0",
        }
    }

    /// The member that holds the version's number.
    pub(super) fn key(self) -> &'static str {
        match self {
            SpecVersion::V0_1Kebab => "cloud-events-version",
            SpecVersion::V0_1 => "cloudEventsVersion",
            _ => "specversion",
        }
    }

    /// The version whose member [`key`](Self::key) has this value.
    pub(super) fn of(key: &str, value: &str) -> Option<SpecVersion> {
        use SpecVersion::*;
        let known = [V1_0, V0_3, V0_2, V0_1, V0_1Kebab].into_iter();
        let mut matching =
            known.filter(|version| version.key() == key && version.as_str() == value);
        matching.next()
    }

    /// What this version calls a field, if it has it.
    pub(super) fn name_of(self, field: Field) -> Option<&'static str> {
        let name = NAMES[self as usize][field as usize];
        (!name.is_empty()).then_some(name)
    }

    /// What a member with this name is.
    #[inline]
    pub(super) fn slot(self, name: &str) -> Slot {
        let field = if self == SpecVersion::V1_0 {
            Field::named(name).filter(|&field| self.name_of(field).is_some())
        } else {
            Field::ALL
                .into_iter()
                .find(|&field| self.name_of(field) == Some(name))
        };
        if let Some(field) = field {
            return Slot::Field(field);
        }
        match name {
            "data" => Slot::Data,
            "data_base64" if self == SpecVersion::V1_0 => Slot::Base64,
            "datacontentencoding" if self == SpecVersion::V0_3 => Slot::Encoding,
            "extensions" if self.has_bag() => Slot::Extensions,
            _ if name == self.key() => Slot::Version,
            _ => Slot::Other,
        }
    }

    /// Whether extensions are in an object of their own.
    pub(super) fn has_bag(self) -> bool {
        self <= SpecVersion::V0_1
    }

    /// Whether attributes can be any JSON value.
    pub(super) fn has_json_values(self) -> bool {
        self < SpecVersion::V1_0
    }

    pub(super) fn required(self) -> &'static [Field] {
        match self {
            SpecVersion::V0_1Kebab => &[
                Field::Namespace,
                Field::Type,
                Field::SourceType,
                Field::Source,
                Field::Id,
            ],
            _ => &[Field::Id, Field::Source, Field::Type],
        }
    }
}
