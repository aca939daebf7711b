//! Which of the eight tags of a bucket are this one, which of its flows have ended, and which of a window ends soonest?
//! A few instructions of SSE2 where the processor has it, which every x86-64 does; loops elsewhere, always built, which
//! the tests hold the others to.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "SSE2 intrinsics are called by feature; the worker reads at once what it alone writes"
    )
)]

use crate::sync::{AtomicU32, Ordering::Relaxed};
use crate::time::Tick;

/// The eight tags of a bucket, lane 0 in the low bits of the first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags(pub(super) [u64; 2]);

/// A set of lanes: bit `i` is lane `i`. Iterates over its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lanes(u8);

/// When the flows of a bucket end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deadlines(pub(super) [u32; LANES]);

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

impl Deadlines {
    /// What stands there. Worker only: nobody else writes.
    #[inline]
    pub(super) fn read(from: &[AtomicU32; LANES]) -> Self {
        #[cfg(all(target_arch = "x86_64", not(loom)))]
        // SAFETY: the numbers lie there, side by side, as they would in an array of plain ones. The thread that reads them
        // here is the only one that ever writes them; others may read meanwhile.
        return Self(unsafe { std::ptr::from_ref(from).cast::<[u32; LANES]>().read() });
        #[cfg(not(all(target_arch = "x86_64", not(loom))))]
        Self::load(from)
    }

    /// What stands there, one after the other: anybody may ask.
    #[cfg_attr(all(target_arch = "x86_64", not(loom)), expect(dead_code, reason = "the twin of `read`"))]
    fn load(from: &[AtomicU32; LANES]) -> Self {
        Self(std::array::from_fn(|lane| from[lane].load(Relaxed)))
    }

    /// The lanes whose deadline is at or before `now`.
    #[inline]
    pub(super) fn ended(self, now: Tick) -> Lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `ended_sse2` asks for nothing but SSE2, which is part of x86-64.
        return unsafe { ended_sse2(self, now) };
        #[cfg(not(target_arch = "x86_64"))]
        self.ended_portably(now)
    }

    #[cfg_attr(
        target_arch = "x86_64",
        cfg_attr(not(test), expect(dead_code, reason = "the twin of `ended_sse2`"))
    )]
    fn ended_portably(self, now: Tick) -> Lanes {
        Lanes::of(|lane| Tick(self.0[lane]).is_at_or_before(now))
    }
}

/// The first of the lanes of these buckets, one after the other, with the least time left.
#[inline]
pub(super) fn soonest(window: &[Deadlines; 4], now: Tick) -> usize {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    return unsafe { soonest_sse2(window, now) };
    #[cfg(not(target_arch = "x86_64"))]
    soonest_portably(window, now)
}

#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "the twin of `soonest_sse2`"))
)]
fn soonest_portably(window: &[Deadlines; 4], now: Tick) -> usize {
    let left = |at: &usize| Tick(window[at / LANES].0[at % LANES]).since(now);
    (0..4 * LANES).min_by_key(left).unwrap_or(0)
}

impl Lanes {
    /// Whether there are two at least.
    #[inline]
    pub(super) const fn are_several(self) -> bool {
        self.0 & self.0.wrapping_sub(1) != 0
    }

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

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn ended_sse2(Deadlines(deadlines): Deadlines, now: Tick) -> Lanes {
    use std::arch::x86_64::{_mm_castsi128_ps, _mm_movemask_ps, _mm_set1_epi32, _mm_sub_epi32};
    let now = _mm_set1_epi32(now.0.cast_signed());
    let [low, high] = quads(&deadlines);
    // the sign of the time since a deadline says that it has not come
    let ahead = |deadlines| _mm_movemask_ps(_mm_castsi128_ps(_mm_sub_epi32(now, deadlines)));
    Lanes(!(ahead(low) | ahead(high) << 4) as u8)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn soonest_sse2(window: &[Deadlines; 4], now: Tick) -> usize {
    use std::arch::x86_64::{
        _mm_and_si128, _mm_andnot_si128, _mm_castsi128_ps, _mm_cmpeq_epi32, _mm_cmplt_epi32, _mm_movemask_ps,
        _mm_or_si128, _mm_set1_epi32, _mm_shuffle_epi32, _mm_sub_epi32,
    };
    // what is left, less 2^31: compared with signs as it is without
    let now = _mm_set1_epi32((now.0 ^ 1 << 31).cast_signed());
    let mut left = [now; 8];
    for (left, deadlines) in left.as_chunks_mut::<2>().0.iter_mut().zip(window) {
        *left = quads(&deadlines.0).map(|quad| _mm_sub_epi32(quad, now));
    }
    let lesser = |one, other| {
        let is_one = _mm_cmplt_epi32(one, other);
        _mm_or_si128(_mm_and_si128(is_one, one), _mm_andnot_si128(is_one, other))
    };
    let least = left[1..].iter().fold(left[0], |least, &quad| lesser(least, quad));
    let least = lesser(least, _mm_shuffle_epi32::<0b01_00_11_10>(least));
    let least = lesser(least, _mm_shuffle_epi32::<0b10_11_00_01>(least));
    let of_quad = |quad| _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(quad, least))) as u32;
    let are_least = (0..).zip(left).fold(0, |lanes, (number, quad)| lanes | of_quad(quad) << (4 * number));
    are_least.trailing_zeros() as usize
}

/// Four deadlines at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn quads(deadlines: &[u32; LANES]) -> [std::arch::x86_64::__m128i; 2] {
    let quads = deadlines.as_chunks::<4>().0;
    // SAFETY: four numbers of 32 bits are read where they lie; they need not be aligned.
    [0, 1].map(|half: usize| unsafe { std::arch::x86_64::_mm_loadu_si128(quads[half].as_ptr().cast()) })
}

#[cfg_attr(target_arch = "x86_64", cfg_attr(not(test), expect(dead_code, reason = "the twin of `sse2`")))]
fn portable(tags: Tags, tag: u16) -> Lanes {
    Lanes((0..LANES).filter(|&lane| tags.tag(lane) == tag).fold(0, |lanes, lane| lanes | 1 << lane))
}

#[cfg(test)]
mod tests {
    use super::{Deadlines, LANES, Lanes, Tags, portable, soonest, soonest_portably};
    use crate::time::Tick;
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

    proptest! {
        #[test]
        fn both_twins_say_who_has_ended_and_who_ends_soonest(
            now in prop_oneof![any::<u32>(), Just(0), Just(u32::MAX)],
            left: [[u32; LANES]; 4],
            is_near: [[bool; LANES]; 4],
        ) {
            let window: [Deadlines; 4] = std::array::from_fn(|choice| {
                Deadlines(std::array::from_fn(|lane| {
                    let left = left[choice][lane];
                    let left = if is_near[choice][lane] { (left % 5).wrapping_sub(2) } else { left };
                    now.wrapping_add(left)
                }))
            });
            let now = Tick(now);
            for deadlines in window {
                prop_assert_eq!(deadlines.ended(now), deadlines.ended_portably(now));
            }
            prop_assert_eq!(soonest(&window, now), soonest_portably(&window, now));
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
