//! What can be wrong with a webhook.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// Why an [`HttpSink`](super::HttpSink) cannot be set up.
///
/// ```
/// use laneway::sink::{HttpSetupError, HttpSink};
///
/// let sink = HttpSink::<u32>::with_encoder("ftp://example.net/", |_, _| Ok(()));
/// assert!(matches!(sink, Err(HttpSetupError::Scheme { .. })));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HttpSetupError {
    /// It is no URL.
    Url {
        /// What is wrong.
        reason: String,
    },
    /// It is not `http` or `https`.
    Scheme {
        /// What it is.
        scheme: String,
    },
    /// It is `https`, and this crate was built without the feature `sink-https`.
    NoTls,
    /// It names no host.
    NoHost,
    /// It has a user name or password in it, which would show up in traces. Set a header instead.
    UserInfo,
    /// A header's name cannot be one.
    HeaderName {
        /// The name.
        name: String,
    },
    /// A header that each request has already, and must not have twice.
    HeaderReserved {
        /// The name.
        name: String,
    },
    /// A header's value has characters that it may not have.
    HeaderValue {
        /// The header's name.
        name: String,
    },
    /// A time to wait for answers must not be zero.
    Timeout,
}

impl fmt::Display for HttpSetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpSetupError::Url { reason } => write!(f, "it is no URL: {reason}"),
            HttpSetupError::Scheme { scheme } => {
                write!(
                    f,
                    "a webhook is reached by http or https, not by {scheme:?}"
                )
            }
            HttpSetupError::NoTls => f.write_str("https needs the feature sink-https"),
            HttpSetupError::NoHost => f.write_str("the URL names no host"),
            HttpSetupError::UserInfo => {
                f.write_str("the URL has a user name in it: set a header instead")
            }
            HttpSetupError::HeaderName { name } => write!(f, "{name:?} is no name of a header"),
            HttpSetupError::HeaderReserved { name } => {
                write!(f, "the header {name:?} is the client's own")
            }
            HttpSetupError::HeaderValue { name } => {
                write!(
                    f,
                    "the value of the header {name:?} has characters that it may not have"
                )
            }
            HttpSetupError::Timeout => f.write_str("the time to wait for answers is zero"),
        }
    }
}

impl Error for HttpSetupError {}

/// Why a webhook did not take an event: the source of a [`SinkError`](super::super::SinkError).
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpError {
    /// It answered with a status that is not [accepted](super::HttpSink::accept).
    Status {
        /// The status.
        status: u16,
        /// The beginning of what it says, if that is text.
        body: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// The event makes a header that cannot be sent.
    Header {
        /// The header's name.
        name: String,
    },
    /// There was no answer.
    Transport {
        /// What was wrong.
        reason: String,
    },
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Status { status, body, .. } if body.is_empty() => {
                write!(f, "the answer is {status}")
            }
            HttpError::Status { status, body, .. } => write!(f, "the answer is {status}: {body}"),
            HttpError::Header { name } => {
                write!(
                    f,
                    "what the event says cannot be sent as the header {name:?}"
                )
            }
            HttpError::Transport { reason } => write!(f, "there is no answer: {reason}"),
        }
    }
}

impl Error for HttpError {}
