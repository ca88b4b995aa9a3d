//! Three collectors under one registry: the telemetry example's sampler, a directory watcher, and one that keeps failing.
//!
//! ```text
//! cargo run --release --features manager-watch --example collectors
//! ```
//!
//! This file is the whole use of the registry, from top to bottom; it takes about two seconds. Beside it:
//!
//! * `sampling.rs`: the sampler of the telemetry example as a collector
//! * `flaky.rs`: a collector that fails
//! * `cache.rs`: what a directory holds, kept up to date by events
//! * `report.rs`: what is printed

mod cache;
mod flaky;
mod report;
mod sampling;
#[path = "../telemetry"]
#[allow(dead_code, reason = "the telemetry example uses all of it")]
mod telemetry {
    pub(crate) mod reading;
    pub(crate) mod sampler;
}

use crate::cache::Cache;
use crate::flaky::Flaky;
use crate::sampling::Sampling;
// Where the sampler looks for what it uses.
use crate::telemetry::{reading, sampler};
use laneway::manager::Subscribers;
use laneway::manager::collectors::{Change, Collectors, DirectoryWatcher, Restarts, State};
use laneway::{Filter, Router, Suspend};
use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// All that is published on this router.
#[derive(Clone, Debug)]
enum Payload {
    Reading(reading::Reading),
    Change(Change),
}

impl From<Change> for Payload {
    fn from(change: Change) -> Self {
        Payload::Change(change)
    }
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let directory = Directory::new()?;
    let router = Router::<Payload>::new();

    // Each has a publisher and a thread of its own, once it is started. Registering alone starts nothing.
    let restarts = Restarts::default()
        .limit(3)
        .base(Duration::from_millis(200));
    let collectors = Collectors::new(&router).restarts(restarts);
    collectors.register(Sampling::every(Duration::from_millis(100)))?;
    collectors.register(DirectoryWatcher::new("uploads"))?;
    collectors.register(Flaky::new())?;
    report::section("registered", &collectors.list());

    // A watcher needs something to watch.
    if let Err(error) = collectors.start("uploads") {
        println!("\nnot started: {error}");
    }
    collectors.monitor("uploads", directory.text()?)?;
    for name in ["sampler", "uploads", "flaky"] {
        collectors.start(name)?;
    }

    // Subscriptions by filter and name.
    let subscribers = Subscribers::new(&router);
    let readings = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&readings);
    let of_readings = Filter::any().category(reading::TELEMETRY);
    let counter = subscribers.subscribe(of_readings.clone(), "counter", move |_| {
        count.fetch_add(1, Ordering::Relaxed);
    })?;

    // A cache of what is in the directory: changes are held while it is filled, then come on top of that. One that was read
    // already and comes again as a change does no harm; one that is missed would. Watching begins a moment after the start: the
    // first change is a gap, at which the cache reads the directory again.
    let cache = Cache::of(&directory.0);
    let changes = Filter::any().category(Change::CATEGORY);
    let exec = subscribers.subscribe(changes, "exec", cache.handler())?;
    exec.suspend(Suspend::Queue)?;
    fs::write(directory.0.join("first"), "before the cache is filled")?;
    cache.fill()?;
    fs::write(directory.0.join("second"), "while it is held")?;
    exec.resume()?;
    fs::rename(directory.0.join("first"), directory.0.join("third"))?;
    wait_until("the cache is up to date", || {
        cache.names() == ["second", "third"]
    })?;
    println!(
        "\nthe cache after suspend, sync, resume: {:?}",
        cache.names()
    );

    // The same filter and name: another handler in the place of the first, between two events.
    wait_until("there are readings", || {
        readings.load(Ordering::Relaxed) > 0
    })?;
    let kinds = report::Kinds::default();
    let same = subscribers.subscribe(of_readings, "counter", kinds.handler())?;
    assert_eq!(counter.id(), same.id());
    let first = readings.load(Ordering::Relaxed);

    // Two runs of the one that fails have ended by now, or will soon; the waits between them grow.
    wait_until("one waits for its third attempt, or is past it", || {
        let flaky = collectors.get("flaky");
        flaky.is_some_and(|flaky| {
            matches!(
                flaky.state,
                State::Waiting { attempt: 3.., .. } | State::Failed { .. }
            )
        })
    })?;
    report::section("while one waits to run again", &collectors.list());
    wait_until("one has failed for good", || {
        let flaky = collectors.get("flaky");
        flaky.is_some_and(|flaky| matches!(flaky.state, State::Failed { .. }))
    })?;

    // The order of the end: sources first, then what they feed.
    let stopped = collectors.stop_all(Duration::from_secs(5));
    router.flush()?;
    report::section("at the end", &collectors.list());
    println!(
        "\n{} collectors were stopped, and are late: {:?}",
        stopped.ended, stopped.late
    );
    let sampled = collectors
        .get("sampler")
        .map_or(0, |sampler| sampler.published);
    println!("{sampled} readings: {first} for the first handler, then {kinds}");
    let handled = first + kinds.total();
    let stats = same.stats();
    if (handled, stats.matched) != (stats.handled, stats.handled) {
        return Err(format!("{handled} readings were counted of {stats:?}").into());
    }
    Ok(())
}

/// Waits for what other threads bring about.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > Duration::from_secs(10) {
            return Err(format!("waited in vain: {what}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// A directory of our own, for as long as the program runs.
struct Directory(PathBuf);

impl Directory {
    fn new() -> std::io::Result<Self> {
        let name = format!("laneway-collectors-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path)?;
        Ok(Directory(path))
    }

    fn text(&self) -> Result<&str, Box<dyn Error>> {
        Ok(self.0.to_str().ok_or("a path that is not UTF-8")?)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            report::complain(&format!("{} stays: {error}", self.0.display()));
        }
    }
}
