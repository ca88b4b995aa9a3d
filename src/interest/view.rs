//! A publisher's view of the table.

use super::{KeyedList, ShardSet, Table};
use crate::sync::{Cached, Swap};
use crate::topic::Topic;
use crate::topic::names::ClassId;

/// Classes a publisher remembers. A power of two; classes that share a place push each other out.
const PLACES: usize = 256;

/// Remembers what classes matched, for as long as the table's class layer stays as it is.
///
/// What is remembered is tagged with the generation at the last [`refresh`](Self::refresh), and looked up in that snapshot
/// or a newer one. So it cannot be that something looked up in an old table passes for an answer of a newer one.
#[derive(Debug)]
pub(crate) struct View {
    table: Cached<Table>,
    generation: u64,
    /// The tag of this generation and class 0. The others follow.
    tags: u64,
    places: Box<[Place; PLACES]>,
    /// The keyed patterns of classes that have some.
    lists: Vec<KeyedList>,
}

/// 24 bytes, so that a publisher's usual classes stay in the first-level cache.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// [`KEYED`], the generation as the view counts it, and the class.
    tag: u64,
    /// Who wants the class whatever the resource.
    shards: ShardSet,
    /// Which of the lists is this place's, from 1. 0: it has needed none so far.
    list: u32,
}

/// Some want certain resources of the class.
const KEYED: u64 = 1 << 63;

/// Classes are below 2^31, so what a view counts generations by lies above.
const NEXT_TAGS: u64 = 1 << 31;

/// No class has this tag: tags begin at `NEXT_TAGS`.
const NOBODYS: Place = Place {
    tag: 0,
    shards: ShardSet::EMPTY,
    list: 0,
};

impl View {
    pub(crate) fn new(table: &Swap<Table>) -> Self {
        View {
            table: table.cached(),
            generation: 0,
            tags: NEXT_TAGS,
            places: Box::new([NOBODYS; PLACES]),
            lists: Vec::new(),
        }
    }

    /// Takes up the newest table. What is asked after that is answered by it, or one that is newer still.
    pub(crate) fn refresh(&mut self) {
        let generation = self.table.load().generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        self.tags += NEXT_TAGS;
        if self.tags >= KEYED {
            // Once in 2^32 generations.
            self.tags = NEXT_TAGS;
            self.places.iter_mut().for_each(|place| place.tag = 0);
        }
    }

    /// Who wants the topic: an array access and a comparison for a class seen before, and one hash probe for each pattern
    /// under which somebody wants certain resources of this class.
    #[inline]
    pub(crate) fn shards(&mut self, topic: Topic) -> ShardSet {
        let class = topic.class();
        let place = &self.places[class.0 as usize % PLACES];
        if place.tag == self.tags | u64::from(class.0) {
            return place.shards;
        }
        self.look(topic)
    }

    /// For a class that was not seen, or of which some want certain resources.
    #[inline(never)]
    fn look(&mut self, topic: Topic) -> ShardSet {
        let class = topic.class();
        let at = class.0 as usize % PLACES;
        if self.places[at].tag & !KEYED != self.tags | u64::from(class.0) {
            self.fill(at, class);
        }
        let Place { tag, shards, list } = self.places[at];
        match topic.resource() {
            Some(resource) if tag & KEYED != 0 => {
                let keyed = &self.lists[list as usize - 1];
                shards.union(self.table.load().match_resource(keyed, resource))
            }
            _ => shards,
        }
    }

    #[cold]
    fn fill(&mut self, at: usize, class: ClassId) {
        let place = &mut self.places[at];
        // Lists are kept and filled again, so that nothing is allocated again and again.
        let mut none = KeyedList::new();
        let keyed = match place.list {
            0 => &mut none,
            list => &mut self.lists[list as usize - 1],
        };
        place.shards = self.table.load().match_class_into(class, keyed);
        place.tag = self.tags | u64::from(class.0);
        if !keyed.is_empty() {
            place.tag |= KEYED;
        }
        if !none.is_empty() {
            self.lists.push(none);
            place.list = self.lists.len() as u32;
        }
    }
}
