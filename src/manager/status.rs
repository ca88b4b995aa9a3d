//! How things are.

use crate::manager::spec::{DriverSpec, SubscriptionSpec};
use std::fmt;
use std::time::SystemTime;

/// Where a subscription or a driver is in its life.
///
/// # Examples
///
/// ```
/// use laneway::manager::Status;
///
/// assert_eq!(Status::Ready.to_string(), "READY");
/// assert!(Status::Deleting.is_busy() && !Status::Error.is_busy());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It is kept, and the manager has not started.
    Initialized,
    /// It is being set up.
    Creating,
    /// It works.
    Ready,
    /// It is being changed.
    Updating,
    /// It does not work: the reason is given beside. It becomes ready when the reason goes away.
    Error,
    /// It is being deleted.
    Deleting,
    /// It is deleted.
    Deleted,
}

impl Status {
    /// Whether it can be neither updated nor deleted now.
    pub fn is_busy(self) -> bool {
        matches!(self, Status::Updating | Status::Deleting)
    }
}

impl fmt::Display for Status {
    /// In Dispatch's words: `INITIALIZED`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Initialized => "INITIALIZED",
            Status::Creating => "CREATING",
            Status::Ready => "READY",
            Status::Updating => "UPDATING",
            Status::Error => "ERROR",
            Status::Deleting => "DELETING",
            Status::Deleted => "DELETED",
        })
    }
}

/// What a manager has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A function.
    Function,
    /// A subscription.
    Subscription,
    /// A driver type.
    DriverType,
    /// What runs the drivers of an in-process driver type.
    DriverKind,
    /// A driver.
    Driver,
    /// A secret.
    Secret,
    /// A sink for dead letters.
    Sink,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Function => "function",
            Kind::Subscription => "subscription",
            Kind::DriverType => "driver type",
            Kind::DriverKind => "driver kind",
            Kind::Driver => "driver",
            Kind::Secret => "secret",
            Kind::Sink => "sink",
        })
    }
}

/// What became of the events of a subscription.
///
/// At any time `received == succeeded + failed + dropped + discarded + pending`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunStats {
    /// Events that matched.
    pub received: u64,
    /// Events whose function returned.
    pub succeeded: u64,
    /// Events whose last attempt failed.
    pub failed: u64,
    /// Events for which there was no room.
    pub dropped: u64,
    /// Events that waited when the subscription was deleted or the manager closed.
    pub discarded: u64,
    /// Events that wait, run, or wait for another attempt.
    pub pending: u64,
    /// Attempts, failed ones and further ones included.
    pub runs: u64,
    /// Failed events that went where the subscription's dead letters go.
    pub dead_letters: u64,
    /// Failed events that should have gone there and could not.
    pub dead_letters_lost: u64,
    /// Result events that were not published: the chain was too long, or the router closed.
    pub results_lost: u64,
}

/// A subscription as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SubscriptionInfo {
    /// What was asked for.
    pub spec: SubscriptionSpec,
    /// Where it is in its life.
    pub status: Status,
    /// Why the status is [`Status::Error`].
    pub reason: Option<String>,
    /// Its counters.
    pub stats: RunStats,
}

/// A driver as it is now.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DriverInfo {
    /// What was asked for.
    pub spec: DriverSpec,
    /// Where it is in its life.
    pub status: Status,
    /// What went wrong last.
    pub reason: Option<String>,
    /// Events it has emitted.
    pub emitted: u64,
    /// Documents and events it brought that were refused.
    pub refused: u64,
    /// How often it has been started again.
    pub restarts: u64,
}

/// A type of event that was emitted: see [`Manager::event_types`](crate::manager::Manager::event_types).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventTypeInfo {
    /// The type.
    pub event_type: String,
    /// How often.
    pub emitted: u64,
    /// When last.
    pub last: SystemTime,
}
