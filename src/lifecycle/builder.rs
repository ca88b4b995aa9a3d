//! Building an event, with what its type requires and nothing else.

use super::MAX_TEXT_BYTES;
use super::error::BuildError;
use super::event::{Body, Detail, LifecycleEvent};
use super::kind::{EventType, Format};
use super::time;
use std::sync::Arc;
use uuid::Uuid;

/// Builds a [`LifecycleEvent`].
///
/// All events need a component and an identity; the id is a fresh UUID and the timestamp the time of [`build`](Self::build)
/// unless they are set. A `Startup` or `Alive` needs a version, an `Upgraded` both versions, a `Governor` its name and a
/// stage.
///
/// ```
/// use laneway::lifecycle::{BuildError, EventType, LifecycleEvent};
///
/// let event = LifecycleEvent::builder(EventType::Shutdown).component("server").identity("n1");
/// assert_eq!(event.clone().build()?.to_string(), "[shutdown] n1: server");
///
/// let error = event.version("1.2.3").build().unwrap_err();
/// assert_eq!(error, BuildError::Foreign { event_type: EventType::Shutdown, field: "version" });
/// # Ok::<(), BuildError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build` is called"]
pub struct EventBuilder {
    event_type: EventType,
    format: Format,
    id: Option<String>,
    identity: Option<String>,
    component: Option<String>,
    timestamp: Option<i64>,
    version: Option<String>,
    new_version: Option<String>,
    governor: Option<String>,
    sequence: Option<u64>,
    stage: Option<String>,
}

impl EventBuilder {
    pub(super) fn new(event_type: EventType) -> Self {
        EventBuilder {
            event_type,
            format: Format::default(),
            id: None,
            identity: None,
            component: None,
            timestamp: None,
            version: None,
            new_version: None,
            governor: None,
            sequence: None,
            stage: None,
        }
    }

    /// Sets the format that [`LifecycleEvent::to_json`] writes; [`Format::Choria`] if not set.
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Sets the id; it must not be empty.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the name of the node.
    pub fn identity(mut self, identity: impl Into<String>) -> Self {
        self.identity = Some(identity.into());
        self
    }

    /// Sets the component.
    pub fn component(mut self, component: impl Into<String>) -> Self {
        self.component = Some(component.into());
        self
    }

    /// Sets when it happened, in seconds since 1970.
    pub fn timestamp(mut self, seconds: i64) -> Self {
        self.timestamp = Some(seconds);
        self
    }

    /// Sets the version of the component.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Sets the version after the upgrade.
    pub fn new_version(mut self, version: impl Into<String>) -> Self {
        self.new_version = Some(version.into());
        self
    }

    /// Sets the name of the governor.
    pub fn governor(mut self, name: impl Into<String>) -> Self {
        self.governor = Some(name.into());
        self
    }

    /// Sets what happened to the governor's slot: a [`Stage`](super::Stage) or its name.
    pub fn stage(mut self, stage: impl AsRef<str>) -> Self {
        self.stage = Some(stage.as_ref().into());
        self
    }

    /// Sets the number of the governor's slot; 0, for none, if not set.
    pub fn sequence(mut self, slot: u64) -> Self {
        self.sequence = Some(slot);
        self
    }

    /// Makes the event.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if a required field is missing or empty, one is set that the type does not have, the stage is not one,
    /// or a text is too long.
    pub fn build(self) -> Result<LifecycleEvent, BuildError> {
        let event_type = self.event_type;
        let required = |field, text: Option<String>| match text {
            None => Err(BuildError::Missing { event_type, field }),
            Some(text) if text.is_empty() => Err(BuildError::Missing { event_type, field }),
            Some(text) if text.len() > MAX_TEXT_BYTES => Err(BuildError::TooLong {
                field,
                bytes: text.len(),
            }),
            Some(text) => Ok(text.into_boxed_str()),
        };
        let set = [
            ("version", self.version.is_some()),
            ("new_version", self.new_version.is_some()),
            ("governor", self.governor.is_some()),
            ("sequence", self.sequence.is_some()),
            ("event_type", self.stage.is_some()),
        ];
        let own: &[&str] = match event_type {
            EventType::Startup | EventType::Alive => &["version"],
            EventType::Shutdown | EventType::Provisioned => &[],
            EventType::Upgraded => &["version", "new_version"],
            EventType::Governor => &["governor", "sequence", "event_type"],
        };
        let foreign = (set.into_iter()).find(|(field, is_set)| *is_set && !own.contains(field));
        if let Some((field, _)) = foreign {
            return Err(BuildError::Foreign { event_type, field });
        }
        let detail = match event_type {
            EventType::Startup => Detail::Startup {
                version: required("version", self.version)?,
            },
            EventType::Alive => Detail::Alive {
                version: required("version", self.version)?,
            },
            EventType::Shutdown => Detail::Shutdown,
            EventType::Provisioned => Detail::Provisioned,
            EventType::Upgraded => Detail::Upgraded {
                version: required("version", self.version)?,
                new_version: required("new_version", self.new_version)?,
            },
            EventType::Governor => Detail::Governor {
                governor: required("governor", self.governor)?,
                sequence: self.sequence.unwrap_or(0),
                stage: (self.stage)
                    .ok_or(BuildError::Missing {
                        event_type,
                        field: "event_type",
                    })?
                    .parse()
                    .map_err(|_| BuildError::InvalidStage)?,
            },
        };
        Ok(LifecycleEvent(Arc::new(Body {
            format: self.format,
            id: required("id", self.id.or_else(|| Some(fresh_id())))?,
            identity: required("identity", self.identity)?,
            component: required("component", self.component)?,
            timestamp: self.timestamp.unwrap_or_else(time::now),
            detail,
        })))
    }
}

pub(super) fn fresh_id() -> String {
    Uuid::new_v4().to_string()
}
