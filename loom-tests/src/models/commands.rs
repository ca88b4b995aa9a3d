//! These rest on the stand-ins for arc-swap and kanal, see `sync.rs`.

use super::{
    Stage, check, hub, offer, recorder, stage, subscribe, subscribe_to, topic, turn_until_freed,
};
use crate::filter::Filter;
use crate::publisher::outlet::Outlet;
use crate::shard::Shard;
use crate::subscription::Control;
use crate::sync::{AtomicBool, Ordering};
use crate::topic::Topic;
use loom::thread;
use std::sync::Arc;

/// G5: what is published after `subscribe` returned is seen.
///
/// mutants: commands_too_early
#[test]
fn row_03_a_subscription_sees_what_is_published_after_it() {
    check(2, || {
        // Somebody listens already, so that the lane is polled.
        let Stage {
            hub,
            mut shard,
            mut outlet,
            ..
        } = stage(2);
        let (actor, seen) = recorder();
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                subscribe(&hub, actor);
                assert!(offer(&mut outlet, &hub, 1));
                outlet
            })
        };
        shard.turn();
        let outlet = publishing.join().unwrap();
        while shard.turn() {}
        assert_eq!(seen(), [1]);
        drop(outlet);
    });
}

/// G5: what was published before `subscribe` was called is not, although it is still queued.
///
/// mutants: since_ignored
#[test]
fn row_03_a_subscription_does_not_see_what_was_published_before_it() {
    check(2, || {
        let hub = hub(2);
        let (first, _) = recorder();
        subscribe(&hub, first);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 2);
        let (actor, seen) = recorder();
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                assert!(offer(&mut outlet, &hub, 1));
                subscribe(&hub, actor);
                outlet
            })
        };
        shard.turn();
        let outlet = publishing.join().unwrap();
        while shard.turn() {}
        assert_eq!(seen(), []);
        drop(outlet);
    });
}

/// G6: once `unsubscribe` has returned, no call begins.
///
/// mutants: removed_too_early
#[test]
fn row_04_unsubscribing_is_a_barrier() {
    /// Says when it is dropped.
    struct Last(Arc<AtomicBool>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    check(2, || {
        let hub = hub(2);
        let dropped = Arc::new(AtomicBool::new(false));
        let last = Last(Arc::clone(&dropped));
        let record = subscribe(&hub, move |_: &crate::event::Event<u32>| {
            let _last = &last;
        });
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let leaving = {
            let (hub, id) = (Arc::clone(&hub), record.id);
            thread::spawn(move || {
                hub.unsubscribe(id, None).unwrap();
                assert!(dropped.load(Ordering::Relaxed), "the actor is not dropped");
            })
        };
        turn_until_freed(&mut shard, &record);
        leaving.join().unwrap();
    });
}

/// An actor sees all up to some event: when its interest is gone and an event passes it by, it gets no later one either
/// that comes to the shard for somebody else.
///
/// mutants: ends_too_late
#[test]
fn a_subscription_ends_without_gaps() {
    let other = Topic::new("model", "other").unwrap();
    check(2, move || {
        let Stage {
            hub,
            mut shard,
            mut outlet,
            ..
        } = stage(2);
        let (actor, seen) = recorder();
        let everything = subscribe_to(&hub, Filter::any(), actor);
        // The shard remembers where this class goes.
        assert!(offer(&mut outlet, &hub, 0));
        while shard.turn() {}
        let leaving = {
            let (hub, id) = (Arc::clone(&hub), everything.id);
            thread::spawn(move || hub.unsubscribe(id, None).unwrap())
        };
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                let _ = outlet.offer(&hub, other, &mut Some(1), &mut Vec::new());
                assert!(offer(&mut outlet, &hub, 2));
                outlet
            })
        };
        shard.turn();
        let outlet = publishing.join().unwrap();
        while shard.turn() {}
        assert_ne!(seen(), [0, 2]);
        turn_until_freed(&mut shard, &everything);
        leaving.join().unwrap();
        drop(outlet);
    });
}

/// The shard learns of changes in the order in which the table changed: here the first key under a pattern goes and
/// another comes, while an event makes the shard remember what the class matches.
///
/// mutants: removal_out_of_order
#[test]
fn routes_follow_the_table() {
    let keyed = |resource: u64| Filter::exact(topic().with_resource(resource));
    check(2, move || {
        let hub = hub(4);
        let (everything, _) = recorder();
        subscribe_to(&hub, Filter::any(), everything);
        let (first, _) = recorder();
        let first = subscribe_to(&hub, keyed(1), first);
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 4);
        outlet.warm(&hub, topic());
        while shard.turn() {}
        // The first of its class: handling it makes the route.
        assert!(offer(&mut outlet, &hub, 0));
        let leaving = {
            let (hub, id) = (Arc::clone(&hub), first.id);
            thread::spawn(move || hub.unsubscribe(id, None).unwrap())
        };
        let (second, seen) = recorder();
        shard.turn();
        subscribe_to(&hub, keyed(2), second);
        let mut copies = Vec::new();
        let topic = topic().with_resource(2);
        assert!(outlet.offer(&hub, topic, &mut Some(7), &mut copies).is_ok());
        turn_until_freed(&mut shard, &first);
        while shard.turn() {}
        assert_eq!(seen(), [7]);
        leaving.join().unwrap();
    });
}
