//! What was decided upon a packet like this one before? Of plain packets that begin connections, by the boxes they lie
//! in: what floods are made of.
//!
//! Where the rules ask nothing that tells apart packets which came in the same way, have protocol and TCP flags in
//! common and lie in the same boxes of the trees that are looked at ahead ([`crate::classify::Traced::of_first`]), what
//! they said of one is said of the next. The list has room for a fixed number; who makes packets that differ in more makes
//! each of them ask the rules, as they would without it.

use super::decide::Decided;
use super::ways::From;
use crate::classify::Boxes;
use crate::classify::trace::MOST_COUNTERS;
use crate::packet::Short;
use crate::reason::Reason;
use config::policy::CounterId;

/// The precedents of one worker in the generation in force.
#[derive(Debug)]
pub struct Precedents {
    generation: u64,
    list: Box<[Option<Precedent>]>,
}

/// What packets have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alike {
    boxes: Boxes,
    from: From,
    protocol: u8,
    flags: u8,
}

/// What was decided upon one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Precedent {
    alike: Alike,
    pub(super) decided: Decided,
    /// What is decided if there is no room for its connection.
    pub(super) without_room: Decided,
    counters: [CounterId; MOST_COUNTERS],
    count: u8,
}

impl Precedents {
    /// None yet. Takes all its memory here.
    #[must_use]
    pub fn new() -> Self {
        Self { generation: 0, list: vec![None; MOST].into() }
    }

    /// The generation now in force: what was decided in another is forgotten.
    #[inline]
    pub fn turn_to(&mut self, generation: u64) {
        if std::mem::replace(&mut self.generation, generation) != generation {
            self.list.fill(None);
        }
    }

    #[inline]
    pub(super) fn find(&self, alike: &Alike) -> Option<&Precedent> {
        self.list[alike.place()].as_ref().filter(|known| known.alike == *alike)
    }

    /// Takes the place of another, if need be.
    pub(super) fn learn(&mut self, alike: Alike, decided: Decided, raised: &[CounterId]) {
        let mut counters = [CounterId(0); MOST_COUNTERS];
        let Some(places) = counters.get_mut(..raised.len()) else { return };
        places.copy_from_slice(raised);
        let without_room = decided.dropped_after_all(Reason::TableFull);
        let count = raised.len() as u8;
        self.list[alike.place()] = Some(Precedent { alike, decided, without_room, counters, count });
    }
}

impl Default for Precedents {
    fn default() -> Self {
        Self::new()
    }
}

impl Alike {
    #[inline]
    pub(super) const fn new(boxes: Boxes, from: From, short: &Short) -> Self {
        Self { boxes, from, protocol: short.protocol, flags: short.flags }
    }

    /// Its place in the list.
    #[inline]
    fn place(&self) -> usize {
        let Boxes([one, other]) = self.boxes;
        let rest = u64::from(self.flags) << 8 | u64::from(self.protocol) << 1 | self.from.side as u64;
        let mixed = (u64::from(one) | u64::from(other) << 32).wrapping_add(rest << 20);
        (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % MOST
    }
}

impl Precedent {
    /// The counters that are raised.
    #[inline]
    pub(super) fn counters(&self) -> &[CounterId] {
        &self.counters[..usize::from(self.count)]
    }
}

/// Room for so many.
const MOST: usize = 128;
