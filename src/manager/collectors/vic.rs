//! The events of VMware VIC's port layer: their kinds, their JSON, and how they come to be.
//!
//! They travel under the type as the category, so that a whole family can be asked for, the kind as the event type, and
//! what they are about as the resource:
//!
//! ```
//! use laneway::Filter;
//! use laneway::manager::collectors::vic::{BaseEvent, EventKind};
//! use std::time::SystemTime;
//!
//! let event = BaseEvent::vm("VmPoweredOnEvent", 1, "vm:101", "it runs", SystemTime::now())?;
//! assert_eq!(event.event, EventKind::PoweredOn);
//! let topic = event.topic();
//! assert!(Filter::any().category("vsphere.VMEvent").matches(topic)); // as VIC's topics
//! assert!(Filter::any().category("vsphere.*").matches(topic)); // states as well
//! assert!(Filter::any().event_type("PoweredOn").matches(topic)); // of containers as well
//! assert!(Filter::any().resource("vm:101").matches(topic));
//! assert_eq!(BaseEvent::from_json(&event.to_json())?, event);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::Topic;
use crate::cloudevents::Timestamp;
use serde_json::{Map, Value};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

/// The longest JSON that is read, in bytes.
const MAX_JSON_BYTES: usize = 64 << 10;

/// A list of names, as an enum.
macro_rules! names {
    ($(#[$doc:meta])* $name:ident, $unknown:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: [$name; [$($text),*].len()] = [$($name::$variant),*];

            /// As it is written.
            pub const fn name(self) -> &'static str {
                match self {
                    $($name::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $name {
            type Err = VicError;

            fn from_str(text: &str) -> Result<Self, VicError> {
                let known = Self::ALL.into_iter().find(|known| known.name() == text);
                known.ok_or_else(|| VicError::$unknown(text.into()))
            }
        }
    };
}

names! {
    /// What happened.
    EventKind, UnknownKind {
        /// It was created.
        Created = "Created",
        /// It failed.
        Failed = "Failed",
        /// It runs on another host.
        Migrated = "Migrated",
        /// It runs on another host, where the scheduler of the cluster put it.
        MigratedByDrs = "MigratedByDrs",
        /// It has no power.
        PoweredOff = "PoweredOff",
        /// It has power.
        PoweredOn = "PoweredOn",
        /// It was changed.
        Reconfigured = "Reconfigured",
        /// Its files are elsewhere.
        Relocated = "Relocated",
        /// It was removed.
        Removed = "Removed",
        /// It goes on after it was suspended.
        Resumed = "Resumed",
        /// Its guest was shut down.
        Shutdown = "Shutdown",
        /// It was started.
        Started = "Started",
        /// It was stopped.
        Stopped = "Stopped",
        /// It was suspended.
        Suspended = "Suspended",
    }
}

names! {
    /// What said so.
    EventType, UnknownType {
        /// The port layer, of a container.
        Container = "events.ContainerEvent",
        /// vSphere, of a virtual machine.
        Vm = "vsphere.VMEvent",
        /// The port layer, of the power state in which it found a virtual machine.
        State = "vsphere.StateEvent",
    }
}

/// The types of vSphere's events that stand for a kind.
const OF_VSPHERE: [(&str, EventKind); 9] = [
    ("VmPoweredOnEvent", EventKind::PoweredOn),
    ("DrsVmPoweredOnEvent", EventKind::PoweredOn),
    ("VmPoweredOffEvent", EventKind::PoweredOff),
    ("VmSuspendedEvent", EventKind::Suspended),
    ("VmRemovedEvent", EventKind::Removed),
    ("VmGuestShutdownEvent", EventKind::Shutdown),
    ("VmMigratedEvent", EventKind::Migrated),
    ("DrsVmMigratedEvent", EventKind::MigratedByDrs),
    ("VmRelocatedEvent", EventKind::Relocated),
];

impl EventKind {
    /// The kind that a type of vSphere's events stands for; none for those that VIC does not collect.
    pub fn of_vsphere(event_type: &str) -> Option<EventKind> {
        let mut known = OF_VSPHERE.into_iter();
        known.find_map(|(name, kind)| (name == event_type).then_some(kind))
    }

    /// The kind that a power state of vSphere's stands for.
    pub fn of_power_state(state: &str) -> Option<EventKind> {
        match state {
            "poweredOn" => Some(EventKind::PoweredOn),
            "poweredOff" => Some(EventKind::PoweredOff),
            "suspended" => Some(EventKind::Suspended),
            _ => None,
        }
    }
}

/// An event as VIC's port layer has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseEvent {
    /// What said so: VIC's topic.
    pub event_type: EventType,
    /// What happened.
    pub event: EventKind,
    /// The id of the event: of vSphere's, its number.
    pub id: String,
    /// For people.
    pub detail: String,
    /// What it is about: "type:value" of vSphere's objects, the id of a container.
    pub reference: String,
    /// When it happened.
    pub created: Timestamp<'static>,
}

impl BaseEvent {
    /// An event of vSphere's about a virtual machine.
    ///
    /// # Errors
    ///
    /// [`VicError::UnknownVsphereType`] if VIC does not collect such events.
    pub fn vm(
        vsphere_type: &str,
        key: u64,
        reference: impl Into<String>,
        message: impl Into<String>,
        created: SystemTime,
    ) -> Result<BaseEvent, VicError> {
        let kind = EventKind::of_vsphere(vsphere_type);
        Ok(BaseEvent {
            event_type: EventType::Vm,
            event: kind.ok_or_else(|| VicError::UnknownVsphereType(vsphere_type.into()))?,
            id: key.to_string(),
            detail: message.into(),
            reference: reference.into(),
            created: created.into(),
        })
    }

    /// The event that a virtual machine was found in a power state.
    ///
    /// # Errors
    ///
    /// [`VicError::UnknownPowerState`] if it is none of vSphere's three.
    pub fn state(
        power_state: &str,
        id: impl Into<String>,
        reference: impl Into<String>,
        created: SystemTime,
    ) -> Result<BaseEvent, VicError> {
        let kind = EventKind::of_power_state(power_state);
        Ok(BaseEvent {
            event_type: EventType::State,
            event: kind.ok_or_else(|| VicError::UnknownPowerState(power_state.into()))?,
            id: id.into(),
            detail: format!("Created from power state {power_state}"),
            reference: reference.into(),
            created: created.into(),
        })
    }

    /// An event of a container.
    pub fn container(
        event: EventKind,
        id: impl Into<String>,
        reference: impl Into<String>,
        created: SystemTime,
    ) -> BaseEvent {
        let reference = reference.into();
        BaseEvent {
            event_type: EventType::Container,
            event,
            id: id.into(),
            detail: format!("Container {reference} {event}"),
            reference,
            created: created.into(),
        }
    }

    /// The topic to publish it under. Costs a hash of the reference, and registers no names but those of types and kinds.
    pub fn topic(&self) -> Topic {
        let topic = Topic::new(self.event_type.name(), self.event.name())
            // A full registry: as good as it gets, and filters for these names could not be subscribed either.
            .unwrap_or_else(|_| {
                Topic::lookup(self.event_type.name(), self.event.name(), None, None)
            });
        topic.with_resource(&*self.reference)
    }

    /// The event as one line of JSON, without an end of line.
    pub fn to_json(&self) -> String {
        let text = |text: &str| Value::from(text).to_string();
        format!(
            "{{\"Type\":\"{}\",\"Event\":\"{}\",\"ID\":{},\"Detail\":{},\"Ref\":{},\"CreatedTime\":\"{}\"}}",
            self.event_type,
            self.event,
            text(&self.id),
            text(&self.detail),
            text(&self.reference),
            self.created
        )
    }

    /// Reads what [`to_json`](Self::to_json) writes. Other keys are passed over.
    ///
    /// # Errors
    ///
    /// [`VicError`] for the first thing that is wrong.
    pub fn from_json(json: &str) -> Result<BaseEvent, VicError> {
        if json.len() > MAX_JSON_BYTES {
            return Err(VicError::TooLong { bytes: json.len() });
        }
        let object: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| VicError::Json(error.to_string()))?;
        let text = |key: &'static str| match object.get(key) {
            None => Err(VicError::Missing { key }),
            Some(Value::String(text)) => Ok(&**text),
            Some(_) => Err(VicError::NotText { key }),
        };
        let created = text("CreatedTime")?;
        let created = Timestamp::parse(created).map_err(|_| VicError::Time(created.into()))?;
        Ok(BaseEvent {
            event_type: text("Type")?.parse()?,
            event: text("Event")?.parse()?,
            id: text("ID")?.into(),
            detail: text("Detail")?.into(),
            reference: text("Ref")?.into(),
            created: created.into_owned(),
        })
    }
}

/// Why there is no event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VicError {
    /// It is none of [`EventKind::ALL`].
    UnknownKind(String),
    /// It is none of [`EventType::ALL`].
    UnknownType(String),
    /// VIC does not collect events of this type of vSphere's.
    UnknownVsphereType(String),
    /// It is no power state of vSphere's.
    UnknownPowerState(String),
    /// The JSON is longer than 64 KiB.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is not JSON, or not an object.
    Json(String),
    /// A key is missing.
    Missing {
        /// Which.
        key: &'static str,
    },
    /// A value is not text.
    NotText {
        /// Under which key.
        key: &'static str,
    },
    /// It is not a time as RFC 3339 has it.
    Time(String),
}

impl fmt::Display for VicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VicError::UnknownKind(name) => write!(f, "{name:?} is no kind of event"),
            VicError::UnknownType(name) => write!(f, "{name:?} is no type of event"),
            VicError::UnknownVsphereType(name) => {
                write!(f, "{name:?} is no type of vSphere event that is collected")
            }
            VicError::UnknownPowerState(name) => write!(f, "{name:?} is no power state"),
            VicError::TooLong { bytes } => write!(
                f,
                "the event has {bytes} bytes, and at most {MAX_JSON_BYTES} are allowed"
            ),
            VicError::Json(reason) => f.write_str(reason),
            VicError::Missing { key } => write!(f, "the event has no {key}"),
            VicError::NotText { key } => write!(f, "{key} is not text"),
            VicError::Time(text) => write!(f, "{text:?} is not a time"),
        }
    }
}

impl Error for VicError {}
