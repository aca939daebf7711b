//! How do sixteen points go down a tree abreast? Their cells are loaded one by one, and all else is done for all of them:
//! a point that is in a leaf stays there until all are.
#![expect(unsafe_code, reason = "loads are by address, and of cells whose numbers have been kept within")]

use super::super::burst::Cells;
use super::super::{Cell, Forest, MOST_AXES, Points, Root};
use super::AT_ONCE;
use crate::io::BURST;
use std::arch::x86_64::{
    __m512i, _mm_cvtsi32_si128, _mm512_add_epi32, _mm512_and_si512, _mm512_cmpeq_epi32_mask,
    _mm512_load_si512, _mm512_loadu_si512, _mm512_mask_mov_epi32, _mm512_min_epu32, _mm512_mullo_epi32,
    _mm512_permutex2var_epi32, _mm512_set1_epi32, _mm512_setr_epi32, _mm512_setr_epi64, _mm512_sllv_epi32,
    _mm512_srl_epi32, _mm512_srli_epi32, _mm512_srlv_epi32, _mm512_storeu_si512, _mm512_sub_epi32,
    _mm512_test_epi32_mask,
};

/// Sixteen words.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Words(pub(super) [u32; AT_ONCE]);

impl Words {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
    #[inline]
    pub(super) fn set(&mut self, words: __m512i) {
        // SAFETY: they take 64 bytes.
        unsafe { _mm512_storeu_si512(std::ptr::from_mut(self).cast(), words) };
    }
}

/// As [`Forest::descend`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
pub(super) fn descend(forest: &Forest, root: &Root, points: &Points, cells: &mut Cells) {
    if root.cell.is_leaf() {
        cells.0.fill(root.cell);
        return;
    }
    let words = |number: u32| _mm512_set1_epi32(number.cast_signed());
    let lanes = |axis: usize, group: usize| {
        let lanes = points.lanes[axis % MOST_AXES].as_chunks::<AT_ONCE>().0;
        // SAFETY: a chunk is of 64 bytes.
        unsafe { _mm512_loadu_si512(std::ptr::from_ref(&lanes[group % (BURST / AT_ONCE)]).cast()) }
    };
    let last = words(forest.cells.len() as u32 - 1);
    // the numbers of the cells where the points are
    let mut places = [Words::default(); BURST / AT_ONCE];
    let groups = points.count.min(BURST).div_ceil(AT_ONCE);
    for (group, places) in places.iter_mut().enumerate().take(groups) {
        let mut child = words(root.cell.first() as u32);
        let mut stride = 1;
        for cut in root.cuts.into_iter().flatten() {
            let inside = _mm512_sub_epi32(lanes(cut.axis(), group), words(cut.0 as u32 & !15));
            let inside = _mm512_srl_epi32(inside, _mm_cvtsi32_si128((cut.0 >> 32 & 31) as i32));
            let place = _mm512_min_epu32(inside, words(1 << (cut.0 & 15)));
            child = _mm512_add_epi32(child, _mm512_mullo_epi32(place, words(stride)));
            stride *= cut.places() as u32;
        }
        places.set(_mm512_min_epu32(child, last));
    }
    loop {
        let mut nodes = 0;
        let of_groups = cells.0.as_chunks_mut::<AT_ONCE>().0.iter_mut().zip(&mut places);
        for (group, (cells, places)) in of_groups.enumerate().take(groups) {
            // SAFETY: none is behind the last.
            let cell = |number: usize| unsafe {
                forest.cells.get_unchecked(places.0[number] as usize).0.cast_signed()
            };
            let eight = |from: usize| {
                _mm512_setr_epi64(
                    cell(from),
                    cell(from + 1),
                    cell(from + 2),
                    cell(from + 3),
                    cell(from + 4),
                    cell(from + 5),
                    cell(from + 6),
                    cell(from + 7),
                )
            };
            let (first, second) = (eight(0), eight(8));
            let into: *mut __m512i = std::ptr::from_mut(cells).cast();
            // SAFETY: sixteen cells take 128 bytes.
            unsafe {
                _mm512_storeu_si512(into, first);
                _mm512_storeu_si512(into.add(1), second);
            }
            let [low, high] = parted(first, second);
            let is_node = _mm512_test_epi32_mask(low, words(15));
            nodes |= is_node;
            let axis = _mm512_and_si512(_mm512_srli_epi32::<5>(high), words(7));
            let mut lane = lanes(0, group);
            for other in 1..forest.axes {
                let is_it = _mm512_cmpeq_epi32_mask(axis, words(other as u32));
                lane = _mm512_mask_mov_epi32(lane, is_it, lanes(other, group));
            }
            let inside = _mm512_sub_epi32(lane, _mm512_and_si512(low, words(!15)));
            let inside = _mm512_srlv_epi32(inside, _mm512_and_si512(high, words(31)));
            let outside = _mm512_sllv_epi32(words(1), _mm512_and_si512(low, words(15)));
            let child = _mm512_add_epi32(_mm512_srli_epi32::<8>(high), _mm512_min_epu32(inside, outside));
            // SAFETY: as above.
            let place = unsafe { _mm512_load_si512(std::ptr::from_ref(places).cast()) };
            places.set(_mm512_mask_mov_epi32(place, is_node, _mm512_min_epu32(child, last)));
        }
        if nodes == 0 {
            return;
        }
    }
}

/// The lower and the upper halves of sixteen cells.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
pub(super) fn halves(cells: &[Cell; AT_ONCE]) -> [__m512i; 2] {
    let cells: *const __m512i = std::ptr::from_ref(cells).cast();
    // SAFETY: sixteen cells take 128 bytes.
    let (first, second) = unsafe { (_mm512_loadu_si512(cells), _mm512_loadu_si512(cells.add(1))) };
    parted(first, second)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
fn parted(first: __m512i, second: __m512i) -> [__m512i; 2] {
    let low = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let high = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
    [_mm512_permutex2var_epi32(first, low, second), _mm512_permutex2var_epi32(first, high, second)]
}
