//! Which of the elements have this key? A table that is made when it is first asked for, and kept up from then on: lines
//! that add and delete one element after the other cost no more than their own elements.
//!
//! Elements that were taken out stay where they lie and are passed over. A key is known by 128 bits of two hashes, each with
//! a secret of this process.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::{Element, Elements, Expression};

/// Where elements lie by their keys, counted from the first that went in.
#[derive(Debug, Clone, Default)]
pub(super) struct Keyed {
    hashers: [RandomState; 2],
    /// The last element with each key.
    last: HashMap<u128, u32>,
    /// The one before with the same key, of elements that have such.
    before: HashMap<u32, u32>,
    /// Those taken out.
    gone: HashSet<u32>,
    /// How many there are and were.
    count: u32,
    /// Keys looked at so far.
    pub(super) looked_at: u64,
}

impl Keyed {
    fn hash(&mut self, key: &Expression) -> u128 {
        self.looked_at += 1;
        let written = crate::print::written(key);
        let [high, low] = self.hashers.each_ref().map(|hasher| hasher.hash_one(&written));
        u128::from(high) << 64 | u128::from(low)
    }

    /// An element goes in behind the others.
    pub(super) fn push(&mut self, key: &Expression) {
        let hash = self.hash(key);
        if let Some(earlier) = self.last.insert(hash, self.count) {
            self.before.insert(self.count, earlier);
        }
        self.count += 1;
    }

    /// Takes out all elements with this key; how many there were.
    fn remove(&mut self, key: &Expression) -> usize {
        let hash = self.hash(key);
        let found = std::iter::successors(self.last.remove(&hash), |place| self.before.remove(place));
        let before = self.gone.len();
        self.gone.extend(found);
        self.gone.len() - before
    }

    /// Whether the element there was taken out.
    pub(super) fn is_gone(&self, place: u32) -> bool {
        self.gone.contains(&place)
    }
}

impl Elements {
    /// Whether there is an element with this key.
    pub fn has(&mut self, key: &Expression) -> bool {
        let keyed = self.keyed();
        let hash = keyed.hash(key);
        keyed.last.contains_key(&hash)
    }

    /// Takes out all elements with this key. Whether there were any.
    pub fn remove(&mut self, key: &Expression) -> bool {
        let gone = self.keyed().remove(key);
        self.count -= gone;
        gone > 0
    }

    fn keyed(&mut self) -> &mut Keyed {
        if self.keyed.is_none() {
            let mut keyed = Keyed::default();
            self.iter().for_each(|element: Element| keyed.push(&element.key));
            self.keyed = Some(Box::new(keyed));
        }
        self.keyed.get_or_insert_default()
    }
}
