//! What does whoever keeps a set with numbers of its own beside each element do with it?

use super::{Acquire, AtomicU64, Change, DynamicSet, Element, LANES, OCCUPIED, Value, Wanted, lanes};

impl DynamicSet {
    /// The element with this key, put in if it is not there; `None` if there is no room.
    pub(in crate::object) fn have(&self, key: &[Value], now: u64) -> Option<Element> {
        let wanted = Wanted { change: Change::Add, lifetime: None, data: 0, each: 0 };
        self.put(key, &wanted, now)
    }

    /// The numbers an element has for whoever keeps the set.
    pub(in crate::object) fn room(&self, element: Element) -> &[AtomicU64] {
        &self.lane(element.lane)[self.stride - self.room..]
    }

    /// The element of whose numbers `of` makes the least. Looks at every one: for small sets.
    pub(in crate::object) fn least(&self, of: impl Fn(&[AtomicU64]) -> u64) -> Option<Element> {
        let occupied = |bucket: usize| lanes(self.heads[bucket].load(Acquire) & OCCUPIED);
        let all =
            (0..self.heads.len()).flat_map(|bucket| occupied(bucket).map(move |at| bucket * LANES + at));
        let elements = all.map(|lane| Element { lane, data: 0 });
        elements.min_by_key(|element| of(self.room(*element)))
    }

    /// Takes an element out.
    pub(in crate::object) fn take_out(&self, element: Element) {
        let bucket = element.lane / LANES;
        let bit = 1 << (element.lane % LANES);
        loop {
            // Each turn but the first follows upon a change of this bucket by another worker.
            let head = self.heads[bucket].load(Acquire);
            if head & bit == 0 || self.vacate(bucket, head, element.lane) {
                return;
            }
        }
    }
}
