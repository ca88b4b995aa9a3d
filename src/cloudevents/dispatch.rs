//! The field rules of VMware Dispatch, which sent 0.1 in a spelling of its own before it took the one of the specification.

use crate::cloudevents::check;
use crate::cloudevents::error::{AttributeError, AttributeFault};
use crate::cloudevents::event::CloudEvent;
use crate::cloudevents::version::Field;

/// What Dispatch fills in where an event has none.
pub(super) const NAMESPACE: &str = "dispatchframework.io";
pub(super) const SOURCE_TYPE: &str = "dispatch";

/// In characters, as Dispatch counts them.
const MAX_TYPE: usize = 128;
const MAX_SOURCE_TYPE: usize = 32;
const MAX_SOURCE_ID: usize = 64;

/// The rule for a field of the draft. What is optional there may be empty; times and content types are not looked into.
pub(super) fn field(field: Field, text: &str) -> Result<(), AttributeFault> {
    match field {
        Field::Id | Field::Namespace => required(text, usize::MAX),
        Field::Type => event_type(text),
        Field::Source => required(text, MAX_SOURCE_ID),
        Field::SourceType => required(text, MAX_SOURCE_TYPE),
        Field::Schema if !text.is_empty() => schema(text),
        _ => Ok(()),
    }
}

fn required(text: &str, most: usize) -> Result<(), AttributeFault> {
    if text.is_empty() {
        Err(AttributeFault::Empty)
    } else if text.chars().count() > most {
        Err(AttributeFault::TooLong)
    } else {
        Ok(())
    }
}

fn event_type(text: &str) -> Result<(), AttributeFault> {
    required(text, MAX_TYPE)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(AttributeFault::EventType)
    }
}

/// An absolute URI or an absolute path, and more than a fragment.
fn schema(text: &str) -> Result<(), AttributeFault> {
    let whole = text.split_once('#').map_or(text, |(before, _)| before);
    if whole.starts_with('/') {
        check::uri_reference(whole)
    } else {
        check::uri(whole)
    }
}

impl CloudEvent {
    /// Whether Dispatch would take the event: its rules are narrower than those of 0.1 for the event type (128 letters,
    /// digits, `_`, `.`, `-`) and for the schema (an absolute URI or path).
    ///
    /// # Errors
    ///
    /// The first attribute that it would refuse.
    ///
    /// # Examples
    ///
    /// ```
    /// use laneway::cloudevents::CloudEvent;
    ///
    /// let event = CloudEvent::builder("1", "/s", "a/b").build()?;
    /// assert_eq!(event.check_dispatch().unwrap_err().name(), "type");
    /// # Ok::<(), laneway::cloudevents::AttributeError>(())
    /// ```
    pub fn check_dispatch(&self) -> Result<(), AttributeError> {
        let named =
            |name, result: Result<_, _>| result.map_err(|fault| AttributeError::new(name, fault));
        named("type", event_type(self.event_type()))?;
        self.dataschema()
            .map_or(Ok(()), |text| named("dataschema", schema(text)))
    }
}
