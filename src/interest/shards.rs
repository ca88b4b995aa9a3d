//! A set of shards in one word.

use std::fmt;
use std::num::NonZeroU64;

/// The most shards that a router can have: as many as a [`ShardSet`] has bits.
pub(crate) const MAX_SHARDS: usize = 64;

/// A set of shards, by index: bit `i` is shard `i`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct ShardSet(u64);

impl ShardSet {
    pub(crate) const EMPTY: ShardSet = ShardSet(0);

    #[inline]
    pub(crate) const fn single(shard: usize) -> ShardSet {
        debug_assert!(shard < MAX_SHARDS);
        ShardSet(1 << shard)
    }

    #[inline]
    pub(crate) const fn insert(&mut self, shard: usize) {
        self.0 |= ShardSet::single(shard).0;
    }

    #[inline]
    pub(crate) const fn remove(&mut self, shard: usize) {
        self.0 &= !ShardSet::single(shard).0;
    }

    #[inline]
    pub(crate) const fn contains(self, shard: usize) -> bool {
        self.0 & ShardSet::single(shard).0 != 0
    }

    #[inline]
    #[must_use]
    pub(crate) const fn union(self, other: ShardSet) -> ShardSet {
        ShardSet(self.0 | other.0)
    }

    /// The set or the empty one, without a branch.
    #[inline]
    #[must_use]
    pub(crate) fn only_if(self, condition: bool) -> ShardSet {
        ShardSet(self.0 & u64::from(condition).wrapping_neg())
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[inline]
    pub(crate) const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The shard, if there is exactly one: the case that a publisher does without a loop.
    #[inline]
    pub(crate) const fn only(self) -> Option<usize> {
        if self.0.is_power_of_two() {
            Some(self.0.trailing_zeros() as usize)
        } else {
            None
        }
    }

    /// The shards in ascending order.
    #[inline]
    pub(crate) fn iter(self) -> impl Iterator<Item = usize> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let shard = rest.trailing_zeros();
            // Clears the lowest bit; at 0 there is none to clear.
            rest &= rest.wrapping_sub(1);
            (shard < u64::BITS).then_some(shard as usize)
        })
    }
}

/// A set that is not empty, which leaves room for an `Option` around it.
pub(crate) type SomeShards = NonZeroU64;

impl From<Option<SomeShards>> for ShardSet {
    #[inline]
    fn from(shards: Option<SomeShards>) -> Self {
        ShardSet(shards.map_or(0, NonZeroU64::get))
    }
}

impl ShardSet {
    #[inline]
    pub(crate) fn some(self) -> Option<SomeShards> {
        NonZeroU64::new(self.0)
    }
}

impl fmt::Debug for ShardSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_does_what_sets_do() {
        let mut set = ShardSet::EMPTY;
        assert_eq!(
            (set.is_empty(), set.only(), set.iter().count()),
            (true, None, 0)
        );
        set.insert(63);
        assert_eq!(set.only(), Some(63));
        set.insert(0);
        set.insert(0);
        set = set.union(ShardSet::single(7));
        assert_eq!((set.len(), set.only(), set.contains(7)), (3, None, true));
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 7, 63]);
        assert_eq!(format!("{set:?}"), "{0, 7, 63}");
        set.remove(63);
        set.remove(7);
        assert_eq!(set, ShardSet::single(0));
    }
}
