//! Collectors as the registry lists them.

use std::time::Instant;

/// What a collector does at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Nothing: it was not started, was stopped, or came to its end by itself.
    Stopped,
    /// It collects.
    Running,
    /// It failed, and is to run again.
    Waiting {
        /// Which attempt in a row that will be, from 1.
        attempt: u32,
        /// When.
        until: Instant,
    },
    /// It was told to stop, and has not ended yet.
    Stopping,
    /// It failed and will not run again by itself: the attempts are used up, or the router has shut down.
    Failed {
        /// What it said last.
        reason: String,
    },
}

/// A collector as [`Collectors::list`](super::Collectors::list) has it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CollectorInfo {
    /// Its name.
    pub name: String,
    /// What it does.
    pub state: State,
    /// How often it began to run.
    pub runs: u64,
    /// How many of its runs ended with an error or a panic.
    pub failures: u64,
    /// How many of those were panics.
    pub panics: u64,
    /// What it said when it failed last.
    pub last_failure: Option<String>,
    /// Events that were accepted from it.
    pub published: u64,
    /// The objects it monitors, in the order of their names; none if it does not monitor objects.
    pub monitored: Option<Vec<String>>,
}

/// What stopping a collector came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It ran, or waited to run again, and its thread has ended.
    Ended,
    /// There was nothing to stop.
    Idle,
    /// It was told, and not waited for: the calling thread is its own, or runs actors.
    Told,
}

/// What [`Collectors::stop_all`](super::Collectors::stop_all) achieved by its deadline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StopReport {
    /// How many ran, and have ended.
    pub ended: usize,
    /// The names of those that were told and have not ended, in order.
    pub late: Vec<String>,
}
