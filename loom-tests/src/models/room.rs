use super::{check, hub, offer, recorder, subscribe, topic, wait_and_publish};
use crate::error::PublishError;
use crate::outlet::Outlet;
use crate::shard::Shard;
use loom::thread;
use std::sync::Arc;

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
