//! What waits for one subscription on its shard: plain local data, bounded by a policy.

mod store;

pub(crate) use self::store::{MAX_RUN, Store};

use crate::hash::{HashMap, new_map};
use crate::topic::Topic;
use std::collections::VecDeque;

/// What a full mailbox does with one more event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Overflow {
    /// Nothing is lost: the lanes with events for it are held until there is room, and so push back on their publishers. The
    /// default. Who shares those lanes is held up as well.
    #[default]
    Block,
    /// The event that came last is dropped.
    DropNewest,
    /// The event that has waited longest is dropped.
    DropOldest,
    /// At most one event of each topic waits, the newest, in the order in which the topics first came. Full of distinct
    /// topics, it drops the one that has waited longest. What is ready at the same time is conflated before it is handled;
    /// what lies in a lane that was quiet until just then comes a turn later.
    KeepLatest,
}

/// One event that waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    /// In the shard's [`Store`].
    pub(crate) key: u32,
    /// Events that were dropped between the one before it and this.
    pub(crate) missed: u64,
}

/// What became of an event that was offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Queued,
    /// It is not wanted.
    DroppedNewest,
    /// It waits, and this one does not any more.
    DroppedOldest(u32),
    /// It waits in this one's place.
    Replaced(u32),
}

#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) overflow: Overflow,
    pub(crate) capacity: usize,
    queue: VecDeque<Waiting>,
    /// Where each topic waits, as a number that counts from the first event ever queued. For `KeepLatest`.
    places: HashMap<Topic, u64>,
    /// Events that have left the queue at its front. It may wrap, like all numbers that are made from it.
    left: u64,
    /// Events dropped since the last one that waits.
    missed: u64,
}

/// Events that may wait for a subscription which says nothing else.
pub(crate) const DEFAULT_CAPACITY: usize = 1024;

impl Default for Mailbox {
    fn default() -> Self {
        Mailbox::new(DEFAULT_CAPACITY, Overflow::default())
    }
}

impl Mailbox {
    pub(crate) fn new(capacity: usize, overflow: Overflow) -> Self {
        Mailbox {
            overflow,
            capacity,
            queue: VecDeque::new(),
            places: new_map(),
            left: 0,
            missed: 0,
        }
    }

    /// Whether it has the default capacity and policy.
    pub(crate) fn is_default(&self) -> bool {
        self.capacity == DEFAULT_CAPACITY && self.overflow == Overflow::default()
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The number that the next event to be queued would have.
    pub(crate) fn end(&self) -> u64 {
        self.left.wrapping_add(self.queue.len() as u64)
    }

    /// Whether all events up to the one with this number have left.
    pub(crate) fn is_past(&self, number: u64) -> bool {
        number.wrapping_sub(self.left).cast_signed() <= 0
    }

    /// Takes the event at `offset` of the run under way, under the policy. `ahead` events have left the queue and not been
    /// taken yet.
    pub(crate) fn offer<E>(
        &mut self,
        topic: Topic,
        offset: usize,
        ahead: usize,
        store: &mut Store<E>,
    ) -> Offered {
        if self.overflow == Overflow::KeepLatest
            && let Some(&place) = self.places.get(&topic)
        {
            let waiting = &mut self.queue[place.wrapping_sub(self.left) as usize];
            waiting.missed += 1;
            return Offered::Replaced(std::mem::replace(
                &mut waiting.key,
                store.claim(offset, topic),
            ));
        }
        let is_full = self.queue.len() + ahead >= self.capacity;
        let mut offered = Offered::Queued;
        match self.overflow {
            // A lane is held before it comes to this; when the router closes, everything is taken.
            Overflow::Block => {}
            Overflow::DropNewest if is_full => {
                self.missed += 1;
                return Offered::DroppedNewest;
            }
            // What has gone ahead cannot be taken back: then one waits beyond the capacity.
            Overflow::DropOldest | Overflow::KeepLatest if is_full && !self.queue.is_empty() => {
                offered = self.drop_oldest(store);
            }
            _ => {}
        }
        if self.overflow == Overflow::KeepLatest {
            self.places.insert(topic, self.end());
        }
        self.queue.push_back(Waiting {
            key: store.claim(offset, topic),
            missed: std::mem::take(&mut self.missed),
        });
        offered
    }

    fn drop_oldest<E>(&mut self, store: &Store<E>) -> Offered {
        let Some(oldest) = self.pop(store) else {
            return Offered::Queued;
        };
        // The gap is now before the next one.
        let next = self.queue.front_mut().map(|next| &mut next.missed);
        *next.unwrap_or(&mut self.missed) += oldest.missed + 1;
        Offered::DroppedOldest(oldest.key)
    }

    /// How many events were missed in front of the first, if that has not been told yet. From now on it has.
    pub(crate) fn take_gap(&mut self) -> u64 {
        let first = self.queue.front_mut();
        first.map_or(0, |first| std::mem::take(&mut first.missed))
    }

    /// The first events of one class with no gap between them, at most `limit`.
    pub(crate) fn front<E>(&self, store: &Store<E>, limit: usize) -> &[Waiting] {
        let (front, _) = self.queue.as_slices();
        let Some(first) = front.first() else {
            return &[];
        };
        let class = |waiting: &Waiting| store.topic(waiting.key).class();
        let first_class = class(first);
        let alike = |next: &&Waiting| next.missed == 0 && class(next) == first_class;
        let more = front[1..].iter().take(limit - 1).take_while(alike);
        &front[..1 + more.count()]
    }

    /// Takes out the first event.
    pub(crate) fn pop<E>(&mut self, store: &Store<E>) -> Option<Waiting> {
        let first = self.queue.pop_front()?;
        self.left = self.left.wrapping_add(1);
        if self.overflow == Overflow::KeepLatest {
            self.places.remove(&store.topic(first.key));
        }
        if self.queue.is_empty() && self.queue.capacity() > store::KEPT {
            self.queue = VecDeque::new();
        }
        Some(first)
    }

    /// How many events were missed before one that is handed over without waiting.
    pub(crate) fn take_missed(&mut self) -> u64 {
        debug_assert!(self.queue.is_empty());
        std::mem::take(&mut self.missed)
    }

    pub(crate) fn has_missed(&self) -> bool {
        self.missed > 0
    }
}

#[cfg(all(test, not(laneway_loom)))]
mod tests {
    use super::*;
    use crate::event::Event;

    fn topic(resource: u64) -> Topic {
        let topic = Topic::new("mailbox", "event").unwrap();
        topic.with_resource(resource)
    }

    /// Offers an event of each topic as a run of its own. Says which keys were let go.
    fn offer(mailbox: &mut Mailbox, store: &mut Store<u64>, resources: &[u64]) -> Vec<Offered> {
        let offered = resources.iter().map(|&resource| {
            let offered = mailbox.offer(topic(resource), 0, 0, store);
            for offset in 0..(64 - store.take_claims().leading_zeros() as usize) {
                store.put(offset, Event::new(topic(resource), resource));
            }
            if let Offered::DroppedOldest(key) | Offered::Replaced(key) = offered {
                store.let_go(key);
            }
            offered
        });
        offered.collect()
    }

    /// The numbers of events wrap, and nothing else changes.
    #[test]
    fn row_23_order_and_places_hold_where_the_numbers_wrap() {
        for start in [0, u64::MAX - 2] {
            let mut store = Store::default();
            let mut mailbox = Mailbox::new(3, Overflow::KeepLatest);
            mailbox.left = start;
            offer(&mut mailbox, &mut store, &[1, 2, 3]);
            let end = mailbox.end();
            assert!(!mailbox.is_past(end));
            // 2 is replaced in its place, and then 4 takes the place of 1.
            let offered = offer(&mut mailbox, &mut store, &[2, 4, 2]);
            assert!(matches!(
                offered[..],
                [
                    Offered::Replaced(_),
                    Offered::DroppedOldest(_),
                    Offered::Replaced(_)
                ]
            ));
            assert_eq!(mailbox.take_gap(), 3);
            let mut seen = Vec::new();
            while let Some(waiting) = mailbox.pop(&store) {
                seen.extend(store.let_go(waiting.key).map(Event::into_payload));
            }
            assert_eq!(seen, [2, 3, 4]);
            assert!(mailbox.is_past(end) && mailbox.is_past(mailbox.end()));
            assert_eq!(store.len(), 0);
        }
    }
}
