//! May this flow have been stored since the burst began? A few bits say of nearly all that they were not.

use crate::flow::FlowHash;

/// A bit of some for each flow that was stored.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lately([u64; WORDS]);

impl Lately {
    #[inline]
    pub(super) const fn add(&mut self, hash: FlowHash) {
        let (word, bit) = Self::place(hash);
        self.0[word] |= bit;
    }

    /// `false` if it was not.
    #[inline]
    pub(super) const fn may_have(&self, hash: FlowHash) -> bool {
        let (word, bit) = Self::place(hash);
        self.0[word] & bit != 0
    }

    /// By bits that say in which bucket a flow lives.
    #[inline]
    const fn place(hash: FlowHash) -> (usize, u64) {
        let bits = hash.0 >> 32;
        ((bits >> 6) as usize % WORDS, 1 << (bits % 64))
    }
}

/// Room for many more bits than a burst has packets.
const WORDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::Lately;
    use crate::flow::FlowHash;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_stored_is_never_denied(stored in prop::collection::vec(any::<u64>(), 0..64), other: u64) {
            let mut lately = Lately::default();
            prop_assert!(!lately.may_have(FlowHash(other)));
            stored.iter().for_each(|&hash| lately.add(FlowHash(hash)));
            prop_assert!(stored.iter().all(|&hash| lately.may_have(FlowHash(hash))));
        }
    }
}
