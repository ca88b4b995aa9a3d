//! The event itself: all its texts in one buffer behind one count.

use crate::cloudevents::builder::Builder;
use crate::cloudevents::data::Data;
use crate::cloudevents::envelope::{Envelope, typed};
use crate::cloudevents::error::{AttributeError, ParseError};
use crate::cloudevents::parts::{Extension, Held, Parts, Stored};
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::value::{Attributes, Value};
use crate::cloudevents::version::{Field, SpecVersion};
use std::fmt;
use std::sync::Arc;

/// An event as the [CloudEvents](https://cloudevents.io) specification has it: attributes, extensions and data.
///
/// Cloning one counts a reference up, whatever its size. It cannot be changed; [`to_builder`](Self::to_builder) begins another
/// one like it. Events are equal if their attributes, extensions and data are, in whatever order.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::{CloudEvent, Data, Value};
///
/// let event = CloudEvent::from_json(
///     r#"{
///         "specversion": "1.0", "id": "A234", "source": "/mycontext", "type": "com.example.someevent",
///         "time": "2018-04-05T17:31:00.50+02:00", "priority": 5, "data": {"answer": 42}
///     }"#,
/// )?;
/// assert_eq!(event.event_type(), "com.example.someevent");
/// assert_eq!(event.extension("priority"), Some(Value::Integer(5)));
/// assert_eq!(event.time().unwrap().as_str(), "2018-04-05T17:31:00.50+02:00");
/// assert_eq!(event.data(), Some(Data::Json(r#"{"answer": 42}"#.into())));
/// # Ok::<(), laneway::cloudevents::ParseError>(())
/// ```
#[derive(Clone)]
pub struct CloudEvent(Arc<Parts>);

impl CloudEvent {
    /// Begins an event of version 1.0 with the attributes that every event has.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let event = CloudEvent::builder("A234", "/mycontext", "com.example.someevent").build()?;
    /// assert_eq!(event.source(), "/mycontext");
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn builder<'a>(id: &'a str, source: &'a str, event_type: &'a str) -> Builder<'a> {
        Builder::new(id, source, event_type)
    }

    /// Reads one event in JSON, of any [version](SpecVersion).
    ///
    /// Nulls count as absent, except for `data`. Time and memory are in proportion to the document.
    ///
    /// # Errors
    ///
    /// [`ParseError`] says what is wrong and where: text that is not JSON, the same name twice, an attribute that the
    /// specification does not allow, arrays and objects deeper in one another than 128.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let json = r#"{"specversion":"1.0","id":"1","source":"/s","type":"a.b","subject":null}"#;
    /// assert_eq!(CloudEvent::from_json(json)?.subject(), None);
    /// # Ok::<(), laneway::cloudevents::ParseError>(())
    /// ```
    pub fn from_json(json: impl AsRef<[u8]>) -> Result<CloudEvent, ParseError> {
        let mut envelope = Envelope::new(SpecVersion::V1_0);
        envelope.read(json.as_ref())?;
        Ok(CloudEvent::from(&envelope))
    }

    /// The version of the specification it was written in.
    pub fn spec_version(&self) -> SpecVersion {
        self.0.version
    }

    /// What tells the event from others of the same source.
    pub fn id(&self) -> &str {
        self.field(Field::Id).unwrap_or_default()
    }

    /// Where it comes from: a URI reference.
    pub fn source(&self) -> &str {
        self.field(Field::Source).unwrap_or_default()
    }

    /// What happened: the attribute `type`.
    pub fn event_type(&self) -> &str {
        self.field(Field::Type).unwrap_or_default()
    }

    /// What it is about, as its source calls it.
    pub fn subject(&self) -> Option<&str> {
        match self.field(Field::Subject) {
            None if self.0.version < SpecVersion::V0_3 => match self.0.extension("subject")? {
                Stored::Text(_, span) => Some(self.0.text(*span)),
                _ => None,
            },
            subject => subject,
        }
    }

    /// When it happened. None if there is no time, or, in the draft of 0.1 alone, one that cannot be read.
    pub fn time(&self) -> Option<Timestamp<'_>> {
        Timestamp::parse(self.field(Field::Time)?).ok()
    }

    /// The media type of the data.
    pub fn datacontenttype(&self) -> Option<&str> {
        self.field(Field::ContentType)
    }

    /// Where the data's schema is.
    pub fn dataschema(&self) -> Option<&str> {
        self.field(Field::Schema)
    }

    /// The data. Borrowed: costs nothing.
    pub fn data(&self) -> Option<Data<'_>> {
        match self.0.data {
            Held::Nothing => None,
            Held::Json(span) => Some(Data::Json(self.0.text(span).into())),
            Held::Text(span) => Some(Data::Text(self.0.text(span).into())),
            Held::Binary => Some(Data::Binary((&*self.0.bytes).into())),
        }
    }

    /// The value of an extension.
    pub fn extension(&self, name: &str) -> Option<Value<'_>> {
        self.0.extension(name).map(|stored| self.0.value(stored))
    }

    /// All extensions, by name.
    pub fn extensions(&self) -> impl ExactSizeIterator<Item = (&str, Value<'_>)> {
        let extensions = self.0.extensions.iter();
        extensions.map(|extension| (self.0.text(extension.name), self.0.value(&extension.value)))
    }

    /// All attributes by the names that 1.0 has for them, without the version: first those of the specification, then the
    /// extensions.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        let fields = Field::ALL.into_iter();
        let known = fields.filter_map(|field| {
            Some((
                field.name(),
                typed(self.0.version, field, self.field(field)?),
            ))
        });
        known.chain(self.extensions())
    }

    /// The same event in another version of the specification.
    ///
    /// What the other version has no place for becomes an extension, and the other way round. Names and values stay as they are.
    ///
    /// # Errors
    ///
    /// The first attribute that the other version does not allow: names in camel case and JSON values in 1.0, for example.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::{CloudEvent, SpecVersion};
    ///
    /// let event = CloudEvent::builder("1", "/s", "a.b").extension("eventtypeversion", "2").build()?;
    /// let json = r#"{"eventType":"a.b","eventTypeVersion":"2","cloudEventsVersion":"0.1","source":"/s","eventID":"1"}"#;
    /// assert_eq!(event.to_version(SpecVersion::V0_1)?.to_json(), json);
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn to_version(&self, version: SpecVersion) -> Result<CloudEvent, AttributeError> {
        let mut envelope = Envelope::new(version);
        for (name, value) in self.attributes() {
            envelope.put(name.into(), value)?;
        }
        envelope.finish(self.data())?;
        Ok(CloudEvent::from(&envelope))
    }

    /// Begins another event like this one.
    pub fn to_builder(&self) -> Builder<'_> {
        Builder::like(self)
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.0
    }

    pub(super) fn field(&self, field: Field) -> Option<&str> {
        self.0.field(field)
    }
}

impl From<&Envelope<'_>> for CloudEvent {
    /// Copies the texts into a buffer of their own: two allocations, and one for binary data.
    fn from(envelope: &Envelope<'_>) -> Self {
        CloudEvent(Arc::new(Parts::from(envelope)))
    }
}

impl Attributes for CloudEvent {
    fn attribute(&self, name: &str) -> Option<Value<'_>> {
        if let Some(field) = Field::named(name)
            && let Some(text) = self.field(field)
        {
            return Some(typed(self.0.version, field, text));
        }
        match name {
            "specversion" => Some(self.0.version.as_str().into()),
            _ => self.extension(name),
        }
    }
}

impl PartialEq for CloudEvent {
    fn eq(&self, other: &Self) -> bool {
        let same_value = |(a, b): (&Extension, &Extension)| {
            self.0.text(a.name) == other.0.text(b.name)
                && match (&a.value, &b.value) {
                    (Stored::Boolean(a), Stored::Boolean(b)) => a == b,
                    (Stored::Integer(a), Stored::Integer(b)) => a == b,
                    (Stored::Json(a), Stored::Json(b))
                    | (Stored::Text(_, a), Stored::Text(_, b)) => {
                        self.0.text(*a) == other.0.text(*b)
                    }
                    _ => false,
                }
        };
        let (ours, theirs) = (&self.0.extensions, &other.0.extensions);
        Arc::ptr_eq(&self.0, &other.0)
            || self.0.version == other.0.version
                && Field::ALL
                    .into_iter()
                    .all(|field| self.field(field) == other.field(field))
                && ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(same_value)
                && self.data() == other.data()
    }
}

impl Eq for CloudEvent {}

impl fmt::Debug for CloudEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut event = f.debug_struct("CloudEvent");
        event.field("specversion", &self.0.version.as_str());
        for (name, value) in self.attributes() {
            event.field(name, &value.text());
        }
        event.field("data", &self.data()).finish()
    }
}
