//! What time is it, for a flow? Milliseconds since the epoch of the table, in 32 bits that wrap.

/// A point in time: milliseconds since a stored epoch, modulo 2^32. Two points are ordered as long as they
/// lie less than 2^31 ms (24.8 days) apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tick(pub u32);

impl Tick {
    /// Whether this point lies at or before `other`.
    #[must_use]
    pub const fn is_at_or_before(self, other: Self) -> bool {
        other.0.wrapping_sub(self.0) < 1 << 31
    }

    /// This point, `milliseconds` later.
    #[must_use]
    pub const fn after(self, milliseconds: u32) -> Self {
        Self(self.0.wrapping_add(milliseconds))
    }

    /// Milliseconds from `earlier` to this point.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }
}

/// A worker's time: takes over what it is told, never goes back, and says when 32 bits would lose their meaning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock {
    now: u64,
    swept: u64,
    started: bool,
}

impl Clock {
    /// After so many milliseconds every flow whose deadline has come must be gone, or it would seem alive again.
    const SWEEP: u64 = 1 << 30;

    /// Takes over the time `now`, in milliseconds of any epoch. `purge` removes every flow whose deadline is at or
    /// before the point it is given; it is called before the new time counts.
    pub fn advance(&mut self, now: u64, mut purge: impl FnMut(Tick)) {
        if !self.started {
            *self = Self { now, swept: now, started: true };
        }
        let now = now.max(self.now);
        if now - self.now >= Self::SWEEP {
            // nothing lives longer than 2^31 ms: two steps reach every deadline there can be
            purge(self.now().after(1 << 30));
            purge(self.now().after(i32::MAX as u32));
            self.swept = now;
        } else if now - self.swept >= Self::SWEEP {
            purge(Tick(now as u32));
            self.swept = now;
        }
        self.now = now;
    }

    /// The time as flows know it.
    #[must_use]
    pub const fn now(&self) -> Tick {
        Tick(self.now as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::{Clock, Tick};

    #[test]
    fn ticks_are_ordered_across_the_wrap() {
        let before = Tick(u32::MAX - 5);
        let after = before.after(10);
        assert_eq!(after, Tick(4));
        assert!(before.is_at_or_before(after) && !after.is_at_or_before(before));
        assert!(after.is_at_or_before(after));
        assert_eq!(after.since(before), 10);
    }

    #[test]
    fn the_clock_never_goes_back() {
        let mut clock = Clock::default();
        clock.advance(5_000_000_000, |_| panic!("nothing to purge"));
        clock.advance(4_000_000_000, |_| panic!("nothing to purge"));
        assert_eq!(clock.now(), Tick(5_000_000_000_u64 as u32));
    }

    #[test]
    fn no_deadline_survives_a_leap_of_the_clock() {
        for leap in [1_u64 << 30, 1 << 31, 1 << 32, (1 << 32) + 5, 1 << 40] {
            for lifetime in [1_u32, 432_000_000, i32::MAX as u32] {
                let mut clock = Clock::default();
                clock.advance(7, |_| {});
                let deadline = clock.now().after(lifetime);
                let mut gone = false;
                clock.advance(7 + leap, |tick| gone |= deadline.is_at_or_before(tick));
                assert!(gone, "leap {leap} lifetime {lifetime}");
            }
        }
    }

    #[test]
    fn a_clock_that_creeps_sweeps_in_time() {
        let mut clock = Clock::default();
        let (mut sweeps, step) = (0, 1 << 28);
        for turn in 0..64 {
            clock.advance(turn * step, |_| sweeps += 1);
        }
        assert_eq!(sweeps, 15);
    }
}
