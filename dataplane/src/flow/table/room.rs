//! Where does a new flow go, and who makes room for it?
//!
//! Home while two slots are empty there; else the emptiest of its four buckets; else the place of the flow that ends
//! soonest and may go. A slot whose flow's deadline has come counts as empty, and is taken before one that is: in a flood
//! each flow takes the place of one before it, and ageing finds little to do.

use super::{Entry, Slot, Table};
use crate::flow::bucket::Bucket;
use crate::flow::group::{LANES, Lanes};
use crate::flow::hash::{CHOICES, Fingerprint};
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// A slot for a new flow, and by which choice of bucket: home while it has room to spare, else the emptiest. If there
    /// is a flow, it is over.
    #[inline]
    pub(super) fn place(&self, home: u32, fingerprint: Fingerprint, now: Tick) -> Option<(Slot, u32)> {
        match self.slot_to_spare(home, now) {
            Some(slot) => Some((slot, 0)),
            None => self.emptiest(home, fingerprint, now),
        }
    }

    fn emptiest(&self, home: u32, fingerprint: Fingerprint, now: Tick) -> Option<(Slot, u32)> {
        let (mut most, mut best) = (0, None);
        for choice in 0..CHOICES {
            let bucket = fingerprint.across(home, choice, self.bucket_count());
            let room = Room::of(self.bucket(bucket), now);
            if room.len() > most && self.can_count(home, fingerprint, choice) {
                most = room.len();
                best = room.first().map(|lane| (Slot::new(bucket, lane), choice));
            }
        }
        best
    }

    /// A slot in which there was room for a new flow before, and its choice of bucket, if it may still go there.
    #[inline]
    pub(super) fn still_has_room(
        &self,
        slot: Slot,
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
    ) -> Option<(Slot, u32)> {
        let is_there = |&choice: &u32| fingerprint.across(home, choice, self.bucket_count()) == slot.bucket();
        let choice = (0..CHOICES).find(is_there)?;
        let has_room = !self.is_taken(slot) || self.deadline(slot).is_at_or_before(now);
        (has_room && self.can_count(home, fingerprint, choice)).then_some((slot, choice))
    }

    /// Asks for what a new flow in this slot would write to.
    #[inline]
    pub(super) fn prefetch_place(&self, slot: Slot) {
        prefetch(self.stored(slot));
        let (fingerprint, choice) = Fingerprint::of_tag(self.bucket(slot.bucket()).tags().tag(slot.lane()));
        if choice > 0 {
            // the one that is over is counted at its home
            prefetch(self.bucket(fingerprint.across(slot.bucket(), choice, self.bucket_count())));
        }
    }

    /// A slot in a window without room, or whose room cannot be counted as long as there are flows in it whose deadline
    /// has come.
    #[cold]
    pub(super) fn make_room(
        &mut self,
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let window = self.window_of(home, fingerprint);
        let reclaimed: u32 = window.iter().map(|&bucket| self.reclaim(bucket, now)).sum();
        let place = if reclaimed > 0 { self.place(home, fingerprint, now) } else { None };
        place.or_else(|| self.evict(home, fingerprint, now, evictable))
    }

    /// The buckets of a flow, by choice.
    fn window_of(&self, home: u32, fingerprint: Fingerprint) -> [u32; CHOICES as usize] {
        std::array::from_fn(|choice| fingerprint.across(home, choice as u32, self.bucket_count()))
    }

    /// The slot that a new flow would take in this bucket, if it has room to spare.
    #[inline]
    pub(super) fn slot_to_spare(&self, bucket: u32, now: Tick) -> Option<Slot> {
        let room = Room::of(self.bucket(bucket), now);
        if room.len() > SPARE { room.first().map(|lane| Slot::new(bucket, lane)) } else { None }
    }

    /// A slot made empty by dropping, of the flows in a window without room, one that may go.
    fn evict(
        &mut self,
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let mut ends = self.ends(home, fingerprint, now);
        for _ in 0..CANDIDATES {
            let soonest = soonest(&mut ends);
            let (_, slot, choice) = *soonest;
            if self.is_taken(slot)
                && self.can_count(home, fingerprint, choice)
                && evictable(self.stored(slot))
            {
                self.vacate(slot);
                self.stats.evicted += 1;
                return Some((slot, choice));
            }
            soonest.0 = u32::MAX;
        }
        None
    }

    /// Asks for what is read and written if the flow of a window that ends soonest goes.
    pub(super) fn prefetch_soonest(&self, home: u32, fingerprint: Fingerprint, now: Tick) {
        let (_, slot, _) = *soonest(&mut self.ends(home, fingerprint, now));
        self.prefetch_place(slot);
    }

    /// What time the flows of a window have left, their slots, and by which choice they are in it.
    fn ends(&self, home: u32, fingerprint: Fingerprint, now: Tick) -> [End; CHOICES as usize * LANES] {
        let window = self.window_of(home, fingerprint);
        std::array::from_fn(|at| {
            let (choice, lane) = (at / LANES, at % LANES);
            let slot = Slot::new(window[choice], lane);
            (self.deadline(slot).since(now), slot, choice as u32)
        })
    }

    /// Drops the flows of a bucket whose deadline has come; says how many.
    pub(in crate::flow) fn reclaim(&mut self, bucket: u32, now: Tick) -> u32 {
        let stale = self.bucket(bucket).stale(now);
        for lane in stale {
            self.expire(Slot::new(bucket, lane));
        }
        stale.len()
    }

    pub(super) fn expire(&mut self, slot: Slot) {
        self.vacate(slot);
        self.stats.expired += 1;
    }

    /// Empties a slot that is taken.
    #[inline]
    pub(super) fn vacate(&mut self, slot: Slot) {
        let bucket = self.bucket(slot.bucket());
        let (fingerprint, choice) = Fingerprint::of_tag(bucket.tags().tag(slot.lane()));
        if choice > 0 {
            let home = self.bucket(fingerprint.across(slot.bucket(), choice, self.bucket_count()));
            home.set_overflow(fingerprint.class(), home.overflow(fingerprint.class()).minus(choice));
        }
        bucket.set_tag(slot.lane(), 0);
        if !self.due.is_empty() {
            self.due.remove(slot);
        }
        if let Some(extra) = self.beside.take(slot).filter(E::is_missed) {
            debug_assert!(self.departed.len() < self.departed.capacity(), "nobody asked who is gone");
            self.departed.push(extra);
        }
    }

    #[inline]
    fn can_count(&self, home: u32, fingerprint: Fingerprint, choice: u32) -> bool {
        choice == 0 || self.bucket(home).overflow(fingerprint.class()).plus(choice).is_some()
    }
}

/// What time a flow has left, its slot, and the choice of that bucket.
type End = (u32, Slot, u32);

/// The flow that ends soonest.
fn soonest(ends: &mut [End; CHOICES as usize * LANES]) -> &mut End {
    let mut soonest = 0;
    for at in 1..ends.len() {
        if ends[at].0 < ends[soonest].0 {
            soonest = at;
        }
    }
    &mut ends[soonest]
}

/// Where a bucket has room for a new flow.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Lanes of flows whose deadline has come.
    stale: Lanes,
    /// Lanes without a flow.
    vacant: Lanes,
}

impl Room {
    #[inline]
    fn of(bucket: &Bucket, now: Tick) -> Self {
        Self { stale: bucket.stale(now), vacant: bucket.vacant() }
    }

    #[inline]
    const fn len(self) -> u32 {
        self.stale.or(self.vacant).len()
    }

    /// The lane to take first: whose flow is over, so that nobody else has to remove it.
    #[inline]
    const fn first(self) -> Option<usize> {
        match self.stale.first() {
            None => self.vacant.first(),
            stale => stale,
        }
    }
}

/// How many flows, those that end soonest, are asked whether they may be evicted: each is a cache line that
/// whoever fills the table makes the worker read.
pub const CANDIDATES: usize = 8;

/// Slots of its home bucket that a flow leaves empty as long as another of its buckets has more of them. One makes
/// the table fill evenly; each more would send more flows away from home.
pub(super) const SPARE: u32 = 1;
