//! Is there a flow with this key, and what must be in the cache before it is asked for? Stages of a burst: the tags of all
//! homes, then entries, then what is away from home.

use super::lately::Lately;
use super::{Entry, Slot, Sought, Table};
use crate::flow::FlowKey;
use crate::flow::bucket::Overflow;
use crate::flow::hash::{CHOICES, Fingerprint, FlowHash};
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// A burst begins: what [`seek`](Self::seek) said of flows before holds no longer.
    #[inline]
    pub fn begin(&mut self) {
        self.stored_lately = Lately::default();
        self.is_full_lately =
            std::mem::replace(&mut self.evicted_before, self.stats.evicted) != self.stats.evicted;
        self.emptied_lately = false;
    }

    /// Stage one of a burst: asks for the home bucket.
    #[inline]
    pub fn prefetch(&self, hash: FlowHash) {
        prefetch(self.bucket(hash.home(self.bucket_count())));
    }

    /// Stage one for a packet that may open a flow: asks for what [`seek`](Self::seek) reads besides to find room.
    #[inline]
    pub fn prefetch_room(&self, hash: FlowHash) {
        prefetch(self.earliest(hash.home(self.bucket_count())));
    }

    /// Stage two, when the home bucket has arrived: asks for the entry. `false` if the flow may live away from home: then
    /// it asks for those buckets, and
    /// [`prefetch_displaced`](Self::prefetch_displaced) for the entry.
    #[inline]
    pub fn prefetch_entry(&self, hash: FlowHash) -> bool {
        self.seek(hash, || None) != Sought::Away
    }

    /// As [`prefetch_entry`](Self::prefetch_entry), and says what it saw. For a packet that may open a flow, at the time
    /// given, it asks, where home is full, for the other buckets.
    #[inline(always)]
    pub fn seek(&self, hash: FlowHash, opens_at: impl FnOnce() -> Option<Tick>) -> Sought {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        let tags = self.bucket(home).tags();
        if let Some(lane) = tags.matching(fingerprint.tag(0)).first() {
            let slot = Slot::new(home, lane);
            prefetch(self.stored(slot));
            return Sought::At(slot);
        }
        self.seek_room(home, fingerprint, opens_at())
    }

    /// As [`seek`](Self::seek), where home does not have the tag.
    #[inline(never)]
    fn seek_room(&self, home: u32, fingerprint: Fingerprint, opens_at: Option<Tick>) -> Sought {
        let tags = self.bucket(home).tags();
        let overflow = tags.overflow();
        let room = opens_at.map(|now| self.slot_to_spare(home, tags, now));
        if room == Some(None) {
            self.prefetch_alternates(home, fingerprint);
            return if overflow.is_none() { Sought::Crowded } else { Sought::Away };
        }
        if overflow.is_none() {
            let Some(slot) = room.flatten() else { return Sought::Nowhere };
            self.prefetch_place(slot);
            return Sought::Room(slot, 0);
        }
        for choice in displaced(overflow) {
            prefetch(self.bucket(fingerprint.across(home, choice, self.bucket_count())));
        }
        Sought::Away
    }

    /// Stage three, for those away from home and the crowded, of which [`seek`](Self::seek) has just said so: asks for the
    /// entry, or, for a packet that may open a flow, at the time given, for the slot of a new one, and says what it saw.
    pub fn prefetch_displaced(&self, hash: FlowHash, opens_at: Option<Tick>) -> Sought {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        for choice in displaced(self.bucket(home).tags().overflow()) {
            let bucket = fingerprint.across(home, choice, self.bucket_count());
            if let Some(lane) = self.bucket(bucket).tags().matching(fingerprint.tag(choice)).first() {
                let slot = Slot::new(bucket, lane);
                prefetch(self.stored(slot));
                return Sought::At(slot);
            }
        }
        let Some(now) = opens_at else { return Sought::Nowhere };
        let window = self.window_of(home, fingerprint);
        let Ok((slot, choice)) = self.place(&window, fingerprint, now) else {
            self.prefetch_soonest(&window, now);
            return Sought::Crowded;
        };
        if self.is_full_lately {
            // what seems over may well be found to live on, and then the next is looked at
            window.iter().for_each(|&bucket| self.prefetch_over(bucket, now));
            self.prefetch_soonest(&window, now);
        }
        self.prefetch_place(slot);
        Sought::Room(slot, choice as u8)
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
            let tag = || self.bucket(slot.bucket()).tag(slot.lane());
            let is_there = !self.emptied_lately || hash.fingerprint().is_of(tag());
            if is_there && is_it(self.stored(slot)) {
                return Some((slot, self.deadline(slot)));
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

    #[inline]
    pub(super) fn lookup(&self, hash: FlowHash, key: &FlowKey) -> Option<Slot> {
        self.lookup_where(hash, |slot| self.is_named(slot, key))
    }

    #[inline]
    fn lookup_where(&self, hash: FlowHash, is_it: impl Fn(Slot) -> bool) -> Option<Slot> {
        let (home, fingerprint) = (hash.home(self.bucket_count()), hash.fingerprint());
        if let Some(slot) = self.lookup_in(home, fingerprint.tag(0), &is_it) {
            return Some(slot);
        }
        displaced(self.bucket(home).tags().overflow()).find_map(|choice| {
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
            let bucket = fingerprint.across(home, choice, self.bucket_count());
            prefetch(self.bucket(bucket));
            prefetch(self.earliest(bucket));
        }
    }

    #[inline]
    pub(super) fn is_named(&self, slot: Slot, key: &FlowKey) -> bool {
        E::is_named(self.stored(slot), &self.more[slot.index()], key)
    }
}

/// The choices of bucket, other than home, that hold flows so counted.
#[inline]
fn displaced(overflow: Overflow) -> impl Iterator<Item = u32> {
    let choices = if overflow.is_none() { 1..1 } else { 1..CHOICES };
    choices.filter(move |&choice| overflow.count(choice) > 0)
}
