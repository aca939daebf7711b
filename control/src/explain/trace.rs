//! Which chains and rules did a packet meet? What the interpreter tells, put into the shape of the ruleset.

use config::policy::{self, ChainId, RuleId};
use dataplane::classify::{Decision, Ended, Watch};

/// A chain as the packet met it.
#[derive(Debug)]
pub struct Chain {
    pub id: ChainId,
    pub rules: Vec<Visit>,
    /// Of a base chain: what it decided.
    pub decision: Option<Decision>,
}

/// A rule as the packet met it.
#[derive(Debug)]
pub struct Visit {
    pub id: RuleId,
    /// The statement that ended it, if one did.
    pub ended: Option<Ended>,
    /// The verdict it came to, if it came to one.
    pub verdict: Option<policy::Verdict>,
    /// The chain it jumped to.
    pub inner: Option<Chain>,
}

/// Every base chain the packet met.
#[derive(Debug, Default)]
pub struct Trace {
    pub chains: Vec<Chain>,
    open: Vec<Chain>,
}

impl Trace {
    fn visit(&mut self) -> Option<&mut Visit> {
        self.open.last_mut()?.rules.last_mut()
    }
}

impl Watch for Trace {
    fn enters(&mut self, id: ChainId, _: usize) {
        self.open.push(Chain { id, rules: Vec::new(), decision: None });
    }

    fn leaves(&mut self, _: ChainId, _: usize) {
        let Some(chain) = self.open.pop() else { return };
        match self.visit() {
            Some(visit) => visit.inner = Some(chain),
            None => self.chains.push(chain),
        }
    }

    fn visits(&mut self, id: RuleId) {
        if let Some(chain) = self.open.last_mut() {
            chain.rules.push(Visit { id, ended: None, verdict: None, inner: None });
        }
    }

    fn ends(&mut self, ended: Ended) {
        if let Some(visit) = self.visit() {
            visit.ended = Some(ended);
        }
    }

    fn reaches(&mut self, _: RuleId, verdict: policy::Verdict) {
        if let Some(visit) = self.visit() {
            visit.verdict = Some(verdict);
        }
    }

    fn decided(&mut self, _: ChainId, decision: Decision) {
        if let Some(chain) = self.chains.last_mut() {
            chain.decision = Some(decision);
        }
    }
}
