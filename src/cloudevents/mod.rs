//! Events in the format of the [CloudEvents](https://cloudevents.io) specification, from the wire to a router and back.
//!
//! # Reading and writing
//!
//! [`CloudEvent::from_json`] reads version 1.0, and what came before it: 0.3, 0.2, and 0.1 in both spellings. What an event says
//! is kept as it was said: the offset and the digits of a time, the data of an event with its spaces, extensions that nobody here
//! knows. [`to_json`](CloudEvent::to_json) writes it in its own version, and [`to_version`](CloudEvent::to_version) makes another
//! one of it. What breaks the rules of the specification is refused, by an error that says where.
//!
//! ```
//! use laneway::cloudevents::{CloudEvent, SpecVersion};
//!
//! let old = CloudEvent::from_json(
//!     r#"{"cloudEventsVersion":"0.1","eventType":"vm.started","source":"/dc/1","eventID":"7","data":{"cores":2}}"#,
//! )?;
//! let new = old.to_version(SpecVersion::V1_0)?;
//! assert_eq!(
//!     new.to_json(),
//!     r#"{"specversion":"1.0","id":"7","source":"/dc/1","type":"vm.started","data":{"cores":2}}"#,
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Routing
//!
//! A [`TopicMap`] says which topic an event is published under. It can do so for an [`Envelope`], which borrows from the document,
//! so that events nobody wants are not even copied:
//!
//! ```
//! use laneway::cloudevents::{CloudEvent, Envelope, TopicMap};
//! use laneway::{Filter, Published, Router};
//!
//! let router = Router::<CloudEvent>::new();
//! let map = TopicMap::new();
//! router.subscribe(Filter::any().event_type("vm.*"), |event| {
//!     println!("{:?}", event.payload().data());
//! })?;
//!
//! let mut publisher = router.publisher();
//! let mut receive = |json: &[u8]| -> Result<Published, Box<dyn std::error::Error>> {
//!     let envelope = Envelope::parse(json)?;
//!     Ok(publisher.publish_with(map.topic(&envelope), || CloudEvent::from(&envelope))?)
//! };
//! let started = br#"{"specversion":"1.0","id":"1","source":"/dc/1","type":"vm.started"}"#;
//! let leased = br#"{"specversion":"1.0","id":"2","source":"/dc/1","type":"ip.leased"}"#;
//! assert_eq!(receive(started)?, Published::Routed);
//! assert_eq!(receive(leased)?, Published::Unmatched);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Subscribers who say what they want in the words of the CloudEvents Subscriptions API do so by an [`EventFilter`].
//!
//! # What is where
//!
//! | what | where |
//! |---|---|
//! | an event and its parts | [`CloudEvent`], [`Builder`], [`Value`], [`Timestamp`], [`Data`] |
//! | one that borrows | [`Envelope`] |
//! | versions | [`SpecVersion`], [`CloudEvent::to_version`], [`CloudEvent::check_dispatch`] |
//! | several in one document | [`from_json_batch`], [`to_json_batch`], [`JsonEvents`] |
//! | HTTP | [`CloudEvent::to_http_headers`], [`CloudEvent::from_http`], [`MEDIA_TYPE`] |
//! | routing | [`TopicMap`], [`Category`], [`EventFilter`], [`Attributes`] |
//! | what is wrong | [`ParseError`], [`AttributeError`], [`HttpError`] |
//!
//! With the feature `cloudevents-sdk`, events convert to and from those of the official SDK by `try_from`.
//!
//! # Limits
//!
//! Documents are smaller than 4 GiB, and their arrays and objects at most 128 deep in one another. Duplicate names are refused
//! among attributes; within data they are left to whoever reads it. Of the versions before 1.0, 0.1 keeps unknown members in
//! `extensions` alone, and others than these at its top are refused.

mod batch;
mod builder;
mod check;
mod data;
mod dispatch;
mod envelope;
mod error;
mod event;
mod filter;
mod http;
mod json;
mod parts;
#[cfg(feature = "cloudevents-sdk")]
mod sdk;
mod timestamp;
mod topic;
mod value;
mod version;

pub use batch::{JsonEvents, from_json_batch, to_json_batch};
pub use builder::Builder;
pub use data::Data;
pub use envelope::Envelope;
pub use error::{AttributeError, AttributeFault, HttpError, ParseError, ParseErrorKind};
pub use event::CloudEvent;
pub use filter::{EventFilter, Plan};
pub use http::{BATCH_MEDIA_TYPE, MEDIA_TYPE};
pub use timestamp::Timestamp;
pub use topic::{Category, TopicMap};
pub use value::{Attributes, Value};
pub use version::SpecVersion;
