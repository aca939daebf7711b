//! Was this address seen lately, and how often? A list of addresses with the times of their last packets, as the kernel's
//! `xt_recent` keeps it.
//!
//! Each address has a ring of as many times as a rule counts, so that "so often within so many seconds" looks at one
//! of them: the one so many packets ago. When the list is full, the address that was seen longest ago goes. Its memory is
//! taken at start. Several workers share it as they share a [`DynamicSet`]; a time that one writes in the very moment
//! in which another takes the address out is lost.

use super::clock::SECOND;
use super::set::{DynamicSet, Element, Widths};
use ahash::RandomState;
use config::policy::{Recent, RecentAction, RecentList, Seen, Value};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A list of addresses seen lately.
#[derive(Debug)]
pub struct Addresses {
    set: DynamicSet,
    mask: Value,
    stamps: u64,
    /// How often any address was seen: in this order they were seen last.
    order: AtomicU64,
}

impl Addresses {
    /// An empty list. Takes all its memory here.
    #[must_use]
    pub fn new(list: &RecentList, hasher: RandomState) -> Self {
        let stamps = list.stamps.max(1);
        let set = DynamicSet::with_room(KEY, list.size, None, Vec::new(), STAMPS + stamps as usize, hasher);
        Self { set, mask: list.mask, stamps: stamps.into(), order: AtomicU64::new(1) }
    }

    /// Does with an address, IPv6 or IPv4, what a rule asks. Whether the rule goes on; `None` if there was no room.
    #[must_use]
    pub fn meet(&self, (address, is_v6): (Value, bool), ttl: u8, asked: &Recent, now: u64) -> Option<bool> {
        let address = if is_v6 { address } else { address << 96 };
        let key = [address & self.mask, is_v6.into()];
        let (seen, updates) = match asked.action {
            RecentAction::Set => {
                self.see(self.have(&key, now)?, ttl, now);
                return Some(!asked.negated);
            }
            RecentAction::Remove => {
                let found = self.set.find(&key, now);
                if let Some(found) = found {
                    self.set.take_out(found);
                }
                return Some(found.is_some() != asked.negated);
            }
            RecentAction::Check(seen) => (seen, false),
            RecentAction::Update(seen) => (seen, true),
        };
        let found = self.set.find(&key, now).filter(|found| !seen.same_ttl || self.has_ttl(*found, ttl));
        let Some(found) = found else { return Some(asked.negated) };
        let goes_on = self.was_seen(found, seen, now) != asked.negated;
        if seen.reap {
            self.reap(seen, (updates && goes_on).then_some(found), now);
        }
        if updates && goes_on {
            self.see(found, ttl, now);
        }
        Some(goes_on)
    }

    /// Takes over what `old` holds, if it keeps as many times of each address.
    pub(super) fn inherit(&self, old: &Self, now: u64) {
        if (self.stamps, self.mask) == (old.stamps, old.mask) {
            self.order.store(old.order.load(Relaxed), Relaxed);
            self.set.inherit(&old.set, now);
        }
    }

    /// How many addresses there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.set.memory()
    }

    /// The address, put in if it is not there: where the list is full, in the place of the oldest.
    fn have(&self, key: &[Value], now: u64) -> Option<Element> {
        self.set.have(key, now, || self.oldest())
    }

    /// The address that was seen longest ago. One that nobody has seen yet has just been put in.
    fn oldest(&self) -> Option<Element> {
        self.set.least(|room| room[ORDER].load(Relaxed).wrapping_sub(1))
    }

    fn see(&self, element: Element, ttl: u8, now: u64) {
        let room = self.set.room(element);
        room[ORDER].store(self.order.fetch_add(1, Relaxed), Relaxed);
        room[TTL].store(ttl.into(), Relaxed);
        let before = room[COUNT].fetch_add(1, Relaxed);
        room[STAMPS + (before % self.stamps) as usize].store(now, Relaxed);
    }

    /// Whether an address was seen last with this TTL; 0 is any.
    fn has_ttl(&self, element: Element, ttl: u8) -> bool {
        let last = self.set.room(element)[TTL].load(Relaxed);
        ttl == 0 || last == 0 || last == u64::from(ttl)
    }

    fn was_seen(&self, element: Element, seen: Seen, now: u64) -> bool {
        let room = self.set.room(element);
        let times = u64::from(seen.times.max(1));
        let Some(first) = room[COUNT].load(Relaxed).checked_sub(times) else { return false };
        let stamp = room[STAMPS + (first % self.stamps) as usize].load(Relaxed);
        seen.seconds == 0 || stamp.saturating_add(u64::from(seen.seconds) * SECOND) >= now
    }

    /// Takes out the address seen longest ago, if it was not seen within the seconds, and is not `kept`.
    fn reap(&self, seen: Seen, kept: Option<Element>, now: u64) {
        let once = Seen { times: 1, ..seen };
        let oldest = self.oldest().filter(|oldest| kept.is_none_or(|kept| !kept.is_at(*oldest)));
        if let Some(oldest) = oldest.filter(|oldest| !self.was_seen(*oldest, once, now)) {
            self.set.take_out(oldest);
        }
    }
}

/// An address, and whether it is of IPv6.
const KEY: Widths<'_> = Widths { key: &[128, 1], data: 0 };

// The numbers of an address: when it was seen last, in order; its TTL then; how often it was seen; and from here on, when.
const ORDER: usize = 0;
const TTL: usize = 1;
const COUNT: usize = 2;
const STAMPS: usize = super::set::FRESH;

#[cfg(test)]
mod tests;
