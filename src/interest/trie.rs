//! A persistent hash map: the hash trie of Bagwell 2001, "Ideal hash trees", with wide nodes and hash tables for leaves.
//!
//! The interest table is replaced as a whole with every change, so its maps must share what did not change. A copy of
//! one plain map with 10^6 keys took 134 ms in a prototype; copying the path to one key takes microseconds. The nodes
//! are not compressed: a probe indexes instead of counting bits. Leaves are large, so that there are few levels, and open
//! addressing finds a key in them, or that it is not there, mostly in one look at one line: a probe that branches on what
//! it finds costs more than it reads.

use std::array;
use std::fmt;
use std::iter::repeat_n;
use std::sync::Arc;

/// How many bits of the hash choose a child.
const BITS: u32 = 5;
const FANOUT: usize = 1 << BITS;

/// How many entries a leaf holds before it becomes a branch. At the last level, where no hash is left, there is no
/// limit.
const LEAF_MAX: usize = 48;

/// A key that has a hash of its own: all 64 bits count.
pub(super) trait Key: Copy + Eq {
    fn hash(&self) -> u64;
}

/// A map that clones in constant time and shares its nodes with its clones.
#[derive(Clone)]
pub(super) struct Trie<K, V> {
    root: Slot<K, V>,
    len: usize,
}

/// An empty subtree is `None`, never a node without entries.
type Slot<K, V> = Option<Node<K, V>>;

#[derive(Clone)]
enum Node<K, V> {
    Branch(Arc<[Slot<K, V>; FANOUT]>),
    Leaf(Leaf<K, V>),
}

/// What is left of a key's hash at some level: the low bits choose the child.
#[derive(Clone, Copy)]
struct Path {
    hash: u64,
    bits_left: u32,
}

impl Path {
    fn of(hash: u64) -> Path {
        Path {
            hash,
            bits_left: u64::BITS,
        }
    }

    fn child(self) -> usize {
        self.hash as usize % FANOUT
    }

    fn ended(self) -> bool {
        self.bits_left == 0
    }

    fn next(self) -> Path {
        Path {
            hash: self.hash >> BITS,
            bits_left: self.bits_left.saturating_sub(BITS),
        }
    }

    /// The path of a key that shares the way down to `self`.
    fn alongside<K: Key>(self, key: &K) -> Path {
        let mut path = Path::of(key.hash());
        while path.bits_left > self.bits_left {
            path = path.next();
        }
        path
    }
}

impl<K: Key, V: Clone> Trie<K, V> {
    pub(super) const fn new() -> Self {
        Trie { root: None, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let hash = key.hash();
        let mut node = self.root.as_ref()?;
        let mut path = Path::of(hash);
        loop {
            match node {
                Node::Branch(children) => {
                    node = children[path.child()].as_ref()?;
                    path = path.next();
                }
                Node::Leaf(leaf) => return leaf.get(key, hash),
            }
        }
    }

    /// Returns what the key had before. Copies the nodes on the way that are shared with a clone.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = key.hash();
        let previous = insert_at(&mut self.root, Path::of(hash), hash, key, value);
        self.len += usize::from(previous.is_none());
        previous
    }

    /// Returns what the key had. Copies the nodes on the way that are shared with a clone.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        // Looked up first: for a key that is not there, nothing is copied.
        let value = self.get(key)?.clone();
        remove_at(&mut self.root, Path::of(key.hash()), key);
        self.len -= 1;
        Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        let mut nodes: Vec<&Node<K, V>> = self.root.iter().collect();
        std::iter::from_fn(move || {
            loop {
                match nodes.pop()? {
                    Node::Branch(children) => nodes.extend(children.iter().flatten()),
                    Node::Leaf(leaf) => return Some(leaf.entries()),
                }
            }
        })
        .flatten()
    }
}

fn insert_at<K: Key, V: Clone>(
    slot: &mut Slot<K, V>,
    path: Path,
    hash: u64,
    key: K,
    value: V,
) -> Option<V> {
    match slot {
        None => *slot = Some(Node::Leaf(Leaf::of(vec![(key, value)]))),
        Some(Node::Branch(children)) => {
            let child = &mut Arc::make_mut(children)[path.child()];
            return insert_at(child, path.next(), hash, key, value);
        }
        Some(Node::Leaf(leaf)) => {
            if leaf.len < LEAF_MAX || path.ended() || leaf.get(&key, hash).is_some() {
                return leaf.insert(hash, key, value);
            }
            let entries = leaf.entries().cloned().chain([(key, value)]);
            *slot = Some(split(entries.collect(), path));
        }
    }
    None
}

/// A branch over more entries than a leaf holds.
fn split<K: Key, V: Clone>(entries: Vec<(K, V)>, path: Path) -> Node<K, V> {
    let mut buckets: [Vec<(K, V)>; FANOUT] = array::from_fn(|_| Vec::new());
    for entry in entries {
        buckets[path.alongside(&entry.0).child()].push(entry);
    }
    let below = path.next();
    Node::Branch(Arc::new(buckets.map(|bucket| match bucket.len() {
        0 => None,
        // All went the same way: one entry too many for a leaf there too.
        len if len > LEAF_MAX && !below.ended() => Some(split(bucket, below)),
        _ => Some(Node::Leaf(Leaf::of(bucket))),
    })))
}

/// Takes out a key that is there.
fn remove_at<K: Key, V: Clone>(slot: &mut Slot<K, V>, path: Path, key: &K) {
    match slot {
        None => debug_assert!(false, "the key is there"),
        Some(Node::Leaf(leaf)) => {
            let rest = leaf.entries().filter(|(own, _)| own != key);
            let rest: Vec<_> = rest.cloned().collect();
            *slot = (!rest.is_empty()).then(|| Node::Leaf(Leaf::of(rest)));
        }
        Some(Node::Branch(children)) => {
            let children = Arc::make_mut(children);
            remove_at(&mut children[path.child()], path.next(), key);
            let mut rest = children.iter_mut().filter(|child| child.is_some());
            match (rest.next(), rest.next()) {
                (None, _) => *slot = None,
                // A branch over nothing but one leaf is that leaf.
                (Some(only @ Some(Node::Leaf(_))), None) => *slot = only.take(),
                _ => {}
            }
        }
    }
}

/// A small hash table with open addressing. Its slots go by the upper half of the hash, at every level, so a leaf can move
/// from one to another. Branches come to those bits in the seventh level only.
#[derive(Clone)]
struct Leaf<K, V> {
    /// A power of two, and some are empty.
    slots: Arc<[Option<(K, V)>]>,
    len: usize,
}

impl<K: Key, V: Clone> Leaf<K, V> {
    /// Of distinct keys.
    fn of(entries: Vec<(K, V)>) -> Self {
        // No more than three of four are taken.
        let capacity = (entries.len() * 4).div_ceil(3).next_power_of_two();
        let mut leaf = Leaf {
            slots: repeat_n(None, capacity).collect(),
            len: 0,
        };
        for (key, value) in entries {
            leaf.insert(key.hash(), key, value);
        }
        leaf
    }

    /// Where a key is, or the empty slot where it would be.
    #[inline]
    fn place(&self, key: &K, hash: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut at = (hash >> 32) as usize & mask;
        while let Some((own, _)) = &self.slots[at]
            && own != key
        {
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    fn get(&self, key: &K, hash: u64) -> Option<&V> {
        let slot = self.slots[self.place(key, hash)].as_ref();
        slot.map(|(_, value)| value)
    }

    fn insert(&mut self, hash: u64, key: K, value: V) -> Option<V> {
        let at = self.place(&key, hash);
        if self.slots[at].is_none() {
            if (self.len + 1) * 4 > self.slots.len() * 3 {
                let entries = self.entries().cloned().chain([(key, value)]);
                *self = Leaf::of(entries.collect());
                return None;
            }
            self.len += 1;
        }
        let slot = &mut Arc::make_mut(&mut self.slots)[at];
        slot.replace((key, value)).map(|(_, previous)| previous)
    }

    fn entries(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.iter().flatten()
    }
}

impl<K, V> fmt::Debug for Trie<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trie")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::hash_state;
    use std::collections::HashMap;

    impl Key for u64 {
        fn hash(&self) -> u64 {
            hash_state().hash_one(self)
        }
    }

    #[test]
    fn it_is_a_map() {
        let mut trie = Trie::new();
        let mut model = HashMap::new();
        for step in 0u64..40_000 {
            // Multiplying by an odd number goes through all keys below 2^12, over and over in another order.
            let key = step.wrapping_mul(2_654_435_769) >> 7 & 0xfff;
            if step % 5 < 3 {
                assert_eq!(trie.insert(key, step), model.insert(key, step));
            } else {
                assert_eq!(trie.remove(&key), model.remove(&key));
            }
            assert_eq!(trie.get(&key), model.get(&key));
            assert_eq!(trie.len(), model.len());
        }
        assert_eq!(trie.iter().copied().collect::<HashMap<_, _>>(), model);
        for key in model.keys() {
            assert!(trie.remove(key).is_some());
        }
        assert!(trie.root.is_none());
    }

    #[test]
    fn a_clone_keeps_what_it_had() {
        let mut trie = Trie::new();
        for key in 0..1_000 {
            trie.insert(key, key);
        }
        let clone = trie.clone();
        for key in 0..1_000 {
            trie.insert(key, 0);
            trie.remove(&(key / 2));
            trie.insert(key + 1_000, key);
        }
        assert_eq!(clone.len(), 1_000);
        assert!((0..1_000).all(|key| clone.get(&key) == Some(&key)));
    }

    #[test]
    fn keys_with_one_hash_share_the_last_leaf() {
        #[derive(Clone, Copy, PartialEq, Eq)]
        struct Same(u32);

        impl Key for Same {
            fn hash(&self) -> u64 {
                0
            }
        }

        let mut trie = Trie::new();
        for key in 0..100 {
            assert_eq!(trie.insert(Same(key), key), None);
        }
        assert!((0..100).all(|key| trie.get(&Same(key)) == Some(&key)));
        for key in 0..100 {
            assert_eq!(trie.remove(&Same(key)), Some(key));
        }
        assert!(trie.root.is_none());
    }
}
