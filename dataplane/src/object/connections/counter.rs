//! How many connections does a counter count? Two words that workers share: the connections with the number of the
//! counter, and how much the kernel may have left to clean up.

use super::super::stale::Stale;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A counter: connections, and what the kernel may have left to clean up.
#[derive(Debug, Clone, Copy)]
pub struct Counter<'a> {
    /// Connections.
    pub connections: &'a AtomicU64,
    /// A [`Stale`].
    pub stale: &'a AtomicU64,
}

impl<'a> Counter<'a> {
    /// The counter in these two words.
    #[must_use]
    pub fn of(words: &'a [AtomicU64]) -> Option<Self> {
        let [connections, stale, ..] = words else { return None };
        Some(Self { connections, stale })
    }

    pub(super) fn stale(self) -> Stale {
        Stale::of(self.stale.load(Relaxed))
    }

    pub(super) fn change_stale(self, to: impl Fn(Stale) -> Stale) -> Stale {
        Stale::of(change(self.stale, |word| to(Stale::of(word)).word()))
    }
}

/// What the kernel counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) least: u32,
    pub(super) most: u32,
}

pub(super) fn look(counter: Counter<'_>, now: u64) -> Count {
    clean(counter, now, |word| word & !REFUSED)
}

/// A packet cleans a list up if it is due, and changes the counter. The connections counted then.
pub(super) fn clean(counter: Counter<'_>, now: u64, to: impl Fn(u64) -> u64) -> Count {
    let most = counter.change_stale(|stale| stale.met(now)).most();
    let least = connections(change(counter.connections, to));
    Count { least, most: least + most }
}

/// Whether a list may have entries that are nobody's, as far as is known without asking it.
pub(in crate::object) fn has_stale(counter: Counter<'_>) -> bool {
    counter.stale().most() > 0
}

/// A counter begins, with a number of its own: whoever was counted before is not any more.
pub(in crate::object) fn begin(counter: Counter<'_>) {
    counter.stale.store(0, Relaxed);
    change(counter.connections, |word| u64::from(epoch(word).wrapping_add(1).max(1)) << EPOCH);
}

/// A connection is counted no more; `refused` says whether it never came to be.
pub(in crate::object) fn leave(counter: Counter<'_>, of: u32, refused: bool) {
    let bit = if refused { REFUSED } else { 0 };
    let is_counted = |word| epoch(word) == of && connections(word) > 0;
    let left =
        counter.connections.fetch_update(Relaxed, Relaxed, |word| is_counted(word).then(|| (word - 1) | bit));
    if left.is_ok() {
        counter.change_stale(|stale| if refused { stale.passed() } else { stale.ended() });
    }
}

/// Connections a counter counts.
pub(in crate::object) const fn connections(word: u64) -> u32 {
    (word & CONNECTIONS) as u32
}

/// With the packet that was refused last.
pub(super) const fn all(word: u64) -> u32 {
    connections(word) + (word & REFUSED != 0) as u32
}

pub(super) const fn epoch(word: u64) -> u32 {
    (word >> EPOCH) as u32
}

/// Changes a counter; says what it holds then. What stays as it is is not written.
fn change(counter: &AtomicU64, to: impl Fn(u64) -> u64) -> u64 {
    let found = counter.fetch_update(Relaxed, Relaxed, |word| Some(to(word)).filter(|to| *to != word));
    found.map_or_else(|word| word, to)
}

// A counter: its number, whether it counts a refused packet, its connections.
const EPOCH: u32 = 32;
pub(super) const REFUSED: u64 = 1 << 31;
const CONNECTIONS: u64 = REFUSED - 1;
