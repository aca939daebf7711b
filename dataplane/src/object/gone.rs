//! Which connections were counted a moment ago, and came to nothing or have ended?
//!
//! The kernel may still have them on a list. One that begins between the same ends before the list is cleaned up is on it
//! twice then, for as long as it lives; and one that begins without asking the limit is on a list that nobody has cleaned up
//! since. Nobody who keeps no list can tell. So their names are kept for as long as there is room, in a table of a
//! fixed size in which a name has a few places. One that had to give its place up too soon makes all names of that
//! bucket doubtful.

use super::connections::Place;
use crate::flow::FlowHash;
use crate::time::Tick;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What is left of a flow's hash: never 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoneName(u32);

impl GoneName {
    /// Of the flow with this hash, whichever way a packet goes along it.
    #[must_use]
    pub const fn of(hash: FlowHash) -> Self {
        Self::from_bits((hash.0 ^ hash.0 >> 32) as u32)
    }

    pub(super) const fn bits(self) -> u32 {
        self.0
    }

    pub(super) const fn from_bits(bits: u32) -> Self {
        Self(if bits == 0 { 1 } else { bits })
    }
}

/// The names, by whom and when each was counted last.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// The first of a bucket says when a name lost its place.
    buckets: Box<[[Slot; BUCKET]]>,
}

/// A name and a time; and which counter it was, with 16 bits of both to tell if somebody else wrote either.
#[derive(Debug, Default)]
struct Slot {
    entry: AtomicU64,
    counter: AtomicU64,
}

impl Gone {
    pub(super) fn new() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Default::default()).collect() }
    }

    /// This one has come to nothing, or ended, at `now`, and the counter there has counted it.
    pub(super) fn note(&self, name: GoneName, place: Place, now: Tick) {
        let Some((lost, slots)) = self.bucket(name) else { return };
        let (new, counter) = (Entry { name: name.0, at: now }, marked(place, name.0, now));
        for _ in slots {
            // its own slot, a free one, or that of who was here longest ago
            let rank = |slot: &Slot| {
                let entry = Entry::of(slot.entry.load(Relaxed));
                let is_own = entry.name == name.0 && slot.place(entry) == Some(place);
                let rank = match entry.name {
                    _ if is_own => (2, 0),
                    0 => (1, 0),
                    _ => (0, now.since(entry.at)),
                };
                (rank, entry, is_own)
            };
            let Some((slot, (_, entry, is_own))) =
                slots.iter().map(|slot| (slot, rank(slot))).max_by_key(|(_, (rank, ..))| *rank)
            else {
                return;
            };
            if slot.entry.compare_exchange(entry.word(), new.word(), Relaxed, Relaxed).is_ok() {
                slot.counter.store(counter, Relaxed);
                if !is_own && entry.is_recent(now) {
                    lost.entry.store(new.word(), Relaxed);
                }
                return;
            }
        }
        lost.entry.store(new.word(), Relaxed);
    }

    /// Whether it may have been counted, and be gone, so lately that a list may have it still though it was cleaned up.
    pub(super) fn may_have(&self, name: GoneName, now: Tick) -> bool {
        let Some((lost, slots)) = self.bucket(name) else { return false };
        let entry = |slot: &Slot| Entry::of(slot.entry.load(Relaxed));
        let own = slots.iter().map(entry).filter(|entry| entry.name == name.0);
        entry(lost).is_recent(now) || own.into_iter().any(|entry| entry.is_recent(now))
    }

    /// Who has counted it, as far as is remembered; `None` where it cannot be told who.
    pub(super) fn counters(&self, name: GoneName) -> impl Iterator<Item = Option<Place>> {
        let slots = self.bucket(name).map_or(&[][..], |(_, slots)| slots);
        slots.iter().filter_map(move |slot| {
            let entry = Entry::of(slot.entry.load(Relaxed));
            (entry.name == name.0).then(|| slot.place(entry))
        })
    }

    fn bucket(&self, name: GoneName) -> Option<(&Slot, &[Slot])> {
        self.buckets.get(name.0 as usize % BUCKETS)?.split_first()
    }
}

impl Slot {
    fn place(&self, entry: Entry) -> Option<Place> {
        let word = self.counter.load(Relaxed);
        let set = (word >> 32) as u32 & UNKNOWN;
        let is_whole = word >> 48 == u64::from(mark(entry.name, entry.at)) && set != UNKNOWN;
        is_whole.then_some(Place { set, word: word as u32 })
    }
}

fn marked(place: Place, name: u32, at: Tick) -> u64 {
    let set = u64::from(place.set.min(UNKNOWN));
    u64::from(mark(name, at)) << 48 | set << 32 | u64::from(place.word)
}

const fn mark(name: u32, at: Tick) -> u16 {
    (name >> 16) as u16 ^ at.0 as u16
}

/// A set beyond what 16 bits can name.
const UNKNOWN: u32 = 0xffff;

/// A name and a time; name 0 is none.
#[derive(Debug, Clone, Copy)]
struct Entry {
    name: u32,
    at: Tick,
}

impl Entry {
    const fn of(word: u64) -> Self {
        Self { name: (word >> 32) as u32, at: Tick(word as u32) }
    }

    const fn word(self) -> u64 {
        (self.name as u64) << 32 | self.at.0 as u64
    }

    const fn is_recent(self, now: Tick) -> bool {
        // another worker may be a little ahead
        let age = now.since(self.at);
        self.name != 0 && (age <= KEPT || age >= u32::MAX - KEPT)
    }
}

/// Milliseconds that a name is kept: two of the kernel's ticks, within which its list has been cleaned up if it was met.
const KEPT: u32 = 9;

/// Names of a bucket, and the word before them.
const BUCKET: usize = 8;

/// A power of two: 256 KiB in all.
const BUCKETS: usize = 2048;

#[cfg(test)]
mod tests {
    use super::{BUCKET, BUCKETS, Gone, GoneName, KEPT, Place, UNKNOWN};
    use crate::time::Tick;

    const AT: Place = Place { set: 3, word: 7 };

    #[test]
    fn a_name_is_kept_for_two_ticks() {
        let (gone, [one, other]) = (Gone::new(), [1, 2].map(GoneName::from_bits));
        gone.note(one, AT, Tick(100));
        let kept = |now| [one, other].map(|name| gone.may_have(name, Tick(now)));
        assert_eq!([100, 100 + KEPT, 101 + KEPT].map(kept), [[true, false], [true, false], [false, false]]);
    }

    #[test]
    fn it_is_remembered_who_counted() {
        let (gone, [one, other]) = (Gone::new(), [1 << 20, 2].map(GoneName::from_bits));
        let (second, nobody) = (Place { set: 0, word: 9 }, Place { set: UNKNOWN, word: 1 });
        for (place, now) in [(AT, 1), (second, 2), (AT, 70_000), (nobody, 3)] {
            gone.note(one, place, Tick(now));
        }
        let mut found: Vec<_> = gone.counters(one).map(|place| place.map(|place| place.word)).collect();
        found.sort();
        assert_eq!(found, [None, Some(7), Some(9)]);
        assert_eq!(gone.counters(other).count(), 0);
    }

    #[test]
    fn where_names_lose_their_places_all_are_doubtful() {
        let gone = Gone::new();
        let names = |count: usize| (1..=count).map(|number| GoneName::from_bits((number * BUCKETS) as u32));
        let stranger = GoneName::from_bits((99 * BUCKETS) as u32);
        names(BUCKET - 1).for_each(|name| gone.note(name, AT, Tick(7)));
        assert!(!gone.may_have(stranger, Tick(8)));
        names(BUCKET).for_each(|name| gone.note(name, AT, Tick(8)));
        assert!(
            gone.may_have(stranger, Tick(8)) && gone.may_have(GoneName::from_bits(BUCKETS as u32), Tick(8))
        );
        assert!(!gone.may_have(stranger, Tick(9 + KEPT)));
    }
}
