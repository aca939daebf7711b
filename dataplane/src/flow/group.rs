//! Which of the eight tags of a bucket are this one? One comparison with SSE2 where the processor has it, which
//! every x86-64 does; a loop elsewhere, always built, which the tests hold the other to.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "SSE2 intrinsics are called by feature"))]

/// The eight tags of a bucket, lane 0 in the low bits of the first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags(pub(super) [u64; 2]);

/// A set of lanes: bit `i` is lane `i`. Iterates over its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes(u8);

/// Tags in a bucket.
pub(super) const LANES: usize = 8;

impl Tags {
    /// The lanes that hold `tag`.
    #[inline]
    pub(super) fn matching(self, tag: u16) -> Lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `sse2` asks for nothing but SSE2, which is part of x86-64.
        return unsafe { sse2(self, tag) };
        #[cfg(not(target_arch = "x86_64"))]
        portable(self, tag)
    }

    /// The tag in `lane`.
    pub(super) const fn tag(self, lane: usize) -> u16 {
        (self.0[lane / 4] >> (lane % 4 * 16)) as u16
    }
}

impl Lanes {
    /// How many.
    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The lowest of them.
    pub(super) const fn first(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() as usize) }
    }

    /// The lanes that are not in this set.
    pub(super) const fn others(self) -> Self {
        Self(!self.0)
    }

    /// The lanes that are in both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The lanes that are in either set.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The lanes of which this holds.
    #[inline]
    pub(super) fn of(holds: impl Fn(usize) -> bool) -> Self {
        Self((0..LANES).fold(0, |lanes, lane| lanes | u8::from(holds(lane)) << lane))
    }
}

impl Iterator for Lanes {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let lane = self.first()?;
        self.0 &= self.0 - 1;
        Some(lane)
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn sse2(Tags([low, high]): Tags, tag: u16) -> Lanes {
    use std::arch::x86_64::{
        _mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_set_epi64x, _mm_set1_epi16,
        _mm_setzero_si128,
    };
    let tags = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
    let equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(tag.cast_signed()));
    Lanes(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())) as u8)
}

#[cfg_attr(target_arch = "x86_64", cfg_attr(not(test), expect(dead_code, reason = "the twin of `sse2`")))]
fn portable(tags: Tags, tag: u16) -> Lanes {
    Lanes((0..LANES).filter(|&lane| tags.tag(lane) == tag).fold(0, |lanes, lane| lanes | 1 << lane))
}

#[cfg(test)]
mod tests {
    use super::{LANES, Lanes, Tags, portable};
    use proptest::prelude::*;

    fn tags(tags: [u16; LANES]) -> Tags {
        let word = |lanes: &[u16]| lanes.iter().rev().fold(0, |word, &tag| word << 16 | u64::from(tag));
        Tags([word(&tags[..4]), word(&tags[4..])])
    }

    proptest! {
        #[test]
        fn both_twins_find_what_is_there(lanes: [u16; LANES], picked in 0..LANES, copied in 0..LANES) {
            let mut lanes = lanes;
            lanes[copied] = lanes[picked];
            for tag in lanes.into_iter().chain([0, 1, 0x8000, u16::MAX]) {
                let expected: Vec<usize> = (0..LANES).filter(|&lane| lanes[lane] == tag).collect();
                prop_assert_eq!(portable(tags(lanes), tag).collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(tags(lanes).matching(tag).collect::<Vec<_>>(), expected);
            }
            prop_assert_eq!(tags(lanes).tag(picked), lanes[picked]);
        }
    }

    #[test]
    fn a_set_of_lanes_counts_and_lists_its_members() {
        assert_eq!(Lanes(0b1000_0101).collect::<Vec<_>>(), [0, 2, 7]);
        assert_eq!(Lanes(0b1000_0101).len(), 3);
        assert_eq!(Lanes(0b1000_0101).others(), Lanes(0b0111_1010));
        assert_eq!(Lanes(0).first(), None);
        let (even, high) = (Lanes::of(|lane| lane % 2 == 0), Lanes::of(|lane| lane > 3));
        assert_eq!((even.and(high), even.or(high)), (Lanes(0b0101_0000), Lanes(0b1111_0101)));
    }
}
