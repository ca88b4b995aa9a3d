//! The models. Each names the mutants it is there to catch; `mutants.sh` reads them from here.

mod closing;
mod commands;
mod counters;
mod lane;
mod mailboxes;
mod marks;
mod receiver;
mod room;
mod sleep;

use crate::actor::Actor;
use crate::error::PublishError;
use crate::event::Event;
use crate::filter::Filter;
use crate::publisher::outlet::Outlet;
use crate::publisher::{Own, Published, publish};
use crate::receiver::remote::Outbox;
use crate::router::builder::{Config, Wait};
use crate::router::hub::{Hub, Plan};
use crate::shard::mailbox::{Mailbox, Overflow};
use crate::shard::supervise::Supervision;
use crate::shard::{Care, Setup, Shard};
use crate::subscription::Record;
use crate::subscription::builder::Placement;
use crate::topic::Topic;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use std::time::Duration;

/// Runs a model in all schedules with at most this many preemptions.
fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}

fn hub(lane_capacity: usize) -> Arc<Hub<u32>> {
    Arc::new(Hub::new(Config {
        shards: 1,
        wait: Wait::Park,
        lane_capacity,
        max_subscriptions: 16,
        budget: 8,
        shutdown_timeout: Duration::ZERO,
        stall_after: Duration::MAX,
    }))
}

fn topic() -> Topic {
    Topic::new("model", "event").unwrap()
}

fn subscribe(hub: &Hub<u32>, actor: impl Actor<u32>) -> Arc<Record> {
    subscribe_to(hub, Filter::exact(topic()), actor)
}

fn subscribe_to(hub: &Hub<u32>, filter: Filter, actor: impl Actor<u32>) -> Arc<Record> {
    subscribe_with(hub, filter, actor, 8, None)
}

/// With so much room in its mailbox, or on the way to a reader on another thread.
fn subscribe_with(
    hub: &Hub<u32>,
    filter: Filter,
    actor: impl Actor<u32>,
    capacity: usize,
    outbox: Option<Outbox<u32>>,
) -> Arc<Record> {
    let plan = Plan {
        filters: vec![filter],
        name: None,
        placement: Placement::Colocate,
    };
    let mailbox = Mailbox::new(capacity, Overflow::Block);
    let setup = Setup {
        actor: Box::new(actor),
        care: Care::new(None, mailbox, Supervision::Stop, outbox),
        budget: 8,
    };
    hub.subscribe(plan, setup).unwrap()
}

/// A router's insides with one actor, just before the race: the shard has the actor and a lane, and polls it.
struct Stage<S> {
    hub: Arc<Hub<u32>>,
    shard: Shard<u32>,
    outlet: Outlet<u32>,
    /// What the actor has got so far.
    seen: S,
}

fn stage(lane_capacity: usize) -> Stage<impl Fn() -> Vec<u32>> {
    let hub = hub(lane_capacity);
    let (actor, seen) = recorder();
    subscribe(&hub, actor);
    let mut shard = Shard::new(Arc::clone(&hub), 0);
    let mut outlet = Outlet::new(&hub, lane_capacity);
    outlet.warm(&hub, topic());
    while shard.turn() {}
    Stage {
        hub,
        shard,
        outlet,
        seen,
    }
}

/// Lets the shard work until it has removed an actor that somebody ends meanwhile.
fn turn_until_freed(shard: &mut Shard<u32>, record: &Arc<Record>) {
    while Arc::strong_count(record) > 1 {
        if !shard.turn() {
            thread::yield_now();
        }
    }
}

/// Publishes on another thread. Gives the outlet back, so that its end is not part of the race.
fn offering(
    hub: &Arc<Hub<u32>>,
    mut outlet: Outlet<u32>,
    payload: u32,
) -> JoinHandle<(bool, Outlet<u32>)> {
    let hub = Arc::clone(hub);
    thread::spawn(move || (offer(&mut outlet, &hub, payload), outlet))
}

/// Publishes, and says whether it was taken.
fn offer(outlet: &mut Outlet<u32>, hub: &Hub<u32>, payload: u32) -> bool {
    outlet
        .offer(hub, topic(), &mut Some(payload), &mut Vec::new())
        .is_ok()
}

fn wait_and_publish(
    outlet: &mut Outlet<u32>,
    hub: &Hub<u32>,
    payload: u32,
) -> Result<Published, PublishError<u32>> {
    publish(Own { hub, outlet }, topic(), &mut Some(payload), true)
}

/// An actor, and what it has got so far. Loom need not see this cell: only the shard's thread and, once that is done, its
/// joiner look at it.
fn recorder() -> (impl Actor<u32>, impl Fn() -> Vec<u32>) {
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let record = Arc::clone(&seen);
    let actor = move |event: &Event<u32>| record.lock().unwrap().push(*event.payload());
    (actor, move || seen.lock().unwrap().clone())
}
