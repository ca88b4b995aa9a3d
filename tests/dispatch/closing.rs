//! The end of a manager.

use crate::common::{FOREVER, Hold, LIMIT, Log, guarded};
use crate::support::{assert_adds_up, event, hold_in, note_as, started, stats};
use laneway::manager::{DriverSpec, DriverType, Function, Status, SubscriptionSpec};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn what_was_taken_is_run_before_the_end() {
    guarded(|| {
        let manager = started();
        let seen = note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f").capacity(10_000);
        manager.create_subscription(spec).unwrap();
        manager
            .emit_all((0..5000).map(|id| event(&id.to_string(), "a")))
            .unwrap();
        assert!(manager.close(FOREVER).is_complete());
        assert_eq!(seen.len(), 5000);
        assert!(manager.close(FOREVER).is_complete());
    });
}

/// Row 14: what was accepted is run, and what is not comes back.
#[test]
fn nobody_emits_into_the_void_while_it_closes() {
    guarded(|| {
        for _ in 0..crate::common::rounds(40) {
            let manager = started();
            let seen = note_as(&manager, "f");
            let spec = SubscriptionSpec::new("s", "a", "f").capacity(1 << 20);
            manager.create_subscription(spec).unwrap();
            let accepted: usize = std::thread::scope(|scope| {
                let emitters: Vec<_> = (0..2)
                    .map(|_| {
                        scope.spawn(|| {
                            (0..)
                                .take_while(|_| manager.emit(event("1", "a")).is_ok())
                                .count()
                        })
                    })
                    .collect();
                crate::common::wait_until(|| seen.len() > 3);
                assert!(manager.close(FOREVER).is_complete());
                emitters
                    .into_iter()
                    .map(|emitter| emitter.join().unwrap())
                    .sum()
            });
            assert_eq!(seen.len(), accepted);
        }
    });
}

#[test]
fn closures_that_do_not_return_are_named() {
    guarded(|| {
        let manager = started();
        let (function, driver) = (hold_in(&manager, "f"), Hold::default());
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        manager
            .create_driver_type(DriverType::in_process("deaf"))
            .unwrap();
        let stop = driver.clone();
        manager
            .add_driver_kind("deaf", move |_| {
                stop.stop_here();
                Ok(())
            })
            .unwrap();
        manager.create_driver(DriverSpec::new("d", "deaf")).unwrap();
        driver.wait_for_arrival();
        manager
            .emit_all([event("1", "a"), event("2", "a")])
            .unwrap();
        function.wait_for_arrival();
        let report = manager.close(Duration::ZERO);
        assert_eq!(report.discarded, 1);
        assert_eq!(report.detached.len(), 2, "{report:?}");
        assert_eq!(report.detached[0], "laneway-driver-d");
        assert!(report.detached[1].starts_with("laneway-run-"));
        function.release();
        driver.release();
        crate::common::wait_until(|| stats(&manager, "s").pending == 0);
        assert_adds_up(stats(&manager, "s"));
    });
}

#[test]
fn deleting_a_subscription_discards_and_counts_what_waits() {
    guarded(|| {
        let manager = started();
        let hold = hold_in(&manager, "f");
        manager
            .create_subscription(SubscriptionSpec::new("s", "a", "f"))
            .unwrap();
        manager
            .emit_all((0..5).map(|id| event(&id.to_string(), "a")))
            .unwrap();
        hold.wait_for_arrival();
        let gone = manager.delete_subscription("s").unwrap();
        assert_eq!((gone.stats.discarded, gone.stats.pending), (4, 1));
        assert_eq!(gone.status, Status::Deleted);
        assert_adds_up(gone.stats);
        hold.release();
        assert!(manager.wait_idle(LIMIT));
    });
}

/// An update waits for a handler's shard, and the handler closes the manager: neither waits for the other for long.
#[test]
fn closing_in_a_handler_waits_for_no_update() {
    guarded(|| {
        let manager = laneway::manager::Manager::builder()
            .patience(LIMIT * 100)
            .build()
            .unwrap();
        manager.start().unwrap();
        let manager = Arc::new(manager);
        note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        manager.create_subscription(spec.clone()).unwrap();
        let (hold, refused) = (Hold::default(), Log::default());
        let (stop, inside, log) = (hold.clone(), Arc::downgrade(&manager), refused.clone());
        let (router, again) = (manager.router().clone(), spec.clone());
        router
            .subscribe(laneway::Filter::any().event_type("go"), move |_| {
                stop.stop_here();
                let manager = inside.upgrade().unwrap();
                manager.close(FOREVER);
                log.push(manager.create_subscription(again.clone()).is_err());
            })
            .unwrap();
        manager.emit(event("1", "go")).unwrap();
        hold.wait_for_arrival();
        std::thread::scope(|scope| {
            let update = scope.spawn(|| manager.update_subscription(spec.event_type("b")));
            crate::common::wait_until(|| {
                manager.subscription("s").unwrap().status == Status::Updating
            });
            hold.release();
            assert!(update.join().unwrap().is_err());
        });
        crate::common::wait_until(|| refused.len() == 1);
        assert_eq!(refused.take(), [true]);
    });
}

/// Somebody else on the router holds everything up; the end comes all the same, and says so.
#[test]
fn closing_ends_while_an_update_is_held_up() {
    guarded(|| {
        let router = laneway::Router::new();
        let manager = laneway::manager::Manager::builder()
            .router(&router)
            .patience(LIMIT * 100)
            .build()
            .unwrap();
        manager.start().unwrap();
        let spec = SubscriptionSpec::new("s", "*", "f");
        manager.create_subscription(spec.clone()).unwrap();
        let hold = Hold::default();
        let stop = hold.clone();
        router
            .subscribe(laneway::Filter::any().event_type("go"), move |_| {
                stop.stop_here()
            })
            .unwrap();
        manager.emit(event("1", "go")).unwrap();
        hold.wait_for_arrival();
        std::thread::scope(|scope| {
            let update = scope.spawn(|| manager.update_subscription(spec.event_type("b")));
            crate::common::wait_until(|| {
                manager.subscription("s").unwrap().status == Status::Updating
            });
            let report = manager.close(Duration::ZERO);
            assert!(report.is_held_up);
            assert_eq!(report.detached, ["laneway-close"]);
            hold.release();
            assert!(update.join().unwrap().is_err());
        });
        crate::common::wait_until(|| router.subscriptions().len() == 1);
    });
}

/// The last handle goes in a handler, in a function, in a driver: none of them waits for itself.
#[test]
fn the_last_handle_may_go_anywhere() {
    guarded(|| {
        let told = Log::default();
        for place in ["handler", "function", "driver"] {
            let router = laneway::Router::new();
            let manager = laneway::manager::Manager::builder()
                .router(&router)
                .build()
                .unwrap();
            let manager = Arc::new(manager);
            let slot = Arc::new(Mutex::new(None));
            let (inside, log) = (slot.clone(), told.clone());
            let release = move || {
                let last: Option<Arc<laneway::manager::Manager>> = inside.lock().unwrap().take();
                if last.is_some() {
                    drop(last);
                    log.push(place);
                }
            };
            match place {
                "handler" => drop(
                    router
                        .subscribe(laneway::Filter::any(), move |_| release())
                        .unwrap(),
                ),
                "function" => {
                    let run = move |_: &_, _: &laneway::manager::FunctionContext<'_>| {
                        release();
                        Ok(())
                    };
                    manager.add_function("f", Function::new(run)).unwrap();
                }
                _ => {
                    manager
                        .add_driver_kind("t", move |ctx| {
                            while ctx.wait(Duration::from_millis(1)) {
                                release();
                            }
                            Ok(())
                        })
                        .unwrap();
                    manager
                        .create_driver_type(DriverType::in_process("t"))
                        .unwrap();
                    manager.create_driver(DriverSpec::new("d", "t")).unwrap();
                }
            }
            manager.start().unwrap();
            manager
                .create_subscription(SubscriptionSpec::new("s", "a", "f"))
                .unwrap();
            // It has the last one from here on, and lets go of it when something happens.
            let topics = laneway::cloudevents::TopicMap::new();
            let topic = topics.topic(&event("1", "a"));
            *slot.lock().unwrap() = Some(manager);
            router.publish(topic, event("1", "a")).unwrap();
            crate::common::wait_until(|| told.len() == 1);
            assert_eq!(told.take(), [place]);
        }
    });
}
