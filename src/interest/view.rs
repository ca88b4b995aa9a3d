//! A publisher's view of the table.

use super::wanted::KeyedList;
use super::{ShardSet, Table};
use crate::error::MAX_CLASSES;
use crate::sync::{Cached, Swap};
use crate::topic::Topic;
use crate::topic::names::ClassId;
use crate::topic::registry::MAX_LOOKED_UP_CLASSES;

/// Classes a publisher remembers. A power of two; classes that share a place push each other out.
const PLACES: usize = 256;

/// In an epoch with this bit the router is open and nobody listens to anything: then a publisher looks at nothing else.
pub(crate) const SILENT: u64 = 1;

/// Remembers what classes matched.
///
/// Every change of the table is followed by one of the router's epoch, so what was found in an epoch holds as long as it
/// lasts. It holds longer if the table's class layer did not change: then it is found under the new epoch again.
#[derive(Debug)]
pub(crate) struct View {
    table: Cached<Table>,
    /// As of the last `refresh`.
    epoch: u64,
    generation: u64,
    /// The epoch in which that generation was first seen: what was found before is forgotten.
    since: u64,
    places: Box<[Place; PLACES]>,
    /// The keyed patterns of classes that have some.
    lists: Vec<KeyedList>,
}

/// What a view remembers.
pub(crate) enum Known {
    /// Nobody wants topics of this class, whatever the resource.
    Unwanted,
    /// These want the topic.
    Wanted(ShardSet),
    /// It has to look.
    Nothing,
}

/// 24 bytes, so that a publisher's usual classes stay in the first-level cache.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// See [`tag`].
    tag: u64,
    /// Who wants the class whatever the resource.
    shards: ShardSet,
    /// Which of the lists is this place's, from 1. 0: it has needed none so far.
    list: u32,
}

/// What the place of a class says that nobody wants, found in this epoch. If somebody does, it has [`WANTED`] or [`KEYED`] as
/// well. So one comparison tells that the class is the right one, that nothing has changed, and whether it is wanted.
#[inline(always)]
fn tag(epoch: u64, class: ClassId) -> u64 {
    epoch << EPOCH_SHIFT | u64::from(class.0)
}

/// Leaves 41 bits to epochs, and 40 to their number: a year and a half of 20 000 changes a second.
const EPOCH_SHIFT: u32 = 23;

/// Some want all of the class, whatever the resource.
const WANTED: u64 = 1 << 22;
/// Some want certain resources of the class.
const KEYED: u64 = 1 << 21;

// One class stands for all that are not known.
const _: () = assert!((MAX_CLASSES + MAX_LOOKED_UP_CLASSES + 1) as u64 <= KEYED);

impl View {
    pub(crate) fn new(table: &Swap<Table>) -> Self {
        let nobodys = Place {
            // Epochs begin above 1.
            tag: tag(0, ClassId(0)),
            shards: ShardSet::EMPTY,
            list: 0,
        };
        View {
            table: table.cached(),
            epoch: 0,
            generation: 0,
            since: 1,
            places: Box::new([nobodys; PLACES]),
            lists: Vec::new(),
        }
    }

    /// Takes up the newest table. The epoch was read before, so the table is at least as new.
    pub(crate) fn refresh(&mut self, epoch: u64) {
        // Once for each epoch: what is found afterwards comes from this table or a newer one.
        if epoch == self.epoch {
            return;
        }
        self.epoch = epoch;
        let generation = self.table.load().generation();
        if generation != self.generation {
            self.generation = generation;
            self.since = epoch;
        }
    }

    /// What is remembered that answers for the topic.
    #[inline(always)]
    pub(crate) fn known(&self, epoch: u64, topic: Topic) -> Known {
        if epoch & SILENT != 0 {
            return Known::Unwanted;
        }
        let class = topic.class();
        let place = &self.places[class.0 as usize % PLACES];
        let unwanted = tag(epoch, class);
        // Who wants certain resources does not matter to a topic without one.
        let ignored = if topic.has_resource() { 0 } else { KEYED };
        if place.tag == unwanted {
            Known::Unwanted
        } else if place.tag & !ignored == unwanted | WANTED {
            Known::Wanted(place.shards)
        } else {
            Known::Nothing
        }
    }

    /// Who wants the topic: an array access and a comparison for a class seen before, and one hash probe if somebody
    /// wants certain resources of this class. `None`: it is not the epoch of the last refresh.
    #[inline]
    pub(crate) fn shards(&mut self, epoch: u64, topic: Topic) -> Option<ShardSet> {
        match self.known(epoch, topic) {
            Known::Wanted(shards) => Some(shards),
            Known::Unwanted => Some(ShardSet::EMPTY),
            Known::Nothing => self.look(epoch, topic),
        }
    }

    /// For a class that was not seen in this epoch, or of which some want certain resources.
    #[inline(never)]
    fn look(&mut self, epoch: u64, topic: Topic) -> Option<ShardSet> {
        if epoch != self.epoch {
            return None;
        }
        let class = topic.class();
        let at = class.0 as usize % PLACES;
        let place = &mut self.places[at];
        let (found_in, marks) = (place.tag >> EPOCH_SHIFT, place.tag & (WANTED | KEYED));
        if place.tag == tag(found_in, class) | marks && found_in >= self.since {
            place.tag = tag(epoch, class) | marks;
        } else {
            self.fill(at, class);
        }
        let Place { tag, shards, list } = self.places[at];
        Some(match topic.resource() {
            Some(resource) if tag & KEYED != 0 => {
                let keyed = &self.lists[list as usize - 1];
                shards.union(self.table.load().match_resource(keyed, resource))
            }
            _ => shards,
        })
    }

    #[cold]
    fn fill(&mut self, at: usize, class: ClassId) {
        let place = &mut self.places[at];
        // Lists are kept and filled again, so that nothing is allocated again and again.
        let mut none = KeyedList::default();
        let keyed = match place.list {
            0 => &mut none,
            list => &mut self.lists[list as usize - 1],
        };
        place.shards = self.table.load().match_class_into(class, keyed);
        place.tag = tag(self.epoch, class);
        if !keyed.is_empty() {
            place.tag |= KEYED;
        }
        if !place.shards.is_empty() {
            place.tag |= WANTED;
        }
        if !none.is_empty() {
            self.lists.push(none);
            place.list = self.lists.len() as u32;
        }
    }
}
