//! How does a flow come into the table, and how does it go?

use super::{Entry, Full, Held, Slot, Sought, Table};
use crate::flow::hash::{Fingerprint, FlowHash};
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// Stores a flow that is not in the table: [`find`](Self::find) has just said so. It ends at `deadline`, after
    /// `now` and less than 2^31 ms away. `hash` must be the hash of its key.
    ///
    /// If its buckets are full, flows whose deadline has come make room; failing that, of the [`CANDIDATES`] flows
    /// there that end soonest, the first that `evictable` gives up. Whom it does not, it never may: that is remembered.
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
            self.more[slot.index()] = more;
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
            let home = self.bucket(home);
            let overflow = home.tags().overflow().plus(choice);
            home.set_overflow(overflow.expect("places that cannot be counted are not offered"));
        }
        self.entries[slot.index()] = Held { stored: *stored, end: deadline };
        self.earliest(slot.bucket()).begin(slot.lane(), deadline);
        self.bucket(slot.bucket()).set_tag(slot.lane(), fingerprint.tag(choice));
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
        let place = self
            .place_of_none(&window, fingerprint, now)
            .or_else(|are_over| self.make_room(&window, fingerprint, (now, are_over), evictable).ok_or(Full));
        if place.is_err() {
            self.stats.refused += 1;
        }
        place
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
}
