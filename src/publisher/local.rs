//! What a thread is to the routers it touches: its own outlets, and whether it runs actors.
//!
//! [`Router::publish`](crate::Router::publish) goes through an outlet of the calling thread, made on first use. On a shard's
//! thread, and while a thread polls a shard, that is the shard's own. No user code runs while one is in use.

use crate::contain::contain;
use crate::publisher::Way;
use crate::publisher::outlet::Outlet;
use crate::router::hub::Hub;
use crate::sync::{Ordering, global, thread_local};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Weak};

struct Entry {
    hub: u64,
    /// Dead once the router's last handle and shard are gone: then the entry goes at the next insert.
    alive: Weak<dyn Any + Send + Sync>,
    /// An `Outlet<E>`.
    outlet: Box<dyn Any>,
}

thread_local! {
    #[expect(clippy::missing_const_for_thread_local, reason = "loom's macro has no const form")]
    static OUTLETS: RefCell<Vec<Entry>> = RefCell::new(Vec::new());
    #[expect(clippy::missing_const_for_thread_local, reason = "loom's macro has no const form")]
    static RUNS_ACTORS: Cell<bool> = Cell::new(false);
    static NUMBER: u64 = {
        static NEXT: global::AtomicU64 = global::AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
}

/// Whether this thread runs actors now. Whether it may wait is for [`Hub::may_wait`] to say.
pub(crate) fn is_actor_thread() -> bool {
    RUNS_ACTORS.try_with(Cell::get).unwrap_or(false)
}

/// The calling thread's number, never given twice and never 0.
pub(crate) fn thread_number() -> u64 {
    NUMBER.try_with(|number| *number).unwrap_or(u64::MAX)
}

/// Calls `body`, which runs no user code, with this thread's outlet to `hub`.
///
/// In the destructor of a thread-local there may be none any more: then with one for this call alone.
pub(crate) fn with_outlet<E, R>(hub: &Arc<Hub<E>>, body: impl FnOnce(&mut Outlet<E>) -> R) -> R
where
    E: Send + 'static,
{
    let mut body = Some(body);
    let mut call = |outlet: &mut Outlet<E>| body.take().map(|body| body(outlet));
    loop {
        let done = OUTLETS.try_with(|outlets| {
            let mut outlets = outlets.try_borrow_mut().ok()?;
            let entry = outlets.iter_mut().find(|entry| entry.hub == hub.id);
            Some(entry.map(|entry| entry.outlet.downcast_mut().and_then(&mut call)))
        });
        match done.ok().flatten() {
            Some(Some(result)) => return result.expect("a hub's id stands for its type"),
            Some(None) => insert(hub, Outlet::implicit(hub)),
            None => return call(&mut Outlet::implicit(hub)).expect("not called before"),
        }
    }
}

/// From now on this thread counts as one that runs actors: user code on it that would wait is refused.
pub(crate) fn never_wait() {
    RUNS_ACTORS.with(|runs| runs.set(true));
}

/// From now on this thread runs the actors of a shard, and publishes to `hub` through `outlet`.
///
/// It stays an actor thread to its end: destructors of its thread-locals are user code as well.
pub(crate) fn adopt<E: Send + 'static>(hub: &Arc<Hub<E>>, outlet: Outlet<E>) {
    never_wait();
    insert(hub, outlet);
}

/// The shard's outlet goes.
pub(crate) fn abandon<E: Send + 'static>(hub: &Arc<Hub<E>>) {
    let entry = OUTLETS.with(|outlets| {
        let mut outlets = outlets.borrow_mut();
        let place = outlets.iter().position(|entry| entry.hub == hub.id)?;
        Some(outlets.swap_remove(place))
    });
    contain(|| drop(entry));
}

fn insert<E: Send + 'static>(hub: &Arc<Hub<E>>, outlet: Outlet<E>) {
    let entry = Entry {
        hub: hub.id,
        alive: Arc::downgrade(hub) as _,
        outlet: Box::new(outlet),
    };
    let dead: Vec<Entry> = OUTLETS.with(|outlets| {
        let mut outlets = outlets.borrow_mut();
        let dead = outlets
            .extract_if(.., |entry| entry.alive.strong_count() == 0)
            .collect();
        outlets.push(entry);
        dead
    });
    // Outside the borrow: dropping a lane may drop payloads, and those may publish.
    drop(dead);
}

/// While this lives the thread is an actor thread.
pub(crate) struct Acting {
    before: bool,
}

impl Acting {
    pub(crate) fn begin() -> Self {
        Acting {
            before: RUNS_ACTORS.with(|runs| runs.replace(true)),
        }
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        RUNS_ACTORS.with(|runs| runs.set(self.before));
    }
}

/// While this lives a shard's outlet is the thread's. Going both ways it stays in its box, so nothing is allocated.
pub(crate) struct Lent<'a, E: Send + 'static> {
    hub: u64,
    /// Where it goes back to.
    home: &'a mut Option<Box<Outlet<E>>>,
    /// The thread's own to the same hub, meanwhile.
    own: Option<Box<dyn Any>>,
}

/// Puts the outlet from `home` in the place of the thread's own. `None`: there is none, or the thread is ending and has no
/// place for it any more.
pub(crate) fn lend<'a, E: Send + 'static>(
    hub: &Arc<Hub<E>>,
    home: &'a mut Option<Box<Outlet<E>>>,
) -> Option<Lent<'a, E>> {
    let own = OUTLETS.try_with(|outlets| {
        let mut outlets = outlets.borrow_mut();
        let outlet: Box<dyn Any> = home.take()?;
        let entry = outlets.iter_mut().find(|entry| entry.hub == hub.id);
        Some(match entry {
            Some(entry) => Some(std::mem::replace(&mut entry.outlet, outlet)),
            None => {
                outlets.push(Entry {
                    hub: hub.id,
                    alive: Arc::downgrade(hub) as _,
                    outlet,
                });
                None
            }
        })
    });
    let own = own.ok().flatten()?;
    let hub = hub.id;
    Some(Lent { hub, home, own })
}

impl<E: Send + 'static> Drop for Lent<'_, E> {
    fn drop(&mut self) {
        let lent = OUTLETS.with(|outlets| {
            let mut outlets = outlets.borrow_mut();
            let place = outlets.iter().position(|entry| entry.hub == self.hub)?;
            Some(match self.own.take() {
                Some(own) => std::mem::replace(&mut outlets[place].outlet, own),
                None => outlets.swap_remove(place).outlet,
            })
        });
        *self.home = lent.and_then(|lent| lent.downcast().ok());
    }
}

/// The way to this thread's outlet.
pub(crate) struct ThreadsOwn<'a, E>(pub(crate) &'a Arc<Hub<E>>);

impl<E: Send + 'static> Way<E> for ThreadsOwn<'_, E> {
    #[inline]
    fn with<R>(&mut self, body: impl FnOnce(&mut Outlet<E>, &Hub<E>) -> R) -> R {
        with_outlet(self.0, |outlet| body(outlet, self.0))
    }
}
