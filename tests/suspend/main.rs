//! G6: when suspending returns, no call of the actor is running or will begin until it is resumed. What comes meanwhile
//! waits or is discarded, and is accounted for.

#[path = "../common/mod.rs"]
mod common;
mod ending;
mod inside;

use common::{
    Count, Hold, Latch, Log, SpinBarrier, Target, assert_adds_up, assert_all_add_up, guarded,
    holding, inside_a_handler, inside_shard, on_shard, rounds, setups, sweep, topic, wait_until,
};
use laneway::{
    Actor, Context, Event, Filter, OnPanic, Overflow, PublishError, Published, Router, StopReason,
    Subscription, Suspend, Topic, UnsubscribeError,
};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const BOTH: [Suspend; 2] = [Suspend::Queue, Suspend::Discard];

fn publish(router: &Router<u64>, topic: Topic, numbers: Range<u64>) {
    for number in numbers {
        assert_eq!(router.publish(topic, number), Ok(Published::Routed));
    }
}

/// Which numbers come to the only actor of this router.
fn logged(router: &Router<u64>, topic: Topic) -> (Log<u64>, Subscription) {
    let log = Log::default();
    let subscription = router.subscribe(Filter::exact(topic), log.handler());
    (log, subscription.unwrap())
}

#[test]
fn after_it_no_call_comes_however_much_is_published() {
    guarded(|| {
        let all = setups();
        for setup in &all {
            let router: Router<u64> = setup.router();
            let topic = topic("BUSY");
            let is_suspended = [0, 1].map(|_| Arc::new(AtomicBool::new(false)));
            let late = Count::default();
            let logs = [0, 1].map(|_| Log::default());
            // One for each way to suspend, and one of them with the long way to its actor.
            let subscriptions = [0, 1].map(|which| {
                let is_suspended = Arc::clone(&is_suspended[which]);
                let (late, log) = (late.clone(), logs[which].clone());
                let builder = on_shard(&router, which % setup.shards, Filter::exact(topic));
                let builder = match which {
                    0 => builder,
                    _ => builder.when(|_| true).budget(3),
                };
                let handler = move |event: &Event<u64>| {
                    log.push(*event.payload());
                    if is_suspended.load(Ordering::Relaxed) {
                        late.add();
                    }
                };
                builder.handler(handler).unwrap()
            });
            let stop = Arc::new(AtomicBool::new(false));
            let publishers = [0, 1].map(|publisher: u64| {
                let (router, stop) = (router.clone(), Arc::clone(&stop));
                thread::spawn(move || {
                    let mut numbers = publisher << 32..;
                    while !stop.load(Ordering::Relaxed) {
                        for number in numbers.by_ref().take(8) {
                            router.publish(topic, number).unwrap();
                        }
                        thread::yield_now();
                    }
                    numbers.start & 0xFFFF_FFFF
                })
            });
            for _ in 0..rounds(4000) / all.len() {
                for (subscription, how) in subscriptions.iter().zip(BOTH) {
                    subscription.suspend(how).unwrap();
                }
                for flag in &is_suspended {
                    flag.store(true, Ordering::Relaxed);
                }
                thread::yield_now();
                for (subscription, flag) in subscriptions.iter().zip(&is_suspended) {
                    flag.store(false, Ordering::Relaxed);
                    subscription.resume().unwrap();
                }
            }
            stop.store(true, Ordering::Relaxed);
            let published: u64 = (publishers.into_iter())
                .map(|publisher| publisher.join().unwrap())
                .sum();
            router.flush().unwrap();
            assert_eq!(late.get(), 0, "{setup:?}");
            for (subscription, log) in subscriptions.iter().zip(&logs) {
                let stats = subscription.stats();
                assert_adds_up(stats);
                assert_eq!((stats.matched, stats.queued), (published, 0));
                assert_eq!(stats.handled, log.len() as u64);
                for publisher in 0..2 {
                    let mut seen = log.all();
                    seen.retain(|number| number >> 32 == publisher);
                    assert!(seen.is_sorted_by(|a, b| a < b), "{setup:?}");
                }
            }
            // One that queues loses nothing.
            assert_eq!(logs[0].len() as u64, published);
            assert_eq!(subscriptions[1].stats().dropped.total(), 0);
            assert_all_add_up(&router, 0);
        }
    });
}

#[test]
fn it_waits_for_the_call_that_is_running() {
    guarded(|| {
        for how in BOTH {
            let router = Router::<u64>::new();
            let topic = topic("SLOW");
            let (hold, returned) = (Hold::default(), Latch::default());
            let is_done = Arc::new(AtomicBool::new(false));
            let (stop, done) = (hold.clone(), Arc::clone(&is_done));
            let handler = move |_: &Event<u64>| {
                stop.stop_here();
                done.store(true, Ordering::Relaxed);
            };
            let subscription = router.subscribe(Filter::exact(topic), handler).unwrap();
            router.publish(topic, 0).unwrap();
            hold.wait_for_arrival();
            let waiting = {
                let (subscription, returned) = (subscription.clone(), returned.clone());
                thread::spawn(move || {
                    subscription.suspend(how).unwrap();
                    returned.open();
                    is_done.load(Ordering::Relaxed)
                })
            };
            // Whoever asks the shard after it is behind it; this one does not wait at all.
            thread::yield_now();
            assert!(!returned.is_open());
            hold.release();
            assert!(waiting.join().unwrap(), "it returned before the handler");
        }
    });
}

#[test]
fn what_waited_comes_first_and_in_order() {
    guarded(|| {
        for budget in [1, 3, 1000] {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, log) = (topic("ORDER"), Log::default());
                let builder = on_shard(&router, 0, Filter::exact(topic)).budget(budget);
                let subscription = builder.handler(log.handler()).unwrap();
                subscription.suspend(Suspend::Queue).unwrap();
                publish(&router, topic, 0..20);
                router.flush().unwrap();
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.queued, log.len()), (20, 20, 0));
                let resumed = subscription.clone();
                inside_a_handler(&router, 0, move |_, ctx| {
                    // On the shard, so that these come to a mailbox that was not emptied yet.
                    resumed.resume().unwrap();
                    for number in 20..30 {
                        ctx.publish(topic, number).unwrap();
                    }
                });
                router.flush().unwrap();
                publish(&router, topic, 30..40);
                router.flush().unwrap();
                assert!(log.all().into_iter().eq(0..40), "{:?}", log.all());
                assert_adds_up(subscription.stats());
                assert_all_add_up(&router, 0);
            });
        }
    });
}

#[test]
fn what_waits_is_under_the_policy_of_its_subscription() {
    guarded(|| {
        for (policy, kept) in [
            (Overflow::DropNewest, [0, 1, 2, 3]),
            (Overflow::DropOldest, [6, 7, 8, 9]),
            (Overflow::KeepLatest, [6, 7, 8, 9]),
        ] {
            let router = Router::<u64>::new();
            let (topic, log) = (topic("POLICY"), Log::default());
            let builder = router
                .subscription()
                .filter(Filter::any().event_type("POLICY"));
            let subscription = builder.mailbox(4, policy).handler(log.handler()).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            for number in 0..10 {
                router.publish(topic.with_resource(number), number).unwrap();
            }
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_eq!((stats.queued, stats.dropped.total()), (4, 6), "{policy:?}");
            subscription.resume().unwrap();
            router.flush().unwrap();
            assert_eq!(log.all(), kept, "{policy:?}");
            assert_adds_up(subscription.stats());
        }
    });
}

#[test]
fn what_is_published_while_it_discards_is_discarded() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("DISCARD");
            let (log, subscription) = logged(&router, topic);
            for round in 0..10 {
                publish(&router, topic, 20 * round..20 * round + 10);
                subscription.suspend(Suspend::Discard).unwrap();
                publish(&router, topic, 20 * round + 10..20 * round + 20);
                router.flush().unwrap();
                subscription.resume().unwrap();
            }
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!((stats.matched, stats.discarded), (200, 100));
            let expected = (0..200).filter(|number| number % 20 < 10);
            assert!(log.all().into_iter().eq(expected));
            assert_all_add_up(&router, 0);
        });
    });
}

#[test]
fn what_was_published_before_it_discards_waits() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("BEFORE");
            let (log, subscription) = logged(&router, topic);
            let target = subscription.clone();
            inside_shard(&router, subscription.shard(), 0, move |_, ctx| {
                for number in 0..20 {
                    assert_eq!(ctx.publish(topic, number), Ok(Published::Routed));
                }
                target.suspend(Suspend::Discard).unwrap();
            });
            publish(&router, topic, 20..30);
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_eq!((stats.queued, stats.discarded, log.len()), (20, 10, 0));
            subscription.resume().unwrap();
            publish(&router, topic, 30..40);
            router.flush().unwrap();
            assert!(log.all().into_iter().eq((0..20).chain(30..40)));
            assert_adds_up(subscription.stats());
        });
    });
}

#[test]
fn it_changes_between_queueing_and_discarding() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let topic = topic("CHANGE");
            let (log, subscription) = logged(&router, topic);
            subscription.suspend(Suspend::Queue).unwrap();
            publish(&router, topic, 0..5);
            subscription.suspend(Suspend::Discard).unwrap();
            publish(&router, topic, 5..11);
            subscription.suspend(Suspend::Queue).unwrap();
            publish(&router, topic, 11..15);
            router.flush().unwrap();
            let stats = subscription.stats();
            assert_eq!((stats.queued, stats.discarded, log.len()), (9, 6, 0));
            subscription.resume().unwrap();
            publish(&router, topic, 15..20);
            router.flush().unwrap();
            assert!(log.all().into_iter().eq((0..5).chain(11..20)));
            assert_adds_up(subscription.stats());
        });
    });
}

#[test]
fn twice_is_as_good_as_once_and_resuming_needs_no_suspension() {
    guarded(|| {
        for how in BOTH {
            let router = Router::<u64>::new();
            let topic = topic("TWICE");
            let (log, subscription) = logged(&router, topic);
            subscription.resume().unwrap();
            publish(&router, topic, 0..3);
            router.flush().unwrap();
            subscription.suspend(how).unwrap();
            subscription.suspend(how).unwrap();
            publish(&router, topic, 3..6);
            router.flush().unwrap();
            subscription.resume().unwrap();
            subscription.resume().unwrap();
            publish(&router, topic, 6..9);
            router.flush().unwrap();
            let handled: Vec<u64> = match how {
                Suspend::Queue => (0..9).collect(),
                Suspend::Discard => (0..3).chain(6..9).collect(),
            };
            assert_eq!(log.all(), handled);
            assert_adds_up(subscription.stats());
        }
    });
}
