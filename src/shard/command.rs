//! What a shard is told beside events.

use crate::countdown::Done;
use crate::lane::Consumer;
use crate::shard::Seat;
use crate::subscription::Record;
use std::sync::Arc;

/// Taken between runs, in the order in which they were sent.
///
/// Their number is bounded by others: one `Attach` for each lane, one `Spawn` and one `Remove` for each seat that
/// `max_subscriptions` counts, one `Resume` for each too, one `Pause` or `Barrier` for each thread that waits without a limit. Flushes, which can be given up,
/// are not commands: see [`Port::flush`](crate::shard::port::Port::flush).
pub(crate) enum Command<E> {
    /// A publisher's new lane.
    Attach(Consumer<E>),
    /// A new actor.
    Spawn(Seat<E>),
    /// Its interest is out of the table already. `done` when the actor is dropped.
    Remove { record: Arc<Record>, done: Done },
    /// It is suspended. `done` when no call of it is running.
    Pause { record: Arc<Record>, done: Done },
    /// It is no longer suspended.
    Resume(Arc<Record>),
    /// Dropped when all commands before it are carried out, and so all actors removed that ended before.
    Barrier(Done),
}
