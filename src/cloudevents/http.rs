//! The HTTP binding, as a mapping of headers: no server and no client.

use crate::cloudevents::check;
use crate::cloudevents::data::Data;
use crate::cloudevents::envelope::Envelope;
use crate::cloudevents::error::{AttributeError, AttributeFault, HttpError, shown};
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::value::Value;
use crate::cloudevents::version::{Field, SpecVersion};
use std::borrow::Cow;

/// The media type of one event in JSON, for the `Content-Type` of structured mode.
pub const MEDIA_TYPE: &str = "application/cloudevents+json";

/// The media type of a batch.
pub const BATCH_MEDIA_TYPE: &str = "application/cloudevents-batch+json";

const PREFIX: &str = "ce-";

impl CloudEvent {
    /// The headers of the event in binary mode, whose body are the [bytes of its data](Data::bytes): names in lower case,
    /// values percent-encoded as they must be.
    ///
    /// Data in JSON without a content type gets the one that it has by implication.
    ///
    /// # Errors
    ///
    /// As [`to_version`](Self::to_version): events go over HTTP as version 1.0. And for an event whose data is an event by its
    /// content type, since receivers would take that one for this.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let event = CloudEvent::builder("1", "/s", "a.b").subject("50 %").text("text/plain", "hello").build()?;
    /// let headers = event.to_http_headers()?;
    /// assert!(headers.contains(&("ce-subject".into(), "50%20%25".into())));
    /// assert!(headers.contains(&("content-type".into(), "text/plain".into())));
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn to_http_headers(&self) -> Result<Vec<(Cow<'static, str>, String)>, AttributeError> {
        if self.spec_version() != SpecVersion::V1_0 {
            return self.to_version(SpecVersion::V1_0)?.to_http_headers();
        }
        if self.datacontenttype().is_some_and(is_structured) {
            // It would be read as an event in structured mode: the one inside.
            return Err(AttributeError::new(
                "datacontenttype",
                AttributeFault::Content,
            ));
        }
        let mut headers = vec![("ce-specversion".into(), SpecVersion::V1_0.as_str().into())];
        for (name, value) in self
            .attributes()
            .filter(|(name, _)| *name != "datacontenttype")
        {
            headers.push(([PREFIX, name].concat().into(), encode(&value.text())));
        }
        if let Some(content_type) = self.content_type() {
            headers.push(("content-type".into(), content_type.into()));
        }
        Ok(headers)
    }

    /// The event of an HTTP message, in binary mode or in structured mode with JSON.
    ///
    /// Headers that are not part of the event are passed over; in structured mode, where the body says everything, all but the
    /// content type. In binary mode all extensions are text; a body under a content type that is JSON or text, and is that,
    /// becomes data of that kind, any other is binary. An empty body is no data: HTTP cannot tell it from empty data.
    ///
    /// # Errors
    ///
    /// [`HttpError`], among them a header that is there twice, and a version other than 1.0 in binary mode.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::{CloudEvent, Data};
    ///
    /// let headers = [
    ///     ("Host", "example.com"),
    ///     ("CE-SpecVersion", "1.0"),
    ///     ("CE-Id", "1"),
    ///     ("CE-Source", "/s"),
    ///     ("CE-Type", "a.b"),
    ///     ("Content-Type", "application/json"),
    /// ];
    /// let event = CloudEvent::from_http(headers, b"[1]")?;
    /// assert_eq!(event.data(), Some(Data::Json("[1]".into())));
    /// # Ok::<(), laneway::cloudevents::HttpError>(())
    /// ```
    pub fn from_http<N: AsRef<str>, V: AsRef<[u8]>>(
        headers: impl IntoIterator<Item = (N, V)>,
        body: &[u8],
    ) -> Result<CloudEvent, HttpError> {
        let mut version = None;
        let mut envelope = Envelope::new(SpecVersion::V1_0);
        let mut take = |name: &str, value: &[u8]| -> Result<(), HttpError> {
            let malformed = || HttpError::Header(shown(name));
            let prefixed = name.starts_with(PREFIX);
            let (name, value) = if name == "content-type" {
                let value = std::str::from_utf8(value).map_err(|_| malformed())?;
                ("datacontenttype", value.trim_ascii().to_owned())
            } else if let Some(attribute) = name.strip_prefix(PREFIX) {
                (attribute, decode(value).ok_or_else(malformed)?)
            } else {
                return Ok(());
            };
            let fault = match name {
                "specversion" if version.is_some() => AttributeFault::Duplicate,
                "datacontenttype" if prefixed => AttributeFault::Name,
                "specversion" => {
                    version = Some(value);
                    return Ok(());
                }
                _ => {
                    envelope.put(name.to_owned().into(), Value::String(value.into()))?;
                    return Ok(());
                }
            };
            Err(AttributeError::new(name, fault).into())
        };
        // In structured mode it does not matter what else is there.
        let mut taken = Ok(());
        for (name, value) in headers {
            let name = name.as_ref().to_ascii_lowercase();
            taken = taken.and(take(&name, value.as_ref()));
        }
        let content_type = envelope.fields[Field::ContentType as usize].as_deref();
        if let Some(content_type) = content_type
            && is_structured(content_type)
        {
            if !check::essence(content_type).eq_ignore_ascii_case(MEDIA_TYPE) {
                return Err(HttpError::Format(shown(content_type)));
            }
            return CloudEvent::from_json(body).map_err(HttpError::Body);
        }
        taken?;
        match version.as_deref() {
            Some("1.0") => {}
            Some(other) => return Err(HttpError::Version(shown(other))),
            None => {
                let fault = AttributeFault::Missing;
                return Err(AttributeError::new("specversion", fault).into());
            }
        }
        let data = match content_type {
            _ if body.is_empty() => None,
            Some(media_type)
                if check::is_json(Some(media_type)) || check::is_textual(media_type) =>
            {
                // Where it is not JSON after all, it is brought into another form below.
                let text = std::str::from_utf8(body);
                Some(text.map_or(Data::Binary(body.into()), |text| Data::Text(text.into())))
            }
            _ => Some(Data::Binary(body.into())),
        };
        envelope.finish(data)?;
        Ok(CloudEvent::from(&envelope))
    }
}

/// What receivers tell structured mode by.
fn is_structured(content_type: &str) -> bool {
    const START: &str = "application/cloudevents";
    let start = content_type.get(..START.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(START))
}

/// Percent-encodes what may not stand in a header as it is.
fn encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, 0x21..=0x7E) && byte != b'"' && byte != b'%' {
            encoded.push(byte.into());
        } else {
            encoded.push('%');
            encoded.push(DIGITS[usize::from(byte >> 4)].into());
            encoded.push(DIGITS[usize::from(byte & 0xF)].into());
        }
    }
    encoded
}

/// Takes quotes off, and then undoes one round of percent-encoding. A percent sign before anything else stands for itself.
fn decode(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let unquoted = match value {
        [b'"', inner @ .., b'"'] => Cow::Owned(unquote(inner)?),
        [b'"', ..] => return None,
        plain => Cow::Borrowed(plain),
    };
    let digit = |at: usize| char::from(*unquoted.get(at)?).to_digit(16);
    let mut bytes = Vec::with_capacity(unquoted.len());
    let mut at = 0;
    while let Some(&byte) = unquoted.get(at) {
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2))
        {
            bytes.push((high << 4 | low) as u8);
            at += 3;
        } else {
            bytes.push(byte);
            at += 1;
        }
    }
    String::from_utf8(bytes).ok()
}

/// What is between the quotes of a quoted string.
fn unquote(inner: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner.iter();
    while let Some(&byte) = rest.next() {
        match byte {
            b'"' => return None,
            b'\\' => bytes.push(*rest.next()?),
            plain => bytes.push(plain),
        }
    }
    Some(bytes)
}
