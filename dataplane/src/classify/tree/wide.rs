//! Which boxes of a leaf hold a point? A dimension of sixteen boxes in two comparisons with AVX-512.
//!
//! The twin in [`super::leaves`] compares box by box; tests hold one to the other.
#![expect(unsafe_code, reason = "AVX-512 is there or not when the program starts, and loads are by address")]

use super::leaves::{BEHIND, BLOCK, Layout, every};
use super::{Cell, Forest, MOST_AXES, NONE, Points};
use crate::io::BURST;
use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_loadu_epi8, _mm_mask_cmpge_epu8_mask, _mm_mask_cmple_epu8_mask,
    _mm_set1_epi8, _mm256_loadu_epi16, _mm256_mask_cmpge_epu16_mask, _mm256_mask_cmple_epu16_mask,
    _mm256_set1_epi16, _mm512_loadu_epi32, _mm512_mask_cmpge_epu32_mask, _mm512_mask_cmple_epu32_mask,
    _mm512_set1_epi32,
};

/// Says that the processor has what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Has(());

impl Has {
    /// If it has.
    pub(super) fn detected() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
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
        let [four, two, one] = forest.layout.axes().0.map(usize::from);
        let of_shape = SHAPES.get(four).and_then(|shapes| shapes.get(two)?.get(one)).unwrap_or(&ANY_SHAPE);
        // SAFETY: as above.
        unsafe { of_shape(forest, points, into) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
fn holding_one(layout: &Layout, block: &[u8], count: usize, lanes: &[u32; MOST_AXES]) -> u16 {
    let (counts, axes) = layout.axes();
    let bytes = layout.bytes(count);
    assert!(count <= BLOCK && bytes + BEHIND <= block.len(), "a block lies within, and what is behind it");
    let lane = |place: usize| lanes[usize::from(axes[place % MOST_AXES]) % MOST_AXES];
    // SAFETY: the block is whole, and of this layout.
    unsafe { holding(counts.map(usize::from), lane, block, count) }
}

/// Of a layout with so many dimensions of four bytes, of two, of one; of any if the first is [`ANY`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
fn first_of<const FOUR: usize, const TWO: usize, const ONE: usize>(
    forest: &Forest,
    points: &Points,
    into: &mut [u32; BURST],
) {
    let layout = forest.layout;
    let (counts, axes) = layout.axes();
    let counts = if FOUR == ANY { counts.map(usize::from) } else { [FOUR, TWO, ONE] };
    let lanes: [&[u32; BURST]; MOST_AXES] =
        std::array::from_fn(|place| &points.lanes[usize::from(axes[place]) % MOST_AXES]);
    into[..points.count.min(BURST)].fill(NONE);
    for root in &forest.roots {
        let mut cells = [Cell::default(); BURST];
        forest.descend(root, points, &mut cells);
        for (number, (cell, into)) in cells.iter().zip(into.iter_mut()).enumerate().take(points.count) {
            let (mut start, mut left, _) = cell.leaf();
            let label = loop {
                let count = left.min(BLOCK);
                let bytes = layout.bytes(count);
                // a leaf lies within, whole, and what is behind it
                let Some(block) = forest.leaves.get(start..start + bytes + BEHIND) else { break NONE };
                let lane = |place: usize| lanes[place % MOST_AXES][number % BURST];
                // SAFETY: the block is whole, and of this layout.
                let found = unsafe { holding(counts, lane, block, count) };
                if found != 0 {
                    break layout.label(block, count, found.trailing_zeros() as usize);
                }
                left -= count;
                if left == 0 {
                    break NONE;
                }
                start += bytes;
            };
            *into = (*into).min(label);
        }
    }
}

/// As [`Layout::holding`], for dimensions of four bytes, of two, of one; `lane` is the coordinate in each.
///
/// # Safety
/// The block is of `count` boxes, at most [`BLOCK`], with so many dimensions, and `block` goes on for [`BEHIND`] bytes.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
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
        // SAFETY: the least and the greatest of this dimension begin within the block and take 64 bytes at most.
        let (low, high): (__m512i, __m512i) = unsafe {
            (_mm512_loadu_epi32(begin.add(at).cast()), _mm512_loadu_epi32(begin.add(at + 4 * count).cast()))
        };
        let lane = _mm512_set1_epi32(lane(place).cast_signed());
        found = _mm512_mask_cmpge_epu32_mask(found, lane, low);
        found = _mm512_mask_cmple_epu32_mask(found, lane, high);
    }
    for place in 0..two {
        let at = (four * 8 + place * 4) * count;
        // SAFETY: likewise, and they take 32 bytes at most.
        let (low, high): (__m256i, __m256i) = unsafe {
            (_mm256_loadu_epi16(begin.add(at).cast()), _mm256_loadu_epi16(begin.add(at + 2 * count).cast()))
        };
        let lane = _mm256_set1_epi16(lane(four + place) as i16);
        found = _mm256_mask_cmpge_epu16_mask(found, lane, low);
        found = _mm256_mask_cmple_epu16_mask(found, lane, high);
    }
    for place in 0..one {
        let at = (four * 8 + two * 4 + place * 2) * count;
        // SAFETY: likewise, and they take 16 bytes at most.
        let (low, high): (__m128i, __m128i) =
            unsafe { (_mm_loadu_epi8(begin.add(at).cast()), _mm_loadu_epi8(begin.add(at + count).cast())) };
        let lane = _mm_set1_epi8(lane(four + two + place) as i8);
        found = _mm_mask_cmpge_epu8_mask(found, lane, low);
        found = _mm_mask_cmple_epu8_mask(found, lane, high);
    }
    found
}

type First = unsafe fn(&Forest, &Points, &mut [u32; BURST]);

/// For usual numbers of dimensions of four bytes, of two, of one.
const SHAPES: [[[First; 2]; 3]; 3] = [
    [
        [first_of::<0, 0, 0>, first_of::<0, 0, 1>],
        [first_of::<0, 1, 0>, first_of::<0, 1, 1>],
        [first_of::<0, 2, 0>, first_of::<0, 2, 1>],
    ],
    [
        [first_of::<1, 0, 0>, first_of::<1, 0, 1>],
        [first_of::<1, 1, 0>, first_of::<1, 1, 1>],
        [first_of::<1, 2, 0>, first_of::<1, 2, 1>],
    ],
    [
        [first_of::<2, 0, 0>, first_of::<2, 0, 1>],
        [first_of::<2, 1, 0>, first_of::<2, 1, 1>],
        [first_of::<2, 2, 0>, first_of::<2, 2, 1>],
    ],
];
const ANY_SHAPE: First = first_of::<ANY, 0, 0>;
const ANY: usize = usize::MAX;
