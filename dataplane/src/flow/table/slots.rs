//! What is there of a flow, once its slot is known?

use super::{Entry, Slot, Table};
use crate::flow::FlowKey;
use crate::flow::prefetch::prefetch;
use crate::time::Tick;

impl<E: Entry> Table<E> {
    /// Asks for what of the entry there does not fit it.
    #[inline]
    pub fn prefetch_more(&self, slot: Slot) {
        prefetch(&self.more[slot.index()]);
    }

    /// Every entry, as it lies, to change: a scan of the whole table. Keys must stay.
    pub fn all_stored_mut(&mut self) -> impl Iterator<Item = &mut E::Stored> {
        self.entries.iter_mut().map(|held| &mut held.stored)
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
        E::load(self.stored(slot), &self.more[slot.index()])
    }

    /// Puts the entry there in the place of itself. Its key must be the same.
    #[inline]
    pub fn put(&mut self, slot: Slot, entry: &E) {
        let (stored, more) = entry.store();
        *self.stored_mut(slot) = stored;
        if let Some(more) = more {
            self.more[slot.index()] = more;
        }
    }

    /// The entry there, as it lies.
    #[inline]
    #[must_use]
    pub fn stored(&self, slot: Slot) -> &E::Stored {
        &self.entries[slot.index()].stored
    }

    /// The entry there, as it lies, to change. Its key must stay.
    #[inline]
    pub fn stored_mut(&mut self, slot: Slot) -> &mut E::Stored {
        &mut self.entries[slot.index()].stored
    }

    /// The entry there, as it lies, and what does not fit it, which belongs to others unless the entry says otherwise.
    #[inline]
    #[must_use]
    pub fn stored_and_more(&self, slot: Slot) -> (&E::Stored, &E::More) {
        (self.stored(slot), &self.more[slot.index()])
    }

    /// The same, to change. Its key must stay.
    #[inline]
    pub fn stored_and_more_mut(&mut self, slot: Slot) -> (&mut E::Stored, &mut E::More) {
        (&mut self.entries[slot.index()].stored, &mut self.more[slot.index()])
    }

    /// The entries there, as they lie, to change, and when their flows end; nothing if two of them are one. Keys must stay.
    #[inline]
    pub fn several_stored_mut<const N: usize>(
        &mut self,
        slots: [Slot; N],
    ) -> Option<[(&mut E::Stored, Tick); N]> {
        let held = self.entries.get_disjoint_mut(slots.map(Slot::index)).ok()?;
        Some(held.map(|held| (&mut held.stored, held.end)))
    }

    /// Lets these flows end then, where none is watched ([`is_simple`](Self::is_simple)).
    #[inline(always)]
    pub fn set_deadlines<const N: usize>(&mut self, slots: [Slot; N], deadlines: [Tick; N]) {
        debug_assert!(self.due.is_empty(), "nobody is told");
        for (slot, deadline) in slots.into_iter().zip(deadlines) {
            let end = &mut self.entries[slot.index()].end;
            let is_sooner = deadline.is_at_or_before(*end);
            *end = deadline;
            if is_sooner {
                self.earliest(slot.bucket()).set(slot.lane(), deadline);
            }
        }
    }

    /// Whether flows are where [`seek`](Self::seek) has seen them since the burst [began](Self::begin), and none is watched.
    #[inline]
    #[must_use]
    pub const fn is_simple(&self) -> bool {
        !self.emptied_lately && self.due.is_empty()
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
        self.entries[slot.index()].end
    }

    /// Lets the flow there end at `deadline`, less than 2^31 ms away.
    #[inline]
    pub fn set_deadline(&mut self, slot: Slot, deadline: Tick) {
        let end = &mut self.entries[slot.index()].end;
        let is_sooner = deadline.is_at_or_before(*end);
        *end = deadline;
        if is_sooner {
            self.earliest(slot.bucket()).set(slot.lane(), deadline);
        }
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
}
