//! What an actor that was halted in the middle of a batch left to others.

use crate::common::{Log, guarded, on_shard, topic};
use laneway::{Actor, Batch, Context, Event, Filter, OnPanic, Router, Subscription, Suspend};
use std::sync::{Arc, OnceLock};

/// Takes one event of its first batch, suspends itself, finds that the batch is over, and panics.
struct Halting(Arc<OnceLock<Subscription>>);

impl Actor<u64> for Halting {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {}

    fn handle_batch(&mut self, mut batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        assert!(batch.next().is_some());
        self.0.get().unwrap().suspend(Suspend::Queue).unwrap();
        assert!(batch.next().is_none());
        panic!("asked for");
    }
}

/// Takes one event of each batch and leaves the rest.
struct Choosy(Log<u64>);

impl Actor<u64> for Choosy {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {}

    fn handle_batch(&mut self, mut batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        self.0.push(*batch.next().unwrap().payload());
    }
}

// What the next actor of the same run left of its batch came to it again.
//
// The first actor of a run is suspended in its call, sees its batch end early, and panics. That the batch had ended early
// stayed noted. The second actor takes one event and leaves the others; the shard takes that for a batch that ended early
// as well, and queues the rest for it.
#[test]
fn a_halted_actor_that_panics_says_nothing_of_the_next_one() {
    guarded(|| {
        let (router, mut shards) = Router::<u64>::builder().shards(1).manual().unwrap();
        let topic = topic("HALTING");
        let own = Arc::new(OnceLock::new());
        let first = on_shard(&router, 0, Filter::exact(topic))
            .on_panic(OnPanic::Resume)
            .actor(Halting(Arc::clone(&own)))
            .unwrap();
        own.set(first.clone()).unwrap();
        let log = Log::default();
        let second = on_shard(&router, 0, Filter::exact(topic))
            .actor(Choosy(log.clone()))
            .unwrap();
        for number in 0..8 {
            router.publish(topic, number).unwrap();
        }
        while shards[0].poll(64).unwrap() > 0 {}
        assert_eq!(log.all(), [0]);
        let stats = second.stats();
        assert_eq!((stats.handled, stats.discarded, stats.queued), (1, 7, 0));
        assert_eq!((first.stats().handled, first.stats().queued), (1, 7));
    });
}
