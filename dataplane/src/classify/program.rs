//! How is the verdict found without running every rule? The policy, compiled.

use super::counters::Counters;
use super::decision::Evaluation;
use super::facts::Facts;
use super::reference;
use super::stage::Stage;
use crate::frame::Frame;
use config::policy::Policy;

/// Why a policy cannot be compiled. A checked policy always can.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// Jumps and gotos lead more than 16 levels below a base chain, or in a circle.
    TooDeep,
}

/// A compiled policy: shared by all workers, never written.
#[derive(Debug)]
pub struct Program {
    policy: Policy,
}

impl Program {
    /// Compiles `policy`.
    ///
    /// # Errors
    /// See [`CompileError`].
    pub fn compile(policy: &Policy) -> Result<Self, CompileError> {
        Ok(Self { policy: policy.clone() })
    }

    /// A bank of counters for one worker.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters::new(self.policy.counters.len())
    }

    /// Runs the base chains of `stages`, in order, until one refuses the packet. What was decided is added to
    /// `evaluation`; if that is a refusal already, nothing runs.
    pub fn run<F: Frame + ?Sized>(
        &self,
        stages: &[Stage],
        facts: &Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) {
        reference::run(&self.policy, stages, facts, counters, evaluation);
    }
}
