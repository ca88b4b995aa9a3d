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

/// A map with that function.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, ahash::RandomState>;

pub(crate) fn new_map<K, V>() -> HashMap<K, V> {
    HashMap::with_hasher(hash_state().clone())
}
