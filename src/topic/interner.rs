//! An append-only interner: one writer gives each entry a dense number, any number of readers find entry or number
//! without a lock.
//!
//! Entries live in chunks of doubling size, so that none ever moves. The way from a key to its number is an open
//! addressing table of numbers (linear probing, at most half full). A full table is followed by one of twice the size;
//! the old ones stay, since a reader may still be in one, and are together smaller than the current one. Nothing is
//! ever freed: an interner lives as long as its process.

use crate::hash::hash_state;
use crate::sync::Ordering;
use crate::sync::global::{AtomicU32, AtomicUsize, OnceLock};
use std::hash::Hash;

/// log2 of the number of entries in the first chunk, and of the number of slots in the first table.
const FIRST_BITS: u32 = 6;

/// As many chunks (and tables) as there can be for numbers below 2^30.
const LEVELS: usize = 32 - FIRST_BITS as usize;

/// What an interner keeps. The key of an entry never changes.
pub(crate) trait Entry: Send + Sync + 'static {
    type Key: Hash + Eq + ?Sized;

    fn key(&self) -> &Self::Key;
}

/// The side that everyone may read.
#[derive(Debug)]
pub(crate) struct Interner<T> {
    /// Chunk `k` holds `2^(FIRST_BITS + k)` entries.
    chunks: [OnceLock<Box<[OnceLock<T>]>>; LEVELS],
    /// Table `k` has `2^(FIRST_BITS + k)` slots: 0 for a free one, otherwise an entry's number plus one.
    tables: [OnceLock<Box<[AtomicU32]>>; LEVELS],
    /// The table in use. Only grows.
    level: AtomicUsize,
    /// The number of entries.
    len: AtomicUsize,
}

/// The side that adds entries. There is one for each interner, and adding takes it by `&mut`: no two threads write.
#[derive(Debug)]
pub(crate) struct Writer<T: 'static> {
    interner: &'static Interner<T>,
    len: u32,
}

/// Makes an interner that lives until the process ends.
pub(crate) fn leaked<T: Entry>() -> (&'static Interner<T>, Writer<T>) {
    let interner: &'static Interner<T> = Box::leak(Box::new(Interner {
        chunks: [const { OnceLock::new() }; LEVELS],
        tables: [const { OnceLock::new() }; LEVELS],
        level: AtomicUsize::new(0),
        len: AtomicUsize::new(0),
    }));
    interner.tables[0].get_or_init(|| free_slots(0));
    (interner, Writer { interner, len: 0 })
}

impl<T: Entry> Interner<T> {
    /// The entry with this number.
    ///
    /// # Panics
    ///
    /// If there is none. Numbers come from this interner, and who has one got it after the entry was in place.
    pub(crate) fn entry(&self, number: u32) -> &T {
        let (chunk, offset) = place(number);
        let entry = self.chunks[chunk]
            .get()
            .and_then(|chunk| chunk[offset].get());
        entry.expect("numbers are given out after their entry is in place")
    }

    /// The number of the entry with this key. An entry added at the same time may be missed, one added before is found.
    pub(crate) fn find(&self, key: &T::Key) -> Option<u32> {
        // ORDERING: pairs with the Release store in `Writer::grow`: the table is filled before it becomes the current
        // one.
        let level = self.level.load(Ordering::Acquire);
        let table = self.tables[level]
            .get()
            .expect("a table is made before its level is current");
        probe(table, key).find_map(|slot| {
            // ORDERING: pairs with the Release store in `file`: who sees the number sees its entry.
            match slot.load(Ordering::Acquire) {
                0 => Some(None),
                filed => {
                    let number = filed - 1;
                    (self.entry(number).key() == key).then_some(Some(number))
                }
            }
        })?
    }

    /// How many entries there are, each of which the caller can find.
    pub(crate) fn len(&self) -> usize {
        // ORDERING: pairs with the Release store in `Writer::insert`: who counts an entry finds it.
        self.len.load(Ordering::Acquire)
    }
}

impl<T: Entry> Writer<T> {
    /// Adds an entry whose key is not there yet, and returns its number.
    pub(crate) fn insert(&mut self, entry: T) -> u32 {
        debug_assert_eq!(self.interner.find(entry.key()), None);
        let number = self.len;
        assert!(number < 1 << 30, "the caller's limits are far below this");

        // ORDERING: Relaxed, only this writer stores it.
        let mut level = self.interner.level.load(Ordering::Relaxed);
        if number as usize >= slots(level) / 2 {
            level = self.grow(level);
        }

        let (chunk, offset) = place(number);
        let chunk = self.interner.chunks[chunk]
            .get_or_init(|| (0..slots(chunk)).map(|_| OnceLock::new()).collect());
        let fresh = chunk[offset].set(entry).is_ok();
        debug_assert!(fresh, "each number is used once");

        let table = self.interner.tables[level]
            .get()
            .expect("just grown, or in use");
        file(table, self.interner.entry(number).key(), number);
        self.len += 1;
        // ORDERING: pairs with the Acquire load in `Interner::len`.
        self.interner
            .len
            .store(self.len as usize, Ordering::Release);
        number
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, level: usize) -> usize {
        let level = level + 1;
        let table = free_slots(level);
        for number in 0..self.len {
            file(&table, self.interner.entry(number).key(), number);
        }
        let fresh = self.interner.tables[level].set(table).is_ok();
        debug_assert!(fresh, "levels only grow");
        // ORDERING: pairs with the Acquire load in `Interner::find`.
        self.interner.level.store(level, Ordering::Release);
        level
    }
}

/// The number of entries in a chunk, and of slots in a table.
const fn slots(level: usize) -> usize {
    1 << (FIRST_BITS as usize + level)
}

/// Chunk and offset of a number: chunk `k` begins at `2^(FIRST_BITS + k) - 2^FIRST_BITS`.
fn place(number: u32) -> (usize, usize) {
    let shifted = number as usize + slots(0);
    let chunk = (shifted.ilog2() - FIRST_BITS) as usize;
    (chunk, shifted - slots(chunk))
}

fn free_slots(level: usize) -> Box<[AtomicU32]> {
    (0..slots(level)).map(|_| AtomicU32::new(0)).collect()
}

/// The slots of a table in the order in which a key looks at them.
fn probe<'a, K: Hash + ?Sized>(
    table: &'a [AtomicU32],
    key: &K,
) -> impl Iterator<Item = &'a AtomicU32> {
    let mask = table.len() - 1;
    let start = hash_state().hash_one(key) as usize;
    (0..table.len()).map(move |step| &table[start.wrapping_add(step) & mask])
}

fn file<K: Hash + ?Sized>(table: &[AtomicU32], key: &K, number: u32) {
    // ORDERING: Relaxed, only the one writer stores to slots.
    let free = probe(table, key).find(|slot| slot.load(Ordering::Relaxed) == 0);
    // ORDERING: pairs with the Acquire load in `Interner::find`.
    free.expect("tables are at most half full")
        .store(number + 1, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Entry for String {
        type Key = str;

        fn key(&self) -> &str {
            self
        }
    }

    #[test]
    fn numbers_are_dense_and_places_follow_each_other() {
        let mut last = (0, slots(0) - 1);
        assert_eq!(place(0), (0, 0));
        assert_eq!(place(63), last);
        for number in 64..10_000 {
            let next = place(number);
            assert!(next == (last.0, last.1 + 1) || next == (last.0 + 1, 0));
            assert!(next.1 < slots(next.0));
            last = next;
        }
    }

    #[test]
    fn entries_are_found_through_every_growth() {
        let (interner, mut writer) = leaked::<String>();
        for number in 0..5_000 {
            assert_eq!(interner.find(&number.to_string()), None);
            assert_eq!(writer.insert(number.to_string()), number);
        }
        assert_eq!(interner.len(), 5_000);
        for number in 0..5_000 {
            assert_eq!(interner.find(&number.to_string()), Some(number));
            assert_eq!(*interner.entry(number), number.to_string());
        }
    }

    #[test]
    fn readers_find_what_was_added_before_they_looked() {
        let (interner, mut writer) = leaked::<String>();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let len = interner.len() as u32;
                        for number in 0..len {
                            assert_eq!(interner.find(&number.to_string()), Some(number));
                        }
                        if len == 1_000 {
                            break;
                        }
                    }
                });
            }
            for number in 0..1_000 {
                writer.insert(number.to_string());
            }
        });
    }
}
