//! What do a million subscriptions take, in time and in memory?

use crate::rounds::{Effort, Figure, Workload};
use crate::stage::{self, Usual};
use crate::systems;
use arc_swap::ArcSwap;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;
use laneway::{Filter, Router, RouterBuilder, Wait};
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

/// The argument with which this program, in a process of its own, prints what [`bytes_each`] says.
pub(crate) const CHILD: &str = "subscription-bytes";

const FULL: u64 = 1_000_000;
const QUICK: u64 = 200_000;

const BYTES: &str = "subscribe-1m-bytes";
const MOST_BYTES: f64 = 400.0;

pub(crate) fn subscribe() -> Workload {
    Workload::new("subscribe-1m", 1)
        .heavy("laneway", |effort| {
            vec![Figure::ns("subscribe-1m", laneway(count(effort)))]
        })
        .heavy("laneway", |effort| {
            vec![Figure::bytes(BYTES, bytes_in_child(count(effort)))]
        })
        .heavy("imbl insert", |effort| {
            vec![Figure::ns("subscribe-1m", imbl_insert(count(effort)))]
        })
        .heavy("limit", |_| vec![Figure::bytes(BYTES, MOST_BYTES)])
}

/// Said below the figures of a quick run.
pub(crate) fn quick_note() -> String {
    format!("quick: subscribe-1m and {BYTES} stand for {QUICK} subscriptions, not {FULL}")
}

fn count(effort: Effort) -> u64 {
    if effort.quick { QUICK } else { FULL }
}

fn builder() -> RouterBuilder<Usual> {
    systems::laneway::builder()
        .wait(Wait::Park)
        .max_subscriptions(FULL as usize + 1)
}

/// One class, and a resource for each.
fn subscribe_all(router: &Router<Usual>, count: u64) {
    let topic = stage::topic();
    for resource in 0..count {
        let filter = Filter::exact(topic.with_resource(resource));
        router.subscribe(filter, |_| ()).expect("room");
    }
    // What the shard does with them counts as well.
    router.flush().expect("not an actor thread");
}

/// In nanoseconds each.
fn laneway(count: u64) -> f64 {
    let router = builder().build().expect("a router");
    let start = Instant::now();
    subscribe_all(&router, count);
    let took = start.elapsed();
    assert_eq!(router.stats().subscriptions as u64, count);
    let last = stage::topic().with_resource(count - 1);
    router.publish(last, [1; 3]).expect("open");
    router.flush().expect("not an actor thread");
    assert_eq!(router.stats().total().handled, 1, "exactly the last");
    took.as_nanos() as f64 / count as f64
}

type Map = GenericHashMap<u128, u64, ahash::RandomState, DefaultSharedPtr>;

/// A map that others could read at any time.
fn imbl_insert(count: u64) -> f64 {
    let shared = ArcSwap::from_pointee(Map::with_hasher(ahash::RandomState::new()));
    let start = Instant::now();
    for resource in 0..count {
        let mut next = Map::clone(&shared.load_full());
        next.insert(u128::from(black_box(resource)), resource);
        shared.store(next.into());
    }
    let took = start.elapsed();
    let map = shared.load_full();
    assert_eq!(map.len() as u64, count);
    assert_eq!(map.get(&u128::from(count - 1)), Some(&(count - 1)));
    took.as_nanos() as f64 / count as f64
}

/// The growth of the resident set of a process that has done nothing else.
fn bytes_in_child(count: u64) -> f64 {
    let this = std::env::current_exe().expect("the program has a path");
    let child = Command::new(this)
        .arg(format!("--{CHILD}"))
        .arg(count.to_string())
        .output()
        .expect("the child runs");
    assert!(child.status.success(), "{child:?}");
    let text = String::from_utf8_lossy(&child.stdout);
    text.trim().parse().expect("a number")
}

/// What a subscription takes beside its actor, which has no size here.
pub(crate) fn bytes_each(count: u64) -> f64 {
    stage::take_places();
    let router = builder().build().expect("a router");
    // Threads, their stacks, the first tables.
    router.publisher().warm(stage::topic());
    router.flush().expect("not an actor thread");
    let before = resident_bytes();
    subscribe_all(&router, count);
    let growth = resident_bytes() - before;
    assert_eq!(router.stats().subscriptions as u64, count);
    growth as f64 / count as f64
}

fn resident_bytes() -> usize {
    let sizes = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = sizes.split(' ').nth(1).and_then(|field| field.parse().ok());
    let pages: usize = pages.expect("the second field is the resident set");
    pages * rustix::param::page_size()
}
