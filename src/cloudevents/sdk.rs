//! To and from the events of the official SDK, version 0.9.

use crate::cloudevents::data::Data;
use crate::cloudevents::envelope::Envelope;
use crate::cloudevents::error::{AttributeError, AttributeFault};
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::value::Value;
use crate::cloudevents::version::SpecVersion;
use ::cloudevents::event::{AttributeValue, ExtensionValue};
use ::cloudevents::event::{SpecVersion as SdkVersion, TryIntoTime, TryIntoUrl};
use ::cloudevents::{AttributesReader, AttributesWriter, Data as SdkData, Event};
use std::borrow::Cow;

/// An event of the SDK, in version 1.0.
///
/// Its types are narrower: a time becomes one in UTC with at most nine digits, and a schema is brought into the form that the
/// `url` crate has for it.
impl TryFrom<&CloudEvent> for Event {
    type Error = AttributeError;

    /// # Errors
    ///
    /// As [`CloudEvent::to_version`], and for times, schemas and JSON that the SDK's types cannot express.
    fn try_from(event: &CloudEvent) -> Result<Event, AttributeError> {
        if event.spec_version() != SpecVersion::V1_0 {
            return Event::try_from(&event.to_version(SpecVersion::V1_0)?);
        }
        let wrong = |name, fault| move || AttributeError::new(name, fault);
        let mut sdk = Event::default();
        sdk.set_id(event.id());
        sdk.set_source(event.source());
        sdk.set_type(event.event_type());
        sdk.set_subject(event.subject());
        let time = event
            .time()
            .map(|time| time.as_str().into_time())
            .transpose();
        sdk.set_time(
            time.ok()
                .ok_or_else(wrong("time", AttributeFault::Timestamp))?,
        );
        for (name, value) in event.extensions() {
            let value = match value {
                Value::Boolean(value) => ExtensionValue::Boolean(value),
                Value::Integer(number) => ExtensionValue::Integer(number.into()),
                text => ExtensionValue::String(text.into_text().into_owned()),
            };
            sdk.set_extension(name, value);
        }
        let schema = event.dataschema().map(TryIntoUrl::into_url).transpose();
        sdk.set_dataschema(
            schema
                .ok()
                .ok_or_else(wrong("dataschema", AttributeFault::Uri))?,
        );
        sdk.set_datacontenttype(event.datacontenttype());
        if let Some(data) = event.data() {
            sdk.set_data_unchecked(match data {
                Data::Json(text) => {
                    let value: Option<serde_json::Value> = serde_json::from_str(&text).ok();
                    SdkData::Json(value.ok_or_else(wrong("data", AttributeFault::Json))?)
                }
                Data::Text(text) => SdkData::String(text.into_owned()),
                Data::Binary(bytes) => SdkData::Binary(bytes.into_owned()),
            });
        }
        Ok(sdk)
    }
}

/// An event in the version that the SDK's one has, 0.3 or 1.0.
impl TryFrom<&Event> for CloudEvent {
    type Error = AttributeError;

    /// # Errors
    ///
    /// The first attribute that the specification does not allow: the SDK checks less, and its integers have 64 bits.
    fn try_from(sdk: &Event) -> Result<CloudEvent, AttributeError> {
        let version = match sdk.specversion() {
            SdkVersion::V03 => SpecVersion::V0_3,
            SdkVersion::V10 => SpecVersion::V1_0,
        };
        let mut envelope = Envelope::new(version);
        for (name, value) in sdk.iter() {
            let value: Value<'_> = match value {
                AttributeValue::SpecVersion(_) => continue,
                AttributeValue::Boolean(value) => (*value).into(),
                AttributeValue::Integer(number) => match i32::try_from(*number) {
                    Ok(number) => number.into(),
                    Err(_) => return Err(AttributeError::new(name, AttributeFault::Integer)),
                },
                AttributeValue::Binary(bytes) => Value::Binary(bytes.into()),
                other => other.to_string().into(),
            };
            // What 0.3 calls the schema.
            let name = if name == "schemaurl" {
                "dataschema"
            } else {
                name
            };
            envelope.put(name.into(), value)?;
        }
        let data = sdk.data().map(|data| match data {
            SdkData::Binary(bytes) => Data::Binary(bytes.into()),
            SdkData::String(text) => Data::Text(text.into()),
            SdkData::Json(value) => Data::Json(Cow::Owned(value.to_string())),
        });
        envelope.finish(data)?;
        Ok(CloudEvent::from(&envelope))
    }
}
