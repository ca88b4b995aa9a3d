//! What runs beside a router and is known by name: drivers that bring events, subscriptions that bring them to functions,
//! collectors, and subscribers that can be replaced.
//!
//! Three things that stand for themselves, with the feature `manager`:
//!
//! * [`Manager`] is an event manager as VMware Dispatch had one, for [`CloudEvent`](crate::cloudevents::CloudEvent)s. The rest of
//!   this page is about it.
//! * [`collectors`] are sources of events on threads of their own, started, stopped, replaced and restarted by name, as in
//!   VMware VIC.
//! * [`Subscribers`] are subscriptions under a filter and a name, where subscribing again replaces the handler.
//!
//! # A manager
//!
//! ```
//! use laneway::cloudevents::CloudEvent;
//! use laneway::manager::{Function, Manager, Retry, SubscriptionSpec};
//! use std::time::Duration;
//!
//! let manager = Manager::new()?;
//! manager.add_function("resize", Function::new(|event, ctx| {
//!     Ok(format!("{} of {}, attempt {}", event.id(), event.source(), ctx.attempt()))
//! }))?;
//! manager.start()?;
//!
//! let spec = SubscriptionSpec::new("thumbnails", "image.*", "resize").retry(Retry::attempts(3));
//! manager.create_subscription(spec)?;
//! manager.emit(CloudEvent::builder("1", "/uploads", "image.added").build()?)?;
//! assert!(manager.wait_idle(Duration::from_secs(5)));
//! assert_eq!(manager.subscription("thumbnails")?.stats.succeeded, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is where
//!
//! | what | where |
//! |---|---|
//! | the manager, its start and its end | [`Manager`], [`ManagerBuilder`], [`CloseReport`] |
//! | functions | [`Function`], [`Command`], [`FunctionContext`], [`RunError`] |
//! | subscriptions | [`SubscriptionSpec`], [`Retry`], [`DeadLetter`], [`SubscriptionInfo`], [`RunStats`] |
//! | drivers | [`DriverType`], [`DriverSpec`], [`DriverContext`], [`DriverInfo`] |
//! | emitting | [`Manager::emit`], [`Manager::emit_all`], [`Manager::emit_json`], [`Validation`] |
//! | what is wrong | [`ManagerError`], [`EmitError`], [`StoreError`], [`InvalidField`] and its [`Rule`] |
//!
//! # The way of an event
//!
//! ```text
//!  emit ──► validation ──► router ──► handler on a shard ──► queue of the subscription ──► worker: the function
//!  driver ─┘                          (a short lock)          (bounded, counted)            │
//!                        ▲                                                                  ▼
//!                        └── function.succeeded, function.failed ◄── result ── again later, or dead letter
//! ```
//!
//! Functions run on the manager's own workers, never on a thread that runs actors. What does not fit a queue is counted as
//! dropped; for each subscription `received == succeeded + failed + dropped + discarded + pending`, at any time. Attempts are at
//! least one, and more as [`Retry`] says; a process that dies loses the events that were on their way, which are nowhere but in
//! memory.
//!
//! # Results
//!
//! Each run leads to an event of the manager's source (by default `dispatch`): `function.succeeded` or `function.failed`, with the
//! subscription as its subject. Its data is a JSON object with `subscription`, `function`, `event` (`id`, `source`, `type`),
//! `attempt`, `duration_us`, `output`, `output_truncated`; of commands `exit_code`, and `stderr` if there is some; of failures
//! `error` (`kind`, `message`), `final` and `again_in_ms`.
//!
//! A subscription to `*` does not get them, as they would bring themselves about; one to `function.*`, or to one of the two by
//! name, does. Dead letters are events like any other. What a function emits by [`FunctionContext::emit`], the result of its run
//! and its dead letter carry the extension `lanewaydepth`: one more than the event they come from. Beyond
//! [`ManagerBuilder::max_depth`] they are refused, or counted as lost.
//!
//! # Updates
//!
//! [`Manager::update_subscription`] takes effect at once, holds up nobody and loses nothing: each event goes to the old
//! subscription or to the new one, as it was emitted before the update or after it. A new route of the router is subscribed before the
//! old one goes, and of the routes that match an event only the first brings it; the source of the private module `run::plan` has
//! the protocol and why it is right.
//!
//! # The store
//!
//! With [`ManagerBuilder::store`], subscriptions, driver types and drivers are kept in a file, which is replaced as a whole with
//! each change: written beside, synced, renamed, and its folder synced. A change that was acknowledged survives a crash at any
//! moment; one that was not may or may not. A file that is torn, or not this format, or of another version, is refused with the place
//! of the fault and left as it is. Functions, driver kinds, sinks and secrets belong to the program and are never written.
//!
//! # Dispatch's faults, and what is here
//!
//! | fault there | here |
//! |---|---|
//! | publishing waits for a full channel under a lock of all: one subscriber blocks everybody, unsubscribing hangs | publishing takes one short lock, to count types, and waits for no function; queues are the subscriptions' own, and what is too much for one is dropped and counted there |
//! | subscribers of a topic share one channel, so each event goes to one of them; the first to unsubscribe closes it for all | each subscription has a route and a queue of its own |
//! | contexts are ignored, closing does nothing | [`Manager::close`] drains up to a deadline, kills commands, joins threads and reports |
//! | secrets are accepted and never sent | [`FunctionContext::secrets`], and the environment of commands; without its secret a subscription is in error and a run fails |
//! | failures are lost, no retry, no dead letters | a result event for each run, [`Retry`], [`DeadLetter`], counters |
//! | updating a READY subscription does nothing | the update is the same for each status, and [`Status`] decides only who must wait |
//! | shutting down is not in the interface | [`Manager::close`], and Drop |
//! | a channel of the broker for each publish, no reconnecting, partition 0 and newest offset only | there is no broker in between |
//! | extensions are lost on the way, functions get no data | functions get the [`CloudEvent`](crate::cloudevents::CloudEvent) that was emitted, commands its JSON |
//! | events are acknowledged before the function is done, also if it fails | an event is pending until its last attempt is over |
//! | an error in an event's id is printed and not returned | a `CloudEvent` without an id cannot be made, and parsing one is an error |
//! | of a batch with a bad event, those before it stay published | all are validated before the first is published |
//! | the driver's client ignores the status of what it sent, and leaks connections | drivers call [`DriverContext::emit`], which returns a `Result`; what a command prints and is refused is counted and shows in [`DriverInfo`] |
//! | an object that is malformed loses all before it | in the output of a driver each document stands for itself; in [`Manager::emit_json`] all or nothing is the rule |
//!
//! # Limits
//!
//! * A closure cannot be stopped. One that hangs holds its worker, or its driver's thread, and is named in the [`CloseReport`].
//! * A function or driver kind that owns a handle of its manager keeps it alive: [`FunctionContext::emit`] needs none.
//! * Commands, of functions and of drivers, are run on Linux only. Their children are killed with them as long as they stay in the
//!   process group; what calls `setsid` or `setpgid` gets away. If this process is killed itself, they go on.
//!   A command that runs as another user (setuid) cannot be killed, and is waited for.
//! * At most 65536 subscriptions and functions, 1024 driver types and drivers, 1024 workers, 64 entries in lists and maps;
//!   1 MiB for an event that a driver prints, 1 GiB for a store and for a file of dead letters.
//! * On a thread that runs actors nothing waits: updating a subscription is an error there, and closing discards.

mod cancel;
pub mod collectors;
mod drive;
mod error;
mod event_manager;
mod function;
mod named;
#[cfg(target_os = "linux")]
mod process;
mod rule;
mod run;
mod spec;
mod status;
mod store;

pub use drive::DriverContext;
pub use error::{EmitError, ManagerError, StoreError};
pub use event_manager::{CloseReport, Manager, ManagerBuilder, Validation};
#[cfg(target_os = "linux")]
pub use function::Command;
pub use function::{Function, FunctionContext, FunctionError, Output, RunError};
pub use named::{NamedError, Subscriber, Subscribers};
pub use rule::{InvalidField, Rule};
pub use run::Failure;
pub use spec::{DeadLetter, DriverSpec, DriverType, Image, Retry, SubscriptionSpec};
pub use status::{DriverInfo, EventTypeInfo, Kind, RunStats, Status, SubscriptionInfo};
