//! Which boxes of a leaf hold a point, on a processor without AVX-512? A dimension of eight boxes, of sixteen or of all, by
//! the bytes of its coordinates, with AVX2.
//!
//! It has no comparison of numbers without signs: one is at least another if it is the greater of the two. The twin in
//! [`super::leaves`] compares box by box; tests hold one to the other.
#![expect(unsafe_code, reason = "AVX2 is there or not when the program starts, and loads are by address")]

use super::leaves::{BEHIND, BLOCK, Layout, every};
use super::{Cell, Forest, MOST_AXES, NONE, Points};
use crate::io::BURST;
use std::arch::x86_64::{
    __m128i, __m256i, _mm_and_si128, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_min_epu8,
    _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi8, _mm256_and_si256, _mm256_castsi256_ps,
    _mm256_castsi256_si128, _mm256_cmpeq_epi16, _mm256_cmpeq_epi32, _mm256_extracti128_si256,
    _mm256_loadu_si256, _mm256_max_epu16, _mm256_max_epu32, _mm256_min_epu16, _mm256_min_epu32,
    _mm256_movemask_ps, _mm256_set1_epi16, _mm256_set1_epi32,
};

/// Says that the processor has what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Has(());

impl Has {
    /// If it has.
    pub(super) fn detected() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// As [`Layout::holding`]. There are [`BEHIND`] bytes behind the block.
    #[inline]
    pub(super) fn holding(
        self,
        layout: &Layout,
        block: &[u8],
        count: usize,
        lanes: &[u32; MOST_AXES],
    ) -> u16 {
        // SAFETY: there is a `Has` only where the processor has all that is asked for.
        unsafe { holding_one(layout, block, count, lanes) }
    }

    /// As [`Forest::first_portably`].
    #[inline]
    pub(super) fn first(self, forest: &Forest, points: &Points, into: &mut [u32; BURST]) {
        // SAFETY: as above.
        unsafe { first(forest, points, into) }
    }
}

#[target_feature(enable = "avx2")]
fn holding_one(layout: &Layout, block: &[u8], count: usize, lanes: &[u32; MOST_AXES]) -> u16 {
    let (counts, axes) = layout.axes();
    let bytes = layout.bytes(count);
    assert!(count <= BLOCK && bytes + BEHIND <= block.len(), "a block lies within, and what is behind it");
    let lane = |place: usize| lanes[usize::from(axes[place % MOST_AXES]) % MOST_AXES];
    // SAFETY: the block is whole, and of this layout.
    unsafe { holding(counts.map(usize::from), lane, block, count) }
}

#[target_feature(enable = "avx2")]
fn first(forest: &Forest, points: &Points, into: &mut [u32; BURST]) {
    let layout = forest.layout;
    let (counts, axes) = layout.axes();
    let lanes: [&[u32; BURST]; MOST_AXES] =
        std::array::from_fn(|place| &points.lanes[usize::from(axes[place]) % MOST_AXES]);
    into[..points.count.min(BURST)].fill(NONE);
    for root in &forest.roots {
        let mut cells = [Cell::default(); BURST];
        forest.descend(root, points, &mut cells);
        for (number, (cell, into)) in cells.iter().zip(into.iter_mut()).enumerate().take(points.count) {
            let (mut start, mut left, _) = cell.leaf();
            while left > 0 {
                let count = left.min(BLOCK);
                let bytes = layout.bytes(count);
                // a leaf lies within, whole, and what is behind it
                let Some(block) = forest.leaves.get(start..start + bytes + BEHIND) else { break };
                let lane = |place: usize| lanes[place % MOST_AXES][number % BURST];
                // SAFETY: the block is whole, and of this layout.
                let found = unsafe { holding(counts.map(usize::from), lane, block, count) };
                if found != 0 {
                    *into = (*into).min(layout.label(block, count, found.trailing_zeros() as usize));
                    break;
                }
                left -= count;
                start += bytes;
            }
        }
    }
}

/// As [`Layout::holding`], for dimensions of four bytes, of two, of one; `lane` is the coordinate in each.
///
/// # Safety
/// The block is of `count` boxes, at most [`BLOCK`], with so many dimensions, and `block` goes on for [`BEHIND`] bytes.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn holding(
    [four, two, one]: [usize; 3],
    lane: impl Fn(usize) -> u32,
    block: &[u8],
    count: usize,
) -> u16 {
    let mut found = every(count);
    let begin = block.as_ptr();
    for place in 0..four {
        let at = place * 8 * count;
        let lane = _mm256_set1_epi32(lane(place).cast_signed());
        for half in 0..count.div_ceil(8) {
            let at = at + half * 32;
            // SAFETY: the least and the greatest of this dimension begin within the block and take 64 bytes at most.
            let (low, high): (__m256i, __m256i) = unsafe {
                (
                    _mm256_loadu_si256(begin.add(at).cast()),
                    _mm256_loadu_si256(begin.add(at + 4 * count).cast()),
                )
            };
            let is_least = _mm256_cmpeq_epi32(_mm256_max_epu32(lane, low), lane);
            let is_most = _mm256_cmpeq_epi32(_mm256_min_epu32(lane, high), lane);
            let within = _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_and_si256(is_least, is_most))) as u16;
            found &= within << (8 * half) | !(0xff << (8 * half));
        }
    }
    for place in 0..two {
        let at = (four * 8 + place * 4) * count;
        // SAFETY: likewise, and they take 32 bytes at most.
        let (low, high): (__m256i, __m256i) = unsafe {
            (_mm256_loadu_si256(begin.add(at).cast()), _mm256_loadu_si256(begin.add(at + 2 * count).cast()))
        };
        let lane = _mm256_set1_epi16(lane(four + place) as i16);
        let is_least = _mm256_cmpeq_epi16(_mm256_max_epu16(lane, low), lane);
        let is_most = _mm256_cmpeq_epi16(_mm256_min_epu16(lane, high), lane);
        let within = _mm256_and_si256(is_least, is_most);
        let bytes = _mm_packs_epi16(_mm256_castsi256_si128(within), _mm256_extracti128_si256::<1>(within));
        found &= _mm_movemask_epi8(bytes) as u16;
    }
    for place in 0..one {
        let at = (four * 8 + two * 4 + place * 2) * count;
        // SAFETY: likewise, and they take 16 bytes at most.
        let (low, high): (__m128i, __m128i) =
            unsafe { (_mm_loadu_si128(begin.add(at).cast()), _mm_loadu_si128(begin.add(at + count).cast())) };
        let lane = _mm_set1_epi8(lane(four + two + place) as i8);
        let is_least = _mm_cmpeq_epi8(_mm_max_epu8(lane, low), lane);
        let is_most = _mm_cmpeq_epi8(_mm_min_epu8(lane, high), lane);
        found &= _mm_movemask_epi8(_mm_and_si128(is_least, is_most)) as u16;
    }
    found
}
