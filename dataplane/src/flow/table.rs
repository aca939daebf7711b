//! Is there a flow with this key? One shard: the flows of one worker.
//!
//! Open addressing over cache-line buckets of eight slots. A flow lives in its home bucket or, as that fills, in
//! one of three alternates; it never moves. The home counts who lives elsewhere, so that a miss nearly always
//! costs one line and a hit two: the bucket and the entry. Nothing grows and nothing is rehashed: memory is taken
//! once, at least 3/4 of the slots fill before the first refusal, and every call touches at most four buckets and
//! those of the flows that it drops.
//!
//! A flow whose deadline has come is absent: whoever meets it removes it. Deadlines order only within 2^31 ms, so
//! each must be met before it is that old: by [`Table::find`], by ageing, or by [`Table::purge`] when the clock
//! jumps.

mod beside;
mod due;
mod lately;
mod room;

pub use room::CANDIDATES;

use std::fmt::Debug;
use std::sync::Arc;

use zerocopy::FromZeros;

use super::bucket::{Bucket, Overflow};
use super::group::LANES;
use super::hash::{CHOICES, Fingerprint, FlowHash};
use super::prefetch::prefetch;
use crate::flow::FlowKey;
use crate::time::Tick;
use beside::Beside;
use due::Due;
use lately::Lately;

/// What the table keeps of a flow: plain data with its key inside.
pub trait Entry: Copy {
    /// How it lies in the table. The default fills slots not yet used.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// It is not stored, and home has no room to spare for it.
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
    /// The entry of lane `l` of bucket `b` is at `b * LANES + l`.
    entries: Box<[Aligned<E::Stored>]>,
    /// What does not fit an entry, by slot. Zeroed memory of the system, which gives a page when it is first written.
    more: Box<[E::More]>,
    beside: Beside<E::Extra>,
    due: Due,
    departed: Vec<E::Extra>,
    stats: Stats,
    stored_lately: Lately,
}

impl<E: Entry> Table<E> {
    /// An empty table with room for `entries` flows at three quarters full: takes all its memory here, four
    /// thirds of `entries` slots of 8 bytes and the cache lines of an `E` each. Room for what is kept besides is
    /// promised here, and taken as it is written.
    ///
    /// # Panics
    /// If that is more than 2^32 slots.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        let buckets = entries.div_ceil(LANES / 4 * 3).next_multiple_of(2).max(2);
        assert!(buckets <= 1 << 29, "a table has at most 2^32 slots");
        Self {
            buckets: (0..buckets).map(|_| Bucket::empty()).collect(),
            entries: vec![Aligned(E::Stored::default()); buckets * LANES].into(),
            more: E::More::new_vec_zeroed(buckets * LANES).expect("memory for the table").into(),
            beside: Beside::with_buckets(buckets),
            due: Due::with_slots(buckets * LANES),
            departed: Vec::with_capacity(DEPARTED),
            stats: Stats::default(),
            stored_lately: Lately::default(),
        }
    }

    /// A burst begins: what [`seek`](Self::seek) said of flows before holds no longer.
    #[inline]
    pub fn begin(&mut self) {
        self.stored_lately = Lately::default();
    }

    /// Stage one of a burst: asks for the home bucket.
    #[inline]
    pub fn prefetch(&self, hash: FlowHash) {
        prefetch(self.bucket(hash.home(self.bucket_count())));
    }

    /// Stage two, when the home bucket has arrived: asks for the entry. `false` if the flow may live away from home: then
    /// it asks for those buckets, and
    /// [`prefetch_displaced`](Self::prefetch_displaced) for the entry.
    #[inline]
    pub fn prefetch_entry(&self, hash: FlowHash) -> bool {
        self.seek(hash, None) != Sought::Away
    }

    /// As [`prefetch_entry`](Self::prefetch_entry), and says what it saw. For a packet that may open a flow, at the time
    /// given, it asks, where home is full, for the other buckets.
    #[inline]
    pub fn seek(&self, hash: FlowHash, opens_at: Option<Tick>) -> Sought {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        let bucket = self.bucket(home);
        let tags = bucket.tags();
        let (there, overflow) =
            (tags.matching(fingerprint.tag(0)).first(), bucket.overflow(fingerprint.class()));
        if let Some(lane) = there {
            let slot = Slot::new(home, lane);
            prefetch(self.stored(slot));
            return Sought::At(slot);
        }
        if overflow.is_none() {
            if let Some(now) = opens_at {
                let Some(slot) = self.slot_to_spare(home, now) else {
                    self.prefetch_alternates(home, fingerprint);
                    return Sought::Crowded;
                };
                self.prefetch_place(slot);
                return Sought::Room(slot, 0);
            }
            return Sought::Nowhere;
        }
        for choice in displaced(overflow) {
            prefetch(self.bucket(fingerprint.across(home, choice, self.bucket_count())));
        }
        Sought::Away
    }

    /// Stage three, for those away from home and the crowded: asks for the entry, [`Sought::At`], or, for a packet that may
    /// open a flow, at the time given, for the slot of a new one: [`Sought::Room`].
    pub fn prefetch_displaced(&self, hash: FlowHash, opens_at: Option<Tick>) -> Option<Sought> {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        for choice in displaced(self.bucket(home).overflow(fingerprint.class())) {
            let bucket = fingerprint.across(home, choice, self.bucket_count());
            if let Some(lane) = self.bucket(bucket).tags().matching(fingerprint.tag(choice)).first() {
                let slot = Slot::new(bucket, lane);
                prefetch(self.stored(slot));
                return Some(Sought::At(slot));
            }
        }
        let now = opens_at?;
        let window = self.window_of(home, fingerprint);
        let Some((slot, choice)) = self.place(&window, fingerprint, now) else {
            self.prefetch_soonest(&window, now);
            return None;
        };
        self.prefetch_place(slot);
        Some(Sought::Room(slot, choice as u8))
    }

    /// Asks for what of the entry there does not fit it.
    #[inline]
    pub fn prefetch_more(&self, slot: Slot) {
        prefetch(&self.more[slot.0 as usize]);
    }

    /// Where the flow with this key lives. One whose deadline is at or before `now` is removed instead.
    ///
    /// `hash` must be the hash of `key`.
    #[inline]
    pub fn find(&mut self, hash: FlowHash, key: &FlowKey, now: Tick) -> Option<Slot> {
        let slot = self.lookup(hash, key)?;
        if self.deadline(slot).is_at_or_before(now) {
            self.expire(slot);
            return None;
        }
        Some(slot)
    }

    /// Where the flow with this key lives and when it ends, which may have been before now.
    #[inline]
    #[must_use]
    pub fn peek(&self, hash: FlowHash, key: &FlowKey) -> Option<(Slot, Tick)> {
        let slot = self.lookup(hash, key)?;
        Some((slot, self.deadline(slot)))
    }

    /// As [`peek`](Self::peek), of the flow with this hash of which `is_it` holds; [`seek`](Self::seek) has said this of
    /// it since the burst [began](Self::begin), and flows may have come and gone since.
    #[inline(always)]
    #[must_use]
    pub fn peek_where(
        &self,
        hash: FlowHash,
        sought: Sought,
        is_it: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, Tick)> {
        if let Sought::At(slot) = sought {
            let bucket = self.bucket(slot.bucket());
            if hash.fingerprint().is_of(bucket.tags().tag(slot.lane())) && is_it(self.stored(slot)) {
                return Some((slot, bucket.deadline(slot.lane())));
            }
        }
        let was_absent = matches!(sought, Sought::Nowhere | Sought::Crowded | Sought::Room(..));
        if was_absent && !self.stored_lately.may_have(hash) {
            return None;
        }
        self.peek_anywhere(hash, is_it)
    }

    #[inline(never)]
    fn peek_anywhere(&self, hash: FlowHash, is_it: impl Fn(&E::Stored) -> bool) -> Option<(Slot, Tick)> {
        let slot = self.lookup_where(hash, |slot| is_it(self.stored(slot)))?;
        Some((slot, self.deadline(slot)))
    }

    /// As [`peek_where`](Self::peek_where), of the flow with this key.
    #[inline]
    #[must_use]
    pub fn peek_at(&self, hash: FlowHash, sought: Sought, key: &FlowKey) -> Option<(Slot, Tick)> {
        if let Sought::At(slot) = sought
            && self.holds(slot, key)
        {
            return Some((slot, self.deadline(slot)));
        }
        self.peek(hash, key)
    }

    /// Every entry, as it lies, to change: a scan of the whole table. Keys must stay.
    pub fn all_stored_mut(&mut self) -> impl Iterator<Item = &mut E::Stored> {
        self.entries.iter_mut().map(|aligned| &mut aligned.0)
    }

    /// Whether the flow with this key still lives there.
    #[inline]
    #[must_use]
    pub fn holds(&self, slot: Slot, key: &FlowKey) -> bool {
        self.is_taken(slot) && self.is_named(slot, key)
    }

    /// The entry there.
    #[inline]
    #[must_use]
    pub fn entry(&self, slot: Slot) -> E {
        E::load(self.stored(slot), &self.more[slot.0 as usize])
    }

    /// Puts the entry there in the place of itself. Its key must be the same.
    #[inline]
    pub fn put(&mut self, slot: Slot, entry: &E) {
        let (stored, more) = entry.store();
        *self.stored_mut(slot) = stored;
        if let Some(more) = more {
            self.more[slot.0 as usize] = more;
        }
    }

    /// The entry there, as it lies.
    #[inline]
    #[must_use]
    pub fn stored(&self, slot: Slot) -> &E::Stored {
        &self.entries[slot.0 as usize].0
    }

    /// The entry there, as it lies, to change. Its key must stay.
    #[inline]
    pub fn stored_mut(&mut self, slot: Slot) -> &mut E::Stored {
        &mut self.entries[slot.0 as usize].0
    }

    /// What is kept besides of the flow there: all zero until it is written.
    #[inline]
    #[must_use]
    pub fn extra(&self, slot: Slot) -> E::Extra {
        self.beside.get(slot)
    }

    /// Whether anything was written of that.
    #[inline]
    #[must_use]
    pub fn has_extra(&self, slot: Slot) -> bool {
        self.beside.is_written(slot)
    }

    /// What is kept besides of the flow there, to change: it takes memory from now on, and is zero again when the
    /// flow is gone.
    #[inline]
    pub fn extra_mut(&mut self, slot: Slot) -> &mut E::Extra {
        debug_assert!(self.is_taken(slot), "what is kept of no flow would be the next one's");
        self.beside.get_mut(slot)
    }

    /// When the flow there ends.
    #[inline]
    #[must_use]
    pub fn deadline(&self, slot: Slot) -> Tick {
        self.bucket(slot.bucket()).deadline(slot.lane())
    }

    /// Lets the flow there end at `deadline`, less than 2^31 ms away.
    #[inline]
    pub fn set_deadline(&mut self, slot: Slot, deadline: Tick) {
        self.bucket(slot.bucket()).set_deadline(slot.lane(), deadline);
        if !self.due.is_empty() {
            self.due.ends(slot, deadline);
        }
    }

    /// From now on the flow there is removed on time: by the next [`expire_due`](Self::expire_due), whether anybody
    /// meets it or not.
    pub fn watch(&mut self, slot: Slot, now: Tick) {
        debug_assert!(self.is_taken(slot), "there is nobody to watch");
        self.due.add(slot, self.deadline(slot), now);
    }

    /// Removes the watched flows whose deadline is at or before `now`; looks at no more than `budget` of them.
    #[inline]
    pub fn expire_due(&mut self, now: Tick, budget: usize) {
        if !self.due.is_empty() {
            self.expire_watched(now, budget);
        }
    }

    /// What was kept besides of flows that are gone and that somebody must be told of, each once. To be asked after
    /// every call that can remove flows.
    #[inline]
    pub fn departed(&mut self) -> impl Iterator<Item = E::Extra> {
        self.departed.drain(..)
    }

    /// Stores a flow that is not in the table: [`find`](Self::find) has just said so. It ends at `deadline`, after
    /// `now` and less than 2^31 ms away. `hash` must be the hash of its key.
    ///
    /// If its buckets are full, flows whose deadline has come make room; failing that, of the [`CANDIDATES`] flows
    /// there that end soonest, the first that `evictable` gives up.
    ///
    /// # Errors
    /// [`Full`] if there is no such flow; nothing has changed then but the expired flows that are gone.
    pub fn insert(
        &mut self,
        hash: FlowHash,
        entry: E,
        deadline: Tick,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Result<Slot, Full> {
        debug_assert!(self.lookup(hash, entry.key()).is_none(), "a key is stored once");
        let (stored, more) = entry.store();
        let slot = self.insert_stored(hash, Sought::Nowhere, &stored, [deadline, now], evictable)?;
        if let Some(more) = more {
            self.more[slot.0 as usize] = more;
        }
        Ok(slot)
    }

    /// As [`insert`](Self::insert), of an entry as it lies, of which nothing lies elsewhere; `sought` is what was seen of
    /// it before, and the times are when it ends and now.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    #[inline]
    pub fn insert_stored(
        &mut self,
        hash: FlowHash,
        sought: Sought,
        stored: &E::Stored,
        [deadline, now]: [Tick; 2],
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Result<Slot, Full> {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        let known = match sought {
            Sought::Room(slot, choice) => {
                let place = (slot, choice.into());
                self.still_has_room(place, home, fingerprint, now).then_some(place)
            }
            _ => None,
        };
        let place = known.map_or_else(|| self.find_room(home, fingerprint, now, evictable), Ok);
        let (slot, choice) = place?;
        if self.is_taken(slot) {
            self.expire(slot);
        }
        if choice > 0 {
            let (home, class) = (self.bucket(home), fingerprint.class());
            let overflow = home.overflow(class).plus(choice);
            home.set_overflow(class, overflow.expect("places that cannot be counted are not offered"));
        }
        *self.stored_mut(slot) = *stored;
        let bucket = self.bucket(slot.bucket());
        bucket.set_deadline(slot.lane(), deadline);
        bucket.set_tag(slot.lane(), fingerprint.tag(choice));
        self.stats.inserted += 1;
        self.stored_lately.add(hash);
        Ok(slot)
    }

    /// Where a new flow may go after all, and by which choice of bucket.
    #[inline(never)]
    fn find_room(
        &mut self,
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Result<(Slot, u32), Full> {
        let window = self.window_of(home, fingerprint);
        let place = self.place(&window, fingerprint, now);
        let place = place.or_else(|| self.make_room(&window, fingerprint, now, evictable));
        if place.is_none() {
            self.stats.refused += 1;
        }
        place.ok_or(Full)
    }

    /// Removes the flow there, if there is one.
    pub fn remove(&mut self, slot: Slot) {
        if self.is_taken(slot) {
            self.vacate(slot);
            self.stats.removed += 1;
        }
    }

    /// Removes every flow whose deadline is at or before `now`: a scan of the whole table.
    ///
    /// For a clock that jumps by more than 2^30 ms, before anything else is asked at the new time: call it once
    /// with the old time plus 2^30 ms and, if the jump is longer than that twice over, again with the old time
    /// plus 2^31 - 1. No deadline is farther away, so the table is empty then and the length of the jump is free.
    ///
    /// `departed` is told as by [`departed`](Self::departed).
    pub fn purge(&mut self, now: Tick, mut departed: impl FnMut(E::Extra)) {
        for bucket in 0..self.bucket_count() {
            self.reclaim(bucket, now);
            self.departed.drain(..).for_each(&mut departed);
        }
    }

    /// Every flow, in no order, with its deadline; those whose deadline has come and that nobody met since too.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, E, Tick)> {
        (0..self.bucket_count()).flat_map(move |bucket| {
            self.bucket(bucket).vacant().others().map(move |lane| {
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
        size_of_val(&*self.buckets) + size_of_val(&*self.entries)
    }

    /// Where that memory lies, for whoever can ask the system for huge pages: an address and bytes, twice.
    #[must_use]
    pub fn regions(&self) -> [(*const u8, usize); 2] {
        [
            (self.buckets.as_ptr().cast(), size_of_val(&*self.buckets)),
            (self.entries.as_ptr().cast(), size_of_val(&*self.entries)),
        ]
    }

    /// What has happened since the start.
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.stats
    }
}

// Inside; where a new flow goes, and how a slot is emptied, is in `room`.
impl<E: Entry> Table<E> {
    #[inline]
    fn lookup(&self, hash: FlowHash, key: &FlowKey) -> Option<Slot> {
        self.lookup_where(hash, |slot| self.is_named(slot, key))
    }

    #[inline]
    fn lookup_where(&self, hash: FlowHash, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        if let Some(slot) = self.lookup_in(home, fingerprint.tag(0), &is_it) {
            return Some(slot);
        }
        let overflow = self.bucket(home).overflow(fingerprint.class());
        displaced(overflow).find_map(|choice| {
            let bucket = fingerprint.across(home, choice, self.bucket_count());
            self.lookup_in(bucket, fingerprint.tag(choice), &is_it)
        })
    }

    #[inline]
    fn lookup_in(&self, bucket: u32, tag: u16, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let mut slots = self.bucket(bucket).tags().matching(tag).map(|lane| Slot::new(bucket, lane));
        slots.find(|&slot| is_it(slot))
    }

    /// Asks for the buckets where a new flow goes that has no room at home.
    fn prefetch_alternates(&self, home: u32, fingerprint: Fingerprint) {
        for choice in 1..CHOICES {
            prefetch(self.bucket(fingerprint.across(home, choice, self.bucket_count())));
        }
    }

    #[inline]
    fn is_named(&self, slot: Slot, key: &FlowKey) -> bool {
        E::is_named(self.stored(slot), &self.more[slot.0 as usize], key)
    }

    #[cold]
    fn expire_watched(&mut self, now: Tick, budget: usize) {
        for _ in 0..budget {
            let Some(slot) = self.due.next(now) else { return };
            let deadline = self.deadline(slot);
            if deadline.is_at_or_before(now) {
                self.expire(slot);
            } else {
                self.due.put_off(deadline);
            }
        }
    }

    /// For the hand-over of ageing: asks for the bucket.
    pub(super) fn prefetch_bucket(&self, bucket: u32) {
        prefetch(self.bucket(bucket));
    }

    /// For the hand-over of ageing, which only reads them.
    pub(super) const fn buckets(&self) -> &Arc<[Bucket]> {
        &self.buckets
    }

    fn is_taken(&self, slot: Slot) -> bool {
        self.bucket(slot.bucket()).tags().tag(slot.lane()) != 0
    }

    #[inline]
    fn bucket(&self, bucket: u32) -> &Bucket {
        &self.buckets[bucket as usize]
    }

    #[inline]
    fn bucket_count(&self) -> u32 {
        self.buckets.len() as u32
    }
}

impl Slot {
    #[inline]
    pub(super) const fn new(bucket: u32, lane: usize) -> Self {
        Self(bucket * LANES as u32 + lane as u32)
    }

    #[inline]
    const fn bucket(self) -> u32 {
        self.0 / LANES as u32
    }

    #[inline]
    const fn lane(self) -> usize {
        self.0 as usize % LANES
    }
}

/// An entry at the start of a cache line, so that it takes no more of them than it must.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Aligned<E>(E);

/// The choices of bucket, other than home, that hold flows so counted.
#[inline]
fn displaced(overflow: Overflow) -> impl Iterator<Item = u32> {
    let choices = if overflow.is_none() { 1..1 } else { 1..CHOICES };
    choices.filter(move |&choice| overflow.count(choice) > 0)
}

/// Room for flows that are gone and that nobody was told of yet: more than any one call removes.
const DEPARTED: usize = 1024;

#[cfg(test)]
pub(super) mod tests;
