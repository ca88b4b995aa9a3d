//! Making events.

use crate::cloudevents::data::Data;
use crate::cloudevents::envelope::Envelope;
use crate::cloudevents::error::AttributeError;
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::timestamp::Timestamp;
use crate::cloudevents::value::Value;
use crate::cloudevents::version::SpecVersion;
use std::borrow::Cow;

/// Builds a [`CloudEvent`]. What is set twice counts as set last.
///
/// # Examples
///
/// ```
/// use laneway::cloudevents::CloudEvent;
/// use std::time::SystemTime;
///
/// let event = CloudEvent::builder("A234", "https://example.com/shop", "com.example.order.created")
///     .subject("order/7")
///     .time(SystemTime::now())
///     .extension("priority", 5)
///     .json(r#"{"items": 3}"#)
///     .build()?;
/// assert_eq!(event.datacontenttype(), Some("application/json"));
/// # Ok::<(), laneway::cloudevents::AttributeError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct Builder<'a> {
    version: SpecVersion,
    attributes: Vec<(Cow<'a, str>, Value<'a>)>,
    data: Option<Data<'a>>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(id: &'a str, source: &'a str, event_type: &'a str) -> Self {
        let required = [("id", id), ("source", source), ("type", event_type)];
        Builder {
            version: SpecVersion::V1_0,
            attributes: required
                .map(|(name, text)| (name.into(), text.into()))
                .into(),
            data: None,
        }
    }

    pub(super) fn like(event: &'a CloudEvent) -> Self {
        Builder {
            version: event.spec_version(),
            attributes: event
                .attributes()
                .map(|(name, value)| (name.into(), value))
                .collect(),
            data: event.data(),
        }
    }

    /// The version of the specification. By default 1.0.
    pub fn spec_version(mut self, version: SpecVersion) -> Self {
        self.version = version;
        self
    }

    /// What the event is about.
    pub fn subject(self, subject: impl Into<Cow<'a, str>>) -> Self {
        self.extension("subject", Value::String(subject.into()))
    }

    /// When it happened: a [`SystemTime`](std::time::SystemTime) or a [`Timestamp`].
    pub fn time(self, time: impl Into<Timestamp<'a>>) -> Self {
        self.extension("time", time.into())
    }

    /// The media type of the data.
    pub fn datacontenttype(self, media_type: impl Into<Cow<'a, str>>) -> Self {
        self.extension("datacontenttype", Value::String(media_type.into()))
    }

    /// Where the data's schema is: an absolute URI.
    pub fn dataschema(self, schema: impl Into<Cow<'a, str>>) -> Self {
        self.extension("dataschema", Value::String(schema.into()))
    }

    /// An extension, or any other attribute by its name in 1.0.
    pub fn extension(mut self, name: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        let name = name.into();
        self.attributes.retain(|(known, _)| *known != name);
        self.attributes.push((name, value.into()));
        self
    }

    /// Data under the content type that is set, or none.
    pub fn data(mut self, data: Data<'a>) -> Self {
        self.data = Some(data);
        self
    }

    /// JSON, as `application/json`.
    pub fn json(self, json: impl Into<Cow<'a, str>>) -> Self {
        self.datacontenttype("application/json")
            .data(Data::Json(json.into()))
    }

    /// Text of a media type.
    pub fn text(self, media_type: impl Into<Cow<'a, str>>, text: impl Into<Cow<'a, str>>) -> Self {
        self.datacontenttype(media_type)
            .data(Data::Text(text.into()))
    }

    /// Bytes of a media type.
    pub fn binary(
        self,
        media_type: impl Into<Cow<'a, str>>,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Self {
        self.datacontenttype(media_type)
            .data(Data::Binary(bytes.into()))
    }

    /// Makes the event.
    ///
    /// # Errors
    ///
    /// The first attribute that the version does not allow, and data that is not what it is said to be.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::{AttributeFault, CloudEvent};
    ///
    /// let error = CloudEvent::builder("1", "/s", "a.b").extension("camelCase", 1).build().unwrap_err();
    /// assert_eq!(error.fault(), AttributeFault::Name);
    /// ```
    pub fn build(self) -> Result<CloudEvent, AttributeError> {
        let mut envelope = Envelope::new(self.version);
        for (name, value) in self.attributes {
            envelope.put(name, value)?;
        }
        envelope.finish(self.data)?;
        Ok(CloudEvent::from(&envelope))
    }
}
