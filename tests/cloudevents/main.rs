//! CloudEvents: what is read and written, refused, routed and filtered.

#[path = "../common/mod.rs"]
mod common;

mod attributes;
mod bad_input;
mod filters;
mod harness;
mod http;
mod random;
#[cfg(feature = "cloudevents-sdk")]
mod sdk;
mod topics;
mod vectors;
mod versions;

use laneway::cloudevents::{CloudEvent, ParseError};

/// The members that every event of version 1.0 has.
const REQUIRED: &str = r#""specversion":"1.0","id":"1","source":"/s","type":"a.b""#;

/// Reads an event of version 1.0 with these members beside the required ones.
fn with(members: &str) -> Result<CloudEvent, ParseError> {
    CloudEvent::from_json(format!("{{{REQUIRED},{members}}}"))
}
