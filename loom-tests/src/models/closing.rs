use super::{Stage, check, hub, offering, recorder, stage, subscribe};
use crate::publisher::outlet::Outlet;
use crate::shard::Shard;
use std::sync::Arc;

/// G12: an event is handled if and only if publishing it said `Ok`.
///
/// mutants: claims_ignore_closed close_no_fence claims_unseen no_heavy_fence no_light_fence
#[test]
fn row_14_what_is_accepted_is_handled() {
    check(3, || {
        let Stage {
            hub,
            shard,
            outlet,
            seen,
        } = stage(2);
        let publishing = offering(&hub, outlet, 1);
        hub.close();
        shard.run();
        let (accepted, _outlet) = publishing.join().unwrap();
        assert_eq!(seen().len(), usize::from(accepted));
    });
}

/// The same for a lane that is made while the router closes.
///
/// mutants: claims_unseen
#[test]
fn row_14_what_is_accepted_on_a_new_lane_is_handled() {
    check(2, || {
        let hub = hub(2);
        let (actor, seen) = recorder();
        subscribe(&hub, actor);
        let shard = Shard::new(Arc::clone(&hub), 0);
        let publishing = offering(&hub, Outlet::new(&hub, 2), 1);
        hub.close();
        shard.run();
        let (accepted, _outlet) = publishing.join().unwrap();
        assert_eq!(seen().len(), usize::from(accepted));
    });
}
