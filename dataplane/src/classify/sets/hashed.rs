//! Which element has this key? Single values, hashed with a secret of this process.
//!
//! The keys lie side by side in the order of their buckets, a few to each, without gaps: a lookup reads where the bucket
//! begins, then its keys.

use ahash::RandomState;
use std::hash::Hash;

/// Keys and the elements they are of.
#[derive(Debug)]
pub(super) struct Hashed<K> {
    hasher: RandomState,
    /// Where the keys of each bucket begin; one more at the end.
    starts: Box<[u32]>,
    keys: Box<[K]>,
    elements: Box<[u32]>,
}

impl<K: Hash + Eq + Clone> Hashed<K> {
    /// Arranges `keys`, one an element, all different.
    pub(super) fn new(keys: &[K]) -> Self {
        let hasher = RandomState::new();
        let buckets = keys.len() / KEYS_A_BUCKET + 1;
        let mut starts = vec![0u32; buckets + 1];
        let bucket = |key: &K| bucket(&hasher, key, buckets);
        for key in keys {
            starts[bucket(key) + 1] += 1;
        }
        for bucket in 0..buckets {
            starts[bucket + 1] += starts[bucket];
        }
        // Each place is taken from the start of its bucket on, which so moves to the start of the next.
        let mut elements = vec![0u32; keys.len()];
        for (element, key) in (0u32..).zip(keys) {
            let start = &mut starts[bucket(key)];
            elements[*start as usize] = element;
            *start += 1;
        }
        starts.copy_within(..buckets, 1);
        starts[0] = 0;
        let keys = elements.iter().map(|&element| keys[element as usize].clone()).collect();
        Self { hasher, starts: starts.into(), keys, elements: elements.into() }
    }

    /// The element with this key.
    #[inline]
    pub(super) fn find(&self, key: &K) -> Option<u32> {
        self.find_by(key, |known| known == key)
    }

    /// The element whose key is `same`; `key` hashes as that does.
    #[inline]
    pub(super) fn find_by<Q: Hash + ?Sized>(&self, key: &Q, same: impl Fn(&K) -> bool) -> Option<u32> {
        let bucket = bucket(&self.hasher, key, self.starts.len() - 1);
        let (from, to) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        let place = self.keys[from..to].iter().position(same)?;
        Some(self.elements[from + place])
    }

    /// The keys, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.keys.iter()
    }

    /// Bytes it takes, besides what keys have elsewhere.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.keys) + size_of_val(&*self.elements)
    }
}

#[inline]
fn bucket<K: Hash + ?Sized>(hasher: &RandomState, key: &K, buckets: usize) -> usize {
    let hash = hasher.hash_one(key);
    ((u128::from(hash) * buckets as u128) >> 64) as usize
}

/// How many keys a bucket has on average.
const KEYS_A_BUCKET: usize = 2;
