//! What does every element of a set have for itself? Counters, rates, quotas and bounds on connections, beside the
//! element.

use super::clock::Moment;
use super::connections::{self, Bound, Counter, Place};
use super::quota::Quota;
use super::rate::Rate;
use super::window::Window;
use config::policy::{Policy, Start, Statement};
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
    Window(Window),
    Quota { quota: Quota, used: u64 },
    Bound(Bound),
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
                Statement::Limit(id) => {
                    let limit = policy.limits.get(id.index())?;
                    match Window::of(limit) {
                        Some(window) => One::Window(window),
                        None => One::Rate(Rate::of(limit)?),
                    }
                }
                Statement::Quota(id) => {
                    let quota = policy.quotas.get(id.index())?;
                    One::Quota { quota: Quota::of(quota), used: quota.used }
                }
                Statement::ConnectionLimit(id) => {
                    One::Bound(Bound::of(policy.connection_limits.get(id.index())?))
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

    /// Puts the state of a new element to where it starts from: as the templates say, and `starts` besides, if any.
    pub fn reset(&self, state: &[AtomicU64], starts: &[Start]) {
        let starts = starts.iter().copied().chain(std::iter::repeat([0; 2]));
        let states = state.chunks_exact(WORDS).zip(starts);
        for (one, (state, start)) in self.statements.iter().zip(states) {
            let (first, second) = match *one {
                One::Counter { packets, bytes } => (packets, bytes),
                One::Rate(_) | One::Window(_) => (0, 0),
                One::Quota { used, .. } => (used, 0),
                One::Bound(_) => {
                    Counter::of(state).map(connections::begin);
                    continue;
                }
            };
            state[0].store(first.wrapping_add(start[0]), Relaxed);
            state[1].store(second.wrapping_add(start[1]), Relaxed);
        }
    }

    /// Puts the state to where it starts from of what is about connections: those of another policy are not counted.
    pub fn forget_connections(&self, state: &[AtomicU64]) {
        for (one, state) in self.statements.iter().zip(state.chunks_exact(WORDS)) {
            if let One::Bound(_) = one {
                state[0].store(0, Relaxed);
                Counter::of(state).map(connections::begin);
            }
        }
    }

    /// Whether the element counts connections and has none.
    #[must_use]
    pub fn has_no_connection(&self, state: &[AtomicU64]) -> bool {
        let mut counts = false;
        for (one, state) in self.statements.iter().zip(state.chunks_exact(WORDS)) {
            if let One::Bound(_) = one {
                counts = true;
                if connections::connections(state[0].load(Relaxed)) > 0 {
                    return false;
                }
            }
        }
        counts
    }

    /// Runs the statements for a packet; `at` is where the state begins. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, state: &[AtomicU64], at: Place, moment: &Moment<'_>) -> bool {
        let words = (at.word..).step_by(WORDS);
        self.statements.iter().zip(state.chunks_exact(WORDS)).zip(words).all(|((one, state), word)| match one
        {
            One::Counter { .. } => {
                state[0].fetch_add(1, Relaxed);
                state[1].fetch_add(moment.length.into(), Relaxed);
                true
            }
            One::Rate(rate) => rate.goes_on(&state[0], moment),
            One::Window(window) => window.goes_on(state, moment),
            One::Quota { quota, .. } => quota.goes_on(&state[0], moment),
            One::Bound(bound) => {
                Counter::of(state).is_some_and(|counter| bound.goes_on(counter, Place { word, ..at }, moment))
            }
        })
    }
}

/// Numbers that the state of one statement takes.
pub const WORDS: usize = 2;
