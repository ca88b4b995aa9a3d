//! What can go wrong, one enum for each kind of operation.

use crate::cloudevents::{AttributeError, CloudEvent, ParseError};
use crate::manager::rule::InvalidField;
use crate::manager::status::{Kind, Status};
use crate::{BuildError, FlushError, SubscribeError};
use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a manager did not do what it was asked to. Nothing was changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ManagerError {
    /// A field breaks a rule.
    Invalid(InvalidField),
    /// There is none of this name.
    NotFound {
        /// What was looked for.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// There is one of this name.
    AlreadyExists {
        /// What was to be made.
        kind: Kind,
        /// Its name.
        name: String,
    },
    /// It is being changed or deleted.
    Busy {
        /// What was to be changed.
        kind: Kind,
        /// Its name.
        name: String,
        /// What is going on.
        status: Status,
    },
    /// Something else needs it.
    InUse {
        /// What was to be deleted.
        kind: Kind,
        /// Its name.
        name: String,
        /// The name of the first that needs it.
        by: String,
    },
    /// There are as many as there may be.
    TooMany {
        /// Of what.
        kind: Kind,
        /// How many that is.
        limit: usize,
    },
    /// Its filters of the past overlap too much: see [`update_subscription`](crate::manager::Manager::update_subscription).
    TooManyRoutes,
    /// The store did not take the change.
    Store(StoreError),
    /// The router did not take the subscription.
    Subscribe(SubscribeError),
    /// What was published before was not handled in time, or this thread cannot wait for it.
    Flush(FlushError),
    /// The router could not be built.
    Build(BuildError),
    /// The system refused a thread or a pipe.
    System(io::Error),
    /// The manager is closing.
    Closed,
}

impl fmt::Display for ManagerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ManagerError::Invalid(error) => error.fmt(f),
            ManagerError::NotFound { kind, name } => write!(f, "there is no {kind} `{name}`"),
            ManagerError::AlreadyExists { kind, name } => {
                write!(f, "there is a {kind} `{name}` already")
            }
            ManagerError::Busy { kind, name, status } => {
                write!(f, "the {kind} `{name}` is {status}")
            }
            ManagerError::InUse { kind, name, by } => {
                write!(f, "the {kind} `{name}` is in use by `{by}`")
            }
            ManagerError::TooMany { kind, limit } => {
                write!(
                    f,
                    "there are {limit} of the kind {kind}, as many as there may be"
                )
            }
            ManagerError::TooManyRoutes => {
                f.write_str("the filters it had overlap too much: delete it and create it again")
            }
            ManagerError::Store(_) => f.write_str("the store did not take the change"),
            ManagerError::Subscribe(_) => f.write_str("the router did not take the subscription"),
            ManagerError::Flush(_) => f.write_str("earlier events could not be waited for"),
            ManagerError::Build(_) => f.write_str("the router could not be built"),
            ManagerError::System(_) => f.write_str("the system refused what a manager needs"),
            ManagerError::Closed => f.write_str("the manager is closing"),
        }
    }
}

impl Error for ManagerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            ManagerError::Invalid(error) => error.source(),
            ManagerError::Store(error) => Some(error),
            ManagerError::Subscribe(error) => Some(error),
            ManagerError::Flush(error) => Some(error),
            ManagerError::Build(error) => Some(error),
            ManagerError::System(error) => Some(error),
            _ => None,
        }
    }
}

/// `From` for the errors that are carried along.
macro_rules! from {
    ($($error:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$error> for ManagerError {
            fn from(error: $error) -> Self {
                ManagerError::$variant(error)
            }
        }
    )+};
}

from! {
    InvalidField => Invalid,
    StoreError => Store,
    SubscribeError => Subscribe,
    FlushError => Flush,
    BuildError => Build,
    io::Error => System,
}

/// Why events were not emitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// The document is not JSON, or not events. None of it was emitted.
    Parse(ParseError),
    /// The document has no events.
    NoEvents,
    /// An event breaks a rule. None of its batch was emitted.
    Invalid {
        /// The event's id.
        id: String,
        /// Its place in the batch, from 0.
        index: usize,
        /// What is wrong.
        error: AttributeError,
    },
    /// An event was caused by too many others, one by the other. None of its batch was emitted.
    TooDeep {
        /// The event's id.
        id: String,
        /// How many there may be.
        limit: u32,
    },
    /// There is no room, and this thread runs actors, so it does not wait.
    Full {
        /// The events that were not published; those before them in the batch were.
        unsent: Vec<CloudEvent>,
    },
    /// The manager has not started, is closing, or its router is.
    Closed {
        /// The events that were not published; those before them in the batch were.
        unsent: Vec<CloudEvent>,
    },
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EmitError::Parse(error) => write!(f, "error parsing input: {error}"),
            EmitError::NoEvents => f.write_str("no events parsed"),
            EmitError::Invalid { id, error, .. } => {
                write!(f, "error validating event with id {id}: {error}")
            }
            EmitError::TooDeep { id, limit } => write!(
                f,
                "event with id {id} comes from a chain of more than {limit} events"
            ),
            EmitError::Full { unsent } => write!(f, "no room for {} events", unsent.len()),
            EmitError::Closed { unsent } => {
                write!(f, "the manager takes no events: {} not sent", unsent.len())
            }
        }
    }
}

impl Error for EmitError {}

/// Why a store cannot be opened, or a change not be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another manager has it open, in this process or another one.
    Locked(PathBuf),
    /// It is not what a store should be, and is left as it is.
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in bytes, from 1.
        column: usize,
        /// What is wrong there.
        reason: String,
    },
    /// It is of a version of the format that is not known, and is left as it is.
    Version {
        /// The file.
        path: PathBuf,
        /// The version it says.
        found: u64,
    },
    /// It is larger than a store may be.
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many bytes there may be.
        limit: u64,
    },
    /// The system said no.
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Locked(path) => {
                write!(f, "{} is open in another manager", path.display())
            }
            StoreError::Corrupt {
                path,
                line,
                column,
                reason,
            } => write!(
                f,
                "{} is corrupt at line {line}, column {column}: {reason}",
                path.display()
            ),
            StoreError::Version { path, found } => {
                write!(f, "{} has the unknown version {found}", path.display())
            }
            StoreError::TooLarge { path, limit } => {
                write!(f, "{} is larger than {limit} bytes", path.display())
            }
            StoreError::Io { action, path, .. } => write!(f, "cannot {action} {}", path.display()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            StoreError::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}
