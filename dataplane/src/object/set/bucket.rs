//! Which lanes of a bucket are occupied, and which may hold a key? A word at its head and eight bits of each key's hash.

use super::{AcqRel, Acquire, AtomicU64, Relaxed};

/// The lanes of a few hashes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Bucket {
    head: AtomicU64,
    /// A byte a lane, eight in a word.
    tags: [AtomicU64; LANES / 8],
}

impl Bucket {
    /// Which lanes are occupied, as of now.
    #[inline]
    pub(super) fn head(&self) -> Head {
        Head(self.head.load(Acquire))
    }

    /// Puts one head in the place of another, unless that is no longer there.
    pub(super) fn change(&self, from: Head, to: Head) -> bool {
        self.head.compare_exchange(from.0, to.0, AcqRel, Relaxed).is_ok()
    }

    /// Those of the occupied lanes that may have this tag.
    #[inline]
    pub(super) fn tagged(&self, head: Head, tag: u8) -> impl Iterator<Item = usize> + use<> {
        lanes(self.tagged_of(head.occupied(), tag))
    }

    /// Those of the lanes `occupied` that may have this tag, as bits.
    #[inline]
    fn tagged_of(&self, occupied: u64, tag: u8) -> u64 {
        let mut found = 0;
        let wanted = u64::from(tag) * BYTES;
        for (number, word) in self.tags.iter().enumerate() {
            if occupied >> (8 * number) == 0 {
                break;
            }
            let other = word.load(Relaxed) ^ wanted;
            // The top bit of each byte that is 0, and of few others.
            let same = other.wrapping_sub(BYTES) & !other & (BYTES << 7);
            // Those bits side by side: each comes to its place among the top eight.
            found |= ((same >> 7).wrapping_mul(GATHERED) >> 56) << (8 * number);
        }
        found & occupied
    }

    /// Writes the tag of a lane that the caller has claimed.
    pub(super) fn tag(&self, lane: usize, tag: u8) {
        let (word, shift) = (&self.tags[lane / 8], lane % 8 * 8);
        word.fetch_and(!(0xff << shift), Relaxed);
        word.fetch_or(u64::from(tag) << shift, Relaxed);
    }
}

/// The head of a bucket: which lanes are occupied, and a count of its changes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head(u64);

impl Head {
    const fn occupied(self) -> u64 {
        self.0 & OCCUPIED
    }

    /// The occupied lanes.
    #[inline]
    pub(super) fn taken(self) -> impl Iterator<Item = usize> {
        lanes(self.occupied())
    }

    /// The others.
    pub(super) fn vacant(self) -> impl Iterator<Item = usize> {
        lanes(!self.0 & OCCUPIED)
    }

    /// Whether this lane is occupied.
    pub(super) const fn has(self, lane: usize) -> bool {
        self.0 >> lane & 1 != 0
    }

    /// The next one, in which this lane is occupied too.
    pub(super) const fn with(self, lane: usize) -> Self {
        Self(self.changed() | 1 << lane)
    }

    /// The next one, in which this lane is vacant.
    pub(super) const fn without(self, lane: usize) -> Self {
        Self(self.changed() & !(1 << lane))
    }

    const fn changed(self) -> u64 {
        self.0.wrapping_add(1 << LANES)
    }
}

/// The numbers of the bits set in `occupied`.
#[inline]
fn lanes(mut occupied: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = occupied.trailing_zeros() as usize;
        occupied &= occupied.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// Lanes of a bucket: a bit each in its head; the other bits count changes.
pub const LANES: usize = 48;
const OCCUPIED: u64 = (1 << LANES) - 1;
/// One in each byte of a word.
const BYTES: u64 = 0x0101_0101_0101_0101;
/// A factor that brings the lowest bits of all bytes together in the top byte, in order.
const GATHERED: u64 = 0x0102_0408_1020_4080;

#[cfg(test)]
mod tests {
    use super::{Bucket, LANES, OCCUPIED};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_lane_with_the_tag_is_missed(tags in prop::collection::vec(0..4_u8, LANES), occupied: u64, tag in 0..4_u8) {
            let bucket = Bucket::default();
            tags.iter().enumerate().for_each(|(lane, &tag)| bucket.tag(lane, tag));
            let found = bucket.tagged_of(occupied & OCCUPIED, tag);
            for (lane, other) in tags.into_iter().enumerate() {
                let is_occupied = occupied >> lane & 1 != 0;
                prop_assert!(found >> lane & 1 != 0 || !is_occupied || other != tag);
                prop_assert!(found >> lane & 1 == 0 || is_occupied);
            }
        }
    }
}
