//! Is there a flow with this key? One shard: the flows of one worker.
//!
//! Open addressing over buckets of fifteen slots, two to a cache line. A flow lives in its home bucket or, as that fills,
//! in one of three alternates; it never moves. The home counts who lives elsewhere, so that a miss nearly always
//! costs one line and a hit two: the bucket, of which many are still in the cache, and the entry. Nothing grows and nothing
//! is rehashed: memory is taken once, at least 3/4 of the slots fill before the first refusal, and every call touches at
//! most four buckets, the flows in them and the homes of those that it drops.
//!
//! A flow whose deadline has come is absent: whoever meets it removes it. The deadline lies with the entry, whose line is
//! written anyway. What looks for room or for the stale reads apart from it when each flow ends at the earliest: that
//! follows a deadline that comes nearer at once, and one that moves away, as most do, when it is in the past.
//! Deadlines order only within 2^31 ms, so each must be met before it is that old: by [`Table::find`], by ageing, or by
//! [`Table::purge`] when the clock jumps.

mod beside;
mod due;
mod lately;
mod look;
mod room;
mod slots;
mod store;

pub use room::CANDIDATES;

use std::fmt::Debug;
use std::sync::Arc;

use zerocopy::FromZeros;

use super::bucket::{Bucket, Earliest};
use super::group::{LANES, PLACES};
use crate::flow::FlowKey;
use crate::time::Tick;
use beside::Beside;
use due::Due;
use lately::Lately;

/// What the table keeps of a flow: plain data with its key inside.
pub trait Entry: Copy {
    /// How it lies in the table: in 60 bytes if it is to take one cache line. The default fills slots not yet used.
    type Stored: Copy + Default + Debug;

    /// What of some entries does not fit that: another array, of zeros until it is written.
    type More: FromZeros + Copy + Debug;

    /// What is kept besides, of the few flows that need it. All zero bytes say that there is nothing.
    type Extra: FromZeros + Copy + Debug;

    /// Whether somebody must be told of what was kept besides when the flow is gone: see [`Table::departed`].
    fn is_missed(_: &Self::Extra) -> bool {
        false
    }

    /// The name of the flow.
    fn key(&self) -> &FlowKey;

    /// As it lies in the table.
    fn store(&self) -> (Self::Stored, Option<Self::More>);

    /// From there. What was not written of `more` belongs to others.
    fn load(stored: &Self::Stored, more: &Self::More) -> Self;

    /// Whether it has this name.
    fn is_named(stored: &Self::Stored, more: &Self::More, key: &FlowKey) -> bool;
}

/// Where a flow lives, as long as it is not removed. Any call that can remove flows (`find`, `insert`, `remove`,
/// `purge`, ageing) may leave the slot empty or with another flow: [`Table::holds`] tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Slot(u32);

/// What a look at the home bucket of a flow has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sought {
    /// It may be there: the tag is its.
    At(Slot),
    /// It may be in another bucket.
    #[default]
    Away,
    /// It is not stored.
    Nowhere,
    /// It is not stored, and there is no room to spare for it where that was looked for.
    Crowded,
    /// It is not stored, and there is room for it here, by this choice of bucket. (One word to each: this goes in
    /// registers.)
    Room(Slot, u8),
}

/// All the slots where a new flow could go are taken, and none of the next to end is evictable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What has happened to a table since the start, in flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Stored.
    pub inserted: u64,
    /// Removed by the owner.
    pub removed: u64,
    /// Removed because their deadline had come.
    pub expired: u64,
    /// Removed before their deadline to make room.
    pub evicted: u64,
    /// Not stored: [`Full`].
    pub refused: u64,
}

/// The flows of one worker.
#[derive(Debug)]
pub struct Table<E: Entry> {
    buckets: Arc<[Bucket]>,
    /// By bucket.
    earliest: Arc<[Earliest]>,
    /// The entry of lane `l` of bucket `b` is at `b * LANES + l`.
    entries: Box<[Held<E::Stored>]>,
    /// What does not fit an entry, by slot. Zeroed memory of the system, which gives a page when it is first written.
    more: Box<[E::More]>,
    beside: Beside<E::Extra>,
    due: Due,
    departed: Vec<E::Extra>,
    stats: Stats,
    stored_lately: Lately,
    /// Whether a slot was emptied since the burst began.
    emptied_lately: bool,
    /// Whether flows were evicted between the last two times a burst began.
    is_full_lately: bool,
    /// How many had been when it began last.
    evicted_before: u64,
}

impl<E: Entry> Table<E> {
    /// An empty table with room for `entries` flows at three quarters full: takes all its memory here, four
    /// thirds of `entries` slots of 6.4 bytes and the cache lines of an `E` each. Room for what is kept besides is
    /// promised here, and taken as it is written.
    ///
    /// # Panics
    /// If that is more than 2^28 buckets.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        let buckets = (entries * 4).div_ceil(LANES * 3).next_multiple_of(2).max(2);
        assert!(buckets <= 1 << 28, "a slot's number has 32 bits");
        Self {
            buckets: (0..buckets).map(|_| Bucket::empty()).collect(),
            earliest: (0..buckets).map(|_| Earliest::of_none()).collect(),
            entries: vec![Held::default(); buckets * LANES].into(),
            more: E::More::new_vec_zeroed(buckets * LANES).expect("memory for the table").into(),
            beside: Beside::with_buckets(buckets),
            due: Due::with_slots(buckets * LANES),
            departed: Vec::with_capacity(DEPARTED),
            stats: Stats::default(),
            stored_lately: Lately::default(),
            emptied_lately: true,
            is_full_lately: false,
            evicted_before: 0,
        }
    }

    /// Every flow, in no order, with its deadline; those whose deadline has come and that nobody met since too.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, E, Tick)> {
        (0..self.bucket_count()).flat_map(move |bucket| {
            self.bucket(bucket).tags().vacant().others().map(move |lane| {
                let slot = Slot::new(bucket, lane);
                (slot, self.entry(slot), self.deadline(slot))
            })
        })
    }

    /// Flows in the table, those included whose deadline has come and that nobody met since.
    #[must_use]
    pub const fn len(&self) -> usize {
        let Stats { inserted, removed, expired, evicted, .. } = self.stats;
        (inserted - removed - expired - evicted) as usize
    }

    /// Whether there is no flow in the table.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Slots: the flows it could hold if hashes were perfect.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Bytes taken at the start, but for those of what is kept besides.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.regions().iter().map(|(_, bytes)| bytes).sum()
    }

    /// Where that memory lies, for whoever can ask the system for huge pages: addresses and bytes.
    #[must_use]
    pub fn regions(&self) -> [(*const u8, usize); 3] {
        [
            (self.buckets.as_ptr().cast(), size_of_val(&*self.buckets)),
            (self.earliest.as_ptr().cast(), size_of_val(&*self.earliest)),
            (self.entries.as_ptr().cast(), size_of_val(&*self.entries)),
        ]
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }
}

// Inside.
impl<E: Entry> Table<E> {
    /// For the hand-over of ageing, which only reads them.
    pub(super) const fn shared(&self) -> (&Arc<[Bucket]>, &Arc<[Earliest]>) {
        (&self.buckets, &self.earliest)
    }

    #[inline]
    fn is_taken(&self, slot: Slot) -> bool {
        self.bucket(slot.bucket()).tag(slot.lane()) != 0
    }

    #[inline]
    fn bucket(&self, bucket: u32) -> &Bucket {
        &self.buckets[bucket as usize]
    }

    #[inline]
    fn earliest(&self, bucket: u32) -> &Earliest {
        &self.earliest[bucket as usize]
    }

    #[inline]
    fn bucket_count(&self) -> u32 {
        self.buckets.len() as u32
    }
}

impl Slot {
    #[inline]
    pub(super) const fn new(bucket: u32, lane: usize) -> Self {
        Self(bucket * PLACES as u32 + lane as u32)
    }

    #[inline]
    const fn bucket(self) -> u32 {
        self.0 / PLACES as u32
    }

    #[inline]
    const fn lane(self) -> usize {
        self.0 as usize % PLACES
    }

    /// Where in an array of all slots it is.
    #[inline]
    const fn index(self) -> usize {
        (self.0 - self.bucket()) as usize
    }
}

/// An entry at the start of a cache line, so that it takes no more of them than it must, and when its flow ends.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
struct Held<S> {
    stored: S,
    end: Tick,
}

/// Room for flows that are gone and that nobody was told of yet: more than any one call removes.
const DEPARTED: usize = 1024;

#[cfg(test)]
pub(super) mod tests;
