//! Which categories are published at all.

use super::category::EventCategory;
use super::error::SwitchError;
use crate::Topic;

/// Which of CloudStack's five categories are published: its settings `publish.action.events` and so on. All are, by default;
/// events of other categories always are.
///
/// # Examples
///
/// ```
/// use laneway::cloudstack::{EventCategory, PublishSwitches, SwitchError};
///
/// let settings = [("publish.usage.events", "false"), ("event.purge.delay", "15")];
/// let switches = PublishSwitches::from_settings(settings)?;
/// assert!(!switches.allow(EventCategory::USAGE.name()));
/// assert!(switches.allow(EventCategory::ACTION.name()));
/// # Ok::<(), SwitchError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublishSwitches {
    /// `publish.action.events`.
    pub action: bool,
    /// `publish.alert.events`.
    pub alert: bool,
    /// `publish.usage.events`.
    pub usage: bool,
    /// `publish.resource.state.events`.
    pub resource_state: bool,
    /// `publish.async.job.events`.
    pub async_job: bool,
}

impl PublishSwitches {
    /// Reads the five settings, whichever are there, and passes over others.
    ///
    /// # Errors
    ///
    /// [`SwitchError`] if one is neither `true` nor `false`.
    pub fn from_settings<'a>(
        settings: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SwitchError> {
        let mut switches = PublishSwitches::default();
        for (key, value) in settings {
            let switch = match key {
                "publish.action.events" => &mut switches.action,
                "publish.alert.events" => &mut switches.alert,
                "publish.usage.events" => &mut switches.usage,
                "publish.resource.state.events" => &mut switches.resource_state,
                "publish.async.job.events" => &mut switches.async_job,
                _ => continue,
            };
            *switch = match value.trim() {
                value if value.eq_ignore_ascii_case("true") => true,
                value if value.eq_ignore_ascii_case("false") => false,
                _ => return Err(SwitchError { key: key.into() }),
            };
        }
        Ok(switches)
    }

    /// Whether events of this category, in capitals or not, are published.
    pub fn allow(&self, category: &str) -> bool {
        match EventCategory::get(category) {
            Some(EventCategory::ACTION) => self.action,
            Some(EventCategory::ALERT) => self.alert,
            Some(EventCategory::USAGE) => self.usage,
            Some(EventCategory::RESOURCE_STATE) => self.resource_state,
            Some(EventCategory::ASYNC_JOB) => self.async_job,
            _ => true,
        }
    }

    /// Whether events with this topic are published.
    pub fn allow_topic(&self, topic: Topic) -> bool {
        self.allow(topic.category())
    }
}

impl Default for PublishSwitches {
    fn default() -> Self {
        PublishSwitches {
            action: true,
            alert: true,
            usage: true,
            resource_state: true,
            async_job: true,
        }
    }
}
