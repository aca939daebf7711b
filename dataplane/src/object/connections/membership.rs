//! Which counters count a connection? What it remembers of them.

use super::super::gone::GoneName;
use zerocopy::FromZeros;

/// Where a counter is among those of a policy: in which set, one more than its number, 0 for those of rules; and which
/// word there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Place {
    /// In which set.
    pub set: u32,
    /// Which word.
    pub word: u32,
}

/// A counter that counts a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub(super) struct Membership {
    pub(super) at: Place,
    /// Of the counter as it was then; 0 is no membership.
    pub(super) epoch: u32,
}

/// The counters that count one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Memberships {
    /// Of which policy they are.
    pub(super) generation: u32,
    /// What the connection was called when it was counted last; 0 if it never was.
    pub(super) name: u32,
    pub(super) counters: [Membership; MOST_COUNTERS],
}

impl Memberships {
    /// None, of counters of this policy.
    #[must_use]
    pub const fn of(generation: u32) -> Self {
        let none = Membership { at: Place { set: 0, word: 0 }, epoch: 0 };
        Self { generation, name: 0, counters: [none; MOST_COUNTERS] }
    }

    /// Of which policy they are; 0 if there never were any.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether no counter counts the connection.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.counters[0].epoch == 0
    }

    /// What the connection is called, if somebody counts it.
    pub(in crate::object) fn name(&self) -> Option<GoneName> {
        (!self.is_empty()).then(|| GoneName::from_bits(self.name))
    }

    /// Whether a counter at this place counts it.
    pub(in crate::object) fn is_at(&self, place: Place) -> bool {
        let mut found = false;
        self.each(|at, _| found |= at == place);
        found
    }

    pub(super) fn has(&self, at: Place, epoch: u32) -> bool {
        self.counters.contains(&Membership { at, epoch })
    }

    /// Calls `with` for each.
    pub(in crate::object) fn each(&self, mut with: impl FnMut(Place, u32)) {
        self.counters.iter().take_while(|found| found.epoch != 0).for_each(|found| {
            with(Place { set: found.at.set & !AGAIN, ..found.at }, found.epoch);
        });
    }
}

/// Counters that one connection may be counted by. One more, and its packet is dropped.
pub const MOST_COUNTERS: usize = 8;

/// In the number of a set: the connection is counted there once already.
pub(super) const AGAIN: u32 = 1 << 31;
