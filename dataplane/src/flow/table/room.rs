//! Where does a new flow go, and who makes room for it?
//!
//! Home while two slots are empty there; else the first of its three other buckets in which four are, or the emptiest
//! of all; else the place of the flow that ends soonest and may go. A slot whose flow's deadline has come counts as
//! empty, and is taken before one that is: in a flood each flow takes the place of one before it, and ageing finds
//! little to do.

use super::{Entry, Slot, Table};
use crate::flow::group::{self, Ends, LANES, Lanes, Tags};
use crate::flow::hash::{CHOICES, Fingerprint};
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// A slot for a new flow in one of these buckets, and by which choice. If there is a flow, it may be over. If there is
    /// none: whether flows seem to be over.
    #[inline]
    pub(super) fn place(
        &self,
        window: &Window,
        fingerprint: Fingerprint,
        now: Tick,
    ) -> Result<(Slot, u32), bool> {
        let (mut most, mut best, mut are_over) = (0, None, false);
        for (choice, &bucket) in (0..).zip(window) {
            let room = self.room(bucket, self.bucket(bucket).tags(), now);
            let slots = room.len();
            are_over |= room.over.are_any();
            if slots > most && self.can_count(window[0], choice) {
                best = room.first().map(|lane| (Slot::new(bucket, lane), choice));
                most = slots;
                if slots >= if choice == 0 { AT_HOME } else { AWAY } {
                    break;
                }
            }
        }
        debug_assert!(best.is_none_or(|(slot, choice)| self.is_of(window[0], fingerprint, choice, slot)));
        best.ok_or(are_over)
    }

    /// A slot that is empty in one of these buckets, or whose flow is over; if there is none, whether flows are that cannot
    /// be counted. What seems over and is not is found out on the way: once for each time that its deadline is put off.
    pub(super) fn place_of_none(
        &mut self,
        window: &Window,
        fingerprint: Fingerprint,
        now: Tick,
    ) -> Result<(Slot, u32), bool> {
        loop {
            let (slot, choice) = self.place(window, fingerprint, now)?;
            if self.is_free(slot, now) {
                return Ok((slot, choice));
            }
            self.reclaim(slot.bucket(), now);
        }
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
        debug_assert!(self.is_of(home, fingerprint, choice, slot));
        self.is_free(slot, now) && self.can_count(home, choice)
    }

    /// Asks for what a new flow in this slot would write to.
    #[inline]
    pub(super) fn prefetch_place(&self, slot: Slot) {
        prefetch(self.stored(slot));
        let (fingerprint, choice) = Fingerprint::of_tag(self.bucket(slot.bucket()).tag(slot.lane()));
        if choice > 0 {
            // the one that is over is counted at its home
            prefetch(self.bucket(fingerprint.across(slot.bucket(), choice, self.bucket_count())));
        }
    }

    /// A slot in a window without room, or whose room cannot be counted as long as there are flows in it whose deadline
    /// has come.
    #[inline(never)]
    pub(super) fn make_room(
        &mut self,
        window: &Window,
        fingerprint: Fingerprint,
        (now, are_over): (Tick, bool),
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let reclaimed =
            if are_over { window.iter().map(|&bucket| self.reclaim(bucket, now)).sum() } else { 0_u32 };
        let place = if reclaimed > 0 { self.place(window, fingerprint, now).ok() } else { None };
        place.or_else(|| self.evict(window, now, evictable))
    }

    /// The buckets of a flow, by choice.
    #[inline]
    pub(super) fn window_of(&self, home: u32, fingerprint: Fingerprint) -> Window {
        std::array::from_fn(|choice| fingerprint.across(home, choice as u32, self.bucket_count()))
    }

    /// The slot that a new flow would take in this bucket, which has these tags, if it has room to spare.
    #[inline]
    pub(super) fn slot_to_spare(&self, bucket: u32, tags: Tags, now: Tick) -> Option<Slot> {
        let room = self.room(bucket, tags, now);
        if room.len() >= AT_HOME { room.first().map(|lane| Slot::new(bucket, lane)) } else { None }
    }

    /// A slot made empty by dropping, of the flows in a window without room, one that may go: the first of those that end
    /// soonest. What ends later than it seemed is put behind the others; who may not go is not asked again.
    fn evict(
        &mut self,
        window: &Window,
        now: Tick,
        evictable: impl Fn(&E::Stored) -> bool,
    ) -> Option<(Slot, u32)> {
        let latest = now.after(u32::MAX);
        let mut ends = self.ends(window, latest);
        let (mut asked, mut goes, mut least) = (0, None, None::<(u32, Slot, u32)>);
        for _ in 0..CANDIDATES + PUT_OFF {
            let (choice, lane) = group::soonest(&ends, now);
            let (slot, seems) = (Slot::new(window[choice], lane), Tick(ends[choice].0[lane]));
            if seems == latest {
                break;
            }
            let is_kept = self.is_taken(slot) && !evictable(self.stored(slot));
            if is_kept {
                self.earliest(slot.bucket()).keep(lane);
            }
            let end = if self.is_taken(slot) { self.deadline(slot) } else { latest };
            let may_go = end != latest && !is_kept && self.can_count(window[0], choice as u32);
            ends[choice].0[lane] = if may_go { end.0 } else { latest.0 };
            if may_go && end == seems {
                goes = Some((slot, choice as u32));
                break;
            }
            let left = end.since(now);
            if may_go && least.is_none_or(|(least, ..)| left < least) {
                least = Some((left, slot, choice as u32));
            }
            if end != latest {
                self.earliest(slot.bucket()).set(lane, end);
            }
            // what was put off since somebody looked last says nothing of those behind it
            asked += usize::from(end == seems || end == latest);
            if asked == CANDIDATES {
                break;
            }
        }
        let (slot, choice) = goes.or_else(|| least.map(|(_, slot, choice)| (slot, choice)))?;
        self.vacate(slot);
        self.stats.evicted += 1;
        Some((slot, choice))
    }

    /// Asks for what is read and written if the flow of a window that ends soonest goes.
    pub(super) fn prefetch_soonest(&self, window: &Window, now: Tick) {
        let (choice, lane) = group::soonest(&self.ends(window, now.after(u32::MAX)), now);
        self.prefetch_place(Slot::new(window[choice], lane));
    }

    /// When the flows of a window end at the earliest: `latest` those that are known to be kept.
    #[inline]
    fn ends(&self, window: &Window, latest: Tick) -> [Ends; CHOICES as usize] {
        window.map(|bucket| self.earliest(bucket).ends().with_kept_at(latest))
    }

    /// Drops the flows of a bucket whose deadline has come; says how many.
    pub(in crate::flow) fn reclaim(&mut self, bucket: u32, now: Tick) -> u32 {
        let mut gone = 0;
        for lane in self.room(bucket, self.bucket(bucket).tags(), now).over {
            let slot = Slot::new(bucket, lane);
            let end = self.deadline(slot);
            if end.is_at_or_before(now) {
                self.expire(slot);
                gone += 1;
            } else {
                self.earliest(bucket).set(lane, end);
            }
        }
        gone
    }

    /// For the hand-over of ageing: asks for the entries that [`reclaim`](Self::reclaim) looks at.
    pub(in crate::flow) fn prefetch_over(&self, bucket: u32, now: Tick) {
        for lane in self.room(bucket, self.bucket(bucket).tags(), now).over {
            prefetch(self.stored(Slot::new(bucket, lane)));
        }
    }

    /// For the hand-over of ageing: asks for the bucket.
    pub(in crate::flow) fn prefetch_bucket(&self, bucket: u32) {
        prefetch(self.bucket(bucket));
        prefetch(self.earliest(bucket));
    }

    pub(super) fn expire(&mut self, slot: Slot) {
        self.vacate(slot);
        self.stats.expired += 1;
    }

    /// Empties a slot that is taken.
    #[inline]
    pub(super) fn vacate(&mut self, slot: Slot) {
        let bucket = self.bucket(slot.bucket());
        let (fingerprint, choice) = Fingerprint::of_tag(bucket.tag(slot.lane()));
        if choice > 0 {
            let home = self.bucket(fingerprint.across(slot.bucket(), choice, self.bucket_count()));
            home.set_overflow(home.tags().overflow().minus(choice));
        }
        bucket.set_tag(slot.lane(), 0);
        self.emptied_lately = true;
        if !self.due.is_empty() {
            self.due.remove(slot);
        }
        if let Some(extra) = self.beside.take(slot).filter(E::is_missed) {
            debug_assert!(self.departed.len() < self.departed.capacity(), "nobody asked who is gone");
            self.departed.push(extra);
        }
    }

    #[inline]
    fn room(&self, bucket: u32, tags: Tags, now: Tick) -> Room {
        let vacant = tags.vacant();
        Room { over: self.earliest(bucket).ends().past(now).and(vacant.others()), vacant }
    }

    /// Whether there is no flow, or one whose deadline has come.
    #[inline]
    fn is_free(&self, slot: Slot, now: Tick) -> bool {
        !self.is_taken(slot) || self.deadline(slot).is_at_or_before(now)
    }

    #[inline]
    fn can_count(&self, home: u32, choice: u32) -> bool {
        choice == 0 || self.bucket(home).tags().overflow().plus(choice).is_some()
    }

    fn is_of(&self, home: u32, fingerprint: Fingerprint, choice: u32, slot: Slot) -> bool {
        fingerprint.across(home, choice, self.bucket_count()) == slot.bucket() && slot.lane() < LANES
    }
}

/// The buckets of a flow, by choice: home is the first.
pub(super) type Window = [u32; CHOICES as usize];

/// Where a bucket has room for a new flow.
#[derive(Debug, Clone, Copy)]
struct Room {
    /// Lanes of flows that are over, as it seems.
    over: Lanes,
    /// Lanes without a flow.
    vacant: Lanes,
}

impl Room {
    #[inline]
    fn len(self) -> u32 {
        self.over.or(self.vacant).len()
    }

    /// The lane to take first: whose flow is over, so that nobody else has to remove it.
    #[inline]
    fn first(self) -> Option<usize> {
        if self.over.are_any() { self.over.first() } else { self.vacant.first() }
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
/// How many besides that end later than it seemed, of those that seem to end soonest: each is found out once for each time
/// that its deadline is put off. A table that is full of connections that stand has many of them.
const PUT_OFF: usize = 24;
