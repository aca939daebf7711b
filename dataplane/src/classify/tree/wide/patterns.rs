//! What of a burst of points is compared with boxes, line by line? Made of sixteen points at once, from coordinates that
//! lie dimension by dimension.
#![expect(unsafe_code, reason = "what is not written is not read either, and loads are by address")]

use super::super::leaves::{LABEL, Layout, Pattern};
use super::super::{MOST_AXES, Points};
use super::AT_ONCE;
use crate::io::BURST;
use std::arch::x86_64::{
    __m512i, _mm512_and_si512, _mm512_loadu_si512, _mm512_or_si512, _mm512_permutex2var_epi64,
    _mm512_set1_epi32, _mm512_setr_epi64, _mm512_shuffle_i32x4, _mm512_slli_epi32, _mm512_storeu_si512,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    _mm512_xor_si512,
};
use std::mem::MaybeUninit;

/// Of so many lines at most.
pub(super) struct Patterns<const LINES: usize>([MaybeUninit<OfBurst>; LINES]);

#[repr(align(64))]
struct OfBurst([Pattern; BURST]);

impl<const LINES: usize> Patterns<LINES> {
    #[inline(always)]
    pub(super) const fn unknown() -> Self {
        Self([const { MaybeUninit::uninit() }; LINES])
    }

    /// As [`Layout::patterns`], of all points and for so many wide lines and so many in all.
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
    #[inline]
    pub(super) fn set(&mut self, layout: &Layout, points: &Points, lines: [usize; 2]) {
        for (line, into) in self.0.iter_mut().enumerate().take(lines[1]) {
            of_line(layout, points, line, lines, into);
        }
    }

    /// Of a point for a line.
    ///
    /// # Safety
    /// They have been set for as many points and lines.
    #[inline(always)]
    pub(super) unsafe fn of(&self, number: usize, line: usize) -> &Pattern {
        // SAFETY: it has been written.
        unsafe { &(*self.0[line % LINES].as_ptr()).0[number % BURST] }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
fn of_line(
    layout: &Layout,
    points: &Points,
    line: usize,
    [wide, all]: [usize; 2],
    into: &mut MaybeUninit<OfBurst>,
) {
    let every = _mm512_set1_epi32(-1);
    let axes = if line < wide {
        let [first, second] = layout.wide(line);
        [first, first, second, second]
    } else {
        layout.narrow(line)
    };
    let lanes = axes.map(|axis| points.lanes[axis % MOST_AXES].as_chunks::<AT_ONCE>().0);
    // SAFETY: it is only looked at where it lies.
    let begin: *mut Pattern = unsafe { &raw mut (*into.as_mut_ptr()).0 }.cast();
    let groups = points.count.min(BURST).div_ceil(AT_ONCE);
    for group in 0..groups {
        // SAFETY: a chunk is of 64 bytes, and there is one for each group.
        let lane = |place: usize| unsafe { _mm512_loadu_si512(lanes[place].as_ptr().add(group).cast()) };
        let words = if line < wide {
            let (first, second) = (lane(0), lane(2));
            [first, _mm512_xor_si512(first, every), second, _mm512_xor_si512(second, every)]
        } else {
            let halves = |place: usize| {
                let lane = lane(place);
                let low = _mm512_and_si512(lane, _mm512_set1_epi32(0xffff));
                _mm512_or_si512(low, _mm512_slli_epi32::<16>(_mm512_xor_si512(lane, every)))
            };
            [halves(0), halves(1), halves(2), if line == all - 1 { every } else { halves(LABEL) }]
        };
        // SAFETY: the group lies within the burst.
        unsafe { put(words, begin.add(group * AT_ONCE)) };
    }
}

/// Word after word of sixteen points, put down point after point.
///
/// # Safety
/// Sixteen patterns may be written.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512cd,bmi1,bmi2")]
#[inline]
unsafe fn put([a, b, c, d]: [__m512i; 4], into: *mut Pattern) {
    let (low, high) = (_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    let (low_behind, high_behind) = (_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    // of each four points the first, the second, ...
    let firsts = _mm512_unpacklo_epi64(low, low_behind);
    let seconds = _mm512_unpackhi_epi64(low, low_behind);
    let thirds = _mm512_unpacklo_epi64(high, high_behind);
    let fourths = _mm512_unpackhi_epi64(high, high_behind);
    let even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
    let odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
    let pair = |which: __m512i| {
        (_mm512_permutex2var_epi64(firsts, which, seconds), _mm512_permutex2var_epi64(thirds, which, fourths))
    };
    let ((one, two), (three, four)) = (pair(even), pair(odd));
    let by_fours = [
        _mm512_shuffle_i32x4::<0x44>(one, two),
        _mm512_shuffle_i32x4::<0x44>(three, four),
        _mm512_shuffle_i32x4::<0xee>(one, two),
        _mm512_shuffle_i32x4::<0xee>(three, four),
    ];
    for (number, of_four) in by_fours.into_iter().enumerate() {
        // SAFETY: four patterns take 64 bytes, and sixteen may be written.
        unsafe { _mm512_storeu_si512(into.add(number * 4).cast(), of_four) };
    }
}
