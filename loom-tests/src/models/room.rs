use super::{Stage, check, hub, offer, recorder, stage, subscribe, topic, wait_and_publish};
use crate::error::PublishError;
use crate::publisher::outlet::Outlet;
use crate::publisher::waiting::Waiting;
use crate::shard::Shard;
use crate::sleep::Waiter;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

/// A lane of one slot that is full: the publisher waits, and the shard's next run frees it.
///
/// mutants: room_no_light_fence no_heavy_fence
#[test]
fn a_publisher_that_waits_for_room_gets_it() {
    check(3, || {
        let hub = hub(1);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 1);
        assert!(offer(&mut outlet, &hub, 1));
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                wait_and_publish(&mut outlet, &hub, 2).unwrap();
                outlet
            })
        };
        while seen().is_empty() {
            shard.turn();
        }
        // Nothing else wakes the publisher.
        let outlet = publishing.join().unwrap();
        while shard.turn() {}
        assert_eq!(seen(), [1, 2]);
        drop(outlet);
    });
}

/// mutants: room_ignores_closed
#[test]
fn a_publisher_that_waits_for_room_sees_the_closing() {
    check(2, || {
        let hub = hub(1);
        let (actor, _seen) = recorder();
        subscribe(&hub, actor);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 1);
        while shard.turn() {}
        assert!(offer(&mut outlet, &hub, 1));
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                let refused = wait_and_publish(&mut outlet, &hub, 2);
                assert_eq!(refused, Err(PublishError::Closed(2)));
            })
        };
        // The lane stays full: the shard is in a call that does not end.
        hub.close();
        publishing.join().unwrap();
    });
}

/// A full lane of one slot in which a task waits already.
fn stage_with_a_task(waker: Waker) -> (Stage<impl Fn() -> Vec<u32>>, Waiting<u32>) {
    let mut stage = stage(1);
    assert!(offer(&mut stage.outlet, &stage.hub, 1));
    let (shards, _) = stage.outlet.look(&stage.hub, topic()).unwrap();
    let mut task = Waiting::new(Waiter::new(waker));
    assert!(task.arm(&mut stage.outlet, &stage.hub, shards));
    (stage, task)
}

/// Publishes on another thread, which comes to wait in the same lane, and lets the shard make room. Nothing else wakes it.
fn wait_beside_the_task(stage: Stage<impl Fn() -> Vec<u32>>) {
    let (hub, mut shard, mut outlet) = (stage.hub, stage.shard, stage.outlet);
    let publishing = {
        let hub = Arc::clone(&hub);
        thread::spawn(move || {
            wait_and_publish(&mut outlet, &hub, 2).unwrap();
            outlet
        })
    };
    while (stage.seen)().is_empty() {
        shard.turn();
    }
    let outlet = publishing.join().unwrap();
    while shard.turn() {}
    assert_eq!((stage.seen)(), [1, 2]);
    drop(outlet);
}

/// mutants: room_wakes_one
#[test]
fn all_who_wait_in_a_lane_are_woken() {
    check(3, || {
        let woken = Arc::new(Woken::default());
        let (stage, task) = stage_with_a_task(Waker::from(Arc::clone(&woken)));
        wait_beside_the_task(stage);
        assert!(woken.0.load(Ordering::Relaxed));
        drop(task);
    });
}

/// mutants: room_forgets_others
#[test]
fn a_task_that_gives_up_takes_no_wake_up_from_others() {
    check(3, || {
        let (stage, task) = stage_with_a_task(Waker::noop().clone());
        let giving_up = thread::spawn(move || drop(task));
        wait_beside_the_task(stage);
        giving_up.join().unwrap();
    });
}

/// Loom need not see it: the thread that looks is the one that woke.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
