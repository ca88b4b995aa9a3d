//! G6: when suspending returns, no call of the actor is running or will begin until it is resumed. What comes meanwhile
//! waits or is discarded, and is accounted for.

mod common;

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

/// One event fills the lane, one the mailbox, and a third has nowhere to go.
#[test]
fn a_publisher_that_waits_for_a_suspended_actor_goes_on_when_that_ends() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum End {
        Resume,
        Unsubscribe,
        Shutdown,
    }
    guarded(|| {
        for end in [End::Resume, End::Unsubscribe, End::Shutdown] {
            let builder = Router::<u64>::builder().shards(1).lane_capacity(1);
            let router = builder.build().unwrap();
            let (topic, log) = (topic("WAITS"), Log::default());
            let builder = on_shard(&router, 0, Filter::exact(topic));
            let builder = builder.mailbox(1, Overflow::Block);
            let subscription = builder.handler(log.handler()).unwrap();
            subscription.suspend(Suspend::Queue).unwrap();
            let mut publisher = router.publisher();
            publisher.publish(topic, 0).unwrap();
            wait_until(|| subscription.stats().queued == 1);
            publisher.publish(topic, 1).unwrap();
            assert_eq!(publisher.try_publish(topic, 2), Err(PublishError::Full(2)));
            let waiting = thread::spawn(move || publisher.publish(topic, 2));
            thread::yield_now();
            assert!(!waiting.is_finished());
            match end {
                End::Resume => subscription.resume().unwrap(),
                End::Unsubscribe => subscription.unsubscribe().unwrap(),
                End::Shutdown => assert!(router.shutdown(common::FOREVER).is_complete()),
            }
            let published = waiting.join().unwrap();
            match end {
                End::Resume => assert_eq!(published, Ok(Published::Routed)),
                // It may find room as soon as the lane is read, or look at the table again.
                End::Unsubscribe => assert!(published.is_ok()),
                End::Shutdown => assert_eq!(published, Err(PublishError::Closed(2))),
            }
            let _ = router.flush_timeout(common::LIMIT);
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
            match end {
                End::Resume => assert_eq!(log.all(), [0, 1, 2]),
                End::Unsubscribe => assert_eq!((stats.matched, stats.dropped.stopped), (1, 1)),
                End::Shutdown => assert_eq!((stats.matched, stats.dropped.stopped), (2, 2)),
            }
            assert_eq!(end == End::Resume, log.len() > 0);
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

#[test]
fn what_has_ended_cannot_be_suspended_or_resumed() {
    guarded(|| {
        let topic = topic("ENDED");
        let check = |subscription: &Subscription| {
            let unknown = Err(UnsubscribeError::Unknown(subscription.id()));
            for how in BOTH {
                assert_eq!(subscription.suspend(how), unknown);
            }
            assert_eq!(subscription.resume(), unknown);
        };
        let router = Router::<u64>::new();
        let (_, unsubscribed) = logged(&router, topic);
        unsubscribed.suspend(Suspend::Queue).unwrap();
        unsubscribed.unsubscribe().unwrap();
        check(&unsubscribed);
        let stops = router.subscription().filter(Filter::exact(topic));
        let stopped = stops.handler_ctx(|_, ctx| ctx.stop()).unwrap();
        let panicked = router.subscribe(Filter::exact(topic), |_| panic!("asked for"));
        router.publish(topic, 0).unwrap();
        router.flush().unwrap();
        check(&stopped);
        check(&panicked.unwrap());
        let (_, last) = logged(&router, topic);
        router.shutdown(common::FOREVER);
        check(&last);
        drop(router);
        check(&last);
    });
}

#[test]
fn what_waits_for_one_that_ends_is_dropped_and_counted() {
    guarded(|| {
        sweep(|setup| {
            for shuts_down in [false, true] {
                let router: Router<u64> = setup.router();
                let topic = topic("GONE");
                let (log, subscription) = logged(&router, topic);
                subscription.suspend(Suspend::Queue).unwrap();
                publish(&router, topic, 0..50);
                subscription.suspend(Suspend::Discard).unwrap();
                publish(&router, topic, 50..60);
                router.flush().unwrap();
                match shuts_down {
                    true => assert!(router.shutdown(common::FOREVER).is_complete()),
                    false => subscription.unsubscribe().unwrap(),
                }
                let stats = subscription.stats();
                assert_eq!((stats.matched, stats.queued, log.len()), (60, 0, 0));
                assert_eq!((stats.discarded, stats.dropped.stopped), (10, 50));
                assert_all_add_up(&router, 0);
            }
        });
    });
}

/// What it waits for is the shard's last act as well.
#[test]
fn it_returns_while_the_router_shuts_down() {
    guarded(|| {
        for round in 0..rounds(400) {
            let router = Router::<u64>::builder().shards(1).build().unwrap();
            let topic = topic("CLOSING");
            let (_, subscription) = logged(&router, topic);
            let start = SpinBarrier::new(2);
            let other = {
                let (router, start) = (router.clone(), Arc::clone(&start));
                thread::spawn(move || {
                    start.wait();
                    assert!(router.shutdown(common::FOREVER).is_complete());
                })
            };
            start.wait();
            while subscription.suspend(BOTH[round % 2]).is_ok() {
                // Refused at some time, or lost with its shard; either way it counts nowhere or is dropped.
                let _ = router.publish(topic, 0);
                let _ = subscription.resume();
            }
            other.join().unwrap();
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
        }
    });
}

/// Suspends itself at a number, and then does what it is told.
struct Sleeper {
    me: Target,
    at: u64,
    how: Suspend,
    and_then: AndThen,
    log: Log<u64>,
    stopped: Log<StopReason>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum AndThen {
    Return,
    Stop,
    Panic,
}

impl Actor<u64> for Sleeper {
    fn handle(&mut self, event: &Event<u64>, ctx: &mut Context<'_, u64>) {
        self.log.push(*event.payload());
        if *event.payload() == self.at {
            self.me.suspend(self.how);
            match self.and_then {
                AndThen::Return => {}
                AndThen::Stop => ctx.stop(),
                AndThen::Panic => panic!("asked for"),
            }
        }
    }

    fn stopped(&mut self, reason: StopReason) {
        self.stopped.push(reason);
    }
}

#[test]
fn an_actor_that_suspends_itself_is_not_called_again_and_the_rest_of_its_batch_waits() {
    guarded(|| {
        for (how, and_then, long_way) in [
            (Suspend::Queue, AndThen::Return, false),
            (Suspend::Queue, AndThen::Return, true),
            (Suspend::Discard, AndThen::Return, false),
            (Suspend::Queue, AndThen::Panic, false),
            (Suspend::Discard, AndThen::Panic, true),
        ] {
            sweep(|setup| {
                let router: Router<u64> = setup.router();
                let (topic, log, me) = (topic("SELF"), Log::default(), Target::default());
                let builder = on_shard(&router, 0, Filter::exact(topic)).on_panic(OnPanic::Resume);
                let builder = if long_way {
                    builder.when(|_| true)
                } else {
                    builder
                };
                let sleeper = Sleeper {
                    me: me.clone(),
                    at: 2,
                    how,
                    and_then,
                    log: log.clone(),
                    stopped: Log::default(),
                };
                let subscription = builder.actor(sleeper).unwrap();
                me.set(&subscription);
                // On its own shard, so that all of it lies in the lane when the first is handled.
                inside_a_handler(&router, 0, move |_, ctx| {
                    for number in 0..20 {
                        ctx.publish(topic, number).unwrap();
                    }
                });
                router.flush().unwrap();
                router.flush().unwrap();
                assert_eq!(log.all(), [0, 1, 2]);
                // All of it was published before.
                let stats = subscription.stats();
                assert_eq!(
                    (stats.handled, stats.queued),
                    (3, 17),
                    "{how:?} {and_then:?}"
                );
                subscription.resume().unwrap();
                router.flush().unwrap();
                assert!(log.all().into_iter().eq(0..20));
                let stats = subscription.stats();
                assert_eq!(stats.panics, u64::from(and_then == AndThen::Panic));
                assert_eq!((stats.handled, stats.matched), (20, 20));
            });
        }
    });
}

#[test]
fn one_that_suspends_itself_and_stops_has_ended() {
    guarded(|| {
        sweep(|setup| {
            let router: Router<u64> = setup.router();
            let (topic, log, me) = (topic("STOPS"), Log::default(), Target::default());
            let stopped = Log::default();
            let sleeper = Sleeper {
                me: me.clone(),
                at: 1,
                how: Suspend::Queue,
                and_then: AndThen::Stop,
                log: log.clone(),
                stopped: stopped.clone(),
            };
            let subscription = router.spawn(Filter::exact(topic), sleeper).unwrap();
            me.set(&subscription);
            for number in 0..20 {
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            wait_until(|| stopped.len() == 1);
            assert_eq!(stopped.all(), [StopReason::Stopped]);
            assert!(subscription.resume().is_err());
            assert_eq!(log.all(), [0, 1]);
            let stats = subscription.stats();
            assert_adds_up(stats);
            assert_eq!(stats.queued, 0);
        });
    });
}

#[test]
fn a_handler_suspends_its_neighbours_at_once() {
    guarded(|| {
        for how in BOTH {
            for long_way in [false, true] {
                let router = Router::<u64>::builder().shards(1).build().unwrap();
                let topic = topic("NEIGHBOURS");
                let targets = [Target::default(), Target::default()];
                let logs = [Log::default(), Log::default()];
                let subscribe = |which: usize| {
                    let builder = router.subscription().filter(Filter::exact(topic));
                    let builder = if long_way {
                        builder.when(|_| true)
                    } else {
                        builder
                    };
                    let subscription = builder.handler(logs[which].handler()).unwrap();
                    targets[which].set(&subscription);
                };
                // One that comes before the one who does it, and one that comes after.
                subscribe(0);
                let (others, seen) = (targets.clone(), logs.clone());
                let at_that_time = Log::default();
                let times = at_that_time.clone();
                let meddler = move |event: &Event<u64>| {
                    if *event.payload() == 2 {
                        others.iter().for_each(|other| other.suspend(how));
                        times.push([seen[0].len(), seen[1].len()]);
                    }
                };
                router.subscribe(Filter::exact(topic), meddler).unwrap();
                subscribe(1);
                inside_a_handler(&router, 0, move |_, ctx| {
                    for number in 0..20 {
                        ctx.publish(topic, number).unwrap();
                    }
                });
                router.flush().unwrap();
                router.flush().unwrap();
                let lengths = [logs[0].len(), logs[1].len()];
                assert_eq!(at_that_time.all(), [lengths]);
                assert!(lengths[1] <= 2, "it was not suspended at once");
                for (target, log) in targets.iter().zip(&logs) {
                    assert_eq!(target.get().stats().queued, 20 - log.len() as u64);
                    target.resume();
                }
                router.flush().unwrap();
                for log in &logs {
                    assert!(log.all().into_iter().eq(0..20));
                }
            }
        }
    });
}

/// Row 11.
#[test]
fn two_shards_that_suspend_each_other_do_not_wait_for_each_other() {
    guarded(|| {
        for _ in 0..rounds(400) {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let topic = topic("DUEL");
            let targets = [Target::default(), Target::default()];
            let meeting = SpinBarrier::new(2);
            let logs = [Log::default(), Log::default()];
            for shard in [0, 1] {
                let (other, meeting) = (targets[1 - shard].clone(), Arc::clone(&meeting));
                let mut note = logs[shard].handler();
                let handler = move |event: &Event<u64>| {
                    note(event);
                    if *event.payload() == 0 {
                        meeting.wait();
                        other.suspend(Suspend::Queue);
                        meeting.wait();
                    }
                };
                let duellist = on_shard(&router, shard, Filter::exact(topic)).handler(handler);
                targets[shard].set(&duellist.unwrap());
            }
            for number in 0..20 {
                router.publish(topic, number).unwrap();
            }
            router.flush().unwrap();
            for (target, log) in targets.iter().zip(&logs) {
                assert_eq!(log.all(), [0]);
                assert_eq!(target.get().stats().queued, 19);
                target.resume();
            }
            router.flush().unwrap();
            for (target, log) in targets.iter().zip(&logs) {
                assert!(log.all().into_iter().eq(0..20));
                assert_adds_up(target.get().stats());
            }
        }
    });
}

#[test]
fn a_handler_suspends_one_of_another_shard_without_waiting_for_it() {
    guarded(|| {
        for how in BOTH {
            let router = Router::<u64>::builder().shards(2).build().unwrap();
            let (slow, hold) = (topic("SLOW"), Hold::default());
            let target = Target::default();
            let builder = on_shard(&router, 1, Filter::exact(slow));
            target.set(&builder.handler(holding(&hold)).unwrap());
            router.publish(slow, 0).unwrap();
            hold.wait_for_arrival();
            let other = target.clone();
            // Returns while the other shard is still inside the actor.
            inside_shard(&router, 0, 0, move |_, _| other.suspend(how));
            router.publish(slow, 1).unwrap();
            hold.release();
            router.flush().unwrap();
            let stats = target.get().stats();
            assert_eq!(stats.handled, 1);
            assert_eq!(
                (stats.queued, stats.discarded),
                match how {
                    Suspend::Queue => (1, 0),
                    Suspend::Discard => (0, 1),
                }
            );
        }
    });
}
