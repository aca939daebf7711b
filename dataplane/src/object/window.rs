//! Has too much come in this window, or in the one before? The rate match of `hashlimit`.
//!
//! A window begins with a packet and lasts at least the interval: the first packet behind that begins the next. In a
//! window packets pass until more than the burst has come, those that do not pass counted too, and none passes if in the
//! window before more came than the rate allows for the time it lasted.
//!
//! One number says when the window began and whether the one before was too full, another what has come. Whoever begins
//! a window with a compare-and-swap sets the other to 0: what workers count in that very moment may be lost.

use super::clock::Moment;
use config::policy::{Limit, LimitUnit};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a window may hold. Its state is two numbers, at first 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Nanoseconds.
    interval: u64,
    rate: u64,
    burst: u64,
    by_length: bool,
    over: bool,
}

impl Window {
    /// What `limit` says, if it has windows.
    #[must_use]
    pub fn of(limit: &Limit) -> Option<Self> {
        Some(Self {
            interval: u64::from(limit.window?).saturating_mul(SECOND),
            rate: limit.rate,
            burst: limit.burst,
            by_length: limit.unit == LimitUnit::Bytes,
            over: limit.over,
        })
    }

    /// Counts a packet. Whether the rule goes on.
    pub fn goes_on(&self, state: &[AtomicU64], moment: &Moment<'_>) -> bool {
        let [about, count, ..] = state else { return self.over };
        let mut seen = about.load(Relaxed);
        let began = seen & !FULL;
        let lasted = moment.now.saturating_sub(began);
        if seen == 0 || lasted >= self.interval {
            let came = u128::from(count.load(Relaxed)) * u128::from(self.interval);
            let full = seen != 0 && came > u128::from(lasted) * u128::from(self.rate);
            let next = (moment.now & !FULL).max(1) | if full { FULL } else { 0 };
            match about.compare_exchange(seen, next, Relaxed, Relaxed) {
                Ok(_) => {
                    count.store(0, Relaxed);
                    seen = next;
                }
                Err(other) => seen = other,
            }
        }
        let cost = if self.by_length { u64::from(moment.length) } else { 1 };
        let came = count.fetch_add(cost, Relaxed).saturating_add(cost);
        (seen & FULL == 0 && came <= self.burst) != self.over
    }
}

/// Set where the window before was too full.
const FULL: u64 = 1 << 63;
/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use super::{SECOND, Window};
    use crate::object::Moment;
    use config::policy::{Limit, LimitUnit};
    use std::sync::atomic::AtomicU64;

    /// How many of so many packets pass, a second behind a moment.
    fn passed(window: &Window, state: &[AtomicU64], seconds: u64, packets: u32, length: u32) -> usize {
        let moment = Moment { now: 7 * SECOND + seconds * SECOND / 10, length, ..Moment::default() };
        (0..packets).filter(|_| window.goes_on(state, &moment)).count()
    }

    fn window(rate: u64, burst: u64, unit: LimitUnit) -> (Window, [AtomicU64; 2]) {
        let limit = Limit { rate, burst, unit, window: Some(2), ..Limit::default() };
        (Window::of(&limit).unwrap(), [AtomicU64::new(0), AtomicU64::new(0)])
    }

    /// What Linux 6.18 let through: ten in two seconds, and five more.
    #[test]
    fn windows_follow_one_another_as_in_the_kernel() {
        let (window, state) = window(10, 15, LimitUnit::Packets);
        let mut seen = Vec::new();
        for (tenths, packets) in [(0, 30), (22, 30), (44, 8), (66, 30), (137, 12), (159, 4)] {
            seen.push(passed(&window, &state, tenths, packets, 84));
        }
        assert_eq!(seen, [15, 0, 0, 15, 12, 0]);
    }

    #[test]
    fn bytes_are_counted_by_length() {
        let (window, state) = window(992, 992, LimitUnit::Bytes);
        assert_eq!(passed(&window, &state, 0, 20, 992), 1);
        let (window, state) = self::window(992, 992, LimitUnit::Bytes);
        assert_eq!(passed(&window, &state, 0, 20, 993), 0);
        let (window, state) = (Window { over: true, ..window }, [AtomicU64::new(0), AtomicU64::new(0)]);
        assert_eq!(passed(&window, &state, 0, 20, 992), 19, "what is beyond");
        assert_eq!(state.len(), 2);
    }
}
