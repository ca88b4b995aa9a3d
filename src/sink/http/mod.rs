//! Events posted to a webhook.

mod error;
mod headers;
mod retry_after;

pub use error::{HttpError, HttpSetupError};
pub use headers::HeaderNames;

use super::cancel::CancelToken;
use super::encode::{Encode, Encoder};
use super::error::{BoxError, SinkError};
use super::report::CloseReport;
use super::traits::Sink;
use crate::event::Event;
use headers::{header_name, value};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::borrow::Cow;
use std::fmt;
use std::io::Read;
use std::time::{Duration, SystemTime};
use ureq::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use ureq::http::{Response, Uri};
use ureq::{Agent, Body};

type Id<E> = Box<dyn for<'a> FnMut(&'a Event<E>) -> Option<Cow<'a, str>> + Send>;

/// Posts each event to a URL.
///
/// The body is the event's [encoding](Encode), and headers say what it is (see [`HeaderNames`]): its type, its id if it has
/// one, and with a [`secret`](Self::secret) the body's signature. Any status from 200 to 299 is success, unless
/// [`accept`](Self::accept) says otherwise. What becomes of others:
///
/// | answer | error | tried again by [`retry`](Sink::retry) |
/// |---|---|---|
/// | 408, 429, 500 to 599 | [`SinkError::Failed`] with [`HttpError::Status`], and `Retry-After` if there is one | yes |
/// | any other, redirects included | [`SinkError::Refused`] with [`HttpError::Status`] | no |
/// | none, not even a connection | [`SinkError::Failed`] with [`HttpError::Transport`] | yes |
/// | none in time | [`SinkError::TimedOut`] | yes |
///
/// Redirects are not followed, proxies of the environment are not used. Connections are kept and used again. A request that
/// is under way when the sink is closed is ended, where the [token](Sink::attach) of who calls it says so: behind a queue it is.
///
/// ```no_run
/// use laneway::sink::{ExponentialBackoff, HttpSink, Sink};
/// use laneway::{Event, Topic};
/// use std::time::Duration;
///
/// let webhook = HttpSink::with_encoder("http://127.0.0.1:8080/events", |event: &Event<u32>, out| {
///     out.extend(format!(r#"{{"number":{}}}"#, event.payload()).bytes());
///     Ok(())
/// })?
/// .secret("a secret that both sides know")
/// .timeout_after(Duration::from_secs(2))?;
/// let mut sink = webhook.retry(ExponentialBackoff::default()).queue(1024);
/// sink.write(&Event::new(Topic::new("compute", "VM.START")?, 7))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Payloads that know their encoding need none, as `HttpSink::<CloudEvent>::new(url)?` with the feature `cloudevents`.
pub struct HttpSink<E> {
    url: Uri,
    /// `None` once it is closed.
    agent: Option<Agent>,
    timeout: Duration,
    encoder: Encoder<E>,
    id: Option<Id<E>>,
    content_type: HeaderValue,
    names: HeaderNames,
    headers: Vec<(HeaderName, HeaderValue)>,
    secret: Option<Vec<u8>>,
    accept: Box<dyn Fn(u16) -> bool + Send>,
    body: Vec<u8>,
}

/// How long an answer may take, if nothing else is said.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of an answer is read, so that its connection can be used again.
const MAX_ANSWER: u64 = 64 << 10;

/// How much of it is in an error.
const MAX_QUOTE: usize = 200;

impl<E: Encode> HttpSink<E> {
    /// To this URL, for events that know their encoding.
    ///
    /// # Errors
    ///
    /// A URL that is none, or that cannot be posted to.
    pub fn new(url: &str) -> Result<Self, HttpSetupError> {
        let mut sink = HttpSink::with_encoder(url, E::encode)?.content_type(E::CONTENT_TYPE)?;
        sink.id = Some(Box::new(|event| E::id(event)));
        Ok(sink)
    }
}

impl<E> HttpSink<E> {
    /// To this URL, with a closure that appends an event's body: JSON, or what [`content_type`](Self::content_type) says.
    ///
    /// # Errors
    ///
    /// A URL that is none, or that cannot be posted to.
    pub fn with_encoder<F>(url: &str, encode: F) -> Result<Self, HttpSetupError>
    where
        F: FnMut(&Event<E>, &mut Vec<u8>) -> Result<(), BoxError> + Send + 'static,
    {
        Ok(HttpSink {
            url: check(url)?,
            agent: Some(agent(TIMEOUT)),
            timeout: TIMEOUT,
            encoder: Box::new(encode),
            id: None,
            content_type: HeaderValue::from_static("application/json"),
            names: HeaderNames::DEFAULT,
            headers: Vec::new(),
            secret: None,
            accept: Box::new(|status| (200..300).contains(&status)),
            body: Vec::new(),
        })
    }

    /// How long a whole exchange may take, from the name's look-up to the end of the answer. By default ten seconds.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError::Timeout`] for zero.
    pub fn timeout_after(mut self, timeout: Duration) -> Result<Self, HttpSetupError> {
        if timeout.is_zero() {
            return Err(HttpSetupError::Timeout);
        }
        self.timeout = timeout;
        self.agent = Some(agent(timeout));
        Ok(self)
    }

    /// What the body is.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError::HeaderValue`].
    pub fn content_type(mut self, media_type: &str) -> Result<Self, HttpSetupError> {
        self.content_type = value("Content-Type", media_type)?;
        Ok(self)
    }

    /// One more header, the same for all events. `Content-Type` is [set](Self::content_type) by that.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError::HeaderName`], [`HttpSetupError::HeaderReserved`] and [`HttpSetupError::HeaderValue`].
    pub fn header(mut self, name: &str, text: &str) -> Result<Self, HttpSetupError> {
        let (header, value) = (header_name(name)?, value(name, text)?);
        if header == CONTENT_TYPE {
            self.content_type = value;
        } else {
            self.headers.push((header, value));
        }
        Ok(self)
    }

    /// The names of the headers that say what is posted.
    ///
    /// # Errors
    ///
    /// [`HttpSetupError::HeaderName`] and [`HttpSetupError::HeaderReserved`].
    ///
    /// ```
    /// use laneway::sink::{HeaderNames, HttpSink};
    ///
    /// let as_cloudstack = HttpSink::<u32>::with_encoder("http://127.0.0.1:8080/", |_, _| Ok(()))?
    ///     .header_names(HeaderNames::CLOUDSTACK)?
    ///     .secret("known to both sides")
    ///     .accept(|status| status == 200);
    /// # let _ = as_cloudstack;
    /// # Ok::<(), laneway::sink::HttpSetupError>(())
    /// ```
    pub fn header_names(mut self, names: HeaderNames) -> Result<Self, HttpSetupError> {
        for name in [names.id, names.event_type, names.signature] {
            if header_name(name)? == CONTENT_TYPE {
                return Err(HttpSetupError::HeaderReserved { name: name.into() });
            }
        }
        self.names = names;
        Ok(self)
    }

    /// Where an event's id comes from. The same event must have the same id each time that it is tried.
    #[must_use]
    pub fn event_id<F>(mut self, id: F) -> Self
    where
        F: for<'a> FnMut(&'a Event<E>) -> Option<Cow<'a, str>> + Send + 'static,
    {
        self.id = Some(Box::new(id));
        self
    }

    /// Signs each body with this key, by HMAC-SHA256. An empty one is a key, too, that everybody knows.
    #[must_use]
    pub fn secret(mut self, key: impl AsRef<[u8]>) -> Self {
        self.secret = Some(key.as_ref().into());
        self
    }

    /// Which statuses are success. By default 200 to 299.
    #[must_use]
    pub fn accept(mut self, accept: impl Fn(u16) -> bool + Send + 'static) -> Self {
        self.accept = Box::new(accept);
        self
    }

    /// What is to be posted: its body, which is in `self.body`, and its headers.
    fn request(&mut self, event: &Event<E>) -> Result<Vec<(&'static str, HeaderValue)>, BoxError> {
        self.body.clear();
        (self.encoder)(event, &mut self.body)?;
        let of_event = |name: &'static str, text: &str| match HeaderValue::from_str(text) {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(HttpError::Header { name: name.into() }),
        };
        let mut headers = vec![of_event(self.names.event_type, event.topic().event_type())?];
        if let Some(id) = self.id.as_mut().and_then(|id| id(event)) {
            headers.push(of_event(self.names.id, &id)?);
        }
        if let Some(secret) = &self.secret {
            headers.push(of_event(self.names.signature, &sign(secret, &self.body))?);
        }
        Ok(headers)
    }

    fn answered(&self, mut response: Response<Body>) -> Result<(), SinkError> {
        let status = response.status().as_u16();
        let header = response.headers().get(RETRY_AFTER);
        let retry_after = header
            .and_then(|value| value.to_str().ok())
            .and_then(|value| retry_after::parse(value, SystemTime::now()));
        let mut answer = Vec::new();
        let reader = response.body_mut().as_reader();
        // What it says beside the status does not change what that means.
        let _ = reader.take(MAX_ANSWER).read_to_end(&mut answer);
        if (self.accept)(status) {
            return Ok(());
        }
        let error = HttpError::Status {
            status,
            body: quote(&answer),
            retry_after,
        };
        Err(match status {
            408 | 429 | 500..=599 => SinkError::Failed {
                source: error.into(),
                retry_after,
            },
            _ => SinkError::refused(error),
        })
    }
}

/// The beginning of an answer, in one line.
fn quote(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(MAX_QUOTE)]);
    let visible = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().map(visible).collect::<String>().trim().into()
}

/// Base64 of the HMAC-SHA256.
fn sign(secret: &[u8], body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("a key of any length will do");
    mac.update(body);
    base64_simd::STANDARD.encode_to_string(mac.finalize().into_bytes())
}

fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(None)
        .timeout_global(Some(timeout))
        .user_agent(concat!("laneway/", env!("CARGO_PKG_VERSION")));
    Agent::new_with_config(config.build())
}

fn check(url: &str) -> Result<Uri, HttpSetupError> {
    let uri: Uri = url.parse().map_err(|error| HttpSetupError::Url {
        reason: format!("{error}"),
    })?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") if cfg!(feature = "sink-https") => {}
        Some("https") => return Err(HttpSetupError::NoTls),
        scheme => {
            return Err(HttpSetupError::Scheme {
                scheme: scheme.unwrap_or_default().into(),
            });
        }
    }
    let authority = uri.authority().ok_or(HttpSetupError::NoHost)?;
    if authority.as_str().contains('@') {
        return Err(HttpSetupError::UserInfo);
    }
    let host = authority.host();
    if host.is_empty() {
        return Err(HttpSetupError::NoHost);
    }
    if authority.as_str().len() > host.len() && authority.port_u16().is_none() {
        return Err(HttpSetupError::Url {
            reason: "the port is none".into(),
        });
    }
    Ok(uri)
}

impl<E: 'static> Sink<E> for HttpSink<E> {
    /// # Blocking
    ///
    /// For the answer, up to the timeout.
    fn write(&mut self, event: &Event<E>) -> Result<(), SinkError> {
        let Some(agent) = self.agent.clone() else {
            return Err(SinkError::Closed);
        };
        let headers = self.request(event).map_err(SinkError::Refused)?;
        let mut request = agent.post(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request = request.header(CONTENT_TYPE, &self.content_type);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        match request.send(&self.body[..]) {
            Ok(response) => self.answered(response),
            Err(ureq::Error::Timeout(_)) => Err(SinkError::TimedOut {
                after: self.timeout,
            }),
            Err(error) => Err(SinkError::failed(HttpError::Transport {
                reason: error.to_string(),
            })),
        }
    }

    fn close(&mut self, _: Duration) -> CloseReport<E> {
        self.agent = None;
        CloseReport::default()
    }

    fn attach(&mut self, cancel: &CancelToken) {
        if let Some(agent) = self.agent.clone() {
            cancel.on_cancel(move || agent.shutdown());
        }
    }
}

impl<E> fmt::Debug for HttpSink<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSink")
            .field("host", &self.url.authority())
            .field("timeout", &self.timeout)
            .field("is_signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}
