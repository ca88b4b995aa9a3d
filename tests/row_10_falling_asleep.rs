//! Row 10: publishing against falling asleep, one message at a time, so that the shard is about to sleep at each.

mod common;

use common::{Count, Random, child, guarded, on_shard, rounds, topic, wait_until};
use laneway::{Filter, Published, Router, Wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// A shard tries for about so many yields before it sleeps.
const PATIENCE: usize = 320;

fn single_messages() {
    let mut random = Random::new();
    let router = Router::builder()
        .shards(1)
        .wait(Wait::Park)
        .build()
        .unwrap();
    let (topic, count) = (topic("PING"), Count::default());
    on_shard(&router, 0, Filter::exact(topic))
        .handler(count.handler())
        .unwrap();
    let mut publisher = router.publisher();
    for message in 1..=rounds(30_000) {
        let published = match message % 2 {
            0 => publisher.publish(topic, message),
            _ => router.publish(topic, message),
        };
        assert_eq!(published, Ok(Published::Routed));
        // Nobody else wakes the shard.
        wait_until(|| count.get() == message);
        // Mostly at once; else somewhere on its way to sleep.
        if random.below(8) == 0 {
            (0..random.below(2 * PATIENCE)).for_each(|_| thread::yield_now());
        }
    }
    let total = router.stats().total();
    assert!(total.parks > 0, "it slept");
    assert_eq!(total.handled as usize, rounds(30_000));
    common::assert_all_add_up(&router, 0);
}

fn ping_pong() {
    for lane_capacity in [1, 256] {
        let builder = Router::builder().shards(2).lane_capacity(lane_capacity);
        let router = builder.wait(Wait::Park).build().unwrap();
        let left = Arc::new(AtomicU64::new(rounds(30_000) as u64));
        for shard in 0..2 {
            let [here, there] = [shard, 1 - shard].map(|to| topic("BALL").with_resource(to as u64));
            let left = Arc::clone(&left);
            on_shard(&router, shard, Filter::exact(here))
                .handler_ctx(move |_, ctx| {
                    if left.fetch_sub(1, Ordering::Relaxed) > 1 {
                        assert_eq!(ctx.publish(there, 0), Ok(Published::Routed));
                    }
                })
                .unwrap();
        }
        router.publish(topic("BALL").with_resource(0), 0).unwrap();
        wait_until(|| left.load(Ordering::Relaxed) == 0);
        common::assert_all_add_up(&router, 0);
    }
}

#[test]
fn row_10_each_single_message_wakes_its_shard() {
    guarded(single_messages);
}

#[test]
fn row_10_two_shards_that_play_ping_pong_never_sleep_over_the_ball() {
    guarded(ping_pong);
}

#[test]
fn row_10_it_is_so_on_one_cpu() {
    child::run_on_one_cpu("row_10_each_single_message_wakes_its_shard");
    child::run_on_one_cpu("row_10_two_shards_that_play_ping_pong_never_sleep_over_the_ball");
}
