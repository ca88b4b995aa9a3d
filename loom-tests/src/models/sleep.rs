use super::{check, hub, offer, recorder, subscribe, topic};
use crate::gate::Gate;
use crate::hub::Hub;
use crate::lane::lane;
use crate::outlet::Outlet;
use crate::shard::Shard;
use crate::sleep::Bell;
use loom::thread;
use std::sync::Arc;

fn publish(hub: &Arc<Hub<u32>>, payload: u32) -> thread::JoinHandle<()> {
    let hub = Arc::clone(hub);
    thread::spawn(move || {
        assert!(offer(&mut Outlet::new(&hub, 2), &hub, payload));
    })
}

/// Turns and sleeps until `count` events are handled. A lost wake-up is a deadlock, which loom reports.
fn handle(shard: &mut Shard<u32>, seen: impl Fn() -> Vec<u32>, count: usize) {
    while seen().len() < count {
        if !shard.turn() {
            shard.sleep();
        }
    }
}

/// The lane is there and polled; the shard is about to fall asleep, or does.
///
/// mutants: no_light_fence no_heavy_fence cold_no_fence cold_no_recheck cold_no_ring bell_no_wake
#[test]
fn one_publisher_never_leaves_a_shard_asleep() {
    check(3, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 2);
        outlet.warm(&hub, topic());
        while shard.turn() {}
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                assert!(offer(&mut outlet, &hub, 1));
                outlet
            })
        };
        handle(&mut shard, seen, 1);
        publishing.join().unwrap();
    });
}

/// Lanes made on the way, and two that signal at once.
///
/// mutants: bell_forgets bell_no_wake
#[test]
fn two_publishers_never_leave_a_shard_asleep() {
    check(2, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let publishing = [publish(&hub, 1), publish(&hub, 2)];
        handle(&mut shard, seen, 2);
        for thread in publishing {
            thread.join().unwrap();
        }
    });
}

/// A shard that is awake polls a cold lane only because the bell rings, and then finds what it rings for.
///
/// mutants: cold_no_ring
#[test]
fn a_cold_lane_is_polled_again_once_it_rings() {
    check(2, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 2);
        outlet.warm(&hub, topic());
        while shard.turn() {}
        assert!(shard.cool_all());
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                assert!(offer(&mut outlet, &hub, 1));
                outlet
            })
        };
        while !hub.ports[0].bell.is_ringing() {
            thread::yield_now();
        }
        shard.turn();
        assert_eq!(seen(), [1]);
        publishing.join().unwrap();
    });
}

/// Who answers the bell sees what was done before it rang, without a fence of its own.
///
/// mutants: bell_ring_relaxed
#[test]
fn a_signal_brings_what_came_before_it() {
    check(3, || {
        let bell = Arc::new(Bell::new());
        let (publisher, shard) = lane::<u32>(1, 1, Gate::new().view(), Arc::clone(&bell), 0);
        let leaving = thread::spawn(move || drop(publisher));
        // Not a loop that yields: after a yield loom shows no values from before it, and the model could not fail.
        if bell.is_ringing() {
            assert_eq!(bell.answer(), shard.bit());
            assert!(shard.is_gone());
        }
        leaving.join().unwrap();
    });
}
