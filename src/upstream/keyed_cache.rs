//! A bounded cache of state per tenant or API key.

use crate::sync::RwLock;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
};

/// The largest number of keys.
const MAX: usize = 4096;

/// A value for each key, made on first use and returned as a clone. Beyond [`MAX`] keys, the least recently used half is
/// evicted; clones of evicted values stay usable.
pub(super) struct KeyedCache<K, V> {
    values: RwLock<HashMap<K, Entry<V>>>,
    /// The number of uses so far.
    uses: AtomicU64,
    make: Box<dyn Fn() -> V + Send + Sync>,
}

struct Entry<V> {
    value: V,
    /// The number of the last use.
    last_used: AtomicU64,
}

impl<K: Clone + Eq + Hash, V: Clone> KeyedCache<K, V> {
    /// A cache whose values are made by `make`.
    pub(super) fn new(make: impl Fn() -> V + Send + Sync + 'static) -> Self {
        Self { values: RwLock::default(), uses: AtomicU64::new(0), make: Box::new(make) }
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &K) -> V {
        let number = self.uses.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.values.read().get(key) {
            entry.last_used.store(number, Ordering::Relaxed);
            return entry.value.clone();
        }
        let mut values = self.values.write();
        if values.len() >= MAX && !values.contains_key(key) {
            evict(&mut values);
        }
        let make = || Entry { value: (self.make)(), last_used: AtomicU64::new(number) };
        values.entry(key.clone()).or_insert_with(make).value.clone()
    }

    /// Forgets the value of `key`. Clones of it stay usable.
    pub(super) fn remove(&self, key: &K) {
        self.values.write().remove(key);
    }

    /// The values of all keys.
    pub(super) fn all(&self) -> Vec<V> {
        self.values.read().values().map(|entry| entry.value.clone()).collect()
    }
}

/// Evicts the least recently used half. It is rare enough that a scan of all entries does not matter.
fn evict<K, V>(values: &mut HashMap<K, Entry<V>>) {
    let mut uses: Vec<u64> = values.values().map(|entry| entry.last_used.load(Ordering::Relaxed)).collect();
    let middle = uses.len() / 2;
    let (_, median, _) = uses.select_nth_unstable(middle);
    values.retain(|_, entry| *entry.last_used.get_mut() >= *median);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_key_keeps_its_value_and_the_number_of_keys_is_bounded() {
        let cache = KeyedCache::new(|| Arc::new(()));
        let first = cache.get(&0);
        let second = cache.get(&1);
        for key in 2..3 * MAX {
            cache.get(&key);
            assert!(Arc::ptr_eq(&first, &cache.get(&0)));
            assert!(cache.values.read().len() <= MAX);
        }
        assert!(!Arc::ptr_eq(&second, &cache.get(&1)));
    }
}
