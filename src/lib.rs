//! A lock-free, high-throughput actor event router that lives inside a process.
//!
//! Publishers address events by category, type, source, resource type and resource id. Subscribers are actors with filters
//! over those five fields. The router finds who wants an event without a lock, and hands it to the actors on pinned worker
//! threads, its shards.
#![doc = concat!("\n```\n", include_str!("../examples/quickstart.rs"), "```\n")]
//! # The map of the house
//!
//! | what | where |
//! |---|---|
//! | what events are addressed by | [`Topic`], [`ResourceId`], [`Filter`], [`Event`] |
//! | setting up and shutting down | [`Router`], [`RouterBuilder`], [`WeakRouter`], [`ShutdownReport`] |
//! | driving the shards oneself | [`RouterBuilder::manual`], [`Shard`] |
//! | publishing | [`Publisher`], [`Router::publish`], [`Router::publish_async`], [`Context::publish`] |
//! | subscribing | [`Router::subscribe`], [`SubscriptionBuilder`], [`Subscription`] |
//! | being called, or taking events instead | [`Actor`], [`Batch`], [`Context`]; [`Receiver`] |
//! | event formats; sinks; collectors and functions | `cloudevents`, `lifecycle`, `cloudstack`, `sink`, `manager`: features of these names |
//! | looking inside | [`Stats`], [`SubscriptionInfo`], [`Explanation`] |
//!
//! # The guide
//!
//! In reading order: [`docs::start`], [`docs::concepts`], [`docs::guarantees`], [`docs::recipes`] (a slow subscriber, an async
//! service, many short-lived publishers, an engine loop), and [`docs::limits`], worth reading before the first use in earnest.
#![doc(test(attr(deny(warnings))))]

mod actor;
mod backoff;
mod batch;
mod calendar;
#[cfg(feature = "cloudevents")]
pub mod cloudevents;
#[cfg(feature = "cloudstack")]
pub mod cloudstack;
mod contain;
mod countdown;
pub mod docs;
mod error;
mod event;
mod filter;
mod hash;
mod interest;
mod lane;
#[cfg(feature = "lifecycle")]
pub mod lifecycle;
#[cfg(feature = "manager")]
pub mod manager;
mod publisher;
mod receiver;
mod router;
mod shard;
#[cfg(feature = "sink")]
pub mod sink;
mod sleep;
mod stats;
mod subscription;
mod sync;
mod topic;

pub use crate::actor::{Actor, Context, StopReason};
pub use crate::batch::Batch;
pub use crate::error::*;
pub use crate::event::Event;
pub use crate::filter::Filter;
pub use crate::publisher::publish_async::PublishAsync;
pub use crate::publisher::{BatchPublished, Published, Publisher};
pub use crate::receiver::{Receiver, ReceiverIntoIter, ReceiverIter, RecvAsync};
pub use crate::router::builder::{Pinning, RouterBuilder, Wait};
pub use crate::router::{Router, ShutdownReport, WeakRouter};
pub use crate::shard::mailbox::Overflow;
pub use crate::shard::manual::Shard;
pub use crate::shard::supervise::OnPanic;
pub use crate::stats::{Dropped, ShardStats, Stats, SubscriptionStats};
pub use crate::subscription::builder::{Placement, SubscriptionBuilder};
pub use crate::subscription::{
    Explanation, Subscription, SubscriptionGuard, SubscriptionId, SubscriptionInfo, Suspend,
};
pub use crate::topic::registry::{RegistryStats, registry_stats};
pub use crate::topic::resource::ResourceId;
pub use crate::topic::{Topic, TopicBuilder};
