//! A manager that closes while something else goes on in it.

use crate::common::{Hold, LIMIT, guarded, rounds, wait_until};
use crate::support::{event, note_as, stats};
use laneway::manager::{DriverSpec, DriverType, Function, Manager, ManagerError, SubscriptionSpec};
use laneway::{Filter, Router};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// `start` is at its subscriptions, `close(ZERO)` finds no driver to stop and does not wait, `start` goes on with the drivers
/// and opens the gate: the drivers outlived the manager, and events were taken.
#[test]
fn a_start_that_a_close_overtakes_leaves_nothing_behind() {
    guarded(|| {
        for _ in 0..rounds(3) {
            let router = Router::new();
            let manager = Manager::builder().router(&router).build().unwrap();
            for number in 0..50 {
                let spec = SubscriptionSpec::new(format!("s{number}"), "*", "f");
                manager.create_subscription(spec).unwrap();
            }
            manager
                .create_driver_type(DriverType::in_process("t"))
                .unwrap();
            manager.create_driver(DriverSpec::new("d", "t")).unwrap();
            thread::scope(|scope| {
                let start = scope.spawn(|| manager.start());
                wait_until(|| router.subscriptions().len() > 1);
                manager.close(Duration::ZERO);
                match start.join().unwrap() {
                    // All of it was over before.
                    Ok(()) | Err(ManagerError::Closed) => {}
                    Err(error) => panic!("{error}"),
                }
            });
            assert!(manager.emit(event("1", "a")).is_err());
            wait_until(|| manager.drivers().is_empty());
            wait_until(|| router.subscriptions().is_empty());
        }
    });
}

/// An update waits for a handler's shard, and the handler starts the manager again: it waited for the update to let go.
#[test]
fn starting_again_in_a_handler_waits_for_no_update() {
    guarded(|| {
        let manager = Manager::builder().patience(LIMIT * 100).build().unwrap();
        manager.start().unwrap();
        let manager = Arc::new(manager);
        note_as(&manager, "f");
        let spec = SubscriptionSpec::new("s", "a", "f");
        manager.create_subscription(spec.clone()).unwrap();
        let hold = Hold::default();
        let (stop, inside) = (hold.clone(), Arc::downgrade(&manager));
        manager
            .router()
            .subscribe(Filter::any().event_type("go"), move |_| {
                stop.stop_here();
                inside.upgrade().unwrap().start().unwrap();
            })
            .unwrap();
        manager.emit(event("1", "go")).unwrap();
        hold.wait_for_arrival();
        thread::scope(|scope| {
            let update = scope.spawn(|| manager.update_subscription(spec.event_type("b")));
            wait_until(|| {
                manager.subscription("s").unwrap().status == laneway::manager::Status::Updating
            });
            hold.release();
            update.join().unwrap().unwrap();
        });
    });
}

/// A deletion has discarded two events and waits for its shard; closing sums up what was discarded, with these; the deletion
/// takes the subscription off the list; closing sums up again, without them, and the difference was below zero.
#[test]
fn a_subscription_that_goes_while_it_closes_is_counted_at_both_times() {
    guarded(|| {
        let router = Router::builder().shards(1).build().unwrap();
        let manager = Manager::builder()
            .router(&router)
            .workers(1)
            .patience(Duration::from_millis(1))
            .build()
            .unwrap();
        manager.start().unwrap();
        let (running, shard) = (Hold::default(), Hold::default());
        let stop = running.clone();
        let function = Function::new(move |_, _| {
            stop.stop_here();
            Ok(())
        });
        manager.add_function("f", function).unwrap();
        for (name, event_type) in [("goes", "a"), ("stays", "b")] {
            let spec = SubscriptionSpec::new(name, event_type, "f");
            manager.create_subscription(spec).unwrap();
        }
        let stop = shard.clone();
        router
            .subscribe(Filter::any().event_type("go"), move |_| stop.stop_here())
            .unwrap();
        let events = ["a", "a", "a", "b"].map(|event_type| event("1", event_type));
        manager.emit_all(events).unwrap();
        running.wait_for_arrival();
        manager.emit(event("1", "go")).unwrap();
        shard.wait_for_arrival();
        thread::scope(|scope| {
            let delete = scope.spawn(|| manager.delete_subscription("goes").unwrap());
            wait_until(|| stats(&manager, "goes").discarded == 2);
            let close = scope.spawn(|| manager.close(Duration::ZERO));
            // The first sum is taken. It waits for the shard now, and then for the function.
            wait_until(|| stats(&manager, "stays").discarded == 1);
            shard.release();
            assert_eq!(delete.join().unwrap().stats.discarded, 2);
            running.release();
            assert_eq!(close.join().unwrap().discarded, 1);
        });
    });
}
