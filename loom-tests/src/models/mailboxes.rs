//! What is between a shard and others when something waits: suspension, and lanes that are held.
//!
//! These rest on the stand-ins for arc-swap and kanal, see `sync.rs`.

use super::{check, hub, offer, recorder, subscribe, subscribe_with, topic};
use crate::event::Event;
use crate::filter::Filter;
use crate::publisher::outlet::Outlet;
use crate::receiver::Receiver;
use crate::receiver::remote::remote;
use crate::shard::Shard;
use crate::shard::supervise::Nobody;
use crate::subscription::{Control, Subscription, Suspend};
use crate::sync::{AtomicBool, Ordering};
use loom::thread;
use std::sync::{Arc, Weak};

/// G6: when `suspend` has returned, no call is running or begins.
///
/// mutants: paused_too_early
#[test]
fn suspending_is_a_barrier() {
    check(2, || {
        let hub = hub(2);
        let is_running = Arc::new(AtomicBool::new(false));
        let running = Arc::clone(&is_running);
        let record = subscribe(&hub, move |_: &Event<u32>| {
            running.store(true, Ordering::Relaxed);
            thread::yield_now();
            running.store(false, Ordering::Relaxed);
        });
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 2);
        while shard.turn() {}
        assert!(offer(&mut outlet, &hub, 1));
        let is_done = Arc::new(AtomicBool::new(false));
        let suspending = {
            let (hub, id, is_done) = (Arc::clone(&hub), record.id, Arc::clone(&is_done));
            thread::spawn(move || {
                hub.suspend(id, Suspend::Queue).unwrap();
                assert!(!is_running.load(Ordering::Relaxed), "a call is running");
                is_done.store(true, Ordering::Relaxed);
            })
        };
        while !is_done.load(Ordering::Relaxed) {
            shard.turn();
            thread::yield_now();
        }
        suspending.join().unwrap();
        drop(outlet);
    });
}

/// A lane is held for an actor that is suspended, and its shard sleeps: resuming it wakes the shard, which polls the lane again.
///
/// mutants: held_stays_cold
#[test]
fn a_held_lane_goes_on_when_its_actor_does() {
    check(2, || {
        let hub = hub(4);
        let (actor, seen) = recorder();
        let record = subscribe_with(&hub, Filter::exact(topic()), actor, 1, None);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 4);
        record.state.suspend(Some(Suspend::Queue));
        // One waits in the mailbox, and the other in the lane.
        for payload in 1..3 {
            assert!(offer(&mut outlet, &hub, payload));
        }
        while shard.turn() {}
        let resuming = {
            let (hub, id) = (Arc::clone(&hub), record.id);
            thread::spawn(move || hub.resume(id).unwrap())
        };
        while seen().len() < 2 {
            if !shard.turn() {
                shard.sleep();
            }
        }
        assert_eq!(seen(), [1, 2]);
        resuming.join().unwrap();
        drop(outlet);
    });
}

/// The same for a receiver: taking an event wakes the shard.
///
/// mutants: held_stays_cold full_outbox_not_armed
#[test]
fn a_held_lane_goes_on_when_its_receiver_does() {
    check(2, || {
        let hub = hub(4);
        let (outbox, inbox) = remote(1, false);
        let record = subscribe_with(&hub, Filter::exact(topic()), Nobody, 1, Some(outbox));
        let subscription = Subscription::new(
            Arc::clone(&record),
            Weak::<crate::router::hub::Hub<u32>>::new(),
        );
        let mut receiver = Receiver::new(inbox, subscription, Arc::clone(&hub));
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 4);
        for payload in 1..3 {
            assert!(offer(&mut outlet, &hub, payload));
        }
        while shard.turn() {}
        let reading = thread::spawn(move || {
            for payload in 1..3 {
                assert_eq!(receiver.recv().unwrap().into_payload(), payload);
            }
            receiver
        });
        // Both are matched as soon as the second has left the lane.
        while record.stats().matched < 2 {
            if !shard.turn() {
                shard.sleep();
            }
        }
        drop(reading.join().unwrap());
        drop(outlet);
    });
}
