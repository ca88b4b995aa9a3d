//! What was kept for ever, or forgotten too early.

use super::*;

// Lanes whose publisher was gone were left out of the depth, and with it of what a shutdown reports as unhandled.
//
// A publisher sends a hundred events to a shard that is busy, and is dropped. Somebody shuts down with a deadline that
// passes: nothing unhandled, said the report.
#[test]
fn what_a_dropped_publisher_left_counts_as_waiting() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, seen) = (topic("LEFT"), Count::default());
        router
            .subscribe(Filter::exact(topic), seen.handler())
            .unwrap();
        let hold = block_shard(&router, 0, 0);
        let before = router.stats().total().depth;
        let mut publisher = router.publisher();
        for number in 0..100 {
            publisher.publish(topic, number).unwrap();
        }
        assert_eq!(router.stats().total().depth, before + 100);
        drop(publisher);
        assert_eq!(router.stats().total().depth, before + 100);

        let report = router.shutdown(Duration::ZERO);
        assert_eq!(report.unhandled, before + 100);
        assert_eq!(report.detached.len(), 1);
        assert!(!report.is_complete());

        hold.release();
        let report = router.shutdown(LIMIT);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(seen.get(), 100);
        assert_eq!(router.stats().total().depth, 0);
    });
}

// Flushes that were given up stayed in the queue of a shard that did not get to them.
//
// A handler takes long. A thread that supervises flushes again and again with a short timeout: each time one more
// command was queued, and one more counter of those waited for stayed alive.
#[test]
fn flushes_that_are_given_up_leave_nothing_behind() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let hold = block_shard(&router, 0, 0);
        let kept = bytes_kept(MANY_ROUNDS, || {
            let flushed = router.flush_timeout(Duration::ZERO);
            assert_eq!(flushed, Err(FlushError::Timeout));
        });
        assert!(kept < SLACK, "{kept} bytes of flushes");
        let before = router.stats().total().commands;
        hold.release();
        router.flush().unwrap();
        let commands = router.stats().total().commands - before;
        assert!(commands < 10, "{commands} commands came of one thread");
    });
}

// As above, for shutdowns: each that timed out stayed in the list of those to be woken.
#[test]
fn shutdowns_that_time_out_leave_nothing_behind() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let hold = block_shard(&router, 0, 0);
        let kept = bytes_kept(MANY_ROUNDS, || {
            assert_eq!(router.shutdown(Duration::ZERO).joined, 0);
        });
        assert!(kept < SLACK, "{kept} bytes of shutdowns");
        hold.release();
        assert!(router.shutdown(LIMIT).is_complete());
    });
}

// A closed router made a lane for each new publisher in `publish_batch` and `warm`, which look for room before they
// look whether it closed.
//
// The shards are gone. A thread goes on making publishers and sending batches through them. Each batch is refused, and
// its lane stayed in the list that the shard would have cleaned.
#[test]
fn a_closed_router_makes_no_lanes() {
    let no_lane_of = |router: &Router<u32>, topic: Topic| {
        let lanes = || router.stats().total().lanes;
        let before = lanes();
        let mut round = || {
            let mut publisher = router.publisher();
            publisher.warm(topic);
            let refused = publisher.publish_batch([(topic, 1), (topic, 2)]);
            let Err(PublishBatchError::Closed { unsent, .. }) = refused else {
                panic!("{refused:?}");
            };
            assert_eq!(unsent, [(topic, 1), (topic, 2)]);
            let refused = publisher.publish(topic, 3);
            assert_eq!(refused, Err(PublishError::Closed(3)));
            assert_eq!(router.publish(topic, 3), Err(PublishError::Closed(3)));
            assert_eq!(lanes(), before);
        };
        let kept = bytes_kept(MANY_ROUNDS / 10, &mut round);
        assert!(kept < SLACK, "{kept} bytes of publishers");
        assert_eq!(lanes(), before);
    };
    guarded(move || {
        let router = router_with::<u32>(2);
        let topic = topic("CLOSED");
        for shard in 0..2 {
            on_shard(&router, shard, Filter::exact(topic))
                .handler(|_| ())
                .unwrap();
        }
        // While the shards drain, and when they are gone.
        let holds = [0, 1].map(|shard| block_shard(&router, shard, 0));
        assert!(!router.shutdown(Duration::ZERO).is_complete());
        no_lane_of(&router, topic);
        holds.iter().for_each(Hold::release);
        assert!(router.shutdown(LIMIT).is_complete());
        no_lane_of(&router, topic);
        assert_eq!(router.stats().total().lanes, 0);
    });
}

// A publisher remembers what classes matched, in places that classes share. A class that pushed another out of its
// place allocated again if more than two of its patterns had resources.
//
// Four actors listen to a resource under different patterns. A publisher sends events of two classes that share a
// place in turns: each of them took an allocation.
#[test]
fn classes_that_push_each_other_out_allocate_nothing() {
    guarded(|| {
        let router = router_with::<u32>(1);
        for filter in [
            Filter::any().resource(1),
            Filter::any().category("collide").resource(1),
            Filter::any().event_type("COLLIDE.*").resource(1),
            Filter::any()
                .category("collide")
                .event_type("COLLIDE.*")
                .resource(1),
        ] {
            router.subscribe(filter, |_| ()).unwrap();
        }
        // More than there are places, so that some share one, whatever classes other tests make meanwhile.
        let topics: Vec<Topic> = (0..200)
            .map(|number| Topic::new("collide", format!("COLLIDE.{number}")).unwrap())
            .map(|topic| topic.with_resource(1))
            .collect();
        let mut publisher = router.publisher();
        let mut publish_all = || {
            let allocations = allocations(|| {
                for &topic in &topics {
                    assert_eq!(publisher.publish(topic, 0), Ok(Published::Routed));
                }
            });
            // There is always room: waiting for it may allocate.
            router.flush().unwrap();
            allocations
        };
        publish_all();
        for _ in 0..10 {
            assert_eq!(publish_all(), 0);
        }
    });
}

/// The depth of a lane whose publisher is gone was forgotten as soon as another lane of its shard came to its end.
#[test]
fn what_a_dropped_publisher_left_counts_although_another_lane_ended() {
    guarded(|| {
        let router = router_with::<u32>(1);
        let (topic, inner) = (topic("LEFT"), Hold::default());
        router
            .subscribe(Filter::exact(topic), common::holding(&inner))
            .unwrap();
        // Its publisher is gone as well: this lane ends first.
        let hold = block_shard(&router, 0, 0);
        let mut publisher = router.publisher();
        for number in 0..100 {
            publisher.publish(topic, number).unwrap();
        }
        drop(publisher);
        let before = router.stats().total().depth;
        hold.release();
        inner.wait_for_arrival();
        let depth = router.stats().total().depth;
        let report = router.shutdown(Duration::ZERO);
        inner.release();
        assert_eq!((before, depth, report.unhandled), (101, 100, 100));
    });
}
