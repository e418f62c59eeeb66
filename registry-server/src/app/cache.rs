//! What was read and verified once is kept in memory, up to a number of bytes.

use lru::LruCache;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// A value whose size in memory is known.
pub(crate) trait InMemory {
    /// Bytes in memory, near enough.
    fn size_bytes(&self) -> usize;
}

/// The values that were used last.
#[derive(Debug)]
pub(crate) struct Cache<K: Eq + Hash, V> {
    entries: Mutex<Entries<K, V>>,
    size_bytes_max: usize,
}

#[derive(Debug)]
struct Entries<K: Eq + Hash, V> {
    values: LruCache<K, V>,
    size_bytes: usize,
}

impl<K: Eq + Hash, V: Clone + InMemory> Cache<K, V> {
    /// An empty cache for values of `size_bytes_max` bytes in all.
    pub(crate) fn new(size_bytes_max: usize) -> Self {
        Self { entries: Mutex::new(Entries { values: LruCache::unbounded(), size_bytes: 0 }), size_bytes_max }
    }

    /// The value of a key, which counts as used now.
    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.values.get(key).cloned()
    }

    /// Keeps a value in the place of those that were not used for longest. One that would fill half of the cache is
    /// not kept.
    pub(crate) fn insert(&self, key: K, value: V) {
        let size_bytes = value.size_bytes();
        if size_bytes > self.size_bytes_max / 2 {
            return;
        }
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let replaced = entries.values.put(key, value);
        entries.size_bytes += size_bytes;
        entries.size_bytes -= replaced.map_or(0, |value| value.size_bytes());
        while entries.size_bytes > self.size_bytes_max {
            let Some((_, oldest)) = entries.values.pop_lru() else { return };
            entries.size_bytes -= oldest.size_bytes();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cache, InMemory};

    impl InMemory for &'static str {
        fn size_bytes(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn the_oldest_goes_first_and_large_values_never_enter() {
        let cache = Cache::new(10);
        cache.insert(1, "four");
        cache.insert(2, "four");
        assert_eq!(cache.get(&1), Some("four"));
        cache.insert(3, "four");
        assert_eq!([cache.get(&1), cache.get(&2), cache.get(&3)], [Some("four"), None, Some("four")]);
        cache.insert(4, "larger");
        assert_eq!([cache.get(&1), cache.get(&4)], [Some("four"), None]);
    }

    #[test]
    fn replacing_a_value_frees_its_size() {
        let cache = Cache::new(10);
        for _ in 0..100 {
            cache.insert(1, "four");
        }
        cache.insert(2, "four");
        assert_eq!([cache.get(&1), cache.get(&2)], [Some("four"), Some("four")]);
    }
}
