//! What lies in one cache line of the flow table? The tags of eight slots, their deadlines, and how many flows
//! that belong here live elsewhere.
//!
//! | field | written by | read by |
//! | --- | --- | --- |
//! | tags | the worker that owns the shard | the worker; the control thread |
//! | deadlines | the worker | the worker; the control thread |
//! | overflow | the worker | the worker |
//!
//! Everything is atomic so that the control thread may look while the worker writes, and relaxed because what it
//! sees is only a hint: the worker looks again before it acts on it. With one writer no read-modify-write is
//! needed: each of these loads and stores is a plain instruction.

use super::group::{Deadlines, LANES, Lanes, Tags};
use crate::sync::{AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::time::Tick;

/// Eight slots, 64 bytes. All zero bytes is empty.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Bucket {
    /// Eight tags of 16 bits, lane 0 in the low bits of the first word. Zero: the slot is empty.
    tags: [AtomicU64; 2],
    /// When the flow in the slot ends. Means nothing in an empty slot.
    deadlines: [AtomicU32; LANES],
    /// The flows whose home this is that live in an alternate bucket: for each class of fingerprints three
    /// counters of five bits, one for each alternate.
    overflow: [AtomicU16; LANES],
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Bucket>() == 64);

impl Bucket {
    /// No flow here, none that belongs here elsewhere.
    pub(super) fn empty() -> Self {
        Self {
            tags: std::array::from_fn(|_| AtomicU64::new(0)),
            deadlines: std::array::from_fn(|_| AtomicU32::new(0)),
            overflow: std::array::from_fn(|_| AtomicU16::new(0)),
        }
    }

    /// All eight tags.
    #[inline]
    pub(super) fn tags(&self) -> Tags {
        Tags([self.tags[0].load(Relaxed), self.tags[1].load(Relaxed)])
    }

    /// The lanes that hold no flow.
    #[inline]
    pub(super) fn vacant(&self) -> Lanes {
        self.tags().matching(0)
    }

    /// The lanes that hold a flow whose deadline is at or before `now`.
    #[inline]
    pub(super) fn stale(&self, now: Tick) -> Lanes {
        Lanes::of(|lane| self.deadline(lane).is_at_or_before(now)).and(self.vacant().others())
    }

    /// Worker only: all deadlines.
    #[inline]
    pub(super) fn deadlines(&self) -> Deadlines {
        Deadlines::read(&self.deadlines)
    }

    /// Worker only: puts `tag` in `lane`.
    pub(super) fn set_tag(&self, lane: usize, tag: u16) {
        let (word, shift) = (&self.tags[lane / 4], lane % 4 * 16);
        let others = word.load(Relaxed) & !(0xffff << shift);
        word.store(others | u64::from(tag) << shift, Relaxed);
    }

    /// When the flow in `lane` ends.
    #[inline]
    pub(super) fn deadline(&self, lane: usize) -> Tick {
        Tick(self.deadlines[lane].load(Relaxed))
    }

    /// Worker only.
    #[inline]
    pub(super) fn set_deadline(&self, lane: usize, deadline: Tick) {
        self.deadlines[lane].store(deadline.0, Relaxed);
    }

    /// The flows of `class` that live elsewhere.
    #[inline]
    pub(super) fn overflow(&self, class: usize) -> Overflow {
        Overflow(self.overflow[class].load(Relaxed))
    }

    /// Worker only.
    pub(super) fn set_overflow(&self, class: usize, overflow: Overflow) {
        self.overflow[class].store(overflow.0, Relaxed);
    }
}

/// How many flows of one class live in each of the alternate buckets: three counters from 0 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Overflow(u16);

impl Overflow {
    /// Whether every flow of the class is at home.
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
    use super::{Bucket, Overflow};

    #[test]
    fn a_tag_stays_in_its_lane() {
        let bucket = Bucket::empty();
        for lane in 0..8 {
            bucket.set_tag(lane, 0xfff0 + lane as u16);
        }
        bucket.set_tag(5, 0);
        for lane in 0..8 {
            let expected = if lane == 5 { 0 } else { 0xfff0 + lane as u16 };
            assert_eq!(bucket.tags().tag(lane), expected);
        }
        assert_eq!(bucket.vacant().collect::<Vec<_>>(), [5]);
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
