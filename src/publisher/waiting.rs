//! Waiting for room: a thread that parks, or a task that is woken.

use crate::interest::ShardSet;
use crate::lane::Probe;
use crate::publisher::outlet::Outlet;
use crate::router::hub::Hub;
use crate::sleep::{Patience, Waiter, this_thread};
use crate::sync::{fence_heavy, mutant, park};
use crate::topic::Topic;

/// A waiter and the lanes it waits in. Dropping this takes it out of them, from any thread.
pub(crate) struct Waiting<E> {
    waiter: Waiter,
    lanes: Vec<Probe<E>>,
}

impl<E> Waiting<E> {
    pub(crate) fn new(waiter: Waiter) -> Self {
        let lanes = Vec::new();
        Waiting { waiter, lanes }
    }

    /// Waits in those lanes to `shards` that have no room. False: an offer may succeed by now, since all have, or the router
    /// closed.
    pub(crate) fn arm(&mut self, outlet: &mut Outlet<E>, hub: &Hub<E>, shards: ShardSet) -> bool {
        for lane in outlet.full_lanes(shards) {
            lane.room().arm(&self.waiter);
            self.lanes.push(lane.probe());
        }
        fence_heavy();
        let closed = hub.is_closed() && !mutant!("room_ignores_closed");
        // Room only grows meanwhile, so the lanes that are full now are among those armed.
        !closed && outlet.full_lanes(shards).next().is_some()
    }

    fn disarm(&mut self) {
        for lane in self.lanes.drain(..) {
            lane.room().disarm(&self.waiter);
        }
    }
}

impl<E> Drop for Waiting<E> {
    fn drop(&mut self) {
        self.disarm();
    }
}

/// Waits until an offer to `topic` may succeed: there is room, or the router closed. Not on threads that run actors.
#[cold]
pub(crate) fn wait_for_room<E>(outlet: &mut Outlet<E>, hub: &Hub<E>, topic: Topic) {
    let Some((shards, _)) = outlet.look(hub, topic) else {
        return;
    };
    let mut patience = Patience::default();
    let mut waiting = None;
    while outlet.full_lanes(shards).next().is_some() && !hub.is_closed() {
        if patience.wait() {
            continue;
        }
        let waiting = waiting.get_or_insert_with(|| Waiting::new(this_thread()));
        if waiting.arm(outlet, hub, shards) {
            park();
        }
        waiting.disarm();
    }
}
