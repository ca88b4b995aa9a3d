//! Mailboxes of actors on shards: what waits in them, in which order it leaves, and what happens when they are full.

mod batches;
mod block;
#[path = "../common/mod.rs"]
mod common;
mod model;
mod policies;
mod storage;
mod waiting;

use common::{FOREVER, Log};
use laneway::{
    Actor, Context, Event, Filter, Overflow, Pinning, Router, RouterBuilder, StopReason,
    Subscription, SubscriptionBuilder, Suspend,
};

/// Those that drop something.
const DROPPING: [Overflow; 3] = [
    Overflow::DropNewest,
    Overflow::DropOldest,
    Overflow::KeepLatest,
];

/// What an actor is called with.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Event(u64),
    Lagged(u64),
    Stopped(StopReason),
}

/// Notes its calls.
struct Witness(Log<Seen>);

impl Actor<u64> for Witness {
    fn handle(&mut self, event: &Event<u64>, _: &mut Context<'_, u64>) {
        self.0.push(Seen::Event(*event.payload()));
    }

    fn lagged(&mut self, missed: u64, _: &mut Context<'_, u64>) {
        self.0.push(Seen::Lagged(missed));
    }

    fn stopped(&mut self, reason: StopReason) {
        self.0.push(Seen::Stopped(reason));
    }
}

fn setup<E: Clone + Send + 'static>() -> RouterBuilder<E> {
    Router::builder()
        .shards(1)
        .pinning(Pinning::Off)
        .shutdown_timeout(FOREVER)
}

/// A router with one shard.
fn router<E: Clone + Send + 'static>() -> Router<E> {
    setup().build().unwrap()
}

/// Begins a subscription with a certain mailbox.
fn with_mailbox<E: Clone + Send + 'static>(
    router: &Router<E>,
    filter: Filter,
    capacity: usize,
    overflow: Overflow,
) -> SubscriptionBuilder<'_, E> {
    (router.subscription().filter(filter)).mailbox(capacity, overflow)
}

fn witness(builder: SubscriptionBuilder<'_, u64>) -> (Subscription, Log<Seen>) {
    let log = Log::default();
    let subscription = builder.actor(Witness(log.clone())).unwrap();
    (subscription, log)
}

/// One whose actor is suspended, so that all that comes waits.
fn suspended_witness(builder: SubscriptionBuilder<'_, u64>) -> (Subscription, Log<Seen>) {
    let (subscription, log) = witness(builder);
    subscription.suspend(Suspend::Queue).unwrap();
    (subscription, log)
}

fn events(numbers: impl IntoIterator<Item = u64>) -> Vec<Seen> {
    numbers.into_iter().map(Seen::Event).collect()
}

/// Events behind a gap, if there is one.
fn behind(missed: u64, numbers: impl IntoIterator<Item = u64>) -> Vec<Seen> {
    let gap = (missed > 0).then_some(Seen::Lagged(missed));
    gap.into_iter().chain(events(numbers)).collect()
}

fn queued(subscription: &Subscription) -> u64 {
    subscription.stats().queued
}

fn handled(subscription: &Subscription) -> u64 {
    subscription.stats().handled
}
