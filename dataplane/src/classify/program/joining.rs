//! May this rule come in beside what is compiled? Only one that changes nothing the compiled rules rely on.

use super::super::check::{self, Below};
use super::super::code::Code;
use super::super::sets::Set;
use super::patch::MOST_ADDED;
use super::{Facts, Program, each_field};
use crate::object::Objects;
use config::policy::{self, ChainId, Ct, Family, Field, Load, Policy, RuleId, SetId, Statement, Verdict};
use std::sync::Arc;

impl Program {
    /// The program with a rule more, number `at` of its chain, from 0. Its own number continues those of the rules there
    /// are. `grown` is the policy that was compiled, whose sets and counters may have become more at their ends; its
    /// rules are not looked at. `None` if everything must be compiled anew.
    pub(crate) fn with_rule(&self, grown: &Policy, rule: &policy::Rule, at: usize) -> Option<Self> {
        let chain = self.chains.get(rule.chain.index())?;
        let length = chain.rules.len() + self.patch.added(rule.chain);
        let number = self.code.rules() + self.patch.rules.len() as u32;
        let known = self.sets();
        if at > length
            || self.patch.rules.len() >= MOST_ADDED
            || grown.tracks != self.tracks
            || grown.counters.len() < self.counters
            || !self.may_join(grown, rule, RuleId(number))
        {
            return None;
        }
        let mut patch = self.patch.clone();
        for (id, set) in (known as u32..).map(SetId).zip(grown.sets.get(known..)?) {
            if Objects::keeps(set) || check::check_set(grown, id, set).is_err() {
                return None;
            }
            patch.sets.push(Arc::new(Set::compile(set)));
        }
        let code = Code::of_rule(&self.code, &patch.sets, number, rule, &self.objects);
        patch.rules.push(Arc::new(code));
        patch.insert(rule.chain, chain.rules.start, at as u32, number);
        Some(Self {
            hooks: Arc::clone(&self.hooks),
            chains: Arc::clone(&self.chains),
            below: Arc::clone(&self.below),
            leads_to: Arc::clone(&self.leads_to),
            code: Arc::clone(&self.code),
            objects: Arc::clone(&self.objects),
            patch,
            counters: grown.counters.len(),
            ..*self
        })
    }

    /// How many sets there are.
    fn sets(&self) -> usize {
        self.code.sets.len() + self.patch.sets.len()
    }

    /// Whether the rule may come in: it only looks, counts, logs or decides, by what is there for the others.
    fn may_join(&self, grown: &Policy, rule: &policy::Rule, number: RuleId) -> bool {
        let Some(chain) = grown.chains.get(rule.chain.index()) else { return false };
        let tracked = match chain.family {
            Family::Ip => self.tracks.v4,
            Family::Ip6 => self.tracks.v6,
            _ => self.tracks.v4 && self.tracks.v6,
        };
        let is_base = chain.base.is_some();
        check::check_rule(grown, number, &rule.statements).is_ok()
            && rule.statements.iter().all(|statement| {
                let mut known = true;
                each_field(statement, |field| known &= is_known(field, tracked));
                known
                    && match statement {
                        Statement::Match(_) | Statement::Reject(_) | Statement::Counter(_) => true,
                        Statement::Limit(limit) => self.objects.has_limit(*limit),
                        Statement::Quota(quota) => self.objects.used(*quota).is_some(),
                        Statement::Log(_) => self.logs,
                        Statement::Verdict(verdict) => self.may_end(is_base, *verdict),
                        Statement::VerdictMap { map, .. } => {
                            let verdicts = &grown.sets[map.index()].verdicts;
                            verdicts.iter().all(|&verdict| self.may_end(is_base, verdict))
                        }
                        _ => false,
                    }
            })
    }

    /// Whether a rule may end so: a jump, only from a base chain to one that leads nowhere and leaves the connection as it
    /// is. There is no circle then, nor are there too many levels.
    fn may_end(&self, is_base: bool, verdict: Verdict) -> bool {
        match verdict {
            Verdict::Jump(to) | Verdict::Goto(to) => is_base && self.is_leaf(to),
            _ => true,
        }
    }

    fn is_leaf(&self, chain: ChainId) -> bool {
        self.below.get(chain.index()).is_some_and(Below::is_leaf)
    }
}

/// Whether what a field reads is there whatever other rules ask for.
fn is_known(field: &Field, tracked: bool) -> bool {
    match field.load {
        Load::Ct(Ct::Packets(_) | Ct::Bytes(_) | Ct::AveragePacket(_)) => false,
        Load::Ct(_) => tracked,
        ref load => !Facts::<[u8]>::is_drawn(load),
    }
}
