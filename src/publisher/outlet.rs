//! Publishing: match, look for room, clone, and commit to each lane inside the gate.
//!
//! # One word tells of all changes
//!
//! Whatever a publisher remembers, what the table said and that the router was open, changes before the epoch rises, and
//! is looked up after the epoch was read. So while the epoch is the same it holds: the usual event costs one look at
//! shared memory that nobody writes.

use crate::event::Event;
use crate::interest::{ShardSet, View};
use crate::lane::Producer;
use crate::publisher::Published;
use crate::publisher::gate::Gate;
use crate::router::hub::Hub;
use crate::sleep::Waiter;
use crate::sync::{Ordering, fence_heavy, fence_light, mutant};
use crate::topic::Topic;
use crate::topic::names::ClassId;
use std::collections::VecDeque;

/// Why an offer was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A lane has no room.
    Full,
    /// The router is closed.
    Closed,
    /// It goes to several shards, and this many more copies are needed.
    NeedsCopies(usize),
}

/// What the next event finds.
pub(crate) enum Opening<'a, E> {
    /// Nobody listens.
    Nobody,
    Lane(OpenLane<'a, E>),
    /// Several shards, a lane to make, no room, or something has changed.
    Other,
}

/// The one lane that the next event goes to. It has room, and the gate is entered.
#[must_use = "the gate stays odd until something is pushed"]
pub(crate) struct OpenLane<'a, E> {
    gate: &'a mut Gate,
    lane: &'a mut Producer<E>,
    epoch: u64,
}

impl<E> OpenLane<'_, E> {
    #[inline(always)]
    pub(crate) fn push(self, topic: Topic, payload: E) {
        self.lane.push(topic, payload, self.epoch);
        self.gate.leave();
        self.lane.signal();
    }
}

/// Where an event goes.
enum Target<'a, E> {
    Nobody,
    /// To this shard, whose lane there is and which has room.
    Lane(&'a mut Producer<E>, usize),
    Other,
}

#[inline(always)]
fn target<'a, E>(
    interest: &mut View,
    links: &'a mut [Option<Link<E>>],
    epoch: u64,
    topic: Topic,
) -> Target<'a, E> {
    let Some(shards) = interest.shards(epoch, topic) else {
        return Target::Other;
    };
    if shards.is_empty() {
        return Target::Nobody;
    }
    if let Some(shard) = shards.only()
        && let Some(link) = &mut links[shard]
        && link.lane.has_room(1)
    {
        return Target::Lane(&mut link.lane, shard);
    }
    Target::Other
}

/// Lanes of implicit publishers are short: there may be many such threads.
const IMPLICIT_LANE_CAPACITY: usize = 32;

/// How many events a shard's actors may have published to one shard beyond what its lane takes.
pub(crate) const SPILL_LIMIT: usize = 1024;

/// One publisher's end of everything: its view of the table, its lanes, its gate.
///
/// It has no way to its hub, so that a thread that once published does not keep a router's state alive: callers bring it.
pub(crate) struct Outlet<E> {
    interest: View,
    /// By shard; made on first use.
    links: Vec<Option<Link<E>>>,
    lane_capacity: usize,
    gate: Gate,
    /// Empty, for clones between making and committing them, so that their memory is kept. More than one where making a
    /// clone publishes, too.
    spares: Vec<Vec<E>>,
    /// The shard whose actors publish through this, if it is a shard's.
    owner: Option<usize>,
    /// Events in all spills. Above 0 the gate stays odd.
    spilled: usize,
}

/// The way to one shard.
struct Link<E> {
    lane: Producer<E>,
    /// What did not fit, oldest first. While there is any, everything goes through here.
    spill: VecDeque<Spilled<E>>,
    /// How many events have left the spill.
    unspilled: u64,
}

struct Spilled<E> {
    topic: Topic,
    payload: E,
    epoch: u64,
}

impl<E> Link<E> {
    #[inline]
    fn takes_one(&mut self, spill_limit: usize) -> bool {
        (self.spill.is_empty() && self.lane.has_room(1)) || self.spill.len() < spill_limit
    }

    /// There must be room. Says whether it went to the spill.
    fn put(&mut self, topic: Topic, payload: E, epoch: u64) -> bool {
        if self.spill.is_empty() && self.lane.has_room(1) {
            self.lane.stage(topic, payload, epoch);
            return false;
        }
        self.spill.push_back(Spilled {
            topic,
            payload,
            epoch,
        });
        true
    }
}

impl<E> Outlet<E> {
    /// For a publisher that waits, or takes a refusal.
    pub(crate) fn new(hub: &Hub<E>, lane_capacity: usize) -> Self {
        Outlet {
            interest: View::new(hub.interest()),
            links: (0..hub.ports.len()).map(|_| None).collect(),
            lane_capacity,
            gate: Gate::new(),
            spares: Vec::new(),
            owner: None,
            spilled: 0,
        }
    }

    /// For a thread that publishes without a publisher of its own.
    pub(crate) fn implicit(hub: &Hub<E>) -> Self {
        let capacity = hub.config.lane_capacity.min(IMPLICIT_LANE_CAPACITY);
        Outlet::new(hub, capacity)
    }

    /// For what a shard's actors publish.
    pub(crate) fn of_shard(hub: &Hub<E>, shard: usize) -> Self {
        Outlet {
            owner: Some(shard),
            ..Outlet::new(hub, hub.config.lane_capacity)
        }
    }

    fn spill_limit(&self) -> usize {
        self.owner.map_or(0, |_| SPILL_LIMIT)
    }

    /// Whether it is known that nobody listens to topics of this class. All that such a publish costs.
    #[inline(always)]
    pub(crate) fn is_unwanted(&self, hub: &Hub<E>, class: ClassId) -> bool {
        self.interest.is_unwanted(hub.epoch(), class)
    }

    /// The shards of those who listen to `topic`, and the epoch of that. `None`: the router is closed.
    #[inline]
    pub(crate) fn shards(&mut self, hub: &Hub<E>, topic: Topic) -> Option<(ShardSet, u64)> {
        let epoch = hub.epoch();
        match self.interest.shards(epoch, topic) {
            Some(shards) => Some((shards, epoch)),
            None => self.look(hub, topic),
        }
    }

    /// The same, sure to see a closing that the caller saw.
    #[cold]
    #[inline(never)]
    pub(crate) fn look(&mut self, hub: &Hub<E>, topic: Topic) -> Option<(ShardSet, u64)> {
        let epoch = hub.epoch();
        // On a closed router nothing is taken up, so nothing is ever found in its epoch.
        if hub.is_closed() {
            return None;
        }
        self.interest.refresh(epoch);
        let shards = self.interest.shards(epoch, topic)?;
        Some((shards, epoch))
    }

    /// Makes the lanes that a publish to `topic` would make now.
    pub(crate) fn warm(&mut self, hub: &Hub<E>, topic: Topic) {
        let shards = self
            .look(hub, topic)
            .map_or(ShardSet::EMPTY, |(shards, _)| shards);
        for shard in shards.iter() {
            self.link(hub, shard);
        }
    }

    fn link(&mut self, hub: &Hub<E>, shard: usize) -> &mut Link<E> {
        let (gate, capacity) = (&self.gate, self.lane_capacity);
        self.links[shard].get_or_insert_with(|| Link {
            lane: hub.ports[shard].connect(capacity, gate.view()),
            spill: VecDeque::new(),
            unspilled: 0,
        })
    }

    /// From here until [`leave`](Self::leave) no user code runs. False: closed.
    #[inline]
    fn enter(&mut self, hub: &Hub<E>) -> bool {
        if self.spilled == 0 {
            self.gate.enter();
        } else {
            // The gate is odd already, but a lane made since must be seen by who closes.
            fence_light();
        }
        if hub.is_closed() && !mutant!("gate_ignores_closed") {
            self.leave();
            return false;
        }
        true
    }

    #[inline]
    fn leave(&mut self) {
        if self.spilled == 0 {
            self.gate.leave();
        }
    }

    /// The short way of an event that goes to one shard, or to none.
    #[inline]
    pub(crate) fn open(&mut self, hub: &Hub<E>, topic: Topic) -> Opening<'_, E> {
        let epoch = hub.epoch();
        match target(&mut self.interest, &mut self.links, epoch, topic) {
            Target::Nobody => return Opening::Nobody,
            Target::Lane(lane, _) if self.spilled == 0 => {
                let gate = &mut self.gate;
                gate.enter();
                // Closing raises the epoch, so this is the look at `closed` that `gate.rs` asks for.
                if hub.epoch() == epoch || mutant!("gate_ignores_closed") {
                    return Opening::Lane(OpenLane { gate, lane, epoch });
                }
                gate.leave();
            }
            Target::Lane(..) | Target::Other => {}
        }
        Opening::Other
    }

    /// Writes an event that goes to one shard, or to none, for [`show`](Self::show). Says which, or gives the payload back.
    /// Not for shards: it does not spill.
    #[inline]
    pub(crate) fn stage(&mut self, hub: &Hub<E>, topic: Topic, payload: E) -> Result<ShardSet, E> {
        debug_assert!(self.owner.is_none());
        let epoch = hub.epoch();
        match target(&mut self.interest, &mut self.links, epoch, topic) {
            Target::Nobody => Ok(ShardSet::EMPTY),
            Target::Lane(lane, shard) => {
                lane.stage(topic, payload, epoch);
                Ok(ShardSet::single(shard))
            }
            Target::Other => Err(payload),
        }
    }

    /// The same for any number of shards: all have room, and there is a payload for each.
    pub(crate) fn stage_all(
        &mut self,
        shards: ShardSet,
        topic: Topic,
        payloads: impl Iterator<Item = E>,
        epoch: u64,
    ) {
        for (shard, payload) in shards.iter().zip(payloads) {
            let link = self.links[shard].as_mut();
            let lane = &mut link.expect("the look for room made it").lane;
            lane.stage(topic, payload, epoch);
        }
    }

    /// Whether one more fits into the lanes to all of these shards. Makes them if need be.
    pub(crate) fn has_room(&mut self, hub: &Hub<E>, shards: ShardSet) -> bool {
        let limit = self.spill_limit();
        // For this publisher room only grows until it writes.
        shards
            .iter()
            .all(|shard| self.link(hub, shard).takes_one(limit))
    }

    /// Lets these shards see what is staged for them. False: closed.
    pub(crate) fn show(&mut self, hub: &Hub<E>, shards: ShardSet) -> bool {
        if !self.enter(hub) {
            return false;
        }
        for shard in shards.iter() {
            if let Some(link) = &mut self.links[shard] {
                link.lane.commit();
            }
        }
        self.leave();
        self.signal(shards);
        true
    }

    /// Takes back what is staged for a shard.
    pub(crate) fn unstage(&mut self, shard: usize) -> Vec<Event<E>> {
        let link = self.links[shard].as_mut();
        link.map_or(Vec::new(), |link| link.lane.unstage())
    }

    /// Publishes if there is room in all lanes it must go to, and `copies` has a payload for each of them but one. The payload
    /// is taken if it is routed.
    ///
    /// Never waits, and runs no user code: what it does not take is left to be cloned or dropped outside.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        hub: &Hub<E>,
        topic: Topic,
        payload: &mut Option<E>,
        copies: &mut Vec<E>,
    ) -> Result<Published, Refusal> {
        match self.open(hub, topic) {
            Opening::Nobody => return Ok(Published::Unmatched),
            Opening::Lane(lane) => {
                lane.push(topic, payload.take().expect("there is a payload"));
                return Ok(Published::Routed);
            }
            Opening::Other => {}
        }
        self.offer_to_all(hub, topic, payload, copies)
    }

    /// The long way: to any number of shards.
    #[inline(never)]
    fn offer_to_all(
        &mut self,
        hub: &Hub<E>,
        topic: Topic,
        payload: &mut Option<E>,
        copies: &mut Vec<E>,
    ) -> Result<Published, Refusal> {
        let (shards, epoch) = self.look(hub, topic).ok_or(Refusal::Closed)?;
        if shards.is_empty() {
            return Ok(Published::Unmatched);
        }
        if !self.has_room(hub, shards) {
            return Err(Refusal::Full);
        }
        let missing = (shards.len() - 1).saturating_sub(copies.len());
        if missing > 0 {
            // Room for the copies goes along, so that nothing is allocated for them each time.
            if let Some(mut spare) = self.spares.pop() {
                spare.append(copies);
                *copies = spare;
            }
            return Err(Refusal::NeedsCopies(missing));
        }
        if !self.enter(hub) {
            return Err(Refusal::Closed);
        }
        for shard in shards.iter() {
            let copy = payload.take().or_else(|| copies.pop());
            let (Some(payload), Some(link)) = (copy, &mut self.links[shard]) else {
                unreachable!("a payload and a link for each shard");
            };
            self.spilled += usize::from(link.put(topic, payload, epoch));
            link.lane.commit();
        }
        self.leave();
        self.note_spill(hub);
        self.signal(shards);
        if shards.len() > 1 && copies.is_empty() {
            self.spares.push(std::mem::take(copies));
        }
        Ok(Published::Routed)
    }

    fn signal(&self, shards: ShardSet) {
        for shard in shards.iter() {
            if let Some(link) = &self.links[shard] {
                link.lane.signal();
            }
        }
    }

    /// The lanes to `shards` that have no room. One that is not made yet has.
    pub(crate) fn full_lanes(&mut self, shards: ShardSet) -> impl Iterator<Item = &Producer<E>> {
        (self.links.iter_mut().enumerate())
            .filter(move |(shard, _)| shards.contains(*shard))
            .filter_map(|(_, link)| link.as_mut())
            .filter_map(|link| (!link.lane.has_room(1)).then_some(&link.lane))
    }

    /// Moves spilled events into lanes as far as there is room. Says whether it moved any.
    pub(crate) fn unspill(&mut self, hub: &Hub<E>) -> bool {
        if self.spilled == 0 {
            return false;
        }
        let before = self.spilled;
        for link in self.links.iter_mut().flatten() {
            let had = link.spill.len();
            while !link.spill.is_empty() && link.lane.has_room(1) {
                if let Some(next) = link.spill.pop_front() {
                    link.lane.stage(next.topic, next.payload, next.epoch);
                }
            }
            link.lane.commit();
            let moved = had - link.spill.len();
            if moved > 0 {
                link.unspilled += moved as u64;
                self.spilled -= moved;
                link.lane.signal();
            }
        }
        if self.spilled == 0 {
            // The gate was odd all the while, so it is this commit that the shards wait for.
            self.gate.leave();
        }
        self.note_spill(hub);
        before != self.spilled
    }

    /// Takes the spill for those `shards` out, for the caller to drop where user code may run.
    #[cold]
    pub(crate) fn take_spill(&mut self, hub: &Hub<E>, shards: impl Fn(usize) -> bool) -> Vec<E> {
        let mut taken = Vec::new();
        for (shard, link) in self.links.iter_mut().enumerate() {
            if let Some(link) = link
                && shards(shard)
            {
                link.unspilled += link.spill.len() as u64;
                taken.extend(link.spill.drain(..).map(|spilled| spilled.payload));
            }
        }
        if !taken.is_empty() {
            self.spilled -= taken.len();
            // As in `unspill`: the gate was odd all the while.
            self.leave();
            self.note_spill(hub);
        }
        taken
    }

    fn note_spill(&self, hub: &Hub<E>) {
        if let Some(shard) = self.owner {
            let port = &hub.ports[shard];
            port.spilled.store(self.spilled, Ordering::Relaxed);
            port.meter.spilled_high.raise(self.spilled);
        }
    }

    /// Asks the lanes that have no room for what is spilled to call `waiter`. False: one of them has room by now.
    pub(crate) fn arm_spill(&mut self, waiter: &Waiter) -> bool {
        let spilled = |link: &&mut Link<E>| !link.spill.is_empty();
        for link in self.links.iter_mut().flatten().filter(spilled) {
            link.lane.room().arm(waiter);
        }
        fence_heavy();
        (self.links.iter_mut().flatten())
            .filter(spilled)
            .all(|link| !link.lane.has_room(1))
    }

    /// How far each link's spill must get until what is in it now has left, by shard.
    pub(crate) fn spill_marks(&self) -> Vec<u64> {
        let mark = |link: &Link<E>| link.unspilled + link.spill.len() as u64;
        self.links
            .iter()
            .map(|link| link.as_ref().map_or(0, mark))
            .collect()
    }

    pub(crate) fn is_past(&self, marks: &[u64]) -> bool {
        self.links
            .iter()
            .zip(marks)
            .all(|(link, &mark)| link.as_ref().is_none_or(|link| link.unspilled >= mark))
    }
}
