//! How long does an event take from one thread to another, and to many receivers there?

use crate::rounds::Workload;
use crate::stage::{Message, Usual};
use crate::systems::channel::{self, Crossbeam, Crossfire, CrossfireShared, Flume, Kanal};
use crate::systems::rtrb::Line;
use crate::systems::{broadcast, disruptor, kameo, laneway, ractor, rtrb};

const BATCH: usize = 32;

pub(crate) fn handoff() -> Workload {
    Workload::new("handoff", 1)
        .of_events("laneway", |n| laneway::one_by_one::<Usual>(n, 1))
        .of_events("rtrb", rtrb::one_by_one::<Message<Usual>>)
        .of_events("disruptor", disruptor::one_by_one::<Usual>)
        .of_events("kanal", |n| channel::deliver::<Kanal, Usual>(n, 1))
        .of_events("crossfire", |n| channel::deliver::<Crossfire, Usual>(n, 1))
        .of_events("crossbeam-channel", |n| {
            channel::deliver::<Crossbeam, Usual>(n, 1)
        })
        .of_events("flume", |n| channel::deliver::<Flume, Usual>(n, 1))
        .of_events("tokio broadcast", |n| broadcast::deliver::<Usual>(n, 1))
        .of_events("kameo broker", |n| kameo::deliver(n, 1))
        .of_events("ractor output port", |n| ractor::deliver(n, 1))
}

pub(crate) fn handoff_small() -> Workload {
    Workload::new("handoff-small", 1)
        .of_events("laneway", |n| laneway::one_by_one::<u64>(n, 1))
        .of_events("rtrb", rtrb::one_by_one::<Message<u64>>)
        .of_events("rtrb, 64 bytes", rtrb::one_by_one::<Line<u64>>)
        .of_events("disruptor", disruptor::one_by_one::<u64>)
}

pub(crate) fn handoff_batch() -> Workload {
    Workload::new("handoff-batch", 1)
        .of_events("laneway", |n| laneway::in_batches::<Usual>(n, 1, BATCH))
        .of_events("rtrb", |n| rtrb::in_batches::<Message<Usual>>(n, BATCH))
        .of_events("disruptor", |n| disruptor::in_batches::<Usual>(n, BATCH))
}

pub(crate) fn fanouts() -> Vec<Workload> {
    [("fanout-8", 8), ("fanout-64", 64), ("fanout-1024", 1024)]
        .map(|(name, receivers)| {
            let workload = Workload::new(name, receivers)
                .of_events("laneway", move |n| {
                    laneway::one_by_one::<Usual>(n, receivers)
                })
                .of_events("kanal", move |n| {
                    channel::deliver::<Kanal, Usual>(n, receivers)
                })
                .of_events("tokio broadcast", move |n| {
                    broadcast::deliver::<Usual>(n, receivers)
                })
                .of_events("kameo broker", move |n| kameo::deliver(n, receivers))
                .of_events("ractor output port", move |n| ractor::deliver(n, receivers));
            // With few actors, the ring itself is what takes the time.
            if receivers < 64 {
                return workload;
            }
            workload.of_events("a call each", move |n| {
                rtrb::call_each::<Message<Usual>>(n, receivers)
            })
        })
        .into()
}

/// Four publishers share a CPU, and one receiver has the other.
pub(crate) fn publishers_4() -> Workload {
    Workload::new("publishers-4", 1)
        .of_events("laneway", laneway::gather::<Usual, 4>)
        .of_events("disruptor", disruptor::gather::<Usual, 4>)
        .of_events("kanal", channel::gather::<Kanal, Usual, 4>)
        .of_events("crossfire", channel::gather::<CrossfireShared, Usual, 4>)
        .of_events("crossbeam-channel", channel::gather::<Crossbeam, Usual, 4>)
        .of_events("flume", channel::gather::<Flume, Usual, 4>)
}
