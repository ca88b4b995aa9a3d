//! 3.4: the original's faults, as tests. The documentation of `laneway::manager::collectors` has the list.

use crate::common::{Count, Log, guarded, inside_a_handler, wait_until};
use crate::support::{Step, info, router, scripted, ticks, wait_for_state};
use laneway::manager::Subscribers;
use laneway::manager::collectors::vic::{BaseEvent, EventKind, VicError};
use laneway::manager::collectors::{Collectors, State, Stopped};
use laneway::{Filter, Router, Suspend};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// There: a map that is read while another thread writes it.
#[test]
fn publishing_goes_on_while_names_come_and_go() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let kept = Log::default();
        subscribers
            .subscribe(Filter::any(), "kept", kept.handler())
            .unwrap();
        std::thread::scope(|scope| {
            for thread in 0..2 {
                let subscribers = &subscribers;
                scope.spawn(move || {
                    for round in 0..200 {
                        let name = format!("{thread}/{}", round % 5);
                        subscribers
                            .subscribe(Filter::exact(ticks()), &name, |_| ())
                            .unwrap();
                        if round % 3 == 0 {
                            subscribers
                                .unsubscribe(&Filter::exact(ticks()), &name)
                                .unwrap();
                        }
                    }
                });
            }
            for number in 0..2000 {
                router.publish(ticks(), number).unwrap();
            }
        });
        router.flush().unwrap();
        assert_eq!(kept.all(), (0..2000).collect::<Vec<_>>());
    });
}

/// There: a callback that is slow fills its queue, then blocks all topics and all publishers.
#[test]
fn a_suspended_subscriber_holds_up_nobody_but_itself() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router).mailbox(10, laneway::Overflow::DropOldest);
        let slow = subscribers
            .subscribe(Filter::any(), "slow", |_| ())
            .unwrap();
        slow.suspend(Suspend::Queue).unwrap();
        let log = Log::default();
        subscribers
            .subscribe(Filter::any(), "fast", log.handler())
            .unwrap();
        for number in 0..5000 {
            router.publish(ticks(), number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!(log.len(), 5000);
        assert_eq!(slow.dropped(), 4990);
    });
}

/// There: a callback that publishes can deadlock.
#[test]
fn a_handler_that_publishes_to_itself_ends() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let (weak, count) = (router.downgrade(), Count::default());
        let counter = count.clone();
        let handler = move |event: &laneway::Event<u64>| {
            counter.add();
            let left = *event.payload();
            if left > 0
                && let Some(router) = weak.upgrade()
            {
                router.publish(ticks(), left - 1).unwrap();
            }
        };
        subscribers
            .subscribe(Filter::exact(ticks()), "echo", handler)
            .unwrap();
        router.publish(ticks(), 1000).unwrap();
        wait_until(|| count.get() == 1001);
    });
}

/// There: suspending or resuming from one's own callback deadlocks.
#[test]
fn a_handler_suspends_and_replaces_itself() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Arc::new(Subscribers::new(&router));
        let second = Log::default();
        let (own, log) = (Arc::clone(&subscribers), second.clone());
        let first = Count::default();
        let count = first.clone();
        let handler = move |_: &laneway::Event<u64>| {
            count.add();
            let replaced = own
                .subscribe(Filter::exact(ticks()), "own", log.handler())
                .unwrap();
            replaced.suspend(Suspend::Queue).unwrap();
        };
        let subscriber = subscribers
            .subscribe(Filter::exact(ticks()), "own", handler)
            .unwrap();
        for number in 0..10 {
            router.publish(ticks(), number).unwrap();
        }
        router.flush().unwrap();
        assert_eq!((first.get(), second.len()), (1, 0));
        assert!(subscriber.is_suspended());
        subscriber.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(second.all(), (1..10).collect::<Vec<_>>());
    });
}

/// There: resuming a full queue while the manager drops from it can stall the manager.
#[test]
fn suspending_and_resuming_at_random_loses_nothing_and_stalls_nobody() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router).mailbox(4, laneway::Overflow::DropOldest);
        let log = Log::default();
        let subscriber = subscribers
            .subscribe(Filter::any(), "s", log.handler())
            .unwrap();
        std::thread::scope(|scope| {
            let toggles = scope.spawn(|| {
                for _ in 0..500 {
                    subscriber.suspend(Suspend::Queue).unwrap();
                    subscriber.resume().unwrap();
                }
            });
            let mut number = 0;
            while !toggles.is_finished() {
                router.publish(ticks(), number).unwrap();
                number += 1;
            }
        });
        router.flush().unwrap();
        let stats = subscriber.stats();
        assert_eq!(
            stats.matched,
            stats.handled + stats.dropped.oldest,
            "{stats:?}"
        );
        assert_eq!(stats.handled, log.len() as u64);
        assert!(log.all().windows(2).all(|pair| pair[0] < pair[1]));
    });
}

/// There: each unsubscribing and each replacing leaves a thread and a queue behind.
#[test]
fn nothing_is_left_of_subscribers_and_collectors() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let held = Arc::new(());
        for _ in 0..50 {
            let mine = Arc::clone(&held);
            let handler = move |_: &laneway::Event<u64>| drop(Arc::clone(&mine));
            subscribers.subscribe(Filter::any(), "s", handler).unwrap();
            // The handler before is dropped when this returns, without an event.
            assert_eq!(Arc::strong_count(&held), 2);
        }
        subscribers.unsubscribe(&Filter::any(), "s").unwrap();
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(router.subscriptions().is_empty());

        let collectors = Collectors::new(&router);
        for _ in 0..20 {
            collectors.register(scripted("c").0).unwrap();
            collectors.start("c").unwrap();
        }
        let (last, script) = scripted("c");
        collectors.register(last).unwrap();
        collectors.start("c").unwrap();
        wait_until(|| script.log.len() > 0);
        drop(collectors);
        assert_eq!(script.log.all(), ["runs", "stopped", "dropped"]);
    });
}

/// There: no way to shut the manager down.
#[test]
fn shutting_down_ends_collectors_and_subscriptions() {
    guarded(|| {
        let router = router::<u64>();
        let subscribers = Subscribers::new(&router);
        let log = Log::default();
        subscribers
            .subscribe(Filter::any(), "s", log.handler())
            .unwrap();
        let collectors = Collectors::new(&router);
        let (collector, script) = scripted("c");
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        script.then(Step::Publish(1));
        wait_until(|| info(&collectors, "c").published == 1);
        let report = collectors.stop_all(Duration::MAX);
        assert_eq!((report.ended, report.late.len()), (1, 0));
        assert!(router.shutdown(Duration::MAX).is_complete());
        assert_eq!(log.all(), [1]);
        assert_eq!(subscribers.count(), 0);
        assert!(subscribers.subscribe(Filter::any(), "s", |_| ()).is_err());
    });
}

/// There: the loop never ends after Stop. Here one that does not look at its stop token ends at its next event.
#[test]
fn a_collector_that_only_publishes_ends_when_it_is_stopped() {
    struct Endless;
    impl laneway::manager::collectors::Collector<u64> for Endless {
        fn name(&self) -> &str {
            "endless"
        }
        fn run(
            &mut self,
            target: &mut laneway::manager::collectors::Target<u64>,
            _: &laneway::manager::collectors::Stop,
        ) -> Result<(), laneway::manager::collectors::Failure> {
            for number in 0.. {
                target.publish(ticks(), number)?;
            }
            Ok(())
        }
    }
    guarded(|| {
        let router = router::<u64>();
        let log = Log::default();
        router.subscribe(Filter::any(), log.handler()).unwrap();
        let collectors = Collectors::new(&router);
        collectors.register(Endless).unwrap();
        collectors.start("endless").unwrap();
        wait_until(|| log.len() > 1000);
        assert_eq!(collectors.stop("endless"), Ok(Stopped::Ended));
        let info = info(&collectors, "endless");
        assert_eq!((info.state, info.failures), (State::Stopped, 0));
        router.flush().unwrap();
        // Each event that was accepted, and nothing after the end.
        assert_eq!(log.all(), (0..info.published).collect::<Vec<_>>());
    });
}

/// The same where it waits for room that never comes.
#[test]
fn a_collector_that_waits_for_room_ends_when_it_is_stopped() {
    guarded(|| {
        let router = Router::<u64>::builder()
            .shards(1)
            .lane_capacity(4)
            .build()
            .unwrap();
        let at = ticks();
        let subscription = router
            .subscription()
            .filter(Filter::exact(at))
            .mailbox(1, laneway::Overflow::Block)
            .handler(|_| ())
            .unwrap();
        subscription.suspend(Suspend::Queue).unwrap();
        let collectors = Collectors::new(&router);
        let (collector, script) = scripted("c");
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        for number in 0..100 {
            script.then(Step::Publish(number));
        }
        // It is stuck: the mailbox has one, the lane four.
        wait_until(|| info(&collectors, "c").published == 5);
        assert_eq!(collectors.stop("c"), Ok(Stopped::Ended));
        assert_eq!(info(&collectors, "c").published, 5);
        subscription.resume().unwrap();
        router.flush().unwrap();
        assert_eq!(subscription.stats().handled, 5);
    });
}

/// There: Stop before Start is a nil pointer.
#[test]
fn stopping_what_does_not_run_is_fine() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Collectors::new(&router);
        collectors.register(scripted("c").0).unwrap();
        assert_eq!(collectors.stop("c"), Ok(Stopped::Idle));
        collectors.start("c").unwrap();
        assert_eq!(collectors.stop("c"), Ok(Stopped::Ended));
        assert_eq!(collectors.stop("c"), Ok(Stopped::Idle));
        assert_eq!(collectors.stop_all(Duration::ZERO), Default::default());
    });
}

/// There: an error shows at the debug level only.
#[test]
fn a_failure_shows_in_the_list() {
    guarded(|| {
        let router = router::<u64>();
        let never = laneway::manager::collectors::Restarts::never();
        let collectors = Collectors::new(&router).restarts(never);
        let (collector, script) = scripted("c");
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        script.then(Step::Fail("the server is on fire"));
        let failed = wait_for_state(&collectors, "c", |state| {
            matches!(state, State::Failed { .. })
        });
        let reason = "the server is on fire".to_owned();
        assert_eq!(failed.last_failure, Some(reason.clone()));
        assert_eq!(
            (failed.state, failed.failures),
            (State::Failed { reason }, 1)
        );
    });
}

/// There: an unknown type of event or power state panics.
#[test]
fn unknown_types_are_errors() {
    let now = SystemTime::now();
    assert_eq!(
        BaseEvent::vm("VmMessageEvent", 1, "vm:1", "", now),
        Err(VicError::UnknownVsphereType("VmMessageEvent".into()))
    );
    assert_eq!(
        BaseEvent::state("unknown", "1", "vm:1", now),
        Err(VicError::UnknownPowerState("unknown".into()))
    );
    assert_eq!(EventKind::of_vsphere(""), None);
}

/// There: suspending waits for the callback; two that wait for each other hang. Here the threads of actors do not wait, also
/// not for collectors.
#[test]
fn a_handler_stops_a_collector_without_waiting() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Arc::new(Collectors::new(&router));
        let (collector, script) = scripted("c");
        let hold = crate::common::Latch::default();
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        script.then(Step::Ignore(hold.clone()));
        wait_until(|| script.log.all().contains(&"ignores"));
        let inside = Arc::clone(&collectors);
        let results = inside_a_handler(&router, 0, move |_, _| {
            (
                inside.stop("c"),
                inside.restart("c").is_err(),
                inside.remove("c").is_err(),
                inside.register(scripted("c").0).is_err(),
                inside.stop_all(Duration::MAX).late,
            )
        });
        assert_eq!(
            results,
            (Ok(Stopped::Told), true, true, true, vec!["c".to_owned()])
        );
        assert_eq!(info(&collectors, "c").state, State::Stopping);
        hold.open();
        wait_for_state(&collectors, "c", |state| *state == State::Stopped);
    });
}

/// A handler restarts a collector, or registers another in its place: it was told to stop, and then the call was refused.
#[test]
fn who_is_refused_in_a_handler_has_stopped_nothing() {
    guarded(|| {
        let router = router::<u64>();
        let collectors = Arc::new(Collectors::new(&router));
        let (collector, script) = scripted("c");
        collectors.register(collector).unwrap();
        collectors.start("c").unwrap();
        wait_until(|| script.log.all().contains(&"runs"));
        let inside = Arc::clone(&collectors);
        let refused = inside_a_handler(&router, 0, move |_, _| {
            let restarted = inside.restart("c");
            (
                restarted.is_err(),
                inside.register(scripted("c").0).is_err(),
            )
        });
        assert_eq!(refused, (true, true));
        assert_eq!(info(&collectors, "c").state, State::Running);
        script.then(Step::Publish(1));
        wait_until(|| info(&collectors, "c").published == 1);
    });
}
