//! What do the rules say about this packet? The policy, compiled, and the plain interpreter it must agree with.
//!
//! [`Program`] is what workers run; [`reference`] gives the same answers by running every rule in order. What the
//! rules look at is in [`Facts`]; where the pipeline stops to track connections is in [`Path`].

pub mod counters;
pub mod decision;
pub mod facts;
pub mod program;
pub mod reference;
pub mod stage;

pub use counters::Counters;
pub use decision::{DecidedBy, Decision, Evaluation, Verdict};
pub use facts::{Direction, Facts};
pub use program::{CompileError, Program};
pub use stage::{Path, Phase, Stage};
