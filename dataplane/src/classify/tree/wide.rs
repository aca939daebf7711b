//! Which is the first box for each of a burst of points, with AVX-512? Sixteen points go down a tree abreast ([`descent`]),
//! each is compared with eight boxes of its leaf, sixteen or thirty-two bounds by an instruction, and sixteen answers are
//! read out together: a point waits for memory in each of these steps while others go on.
//!
//! The twins in [`super::burst`] and [`super::leaves`] go point by point and box by box; tests hold one to the other.
#![expect(unsafe_code, reason = "AVX-512 is there or not when the program starts, and loads are by address")]

mod descent;
mod patterns;

use super::burst::Cells;
use super::leaves::{BLOCK, LABEL, Layout, Line, MOST_LINES, Pattern, label};
use super::{Cell, Forest, NONE, Points};
use crate::io::BURST;
use descent::Words;
use patterns::Patterns;
use std::arch::x86_64::{
    __m512i, _bzhi_u32, _mm_load_si128, _mm256_loadu_si256, _mm512_add_epi32, _mm512_and_si512,
    _mm512_andnot_si512, _mm512_broadcast_i32x4, _mm512_cmpgt_epu32_mask, _mm512_cmplt_epu32_mask,
    _mm512_cvtepu16_epi32, _mm512_load_si512, _mm512_loadu_si512, _mm512_lzcnt_epi32, _mm512_mask_min_epu32,
    _mm512_mask_mov_epi32, _mm512_max_epu32, _mm512_min_epu32, _mm512_mullo_epi32, _mm512_or_si512,
    _mm512_set1_epi32, _mm512_setr_epi32, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_srli_epi32,
    _mm512_storeu_si512, _mm512_sub_epi32, _mm512_subs_epu16, _mm512_test_epi32_mask, _mm512_test_epi64_mask,
    _mm512_xor_si512, _pext_u32,
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
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }

    /// As [`Forest::holding`].
    #[inline]
    pub(super) fn holding(self, layout: &Layout, blocks: &[Line], patterns: &[Pattern; MOST_LINES]) -> u32 {
        // SAFETY: there is a `Has` only where the processor has all that is asked for.
        unsafe { holding(layout.lines(), blocks, patterns) }
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

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
fn holding(lines: [usize; 2], blocks: &[Line], patterns: &[Pattern; MOST_LINES]) -> u32 {
    let pattern = |line: usize| &patterns[line % MOST_LINES];
    let (first, second) = blocks.split_at(lines[1].min(blocks.len()));
    let mut lacking_of = u16::from(lacking(lines, first, pattern)) | 0xff00;
    if !second.is_empty() {
        lacking_of = lacking_of & 0xff | u16::from(lacking(lines, second, pattern)) << 8;
    }
    _pext_u32(!u32::from(lacking_of | lacking_of >> 1), EVEN)
}

/// Of blocks of so many wide lines, and so many in all; of any if the first is [`ANY`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
fn first_of<const WIDE: usize, const ALL: usize>(forest: &Forest, points: &Points, into: &mut [u32; BURST]) {
    let lines = if WIDE == ANY { forest.layout.lines() } else { [WIDE, ALL] };
    let mut patterns = Patterns::<ALL>::unknown();
    patterns.set(&forest.layout, points, lines);
    let count = points.count.min(BURST);
    let lacking_of = |number: usize, at: usize| {
        let Some(two) = forest.leaves.get(at..at + 2 * lines[1]) else { return u16::MAX };
        let (first, second) = two.split_at(lines[1]);
        // SAFETY: it is asked for points that there are, and for lines that there are.
        let pattern = |line: usize| unsafe { patterns.of(number, line) };
        u16::from(lacking(lines, first, pattern)) | u16::from(lacking(lines, second, pattern)) << 8
    };
    into[..count].fill(NONE);
    for root in &forest.roots {
        let mut cells = Cells::default();
        descent::descend(forest, root, points, &mut cells);
        // two bits of each box; the rest is asked when all are under way
        let mut of_boxes = [u16::MAX; BURST];
        for (number, (cell, into)) in cells.0.iter().zip(&mut of_boxes).enumerate().take(count) {
            *into = lacking_of(number, cell.leaf().0);
        }
        let groups = cells.0.as_chunks().0.iter().zip(of_boxes.as_chunks().0).zip(into.as_chunks_mut().0);
        for (group, ((cells, of_boxes), into)) in groups.enumerate().take(count.div_ceil(AT_ONCE)) {
            let mut more = u32::from(labels(forest, cells, of_boxes, lines[1], into));
            more &= ((1u64 << (count - group * AT_ONCE).min(AT_ONCE)) - 1) as u32;
            while more != 0 {
                let number = more.trailing_zeros() as usize % AT_ONCE;
                more &= more - 1;
                let (mut at, mut blocks, _) = cells[number].leaf();
                while blocks > 2 {
                    (at, blocks) = (at + 2 * lines[1], blocks - 2);
                    let lacking = lacking_of(group * AT_ONCE + number, at);
                    let holding =
                        _bzhi_u32(u32::from(!(lacking | lacking >> 1)) & EVEN, 8 * blocks.min(2) as u32);
                    if holding != 0 {
                        let found = holding.trailing_zeros() as usize / 2;
                        let block = &forest.leaves[at + found / BLOCK * lines[1]..][..lines[1]];
                        into[number] = into[number].min(label(block, found % BLOCK));
                        break;
                    }
                }
            }
        }
    }
}

/// Puts the least of `into` and the label of the first box of two blocks there, for sixteen points in these leaves; which
/// of them are not in one and have more blocks, a bit for each.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
fn labels(
    forest: &Forest,
    cells: &[Cell; AT_ONCE],
    of_boxes: &[u16; AT_ONCE],
    lines: usize,
    into: &mut [u32; AT_ONCE],
) -> u16 {
    let words = |number: u32| _mm512_set1_epi32(number.cast_signed());
    let [low, at] = descent::halves(cells);
    let blocks = _mm512_srli_epi32::<13>(low);
    // SAFETY: sixteen of two bytes.
    let lacking = _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(std::ptr::from_ref(of_boxes).cast()) });
    let lacking = _mm512_or_si512(lacking, _mm512_srli_epi32::<1>(lacking));
    let is_one = _mm512_cmplt_epu32_mask(blocks, words(2));
    let possible = _mm512_mask_mov_epi32(words(EVEN), is_one, words(EVEN & 0xff));
    let holding = _mm512_andnot_si512(lacking, possible);
    let is_found = _mm512_test_epi32_mask(holding, holding);
    let first = _mm512_and_si512(holding, _mm512_sub_epi32(_mm512_setzero_si512(), holding));
    // twice the number of the box
    let number = _mm512_and_si512(_mm512_sub_epi32(words(31), _mm512_lzcnt_epi32(first)), words(15));
    let block = _mm512_srli_epi32::<3>(number);
    let line = _mm512_add_epi32(at, _mm512_mullo_epi32(block, words(lines as u32)));
    let line = _mm512_add_epi32(line, words(lines as u32 - 1));
    let line = _mm512_min_epu32(line, words(forest.leaves.len() as u32 - 1));
    let word = _mm512_and_si512(_mm512_slli_epi32::<1>(number), words(12));
    let (mut lines, mut in_lines) = (Words::default(), Words::default());
    lines.set(line);
    in_lines.set(word);
    let label = |number: usize| {
        // SAFETY: the line is none behind the last, and the word within it.
        unsafe {
            let line = forest.leaves.get_unchecked(lines.0[number] as usize);
            line.0.get_unchecked(in_lines.0[number] as usize + LABEL).cast_signed()
        }
    };
    let labels = _mm512_setr_epi32(
        label(0),
        label(1),
        label(2),
        label(3),
        label(4),
        label(5),
        label(6),
        label(7),
        label(8),
        label(9),
        label(10),
        label(11),
        label(12),
        label(13),
        label(14),
        label(15),
    );
    let into: *mut __m512i = std::ptr::from_mut(into).cast();
    // SAFETY: sixteen words.
    unsafe {
        let before = _mm512_loadu_si512(into);
        _mm512_storeu_si512(into, _mm512_mask_min_epu32(before, is_found, before, labels));
    }
    !is_found & _mm512_cmpgt_epu32_mask(blocks, words(2))
}

/// Two bits for each box of a block, none of them set if the box holds the point.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
fn lacking<'a>([wide, all]: [usize; 2], block: &[Line], pattern: impl Fn(usize) -> &'a Pattern) -> u8 {
    // something in each word that is less than its bound
    let mut less = _mm512_setzero_si512();
    for (number, line) in block.iter().enumerate().take(all) {
        // SAFETY: a line is of 64 bytes and a pattern of 16, and they are aligned to as many.
        let (point, bounds) = unsafe {
            let pattern = _mm_load_si128(std::ptr::from_ref(pattern(number)).cast());
            (_mm512_broadcast_i32x4(pattern), _mm512_load_si512(std::ptr::from_ref(line).cast()))
        };
        let here = if number < wide {
            _mm512_xor_si512(_mm512_max_epu32(point, bounds), point)
        } else {
            _mm512_subs_epu16(bounds, point)
        };
        less = _mm512_or_si512(less, here);
    }
    _mm512_test_epi64_mask(less, less)
}

const _: () = assert!(BURST.is_multiple_of(AT_ONCE) && size_of::<Cell>() == 8);
/// Points that are taken abreast.
const AT_ONCE: usize = 16;
/// Every second bit of sixteen.
const EVEN: u32 = 0x5555;
/// Of any shape.
const ANY: usize = usize::MAX;
