//! Subscriptions at work: from the router to a function, and what comes of it.

mod entry;
mod letter;
mod outcome;
mod plan;
mod pool;
mod worker;

pub use letter::Failure;

pub(super) use entry::{Entry, end};
pub(super) use letter::Sink;
pub(super) use outcome::{DEPTH, depth, with_depth};
pub(super) use plan::Plan;
pub(super) use pool::Pool;
pub(super) use worker::work;

use crate::cloudevents::CloudEvent;
use crate::manager::spec::SubscriptionSpec;
use std::sync::Arc;

/// An event on its way to a function.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) event: CloudEvent,
    /// As the subscription was when the event came: an update does not touch what was routed before.
    pub(super) spec: Arc<SubscriptionSpec>,
    /// Failures so far.
    pub(super) failures: u32,
    /// What the last one was.
    pub(super) error: Option<super::function::RunError>,
}
