//! Publishing many: events are written to their lanes as they come, and shown together.
//!
//! While a part of the batch is written its lines do not travel. What is written is not published before the router was found
//! open: when it closes meanwhile, that is taken out of the lanes again. User code (the iterator, clones, drops of what
//! nobody wanted) runs between the events, and never while something is claimed.

use crate::error::PublishBatchError;
use crate::event::Event;
use crate::interest::ShardSet;
use crate::publisher::BatchPublished;
use crate::publisher::outlet::{Outlet, Refusal};
use crate::publisher::waiting::wait_for_room;
use crate::router::hub::Hub;
use crate::topic::Topic;
use std::iter;

/// How many events are shown together.
const PART: usize = 32;

/// Publishes all items in order, and waits for room where it may.
pub(crate) fn publish_batch<E: Clone>(
    outlet: &mut Outlet<E>,
    hub: &Hub<E>,
    items: impl Iterator<Item = (Topic, E)>,
) -> Result<BatchPublished, PublishBatchError<E>> {
    let mut part = Part {
        outlet,
        hub,
        targets: [ShardSet::EMPTY; PART],
        count: 0,
        last: None,
        published: BatchPublished::default(),
    };
    let mut items = items.fuse();
    let stopped = part.publish(&mut items);
    let published = part.published;
    let Err(refusal) = stopped else {
        return Ok(published);
    };
    let mut unsent = part.take_back();
    unsent.extend(part.last.take());
    unsent.extend(items.take(PART - unsent.len()));
    Err(match refusal {
        Refusal::Closed => PublishBatchError::Closed { published, unsent },
        _ => PublishBatchError::Full { published, unsent },
    })
}

/// Events that are written and not shown.
struct Part<'a, E> {
    outlet: &'a mut Outlet<E>,
    hub: &'a Hub<E>,
    /// Where each of them lies.
    targets: [ShardSet; PART],
    count: usize,
    /// What was taken from the iterator and could not be written.
    last: Option<(Topic, E)>,
    published: BatchPublished,
}

impl<E> Part<'_, E> {
    #[inline]
    fn publish(&mut self, items: &mut impl Iterator<Item = (Topic, E)>) -> Result<(), Refusal>
    where
        E: Clone,
    {
        for (topic, payload) in items {
            let shards = match self.outlet.stage(self.hub, topic, payload) {
                Ok(shards) => shards,
                Err(payload) => self.stage_slowly(topic, payload)?,
            };
            if shards.is_empty() {
                self.published.unmatched += 1;
                continue;
            }
            self.targets[self.count] = shards;
            self.count += 1;
            if self.count == PART {
                self.show()?;
            }
        }
        self.show()
    }

    /// For an event that goes to several shards, or to one without room, or when something has changed.
    #[cold]
    #[inline(never)]
    fn stage_slowly(&mut self, topic: Topic, payload: E) -> Result<ShardSet, Refusal>
    where
        E: Clone,
    {
        self.last = Some((topic, payload));
        let (shards, epoch) = self.find_room(topic)?;
        // All clones before the first is written: one may panic.
        let (_, payload) = self.last.take().expect("put there above");
        let copies: Vec<E> = (1..shards.len()).map(|_| payload.clone()).collect();
        let payloads = iter::once(payload).chain(copies);
        self.outlet.stage_all(shards, topic, payloads, epoch);
        Ok(shards)
    }

    /// Waits for room in all lanes that an event goes to, unless this thread may not wait.
    fn find_room(&mut self, topic: Topic) -> Result<(ShardSet, u64), Refusal> {
        loop {
            let found = self.outlet.look(self.hub, topic);
            let (shards, epoch) = found.ok_or(Refusal::Closed)?;
            if self.outlet.has_room(self.hub, shards) {
                return Ok((shards, epoch));
            }
            if self.count > 0 {
                self.show()?;
            } else if self.hub.may_wait() {
                wait_for_room(self.outlet, self.hub, topic);
            } else {
                return Err(Refusal::Full);
            }
        }
    }

    /// Publishes what is written.
    fn show(&mut self) -> Result<(), Refusal> {
        let targets = &self.targets[..self.count];
        let touched = targets
            .iter()
            .copied()
            .fold(ShardSet::EMPTY, ShardSet::union);
        if self.count > 0 && !self.outlet.show(self.hub, touched) {
            return Err(Refusal::Closed);
        }
        self.published.routed += self.count;
        self.count = 0;
        Ok(())
    }

    /// Takes all out of the lanes again, in the order in which they came.
    fn take_back(&mut self) -> Vec<(Topic, E)> {
        let mut lanes: Vec<_> = (0..self.hub.ports.len())
            .map(|shard| self.outlet.unstage(shard).into_iter())
            .collect();
        let targets = &self.targets[..self.count];
        self.count = 0;
        let taken = targets.iter().filter_map(|shards| {
            let mut copies: Vec<Event<E>> = (shards.iter())
                .filter_map(|shard| lanes[shard].next())
                .collect();
            copies.truncate(1);
            let event = copies.pop()?;
            Some((event.topic(), event.into_payload()))
        });
        taken.collect()
    }
}

impl<E> Drop for Part<'_, E> {
    /// Where the iterator panicked: what it gave before is published.
    fn drop(&mut self) {
        if self.show().is_err() {
            drop(self.take_back());
        }
    }
}
