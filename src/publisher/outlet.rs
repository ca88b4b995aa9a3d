//! Publishing: match, look for room, clone, claim a place in each lane, and commit to it unless the router has closed.
//!
//! # One word tells of all changes
//!
//! Whatever a publisher remembers, what the table said and that the router was open, changes before the epoch rises, and
//! is looked up after the epoch was read. So while the epoch is the same it holds: the usual event costs one look at
//! shared memory that nobody writes. Where nobody listens to anything, the epoch itself says so.

use crate::interest::{Known, ShardSet, View};
use crate::lane::Producer;
use crate::publisher::Published;
use crate::router::hub::Hub;
use crate::sleep::Waiter;
use crate::sync::{Ordering, fence_heavy, fence_light, mutant};
use crate::topic::Topic;
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
    /// The long way.
    Other,
}

impl<'a, E> From<Option<OpenLane<'a, E>>> for Opening<'a, E> {
    #[inline(always)]
    fn from(lane: Option<OpenLane<'a, E>>) -> Self {
        lane.map_or(Opening::Other, Opening::Lane)
    }
}

/// The one lane that the next event goes to: its place there is claimed, and the router is open.
#[must_use = "the shard waits for what is claimed"]
pub(crate) struct OpenLane<'a, E> {
    lane: &'a mut Producer<E>,
    position: u64,
    epoch: u64,
}

impl<E> OpenLane<'_, E> {
    #[inline(always)]
    pub(crate) fn push(self, topic: Topic, payload: E) {
        self.lane.put(self.position, topic, payload, self.epoch);
        self.lane.signal();
    }
}

/// Lanes of implicit publishers are short: there may be many such threads.
const IMPLICIT_LANE_CAPACITY: usize = 32;

/// How many events a shard's actors may have published to one shard beyond what its lane takes.
pub(crate) const SPILL_LIMIT: usize = 1024;

/// One publisher's end of everything: its view of the table and its lanes.
///
/// It has no way to its hub, so that a thread that once published does not keep a router's state alive: callers bring it.
pub(crate) struct Outlet<E> {
    interest: View,
    /// By shard; made on first use.
    links: Vec<Option<Link<E>>>,
    lane_capacity: usize,
    /// Empty, for clones between making and committing them, so that their memory is kept. More than one where making a
    /// clone publishes, too.
    spares: Vec<Vec<E>>,
    /// The shard whose actors publish through this, if it is a shard's.
    owner: Option<usize>,
    /// Events in all spills.
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
        (self.spill.is_empty() && self.lane.has_room()) || self.spill.len() < spill_limit
    }

    /// There must be room, and a claim. Says whether it went to the spill.
    fn put(&mut self, topic: Topic, payload: E, epoch: u64) -> bool {
        if self.spill.is_empty() && self.lane.has_room() {
            self.lane.fill(topic, payload, epoch);
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

    /// What is known of who wants a topic.
    #[inline(always)]
    pub(crate) fn known(&self, hub: &Hub<E>, topic: Topic) -> Known {
        self.interest.known(hub.epoch(), topic)
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
        // Room for the copies as well, see `offer_to_all`.
        let copies = shards.len().saturating_sub(1);
        if copies > 0 {
            let mut spare = self.spares.pop().unwrap_or_default();
            spare.reserve(copies);
            self.spares.push(spare);
        }
    }

    fn link(&mut self, hub: &Hub<E>, shard: usize) -> &mut Link<E> {
        let capacity = self.lane_capacity;
        self.links[shard].get_or_insert_with(|| Link {
            lane: hub.ports[shard].connect(capacity),
            spill: VecDeque::new(),
            unspilled: 0,
        })
    }

    /// The links to these shards, which the look for room has made.
    fn links(&mut self, shards: ShardSet) -> impl Iterator<Item = &mut Link<E>> {
        let wanted = move |(shard, link): (usize, _)| shards.contains(shard).then_some(link);
        self.links
            .iter_mut()
            .enumerate()
            .filter_map(wanted)
            .flatten()
    }

    /// Claims a place with each of these shards, unless the router is closed. No user code runs until something is put there.
    fn enter(&mut self, hub: &Hub<E>, shards: ShardSet) -> bool {
        self.links(shards).for_each(|link| link.lane.claim_ahead());
        fence_light();
        let is_open = !hub.is_closed() || mutant!("claims_ignore_closed");
        if !is_open {
            self.links(shards)
                .for_each(|link| link.lane.unclaim_ahead(1));
        }
        is_open
    }

    /// The short way: it is known that the topic goes to nobody or to one shard, whose lane is there and has room.
    #[inline(always)]
    pub(crate) fn open(&mut self, hub: &Hub<E>, topic: Topic) -> Opening<'_, E> {
        let epoch = hub.epoch();
        match self.interest.known(epoch, topic) {
            Known::Unwanted => Opening::Nobody,
            Known::Wanted(shards) => open(&mut self.links, hub, epoch, shards).into(),
            Known::Nothing => Opening::Other,
        }
    }

    /// The same with a look.
    #[inline]
    fn look_and_open(&mut self, hub: &Hub<E>, topic: Topic) -> Opening<'_, E> {
        let epoch = hub.epoch();
        match self.interest.shards(epoch, topic) {
            Some(shards) if shards.is_empty() => Opening::Nobody,
            Some(shards) => open(&mut self.links, hub, epoch, shards).into(),
            None => Opening::Other,
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
        match self.look_and_open(hub, topic) {
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
        if !self.enter(hub, shards) {
            return Err(Refusal::Closed);
        }
        for shard in shards.iter() {
            let copy = payload.take().or_else(|| copies.pop());
            let (Some(payload), Some(link)) = (copy, &mut self.links[shard]) else {
                unreachable!("a payload and a link for each shard");
            };
            self.spilled += usize::from(link.put(topic, payload, epoch));
        }
        self.note_spill(hub);
        self.signal(shards);
        if shards.len() > 1 && copies.is_empty() {
            self.spares.push(std::mem::take(copies));
        }
        Ok(Published::Routed)
    }

    fn signal(&mut self, shards: ShardSet) {
        self.links(shards).for_each(|link| link.lane.signal());
    }

    /// The lanes to `shards` that have no room. One that is not made yet has.
    pub(crate) fn full_lanes(&mut self, shards: ShardSet) -> impl Iterator<Item = &Producer<E>> {
        self.links(shards)
            .filter_map(|link| (!link.lane.has_room()).then_some(&link.lane))
    }

    /// Moves spilled events into lanes as far as there is room. Says whether it moved any.
    pub(crate) fn unspill(&mut self, hub: &Hub<E>) -> bool {
        if self.spilled == 0 {
            return false;
        }
        let before = self.spilled;
        for link in self.links.iter_mut().flatten() {
            let had = link.spill.len();
            while !link.spill.is_empty() && link.lane.has_room() {
                if let Some(next) = link.spill.pop_front() {
                    link.lane.fill(next.topic, next.payload, next.epoch);
                }
            }
            let moved = had - link.spill.len();
            if moved > 0 {
                link.unspilled += moved as u64;
                self.spilled -= moved;
                link.lane.signal();
            }
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
                let lost = link.spill.len() as u64;
                link.unspilled += lost;
                link.lane.unclaim_ahead(lost);
                taken.extend(link.spill.drain(..).map(|spilled| spilled.payload));
            }
        }
        if !taken.is_empty() {
            self.spilled -= taken.len();
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
            .all(|link| !link.lane.has_room())
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

/// The lane to the only one of these shards, if it is there, has room, and the router is open. A place in it is claimed.
#[inline(always)]
fn open<'a, E>(
    links: &'a mut [Option<Link<E>>],
    hub: &Hub<E>,
    epoch: u64,
    shards: ShardSet,
) -> Option<OpenLane<'a, E>> {
    let lane = &mut links[shards.only()?].as_mut()?.lane;
    if !(lane.is_clear() && lane.has_room()) {
        return None;
    }
    let position = lane.claim();
    fence_light();
    // Closing raises the epoch: this is the look whether the router is closed.
    if hub.epoch() == epoch || mutant!("claims_ignore_closed") {
        return Some(OpenLane {
            lane,
            position,
            epoch,
        });
    }
    lane.unclaim(position);
    None
}
