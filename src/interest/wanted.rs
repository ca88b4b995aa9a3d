//! Who wants one resource, under which patterns.
//!
//! A class matches many patterns at once, and all of them ask about the same resource. So a resource is looked up once,
//! and what is found is held against the patterns: a handful of comparisons without a branch, where a probe for each
//! pattern and resource would be as many cache misses and mispredicted branches.

use super::trie::Trie;
use super::{ShardSet, SomeShards};
use smallvec::SmallVec;
use std::slice;
use std::sync::Arc;

/// Up to how many patterns all are looked at. A resource with more of them is probed for each pattern of the class.
const FEW: usize = 32;

/// Stands for a pattern under which somebody wants certain resources, for as long as somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyedId(pub(super) u32);

impl KeyedId {
    /// No pattern's.
    const NONE: KeyedId = KeyedId(u32::MAX);
}

/// The keyed patterns that a class matches.
#[derive(Debug, Default)]
pub(crate) struct KeyedList {
    /// What is not used of the last one is [`KeyedId::NONE`].
    chunks: SmallVec<[[KeyedId; CHUNK]; 1]>,
    /// How many are used: kept, since a search for the first that is not would end somewhere else each time.
    len: usize,
}

/// A few vectors of the processor.
const CHUNK: usize = 8;

impl KeyedList {
    pub(crate) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.chunks.clear();
        self.len = 0;
    }

    #[inline]
    pub(super) fn push(&mut self, id: KeyedId) {
        let at = self.len % CHUNK;
        if at == 0 {
            self.chunks.push([KeyedId::NONE; CHUNK]);
        }
        self.chunks[self.len / CHUNK][at] = id;
        self.len += 1;
    }

    /// Without a branch that depends on the id.
    #[inline]
    fn contains(&self, id: KeyedId) -> bool {
        let among =
            |chunk: &[KeyedId; CHUNK]| chunk.iter().fold(false, |any, own| any | (*own == id));
        self.chunks
            .iter()
            .fold(false, |any, chunk| any | among(chunk))
    }
}

/// 12 bytes: that these lists stay in a near cache is most of what they are for.
#[derive(Clone, Copy, Debug)]
#[repr(Rust, packed(4))]
pub(super) struct Entry {
    id: KeyedId,
    shards: SomeShards,
}

#[derive(Clone, Debug)]
pub(super) enum Wanted {
    /// The usual case takes no allocation.
    One(Entry),
    Few(Arc<[Entry]>),
    Many(Arc<Trie<KeyedId, SomeShards>>),
}

impl Wanted {
    /// Who wants the resource under one of the patterns.
    #[inline]
    pub(super) fn under(&self, keyed: &KeyedList) -> ShardSet {
        match self {
            Wanted::One(entry) => among(slice::from_ref(entry), keyed),
            Wanted::Few(entries) => among(entries, keyed),
            Wanted::Many(_) => {
                let ids = keyed.chunks.iter().flatten();
                ids.fold(ShardSet::EMPTY, |all, id| all.union(self.get(*id)))
            }
        }
    }

    /// Who wants it under this pattern.
    pub(super) fn get(&self, id: KeyedId) -> ShardSet {
        let found = match self {
            Wanted::Many(trie) => trie.get(&id).copied(),
            _ => (self.few().iter()).find_map(|entry| (entry.id == id).then_some(entry.shards)),
        };
        found.into()
    }

    /// The same but for one pattern; `None` if that leaves nobody.
    pub(super) fn with(known: Option<&Wanted>, id: KeyedId, shards: ShardSet) -> Option<Wanted> {
        let shards = shards.some();
        let entry = |(id, shards)| Entry { id, shards };
        let entries: SmallVec<[Entry; FEW]> = match known {
            Some(Wanted::Many(trie)) => {
                let mut trie = Trie::clone(trie);
                match shards {
                    Some(shards) => trie.insert(id, shards),
                    None => trie.remove(&id),
                };
                if trie.len() > FEW {
                    return Some(Wanted::Many(Arc::new(trie)));
                }
                trie.iter().copied().map(entry).collect()
            }
            _ => {
                let few = known.map_or(&[][..], Wanted::few).iter().copied();
                let others = few.filter(|own| own.id != id);
                others
                    .chain(shards.map(|shards| entry((id, shards))))
                    .collect()
            }
        };
        Some(match entries[..] {
            [] => return None,
            [one] => Wanted::One(one),
            ref few if few.len() <= FEW => Wanted::Few(few.into()),
            ref many => {
                let mut trie = Trie::new();
                for Entry { id, shards } in many.iter().copied() {
                    trie.insert(id, shards);
                }
                Wanted::Many(Arc::new(trie))
            }
        })
    }

    fn few(&self) -> &[Entry] {
        match self {
            Wanted::One(entry) => slice::from_ref(entry),
            Wanted::Few(entries) => entries,
            Wanted::Many(_) => &[],
        }
    }
}

#[inline]
fn among(entries: &[Entry], keyed: &KeyedList) -> ShardSet {
    entries.iter().fold(ShardSet::EMPTY, |all, entry| {
        all.union(ShardSet::from(Some(entry.shards)).only_if(keyed.contains(entry.id)))
    })
}
