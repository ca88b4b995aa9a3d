//! Bugs that were found and mended, each with a test that fails where it is back, and above it what went wrong.
//!
//! Those that need a subscriber to traces for the whole process are in `regressions_tracing.rs`.

#[path = "../common/mod.rs"]
mod common;
mod discarding;
mod ending;
mod halting;
mod memory;
mod nesting;
mod predicates;
mod routing;
mod waiting;
mod watched;

use common::{
    Count, Hold, LIMIT, Latch, Log, Random, SpinBarrier, block_shard, guarded, on_shard, rounds,
    topic,
};
use laneway::{
    Actor, Context, Event, Filter, FlushError, PublishBatchError, PublishError, Published, Router,
    StopReason, Subscription, Topic, UnsubscribeError,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use watched::{MANY_ROUNDS, Preemption, SLACK, allocations, bytes_kept};

fn router_with<E: Clone + Send + 'static>(shards: usize) -> Router<E> {
    Router::builder().shards(shards).build().unwrap()
}

/// What an actor went through.
#[derive(Clone, Default)]
struct Life {
    started: Count,
    stopped: Log<StopReason>,
    dropped: Count,
}

impl Life {
    fn numbers(&self) -> (usize, Vec<StopReason>, usize) {
        (self.started.get(), self.stopped.all(), self.dropped.get())
    }
}

/// Notes what it goes through.
struct Witness(Life);

impl<E: Send + 'static> Actor<E> for Witness {
    fn handle(&mut self, _: &Event<E>, _: &mut Context<'_, E>) {}

    fn started(&mut self, _: &mut Context<'_, E>) {
        self.0.started.add();
    }

    fn stopped(&mut self, reason: StopReason) {
        self.0.stopped.push(reason);
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.dropped.add();
    }
}
