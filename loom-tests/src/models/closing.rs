use super::{check, hub, offer, recorder, subscribe, topic};
use crate::outlet::Outlet;
use crate::shard::Shard;
use loom::thread;
use std::sync::Arc;

/// G12: an event is handled if and only if publishing it said `Ok`.
///
/// mutants: close_no_fence drain_ignores_gates gate_ignores_closed gate_leave_relaxed no_heavy_fence no_light_fence
#[test]
fn what_is_accepted_is_handled() {
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
                let accepted = offer(&mut outlet, &hub, 1);
                (accepted, outlet)
            })
        };
        hub.close();
        shard.run();
        let (accepted, outlet) = publishing.join().unwrap();
        assert_eq!(seen().len(), usize::from(accepted));
        drop(outlet);
    });
}

/// The same for a lane that is made while the router closes.
///
/// mutants: drain_ignores_gates
#[test]
fn what_is_accepted_on_a_new_lane_is_handled() {
    check(2, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let shard = Shard::new(Arc::clone(&hub), 0);
        let publishing = {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                let mut outlet = Outlet::new(&hub, 2);
                let accepted = offer(&mut outlet, &hub, 1);
                (accepted, outlet)
            })
        };
        hub.close();
        shard.run();
        let (accepted, outlet) = publishing.join().unwrap();
        assert_eq!(seen().len(), usize::from(accepted));
        drop(outlet);
    });
}
