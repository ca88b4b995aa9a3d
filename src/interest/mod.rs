//! The interest table: all that publishers see of subscriptions.
//!
//! A [`Table`] says which shards have an actor that wants a topic, never which actors. It never changes; a [`Ledger`]
//! makes the next one, and publishers get it by a swap of one pointer.
//!
//! Matching is tuple-space search (Srinivasan, Suri and Varghese 1999, "Packet classification using tuple space
//! search"): filters that set the same fields in the same way share a [`Shape`], and one hash probe for each shape in
//! use finds all patterns that match a class. Filters with a resource have a second layer. Their pattern is marked as
//! keyed in the first one; the resource of a topic is looked up only if a keyed pattern matches its class, and once for all
//! of these. So a publisher can keep what a class matched for as long as the generation stays, whatever happens to
//! resources.

mod ledger;
#[cfg(test)]
mod oracle;
mod shape;
mod shards;
mod trie;
mod view;
mod wanted;

pub(crate) use ledger::Ledger;
pub(crate) use shards::{MAX_SHARDS, ShardSet, SomeShards};
pub(crate) use view::{Known, SILENT, View};

use crate::filter::{FilterKey, Pattern};
#[cfg(test)]
use crate::topic::Topic;
use crate::topic::names::ClassId;
use crate::topic::registry;
use crate::topic::resource::ResourceId;
use shape::Shape;
use std::sync::Arc;
use trie::Trie;
use wanted::{KeyedId, KeyedList, Wanted};

/// An immutable snapshot of which shards want what. Cloning it is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// Grows with each change of what `match_class_into` can find.
    generation: u64,
    /// The shapes of all patterns in `classes`.
    shapes: Arc<[Shape]>,
    classes: Trie<Pattern, ClassInterest>,
    resources: Trie<ResourceId, Wanted>,
}

/// What is known of one pattern. An entry has at least one of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClassInterest {
    /// Who wants all topics that match the pattern.
    shards: ShardSet,
    /// Somebody wants those with a certain resource.
    keyed: Option<KeyedId>,
}

impl Table {
    fn empty() -> Table {
        Table {
            generation: 0,
            shapes: Arc::new([]),
            classes: Trie::new(),
            resources: Trie::new(),
        }
    }

    /// Two tables of one ledger with the same generation return the same for every class.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Who wants a class whatever the resource; `keyed` gets the patterns for [`match_resource`](Self::match_resource). Good
    /// for as long as the generation stays.
    ///
    /// One hash probe for each shape in use. Takes no lock; allocates only if there are more than eight keyed patterns.
    pub(crate) fn match_class_into(&self, class: ClassId, keyed: &mut KeyedList) -> ShardSet {
        keyed.clear();
        let mut shards = ShardSet::EMPTY;
        self.for_each_match(class, |_, interest| {
            shards = shards.union(interest.shards);
            if let Some(id) = interest.keyed {
                keyed.push(id);
            }
        });
        shards
    }

    /// Calls `found` for each pattern in the table that matches the class.
    pub(crate) fn for_each_match(
        &self,
        class: ClassId,
        mut found: impl FnMut(Pattern, ClassInterest),
    ) {
        let names = registry::class(class);
        for shape in &*self.shapes {
            if let Some(pattern) = shape.pattern_for(names)
                && let Some(interest) = self.classes.get(&pattern)
            {
                found(pattern, *interest);
            }
        }
    }

    /// Who wants topics with this resource, of a class that matched the patterns. One hash probe, whatever their number,
    /// unless somebody wants the resource under a great many.
    #[inline]
    pub(crate) fn match_resource(&self, keyed: &KeyedList, resource: ResourceId) -> ShardSet {
        let wanted = self.resources.get(&resource);
        wanted.map_or(ShardSet::EMPTY, |wanted| wanted.under(keyed))
    }

    /// Who wants this topic, without a cache.
    #[cfg(test)]
    pub(crate) fn match_topic(&self, topic: Topic) -> ShardSet {
        let mut keyed = KeyedList::default();
        let shards = self.match_class_into(topic.class(), &mut keyed);
        match topic.resource() {
            Some(resource) => shards.union(self.match_resource(&keyed, resource)),
            None => shards,
        }
    }

    /// Who has a subscription with exactly this filter.
    pub(crate) fn shards_of(&self, key: &FilterKey) -> ShardSet {
        let Some(class) = self.classes.get(&key.pattern) else {
            return ShardSet::EMPTY;
        };
        let Some(resource) = key.resource else {
            return class.shards;
        };
        match (class.keyed, self.resources.get(&resource)) {
            (Some(id), Some(wanted)) => wanted.get(id),
            _ => ShardSet::EMPTY,
        }
    }

    /// Whether nobody wants anything: a pattern that somebody has a filter of has a shape.
    pub(crate) fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }
}
