//! G10: no thread that runs actors ever waits. What has no room comes back as `Full`, so no cycle of actors can hang.

mod common;

use common::{
    Count, Hold, Latch, Log, Tally, block_shard, guarded, inside_a_handler, on_shard, rounds,
    setups, sweep, topic, wait_until,
};
use laneway::{
    Event, Filter, FlushError, PublishBatchError, PublishError, Published, Router, Topic,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Subscribes actors that hand what they get to the next one, counting down.
fn add_ring(router: &Router<u64>, size: usize, shards: usize) -> (Vec<Topic>, Count) {
    let places: Vec<Topic> = (0..size as u64)
        .map(|place| topic("RING").with_resource(place))
        .collect();
    let finished = Count::default();
    for place in 0..size {
        let (next, finished) = (places[(place + 1) % size], finished.clone());
        on_shard(router, place % shards, Filter::exact(places[place]))
            .handler_ctx(move |event, ctx| match *event.payload() {
                0 => finished.add(),
                hops => assert_eq!(ctx.publish(next, hops - 1), Ok(Published::Routed)),
            })
            .unwrap();
    }
    (places, finished)
}

#[test]
fn row_11_events_go_round_a_ring_of_actors_through_lanes_of_any_size() {
    guarded(|| {
        let all = setups();
        for setup in &all {
            // A self-send, a pair, and a ring over all shards; with more events under way than the lanes have slots.
            for size in [1, 2, 8] {
                let router = setup.router();
                let (places, finished) = add_ring(&router, size, setup.shards);
                let events = 20;
                let hops = rounds(10_000) as u64 / all.len() as u64;
                for event in 0..events {
                    router.publish(places[event % size], hops).unwrap();
                }
                wait_until(|| finished.get() == events);
                router.flush().unwrap();
                assert_eq!(router.stats().total().handled, events as u64 * (hops + 1));
                assert_eq!(router.stats().total().panics, 0);
            }
        }
    });
}

#[test]
fn row_11_a_cycle_that_multiplies_its_events_gets_full_and_not_stuck() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (refused, accepted) = (Count::default(), Count::default());
            let sides = ["LEFT", "RIGHT"].map(topic);
            for (side, me) in sides.into_iter().enumerate() {
                let other = sides[1 - side];
                let (refused, accepted) = (refused.clone(), accepted.clone());
                on_shard(&router, side % setup.shards, Filter::exact(me))
                    .handler_ctx(move |event, ctx| {
                        // Three for each one: far more than all queues hold, if nobody refuses.
                        for _ in 0..3 {
                            let Some(left) = event.payload().checked_sub(1) else {
                                return;
                            };
                            match ctx.publish(other, left) {
                                Ok(_) => accepted.add(),
                                Err(PublishError::Full(back)) => {
                                    assert_eq!(back, left);
                                    refused.add();
                                }
                                // The router is closing.
                                Err(_) => return,
                            };
                        }
                    })
                    .unwrap();
            }
            router.publish(sides[0], 30).unwrap();
            wait_until(|| refused.get() > 100);
            let report = router.shutdown(common::FOREVER);
            assert!(report.is_complete());
            let total = router.stats().total();
            assert_eq!(total.events, accepted.get() as u64 + 1);
        });
    });
}

#[test]
fn every_way_of_publishing_from_a_handler_gives_full_and_the_payload_back() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(2).lane_capacity(4);
        let router = builder.build().unwrap();
        let target = topic("TARGET");
        let log = Log::default();
        on_shard(&router, 1, Filter::exact(target))
            .handler(log.handler())
            .unwrap();
        let hold = block_shard(&router, 1, 0);

        let outer = router.clone();
        let accepted = inside_a_handler(&router, 0, move |_, ctx| {
            let mut accepted = 0;
            // All that handlers publish goes through the shard's lane and the queue behind it.
            while let Ok(published) = ctx.publish(target, accepted) {
                assert_eq!(published, Published::Routed);
                accepted += 1;
            }
            assert_eq!(ctx.publish(target, 7), Err(PublishError::Full(7)));
            assert_eq!(outer.publish(target, 8), Err(PublishError::Full(8)));
            // A publisher of its own has a lane of its own and nothing behind it.
            let mut publisher = outer.publisher();
            for number in 0..4 {
                assert_eq!(
                    publisher.publish(target, accepted + number),
                    Ok(Published::Routed)
                );
            }
            assert_eq!(publisher.publish(target, 9), Err(PublishError::Full(9)));
            assert_eq!(
                publisher.try_publish(target, 10),
                Err(PublishError::Full(10))
            );
            assert_eq!(
                publisher.publish_with(target, || 11),
                Err(PublishError::Full(11))
            );
            let full = publisher
                .publish_batch([(target, 12), (target, 13)])
                .unwrap_err();
            assert!(matches!(full, PublishBatchError::Full { .. }));
            assert_eq!(full.published().routed, 0);
            assert_eq!(full.into_unsent(), [(target, 12), (target, 13)]);
            accepted
        });
        hold.release();
        router.flush().unwrap();
        let mut seen = log.all();
        seen.sort_unstable();
        assert!(seen.into_iter().eq(0..accepted + 4));
    });
}

#[test]
fn a_batch_from_a_handler_goes_as_far_as_there_is_room() {
    guarded(|| {
        let builder = Router::<u64>::builder().shards(2).lane_capacity(10);
        let router = builder.build().unwrap();
        let target = topic("TARGET");
        let log = Log::default();
        on_shard(&router, 1, Filter::exact(target))
            .handler(log.handler())
            .unwrap();
        let hold = block_shard(&router, 1, 0);
        let outer = router.clone();
        let unsent = inside_a_handler(&router, 0, move |_, _| {
            let mut items = (0..100).map(|number| (target, number));
            let full = outer.publisher().publish_batch(items.by_ref()).unwrap_err();
            assert_eq!(full.published().routed, 10);
            let unsent = full.into_unsent();
            unsent
                .into_iter()
                .chain(items)
                .map(|(_, number)| number)
                .collect::<Vec<_>>()
        });
        hold.release();
        router.flush().unwrap();
        assert!(log.all().into_iter().eq(0..10) && unsent.into_iter().eq(10..100));
    });
}

#[test]
fn a_handler_of_one_router_does_not_wait_for_another_router() {
    guarded(|| {
        let near = Router::<u64>::builder().shards(1).build().unwrap();
        let far = Router::<u64>::builder()
            .shards(1)
            .lane_capacity(2)
            .build()
            .unwrap();
        let target = topic("TARGET");
        far.subscribe(Filter::exact(target), |_| ()).unwrap();
        let hold = block_shard(&far, 0, 0);
        let router = far.clone();
        inside_a_handler(&near, 0, move |_, _| {
            assert_eq!(router.publish(target, 1), Ok(Published::Routed));
            assert_eq!(router.publish(target, 2), Ok(Published::Routed));
            assert_eq!(router.publish(target, 3), Err(PublishError::Full(3)));
            assert_eq!(router.flush(), Err(FlushError::ActorThread));
        });
        hold.release();
    });
}

#[test]
fn a_flush_inside_a_handler_is_an_error() {
    guarded(|| {
        let router = Router::<u64>::new();
        let outer = router.clone();
        inside_a_handler(&router, 0, move |_, ctx| {
            assert_eq!(outer.flush(), Err(FlushError::ActorThread));
            let flushed = outer.flush_timeout(Duration::from_secs(1));
            assert_eq!(flushed, Err(FlushError::ActorThread));
            let upgraded = ctx.router().upgrade().map(|router| router.flush());
            assert_eq!(upgraded, Some(Err(FlushError::ActorThread)));
        });
        assert_eq!(router.flush(), Ok(()));
    });
}

#[test]
fn a_shutdown_inside_a_handler_begins_closing_and_returns() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (outer, queued) = (router.clone(), topic("QUEUED"));
            let log = Log::default();
            router
                .subscribe(Filter::exact(queued), log.handler())
                .unwrap();
            inside_a_handler(&router, 0, move |_, ctx| {
                assert_eq!(ctx.publish(queued, 1), Ok(Published::Routed));
                let report = outer.shutdown(common::FOREVER);
                // It waited for none of them, its own among them.
                assert_eq!((report.joined, report.detached.len()), (0, setup.shards));
                assert_eq!(ctx.publish(queued, 2), Err(PublishError::Closed(2)));
                assert_eq!(outer.publish(queued, 3), Err(PublishError::Closed(3)));
            });
            let report = router.shutdown(common::FOREVER);
            assert_eq!((report.joined, report.is_complete()), (setup.shards, true));
            assert_eq!(log.all(), [1]);
        });
    });
}

#[test]
fn a_handler_may_drop_the_last_handle() {
    guarded(|| {
        sweep(|setup| {
            let tally = Tally::new();
            let router = setup.router();
            let (last, queued) = (topic("LAST"), topic("QUEUED"));
            let handled = Count::default();
            router
                .subscribe(Filter::exact(queued), handled.handler())
                .unwrap();
            let (hold, dropped) = (Hold::default(), Latch::default());
            let handle = Arc::new(Mutex::new(None));
            let (to_drop, at, done) = (Arc::clone(&handle), hold.clone(), dropped.clone());
            let drop_it = move |_: &Event<_>| {
                at.stop_here();
                let router: Option<Router<_>> = to_drop.lock().unwrap().take();
                assert!(router.is_some());
                drop(router);
                done.open();
            };
            router.subscribe(Filter::exact(last), drop_it).unwrap();

            let mut publisher = router.publisher();
            publisher.publish(last, tally.track(0)).unwrap();
            hold.wait_for_arrival();
            // Through a publisher that has room beside the event that is being handled.
            let mut second = router.publisher();
            second.publish(queued, tally.track(1)).unwrap();
            let weak = router.downgrade();
            *handle.lock().unwrap() = Some(router);
            hold.release();
            dropped.wait();
            assert!(weak.upgrade().is_none());
            let refused = publisher.publish(queued, tally.track(2));
            assert!(matches!(refused, Err(PublishError::Closed(_))));
            drop(refused);
            wait_until(|| handled.get() == 1);
            wait_until(|| tally.drops() == 3);
        });
    });
}

#[test]
fn a_handler_may_subscribe_and_unsubscribe() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (outer, extra) = (router.clone(), topic("EXTRA"));
            let log = Log::default();
            let noted = log.clone();
            inside_a_handler(&router, 0, move |_, _| {
                for number in 0..50 {
                    let on = |shard: usize| {
                        on_shard(&outer, shard % setup.shards, Filter::exact(extra))
                            .handler(noted.handler())
                            .unwrap()
                    };
                    let subscriptions: Vec<_> = (0..setup.shards).map(on).collect();
                    outer.publish(extra, number).unwrap();
                    let (kept, ended) = subscriptions.split_at(number as usize % 2);
                    ended
                        .iter()
                        .for_each(|subscription| subscription.unsubscribe().unwrap());
                    kept.iter()
                        .for_each(|subscription| assert!(!subscription.has_ended()));
                }
            });
            router.flush().unwrap();
            router.flush().unwrap();
            let kept = 25;
            assert_eq!(router.subscriptions().len(), kept + 1);
            // The shards of those that ended may have been faster or slower than the handler.
            let mut seen = log.take();
            seen.dedup();
            assert!(seen.len() >= kept);
            router.publish(extra, 1000).unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), vec![1000; kept]);
        });
    });
}

#[test]
fn what_is_subscribed_in_a_handler_sees_exactly_what_comes_after() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (outer, extra) = (router.clone(), topic("EXTRA"));
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::exact(extra))
                    .handler(|_| ())
                    .unwrap();
            }
            let log = Log::default();
            let noted = log.clone();
            inside_a_handler(&router, 0, move |_, ctx| {
                for number in 0..setup.shards {
                    ctx.publish(extra, 2 * number as u64).unwrap();
                    on_shard(&outer, number, Filter::exact(extra))
                        .handler(noted.handler())
                        .unwrap();
                    ctx.publish(extra, 2 * number as u64 + 1).unwrap();
                }
            });
            router.flush().unwrap();
            router.flush().unwrap();
            let mut seen = log.all();
            seen.sort_unstable();
            // The first sees all from event 1 on, the second all from event 3 on, and so forth.
            let each = (0..setup.shards as u64).flat_map(|it| 2 * it + 1..2 * setup.shards as u64);
            let mut expected: Vec<u64> = each.collect();
            expected.sort_unstable();
            assert_eq!(seen, expected);
        });
    });
}
