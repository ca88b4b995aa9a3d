//! What a function is told beside its event.

use crate::Published;
use crate::cloudevents::CloudEvent;
use crate::manager::error::EmitError;
use crate::manager::event_manager::Inner;
use std::collections::BTreeMap;
use std::fmt;

/// What a function is told beside its event, and its way to emit others.
pub struct FunctionContext<'a> {
    pub(in crate::manager) inner: &'a Inner,
    pub(in crate::manager) subscription: &'a str,
    pub(in crate::manager) function: &'a str,
    pub(in crate::manager) attempt: u32,
    pub(in crate::manager) secrets: &'a BTreeMap<String, String>,
    /// Of what it emits.
    pub(in crate::manager) depth: u32,
}

impl FunctionContext<'_> {
    /// The subscription's name.
    pub fn subscription(&self) -> &str {
        self.subscription
    }

    /// The function's name.
    pub fn function(&self) -> &str {
        self.function
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The keys and values of the subscription's secrets. Where two secrets have a key, it is the later one's.
    pub fn secrets(&self) -> &BTreeMap<String, String> {
        self.secrets
    }

    /// Emits an event that this one caused: it knows how long the chain is, and a chain that is too long ends here.
    ///
    /// # Errors
    ///
    /// As [`Manager::emit`](crate::manager::Manager::emit).
    ///
    /// # Blocking
    ///
    /// Waits for room, as a publisher does.
    pub fn emit(&self, event: &CloudEvent) -> Result<Published, EmitError> {
        self.inner.emit_caused(event, self.depth)
    }
}

impl fmt::Debug for FunctionContext<'_> {
    /// Without the values of secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionContext")
            .field("subscription", &self.subscription)
            .field("function", &self.function)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
