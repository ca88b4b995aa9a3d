//! What can be refused, and by which rule.

use std::error::Error;
use std::fmt;

/// The longest name of a collector or of a caller, in bytes.
pub(in crate::manager) const MAX_NAME_BYTES: usize = 256;

/// The rule that a name breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It is longer than 256 bytes.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It contains a control character.
    Control,
}

impl NameError {
    pub(in crate::manager) fn check(name: &str) -> Result<(), NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.len() > MAX_NAME_BYTES {
            return Err(NameError::TooLong { bytes: name.len() });
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        Ok(())
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("a name is empty"),
            NameError::TooLong { bytes } => write!(
                f,
                "a name has {bytes} bytes, and at most {MAX_NAME_BYTES} are allowed"
            ),
            NameError::Control => f.write_str("a name contains a control character"),
        }
    }
}

impl Error for NameError {}

/// Why a collector was not registered. It is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegisterError {
    /// Its name breaks a rule.
    Name(NameError),
    /// There are as many collectors as there may be.
    TooMany {
        /// How many that is.
        limit: usize,
    },
    /// The one that it would replace was told to stop and has not ended by the deadline. It keeps its place, so that no event
    /// of it can come after one of another.
    StillRunning {
        /// The name of both.
        name: String,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Name(_) => f.write_str("the collector's name is invalid"),
            RegisterError::TooMany { limit } => {
                write!(f, "there are {limit} collectors, as many as there may be")
            }
            RegisterError::StillRunning { name } => still_running(f, name),
        }
    }
}

impl Error for RegisterError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            RegisterError::Name(error) => Some(error),
            _ => None,
        }
    }
}

/// Why a collector was not started.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StartError {
    /// There is no collector of this name.
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// It runs, waits to run again, or has been told to stop and has not ended yet.
    Running {
        /// Its name.
        name: String,
    },
    /// It needs an object to monitor, and has none.
    NothingMonitored {
        /// Its name.
        name: String,
    },
    /// Its thread died, and the collector with it. Register it anew.
    Lost {
        /// Its name.
        name: String,
    },
    /// The router has been dropped.
    Closed,
    /// The system refused a thread: what it said.
    Thread(std::io::ErrorKind),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Unknown { name } => unknown(f, name),
            StartError::Running { name } => write!(f, "the collector {name:?} has not ended"),
            StartError::NothingMonitored { name } => {
                write!(f, "the collector {name:?} needs an object to monitor")
            }
            StartError::Lost { name } => {
                write!(f, "the collector {name:?} was lost with its thread")
            }
            StartError::Closed => f.write_str("the router is gone"),
            StartError::Thread(kind) => {
                write!(f, "the system refused a thread for a collector: {kind}")
            }
        }
    }
}

impl Error for StartError {}

/// Why a collector is not stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StopError {
    /// There is no collector of this name.
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// It was told, and has not ended by the deadline. It publishes nothing more.
    StillRunning {
        /// Its name.
        name: String,
    },
}

impl fmt::Display for StopError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StopError::Unknown { name } => unknown(f, name),
            StopError::StillRunning { name } => still_running(f, name),
        }
    }
}

impl Error for StopError {}

/// Why the objects that a collector monitors are as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MonitorError {
    /// There is no collector of this name.
    UnknownCollector {
        /// What was asked for.
        name: String,
    },
    /// The collector monitors no objects.
    NotMonitoring {
        /// Its name.
        name: String,
    },
    /// The object's name is empty.
    Empty,
    /// The object's name is longer than 4096 bytes.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The object is monitored already.
    Present {
        /// Its name.
        object: String,
    },
    /// There are as many objects as there may be.
    TooMany {
        /// How many that is.
        limit: usize,
    },
    /// The collector cannot monitor it.
    Refused {
        /// Its name.
        object: String,
        /// What the collector says.
        reason: String,
    },
    /// The object is not monitored.
    Unknown {
        /// What was asked for.
        object: String,
    },
}

impl fmt::Display for MonitorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MonitorError::UnknownCollector { name } => unknown(f, name),
            MonitorError::NotMonitoring { name } => {
                write!(f, "the collector {name:?} monitors no objects")
            }
            MonitorError::Empty => f.write_str("the name of an object is empty"),
            MonitorError::TooLong { bytes } => write!(
                f,
                "the name of an object has {bytes} bytes, and at most 4096 are allowed"
            ),
            MonitorError::Present { object } => write!(f, "{object:?} is monitored already"),
            MonitorError::TooMany { limit } => {
                write!(f, "{limit} objects are monitored, as many as there may be")
            }
            MonitorError::Refused { object, reason } => {
                write!(f, "{object:?} cannot be monitored: {reason}")
            }
            MonitorError::Unknown { object } => write!(f, "{object:?} is not monitored"),
        }
    }
}

impl Error for MonitorError {}

fn unknown(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    write!(f, "there is no collector {name:?}")
}

fn still_running(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    write!(
        f,
        "the collector {name:?} was told to stop and has not ended"
    )
}
