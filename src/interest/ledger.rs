//! The ledger: counts who wants what, and makes the next table when a count goes from none to some or back.

use super::shape::Shape;
use super::wanted::{KeyedId, Wanted};
use super::{ClassInterest, ShardSet, Table};
use crate::filter::{FilterKey, Pattern};
use crate::hash::hash_state;
use slab::Slab;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Makes tables. It lives under the registry lock, and the caller swaps in what it returns under the same lock.
///
/// A bit in the table says that a count is at least one. Only what goes beyond that is counted here, so that a million
/// filters that differ need no second map of them.
#[derive(Debug)]
pub(crate) struct Ledger {
    table: Arc<Table>,
    /// Subscriptions of one shard with the same filter, beyond the first.
    more_subscriptions: Counts<(FilterKey, u8)>,
    /// How many resources are wanted under each keyed pattern, by its id.
    keyed: Slab<usize>,
    /// Patterns of one shape, beyond the first.
    more_patterns: Counts<Shape>,
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        Ledger {
            table: Arc::new(Table::empty()),
            more_subscriptions: Counts::new(),
            keyed: Slab::new(),
            more_patterns: Counts::new(),
        }
    }

    /// The newest table.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Counts one subscription of `shard` for each of the keys, which differ from each other.
    ///
    /// Returns the next table, if it is not the same as before. Costs a path copy for each key that is new to its
    /// shard.
    pub(crate) fn add(&mut self, keys: &[FilterKey], shard: usize) -> Option<Arc<Table>> {
        let mut draft = Draft::of(&self.table);
        for key in keys {
            let mut shards = draft.table.shards_of(key);
            if shards.contains(shard) {
                self.more_subscriptions.add((*key, shard as u8));
            } else {
                shards.insert(shard);
                self.set_shards(&mut draft, key, shards);
            }
        }
        self.finish(draft)
    }

    /// Takes back what [`add`](Ledger::add) has counted for one subscription.
    pub(crate) fn remove(&mut self, keys: &[FilterKey], shard: usize) -> Option<Arc<Table>> {
        let mut draft = Draft::of(&self.table);
        for key in keys {
            let mut shards = draft.table.shards_of(key);
            debug_assert!(shards.contains(shard), "what is removed was added");
            if shards.contains(shard) && !self.more_subscriptions.take((*key, shard as u8)) {
                shards.remove(shard);
                self.set_shards(&mut draft, key, shards);
            }
        }
        self.finish(draft)
    }

    /// Which shards have a subscription with this filter.
    pub(crate) fn shards_of(&self, key: &FilterKey) -> ShardSet {
        self.table.shards_of(key)
    }

    fn set_shards(&mut self, draft: &mut Draft, key: &FilterKey, shards: ShardSet) {
        let pattern = key.pattern;
        let known = draft.table.classes.get(&pattern).copied();
        let known = known.unwrap_or_default();
        let Some(resource) = key.resource else {
            return self.set_class(draft, pattern, ClassInterest { shards, ..known });
        };

        draft.resources_changed = true;
        let resources = &mut draft.table.resources;
        let id = known.keyed;
        let id = id.unwrap_or_else(|| KeyedId(self.keyed.insert(0) as u32));
        let wanted = resources.get(&resource);
        let count = &mut self.keyed[id.0 as usize];
        *count += usize::from(!shards.is_empty());
        *count -= usize::from(wanted.is_some_and(|wanted| !wanted.get(id).is_empty()));
        match Wanted::with(wanted, id, shards) {
            Some(wanted) => resources.insert(resource, wanted),
            None => resources.remove(&resource),
        };
        let keyed = (*count > 0).then_some(id);
        if keyed.is_none() {
            self.keyed.remove(id.0 as usize);
        }
        if keyed != known.keyed {
            self.set_class(draft, pattern, ClassInterest { keyed, ..known });
        }
    }

    fn set_class(&mut self, draft: &mut Draft, pattern: Pattern, interest: ClassInterest) {
        draft.classes_changed = true;
        let classes = &mut draft.table.classes;
        let shape = Shape::of(pattern);
        if interest == ClassInterest::default() {
            classes.remove(&pattern);
            if !self.more_patterns.take(shape) {
                let shapes = draft.table.shapes.iter().copied();
                draft.table.shapes = shapes.filter(|own| *own != shape).collect();
            }
        } else if classes.insert(pattern, interest).is_none() {
            let shapes = &draft.table.shapes;
            if shapes.contains(&shape) {
                self.more_patterns.add(shape);
            } else {
                draft.table.shapes = shapes.iter().copied().chain([shape]).collect();
            }
        }
    }

    fn finish(&mut self, mut draft: Draft) -> Option<Arc<Table>> {
        if !draft.classes_changed && !draft.resources_changed {
            return None;
        }
        draft.table.generation += u64::from(draft.classes_changed);
        self.table = Arc::new(draft.table);
        Some(Arc::clone(&self.table))
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let table = &self.table;
        table.is_empty()
            && (table.classes.len(), table.resources.len()) == (0, 0)
            && self.more_subscriptions.0.is_empty()
            && self.keyed.is_empty()
            && self.more_patterns.0.is_empty()
    }
}

/// A table in the making.
struct Draft {
    table: Table,
    classes_changed: bool,
    resources_changed: bool,
}

impl Draft {
    fn of(table: &Table) -> Draft {
        Draft {
            table: table.clone(),
            classes_changed: false,
            resources_changed: false,
        }
    }
}

/// How many there are beyond the first. What has none is not in the map.
#[derive(Debug)]
struct Counts<K>(HashMap<K, u32, ahash::RandomState>);

impl<K: Copy + Eq + Hash> Counts<K> {
    fn new() -> Counts<K> {
        Counts(HashMap::with_hasher(hash_state().clone()))
    }

    fn add(&mut self, key: K) {
        *self.0.entry(key).or_insert(0) += 1;
    }

    /// Takes one of those beyond the first; false if there is none.
    fn take(&mut self, key: K) -> bool {
        let Some(count) = self.0.get_mut(&key) else {
            return false;
        };
        *count -= 1;
        if *count == 0 {
            self.0.remove(&key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;

    fn key(filter: Filter) -> FilterKey {
        filter.compile().unwrap()
    }

    #[test]
    fn only_the_first_and_the_last_make_a_table() {
        let mut ledger = Ledger::new();
        let filters = [
            key(Filter::any().category("ledger")),
            key(Filter::any().resource(1)),
        ];
        assert!(ledger.add(&filters, 3).is_some());
        assert!(ledger.add(&filters, 3).is_none());
        assert!(ledger.add(&filters[..1], 4).is_some());
        assert_eq!(
            ledger.shards_of(&filters[0]).iter().collect::<Vec<_>>(),
            [3, 4]
        );
        assert_eq!(ledger.shards_of(&filters[1]).only(), Some(3));
        assert!(ledger.remove(&filters, 3).is_none());
        assert!(ledger.remove(&filters, 3).is_some());
        assert!(ledger.remove(&filters[..1], 4).is_some());
        assert!(ledger.is_empty());
    }

    #[test]
    fn resources_of_a_keyed_pattern_keep_the_generation() {
        let mut ledger = Ledger::new();
        let of = |resource: u64| [key(Filter::any().category("ledger").resource(resource))];
        let first = ledger.add(&of(1), 0).unwrap();
        for resource in 2..100 {
            let table = ledger.add(&of(resource), 0).unwrap();
            assert_eq!(table.generation(), first.generation());
        }
        for resource in 1..99 {
            let table = ledger.remove(&of(resource), 0).unwrap();
            assert_eq!(table.generation(), first.generation());
        }
        let last = ledger.remove(&of(99), 0).unwrap();
        assert!(last.generation() > first.generation());
        assert!(ledger.is_empty());
    }
}
