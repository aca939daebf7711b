//! What does every element of a set have for itself? Counters, rates and quotas, beside the element.

use super::clock::Moment;
use super::quota::Quota;
use super::rate::Rate;
use config::policy::{Policy, Statement};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The statements of an element, run in order; the state of each is [`WORDS`] numbers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Each {
    statements: Box<[One]>,
}

/// One statement and what its state starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum One {
    Counter { packets: u64, bytes: u64 },
    Rate(Rate),
    Quota { quota: Quota, used: u64 },
}

impl Each {
    /// What these templates say; `None` if one of them is no statement that an element can have here.
    #[must_use]
    pub fn of(policy: &Policy, templates: &[Statement]) -> Option<Self> {
        let one = |template: &Statement| {
            Some(match template {
                Statement::Counter(id) => {
                    let counter = policy.counters.get(id.index())?;
                    One::Counter { packets: counter.packets, bytes: counter.bytes }
                }
                Statement::Limit(id) => One::Rate(Rate::of(policy.limits.get(id.index())?)?),
                Statement::Quota(id) => {
                    let quota = policy.quotas.get(id.index())?;
                    One::Quota { quota: Quota::of(quota), used: quota.used }
                }
                _ => return None,
            })
        };
        Some(Self { statements: templates.iter().map(one).collect::<Option<_>>()? })
    }

    /// Numbers its state takes.
    #[must_use]
    pub fn words(&self) -> usize {
        WORDS * self.statements.len()
    }

    /// Puts the state of a new element to where it starts from.
    pub fn reset(&self, state: &[AtomicU64]) {
        for (one, state) in self.statements.iter().zip(state.chunks_exact(WORDS)) {
            let (first, second) = match *one {
                One::Counter { packets, bytes } => (packets, bytes),
                One::Rate(_) => (0, 0),
                One::Quota { used, .. } => (used, 0),
            };
            state[0].store(first, Relaxed);
            state[1].store(second, Relaxed);
        }
    }

    /// Runs the statements for a packet. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, state: &[AtomicU64], moment: &Moment) -> bool {
        self.statements.iter().zip(state.chunks_exact(WORDS)).all(|(one, state)| match one {
            One::Counter { .. } => {
                state[0].fetch_add(1, Relaxed);
                state[1].fetch_add(moment.length.into(), Relaxed);
                true
            }
            One::Rate(rate) => rate.goes_on(&state[0], moment),
            One::Quota { quota, .. } => quota.goes_on(&state[0], moment),
        })
    }
}

/// Numbers that the state of one statement takes.
pub const WORDS: usize = 2;
