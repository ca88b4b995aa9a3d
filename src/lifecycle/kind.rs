//! What an event is: its type, its format on the wire, and the stage of a governor.

use super::error::UnknownName;
use std::fmt;
use std::str::FromStr;

/// The type of a lifecycle event.
///
/// ```
/// use laneway::lifecycle::EventType;
///
/// assert_eq!("shutdown".parse(), Ok(EventType::Shutdown));
/// assert_eq!(EventType::Shutdown.to_string(), "Shutdown");
/// assert_eq!(EventType::Shutdown.protocol(), "io.choria.lifecycle.v1.shutdown");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A component started.
    Startup,
    /// A component is about to stop.
    Shutdown,
    /// A node was provisioned.
    Provisioned,
    /// A component still runs; sent from time to time.
    Alive,
    /// Something happened to a slot of a governor.
    Governor,
    /// A component is about to restart as another version.
    Upgraded,
}

impl EventType {
    /// All types, in the order of their names.
    pub const ALL: [EventType; 6] = [
        EventType::Alive,
        EventType::Governor,
        EventType::Provisioned,
        EventType::Shutdown,
        EventType::Startup,
        EventType::Upgraded,
    ];

    /// The name on the wire, such as `startup`.
    ///
    /// ```
    /// use laneway::lifecycle::EventType;
    ///
    /// let names = EventType::ALL.map(EventType::name);
    /// assert_eq!(names, ["alive", "governor", "provisioned", "shutdown", "startup", "upgraded"]);
    /// ```
    pub const fn name(self) -> &'static str {
        let protocol = self.protocol();
        protocol.split_at(PREFIX.len()).1
    }

    /// The protocol id on the wire, such as `io.choria.lifecycle.v1.startup`.
    pub const fn protocol(self) -> &'static str {
        match self {
            EventType::Startup => "io.choria.lifecycle.v1.startup",
            EventType::Shutdown => "io.choria.lifecycle.v1.shutdown",
            EventType::Provisioned => "io.choria.lifecycle.v1.provisioned",
            EventType::Alive => "io.choria.lifecycle.v1.alive",
            EventType::Governor => "io.choria.lifecycle.v1.governor",
            EventType::Upgraded => "io.choria.lifecycle.v1.upgraded",
        }
    }

    /// The type whose protocol id, before there were names with dots, was this one: `choria:lifecycle:startup:1`.
    pub(super) fn of_legacy(protocol: &str) -> Option<EventType> {
        let name = protocol.strip_prefix("choria:lifecycle:")?;
        name.strip_suffix(":1")?.parse().ok()
    }
}

const PREFIX: &str = "io.choria.lifecycle.v1.";

impl fmt::Display for EventType {
    /// The name with a capital.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl FromStr for EventType {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let mut all = EventType::ALL.into_iter();
        all.find(|event_type| event_type.name() == name)
            .ok_or(UnknownName::EventType)
    }
}

/// What happened to a slot of a governor.
///
/// ```
/// use laneway::lifecycle::Stage;
///
/// assert_eq!("enter".parse(), Ok(Stage::Enter));
/// assert_eq!("bogus".parse::<Stage>().unwrap_err().to_string(), "invalid stage");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It was obtained.
    Enter,
    /// It was vacated.
    Exit,
    /// There was none in time.
    Timeouts,
    /// Its holder was evicted.
    Eviction,
}

impl Stage {
    /// All stages.
    pub const ALL: [Stage; 4] = [Stage::Enter, Stage::Exit, Stage::Timeouts, Stage::Eviction];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Stage::Enter => "enter",
            Stage::Exit => "exit",
            Stage::Timeouts => "timeouts",
            Stage::Eviction => "eviction",
        }
    }
}

impl AsRef<str> for Stage {
    fn as_ref(&self) -> &str {
        self.name()
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let mut all = Stage::ALL.into_iter();
        all.find(|stage| stage.name() == name)
            .ok_or(UnknownName::Stage)
    }
}

/// How an event stands on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// The fields in one object.
    #[default]
    Choria,
    /// The same object as the data of a CloudEvent 1.0.
    CloudEvent,
}
