//! The events that wait in a shard's mailboxes: each is kept once, however many mailboxes it waits in.

use crate::event::Event;
use crate::topic::Topic;
use slab::Slab;

/// The most events of a run: each has a bit in a word.
pub(crate) const MAX_RUN: usize = 64;

/// Room for this many events is kept when none waits any more; more is given back.
pub(super) const KEPT: usize = 4096;

/// Reference-counted by hand: it all belongs to one thread, and an `Rc` would tie the shard to it.
#[derive(Debug)]
pub(crate) struct Store<E> {
    events: Slab<Stored<E>>,
    /// The keys given out for events of the run under way, by offset, where `claimed` has their bit.
    keys: [u32; MAX_RUN],
    claimed: u64,
}

#[derive(Debug)]
struct Stored<E> {
    topic: Topic,
    /// `None` while the event is still in its lane.
    event: Option<Event<E>>,
    /// Mailboxes it waits in.
    holders: u32,
}

impl<E> Default for Store<E> {
    fn default() -> Self {
        Store {
            events: Slab::new(),
            keys: [0; MAX_RUN],
            claimed: 0,
        }
    }
}

impl<E> Store<E> {
    /// Events that wait.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// One more mailbox wants the event at `offset` of the run under way.
    pub(crate) fn claim(&mut self, offset: usize, topic: Topic) -> u32 {
        let bit = 1 << offset;
        if self.claimed & bit == 0 {
            self.claimed |= bit;
            let key = self.events.insert(Stored {
                topic,
                event: None,
                holders: 0,
            });
            self.keys[offset] = u32::try_from(key).expect("mailboxes hold less");
        }
        let key = self.keys[offset];
        self.events[key as usize].holders += 1;
        key
    }

    /// The run is over: the offsets, as bits, of the events that still wait somewhere. They must be [`put`](Self::put) next.
    pub(crate) fn take_claims(&mut self) -> u64 {
        let mut wanted = std::mem::take(&mut self.claimed);
        for offset in bits(wanted) {
            let key = self.keys[offset] as usize;
            if self.events[key].holders == 0 {
                self.events.remove(key);
                wanted &= !(1 << offset);
            }
        }
        wanted
    }

    pub(crate) fn put(&mut self, offset: usize, event: Event<E>) {
        self.events[self.keys[offset] as usize].event = Some(event);
    }

    pub(crate) fn topic(&self, key: u32) -> Topic {
        self.events[key as usize].topic
    }

    /// An event that waits, and is not of the run under way.
    #[inline]
    pub(crate) fn get(&self, key: u32) -> Option<&Event<E>> {
        self.events[key as usize].event.as_ref()
    }

    /// A mailbox lets go of an event. The last one gets it, unless it is still in its lane.
    pub(crate) fn let_go(&mut self, key: u32) -> Option<Event<E>> {
        let stored = &mut self.events[key as usize];
        stored.holders -= 1;
        if stored.holders > 0 || stored.event.is_none() {
            return None;
        }
        let stored = self.events.remove(key as usize);
        if self.events.is_empty() && self.events.capacity() > KEPT {
            self.events = Slab::new();
        }
        stored.event
    }

    /// Whether `key` waits in more than one mailbox.
    pub(crate) fn is_shared(&self, key: u32) -> bool {
        self.events[key as usize].holders > 1
    }
}

/// The places of the set bits, rising.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let next = (word != 0).then(|| word.trailing_zeros() as usize)?;
        word &= word - 1;
        Some(next)
    })
}
