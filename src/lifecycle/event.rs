//! The event itself.

use super::builder::EventBuilder;
use super::kind::{EventType, Format, Stage};
use std::fmt;
use std::sync::Arc;

/// Something that happened to a component of a Choria network.
///
/// Cloning one copies a pointer, so it goes through a router as it is. Events are made by a builder, which begins with
/// one of [`startup`](Self::startup), [`alive`](Self::alive), [`shutdown`](Self::shutdown),
/// [`provisioned`](Self::provisioned), [`upgraded`](Self::upgraded), [`governor`](Self::governor), or
/// [`builder`](Self::builder) for a type known at run time; or read from JSON.
///
/// It prints as one line without its time, as the original does:
///
/// ```
/// use laneway::lifecycle::{LifecycleEvent, Stage};
///
/// let event = LifecycleEvent::governor("server", "PUPPET", Stage::Enter).sequence(10).identity("n1").build()?;
/// assert_eq!(event.to_string(), "[governor] n1: obtained slot 10 on PUPPET");
/// assert_eq!(event.stage(), Some(Stage::Enter));
/// assert_eq!(event.version(), None);
/// # Ok::<(), laneway::lifecycle::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LifecycleEvent(pub(super) Arc<Body>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Body {
    pub(super) format: Format,
    pub(super) id: Box<str>,
    pub(super) identity: Box<str>,
    pub(super) component: Box<str>,
    /// Seconds since 1970, as the sender's clock had it.
    pub(super) timestamp: i64,
    pub(super) detail: Detail,
}

/// What only some types have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Detail {
    Startup {
        version: Box<str>,
    },
    Alive {
        version: Box<str>,
    },
    Shutdown,
    Provisioned,
    Upgraded {
        version: Box<str>,
        new_version: Box<str>,
    },
    Governor {
        governor: Box<str>,
        /// 0 where there is none.
        sequence: u64,
        stage: Stage,
    },
}

impl LifecycleEvent {
    /// Begins the event of a component that has started.
    pub fn startup(component: impl Into<String>, version: impl Into<String>) -> EventBuilder {
        Self::builder(EventType::Startup)
            .component(component)
            .version(version)
    }

    /// Begins the event of a component that still runs.
    pub fn alive(component: impl Into<String>, version: impl Into<String>) -> EventBuilder {
        Self::builder(EventType::Alive)
            .component(component)
            .version(version)
    }

    /// Begins the event of a component that is about to stop.
    pub fn shutdown(component: impl Into<String>) -> EventBuilder {
        Self::builder(EventType::Shutdown).component(component)
    }

    /// Begins the event of a node that was provisioned.
    pub fn provisioned(component: impl Into<String>) -> EventBuilder {
        Self::builder(EventType::Provisioned).component(component)
    }

    /// Begins the event of a component that is about to restart as another version.
    pub fn upgraded(
        component: impl Into<String>,
        version: impl Into<String>,
        new_version: impl Into<String>,
    ) -> EventBuilder {
        Self::builder(EventType::Upgraded)
            .component(component)
            .version(version)
            .new_version(new_version)
    }

    /// Begins an event about a slot of a governor; the stage is a [`Stage`] or its name.
    pub fn governor(
        component: impl Into<String>,
        governor: impl Into<String>,
        stage: impl AsRef<str>,
    ) -> EventBuilder {
        Self::builder(EventType::Governor)
            .component(component)
            .governor(governor)
            .stage(stage)
    }

    /// Begins an event of a type that is known at run time only.
    pub fn builder(event_type: EventType) -> EventBuilder {
        EventBuilder::new(event_type)
    }

    /// Its type.
    pub fn event_type(&self) -> EventType {
        match self.0.detail {
            Detail::Startup { .. } => EventType::Startup,
            Detail::Alive { .. } => EventType::Alive,
            Detail::Shutdown => EventType::Shutdown,
            Detail::Provisioned => EventType::Provisioned,
            Detail::Upgraded { .. } => EventType::Upgraded,
            Detail::Governor { .. } => EventType::Governor,
        }
    }

    /// The format it came in, or is to leave in.
    pub fn format(&self) -> Format {
        self.0.format
    }

    /// Its id, usually a UUID. Never empty.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The name of the node that sent it. It may be empty in an event from outside.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// The component that it is about, such as `server`. It may be empty in an event from outside.
    pub fn component(&self) -> &str {
        &self.0.component
    }

    /// When it was made, in seconds since 1970 on the sender's clock.
    ///
    /// A component that says repeatedly that it is alive may send the same event each time, timestamp included.
    pub fn timestamp(&self) -> i64 {
        self.0.timestamp
    }

    /// The version of the component, if the type has one: of [`EventType::Upgraded`], the one before.
    pub fn version(&self) -> Option<&str> {
        match &self.0.detail {
            Detail::Startup { version }
            | Detail::Alive { version }
            | Detail::Upgraded { version, .. } => Some(version),
            _ => None,
        }
    }

    /// The version that the component upgrades to.
    pub fn new_version(&self) -> Option<&str> {
        match &self.0.detail {
            Detail::Upgraded { new_version, .. } => Some(new_version),
            _ => None,
        }
    }

    /// The name of the governor.
    pub fn governor_name(&self) -> Option<&str> {
        match &self.0.detail {
            Detail::Governor { governor, .. } => Some(governor),
            _ => None,
        }
    }

    /// What happened to the slot of the governor.
    pub fn stage(&self) -> Option<Stage> {
        match self.0.detail {
            Detail::Governor { stage, .. } => Some(stage),
            _ => None,
        }
    }

    /// The number of the slot of the governor; 0 if it has none.
    pub fn sequence(&self) -> Option<u64> {
        match self.0.detail {
            Detail::Governor { sequence, .. } => Some(sequence),
            _ => None,
        }
    }
}

impl fmt::Display for LifecycleEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, identity) = (self.event_type().name(), self.identity());
        let component = self.component();
        write!(f, "[{name}] {identity}: ")?;
        match &self.0.detail {
            Detail::Startup { version } | Detail::Alive { version } => {
                write!(f, "{component} version {version}")
            }
            Detail::Shutdown | Detail::Provisioned => f.write_str(component),
            Detail::Upgraded {
                version,
                new_version,
            } => write!(f, "{component} version {version} to {new_version}"),
            Detail::Governor {
                governor,
                sequence,
                stage,
            } => match (stage, sequence) {
                (Stage::Enter, 0) => write!(f, "obtained slot on {governor}"),
                (Stage::Enter, slot) => write!(f, "obtained slot {slot} on {governor}"),
                (Stage::Exit, 0) => write!(f, "vacated {governor}"),
                (Stage::Exit, slot) => write!(f, "vacated slot {slot} on {governor}"),
                (Stage::Timeouts, _) => write!(f, "failed to obtain a slot on {governor}"),
                (Stage::Eviction, 0) => write!(f, "evicted from {governor}"),
                (Stage::Eviction, slot) => write!(f, "evicted from slot {slot} on {governor}"),
            },
        }
    }
}
