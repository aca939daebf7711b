//! What does the worker read of the flow table for a packet, besides the flow's own line? Half a cache line: the tags of
//! fifteen slots, and how many flows that belong here live elsewhere. When those flows end at the earliest lies apart, as
//! only who looks for room asks for it.
//!
//! | field | written by | read by |
//! | --- | --- | --- |
//! | tags | the worker that owns the shard | the worker; the control thread |
//! | overflow | the worker | the worker |
//! | earliest ends | the worker | the worker; the control thread |
//!
//! Everything is atomic so that the control thread may look while the worker writes, and relaxed because what it
//! sees is only a hint: the worker looks again before it acts on it. With one writer no read-modify-write is
//! needed: each of these loads and stores is a plain instruction.

use super::group::{Ends, LANES, Lanes, PLACES, Tags};
use crate::sync::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::time::Tick;

/// Fifteen slots, 32 bytes. All zero bytes is empty.
#[derive(Debug)]
#[repr(C, align(32))]
pub(super) struct Bucket {
    /// Places of 16 bits, the first in the low bits of the first word: the tags of the lanes, zero where the slot is
    /// empty; then [`Overflow`].
    words: [AtomicU64; PLACES / 4],
}

/// At the earliest then the flows of a bucket end: not after their own deadlines, which lie with them. Means nothing in an
/// empty slot.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Earliest {
    /// By lanes; in the last place a bit for each lane whose flow is kept whoever comes, where that is known.
    ends: [AtomicU32; PLACES],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Bucket>() == 32 && size_of::<Earliest>() == 64);

impl Bucket {
    /// No flow here, none that belongs here elsewhere.
    pub(super) fn empty() -> Self {
        Self { words: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Worker only: all tags.
    #[inline]
    pub(super) fn tags(&self) -> Tags {
        Tags::read(&self.words)
    }

    /// The tag in `lane`.
    #[inline]
    pub(super) fn tag(&self, lane: usize) -> u16 {
        (self.words[lane / 4 % (PLACES / 4)].load(Relaxed) >> (lane % 4 * 16)) as u16
    }

    /// The lanes that hold a flow. Anybody may ask.
    #[inline]
    pub(super) fn taken(&self) -> Lanes {
        Tags::load(&self.words).vacant().others()
    }

    /// Worker only: puts `tag` in `lane`.
    #[inline]
    pub(super) fn set_tag(&self, lane: usize, tag: u16) {
        self.set(lane, tag);
    }

    /// Worker only.
    #[inline]
    pub(super) fn set_overflow(&self, overflow: Overflow) {
        self.set(LANES, overflow.0);
    }

    #[inline]
    fn set(&self, place: usize, bits: u16) {
        let (word, shift) = (&self.words[place / 4], place % 4 * 16);
        let others = word.load(Relaxed) & !(0xffff << shift);
        word.store(others | u64::from(bits) << shift, Relaxed);
    }
}

impl Earliest {
    /// Of nobody.
    pub(super) fn of_none() -> Self {
        Self { ends: std::array::from_fn(|_| AtomicU32::new(0)) }
    }

    /// Worker only: all of them.
    #[inline]
    pub(super) fn ends(&self) -> Ends {
        Ends::read(&self.ends)
    }

    /// The lanes whose flow, if there is one, may have ended. Anybody may ask.
    #[inline]
    pub(super) fn past(&self, now: Tick) -> Lanes {
        Ends::load(&self.ends).past(now)
    }

    /// Worker only.
    #[inline]
    pub(super) fn set(&self, lane: usize, end: Tick) {
        self.ends[lane].store(end.0, Relaxed);
    }

    /// Worker only: a flow begins, of which nothing is known but when it ends.
    #[inline]
    pub(super) fn begin(&self, lane: usize, end: Tick) {
        self.set(lane, end);
        self.set_kept(self.kept() & !(1 << lane));
    }

    /// Worker only: the flow there is kept whoever comes.
    #[inline]
    pub(super) fn keep(&self, lane: usize) {
        self.set_kept(self.kept() | 1 << lane);
    }

    #[inline]
    fn kept(&self) -> u32 {
        self.ends[LANES].load(Relaxed)
    }

    #[inline]
    fn set_kept(&self, lanes: u32) {
        self.ends[LANES].store(lanes, Relaxed);
    }
}

/// How many flows whose home this is live in each of the alternate buckets: three counters from 0 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overflow(pub(super) u16);

impl Overflow {
    /// Whether every flow is at home.
    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// How many live in the bucket of `choice`, from 1.
    #[inline]
    pub(super) const fn count(self, choice: u32) -> u16 {
        self.0 >> Self::shift(choice) & Self::MAX
    }

    /// One more in the bucket of `choice`; `None` if that many cannot be counted.
    pub(super) const fn plus(self, choice: u32) -> Option<Self> {
        if self.count(choice) == Self::MAX { None } else { Some(Self(self.0 + (1 << Self::shift(choice)))) }
    }

    /// One less in the bucket of `choice`. Zero stays zero.
    pub(super) const fn minus(self, choice: u32) -> Self {
        debug_assert!(self.count(choice) > 0, "counts every displaced flow");
        if self.count(choice) == 0 { self } else { Self(self.0 - (1 << Self::shift(choice))) }
    }

    const MAX: u16 = 31;

    const fn shift(choice: u32) -> u32 {
        (choice - 1) * 5
    }
}

#[cfg(test)]
mod tests {
    use super::{Bucket, LANES, Overflow};

    #[test]
    fn a_tag_stays_in_its_lane() {
        let bucket = Bucket::empty();
        let overflow = Overflow(0x7fff);
        bucket.set_overflow(overflow);
        for lane in 0..LANES {
            bucket.set_tag(lane, 0xfff0 + lane as u16);
        }
        bucket.set_tag(5, 0);
        for lane in 0..LANES {
            let expected = if lane == 5 { 0 } else { 0xfff0 + lane as u16 };
            assert_eq!((bucket.tags().tag(lane), bucket.tag(lane)), (expected, expected));
        }
        assert_eq!(bucket.tags().vacant().collect::<Vec<_>>(), [5]);
        assert_eq!(bucket.taken(), bucket.tags().vacant().others());
        assert_eq!(bucket.tags().overflow(), overflow);
    }

    #[test]
    fn overflow_counters_do_not_run_into_each_other() {
        for choice in 1..4 {
            let mut overflow = Overflow::default();
            for expected in 1..=31 {
                overflow = overflow.plus(choice).unwrap();
                assert_eq!(overflow.count(choice), expected);
            }
            assert_eq!(overflow.plus(choice), None);
            assert!((1..4).filter(|&other| other != choice).all(|other| overflow.count(other) == 0));
            for _ in 0..31 {
                overflow = overflow.minus(choice);
            }
            assert!(overflow.is_none());
        }
    }
}
