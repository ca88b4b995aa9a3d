//! The models: one for each row of the matrix, each with about six threads that shuttle schedules.
//!
//! A model is a whole router with its shards as threads. What it notes about itself goes through the standard library, which
//! shuttle does not see: a run has one thread of the system, so that is in order, and opens no schedules of its own.
//!
//! # Seeds
//!
//! A seed stands for [`RUNS`] runs under one scheduler: `random` picks any thread at each step, `pct` lets the one with the
//! highest priority run and changes priorities at a few places. Where a run fails, its seed is printed, and
//! `LANEWAY_SHUTTLE_SEED=pct:7` runs nothing else. `LANEWAY_ROUNDS=10` tries ten times as many new seeds.
//!
//! # Mutants
//!
//! A model begins with the seeds under which it has caught a mutant of the sources: `shuttle-tests/mutants.sh` shows that they
//! still do, and here they must pass.

mod changes;
mod closing;
mod cycles;
mod journal;
mod policies;

use crate::event::Event;
use crate::router::Router;
use crate::router::builder::{Pinning, Wait};
use crate::shard::mailbox::Overflow;
use crate::stats::SubscriptionStats;
use crate::subscription::Subscription;
use crate::topic::Topic;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, MaxSteps, Runner};
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How many schedules come of a seed: more than one, since PCT learns from each how long the next may be.
const RUNS: usize = 50;

/// How many new seeds each scheduler tries.
const SEEDS: usize = 30;

/// PCT's number of places where a priority changes, and one.
const DEPTH: usize = 4;

/// A scheduler and its seed.
#[derive(Clone, Copy)]
struct Seed<'a>(&'a str, u64);

impl<'a> Seed<'a> {
    fn parse(text: &'a str) -> Self {
        let (scheduler, seed) = text.split_once(':').expect("<scheduler>:<number>");
        Seed(scheduler, seed.parse().expect("<scheduler>:<number>"))
    }

    fn scheduler(self) -> Box<dyn Scheduler + Send> {
        match self {
            Seed("random", seed) => Box::new(RandomScheduler::new_from_seed(seed, RUNS)),
            Seed("pct", seed) => Box::new(PctScheduler::new_from_seed(seed, DEPTH, RUNS)),
            Seed(other, _) => panic!("{other} is no scheduler: random or pct"),
        }
    }

    fn run(self, model: fn()) {
        let mut config = Config::new();
        // Unoptimized frames are large.
        config.stack_size = 256 << 10;
        config.max_steps = MaxSteps::FailAfter(200_000);
        // The seed is shorter than the schedule.
        config.failure_persistence = shuttle::FailurePersistence::None;
        config.silence_warnings = true;
        config
            .ungraceful_shutdown_config
            .immediately_return_on_panic = true;
        let _named = Named(self);
        Runner::new(self.scheduler(), config).run(model);
    }
}

/// Prints the seed of a run that fails.
struct Named<'a>(Seed<'a>);

impl Drop for Named<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Named(Seed(scheduler, seed)) = self;
            eprintln!("to see this again: LANEWAY_SHUTTLE_SEED={scheduler}:{seed}");
        }
    }
}

/// Runs a model under the seeds that once caught a mutant in it, and then under new ones.
fn check(recorded: &[(&str, &str)], model: fn()) {
    if let Ok(seed) = std::env::var("LANEWAY_SHUTTLE_SEED") {
        return Seed::parse(&seed).run(model);
    }
    for (_mutant, seed) in recorded {
        Seed::parse(seed).run(model);
    }
    let times = std::env::var("LANEWAY_ROUNDS").map_or(Ok(1), |times| times.parse::<usize>());
    let first = RandomState::new().hash_one(0) >> 16;
    for seed in first..first + (SEEDS * times.expect("LANEWAY_ROUNDS is a number")) as u64 {
        Seed("random", seed).run(model);
        Seed("pct", seed).run(model);
    }
}

/// A router whose lanes are as short as they can be.
fn router<E: Clone + Send + 'static>(shards: usize, lane_capacity: usize) -> Router<E> {
    Router::builder()
        .shards(shards)
        .lane_capacity(lane_capacity)
        .pinning(Pinning::Off)
        .wait(Wait::Park)
        // It goes by time, and shuttle knows none.
        .stall_after(Duration::MAX)
        .shutdown_timeout(Duration::MAX)
        .build()
        .unwrap()
}

fn topic(event_type: &str) -> Topic {
    Topic::new("model", event_type).unwrap()
}

/// What is noted beside the model.
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Log(Arc::clone(&self.0))
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Log(Arc::default())
    }
}

impl<T> Log<T> {
    fn push(&self, value: T) {
        self.0.lock().unwrap().push(value);
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    fn take(&self) -> Vec<T> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn join<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    let join = |thread: JoinHandle<T>| thread.join().unwrap();
    threads.into_iter().map(join).collect()
}

/// Ends the router, and says whether it ended as it should.
fn end<E: Clone + Send + 'static>(router: &Router<E>) {
    let report = router.shutdown(Duration::MAX);
    assert!(report.is_complete(), "{report:?}");
}

/// G7, once nothing moves any more.
fn assert_sums(router: &Router<u64>, all: &[Subscription]) {
    let mut matched = 0;
    for subscription in all {
        let stats = subscription.stats();
        let settled = stats.handled + stats.discarded + stats.dropped.total() + stats.queued;
        assert_eq!(stats.matched, settled, "{stats:?}");
        matched += stats.matched;
    }
    let total = router.stats().total();
    assert_eq!(total.matched, matched, "{total:?}");
}
