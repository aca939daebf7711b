//! Which of the flows that somebody waits for ends next? A heap by deadline.
//!
//! Most flows are removed when somebody meets them after their end. Those in here are removed on time: what counts
//! them must not count them longer. A deadline that moves away is noticed when the old one has come; one that comes
//! nearer is told at once.

use super::Slot;
use crate::time::Tick;

/// Slots, the soonest to end first.
#[derive(Debug)]
pub(super) struct Due {
    /// By milliseconds that do not wrap: what is long due must not seem later than what has the farthest deadline.
    heap: Vec<(u64, Slot)>,
    now: u64,
    /// Where in the heap a slot is, one more; 0 if it is not. Zeroed memory of the system, as the heap itself.
    places: Box<[u32]>,
}

impl Due {
    pub(super) fn with_slots(slots: usize) -> Self {
        Self { heap: Vec::with_capacity(slots), now: 0, places: vec![0; slots].into() }
    }

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The next one whose deadline, as it was told last, is at or before `now`.
    #[inline]
    pub(super) fn next(&mut self, now: Tick) -> Option<Slot> {
        self.advance(now);
        let &(deadline, slot) = self.heap.first()?;
        (deadline <= self.now).then_some(slot)
    }

    pub(super) fn add(&mut self, slot: Slot, deadline: Tick, now: Tick) {
        self.advance(now);
        if self.places[slot.index()] == 0 {
            self.heap.push((self.unwrapped(deadline), slot));
            self.rise(self.heap.len() - 1);
        }
    }

    /// The slot ends then. Only an earlier end is taken over: a later one is found out when the old one has come.
    pub(super) fn ends(&mut self, slot: Slot, deadline: Tick) {
        let Some(place) = self.place(slot) else { return };
        let deadline = self.unwrapped(deadline);
        if deadline < self.heap[place].0 {
            self.heap[place].0 = deadline;
            self.rise(place);
        }
    }

    /// The first of the heap ends then, later than it was told.
    pub(super) fn put_off(&mut self, deadline: Tick) {
        let deadline = self.unwrapped(deadline);
        if let Some(first) = self.heap.first_mut() {
            first.0 = deadline;
            self.sink(0);
        }
    }

    fn advance(&mut self, now: Tick) {
        if self.heap.is_empty() {
            self.now = 1 << 32 | u64::from(now.0);
        }
        self.now += u64::from(now.since(Tick(self.now as u32)));
    }

    /// A deadline less than 2^31 ms after the true time, which is not 2^30 ms ahead of the last one told.
    fn unwrapped(&self, deadline: Tick) -> u64 {
        let start = self.now - (1 << 30);
        start + u64::from(deadline.since(Tick(start as u32)))
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        let Some(place) = self.place(slot) else { return };
        self.places[slot.index()] = 0;
        self.heap.swap_remove(place);
        if place < self.heap.len() {
            self.rise(place);
            self.sink(place);
        }
    }

    fn place(&self, slot: Slot) -> Option<usize> {
        (self.places[slot.index()] as usize).checked_sub(1)
    }

    fn is_sooner(&self, one: usize, other: usize) -> bool {
        self.heap[one].0 < self.heap[other].0
    }

    fn rise(&mut self, mut place: usize) {
        while place > 0 && self.is_sooner(place, (place - 1) / 2) {
            self.heap.swap(place, (place - 1) / 2);
            self.settle(place);
            place = (place - 1) / 2;
        }
        self.settle(place);
    }

    fn sink(&mut self, mut place: usize) {
        loop {
            let below = [2 * place + 1, 2 * place + 2].into_iter().filter(|&below| below < self.heap.len());
            let soonest = below.reduce(|one, other| if self.is_sooner(other, one) { other } else { one });
            match soonest.filter(|&below| self.is_sooner(below, place)) {
                Some(below) => {
                    self.heap.swap(place, below);
                    self.settle(place);
                    place = below;
                }
                None => return self.settle(place),
            }
        }
    }

    /// Notes where the slot at this place is.
    fn settle(&mut self, place: usize) {
        self.places[self.heap[place].1.index()] = place as u32 + 1;
    }
}
