//! The headers of a request.

use super::error::HttpSetupError;
use ureq::http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING};

/// The headers by which an [`HttpSink`](super::HttpSink) says what it posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderNames {
    /// Has the event's id.
    pub id: &'static str,
    /// Has the event type of its topic.
    pub event_type: &'static str,
    /// Has the signature: base64 of the HMAC-SHA256 of the body.
    pub signature: &'static str,
}

impl HeaderNames {
    /// `X-Event-ID`, `X-Event-Type` and `X-Signature`.
    pub const DEFAULT: HeaderNames = HeaderNames {
        id: "X-Event-ID",
        event_type: "X-Event-Type",
        signature: "X-Signature",
    };

    /// Those of CloudStack's webhooks: `X-CS-Event-ID`, `X-CS-Event` and `X-CS-Signature`.
    pub const CLOUDSTACK: HeaderNames = HeaderNames {
        id: "X-CS-Event-ID",
        event_type: "X-CS-Event",
        signature: "X-CS-Signature",
    };
}

/// Where a request goes and ends is the client's business.
const RESERVED: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING];

pub(super) fn header_name(text: &str) -> Result<HeaderName, HttpSetupError> {
    let name = || text.to_owned();
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(header) if RESERVED.contains(&header) => {
            Err(HttpSetupError::HeaderReserved { name: name() })
        }
        Ok(header) => Ok(header),
        Err(_) => Err(HttpSetupError::HeaderName { name: name() }),
    }
}

pub(super) fn value(name: &str, text: &str) -> Result<HeaderValue, HttpSetupError> {
    HeaderValue::from_str(text).map_err(|_| HttpSetupError::HeaderValue { name: name.into() })
}
