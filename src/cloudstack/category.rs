//! What CloudStack sorts its events by.

use super::error::CategoryError;
use crate::topic::names::check_name;
use crate::{Filter, Topic, TopicBuilder};
use std::fmt;

/// The source of the events that CloudStack's management server publishes.
pub const MANAGEMENT_SERVER: &str = "management-server";

/// A category of events. The list is open: [`new`](Self::new) makes others than the five that CloudStack has.
///
/// # Examples
///
/// ```
/// use laneway::Topic;
/// use laneway::cloudstack::EventCategory;
///
/// assert_eq!(EventCategory::get("actionevent"), Some(EventCategory::ACTION));
/// const AUDIT: EventCategory = EventCategory::new("AuditEvent");
///
/// let topic = EventCategory::ACTION.topic("ACCOUNT.DELETE").resource_type("Account").build()?;
/// assert_eq!(topic.routing_key(), "management-server.ActionEvent.ACCOUNT-DELETE.Account.*");
/// assert_eq!(Topic::new(AUDIT, "LOGIN")?.category(), "AuditEvent");
/// # Ok::<(), laneway::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventCategory(&'static str);

impl EventCategory {
    /// What users and the system do, with its beginning and end.
    pub const ACTION: EventCategory = EventCategory("ActionEvent");
    /// What an operator should look at.
    pub const ALERT: EventCategory = EventCategory("AlertEvent");
    /// What is charged for.
    pub const USAGE: EventCategory = EventCategory("UsageEvent");
    /// Changes of a resource's state.
    pub const RESOURCE_STATE: EventCategory = EventCategory("ResourceStateEvent");
    /// The progress of jobs.
    pub const ASYNC_JOB: EventCategory = EventCategory("AsyncJobEvent");

    /// The five of CloudStack.
    pub const ALL: [EventCategory; 5] = [
        EventCategory::ACTION,
        EventCategory::ALERT,
        EventCategory::USAGE,
        EventCategory::RESOURCE_STATE,
        EventCategory::ASYNC_JOB,
    ];

    /// Another one. The name is checked when a topic is built with it.
    pub const fn new(name: &'static str) -> EventCategory {
        EventCategory(name)
    }

    /// Its name, as topics and keys have it.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The one of the [five](Self::ALL) with this name, in capitals or not. [`Categories`] finds others too.
    pub fn get(name: &str) -> Option<EventCategory> {
        let mut all = EventCategory::ALL.into_iter();
        all.find(|category| category.0.eq_ignore_ascii_case(name))
    }

    /// Begins the topic of an event of this category from the [`MANAGEMENT_SERVER`].
    pub fn topic(self, event_type: impl Into<String>) -> TopicBuilder {
        Topic::builder(self, event_type).source(MANAGEMENT_SERVER)
    }

    /// The filter for events of this category, from anywhere.
    pub fn filter(self) -> Filter {
        Filter::any().category(self)
    }
}

impl AsRef<str> for EventCategory {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl From<EventCategory> for String {
    fn from(category: EventCategory) -> Self {
        category.0.into()
    }
}

impl fmt::Display for EventCategory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// The categories that a program knows, found by name in capitals or not. It begins with the five of CloudStack.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::{Categories, CategoryError};
///
/// let mut known = Categories::default();
/// known.add("AuditEvent")?;
/// assert_eq!(known.get("AUDITEVENT"), Some("AuditEvent"));
/// assert_eq!(known.get("usageEvent"), Some("UsageEvent"));
/// assert_eq!(known.add("auditevent"), Err(CategoryError::Duplicate { name: "AuditEvent".into() }));
/// # Ok::<(), CategoryError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Categories(Vec<Box<str>>);

impl Categories {
    /// How many there can be.
    pub const LIMIT: usize = 1024;

    /// One more.
    ///
    /// # Errors
    ///
    /// [`CategoryError`] if there is one of this name, in capitals or not, if there are [`LIMIT`](Self::LIMIT), or if the
    /// name cannot be one of a topic.
    pub fn add(&mut self, name: &str) -> Result<(), CategoryError> {
        if check_name(name).is_err() {
            return Err(CategoryError::InvalidName);
        }
        if let Some(known) = self.get(name) {
            return Err(CategoryError::Duplicate { name: known.into() });
        }
        if self.0.len() == Categories::LIMIT {
            return Err(CategoryError::TooMany);
        }
        self.0.push(name.into());
        Ok(())
    }

    /// The name as it was added.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|known| known.eq_ignore_ascii_case(name))
    }

    /// All names, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

impl Default for Categories {
    fn default() -> Self {
        Categories(EventCategory::ALL.map(|category| category.0.into()).into())
    }
}
