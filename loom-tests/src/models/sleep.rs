use super::{Stage, check, hub, offer, offering, recorder, stage, subscribe};
use crate::lane::lane;
use crate::publisher::outlet::Outlet;
use crate::shard::Shard;
use crate::sleep::{Bell, Reader};
use loom::thread;
use std::sync::Arc;

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
fn row_10_one_publisher_never_leaves_a_shard_asleep() {
    check(3, || {
        let Stage {
            hub,
            mut shard,
            outlet,
            seen,
        } = stage(2);
        let publishing = offering(&hub, outlet, 1);
        handle(&mut shard, seen, 1);
        assert!(publishing.join().unwrap().0);
    });
}

/// Lanes made on the way, and two that signal at once.
///
/// mutants: bell_forgets bell_no_wake
#[test]
fn row_10_two_publishers_never_leave_a_shard_asleep() {
    check(2, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let publishing = [1, 2].map(|payload| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || assert!(offer(&mut Outlet::new(&hub, 2), &hub, payload)))
        });
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
        let Stage {
            hub,
            mut shard,
            outlet,
            seen,
        } = stage(2);
        assert!(shard.may_sleep());
        let publishing = offering(&hub, outlet, 1);
        while !hub.ports[0].bell.is_ringing() {
            thread::yield_now();
        }
        shard.turn();
        assert_eq!(seen(), [1]);
        assert!(publishing.join().unwrap().0);
    });
}

/// Who answers the bell sees what was done before it rang, without a fence of its own.
///
/// mutants: bell_ring_relaxed
#[test]
fn a_signal_brings_what_came_before_it() {
    check(3, || {
        let bell = Arc::new(Bell::new());
        let (publisher, shard) = lane::<u32>(1, 1, Reader::shard(Arc::clone(&bell), 0));
        let leaving = thread::spawn(move || drop(publisher));
        // Not a loop that yields: after a yield loom shows no values from before it, and the model could not fail.
        if bell.is_ringing() {
            assert!(shard.reader().is_named_in(bell.answer()));
            assert!(shard.is_gone());
        }
        leaving.join().unwrap();
    });
}
