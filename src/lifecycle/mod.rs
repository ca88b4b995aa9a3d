//! Choria lifecycle events: their types, their wire formats, a printer and a tally of a fleet.
//!
//! Components of [Choria](https://choria.io) say when they start, live, are provisioned, upgrade and stop, and who holds a
//! slot of a governor. This module reads and writes those events byte for byte, and routes them.
//!
//! # Events
//!
//! A [`LifecycleEvent`] is one of six [`EventType`]s. Building one checks that all that its type requires is there:
//!
//! ```
//! use laneway::lifecycle::{BuildError, LifecycleEvent};
//!
//! let event = LifecycleEvent::startup("server", "1.2.3").identity("n1.example.net").build()?;
//! assert_eq!(event.to_string(), "[startup] n1.example.net: server version 1.2.3");
//! assert_eq!(event.target()?, "choria.lifecycle.event.startup.server");
//!
//! let error = LifecycleEvent::governor("server", "PUPPET", "bogus").identity("n1").build();
//! assert_eq!(error.unwrap_err(), BuildError::InvalidStage);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The wire
//!
//! There are two formats, and [`LifecycleEvent::from_json`] takes both: the plain one, and the same as the data of a
//! CloudEvent.
//!
//! ```
//! use laneway::lifecycle::{Format, LifecycleEvent, ParseError};
//!
//! let json = r#"{"protocol":"io.choria.lifecycle.v1.shutdown","id":"1","identity":"n1","component":"server","timestamp":7}"#;
//! let event = LifecycleEvent::from_json(json)?;
//! assert_eq!(event.to_json(), json);
//! assert!(event.to_json_as(Format::CloudEvent).starts_with(r#"{"specversion":"1.0","id":"1","#));
//!
//! let cut = LifecycleEvent::from_json(&json[..30]).unwrap_err();
//! assert_eq!(cut.to_string(), "EOF while parsing a string at line 1 column 30");
//! # Ok::<(), ParseError>(())
//! ```
//!
//! What comes from outside is bounded: a text has at most [`MAX_TEXT_BYTES`], and a CloudEvent inside a CloudEvent is
//! refused. A key that is read may stand there once; others are passed over, with values that nest at most 128 deep. `null`
//! is the same as absent.
//!
//! # Routing
//!
//! [`LifecycleEvent::topic`] maps an event to a [`Topic`](crate::Topic), and [`filter`] makes the filter to go with it:
//!
//! | field of the topic | is |
//! |---|---|
//! | category | [`CATEGORY`] |
//! | event type | the name of the type, such as `startup` |
//! | source | the component, if it is set |
//! | resource type | [`RESOURCE_TYPE`] |
//! | resource | the identity, if it is set |
//!
//! Names are looked up and never registered, so no stranger can fill the registry. A [`View`] prints what passes, a
//! [`Tally`] counts it; both are [`Actor`](crate::Actor)s:
//!
//! ```
//! use laneway::Router;
//! use laneway::lifecycle::{EventType, LifecycleEvent, Tally, View};
//!
//! let router = Router::<LifecycleEvent>::new();
//! let view = View::new(std::io::stdout()).event_type(EventType::Startup);
//! router.spawn(view.filter(), view)?;
//! let tally = Tally::builder().build()?;
//! router.spawn(tally.filter(), tally.clone())?;
//!
//! let event = LifecycleEvent::startup("server", "1.2.3").identity("n1").build()?;
//! router.publish(event.topic(), event)?;
//! router.flush()?;
//! assert!(tally.prometheus().contains(r#"versions{component="server",version="1.2.3"} 1"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map of the house
//!
//! | what | where |
//! |---|---|
//! | the six types and the stages of a governor | [`EventType`], [`Stage`] |
//! | events and how they are made | [`LifecycleEvent`], [`EventBuilder`] |
//! | the wire | [`Format`], [`ParseError`], [`Position`] |
//! | addresses | [`LifecycleEvent::target`], [`target_pattern`], [`LifecycleEvent::topic`], [`filter`] |
//! | printing | [`View`] |
//! | counting | [`Tally`], [`TallyBuilder`], [`Snapshot`] |

mod address;
mod builder;
mod error;
mod event;
mod kind;
mod object;
mod read;
mod tally;
mod time;
mod view;
mod write;

pub use address::{CATEGORY, RESOURCE_TYPE, filter, target_pattern};
pub use builder::EventBuilder;
pub use error::{BuildError, ParseError, Position, TargetError, UnknownName};
pub use event::LifecycleEvent;
pub use kind::{EventType, Format, Stage};
pub use tally::{
    ComponentCounts, GovernorCounts, NodeInfo, Snapshot, Tally, TallyBuilder, TallyError,
};
pub use view::View;

/// The longest text in an event, in bytes: far more than a host name takes.
pub const MAX_TEXT_BYTES: usize = 4096;
