//! How much room do elements keep that rules have deleted? Theirs, until the set is cleaned up: as in Linux every
//! `gc-interval` from when it was loaded, or every second.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The room that deleted elements of a set keep.
#[derive(Debug)]
pub(super) struct Left {
    /// Elements the set may have.
    size: u32,
    begun: u64,
    /// In nanoseconds.
    interval: u64,
    /// How many were deleted, below the number of the interval in which they were.
    deleted: AtomicU64,
}

impl Left {
    /// Of a set for `size` elements that was loaded at `begun` and is cleaned up every `interval`, in nanoseconds.
    pub(super) const fn new(size: u32, begun: u64, interval: Option<u64>) -> Self {
        let interval = match interval {
            Some(interval) if interval > 0 => interval,
            _ => SECOND,
        };
        Self { size, begun, interval, deleted: AtomicU64::new(0) }
    }

    /// One was deleted at `now`.
    pub(super) fn deleted(&self, now: u64) {
        let turn = self.turn(now);
        let more = |word: u64| Some(if word >> COUNT == turn { word + 1 } else { turn << COUNT | 1 });
        // it always is
        let _ = self.deleted.fetch_update(Relaxed, Relaxed, more);
    }

    /// Whether those leave no room in a set of so many elements.
    pub(super) fn is_full(&self, elements: usize, now: u64) -> bool {
        let word = self.deleted.load(Relaxed);
        let kept = if word >> COUNT == self.turn(now) { word as u32 } else { 0 };
        kept > 0 && elements + kept as usize >= self.size as usize
    }

    const fn turn(&self, now: u64) -> u64 {
        (now.saturating_sub(self.begun) / self.interval) & (u32::MAX as u64)
    }
}

const COUNT: u32 = 32;
const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::{Left, SECOND};

    #[test]
    fn what_was_deleted_keeps_its_room_until_the_clean_up() {
        let left = Left::new(3, 100, None);
        left.deleted(100 + SECOND / 2);
        left.deleted(100 + SECOND / 2);
        let full = |elements, now| left.is_full(elements, 100 + now);
        assert_eq!([full(0, SECOND - 1), full(1, SECOND - 1), full(2, SECOND)], [false, true, false]);
        left.deleted(100 + SECOND);
        assert_eq!([full(1, SECOND), full(2, SECOND), full(2, 2 * SECOND)], [false, true, false]);
        assert!(!Left::new(3, 0, Some(5)).is_full(3, 7), "that is the set's own business");
    }
}
