//! The sources of `laneway`, not a copy of them, compiled against loom through `sync.rs`, and their models.
//!
//! `cargo test -p laneway-loom-tests --release` runs the models; `loom-tests/mutants.sh` shows that each of them fails when
//! the code is broken in the way it is there to notice.

//!
//! Two things to know when writing one. Loom shows a thread no value from before its last yield. And it looks for
//! alternatives to the last access of an atomic only: a load just before a read-modify-write of the same word hides the
//! schedules that the latter should open. So the code under test has one such operation where it can.

#![allow(
    clippy::all,
    dead_code,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "a crate's sources without its public face"
)]

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

#[cfg(test)]
mod models;
