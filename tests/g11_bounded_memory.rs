//! G11: every queue has an end, subscriptions are capped, and what is no longer used goes away.

mod common;

use common::{Count, Log, Tally, block_shard, guarded, on_shard, rounds, sweep, topic, wait_until};
use laneway::{
    Filter, PublishError, Published, Publisher, Router, SubscribeError, Subscription, Topic,
};
use std::cell::RefCell;
use std::sync::Arc;
use std::thread;

/// Publishes until there is no room. Says how many events fit.
fn fill(publisher: &mut Publisher<u64>, topic: Topic) -> usize {
    for fit in 0..1 << 20 {
        match publisher.try_publish(topic, 0) {
            Ok(published) => assert_eq!(published, Published::Routed),
            Err(error) => {
                assert_eq!(error, PublishError::Full(0));
                return fit;
            }
        }
    }
    panic!("the lane has no end");
}

fn blocked_router(shards: usize, capacity: usize, topic: Topic) -> (Router<u64>, common::Hold) {
    let builder = Router::builder().shards(shards).lane_capacity(capacity);
    let router = builder.build().unwrap();
    for shard in 0..shards {
        on_shard(&router, shard, Filter::exact(topic))
            .handler(|_| ())
            .unwrap();
    }
    let hold = block_shard(&router, shards - 1, 0);
    (router, hold)
}

#[test]
fn a_lane_takes_as_many_events_as_it_was_set_up_for() {
    guarded(|| {
        let topic = topic("FULL");
        for shards in [1, 3] {
            for capacity in [1, 2, 7, 256, 1000] {
                let (router, hold) = blocked_router(shards, capacity, topic);
                let depth = || router.stats().shards[shards - 1].depth;
                let before = depth();
                // Each publisher has a lane of its own.
                let mut publishers = [router.publisher(), router.publisher()];
                for publisher in &mut publishers {
                    assert_eq!(fill(publisher, topic), capacity);
                    assert_eq!(fill(publisher, topic), 0);
                }
                assert_eq!(depth() - before, 2 * capacity);
                hold.release();
                router.flush().unwrap();
                assert_eq!(router.stats().total().depth, 0);
                let hold = block_shard(&router, shards - 1, 0);
                assert_eq!(fill(&mut publishers[0], topic), capacity);
                hold.release();
            }
        }
    });
}

#[test]
fn large_payloads_have_shorter_lanes() {
    guarded(|| {
        let topic = topic("LARGE");
        let router = Router::<[u8; 16 << 10]>::builder()
            .shards(1)
            .build()
            .unwrap();
        router.subscribe(Filter::exact(topic), |_| ()).unwrap();
        let hold = block_shard(&router, 0, [0; 16 << 10]);
        let mut publisher = router.publisher();
        let mut fit = 0;
        while publisher.try_publish(topic, [1; 16 << 10]).is_ok() {
            fit += 1;
        }
        // At most 256 KiB, the topics included, and a power of two: 16 would be more.
        assert_eq!(fit, 8);
        hold.release();
    });
}

#[test]
fn a_threads_own_publisher_has_no_more_under_way_than_its_lane_holds() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("IMPLICIT");
            let handled = Count::default();
            router
                .subscribe(Filter::exact(topic), handled.handler())
                .unwrap();
            let limit = setup.lane_capacity.min(32);
            for accepted in 1..=rounds(5000) {
                router.publish(topic, 0).unwrap();
                // What is not handled has its slot still.
                assert!(accepted - handled.get() <= limit);
            }
        });
    });
}

#[test]
fn what_handlers_publish_to_a_shard_that_is_behind_is_bounded_for_each_target() {
    guarded(|| {
        let capacity = 16;
        let targets = ["ONE", "TWO"].map(topic);
        let builder = Router::<u64>::builder().shards(3).lane_capacity(capacity);
        let router = builder.build().unwrap();
        for (target, shard) in targets.into_iter().zip([1, 2]) {
            on_shard(&router, shard, Filter::exact(target))
                .handler(|_| ())
                .unwrap();
        }
        let holds = [1, 2].map(|shard| block_shard(&router, shard, 0));
        let (question, fits) = (topic("QUESTION"), Log::default());
        let noted = fits.clone();
        on_shard(&router, 0, Filter::exact(question))
            .handler_ctx(move |_, ctx| {
                for target in targets {
                    let fit = (0..1 << 20).find(|_| ctx.publish(target, 0).is_err());
                    noted.push(fit.expect("the queue has an end"));
                }
            })
            .unwrap();
        router.publish(question, 0).unwrap();
        wait_until(|| fits.len() == 2);
        let fits = fits.all();
        assert_eq!(
            fits[0], fits[1],
            "one target's queue takes nothing from the other's"
        );
        assert!(fits[0] <= capacity + 1024);
        let spilled = router.stats().shards[0].spilled;
        assert_eq!(spilled, 2 * (fits[0] - capacity));
        holds.iter().for_each(|hold| hold.release());
        router.flush().unwrap();
        let stats = router.stats();
        assert_eq!(stats.total().spilled, 0);
        // Each had one more: the event that blocked it.
        assert_eq!(
            [1, 2].map(|shard: usize| stats.shards[shard].events),
            [fits[0] as u64 + 1; 2]
        );
    });
}

#[test]
fn there_are_no_more_subscriptions_than_allowed_and_their_places_come_back() {
    guarded(|| {
        let limit = 10;
        let builder = Router::<u64>::builder().shards(2).max_subscriptions(limit);
        let router = builder.build().unwrap();
        let topic = topic("SEAT");
        let subscribe = || {
            let builder = router.subscription().filter(Filter::exact(topic));
            builder
                .place(laneway::Placement::Spread)
                .handler_ctx(|event, ctx| match event.payload() {
                    1 => ctx.stop(),
                    2 => panic!("asked for"),
                    _ => {}
                })
        };
        type End = fn(&Router<u64>, &[Subscription]);
        let ends: [End; 4] = [
            |_, all| all.iter().for_each(|one| one.unsubscribe().unwrap()),
            |router, all| {
                all.iter()
                    .for_each(|one| router.unsubscribe(one.id()).unwrap())
            },
            |router, _| assert!(router.publish(common::topic("SEAT"), 1).is_ok()),
            |router, _| assert!(router.publish(common::topic("SEAT"), 2).is_ok()),
        ];
        for end in ends {
            let all: Vec<_> = (0..limit).map(|_| subscribe().unwrap()).collect();
            for _ in 0..3 {
                assert_eq!(subscribe().unwrap_err(), SubscribeError::TooMany { limit });
            }
            assert_eq!(router.subscriptions().len(), limit);
            all[3].unsubscribe().unwrap();
            let another = subscribe().unwrap();
            assert_eq!(subscribe().unwrap_err(), SubscribeError::TooMany { limit });
            another.unsubscribe().unwrap();
            let left: Vec<_> = all.into_iter().filter(|one| !one.has_ended()).collect();
            assert_eq!(left.len(), limit - 1);
            end(&router, &left);
            router.flush().unwrap();
            assert_eq!(router.stats().subscriptions, 0);
        }
    });
}

#[test]
fn lanes_go_with_their_publishers() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("LANES");
            for shard in 0..setup.shards {
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(|_| ())
                    .unwrap();
            }
            let lanes = || {
                router
                    .stats()
                    .shards
                    .iter()
                    .map(|it| it.lanes)
                    .collect::<Vec<_>>()
            };
            for _ in 0..rounds(50) {
                let mut publishers: Vec<_> = (0..10).map(|_| router.publisher()).collect();
                assert_eq!(
                    lanes(),
                    vec![0; setup.shards],
                    "no lane before the first publish"
                );
                for publisher in &mut publishers {
                    publisher.publish(topic, 0).unwrap();
                    publisher.warm(topic);
                }
                assert_eq!(lanes(), vec![10; setup.shards]);
                publishers.truncate(3);
                assert_eq!(lanes(), vec![3; setup.shards]);
                drop(publishers);
                assert_eq!(lanes(), vec![0; setup.shards]);
            }
            router.flush().unwrap();
            let total = router.stats().total();
            assert_eq!(total.events, (rounds(50) * 10 * setup.shards) as u64);
        });
    });
}

#[test]
fn lanes_go_with_their_threads_and_nothing_in_them_is_lost() {
    guarded(|| {
        sweep(|setup| {
            let (topic, tally) = (topic("THREADS"), Tally::new());
            let router = setup.router();
            router.subscribe(Filter::exact(topic), |_| ()).unwrap();
            for _ in 0..rounds(20) {
                let workers: Vec<_> = (0..4)
                    .map(|_| {
                        let (router, tally) = (router.clone(), Arc::clone(&tally));
                        thread::spawn(move || {
                            for number in 0..5 {
                                router.publish(topic, tally.track(number)).unwrap();
                            }
                        })
                    })
                    .collect();
                workers
                    .into_iter()
                    .for_each(|worker| worker.join().unwrap());
            }
            assert_eq!(router.stats().total().lanes, 0);
            router.flush().unwrap();
            assert_eq!(router.stats().total().events, (rounds(20) * 20) as u64);
            tally.assert_balanced();
        });
    });
}

thread_local! {
    /// Publishes when its thread ends.
    static FAREWELL: RefCell<Option<Farewell>> = const { RefCell::new(None) };
}

struct Farewell(Router<u64>);

impl Drop for Farewell {
    fn drop(&mut self) {
        let published = self.0.publish(topic("FAREWELL"), 1);
        assert_eq!(published, Ok(Published::Routed));
    }
}

#[test]
fn a_thread_may_publish_as_it_ends_and_its_lane_goes_all_the_same() {
    guarded(|| {
        let router = Router::<u64>::new();
        let handled = Count::default();
        let farewell = Filter::exact(topic("FAREWELL"));
        router.subscribe(farewell, handled.handler()).unwrap();
        // Thread-locals are destroyed in an order: the router's own come first in one case, and last in the other.
        for publishes_first in [true, false] {
            let handle = router.clone();
            let worker = thread::spawn(move || {
                let publish = || assert!(handle.publish(topic("FAREWELL"), 0).is_ok());
                if publishes_first {
                    publish();
                }
                FAREWELL.set(Some(Farewell(handle.clone())));
                if !publishes_first {
                    publish();
                }
            });
            worker.join().unwrap();
        }
        router.flush().unwrap();
        assert_eq!((handled.get(), router.stats().total().lanes), (4, 0));
    });
}
