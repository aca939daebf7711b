//! Which of the fifteen tags of a bucket are this one, which of its flows may have ended, and which of a window ends
//! soonest? A few instructions of SSE2 where the processor has it, which every x86-64 does; loops elsewhere, always built,
//! which the tests hold the others to.
#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "SSE2 intrinsics are called by feature; the worker reads at once what it alone writes"
    )
)]

use super::bucket::Overflow;
use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::time::Tick;

/// The tags of a bucket and its overflow, as they lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tags([u64; PLACES / 4]);

/// A set of lanes: bit `i` is lane `i`. Iterates over its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Lanes(u16);

/// When the flows of a bucket end at the earliest, by lanes, and in the last place which of them are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends(pub(super) [u32; PLACES]);

/// Slots in a bucket.
pub(super) const LANES: usize = 15;

/// The lanes, and one more.
pub(super) const PLACES: usize = LANES + 1;

impl Tags {
    /// What stands there. Worker only: nobody else writes.
    #[inline]
    pub(super) fn read(from: &[AtomicU64; PLACES / 4]) -> Self {
        #[cfg(all(target_arch = "x86_64", not(loom)))]
        // SAFETY: the words lie there, side by side, as they would in an array of plain ones. The thread that reads them
        // here is the only one that ever writes them; others may read meanwhile.
        return Self(unsafe { std::ptr::from_ref(from).cast::<[u64; PLACES / 4]>().read() });
        #[cfg(not(all(target_arch = "x86_64", not(loom))))]
        Self::load(from)
    }

    /// What stands there, one word after the other: anybody may ask.
    #[inline]
    pub(super) fn load(from: &[AtomicU64; PLACES / 4]) -> Self {
        Self(std::array::from_fn(|word| from[word].load(Relaxed)))
    }

    /// The lanes that hold `tag`.
    #[inline]
    pub(super) fn matching(self, tag: u16) -> Lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `sse2` asks for nothing but SSE2, which is part of x86-64.
        return unsafe { sse2(&self, tag) };
        #[cfg(not(target_arch = "x86_64"))]
        portable(&self, tag)
    }

    /// The lanes that hold no flow.
    #[inline]
    pub(super) fn vacant(self) -> Lanes {
        self.matching(0)
    }

    /// The tag in `lane`.
    #[inline]
    pub(super) const fn tag(self, lane: usize) -> u16 {
        (self.0[lane / 4] >> (lane % 4 * 16)) as u16
    }

    /// The flows whose home this is that live elsewhere.
    #[inline]
    pub(super) const fn overflow(self) -> Overflow {
        Overflow(self.tag(LANES))
    }
}

impl Ends {
    /// What stands there. Worker only: nobody else writes.
    #[inline]
    pub(super) fn read(from: &[AtomicU32; PLACES]) -> Self {
        #[cfg(all(target_arch = "x86_64", not(loom)))]
        // SAFETY: as with tags: numbers side by side, written by this thread alone.
        return Self(unsafe { std::ptr::from_ref(from).cast::<[u32; PLACES]>().read() });
        #[cfg(not(all(target_arch = "x86_64", not(loom))))]
        Self::load(from)
    }

    /// What stands there, one after the other: anybody may ask.
    #[inline]
    pub(super) fn load(from: &[AtomicU32; PLACES]) -> Self {
        Self(std::array::from_fn(|place| from[place].load(Relaxed)))
    }

    /// The same where those flows end at `end` that are kept.
    #[inline]
    pub(super) fn with_kept_at(self, end: Tick) -> Self {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `with_kept_sse2` asks for nothing but SSE2, which is part of x86-64.
        return unsafe { with_kept_sse2(&self, end) };
        #[cfg(not(target_arch = "x86_64"))]
        with_kept_portably(&self, end)
    }

    /// The lanes with an end at or before `now`.
    #[inline]
    pub(super) fn past(self, now: Tick) -> Lanes {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `past_sse2` asks for nothing but SSE2, which is part of x86-64.
        return unsafe { past_sse2(&self, now) };
        #[cfg(not(target_arch = "x86_64"))]
        past_portably(&self, now)
    }
}

/// The first of the lanes of these buckets, with the number of its bucket, that has the least time left.
#[inline]
pub(super) fn soonest(window: &[Ends; 4], now: Tick) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: as above.
    let at = unsafe { soonest_sse2(window, now) };
    #[cfg(not(target_arch = "x86_64"))]
    let at = soonest_portably(window, now);
    (at / PLACES % window.len(), at % PLACES)
}

impl Lanes {
    /// Whether there is any.
    #[inline]
    pub(super) const fn are_any(self) -> bool {
        self.0 != 0
    }

    /// How many.
    #[inline]
    pub(super) const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// The lowest of them.
    #[inline]
    pub(super) const fn first(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.0.trailing_zeros() as usize) }
    }

    /// The lanes that are not in this set.
    #[inline]
    pub(super) const fn others(self) -> Self {
        Self(!self.0 & ALL)
    }

    /// The lanes that are in both sets.
    #[inline]
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The lanes that are in either set.
    #[inline]
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
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
fn sse2(tags: &Tags, tag: u16) -> Lanes {
    use std::arch::x86_64::{_mm_cmpeq_epi16, _mm_movemask_epi8, _mm_packs_epi16, _mm_set1_epi16};
    let wanted = _mm_set1_epi16(tag.cast_signed());
    let [low, high] = [0, 2].map(|word| {
        // SAFETY: two words are read where they lie; they need not be aligned.
        let tags = unsafe { std::arch::x86_64::_mm_loadu_si128(tags.0[word..word + 2].as_ptr().cast()) };
        _mm_cmpeq_epi16(tags, wanted)
    });
    Lanes(_mm_movemask_epi8(_mm_packs_epi16(low, high)) as u16 & ALL)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn past_sse2(ends: &Ends, now: Tick) -> Lanes {
    use std::arch::x86_64::{
        _mm_movemask_epi8, _mm_packs_epi16, _mm_packs_epi32, _mm_set1_epi32, _mm_sub_epi32,
    };
    let now = _mm_set1_epi32(now.0.cast_signed());
    // the sign of the time since an end says that it has not come
    let [a, b, c, d] = quads(ends).map(|quad| _mm_sub_epi32(now, quad));
    let ahead = _mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d));
    Lanes(!_mm_movemask_epi8(ahead) as u16 & ALL)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn with_kept_sse2(ends: &Ends, end: Tick) -> Ends {
    use std::arch::x86_64::{
        _mm_and_si128, _mm_andnot_si128, _mm_cmpeq_epi32, _mm_or_si128, _mm_set1_epi32, _mm_setr_epi32,
        _mm_slli_epi32, _mm_storeu_si128,
    };
    let kept = _mm_set1_epi32(ends.0[LANES].cast_signed());
    let end = _mm_set1_epi32(end.0.cast_signed());
    let first = _mm_setr_epi32(1, 2, 4, 8);
    let bits = [first, _mm_slli_epi32::<4>(first), _mm_slli_epi32::<8>(first), _mm_slli_epi32::<12>(first)];
    let mut with = Ends([0; PLACES]);
    for ((quad, bits), into) in quads(ends).into_iter().zip(bits).zip(with.0.as_chunks_mut::<4>().0) {
        let is_kept = _mm_cmpeq_epi32(_mm_and_si128(kept, bits), bits);
        let chosen = _mm_or_si128(_mm_and_si128(is_kept, end), _mm_andnot_si128(is_kept, quad));
        // SAFETY: four numbers of 32 bits are written where they lie; they need not be aligned.
        unsafe { _mm_storeu_si128(into.as_mut_ptr().cast(), chosen) };
    }
    with
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn soonest_sse2(window: &[Ends; 4], now: Tick) -> usize {
    use std::arch::x86_64::{
        __m128i, _mm_and_si128, _mm_andnot_si128, _mm_castsi128_ps, _mm_cmpeq_epi32, _mm_cmplt_epi32,
        _mm_movemask_ps, _mm_or_si128, _mm_set_epi32, _mm_set1_epi32, _mm_shuffle_epi32, _mm_sub_epi32,
    };
    // what is left, less 2^31: compared with signs as it is without
    let now = _mm_set1_epi32((now.0 ^ 1 << 31).cast_signed());
    let (last, latest) = (_mm_set_epi32(-1, 0, 0, 0), _mm_set_epi32(i32::MAX, 0, 0, 0));
    let choose =
        |is_one, one, other| _mm_or_si128(_mm_and_si128(is_one, one), _mm_andnot_si128(is_one, other));
    let mut left: [__m128i; PLACES] = [now; PLACES];
    for (left, ends) in left.as_chunks_mut::<4>().0.iter_mut().zip(window) {
        *left = quads(ends).map(|quad| _mm_sub_epi32(quad, now));
        left[3] = choose(last, latest, left[3]);
    }
    let lesser = |one, other| choose(_mm_cmplt_epi32(one, other), one, other);
    let least = left[1..].iter().fold(left[0], |least, &quad| lesser(least, quad));
    let least = lesser(least, _mm_shuffle_epi32::<0b01_00_11_10>(least));
    let least = lesser(least, _mm_shuffle_epi32::<0b10_11_00_01>(least));
    let of_quad = |quad| _mm_movemask_ps(_mm_castsi128_ps(_mm_cmpeq_epi32(quad, least))) as u64;
    let are_least = (0..).zip(left).fold(0, |lanes, (number, quad)| lanes | of_quad(quad) << (4 * number));
    are_least.trailing_zeros() as usize
}

/// Four ends at a time.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn quads(Ends(ends): &Ends) -> [std::arch::x86_64::__m128i; 4] {
    let quads = ends.as_chunks::<4>().0;
    // SAFETY: four numbers of 32 bits are read where they lie; they need not be aligned.
    [0, 1, 2, 3].map(|at: usize| unsafe { std::arch::x86_64::_mm_loadu_si128(quads[at].as_ptr().cast()) })
}

#[cfg_attr(target_arch = "x86_64", cfg_attr(not(test), expect(dead_code, reason = "the twin of `sse2`")))]
fn portable(tags: &Tags, tag: u16) -> Lanes {
    (0..LANES).filter(|&lane| tags.tag(lane) == tag).collect()
}

#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "the twin of `past_sse2`"))
)]
fn past_portably(ends: &Ends, now: Tick) -> Lanes {
    (0..LANES).filter(|&lane| Tick(ends.0[lane]).is_at_or_before(now)).collect()
}

#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "the twin of `with_kept_sse2`"))
)]
fn with_kept_portably(ends: &Ends, end: Tick) -> Ends {
    let kept = |lane: usize| ends.0[LANES] >> lane & 1 != 0;
    Ends(std::array::from_fn(|lane| if kept(lane) { end.0 } else { ends.0[lane] }))
}

#[cfg_attr(
    target_arch = "x86_64",
    cfg_attr(not(test), expect(dead_code, reason = "the twin of `soonest_sse2`"))
)]
fn soonest_portably(window: &[Ends; 4], now: Tick) -> usize {
    let left = |at: &usize| {
        if at % PLACES == LANES { u32::MAX } else { Tick(window[at / PLACES].0[at % PLACES]).since(now) }
    };
    (0..4 * PLACES).min_by_key(left).unwrap_or(0)
}

impl FromIterator<usize> for Lanes {
    fn from_iter<I: IntoIterator<Item = usize>>(lanes: I) -> Self {
        Self(lanes.into_iter().fold(0, |lanes, lane| lanes | 1 << lane))
    }
}

/// All lanes.
const ALL: u16 = (1 << LANES) - 1;

#[cfg(test)]
mod tests {
    use super::{
        Ends, LANES, Lanes, PLACES, Tags, past_portably, portable, soonest, soonest_portably,
        with_kept_portably,
    };
    use crate::time::Tick;
    use proptest::prelude::*;

    fn tags(tags: [u16; PLACES]) -> Tags {
        let word = |lanes: &[u16]| lanes.iter().rev().fold(0, |word, &tag| word << 16 | u64::from(tag));
        Tags(std::array::from_fn(|at| word(&tags[4 * at..4 * at + 4])))
    }

    proptest! {
        #[test]
        fn both_twins_find_what_is_there(lanes: [u16; PLACES], picked in 0..PLACES, copied in 0..PLACES) {
            let mut lanes = lanes;
            lanes[copied] = lanes[picked];
            for tag in lanes.into_iter().chain([0, 1, 0x8000, u16::MAX]) {
                let expected: Vec<usize> = (0..LANES).filter(|&lane| lanes[lane] == tag).collect();
                prop_assert_eq!(portable(&tags(lanes), tag).collect::<Vec<_>>(), expected.clone());
                prop_assert_eq!(tags(lanes).matching(tag).collect::<Vec<_>>(), expected);
            }
            prop_assert_eq!(tags(lanes).tag(picked), lanes[picked]);
            prop_assert_eq!(tags(lanes).overflow().0, lanes[LANES]);
        }
    }

    proptest! {
        #[test]
        fn both_twins_say_who_has_ended_and_who_ends_soonest(
            now in prop_oneof![any::<u32>(), Just(0), Just(u32::MAX)],
            left: [[u32; PLACES]; 4],
            is_near: [[bool; PLACES]; 4],
        ) {
            let window: [Ends; 4] = std::array::from_fn(|choice| {
                Ends(std::array::from_fn(|lane| {
                    let left = left[choice][lane];
                    let left = if is_near[choice][lane] { (left % 5).wrapping_sub(2) } else { left };
                    now.wrapping_add(left)
                }))
            });
            let now = Tick(now);
            for ends in window {
                prop_assert_eq!(ends.past(now), past_portably(&ends, now));
                prop_assert_eq!(ends.with_kept_at(now), with_kept_portably(&ends, now));
            }
            let at = soonest_portably(&window, now);
            prop_assert_eq!(soonest(&window, now), (at / PLACES, at % PLACES));
        }
    }

    #[test]
    fn the_place_that_is_nobodys_is_never_the_soonest() {
        let mut window = [Ends([u32::MAX; PLACES]); 4];
        for ends in &mut window {
            ends.0[LANES] = 0;
        }
        assert_eq!(soonest(&window, Tick(0)), (0, 0));
    }

    #[test]
    fn a_set_of_lanes_counts_and_lists_its_members() {
        let lanes = |lanes: &[usize]| lanes.iter().copied().collect::<Lanes>();
        assert_eq!(lanes(&[7, 0, 2]).collect::<Vec<_>>(), [0, 2, 7]);
        assert_eq!(lanes(&[0, 2, 14]).len(), 3);
        assert_eq!(lanes(&[0, 2, 14]).others().len(), 12);
        assert_eq!(lanes(&[]).first(), None);
        let (even, high) = (lanes(&[0, 2, 4]), lanes(&[3, 4]));
        assert_eq!((even.and(high), even.or(high)), (lanes(&[4]), lanes(&[0, 2, 3, 4])));
    }
}
