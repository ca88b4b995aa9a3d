//! What the tests of the public API share.
#![allow(
    dead_code,
    unused_imports,
    reason = "compiled into each test binary, and none uses all of it"
)]

mod counting;
mod guard;
mod meeting;
mod random;
mod sums;
mod sweep;
mod tasks;

pub(crate) use counting::{Count, Log, Tally, Tracked};
pub(crate) use guard::{FOREVER, LIMIT, guarded, wait_until, within};
pub(crate) use meeting::{Hold, Latch, SpinBarrier};
pub(crate) use random::Random;
pub(crate) use sums::assert_sums;
pub(crate) use sweep::{Setup, setups, sweep};
pub(crate) use tasks::{Alarm, block_on, poll, poll_once, run_all, yield_once};

use laneway::{Event, Filter, Router, SubscriptionBuilder, Topic};

/// A topic of the category "test".
pub(crate) fn topic(event_type: &str) -> Topic {
    Topic::new("test", event_type).expect("a valid name")
}

/// How often to repeat what a race may decide: as often as told where threads run side by side, and less often on a
/// single CPU, where each round takes turns of the scheduler.
pub(crate) fn rounds(count: usize) -> usize {
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
