//! What came late of a time that was to be discarded.

use crate::common::{Log, guarded, on_shard, topic};
use laneway::{Filter, Router, Suspend};

// Events that were published while their actor was suspended came to it.
//
// They lay in another shard's spill. The actor was resumed, took the one event that the lane had held, and was suspended and
// resumed again. That forgets the times of discarding that no event in a lane is from; the lane was empty, and what had a
// claim on it was not looked at. Then the spill came.
#[test]
fn what_another_shard_has_spilled_is_remembered_as_discarded() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(2).lane_capacity(1);
        let (router, shards) = builder.manual().unwrap();
        let [mut one, mut other]: [_; 2] = shards.try_into().unwrap();
        let (cause, effect) = (topic("CAUSE"), topic("EFFECT"));
        let log = Log::default();
        let subscription = on_shard(&router, 1, Filter::exact(effect))
            .handler(log.handler())
            .unwrap();
        let publishing = router.downgrade();
        on_shard(&router, 0, Filter::exact(cause))
            .handler(move |_| {
                let router = publishing.upgrade().unwrap();
                for number in 0..5 {
                    router.publish(effect, number).unwrap();
                }
            })
            .unwrap();
        one.poll(1).unwrap();
        other.poll(1).unwrap();

        subscription.suspend(Suspend::Discard).unwrap();
        router.publish(cause, 0).unwrap();
        assert_eq!(one.poll(1), Ok(1));
        subscription.resume().unwrap();
        // What the lane holds. The rest is in the spill.
        assert_eq!(other.poll(1), Ok(1));
        assert_eq!(router.stats().shards[0].spilled, 4);
        subscription.suspend(Suspend::Discard).unwrap();
        subscription.resume().unwrap();
        other.poll(0).unwrap();
        while one.poll(8).unwrap() + other.poll(8).unwrap() > 0
            || router.stats().shards[0].spilled > 0
        {}
        assert_eq!((log.all(), subscription.stats().discarded), (vec![], 5));

        router.publish(effect, 7).unwrap();
        other.poll(1).unwrap();
        assert_eq!(log.all(), [7]);
    });
}
