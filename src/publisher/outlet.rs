//! Publishing: match, look for room, clone, and commit to each lane inside the gate.

use crate::interest::{MAX_SHARDS, ShardSet, View};
use crate::lane::Producer;
use crate::publisher::BatchPublished;
use crate::publisher::gate::Gate;
use crate::router::hub::Hub;
use crate::sleep::Waiter;
use crate::sync::{Ordering, fence_heavy, fence_light, mutant};
use crate::topic::Topic;
use std::collections::VecDeque;

/// Why an offer was not taken.
pub(crate) enum Refusal<E> {
    /// Nobody listens.
    Unmatched(E),
    /// A lane has no room.
    Full(E),
    /// The router is closed.
    Closed(E),
    /// It goes to several shards, and this many more copies are needed.
    NeedsCopies(E, usize),
}

/// How many events of a batch are committed together.
pub(crate) const BATCH: usize = 32;

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
    /// What nobody wanted of a batch, until its Drop may run.
    unmatched: Vec<E>,
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
            unmatched: Vec::new(),
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

    pub(crate) fn is_interested(&mut self, topic: Topic) -> bool {
        !self.shards(topic).is_empty()
    }

    /// Makes the lanes that a publish to `topic` would make now.
    pub(crate) fn warm(&mut self, hub: &Hub<E>, topic: Topic) {
        if hub.is_closed() {
            return;
        }
        for shard in self.interest.shards(topic).iter() {
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

    /// Publishes if there is room in all lanes it must go to, and `copies` has a payload for each of them but one.
    ///
    /// Never waits, and runs no user code: what it does not take comes back, to be cloned or dropped outside.
    #[inline]
    pub(crate) fn offer(
        &mut self,
        hub: &Hub<E>,
        topic: Topic,
        payload: E,
        copies: &mut Vec<E>,
    ) -> Result<(), Refusal<E>> {
        if !self.enter(hub) {
            return Err(Refusal::Closed(payload));
        }
        let epoch = hub.epoch();
        let shards = self.interest.shards(topic);
        if shards.is_empty() {
            self.leave();
            return Err(Refusal::Unmatched(payload));
        }
        if let Some(shard) = shards.only()
            && let Some(link) = &mut self.links[shard]
            && link.spill.is_empty()
            && link.lane.has_room(1)
        {
            link.lane.push(topic, payload, epoch);
            if self.spilled == 0 {
                self.gate.leave();
            }
            link.lane.signal();
            return Ok(());
        }
        self.leave();
        self.offer_slow(hub, shards, topic, payload, epoch, copies)
    }

    /// Several shards, a lane to make, or no room.
    #[inline(never)]
    fn offer_slow(
        &mut self,
        hub: &Hub<E>,
        shards: ShardSet,
        topic: Topic,
        payload: E,
        epoch: u64,
        copies: &mut Vec<E>,
    ) -> Result<(), Refusal<E>> {
        let limit = self.spill_limit();
        // For this publisher room only grows until it commits.
        if !shards
            .iter()
            .all(|shard| self.link(hub, shard).takes_one(limit))
        {
            return Err(Refusal::Full(payload));
        }
        let missing = (shards.len() - 1).saturating_sub(copies.len());
        if missing > 0 {
            // Room for the copies goes along, so that nothing is allocated for them each time.
            if let Some(mut spare) = self.spares.pop() {
                spare.append(copies);
                *copies = spare;
            }
            return Err(Refusal::NeedsCopies(payload, missing));
        }
        if !self.enter(hub) {
            return Err(Refusal::Closed(payload));
        }
        let mut last = Some(payload);
        for shard in shards.iter() {
            let copy = if last.is_some() {
                last.take()
            } else {
                copies.pop()
            };
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
        Ok(())
    }

    fn signal(&self, shards: ShardSet) {
        for shard in shards.iter() {
            if let Some(link) = &self.links[shard] {
                link.lane.signal();
            }
        }
    }

    /// Publishes as many of the first `BATCH` items as there is room for, and takes them out. `None`: closed.
    ///
    /// Not for shards: it does not spill.
    pub(crate) fn offer_batch(
        &mut self,
        hub: &Hub<E>,
        items: &mut Vec<(Topic, E)>,
    ) -> Option<BatchPublished>
    where
        E: Clone,
    {
        debug_assert!(self.owner.is_none());
        if hub.is_closed() {
            return None;
        }
        let epoch = hub.epoch();
        let mut targets = [ShardSet::EMPTY; BATCH];
        let mut needed = [0; MAX_SHARDS];
        let mut touched = ShardSet::EMPTY;
        let mut count = 0;
        'items: for ((topic, _), target) in items.iter().zip(&mut targets) {
            let shards = self.interest.shards(*topic);
            for shard in shards.iter() {
                if !self.link(hub, shard).lane.has_room(needed[shard] + 1) {
                    break 'items;
                }
            }
            for shard in shards.iter() {
                needed[shard] += 1;
            }
            touched = touched.union(shards);
            *target = shards;
            count += 1;
        }
        let mut copies = self.spares.pop().unwrap_or_default();
        for ((_, payload), shards) in items[..count].iter().zip(&targets) {
            copies.extend((1..shards.len()).map(|_| payload.clone()));
        }
        if !self.enter(hub) {
            return None;
        }
        let mut published = BatchPublished::default();
        let mut made = copies.drain(..);
        for ((topic, payload), shards) in items.drain(..count).zip(&targets) {
            let mut rest = shards.iter();
            let Some(first) = rest.next() else {
                published.unmatched += 1;
                self.unmatched.push(payload);
                continue;
            };
            published.routed += 1;
            for (shard, copy) in rest.zip(&mut made) {
                stage(&mut self.links, shard, topic, copy, epoch);
            }
            stage(&mut self.links, first, topic, payload, epoch);
        }
        drop(made);
        for shard in touched.iter() {
            if let Some(link) = &mut self.links[shard] {
                link.lane.commit();
            }
        }
        self.leave();
        self.spares.push(copies);
        self.signal(touched);
        self.unmatched.clear();
        Some(published)
    }

    pub(crate) fn shards(&mut self, topic: Topic) -> ShardSet {
        self.interest.shards(topic)
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

#[inline]
fn stage<E>(links: &mut [Option<Link<E>>], shard: usize, topic: Topic, payload: E, epoch: u64) {
    let link = links[shard].as_mut().expect("the look for room made it");
    link.lane.stage(topic, payload, epoch);
}
