//! How long does an event take from one thread to another, and to many receivers there?

use crate::rounds::Workload;
use crate::stage::{Message, Usual};
use crate::systems::channel::{self, Kanal};
use crate::systems::rtrb::Line;
use crate::systems::{laneway, rtrb};

const BATCH: usize = 32;

pub(crate) fn handoff() -> Workload {
    Workload::new("handoff", 1)
        .of_events("laneway", |n| laneway::one_by_one::<Usual>(n, 1))
        .of_events("rtrb", rtrb::one_by_one::<Message<Usual>>)
        .of_events("kanal", |n| channel::deliver::<Kanal, Usual>(n, 1))
}

pub(crate) fn handoff_small() -> Workload {
    Workload::new("handoff-small", 1)
        .of_events("laneway", |n| laneway::one_by_one::<u64>(n, 1))
        .of_events("rtrb", rtrb::one_by_one::<Message<u64>>)
        .of_events("rtrb, 64 bytes", rtrb::one_by_one::<Line<u64>>)
}

pub(crate) fn handoff_batch() -> Workload {
    Workload::new("handoff-batch", 1)
        .of_events("laneway", |n| laneway::in_batches::<Usual>(n, 1, BATCH))
        .of_events("rtrb", |n| rtrb::in_batches::<Message<Usual>>(n, BATCH))
}

pub(crate) fn fanouts() -> Vec<Workload> {
    [("fanout-8", 8), ("fanout-64", 64), ("fanout-1024", 1024)]
        .map(|(name, receivers)| {
            Workload::new(name, receivers)
                .of_events("laneway", move |n| {
                    laneway::one_by_one::<Usual>(n, receivers)
                })
                .of_events("kanal", move |n| {
                    channel::deliver::<Kanal, Usual>(n, receivers)
                })
        })
        .into()
}
