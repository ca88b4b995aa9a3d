// The sources of `laneway`, as its root has them: included by the packages that model-check them.

#[path = "../../src/actor.rs"]
mod actor;
#[path = "../../src/batch.rs"]
mod batch;
#[path = "../../src/contain.rs"]
mod contain;
#[path = "../../src/countdown.rs"]
mod countdown;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/event.rs"]
mod event;
#[path = "../../src/filter.rs"]
mod filter;
#[path = "../../src/hash.rs"]
mod hash;
#[path = "../../src/interest/mod.rs"]
mod interest;
#[path = "../../src/lane/mod.rs"]
mod lane;
#[path = "../../src/publisher/mod.rs"]
mod publisher;
#[path = "../../src/receiver/mod.rs"]
mod receiver;
#[path = "../../src/router/mod.rs"]
mod router;
#[path = "../../src/shard/mod.rs"]
mod shard;
#[path = "../../src/sleep.rs"]
mod sleep;
#[path = "../../src/stats.rs"]
mod stats;
#[path = "../../src/subscription/mod.rs"]
mod subscription;
#[path = "../../src/sync.rs"]
mod sync;
#[path = "../../src/topic/mod.rs"]
mod topic;

/// What the crate's root has for the public, and its sources' doc links use.
pub use crate::{error::*, receiver::Receiver, router::Router};
