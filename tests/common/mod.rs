//! What the tests of the public API share.
#![allow(
    dead_code,
    unused_imports,
    reason = "compiled into each test binary, and none uses all of it"
)]

pub(crate) mod child;
mod counting;
mod guard;
mod meeting;
mod random;
mod sums;
mod sweep;
mod tasks;
pub(crate) mod vectors;

pub(crate) use counting::{Count, Log, Tally, Tracked};
pub(crate) use guard::{FOREVER, LIMIT, guarded, wait_until, within};
pub(crate) use meeting::{Hold, Latch, SpinBarrier};
pub(crate) use random::Random;
pub(crate) use sums::assert_sums;
pub(crate) use sweep::{Setup, cpus, setups, sweep};
pub(crate) use tasks::{Alarm, block_on, poll, poll_once, run_all, yield_once};

use laneway::{
    Context, Event, Filter, Published, Router, Subscription, SubscriptionBuilder,
    SubscriptionStats, Suspend, Topic, UnsubscribeError,
};
use std::sync::{Arc, OnceLock};

/// A topic of the category "test".
pub(crate) fn topic(event_type: &str) -> Topic {
    Topic::new("test", event_type).expect("a valid name")
}

/// How often to repeat what a race may decide: as often as told where threads run side by side, and less often on a
/// single CPU, where each round takes turns of the scheduler. `LANEWAY_ROUNDS=10` makes it ten times as often.
pub(crate) fn rounds(count: usize) -> usize {
    let times = std::env::var("LANEWAY_ROUNDS").map_or(Ok(1), |times| times.parse());
    let count = count * times.unwrap_or_else(|_| panic!("LANEWAY_ROUNDS is not a number"));
    if sweep::cpus() > 1 { count } else { count / 4 }
}

/// Begins a subscription on a certain shard.
pub(crate) fn on_shard<E>(
    router: &Router<E>,
    shard: usize,
    filter: Filter,
) -> SubscriptionBuilder<'_, E>
where
    E: Clone + Send + 'static,
{
    router.subscription().filter(filter).shard(shard)
}

/// Adds several filters at once.
pub(crate) fn any_of<'a, E>(
    builder: SubscriptionBuilder<'a, E>,
    filters: &[Filter],
) -> SubscriptionBuilder<'a, E>
where
    E: Clone + Send + 'static,
{
    (filters.iter().cloned()).fold(builder, |builder, filter| builder.filter(filter))
}

/// A handler that stops in its first call until it is let go; what comes after passes.
pub(crate) fn holding<E>(hold: &Hold) -> impl FnMut(&Event<E>) + Send + 'static {
    let mut hold = Some(hold.clone());
    move |_| {
        if let Some(hold) = hold.take() {
            hold.stop_here();
        }
    }
}

/// Keeps a shard busy: its thread is in a handler from when this returns until the hold is released.
pub(crate) fn block_shard<E>(router: &Router<E>, shard: usize, payload: E) -> Hold
where
    E: Clone + Send + 'static,
{
    let hold = Hold::default();
    let wake_up = topic("BLOCK").with_resource(shard as u64);
    on_shard(router, shard, Filter::exact(wake_up))
        .handler(holding(&hold))
        .expect("a valid subscription");
    // Through a publisher of its own, so that the lanes under test stay untouched.
    let published = router.publisher().publish(wake_up, payload);
    assert!(published.is_ok(), "{published:?}");
    hold.wait_for_arrival();
    hold
}

/// Calls `body` in a handler of a shard, once, and waits until it has returned.
#[track_caller]
pub(crate) fn inside_shard<E, T>(
    router: &Router<E>,
    shard: usize,
    payload: E,
    body: impl FnOnce(&Event<E>, &mut Context<'_, E>) -> T + Send + 'static,
) -> T
where
    E: Clone + Send + 'static,
    T: Clone + Send + 'static,
{
    let inside = topic("INSIDE").with_resource(shard as u64);
    let (mut body, result) = (Some(body), Log::default());
    let results = result.clone();
    let subscription = on_shard(router, shard, Filter::exact(inside))
        .handler_ctx(move |event, ctx| {
            if let Some(body) = body.take() {
                results.push(body(event, ctx));
            }
        })
        .unwrap();
    assert!(matches!(
        router.publisher().publish(inside, payload),
        Ok(Published::Routed)
    ));
    wait_until(|| result.len() == 1 || subscription.has_ended());
    result.take().pop().expect("the body does not panic")
}

/// [`inside_shard`] 0.
#[track_caller]
pub(crate) fn inside_a_handler<E, T>(
    router: &Router<E>,
    payload: E,
    body: impl FnOnce(&Event<E>, &mut Context<'_, E>) -> T + Send + 'static,
) -> T
where
    E: Clone + Send + 'static,
    T: Clone + Send + 'static,
{
    inside_shard(router, 0, payload, body)
}

/// Actors that change each other's subscriptions, or their own, find them here.
#[derive(Clone, Default)]
pub(crate) struct Target(Arc<OnceLock<Subscription>>);

impl Target {
    pub(crate) fn set(&self, subscription: &Subscription) {
        assert!(self.0.set(subscription.clone()).is_ok());
    }

    pub(crate) fn get(&self) -> &Subscription {
        self.0.get().expect("set before it is asked for")
    }

    pub(crate) fn unsubscribe(&self) -> Result<(), UnsubscribeError> {
        self.get().unsubscribe()
    }

    pub(crate) fn suspend(&self, how: Suspend) {
        self.get().suspend(how).unwrap();
    }

    pub(crate) fn resume(&self) {
        self.get().resume().unwrap();
    }
}

/// Whether each event is accounted for (G7).
#[track_caller]
pub(crate) fn assert_adds_up(stats: SubscriptionStats) {
    let counted = stats.handled + stats.discarded + stats.dropped.total() + stats.queued;
    assert_eq!(stats.matched, counted, "{stats:?}");
}

/// Whether no event of the whole router is unaccounted for, once it is flushed: this many wait for suspended actors.
#[track_caller]
pub(crate) fn assert_all_add_up<E: Clone + Send + 'static>(router: &Router<E>, queued: u64) {
    let total = router.stats().total();
    let counted = total.handled + total.discarded + total.dropped.total() + queued;
    assert_eq!(total.matched, counted, "{total:?}");
}
