//! What a shard says of itself: how often it slept and was woken, its calls, its high-water marks.

mod common;

use common::{block_shard, guarded, on_shard, topic, wait_until};
use laneway::{Filter, Router};
use std::thread;

#[test]
fn each_sleep_of_a_shard_ends_by_one_wake() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        wait_until(|| {
            // Time for it to fall asleep.
            (0..2000).for_each(|_| thread::yield_now());
            router.flush().unwrap();
            let shards = router.stats().shards;
            shards.iter().all(|shard| shard.wakes >= 3)
        });
        assert!(router.shutdown(common::FOREVER).is_complete());
        for shard in router.stats().shards {
            assert_eq!(shard.wakes, shard.parks);
        }
    });
}

#[test]
fn the_high_water_mark_of_a_lane_is_what_one_turn_took() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(2).lane_capacity(512);
        let router = builder.build().unwrap();
        let topic = topic("DEPTH");
        on_shard(&router, 1, Filter::exact(topic))
            .handler(|_| ())
            .unwrap();
        let mut publisher = router.publisher();
        // A turn takes all that a lane can hold.
        for (count, highest) in [(10, 10), (3, 10), (100, 100), (300, 300)] {
            let hold = block_shard(&router, 1, 0);
            for number in 0..count {
                publisher.publish(topic, number).unwrap();
            }
            hold.release();
            router.flush().unwrap();
            let stats = router.stats();
            assert_eq!(stats.shards[1].depth_high, highest, "after {count}");
            assert_eq!(stats.shards[0].depth_high, 0);
            assert_eq!(stats.total().depth_high, highest);
        }
    });
}

#[test]
fn the_high_water_mark_of_the_spill_stays() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(3).lane_capacity(16);
        let router = builder.build().unwrap();
        let (question, answer) = (topic("QUESTION"), topic("ANSWER"));
        for shard in [0, 1] {
            on_shard(
                &router,
                shard,
                Filter::exact(question.with_resource(shard as u64)),
            )
            .handler_ctx(move |event, ctx| {
                for number in 0..*event.payload() {
                    ctx.publish(answer, number).unwrap();
                }
            })
            .unwrap();
        }
        on_shard(&router, 2, Filter::exact(answer))
            .handler(|_| ())
            .unwrap();
        // What each shard's actors publish, and what of it does not fit the shard's lane.
        for (counts, highest) in [([36, 10], [20, 0]), ([20, 46], [20, 30])] {
            let hold = block_shard(&router, 2, 0);
            for (shard, count) in counts.into_iter().enumerate() {
                let question = question.with_resource(shard as u64);
                router.publish(question, count).unwrap();
                let waiting = (count as usize).saturating_sub(16);
                wait_until(|| router.stats().shards[shard].spilled == waiting);
            }
            hold.release();
            router.flush().unwrap();
            let (shards, total) = (router.stats().shards, router.stats().total());
            assert_eq!(
                [0, 1].map(|shard: usize| shards[shard].spilled_high),
                highest
            );
            assert_eq!(total.spilled_high, highest.into_iter().max().unwrap());
            assert_eq!(total.spilled, 0);
        }
    });
}

#[test]
fn batches_are_runs_times_actors() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let (topic, other) = (topic("BATCHES"), topic("OTHER"));
        for shard in [0, 0, 0, 1] {
            on_shard(&router, shard, Filter::exact(topic))
                .handler(|_| ())
                .unwrap();
        }
        on_shard(&router, 0, Filter::exact(other.with_resource(1)))
            .handler(|_| ())
            .unwrap();
        let mut publisher = router.publisher();
        for number in 0..100 {
            publisher.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        let shards = router.stats().shards;
        assert_eq!(shards[0].batches, 3 * shards[0].runs);
        assert_eq!(shards[1].batches, shards[1].runs);
        let before = shards[0].batches;
        publisher.publish(other.with_resource(2), 0).unwrap();
        publisher.publish(other.with_resource(1), 0).unwrap();
        router.flush().unwrap();
        assert_eq!(router.stats().shards[0].batches, before + 1);
        let total = router.stats().total();
        assert_eq!(total.batches, before + 1 + shards[1].batches);
    });
}
