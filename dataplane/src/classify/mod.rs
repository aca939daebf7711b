//! What do the rules say about this packet? The policy, compiled, and the plain interpreter it must agree with.
//!
//! [`Program`] is what workers run; [`reference`] gives the same answers by running every rule in order. What the
//! rules look at is in [`Facts`]; where the pipeline stops to track connections is in [`Path`].

mod check;
mod code;
mod constraint;
pub mod counters;
pub mod decision;
pub mod facts;
mod index;
mod interval;
pub mod program;
pub mod reference;
mod sets;
mod sieve;
pub mod stage;
pub mod trace;
mod tree;
mod watch;

pub use crate::track::Direction;
pub use check::{CompileError, objections, runs};
pub use counters::Counters;
pub use decision::{DecidedBy, Decision, Evaluation, Given, Template, Verdict};
pub use facts::Facts;
pub use program::{Ahead, AheadOf, Boxes, Program};
pub use stage::{Path, Phase, Stage};
pub use trace::{Trace, Traced};
pub use watch::{Ended, Watch};

#[cfg(test)]
pub(crate) mod tests;
