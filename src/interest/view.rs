//! A publisher's view of the table.

use super::{ClassMatch, ShardSet, Table};
use crate::sync::{Cached, Swap};
use crate::topic::Topic;
use crate::topic::names::ClassId;

/// Classes a publisher remembers. A power of two; classes that share a place push each other out.
const PLACES: usize = 64;

/// Remembers what classes matched, for as long as the table's class layer stays as it is.
///
/// What is remembered is filed under the generation of the very snapshot it was looked up in. So it cannot be that
/// something looked up in an old table passes for an answer of a newer one.
#[derive(Debug)]
pub(crate) struct View {
    table: Cached<Table>,
    generation: u64,
    places: Box<[Place; PLACES]>,
}

#[derive(Debug, Default)]
struct Place {
    class: Option<ClassId>,
    matched: ClassMatch,
}

impl View {
    pub(crate) fn new(table: &Swap<Table>) -> Self {
        View {
            table: table.cached(),
            generation: 0,
            places: Box::new(std::array::from_fn(|_| Place::default())),
        }
    }

    /// Who wants the topic: a load, a comparison and an array access for a class seen before, and one hash probe for each
    /// pattern under which somebody wants certain resources of this class.
    #[inline]
    pub(crate) fn shards(&mut self, topic: Topic) -> ShardSet {
        let table = &**self.table.load();
        if table.generation() != self.generation {
            self.generation = table.generation();
            forget(&mut self.places);
        }
        let class = topic.class();
        let place = &mut self.places[class.0 as usize % PLACES];
        if place.class != Some(class) {
            fill(place, table, class);
        }
        let matched = &place.matched;
        if matched.keyed.is_empty() {
            return matched.shards;
        }
        match topic.resource() {
            Some(resource) => matched
                .shards
                .union(table.match_resource(&matched.keyed, resource)),
            None => matched.shards,
        }
    }
}

#[cold]
#[inline(never)]
fn forget(places: &mut [Place; PLACES]) {
    for place in places {
        place.class = None;
    }
}

#[cold]
#[inline(never)]
fn fill(place: &mut Place, table: &Table, class: ClassId) {
    // Refilled in place: its memory is kept, so that nothing is allocated again and again.
    table.match_class_into(class, &mut place.matched);
    place.class = Some(class);
}
