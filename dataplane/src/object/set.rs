//! Which elements has a set whose elements come and go with packets? A hash table of fixed size, shared by all workers.
//!
//! A key lives in one bucket of [`LANES`] lanes, three times as many lanes in all as the policy gives the set elements;
//! its hash has a secret. A bucket is one cache line: the word at its head says which lanes are occupied, and counts
//! changes; of each lane there are eight bits of the hash. Beside it each lane names the record of its element; there are
//! as many records as elements. Whoever adds an element takes a free record, writes it, claims an unoccupied lane for
//! it, and makes the lane occupied by one compare-and-swap of the head as it was when the key was looked for: had
//! anybody added the key meanwhile, the head would have changed. So no key is there twice, nobody waits for anybody, and
//! a record is read only when it is complete.
//!
//! | word | written by |
//! | --- | --- |
//! | head of a bucket | compare-and-swap by all |
//! | lane (0: unclaimed) | compare-and-swap, unclaimed to claimed; then whoever claimed or vacated it |
//! | tag of a lane | whoever claimed it, before it is occupied |
//! | the first free record | compare-and-swap by all |
//! | record | whoever took it, before its lane is occupied; when it is free, whoever freed it |
//! | end and statements of a record | all |
//!
//! What happens in the very moment an element ends may count for the one that ends or for the next in its record.
//!
//! Limits: an element whose time is over makes room when its bucket is met, and each new element looks over another
//! bucket, more of them when the set is full: never the whole table. A bucket may be full before the set is, with a
//! probability below 1e-9 a bucket.

mod bucket;
mod kept;
mod loaded;
mod record;
mod room;

use super::clock::Moment;
use super::connections::{Counter, Place};
use super::each::Each;
use ahash::RandomState;
use bucket::{Bucket, Head};
use config::policy::{Change, Start, Value};
use record::Record;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    fence,
};

pub use bucket::LANES;
pub use record::Shape;

/// A set that packets change.
#[derive(Debug)]
pub struct DynamicSet {
    hasher: RandomState,
    shape: Shape,
    /// How many it has room for.
    size: u32,
    /// How many elements there are, those included whose time is over and that nobody met since.
    count: AtomicU32,
    /// The bucket to be looked over next.
    cursor: AtomicU32,
    /// The first record that is free, one more than its number, 0 if none is; above that, how often this has changed.
    free: AtomicU64,
    buckets: Box<[Bucket]>,
    /// By lane: one more than the record of its element; 0 if nobody has claimed it.
    lanes: Box<[AtomicU32]>,
    /// The records, one behind the other.
    words: Box<[AtomicU64]>,
    /// The word at which the first begins: a cache line's first, so that short records lie in one.
    first: usize,
    /// Words of a record.
    stride: usize,
    /// Lifetime in nanoseconds unless a rule says otherwise; [`FOR_EVER`] is none.
    lifetime: u64,
    /// Lists of statements that elements can have.
    each: Box<[Each]>,
    /// Numbers that an element has at its end for whoever keeps the set.
    room: usize,
    /// The record behind all others, if there is an element for every key that no other holds at the time.
    rest: Option<u32>,
}

/// What the keys and values of a set are.
#[derive(Debug, Clone, Copy)]
pub struct Widths<'a> {
    /// Bits of each part of a key.
    pub key: &'a [u16],
    /// Bits of a value; 0 if it is no map.
    pub data: u16,
}

/// An element that was found, and what the map held for it. It may go at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    lane: u32,
    record: u32,
    /// What the map held.
    pub data: Value,
}

impl Element {
    /// Whether the other is found where this one is.
    pub(super) const fn is_at(self, other: Self) -> bool {
        self.lane == other.lane
    }
}

/// A change as a rule asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What is done.
    pub change: Change,
    /// Lifetime in nanoseconds, if the rule gives one.
    pub lifetime: Option<u64>,
    /// What a map holds for the key.
    pub data: Value,
    /// The list of statements a new element has.
    pub each: u32,
}

/// An element that is not there yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct New<'a> {
    pub(super) data: Value,
    /// Its list of statements.
    pub(super) each: u32,
    /// What its statements begin from.
    pub(super) starts: &'a [Start],
    pub(super) end: u64,
    /// Whether it comes with the policy.
    pub(super) loaded: bool,
}

impl DynamicSet {
    /// An empty set for such keys and `size` elements, at most 2^24. Takes all its memory here.
    #[must_use]
    pub fn new(
        widths: Widths<'_>,
        size: u32,
        lifetime: Option<u64>,
        each: Vec<Each>,
        hasher: RandomState,
    ) -> Self {
        Self::with_room(widths, size, lifetime, each, 0, hasher)
    }

    /// As [`Self::new`], and `room` numbers with each element for whoever keeps the set. The first [`FRESH`] of them are
    /// 0 in a new element.
    pub(super) fn with_room(
        widths: Widths<'_>,
        size: u32,
        lifetime: Option<u64>,
        each: Vec<Each>,
        room: usize,
        hasher: RandomState,
    ) -> Self {
        let buckets = (size as usize).div_ceil(LANES / 3).max(1);
        let state = each.iter().map(Each::words).max().unwrap_or(0) + room;
        let shape = Shape::new(widths.key, widths.data, each.len(), state);
        let stride = shape.words();
        let words: Box<[AtomicU64]> =
            (0..(size as usize + 1) * stride + LINE - 1).map(|_| AtomicU64::new(0)).collect();
        let set = Self {
            hasher,
            stride,
            first: (words.as_ptr() as usize / size_of::<AtomicU64>()).wrapping_neg() % LINE,
            size,
            count: AtomicU32::new(0),
            cursor: AtomicU32::new(0),
            free: AtomicU64::new(u64::from(size > 0)),
            buckets: (0..buckets).map(|_| Bucket::default()).collect(),
            lanes: (0..buckets * LANES).map(|_| AtomicU32::new(0)).collect(),
            words,
            shape,
            lifetime: lifetime.unwrap_or(FOR_EVER),
            each: each.into(),
            room,
            rest: None,
        };
        for record in 0..size {
            set.record(record).free(if record + 1 < size { record + 2 } else { 0 });
        }
        set
    }

    /// The element with this key, if its time is not over.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[Value], now: u64) -> Option<Element> {
        let (bucket, tag) = self.home(key);
        self.find_in(bucket, self.buckets[bucket].head(), tag, key, now)
    }

    /// The counter of connections at this word.
    pub(super) fn counter(&self, word: u32) -> Option<Counter<'_>> {
        Counter::of(self.words.get(word as usize..)?)
    }

    /// Runs the statements of an element, of the set with this number of [`Place`]. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, element: Element, set: u32, moment: &Moment<'_>) -> bool {
        let record = self.record(element.record);
        let first = self.first + element.record as usize * self.stride + self.shape.first_state();
        let at = Place { set, word: first as u32 };
        self.each_of(record).is_none_or(|each| each.goes_on(record.state(), at, moment))
    }

    /// Changes the set. Whether the rule goes on: it ends if a statement of the element says so. `None` if there is no
    /// room.
    pub fn change(&self, key: &[Value], wanted: &Wanted, set: u32, moment: &Moment<'_>) -> Option<bool> {
        if wanted.change == Change::Delete {
            self.delete(key, moment.now);
            return Some(true);
        }
        let lifetime = wanted.lifetime.unwrap_or(self.lifetime);
        let end = moment.now.saturating_add(lifetime);
        let new = New { data: wanted.data, each: wanted.each, starts: &[], end, loaded: false };
        let (element, is_new) = self.put(key, new, moment.now, || None)?;
        if !is_new && wanted.change == Change::Update {
            self.renew(element, lifetime, moment.now);
        }
        Some(self.goes_on(element, set, moment))
    }

    /// How many elements there are, those included whose time is over and that nobody met since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(&*self.buckets) + size_of_val(&*self.lanes) + size_of_val(&*self.words)
    }
}

// Inside: looking for a key, and putting one in.
impl DynamicSet {
    #[inline]
    fn home(&self, key: &[Value]) -> (usize, u8) {
        let hash = self.hasher.hash_one(key);
        let bucket = (u64::from(hash as u32) * self.buckets.len() as u64) >> 32;
        (bucket as usize, (hash >> 56) as u8)
    }

    #[inline]
    fn record(&self, record: u32) -> Record<'_> {
        Record::new(&self.shape, &self.words[self.first + record as usize * self.stride..][..self.stride])
    }

    /// The record of a lane, unless nobody has claimed it.
    fn record_of(&self, lane: usize) -> Option<Record<'_>> {
        Some(self.record(self.lanes[lane].load(Relaxed).checked_sub(1)?))
    }

    /// The statements of the element there.
    #[inline]
    fn each_of(&self, record: Record<'_>) -> Option<&Each> {
        self.each.get(record.list() as usize)
    }

    #[inline]
    fn find_in(&self, bucket: usize, head: Head, tag: u8, key: &[Value], now: u64) -> Option<Element> {
        let tagged = self.buckets[bucket].tagged(head, tag);
        tagged.map(|lane| bucket * LANES + lane).find_map(|lane| {
            let record = self.lanes[lane].load(Relaxed).checked_sub(1)?;
            let data = self.record(record).find(key, now)?;
            Some(Element { lane: lane as u32, record, data })
        })
    }

    /// The element with this key: the one that is there, or a new one, and whether it is that; `None` if there is no
    /// room, and `room` makes none: the record of an element that it has taken out.
    fn put(
        &self,
        key: &[Value],
        new: New<'_>,
        now: u64,
        room: impl FnOnce() -> Option<u32>,
    ) -> Option<(Element, bool)> {
        if !self.shape.fits(key, new.data) {
            return None;
        }
        let (bucket, tag) = self.home(key);
        let (mut claimed, mut room) = (None, Some(room));
        loop {
            // Each turn but the first two follows upon a change of this bucket by another worker.
            let head = self.buckets[bucket].head();
            if let Some(found) = self.find_in(bucket, head, tag, key, now) {
                if let Some((lane, _)) = claimed {
                    self.give_up(lane);
                }
                return Some((found, false));
            }
            if self.vacate_ended(bucket, head, now) {
                continue;
            }
            let (lane, record) = match claimed {
                Some(claimed) => claimed,
                None => {
                    let record = self.free_record(now).or_else(|| room.take()?())?;
                    self.write(record, key, new);
                    (self.claim(bucket, head, tag, record)?, record)
                }
            };
            claimed = Some((lane, record));
            if self.buckets[bucket].change(head, head.with(lane - bucket * LANES)) {
                return Some((Element { lane: lane as u32, record, data: new.data }, true));
            }
        }
    }

    fn write(&self, record: u32, key: &[Value], new: New<'_>) {
        let record = self.record(record);
        if let Some(each) = self.each.get(new.each as usize) {
            each.reset(record.state(), new.starts);
        }
        let room = record.state();
        let room = &room[room.len() - self.room..];
        room.iter().take(FRESH).for_each(|number| number.store(0, Relaxed));
        record.write(key, new.data, new.each, new.end, new.loaded);
    }

    /// A new lifetime for an element that has one.
    fn renew(&self, element: Element, lifetime: u64, now: u64) {
        let end = self.record(element.record).end();
        if lifetime != FOR_EVER && end.load(Relaxed) != u64::MAX {
            end.store(now.saturating_add(lifetime), Relaxed);
        }
    }

    fn delete(&self, key: &[Value], now: u64) {
        let (bucket, tag) = self.home(key);
        loop {
            // Each turn but the first follows upon a change of this bucket by another worker.
            let head = self.buckets[bucket].head();
            let found = self.find_in(bucket, head, tag, key, now);
            let Some(Element { lane, .. }) = found else { return };
            if self.vacate(bucket, head, lane as usize) {
                return;
            }
        }
    }
}

/// The lane of the element that has none.
const NOWHERE: u32 = u32::MAX;
/// A lifetime without end.
const FOR_EVER: u64 = u64::MAX;
/// Numbers of whoever keeps the set that are 0 in a new element.
pub(super) const FRESH: usize = 3;
/// Most parts a key may have.
const MOST_PARTS: usize = 16;

/// Words of a cache line.
const LINE: usize = 8;
#[cfg(test)]
mod tests;
