//! What an in-process driver is given.

use crate::Published;
use crate::cloudevents::CloudEvent;
use crate::manager::cancel::Cancel;
use crate::manager::drive::DriverEntry;
use crate::manager::error::EmitError;
use crate::manager::event_manager::Inner;
use crate::manager::spec::DriverSpec;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// What an in-process driver is given: its options, its secrets, and a way to emit events.
///
/// It ends when [`is_stopping`](Self::is_stopping) or [`wait`](Self::wait) says so. One that does not is named in the report
/// when the manager closes.
pub struct DriverContext<'a> {
    pub(super) inner: &'a Inner,
    pub(super) entry: &'a DriverEntry,
    pub(super) spec: &'a DriverSpec,
    pub(super) secrets: &'a BTreeMap<String, String>,
    pub(super) cancel: &'a Cancel,
}

impl DriverContext<'_> {
    /// The driver's name.
    pub fn name(&self) -> &str {
        self.spec.name()
    }

    /// The driver's options.
    pub fn options(&self) -> &BTreeMap<String, String> {
        self.spec.options()
    }

    /// The keys and values of the driver's secrets.
    pub fn secrets(&self) -> &BTreeMap<String, String> {
        self.secrets
    }

    /// Emits an event.
    ///
    /// # Errors
    ///
    /// As [`Manager::emit`](crate::manager::Manager::emit). The event is counted as refused then.
    ///
    /// # Blocking
    ///
    /// Waits for room, as a publisher does.
    pub fn emit(&self, event: CloudEvent) -> Result<Published, EmitError> {
        let emitted = self.inner.emit(event);
        match &emitted {
            Ok(_) => self.entry.count(1, 0),
            Err(error) => {
                self.entry.count(0, 1);
                self.entry.complain(error.to_string());
            }
        }
        emitted
    }

    /// Emits all events, or none if one breaks a rule.
    #[cfg(target_os = "linux")]
    pub(super) fn emit_all(&self, events: Vec<CloudEvent>) {
        let count = events.len() as u64;
        match self.inner.emit_all(events) {
            Ok(_) => self.entry.count(count, 0),
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Counts what it brought and nobody can use.
    #[cfg(target_os = "linux")]
    pub(super) fn refuse(&self, reason: String) {
        self.entry.count(0, 1);
        self.entry.complain(reason);
    }

    #[cfg(target_os = "linux")]
    pub(super) fn ready(&self) {
        self.entry.ready();
    }

    /// Whether the driver is to end.
    pub fn is_stopping(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Waits so long; false if the driver is to end.
    pub fn wait(&self, time: Duration) -> bool {
        self.cancel.wait(time)
    }
}

impl fmt::Debug for DriverContext<'_> {
    /// Without the values of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverContext")
            .field("spec", self.spec)
            .finish_non_exhaustive()
    }
}
