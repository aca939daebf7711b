//! Where does a new flow go, and who makes room for it?
//!
//! Home while two slots are empty there; else the first of its three other buckets in which four are, or the emptiest
//! of all; else the place of the flow that ends soonest and may go. A slot whose flow's deadline has come counts as
//! empty, and is taken before one that is: in a flood each flow takes the place of one before it, and ageing finds
//! little to do.

use super::{Entry, Slot, Table};
use crate::flow::bucket::Bucket;
use crate::flow::group::{self, LANES, Lanes};
use crate::flow::hash::{CHOICES, Fingerprint};
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// A slot for a new flow in one of these buckets, and by which choice. If there is a flow, it is over.
    #[inline]
    pub(super) fn place(&self, window: &Window, fingerprint: Fingerprint, now: Tick) -> Option<(Slot, u32)> {
        let (mut most, mut best) = (0, None);
        for (choice, &bucket) in (0..).zip(window) {
            let room = Room::of(self.bucket(bucket), now);
            let slots = room.len();
            if slots > most && self.can_count(window[0], fingerprint, choice) {
                best = room.first().map(|lane| (Slot::new(bucket, lane), choice));
                if slots >= if choice == 0 { AT_HOME } else { AWAY } {
                    return best;
                }
                most = slots;
            }
        }
        best
    }

    /// Whether a new flow may still go where there was room for it before, by this choice of bucket.
    #[inline]
    pub(super) fn still_has_room(
        &self,
        (slot, choice): (Slot, u32),
        home: u32,
        fingerprint: Fingerprint,
        now: Tick,
    ) -> bool {
        debug_assert_eq!(fingerprint.across(home, choice, self.bucket_count()), slot.bucket());
        (!self.is_taken(slot) || self.deadline(slot).is_at_or_before(now))
            && self.can_count(home, fingerprint, choice)
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
        window: &Window,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let reclaimed: u32 = window.iter().map(|&bucket| self.reclaim(bucket, now)).sum();
        let place = if reclaimed > 0 { self.place(window, fingerprint, now) } else { None };
        place.or_else(|| self.evict(window, fingerprint, now, evictable))
    }

    /// The buckets of a flow, by choice.
    #[inline]
    pub(super) fn window_of(&self, home: u32, fingerprint: Fingerprint) -> Window {
        std::array::from_fn(|choice| fingerprint.across(home, choice as u32, self.bucket_count()))
    }

    /// The slot that a new flow would take in this bucket, if it has room to spare.
    #[inline]
    pub(super) fn slot_to_spare(&self, bucket: u32, now: Tick) -> Option<Slot> {
        let room = Room::of(self.bucket(bucket), now);
        if room.is_to_spare() { room.first().map(|lane| Slot::new(bucket, lane)) } else { None }
    }

    /// A slot made empty by dropping, of the flows in a window without room, one that may go.
    fn evict(
        &mut self,
        window: &Window,
        fingerprint: Fingerprint,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let may_go = |(slot, choice): &(Slot, u32)| {
            self.is_taken(*slot)
                && self.can_count(window[0], fingerprint, *choice)
                && evictable(self.stored(*slot))
        };
        let soonest = self.soonest(window, now);
        let goes = if may_go(&soonest) {
            Some(soonest)
        } else {
            let mut ends = self.ends(window, now);
            ends.sort_unstable_by_key(|&(left, ..)| left);
            ends[1..CANDIDATES].iter().map(|&(_, slot, choice)| (slot, choice)).find(may_go)
        };
        let (slot, choice) = goes?;
        self.vacate(slot);
        self.stats.evicted += 1;
        Some((slot, choice))
    }

    /// Of a window, the slot whose deadline comes soonest, and its choice of bucket.
    fn soonest(&self, window: &Window, now: Tick) -> (Slot, u32) {
        let at = group::soonest(&window.map(|bucket| self.bucket(bucket).deadlines()), now);
        (Slot::new(window[at / LANES % window.len()], at % LANES), (at / LANES) as u32)
    }

    /// Asks for what is read and written if the flow of a window that ends soonest goes.
    pub(super) fn prefetch_soonest(&self, window: &Window, now: Tick) {
        let (slot, _) = self.soonest(window, now);
        self.prefetch_place(slot);
    }

    /// What time the flows of a window have left, their slots, and by which choice they are in it.
    fn ends(&self, window: &Window, now: Tick) -> [End; CHOICES as usize * LANES] {
        std::array::from_fn(|at| {
            let (choice, lane) = (at / LANES, at % LANES);
            let slot = Slot::new(window[choice], lane);
            (self.deadline(slot).since(now), slot, choice as u32)
        })
    }

    /// Drops the flows of a bucket whose deadline has come; says how many.
    pub(in crate::flow) fn reclaim(&mut self, bucket: u32, now: Tick) -> u32 {
        let stale = Room::of(self.bucket(bucket), now).stale;
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

/// The buckets of a flow, by choice: home is the first.
pub(super) type Window = [u32; CHOICES as usize];

/// What time a flow has left, its slot, and the choice of that bucket.
type End = (u32, Slot, u32);

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
        let vacant = bucket.vacant();
        Self { stale: bucket.deadlines().ended(now).and(vacant.others()), vacant }
    }

    #[inline]
    const fn len(self) -> u32 {
        self.stale.or(self.vacant).len()
    }

    /// Whether a flow may go here, if this is home, though others of its buckets may have more.
    #[inline]
    const fn is_to_spare(self) -> bool {
        self.stale.or(self.vacant).are_several()
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

/// Slots empty at home with which a flow goes there, whatever room others of its buckets have: it leaves one, so that the
/// table fills evenly. More would send more flows away from home.
const AT_HOME: u32 = 2;
/// Likewise in another of its buckets, which nobody has to leave: with less the emptiest is looked for, as a table whose
/// buckets fill unevenly turns flows away before it is full.
const AWAY: u32 = 4;

/// How many flows, those that end soonest, are asked whether they may be evicted: each is a cache line that
/// whoever fills the table makes the worker read.
pub const CANDIDATES: usize = 8;
