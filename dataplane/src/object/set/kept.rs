//! What does whoever keeps a set with numbers of its own beside each element do with it?

use super::{AcqRel, AtomicU64, DynamicSet, Element, FOR_EVER, LANES, New, Relaxed, Value};

impl DynamicSet {
    /// The element with this key, put in if it is not there. If there is no room, it takes that of the element that
    /// `goes` names at the time; `None` if other workers were faster to take it, [`MOST_TURNS`] times.
    pub(in crate::object) fn have(
        &self,
        key: &[Value],
        now: u64,
        goes: impl Fn() -> Option<Element>,
    ) -> Option<Element> {
        let new = New { data: 0, each: 0, starts: &[], end: FOR_EVER, loaded: false };
        let room = || (0..MOST_TURNS).find_map(|_| self.take().or_else(|| self.vacated(goes()?)));
        self.put(key, new, now, room).map(|(element, _)| element)
    }

    /// The numbers an element has for whoever keeps the set.
    pub(in crate::object) fn room(&self, element: Element) -> &[AtomicU64] {
        let state = self.record(element.record).state();
        &state[state.len() - self.room..]
    }

    /// The element of whose numbers `of` makes the least. Looks at every one: for small sets.
    pub(in crate::object) fn least(&self, of: impl Fn(&[AtomicU64]) -> u64) -> Option<Element> {
        let occupied = |bucket: usize| self.buckets[bucket].head().taken();
        let all =
            (0..self.buckets.len()).flat_map(|bucket| occupied(bucket).map(move |at| bucket * LANES + at));
        let elements = all.filter_map(|lane| {
            let record = self.lanes[lane].load(Relaxed).checked_sub(1)?;
            Some(Element { lane: lane as u32, record, data: 0 })
        });
        elements.min_by_key(|element| of(self.room(*element)))
    }

    /// Takes an element out.
    pub(in crate::object) fn take_out(&self, element: Element) {
        if let Some(record) = self.vacated(element) {
            self.put_back(record);
        }
    }

    /// The record of an element that has just been taken out, and is nobody else's; `None` if others have taken it out.
    fn vacated(&self, element: Element) -> Option<u32> {
        let lane = element.lane as usize;
        let bucket = lane / LANES;
        loop {
            // Each turn but the first follows upon a change of this bucket by another worker.
            let head = self.buckets[bucket].head();
            if !head.has(lane % LANES) {
                return None;
            }
            if self.unoccupy(bucket, head, lane) {
                return self.lanes[lane].swap(0, AcqRel).checked_sub(1);
            }
        }
    }
}

/// How often a worker asks for room that others may take first.
const MOST_TURNS: usize = 64;
