//! What a thread is to the routers it touches: its own outlets, and whether it runs actors.
//!
//! [`Router::publish`](crate::Router::publish) goes through an outlet of the calling thread, made on first use. On a shard's
//! thread that is the shard's own. It is taken out while in use, since a payload's Clone may publish too; such a nested
//! publish, and one in a thread-local's destructor, gets an outlet for itself alone.

use crate::hub::Hub;
use crate::outlet::Outlet;
use crate::sync::thread_local;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

/// Lanes of implicit publishers are short: there may be many such threads.
pub(crate) const IMPLICIT_LANE_CAPACITY: usize = 32;

struct Entry {
    hub: u64,
    /// Dead once the router's last handle and shard are gone: then the entry goes at the next insert.
    alive: Weak<dyn Any + Send + Sync>,
    /// An `Outlet<E>`, or nothing while it is in use.
    outlet: Option<Box<dyn Any>>,
}

thread_local! {
    #[expect(clippy::missing_const_for_thread_local, reason = "loom's macro has no const form")]
    static OUTLETS: RefCell<Vec<Entry>> = RefCell::new(Vec::new());
    #[expect(clippy::missing_const_for_thread_local, reason = "loom's macro has no const form")]
    static RUNS_ACTORS: Cell<bool> = Cell::new(false);
}

/// Whether waiting here could be waiting for oneself.
pub(crate) fn is_actor_thread() -> bool {
    RUNS_ACTORS.try_with(Cell::get).unwrap_or(false)
}

/// Calls `body` with this thread's outlet to `hub`.
pub(crate) fn with_outlet<E, R>(hub: &Arc<Hub<E>>, body: impl FnOnce(&mut Outlet<E>) -> R) -> R
where
    E: Send + 'static,
{
    match Borrowed::take(hub) {
        Some(mut borrowed) => body(borrowed.outlet()),
        None => body(&mut implicit(hub)),
    }
}

/// From now on this thread runs the actors of a shard, and publishes to `hub` through `outlet`.
pub(crate) fn adopt<E: Send + 'static>(hub: &Arc<Hub<E>>, outlet: Outlet<E>) {
    RUNS_ACTORS.with(|runs| runs.set(true));
    insert(hub, Some(Box::new(outlet)));
}

/// This thread runs no actors any more, and the shard's outlet is gone.
pub(crate) fn abandon<E: Send + 'static>(hub: &Arc<Hub<E>>) {
    let entry = OUTLETS.with(|outlets| {
        let mut outlets = outlets.borrow_mut();
        let place = outlets.iter().position(|entry| entry.hub == hub.id)?;
        Some(outlets.swap_remove(place))
    });
    drop(entry);
    RUNS_ACTORS.with(|runs| runs.set(false));
}

fn implicit<E>(hub: &Hub<E>) -> Outlet<E> {
    Outlet::new(hub, hub.config.lane_capacity.min(IMPLICIT_LANE_CAPACITY))
}

fn insert<E: Send + 'static>(hub: &Arc<Hub<E>>, outlet: Option<Box<dyn Any>>) {
    let alive: Weak<dyn Any + Send + Sync> = Arc::downgrade(hub) as _;
    let dead: Vec<Entry> = OUTLETS.with(|outlets| {
        let mut outlets = outlets.borrow_mut();
        let dead = outlets
            .extract_if(.., |entry| entry.alive.strong_count() == 0)
            .collect();
        outlets.push(Entry {
            hub: hub.id,
            alive,
            outlet,
        });
        dead
    });
    // Outside the borrow: dropping a lane may drop payloads, and those may publish.
    drop(dead);
}

/// A thread's outlet while in use; put back when dropped, by a panic too.
struct Borrowed<E: Send + 'static> {
    hub: u64,
    /// An `Outlet<E>`; `None` only within `drop`.
    outlet: Option<Box<dyn Any>>,
    events: std::marker::PhantomData<Outlet<E>>,
}

impl<E: Send + 'static> Borrowed<E> {
    /// `None`: it is in use further up, or this thread is ending.
    fn take(hub: &Arc<Hub<E>>) -> Option<Self> {
        let known = OUTLETS
            .try_with(|outlets| {
                let mut outlets = outlets.borrow_mut();
                let entry = outlets.iter_mut().find(|entry| entry.hub == hub.id);
                entry.map(|entry| entry.outlet.take())
            })
            .ok()?;
        let outlet = match known {
            Some(in_place) => in_place?,
            None => {
                insert(hub, None);
                Box::new(implicit(hub))
            }
        };
        Some(Borrowed {
            hub: hub.id,
            outlet: Some(outlet),
            events: std::marker::PhantomData,
        })
    }

    #[inline]
    fn outlet(&mut self) -> &mut Outlet<E> {
        let outlet = self.outlet.as_mut().expect("taken only within drop");
        outlet
            .downcast_mut()
            .expect("a hub's id stands for its type")
    }
}

impl<E: Send + 'static> Drop for Borrowed<E> {
    fn drop(&mut self) {
        let mut outlet = self.outlet.take();
        // An entry that was swept meanwhile, or a thread that is ending: the outlet drops here, outside the borrow.
        let _ = OUTLETS.try_with(|outlets| {
            let mut outlets = outlets.borrow_mut();
            if let Some(entry) = outlets.iter_mut().find(|entry| entry.hub == self.hub) {
                entry.outlet = outlet.take();
            }
        });
    }
}
