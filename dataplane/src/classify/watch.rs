//! How does a packet come through the rules, step by step? What the plain interpreter tells whoever watches it.

use super::decision::Decision;
use super::facts::Facts;
use crate::frame::Frame;
use config::policy::{self, ChainId, Field, Load, Operand, RuleId, Statement, Value};

/// Told of every step of the plain interpreter, in order. Nothing is asked of it.
pub trait Watch {
    /// Whether anybody watches: only then is gathered what [`Self::ends`] is told.
    const WATCHES: bool = true;

    /// A chain begins; `level` jumps lie above it.
    fn enters(&mut self, chain: ChainId, level: usize);

    /// A chain is over, in whatever way.
    fn leaves(&mut self, chain: ChainId, level: usize);

    /// A rule begins.
    fn visits(&mut self, rule: RuleId);

    /// A statement of the rule visited last in this chain did not let it go on.
    fn ends(&mut self, ended: Ended);

    /// The rule has come to a verdict. That of a jump is told before the chain it jumps to.
    fn reaches(&mut self, rule: RuleId, verdict: policy::Verdict);

    /// A base chain has decided.
    fn decided(&mut self, chain: ChainId, decision: Decision);
}

/// Nobody watches.
impl Watch for () {
    const WATCHES: bool = false;

    fn enters(&mut self, _: ChainId, _: usize) {}

    fn leaves(&mut self, _: ChainId, _: usize) {}

    fn visits(&mut self, _: RuleId) {}

    fn ends(&mut self, _: Ended) {}

    fn reaches(&mut self, _: RuleId, _: policy::Verdict) {}

    fn decided(&mut self, _: ChainId, _: Decision) {}
}

/// The statement that ended a rule, and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The rule.
    pub rule: RuleId,
    /// Which of its statements, from 0.
    pub statement: usize,
    /// What the statement looks at, if at anything.
    pub key: Vec<Field>,
    /// What that held, field by field, masked and shifted; `None` if the packet has nothing there.
    pub found: Vec<Option<Value>>,
}

impl Ended {
    /// What a statement looks at.
    pub(super) fn key_of(statement: &Statement) -> &[Field] {
        match statement {
            Statement::Match(condition) => &condition.key,
            Statement::VerdictMap { key, .. } | Statement::Object { key, .. } => key,
            Statement::Update(update) => &update.key,
            Statement::Recent(asked) => std::slice::from_ref(&asked.address),
            Statement::Set(_, Operand::Map { key, .. }) => key,
            Statement::Set(_, Operand::Field(field)) => std::slice::from_ref(field),
            _ => &[],
        }
    }

    /// What a field holds. A number that is new each time is not drawn again.
    pub(super) fn read<F: Frame + ?Sized>(field: &Field, facts: &Facts<'_, F>) -> Option<Value> {
        match field.load {
            Load::Number { .. } | Load::Meta(policy::Meta::Random) => None,
            _ => facts.load(&field.load).map(|loaded| field.apply(loaded)),
        }
    }
}
