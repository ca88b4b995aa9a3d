use super::{check, hub, offer, topic};
use crate::event::Event;
use crate::filter::Filter;
use crate::publisher::outlet::Outlet;
use crate::router::hub::Plan;
use crate::shard::mailbox::{Mailbox, Overflow};
use crate::shard::supervise::Supervision;
use crate::shard::{Care, Predicate, Setup, Shard};
use crate::subscription::builder::Placement;
use std::sync::{Arc, Mutex};

/// The stall detector takes two looks at one mark for one long call (row 8), so no mark comes back: also not where an actor
/// that is called the short way follows one that makes calls of its own, or one that panics.
///
/// No schedule decides here. It is a model because it looks inside.
#[test]
fn row_08_no_two_calls_have_the_same_mark() {
    check(0, || {
        let hub = hub(8);
        let marks = Arc::new(Mutex::new(Vec::new()));
        // In the order in which they are called: without and with a predicate, and one that panics.
        for kind in [0, 0, 1, 0, 2, 0, 1, 1, 0] {
            let note = {
                let (hub, marks) = (Arc::downgrade(&hub), Arc::clone(&marks));
                move || {
                    let hub = hub.upgrade().unwrap();
                    marks.lock().unwrap().push(hub.ports[0].meter.call.last());
                }
            };
            let asked = note.clone();
            let asks: Predicate<u32> = Box::new(move |_| {
                asked();
                true
            });
            let actor = move |event: &Event<u32>| {
                note();
                assert!(kind != 2 || *event.payload() < 3, "a panic of the model");
            };
            let mailbox = Mailbox::new(8, Overflow::Block);
            let care = Care::new(
                (kind == 1).then_some(asks),
                mailbox,
                Supervision::Stop,
                None,
            );
            let plan = Plan {
                filters: vec![Filter::exact(topic())],
                name: None,
                placement: Placement::Colocate,
            };
            let setup = Setup {
                actor: Box::new(actor),
                care,
                budget: 8,
            };
            hub.subscribe(plan, setup).unwrap();
        }
        let mut shard = Shard::new(Arc::clone(&hub), 0);
        let mut outlet = Outlet::new(&hub, 8);
        for payload in 0..6 {
            assert!(offer(&mut outlet, &hub, payload));
            while shard.turn() {}
        }
        let marks = std::mem::take(&mut *marks.lock().unwrap());
        // All but the one that panics have all events.
        assert_eq!(marks.len(), 6 * (8 + 3) + 4);
        let calls: Vec<u64> = marks.iter().map(|mark| mark >> 32).collect();
        assert!(calls.is_sorted_by(|one, next| one < next), "{calls:?}");
    });
}
