//! Is the amount used up? The bytes of `quota`, in one number.
//!
//! As `nft_quota` of the kernel: a packet that takes the sum beyond the amount is over it. Once the sum is beyond, it is
//! written no more: what is reported is capped there anyway, and a flood leaves the cache line shared.

use super::clock::Moment;
use config::policy;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What a quota allows. Its state is an [`AtomicU64`], the bytes used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    bytes: u64,
    over: bool,
}

impl Quota {
    /// What `quota` says.
    #[must_use]
    pub const fn of(quota: &policy::Quota) -> Self {
        Self { bytes: quota.bytes, over: quota.over }
    }

    /// Uses up the bytes of a packet. Whether the rule goes on.
    #[inline]
    pub fn goes_on(&self, used: &AtomicU64, moment: &Moment<'_>) -> bool {
        let length = u64::from(moment.length);
        let is_over = used.load(Relaxed) > self.bytes
            || used.fetch_add(length, Relaxed).saturating_add(length) > self.bytes;
        is_over == self.over
    }
}

#[cfg(test)]
mod tests {
    use super::Quota;
    use crate::object::Moment;
    use config::policy;
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    #[test]
    fn the_last_byte_still_belongs_to_the_amount() {
        for over in [false, true] {
            let quota = Quota::of(&policy::Quota { bytes: 200, over, ..policy::Quota::default() });
            let used = AtomicU64::new(0);
            let within = [100, 100, 1, 0]
                .map(|length| quota.goes_on(&used, &Moment { now: 0, length, ..Moment::default() }));
            assert_eq!(within, [true, true, false, false].map(|within| within != over));
        }
    }

    #[test]
    fn several_workers_together_pass_the_amount_and_no_more() {
        let quota = Quota::of(&policy::Quota { bytes: 100_000, ..policy::Quota::default() });
        let (used, passed) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        passed.fetch_add(
                            u64::from(
                                quota.goes_on(&used, &Moment { now: 0, length: 60, ..Moment::default() }),
                            ),
                            Relaxed,
                        );
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 100_000 / 60);
    }
}
