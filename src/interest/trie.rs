//! A persistent hash map: the hash trie of Bagwell 2001, "Ideal hash trees", with wide nodes and hash tables for leaves.
//!
//! The interest table is replaced as a whole with every change, so its maps must share what did not change. A copy of
//! one plain map with 10^6 keys took 134 ms in a prototype; copying the path to one key takes microseconds. The nodes
//! are not compressed: a probe indexes instead of counting bits. Leaves are large, so that there are few levels, and open
//! addressing finds a key in them, or that it is not there, mostly in one look at one line: a probe that branches on what
//! it finds costs more than it reads.

use crate::hash::hash_state;
use std::array;
use std::fmt;
use std::hash::Hash;
use std::iter::repeat_n;
use std::mem;
use std::sync::Arc;

/// How many bits of the hash choose a child.
const BITS: u32 = 5;
const FANOUT: usize = 1 << BITS;

/// How many entries a leaf holds before it becomes a branch. At the last level, where no hash is left, there is no
/// limit.
const LEAF_MAX: usize = 48;

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
    fn alongside<K: Hash>(self, key: &K) -> Path {
        let mut path = Path::of(hash_state().hash_one(key));
        while path.bits_left > self.bits_left {
            path = path.next();
        }
        path
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Trie<K, V> {
    pub(super) const fn new() -> Self {
        Trie { root: None, len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let hash = hash_state().hash_one(key);
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
        let hash = hash_state().hash_one(key);
        let previous = insert_at(&mut self.root, Path::of(hash), hash, key, value);
        self.len += usize::from(previous.is_none());
        previous
    }

    /// Returns what the key had. Copies the nodes on the way that are shared with a clone.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        // Looked up first: for a key that is not there, nothing is copied.
        let value = self.get(key)?.clone();
        remove_at(&mut self.root, Path::of(hash_state().hash_one(key)), key);
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

fn insert_at<K: Copy + Eq + Hash, V: Clone>(
    slot: &mut Slot<K, V>,
    path: Path,
    hash: u64,
    key: K,
    value: V,
) -> Option<V> {
    match slot {
        None => *slot = Some(node_of(vec![(key, value)], path)),
        Some(Node::Branch(children)) => {
            let child = &mut Arc::make_mut(children)[path.child()];
            return insert_at(child, path.next(), hash, key, value);
        }
        Some(Node::Leaf(leaf)) => {
            if let Some(known) = leaf.get_mut(&key, hash) {
                return Some(mem::replace(known, value));
            }
            let entries = leaf.entries().cloned().chain([(key, value)]);
            *slot = Some(node_of(entries.collect(), path));
        }
    }
    None
}

/// A leaf, or a branch over more entries than a leaf holds.
fn node_of<K: Copy + Eq + Hash, V: Clone>(entries: Vec<(K, V)>, path: Path) -> Node<K, V> {
    if entries.len() <= LEAF_MAX || path.ended() {
        return Node::Leaf(Leaf::of(entries));
    }
    let mut buckets: [Vec<(K, V)>; FANOUT] = array::from_fn(|_| Vec::new());
    for entry in entries {
        buckets[path.alongside(&entry.0).child()].push(entry);
    }
    let children = buckets.map(|some| (!some.is_empty()).then(|| node_of(some, path.next())));
    Node::Branch(Arc::new(children))
}

/// Takes out a key that is there.
fn remove_at<K: Copy + Eq + Hash, V: Clone>(slot: &mut Slot<K, V>, path: Path, key: &K) {
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

/// A small hash table with open addressing, as large as its entries need. Its slots go by the upper half of the hash, at every
/// level. Branches come to those bits in the seventh level only.
#[derive(Clone)]
struct Leaf<K, V> {
    /// Half of them are empty, so that a key that is not there is told after 2.5 looks on average; it takes five if two thirds
    /// are in use.
    slots: Arc<[Option<(K, V)>]>,
}

impl<K: Copy + Eq + Hash, V: Clone> Leaf<K, V> {
    /// Of distinct keys.
    fn of(entries: Vec<(K, V)>) -> Self {
        let capacity = entries.len() * 2;
        let mut slots: Arc<[_]> = repeat_n(None, capacity).collect();
        let own = Arc::make_mut(&mut slots);
        for entry in entries {
            let at = place(own, &entry.0, hash_state().hash_one(entry.0));
            own[at] = Some(entry);
        }
        Leaf { slots }
    }

    #[inline]
    fn get(&self, key: &K, hash: u64) -> Option<&V> {
        let slot = self.slots[place(&self.slots, key, hash)].as_ref();
        slot.map(|(_, value)| value)
    }

    /// Copies the leaf, if it is shared, only for a key that is there.
    fn get_mut(&mut self, key: &K, hash: u64) -> Option<&mut V> {
        let at = place(&self.slots, key, hash);
        self.slots[at].as_ref()?;
        let slot = Arc::make_mut(&mut self.slots)[at].as_mut();
        slot.map(|(_, value)| value)
    }

    fn entries(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.iter().flatten()
    }
}

/// Where a key is, or the empty slot where it would be.
#[inline]
fn place<K: Copy + Eq + Hash, V>(slots: &[Option<(K, V)>], key: &K, hash: u64) -> usize {
    // The upper half of the hash as a fraction of the table.
    let mut at = (((hash >> 32) * slots.len() as u64) >> 32) as usize;
    while let Some((own, _)) = &slots[at]
        && own != key
    {
        at += 1;
        if at == slots.len() {
            at = 0;
        }
    }
    at
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
    use std::collections::{HashMap, HashSet};
    use std::hash::Hasher;

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
    fn a_change_copies_only_the_way_to_its_key() {
        fn nodes(trie: &Trie<u64, u64>) -> HashSet<*const ()> {
            let mut all = HashSet::new();
            let mut left: Vec<_> = trie.root.iter().collect();
            while let Some(node) = left.pop() {
                all.insert(match node {
                    Node::Branch(children) => {
                        left.extend(children.iter().flatten());
                        Arc::as_ptr(children).cast()
                    }
                    Node::Leaf(leaf) => Arc::as_ptr(&leaf.slots).cast(),
                });
            }
            all
        }

        let mut trie = Trie::new();
        for key in 0..20_000 {
            trie.insert(key, key);
        }
        let before = nodes(&trie);
        let kept = trie.clone();
        trie.insert(7, 0);
        trie.remove(&20_000);
        // Two branches and a leaf, or one branch more.
        let copied = nodes(&trie).difference(&before).count();
        assert!((2..=4).contains(&copied), "{copied} of {}", before.len());
        assert_eq!(nodes(&kept), before);
    }

    #[test]
    fn keys_with_one_hash_share_the_last_leaf() {
        #[derive(Clone, Copy, PartialEq, Eq)]
        struct Same(u32);

        impl Hash for Same {
            fn hash<H: Hasher>(&self, _: &mut H) {}
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
