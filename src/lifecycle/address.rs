//! Where an event goes: the subject of the original's broker, and the topic of a router here.

use super::error::TargetError;
use super::event::LifecycleEvent;
use super::kind::EventType;
use crate::{Filter, Topic};

/// The category of the topics of lifecycle events.
pub const CATEGORY: &str = "lifecycle";

/// The resource type of the topics of lifecycle events.
pub const RESOURCE_TYPE: &str = "node";

/// What all subjects of lifecycle events begin with.
const SUBJECTS: &str = "choria.lifecycle.event";

impl LifecycleEvent {
    /// The subject to publish it to: `choria.lifecycle.event.<type>.<component>`.
    ///
    /// # Errors
    ///
    /// [`TargetError`] if there is no component, or one that a subject cannot carry.
    pub fn target(&self) -> Result<String, TargetError> {
        let component = checked(self.component())?;
        Ok(format!(
            "{SUBJECTS}.{}.{component}",
            self.event_type().name()
        ))
    }

    /// The topic to publish it under in a router; the module's documentation has the mapping.
    ///
    /// Registers no name: see [`Topic::lookup`]. Costs that and a hash of the identity, so call it once for an event.
    ///
    /// ```
    /// use laneway::lifecycle::{LifecycleEvent, filter};
    ///
    /// let event = LifecycleEvent::startup("server", "1.2.3").identity("n1.example.net").build()?;
    /// assert_eq!(event.topic().resource(), Some("n1.example.net".into()));
    /// assert!(filter(None, None).matches(laneway::Topic::new("lifecycle", "startup")?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn topic(&self) -> Topic {
        let component = Some(self.component()).filter(|component| !component.is_empty());
        let name = self.event_type().name();
        let topic = Topic::lookup(CATEGORY, name, component, Some(RESOURCE_TYPE));
        match self.identity() {
            "" => topic,
            identity => topic.with_resource(identity),
        }
    }
}

/// The filter for lifecycle events of one type or all, and of one component or all.
///
/// ```
/// use laneway::lifecycle::{EventType, filter};
///
/// let startups = filter(Some(EventType::Startup), Some("server"));
/// assert_eq!(startups.check(), Ok(()));
/// ```
pub fn filter(event_type: Option<EventType>, component: Option<&str>) -> Filter {
    let mut filter = Filter::any().category(CATEGORY);
    if let Some(event_type) = event_type {
        filter = filter.event_type(event_type.name());
    }
    match component {
        Some(component) => filter.source(component),
        None => filter,
    }
}

/// The pattern of subjects to subscribe to at the original's broker: all lifecycle events, or those of one component.
///
/// # Errors
///
/// [`TargetError`] if the component cannot be part of a subject. `*` can: it is any.
///
/// ```
/// use laneway::lifecycle::target_pattern;
///
/// assert_eq!(target_pattern(None)?, "choria.lifecycle.event.>");
/// assert_eq!(target_pattern(Some("server"))?, "choria.lifecycle.event.*.server");
/// # Ok::<(), laneway::lifecycle::TargetError>(())
/// ```
pub fn target_pattern(component: Option<&str>) -> Result<String, TargetError> {
    match component {
        None => Ok(format!("{SUBJECTS}.>")),
        Some("*") => Ok(format!("{SUBJECTS}.*.*")),
        Some(component) => Ok(format!("{SUBJECTS}.*.{}", checked(component)?)),
    }
}

pub(super) fn checked(component: &str) -> Result<&str, TargetError> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '>');
    if component.is_empty() {
        Err(TargetError::NoComponent)
    } else if component.contains(is_bad) || component.split('.').any(str::is_empty) {
        Err(TargetError::InvalidComponent)
    } else {
        Ok(component)
    }
}
