//! Is this packet within the rate? The token bucket of `limit`, in one number.
//!
//! As `nft_limit` of the kernel: tokens are nanoseconds, a packet costs the period divided by the rate (a byte limit:
//! times its length), the bucket holds `burst` packets' worth (a byte limit: a period more) and starts full. Instead of
//! tokens and their time, the one instant is kept at which the bucket would be full again: `at`. At time `now` it holds
//! `depth - (max(at, now) - now)`, so taking `cost` moves `at` to `max(at, now) + cost`, if that is at most
//! `now + depth`. One compare-and-swap; a packet beyond the rate writes nothing, so a flood leaves the cache line
//! shared. Whatever the workers' clocks, `at` never goes back: what passes in a time `t` costs at most `depth + t`.

use super::clock::Moment;
use config::policy::{Limit, LimitUnit};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a limit allows. Its state is an [`AtomicU64`], at first 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rate {
    /// Nanoseconds of tokens that a packet costs, or a byte, and of a byte the rest, in units of 2^-64.
    whole: u64,
    rest: u64,
    by_length: bool,
    depth: u64,
    over: bool,
}

impl Rate {
    /// What `limit` says; `None` if the rate or the burst is beyond what the kernel can count, which refuses it too.
    #[must_use]
    pub fn of(limit: &Limit) -> Option<Self> {
        let period = u128::from(limit.per_seconds).checked_mul(SECOND)?;
        let (rate, burst) = (u128::from(limit.rate), u128::from(limit.burst));
        if limit.window.is_some() || rate == 0 || period == 0 || rate >= MOST_RATE {
            return None;
        }
        let by_length = limit.unit == LimitUnit::Bytes;
        if by_length && u64::try_from(period.checked_mul(rate + burst)?).is_err() {
            return None;
        }
        let (whole, rest) = (period / rate, period % rate);
        let depth = if by_length {
            period.checked_mul(rate + burst)? / rate
        } else {
            whole * if burst == 0 { DEFAULT_BURST } else { burst }
        };
        if depth > MOST_DEPTH || whole > MOST_DEPTH {
            return None;
        }
        // Rounded up: exact for every length below 2^17, as the rate is below 2^47.
        let rest = if by_length { (rest << 64).div_ceil(rate) as u64 } else { 0 };
        Some(Self { whole: whole as u64, rest, by_length, depth: depth as u64, over: limit.over })
    }

    /// Takes the cost of a packet out of the bucket, if it is there. Whether the rule goes on.
    #[inline]
    pub fn goes_on(&self, state: &AtomicU64, moment: &Moment<'_>) -> bool {
        let cost = self.cost(moment.length);
        let bound = moment.now.saturating_add(self.depth);
        let mut at = state.load(Relaxed);
        loop {
            let next = at.max(moment.now).saturating_add(cost);
            if next > bound {
                return self.over;
            }
            // A failure means that another worker has taken tokens: there are as many fewer tries.
            match state.compare_exchange_weak(at, next, Relaxed, Relaxed) {
                Ok(_) => return !self.over,
                Err(seen) => at = seen,
            }
        }
    }

    /// `period * length / rate`, rounded down, without a division.
    #[inline]
    fn cost(&self, length: u32) -> u64 {
        if !self.by_length {
            return self.whole;
        }
        let length = u64::from(length);
        let rest = (u128::from(length) * u128::from(self.rest)) >> 64;
        self.whole.saturating_mul(length).saturating_add(rest as u64)
    }
}

/// Nanoseconds of a second.
const SECOND: u128 = 1_000_000_000;
/// Packets that may come at once where a limit does not say.
const DEFAULT_BURST: u128 = 5;
/// Rates from here on would make the cost of a byte inexact.
const MOST_RATE: u128 = 1 << 47;
/// A bucket beyond this would not fit its number; the kernel refuses those too.
const MOST_DEPTH: u128 = 1 << 62;

#[cfg(test)]
mod tests {
    use super::Rate;
    use crate::object::Moment;
    use config::policy::{Limit, LimitUnit};
    use proptest::prelude::*;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    fn limit(unit: LimitUnit, rate: u64, per_seconds: u64, burst: u64) -> Limit {
        Limit { unit, rate, per_seconds, burst, ..Limit::default() }
    }

    /// The bucket as the kernel keeps it.
    struct Bucket {
        tokens: u64,
        most: u64,
        last: u64,
        limit: Limit,
    }

    impl Bucket {
        fn new(limit: &Limit, now: u64) -> Self {
            let period = limit.per_seconds * 1_000_000_000;
            let most = match limit.unit {
                LimitUnit::Packets => period / limit.rate * if limit.burst == 0 { 5 } else { limit.burst },
                LimitUnit::Bytes => {
                    (u128::from(period) * u128::from(limit.rate + limit.burst) / u128::from(limit.rate))
                        as u64
                }
            };
            Self { tokens: most, most, last: now, limit: limit.clone() }
        }

        fn passes(&mut self, now: u64, length: u32) -> bool {
            let period = self.limit.per_seconds * 1_000_000_000;
            let cost = match self.limit.unit {
                LimitUnit::Packets => period / self.limit.rate,
                LimitUnit::Bytes => {
                    (u128::from(period) * u128::from(length) / u128::from(self.limit.rate)) as u64
                }
            };
            self.tokens = (self.tokens + (now - self.last)).min(self.most);
            self.last = now;
            let passes = self.tokens >= cost;
            if passes {
                self.tokens -= cost;
            }
            passes
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn is_the_token_bucket_of_the_kernel(
            bytes in any::<bool>(),
            rate in prop_oneof![1..20_u64, 1..5_000_000_u64],
            per_seconds in prop_oneof![Just(1_u64), Just(60), Just(3600), Just(86_400)],
            burst in prop_oneof![Just(0_u64), 1..10_u64, 1..5000_u64],
            over in any::<bool>(),
            start in 0..10_000_000_000_u64,
            packets in prop::collection::vec((0..7_u32, 0..1500_u32), 1..200),
        ) {
            let unit = if bytes { LimitUnit::Bytes } else { LimitUnit::Packets };
            let limit = Limit { over, ..limit(unit, rate, per_seconds, burst) };
            let Some(found) = Rate::of(&limit) else { return Err(TestCaseError::reject("too slow a rate")) };
            let (state, mut bucket, mut now) = (AtomicU64::new(0), Bucket::new(&limit, start), start);
            for (pause, length) in packets {
                now += [0, 0, 1, 1000, 1_000_000, 100_000_000, 10_000_000_000][pause as usize];
                let goes_on = found.goes_on(&state, &Moment { now, length, ..Moment::default() });
                prop_assert_eq!(goes_on, bucket.passes(now, length) != over, "{:?} at {}", limit, now);
            }
        }
    }

    #[test]
    fn several_workers_together_stay_within_the_rate() {
        const WORKERS: u64 = 4;
        const PACKETS: u64 = 20_000;
        const STEP: u64 = 1000;
        let rate = Rate::of(&limit(LimitUnit::Packets, 10_000, 1, 50)).unwrap();
        let (state, passed) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for worker in 0..WORKERS {
                let (state, passed) = (&state, &passed);
                scope.spawn(move || {
                    for packet in 0..PACKETS {
                        // the clocks of the workers differ a little
                        let moment = Moment {
                            now: 7_000_000_000 + packet * STEP + worker * 100,
                            length: 60,
                            ..Moment::default()
                        };
                        passed.fetch_add(u64::from(rate.goes_on(state, &moment)), Relaxed);
                    }
                });
            }
        });
        let time = PACKETS * STEP + WORKERS * 100;
        let most = 50 + time / 100_000;
        let passed = passed.into_inner();
        assert!(passed <= most, "{passed} of at most {most}");
        assert!(passed >= most - 2, "{passed} of about {most}");
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        assert_eq!(Rate::of(&limit(LimitUnit::Packets, 0, 1, 5)), None);
        assert_eq!(Rate::of(&limit(LimitUnit::Packets, 1, 604_800, 1 << 32)), None);
        assert_eq!(Rate::of(&limit(LimitUnit::Bytes, 1 << 50, 1, 5)), None);
        assert!(Rate::of(&limit(LimitUnit::Packets, 1, 604_800, 5)).is_some());
        // Asked of Linux 6.18: so many megabytes a second, and one more.
        assert!(Rate::of(&limit(LimitUnit::Bytes, 17_592 << 20, 1, 0)).is_some());
        assert_eq!(Rate::of(&limit(LimitUnit::Bytes, 17_593 << 20, 1, 0)), None);
    }
}
