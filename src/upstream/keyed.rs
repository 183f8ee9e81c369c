//! What is remembered of each tenant or key.

use crate::sync::RwLock;
use std::{
    collections::HashMap,
    hash::Hash,
    sync::atomic::{AtomicU64, Ordering},
};

/// How many keys are remembered.
const MAX: usize = 4096;

/// A value for each key, handed out as clones; made when the key is first asked for. Where there are too many, those that were not asked for
/// the longest are forgotten; whoever holds their values keeps them.
pub(super) struct Keyed<K, V> {
    values: RwLock<HashMap<K, Entry<V>>>,
    /// Counts the askings.
    asked: AtomicU64,
    make: Box<dyn Fn() -> V + Send + Sync>,
}

struct Entry<V> {
    value: V,
    /// The number of the last asking.
    asked: AtomicU64,
}

impl<K: Clone + Eq + Hash, V: Clone> Keyed<K, V> {
    /// Values as `make` makes them.
    pub(super) fn new(make: impl Fn() -> V + Send + Sync + 'static) -> Self {
        Self { values: RwLock::default(), asked: AtomicU64::new(0), make: Box::new(make) }
    }

    /// The value of `key`.
    pub(super) fn get(&self, key: &K) -> V {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.values.read().get(key) {
            entry.asked.store(number, Ordering::Relaxed);
            return entry.value.clone();
        }
        let mut values = self.values.write();
        if values.len() >= MAX && !values.contains_key(key) {
            forget(&mut values);
        }
        let make = || Entry { value: (self.make)(), asked: AtomicU64::new(number) };
        values.entry(key.clone()).or_insert_with(make).value.clone()
    }

    /// The values of all keys.
    pub(super) fn all(&self) -> Vec<V> {
        self.values.read().values().map(|entry| entry.value.clone()).collect()
    }
}

/// Drops the half that was not asked for the longest: rarely, so that a look at all of them does not matter.
fn forget<K, V>(values: &mut HashMap<K, Entry<V>>) {
    let mut asked: Vec<u64> = values.values().map(|entry| entry.asked.load(Ordering::Relaxed)).collect();
    let middle = asked.len() / 2;
    let (_, median, _) = asked.select_nth_unstable(middle);
    values.retain(|_, entry| *entry.asked.get_mut() >= *median);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_key_keeps_its_value_and_the_number_of_keys_is_bounded() {
        let keyed = Keyed::new(|| Arc::new(()));
        let first = keyed.get(&0);
        let second = keyed.get(&1);
        for key in 2..3 * MAX {
            keyed.get(&key);
            assert!(Arc::ptr_eq(&first, &keyed.get(&0)));
            assert!(keyed.values.read().len() <= MAX);
        }
        assert!(!Arc::ptr_eq(&second, &keyed.get(&1)));
    }
}
