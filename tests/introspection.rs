//! What the router says of itself agrees with what it did.

mod common;

use common::{Log, Random, any_of, block_shard, guarded, on_shard, setups, sweep, topic};
use laneway::{
    Actor, Batch, Context, Event, Filter, Router, ShardStats, StopReason, Subscription,
    SubscriptionStats, Topic, Wait, registry_stats,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[track_caller]
fn assert_adds_up(stats: SubscriptionStats) {
    let gone = stats.handled + stats.discarded + stats.dropped.total();
    assert_eq!(stats.matched, gone + stats.queued, "{stats:?}");
}

fn stats_of(router: &Router<u64>, subscription: &Subscription) -> SubscriptionStats {
    let all = router.subscriptions();
    let info = all.iter().find(|info| info.id == subscription.id());
    info.expect("it is live").stats
}

#[test]
fn the_counters_agree_with_what_was_delivered_and_with_each_other() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (wanted, other) = (topic("WANTED"), topic("OTHER"));
            // By class, by resource, and by both.
            let filters = [
                vec![Filter::exact(wanted)],
                vec![Filter::exact(wanted.with_resource(1))],
                vec![
                    Filter::any().resource(1),
                    Filter::exact(wanted.with_resource(2)),
                ],
                vec![Filter::any().event_type("UNHEARD")],
            ];
            let mut listeners: Vec<(Subscription, Log<u64>)> = Vec::new();
            for (index, filters) in filters.iter().enumerate() {
                let log = Log::default();
                let builder = any_of(router.subscription().shard(index % setup.shards), filters);
                listeners.push((builder.handler(log.handler()).unwrap(), log));
            }
            let mut publisher = router.publisher();
            for number in 0..100 {
                publisher
                    .publish(wanted.with_resource(number % 3), number)
                    .unwrap();
                publisher.publish(other, number).unwrap();
            }
            router.flush().unwrap();

            for (subscription, log) in &listeners {
                let stats = subscription.stats();
                assert_eq!(
                    (stats.matched, stats.handled),
                    (log.len() as u64, log.len() as u64)
                );
                assert_eq!((stats.queued, stats.panics), (0, 0));
                assert_adds_up(stats);
                assert_eq!(stats_of(&router, subscription), stats);
            }
            assert_eq!(
                [0, 1, 2, 3].map(|index: usize| listeners[index].1.len()),
                [100, 33, 66, 0]
            );

            let stats = router.stats();
            for (shard, stats) in stats.shards.iter().enumerate() {
                let here = listeners.iter().filter(|(it, _)| it.shard() == shard);
                let handled: usize = here.map(|(_, log)| log.len()).sum();
                assert_eq!(
                    (stats.handled, stats.matched),
                    (handled as u64, handled as u64)
                );
                assert!(stats.runs <= stats.events && stats.lanes <= 1);
                assert_eq!((stats.depth, stats.spilled, stats.panics), (0, 0, 0));
                assert!(stats.depth_high as u64 <= stats.events && stats.spilled_high == 0);
            }
            assert_eq!(stats.subscriptions, listeners.len());
            assert_eq!(stats.registry, registry_stats());
        });
    });
}

#[test]
fn the_total_is_the_sum_of_the_shards() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(4).build().unwrap();
        let topic = topic("TOTAL");
        for shard in 0..4 {
            for _ in 0..=shard {
                on_shard(&router, shard, Filter::exact(topic))
                    .handler(|_| ())
                    .unwrap();
            }
        }
        let mut publisher = router.publisher();
        publisher
            .publish_batch((0..100).map(|number| (topic, number)))
            .unwrap();
        router.flush().unwrap();
        let stats = router.stats();
        let total = stats.total();
        let sum = |field: fn(&ShardStats) -> u64| stats.shards.iter().map(field).sum::<u64>();
        assert_eq!((total.events, total.handled), (400, 1000));
        assert_eq!(
            (sum(|shard| shard.events), sum(|shard| shard.handled)),
            (400, 1000)
        );
        assert_eq!(total.matched, sum(|shard| shard.matched));
        assert_eq!(total.lanes as u64, sum(|shard| shard.lanes as u64));
        // One lane made and some actors spawned, on each.
        assert!(
            stats
                .shards
                .iter()
                .zip(2..)
                .all(|(shard, least)| shard.commands >= least)
        );
    });
}

#[test]
fn what_is_queued_shows_while_it_is_queued() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let topic = topic("QUEUED");
        let builder = on_shard(&router, 1, Filter::exact(topic));
        let subscription = builder.handler(|_| ()).unwrap();
        let hold = block_shard(&router, 1, 0);
        let blocker = router.subscriptions().pop().expect("the one that blocks");
        assert_eq!((blocker.stats.matched, blocker.stats.queued), (1, 1));
        let mut publisher = router.publisher();
        let before = router.stats().shards[1].depth;
        for number in 0..10 {
            publisher.publish(topic, number).unwrap();
        }
        let shards = router.stats().shards;
        assert_eq!((shards[1].depth - before, shards[1].lanes), (10, 1));
        assert_eq!((shards[0].depth, shards[0].lanes), (0, 0));
        // In a lane, an event is not yet anybody's.
        assert_eq!(subscription.stats().matched, 0);
        hold.release();
        router.flush().unwrap();
        assert_eq!(router.stats().shards[1].depth, 0);
        assert_eq!(subscription.stats().handled, 10);
    });
}

#[test]
fn every_snapshot_adds_up_while_events_pass() {
    guarded(|| {
        for setup in setups().into_iter().filter(|setup| setup.lane_capacity > 1) {
            let router: Router<u64> = setup.router();
            let topic = topic("BUSY");
            let subscription = router.subscribe(Filter::exact(topic), |_| ()).unwrap();
            let stop = Arc::new(AtomicBool::new(false));
            let worker = {
                let (mut publisher, stop) = (router.publisher(), Arc::clone(&stop));
                thread::spawn(move || {
                    let mut published = 0;
                    while !stop.load(Ordering::Relaxed) {
                        publisher.publish(topic, published).unwrap();
                        published += 1;
                    }
                    published
                })
            };
            let mut last = subscription.stats();
            for _ in 0..1000 {
                let now = subscription.stats();
                assert_adds_up(now);
                assert!(now.matched >= last.matched && now.handled >= last.handled);
                assert!(now.handled <= now.matched);
                last = now;
            }
            stop.store(true, Ordering::Relaxed);
            let published = worker.join().unwrap();
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_eq!(
                (stats.matched, stats.handled, stats.queued),
                (published, published, 0)
            );
        }
    });
}

/// Takes so many events of each batch and leaves the others.
struct Picky(usize, Log<usize>);

impl Actor<u64> for Picky {
    fn handle(&mut self, _: &Event<u64>, _: &mut Context<'_, u64>) {
        unreachable!("it takes batches");
    }

    fn handle_batch(&mut self, mut batch: Batch<'_, u64>, _: &mut Context<'_, u64>) {
        let whole = batch.len();
        assert!(!batch.is_empty());
        let taken = batch.by_ref().take(self.0).count();
        assert_eq!(
            (batch.len(), batch.size_hint().1),
            (whole - taken, Some(whole - taken))
        );
        self.1.push(taken);
    }
}

#[test]
fn what_a_batch_handler_leaves_counts_as_discarded() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("PICKY");
            let log = Log::default();
            let picky = Picky(2, log.clone());
            let subscription = router.spawn(Filter::exact(topic), picky).unwrap();
            let mut publisher = router.publisher();
            publisher
                .publish_batch((0..100).map(|number| (topic, number)))
                .unwrap();
            router.flush().unwrap();
            let stats = subscription.stats();
            let taken: usize = log.all().iter().sum();
            assert_eq!((stats.matched, stats.handled), (100, taken as u64));
            assert_eq!(stats.discarded, 100 - stats.handled);
            assert_adds_up(stats);
            let total = router.stats().total();
            assert_eq!(
                (total.handled, total.discarded),
                (stats.handled, stats.discarded)
            );
            assert_eq!(total.batches, log.len() as u64);
        });
    });
}

#[test]
fn the_list_of_subscriptions_is_what_was_subscribed() {
    guarded(|| {
        let router = Router::<u64>::builder().shards(2).build().unwrap();
        let filters = [
            Filter::any().event_type("VM.*").resource(7),
            Filter::exact(topic("LISTED")),
        ];
        let all: Vec<Subscription> = (0..10)
            .map(|number| {
                let builder = any_of(router.subscription().shard(number % 2), &filters);
                match number {
                    3 => builder.named("the fourth").handler(|_| ()).unwrap(),
                    _ => builder.handler(|_| ()).unwrap(),
                }
            })
            .collect();
        all[5].unsubscribe().unwrap();
        let live: Vec<_> = all.iter().filter(|it| !it.has_ended()).collect();
        let listed = router.subscriptions();
        assert!(listed.is_sorted_by_key(|info| info.id));
        assert_eq!((listed.len(), live.len()), (9, 9));
        for (info, subscription) in listed.iter().zip(live) {
            assert_eq!(info.id, subscription.id());
            assert_eq!(info.name.as_deref(), subscription.name());
            assert_eq!(info.shard, subscription.shard());
            assert_eq!(info.filters, filters);
        }
        assert_eq!(listed[3].name.as_deref(), Some("the fourth"));
        assert_eq!(router.stats().subscriptions, 9);
    });
}

#[test]
fn an_explanation_names_those_who_get_the_event_and_why() {
    guarded(|| {
        let mut random = Random::new();
        let router = Router::<u64>::builder().shards(3).build().unwrap();
        let types = ["VM.START", "VM.STOP", "VM", "DISK.ATTACH"];
        let patterns = ["VM.*", "VM.START", "DISK.*", "*", "VM"];
        let listeners: Vec<(Subscription, Vec<Filter>, Log<u64>)> = (0..30)
            .map(|number| {
                let mut random_filter = || {
                    let filter = Filter::any().event_type(random.pick(&patterns));
                    if random.flip() {
                        filter.resource(random.below(3) as u64)
                    } else {
                        filter
                    }
                };
                let filters = vec![random_filter(), random_filter()];
                let log = Log::default();
                let builder = any_of(
                    router.subscription().named(format!("number {number}")),
                    &filters,
                );
                (builder.handler(log.handler()).unwrap(), filters, log)
            })
            .collect();
        for number in 0..200 {
            let topic: Topic = topic(random.pick(&types)).with_resource(random.below(4) as u64);
            router.publish(topic, number).unwrap();
            router.flush().unwrap();
            let explained = router.explain(topic);
            assert!(explained.is_sorted_by_key(|explanation| explanation.id));
            for (subscription, filters, log) in &listeners {
                let got_it = log.take() == [number];
                let explanation = explained.iter().find(|it| it.id == subscription.id());
                assert_eq!(explanation.is_some(), got_it, "{topic} for {filters:?}");
                let Some(explanation) = explanation else {
                    continue;
                };
                assert_eq!(explanation.name.as_deref(), subscription.name());
                assert_eq!(explanation.shard, subscription.shard());
                let first = filters.iter().find(|filter| filter.matches(topic));
                assert_eq!(Some(&explanation.filter), first);
            }
        }
    });
}

#[test]
fn a_subscription_that_ended_keeps_its_counters() {
    guarded(|| {
        let router = Router::<u64>::new();
        let topic = topic("ENDED");
        let subscription = router.subscribe(Filter::exact(topic), |_| ()).unwrap();
        for number in 0..10 {
            router.publish(topic, number).unwrap();
        }
        router.flush().unwrap();
        subscription.unsubscribe().unwrap();
        router.publish(topic, 10).unwrap();
        assert_eq!(subscription.stats().handled, 10);
        drop(router);
        assert_eq!(subscription.stats().handled, 10);
        assert!(subscription.has_ended());
    });
}

#[test]
fn shards_that_do_not_park_never_sleep() {
    guarded(|| {
        let router = Router::<u64>::builder()
            .shards(1)
            .wait(Wait::Yield)
            .build()
            .unwrap();
        let topic = topic("AWAKE");
        router.subscribe(Filter::exact(topic), |_| ()).unwrap();
        for number in 0..100 {
            router.publish(topic, number).unwrap();
            router.flush().unwrap();
        }
        let total = router.stats().total();
        assert_eq!((total.handled, total.parks), (100, 0));
        assert_eq!(total.wakes, 0);
    });
}

#[test]
fn stopping_says_why() {
    guarded(|| {
        let router = Router::<u64>::new();
        struct Stopper(Log<StopReason>);
        impl Actor<u64> for Stopper {
            fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
                match event.payload() {
                    1 => ctx.stop(),
                    2 => panic!("asked for"),
                    _ => {}
                }
            }
            fn stopped(&mut self, reason: StopReason) {
                self.0.push(reason);
            }
        }
        let topic = topic("WHY");
        let run = |number: u64, end: fn(&Router<u64>, &Subscription)| {
            let log = Log::default();
            let subscription = router
                .spawn(Filter::exact(topic), Stopper(log.clone()))
                .unwrap();
            router.publish(topic, number).unwrap();
            router.flush().unwrap();
            end(&router, &subscription);
            assert!(subscription.has_ended());
            log.all()
        };
        assert_eq!(
            run(0, |_, it| it.unsubscribe().unwrap()),
            [StopReason::Unsubscribed]
        );
        assert_eq!(
            run(1, |_, it| assert!(it.unsubscribe().is_err())),
            [StopReason::Stopped]
        );
        assert_eq!(
            run(2, |_, it| assert!(it.unsubscribe().is_err())),
            [StopReason::Panicked]
        );
        let shut_down = |router: &Router<u64>, _: &Subscription| {
            assert!(router.shutdown(common::FOREVER).is_complete());
        };
        assert_eq!(run(0, shut_down), [StopReason::Shutdown]);
    });
}
