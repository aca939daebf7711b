//! Where does a new flow go, and who makes room for it?
//!
//! Home while two slots are empty there; else the emptiest of its four buckets, those freed first whose deadline
//! has come; else the place of the flow that ends soonest and may go.

use super::{Entry, Slot, Table};
use crate::flow::group::LANES;
use crate::flow::hash::{CHOICES, Fingerprint};
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// An empty slot for a new flow, and by which choice of bucket: home while it has room to spare, else the
    /// emptiest.
    pub(super) fn vacancy(&mut self, home: u32, fingerprint: Fingerprint, now: Tick) -> Option<(Slot, u32)> {
        if self.bucket(home).vacant().len() <= SPARE {
            self.reclaim(home, now);
        }
        if self.bucket(home).vacant().len() > SPARE {
            return self.first_vacant(home).map(|slot| (slot, 0));
        }
        let window: [u32; CHOICES as usize] =
            std::array::from_fn(|choice| fingerprint.across(home, choice as u32, self.bucket_count()));
        for &bucket in &window[1..] {
            prefetch(self.bucket(bucket));
        }
        for &bucket in &window[1..] {
            self.reclaim(bucket, now);
        }
        let mut best = (0, None);
        for (choice, &bucket) in (0..).zip(&window) {
            let room = self.bucket(bucket).vacant().len();
            if room > best.0 && self.can_count(home, fingerprint, choice) {
                best = (room, self.first_vacant(bucket).map(|slot| (slot, choice)));
            }
        }
        best.1
    }

    /// A slot made empty by dropping, of the flows in a window without room, one that may go.
    #[cold]
    pub(super) fn evict(
        &mut self,
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let mut window: [(u32, Slot, u32); CHOICES as usize * LANES] = std::array::from_fn(|at| {
            let (choice, lane) = ((at / LANES) as u32, at % LANES);
            let slot = Slot::new(fingerprint.across(home, choice, self.bucket_count()), lane);
            (self.deadline(slot).since(now), slot, choice)
        });
        window.sort_unstable_by_key(|&(left, ..)| left);
        let candidates = &window[..CANDIDATES];
        for &(_, slot, _) in candidates {
            prefetch(self.stored(slot));
        }
        let &(_, slot, choice) = candidates.iter().find(|&&(_, slot, choice)| {
            self.is_taken(slot) && self.can_count(home, fingerprint, choice) && evictable(self.stored(slot))
        })?;
        self.vacate(slot);
        self.stats.evicted += 1;
        Some((slot, choice))
    }

    /// Drops the flows of a bucket whose deadline has come.
    pub(super) fn reclaim(&mut self, bucket: u32, now: Tick) {
        for lane in self.bucket(bucket).vacant().others() {
            if self.bucket(bucket).deadline(lane).is_at_or_before(now) {
                self.expire(Slot::new(bucket, lane));
            }
        }
    }

    pub(super) fn expire(&mut self, slot: Slot) {
        self.vacate(slot);
        self.stats.expired += 1;
    }

    /// Empties a slot that is taken.
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

    fn first_vacant(&self, bucket: u32) -> Option<Slot> {
        self.bucket(bucket).vacant().first().map(|lane| Slot::new(bucket, lane))
    }

    fn can_count(&self, home: u32, fingerprint: Fingerprint, choice: u32) -> bool {
        choice == 0 || self.bucket(home).overflow(fingerprint.class()).plus(choice).is_some()
    }
}

/// How many flows, those that end soonest, are asked whether they may be evicted: each is a cache line that
/// whoever fills the table makes the worker read.
pub const CANDIDATES: usize = 8;

/// Slots of its home bucket that a flow leaves empty as long as another of its buckets has more of them. One makes
/// the table fill evenly; each more would send more flows away from home.
pub(super) const SPARE: u32 = 1;
