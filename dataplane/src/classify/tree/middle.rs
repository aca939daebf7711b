//! Which boxes of a block hold a point, on a processor without AVX-512? Eight bounds at once, or sixteen, with AVX2.
//!
//! The twin in [`super::leaves`] compares box by box; tests hold one to the other.
#![expect(unsafe_code, reason = "AVX2 is there or not when the program starts, and loads are by address")]

use super::burst::Cells;
use super::leaves::{Layout, Line, MOST_LINES, Pattern, label};
use super::{Forest, NONE, Points};
use crate::io::BURST;
use std::arch::x86_64::{
    __m256i, _mm_load_si128, _mm256_broadcastsi128_si256, _mm256_castsi256_pd, _mm256_cmpeq_epi64,
    _mm256_load_si256, _mm256_max_epu32, _mm256_movemask_pd, _mm256_or_si256, _mm256_setzero_si256,
    _mm256_subs_epu16, _mm256_xor_si256,
};

/// Says that the processor has what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Has(());

impl Has {
    /// If it has.
    pub(super) fn detected() -> Option<Self> {
        is_x86_feature_detected!("avx2").then_some(Self(()))
    }

    /// As [`Layout::holding`].
    #[inline]
    pub(super) fn holding(self, layout: &Layout, block: &[Line], patterns: &[Pattern; MOST_LINES]) -> u32 {
        // SAFETY: there is a `Has` only where the processor has all that is asked for.
        let holding = unsafe { holding(layout.lines(), block, |line| &patterns[line % MOST_LINES]) };
        (0..4).fold(0, |found, number| found | (holding >> (2 * number) & 1) << number)
    }

    /// As [`Forest::first_portably`].
    #[inline]
    pub(super) fn first(self, forest: &Forest, points: &Points, into: &mut [u32; BURST]) {
        let of_shape = match forest.layout.lines() {
            [0, 1] => first_of::<0, 1>,
            [1, 2] => first_of::<1, 2>,
            [2, 3] => first_of::<2, 3>,
            _ => first_of::<ANY, MOST_LINES>,
        };
        // SAFETY: as above.
        unsafe { of_shape(forest, points, into) }
    }
}

/// Of blocks of so many wide lines, and so many in all; of any if the first is [`ANY`].
#[target_feature(enable = "avx2")]
fn first_of<const WIDE: usize, const ALL: usize>(forest: &Forest, points: &Points, into: &mut [u32; BURST]) {
    let lines = if WIDE == ANY { forest.layout.lines() } else { [WIDE, ALL] };
    let mut patterns = [[Pattern::default(); BURST]; ALL];
    for (line, patterns) in patterns.iter_mut().enumerate().take(lines[1]) {
        forest.layout.patterns_of(points, line, patterns);
    }
    into[..points.count.min(BURST)].fill(NONE);
    for root in &forest.roots {
        let mut cells = Cells::default();
        forest.descend(root, points, &mut cells);
        for (number, (cell, into)) in cells.0.iter().zip(into.iter_mut()).enumerate().take(points.count) {
            let (begin, blocks, _) = cell.leaf();
            for block in forest.leaves[begin..].chunks_exact(lines[1]).take(blocks) {
                let holding = holding(lines, block, |line| &patterns[line % ALL][number % BURST]);
                if holding != 0 {
                    *into = (*into).min(label(block, holding.trailing_zeros() as usize / 2));
                    break;
                }
            }
        }
    }
}

/// Of each box of a block that holds the point, one bit of two.
#[target_feature(enable = "avx2")]
#[inline]
fn holding<'a>([wide, all]: [usize; 2], block: &[Line], pattern: impl Fn(usize) -> &'a Pattern) -> u32 {
    // something in each word that is less than its bound, two boxes side by side
    let none = _mm256_setzero_si256();
    let mut less = [none; 2];
    for (number, line) in block.iter().enumerate().take(all) {
        // SAFETY: a line is of 64 bytes and a pattern of 16, and they are aligned to as many.
        let (point, bounds) = unsafe {
            let (pattern, begin) =
                (std::ptr::from_ref(pattern(number)), std::ptr::from_ref(line).cast::<__m256i>());
            let point = _mm256_broadcastsi128_si256(_mm_load_si128(pattern.cast()));
            (point, [_mm256_load_si256(begin), _mm256_load_si256(begin.add(1))])
        };
        for (less, bounds) in less.iter_mut().zip(bounds) {
            let here = if number < wide {
                _mm256_xor_si256(_mm256_max_epu32(point, bounds), point)
            } else {
                _mm256_subs_epu16(bounds, point)
            };
            *less = _mm256_or_si256(*less, here);
        }
    }
    let [first, second] = less.map(|less| {
        let is_none = _mm256_castsi256_pd(_mm256_cmpeq_epi64(less, none));
        _mm256_movemask_pd(is_none).cast_unsigned()
    });
    let both = first | second << 4;
    both & both >> 1 & 0x55
}

/// Of any shape.
const ANY: usize = usize::MAX;
