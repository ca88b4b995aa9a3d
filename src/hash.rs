//! The hash function of the registry, the interest table and the routes.

use crate::sync::global::OnceLock;
use std::hash::{BuildHasher, RandomState};

static STATE: OnceLock<ahash::RandomState> = OnceLock::new();

/// The process's hash function.
///
/// Its seeds come from the standard library's source of randomness and differ from process to process, so that whoever
/// chooses names or resource ids cannot aim at one bucket.
#[inline]
pub(crate) fn hash_state() -> &'static ahash::RandomState {
    STATE.get_or_init(|| {
        let random = RandomState::new();
        let [a, b, c, d] = [1u64, 2, 3, 4].map(|word| random.hash_one(word));
        ahash::RandomState::with_seeds(a, b, c, d)
    })
}

/// One hash of two.
#[inline]
pub(crate) fn combine(a: u64, b: u64) -> u64 {
    // Folds the product of what they differ in, as ahash does with what it has so far and the next word.
    let product = u128::from(a ^ b.rotate_left(32)) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

/// A map with that function.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, ahash::RandomState>;

pub(crate) fn new_map<K, V>() -> HashMap<K, V> {
    HashMap::with_hasher(hash_state().clone())
}
