//! What does a packet meet on its way through the chains? The rules that may match, in order, until one decides.

use super::super::code::{Code, End};
use super::super::counters::Counters;
use super::super::decision::{DecidedBy, Decision, Evaluation, Verdict};
use super::super::facts::Facts;
use super::super::reference::{MOST_LEVELS, sees};
use super::super::sieve::{End as SieveEnd, Sieve};
use super::super::stage::Stage;
use super::super::trace::Trace;
use super::selector::Selector;
use super::{AheadOf, Program};
use crate::frame::Frame;
use config::policy::{ChainId, RuleId};
use std::ops::ControlFlow;

impl Program {
    /// Runs the base chains of `stages`, in order, until one refuses the packet. What was decided is added to
    /// `evaluation`; if that is a refusal already, nothing runs. What rules change of `facts` is in `evaluation`; what a
    /// hook changes is as it was afterwards.
    pub fn run<F: Frame + ?Sized>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) {
        self.run_with(stages, facts, counters, evaluation, &mut (), None);
    }

    /// As [`Self::run`], of a packet for which boxes were found ahead; what `facts` say is as it was then, but for the state
    /// and marks. Tells `trace` what the outcome depends on, but for the boxes; `()` hears nothing.
    pub fn run_ahead<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        ahead: AheadOf<'_>,
        trace: &mut T,
    ) {
        self.run_with(stages, facts, counters, evaluation, trace, Some(ahead));
    }

    /// As [`Self::run`], and tells `trace` what the outcome depends on.
    pub fn run_traced<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        trace: &mut T,
    ) {
        self.run_with(stages, facts, counters, evaluation, trace, None);
    }

    fn run_with<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        trace: &mut T,
        ahead: Option<AheadOf<'_>>,
    ) {
        for stage in stages {
            if !self.has_chain(*stage) {
                continue;
            }
            let before = (facts.iif, facts.oif, facts.ct_state);
            facts.enter(stage.hook);
            facts.come_so_far(evaluation);
            for base in &self.hooks[stage.hook as usize] {
                if evaluation.is_refused() {
                    break;
                }
                if !stage.phase.covers(base.phase) || !sees(base.family, facts.packet) {
                    continue;
                }
                facts.known.shows_template = base.is_iptables;
                let mut run = Run { program: self, facts: &mut *facts, counters, evaluation, trace, ahead };
                let (verdict, decided_by) = run
                    .chain(base.chain, 0)
                    .map_or((base.policy, DecidedBy::ChainPolicy(base.chain)), |(verdict, rule)| {
                        (verdict, DecidedBy::Rule(rule))
                    });
                let has_rules =
                    !self.chains[base.chain.index()].rules.is_empty() || self.patch.changes(base.chain);
                evaluation.record(Decision { verdict, decided_by }, has_rules);
            }
            (facts.iif, facts.oif, facts.ct_state) = before;
            facts.known.no_room = false;
        }
    }

    /// The code of a rule.
    #[inline]
    fn code_of(&self, rule: u32) -> &Code {
        match rule.checked_sub(self.code.rules()) {
            None => &self.code,
            Some(added) => &self.patch.rules[added as usize],
        }
    }
}

/// One packet on its way through the chains.
pub(super) struct Run<'a, 'b, F: Frame + ?Sized, T> {
    pub(super) program: &'a Program,
    pub(super) facts: &'a mut Facts<'b, F>,
    counters: &'a Counters,
    evaluation: &'a mut Evaluation,
    pub(super) trace: &'a mut T,
    ahead: Option<AheadOf<'a>>,
}

impl<F: Frame + ?Sized, T: Trace> Run<'_, '_, F, T> {
    /// The verdict of a chain and the rule that gave it; `None` if the chain was left without one.
    fn chain(&mut self, id: ChainId, level: usize) -> Option<(Verdict, RuleId)> {
        let program = self.program;
        if program.patch.changes(id) {
            return self.patched(id, level);
        }
        let chain = &program.chains[id.index()];
        let selector = match &chain.selector {
            None => return self.rules(chain.rules.clone(), level).break_value().flatten(),
            Some(Selector::Sieve { first_rule, sieve }) => {
                return match self.rules(chain.rules.start..*first_rule, level) {
                    ControlFlow::Break(left) => left,
                    ControlFlow::Continue(()) => self.sieved(id, sieve, level),
                };
            }
            Some(Selector::Index(selector)) => selector,
        };
        if let ControlFlow::Break(left) = self.rules(chain.rules.start..selector.first_rule, level) {
            return left;
        }
        self.trace.depends(selector.varies);
        let facts = *self.facts;
        let mut candidates = selector.index.candidates(|dimension| facts.load(&selector.loads[dimension]));
        let Some(rule_of) = &selector.rule_of else {
            let rules = std::iter::from_fn(|| candidates.next().map(|number| selector.first_rule + number));
            return self.rules(rules, level).break_value().flatten();
        };
        let mut last = None;
        let rules = std::iter::from_fn(|| {
            loop {
                let rule = rule_of[candidates.next()? as usize];
                if last.replace(rule) != Some(rule) {
                    return Some(selector.first_rule + rule);
                }
            }
        });
        self.rules(rules, level).break_value().flatten()
    }

    /// The verdict of the rules that a sieve names.
    #[inline]
    fn sieved(&mut self, chain: ChainId, sieve: &Sieve, level: usize) -> Option<(Verdict, RuleId)> {
        let mut last = None;
        if let Some(ahead) = self.ahead
            && let Some(found) = ahead.found(chain, sieve, self.facts)
        {
            let end = found?;
            if let Some(verdict) = end.verdict() {
                return Some((verdict, RuleId(end.rule())));
            }
            if let ControlFlow::Break(left) = self.rules(std::iter::once(end.rule()), level) {
                return left;
            }
            last = Some(end.rule());
        }
        let candidates = sieve.candidates(self.facts);
        if T::IS_KEPT {
            self.trace.depends(sieve.varies(&candidates));
        }
        for candidate in candidates {
            let end = SieveEnd::of_label(candidate);
            // A rule may be several boxes.
            if last.is_some_and(|last| end.rule() <= last) {
                continue;
            }
            if let Some(verdict) = end.verdict() {
                return Some((verdict, RuleId(end.rule())));
            }
            last = Some(end.rule());
            if let ControlFlow::Break(left) = self.rules(std::iter::once(end.rule()), level) {
                return left;
            }
        }
        None
    }

    /// Runs these rules of a chain: goes on if none of them left it, breaks with the verdict, if any, otherwise.
    #[inline]
    pub(super) fn rules(
        &mut self,
        rules: impl Iterator<Item = u32>,
        level: usize,
    ) -> ControlFlow<Option<(Verdict, RuleId)>> {
        for rule in rules {
            let (target, comes_back) = match self.program.code_of(rule).run(
                rule,
                self.facts,
                &self.program.objects,
                self.counters,
                self.evaluation,
                self.trace,
            ) {
                End::Next => continue,
                End::Decided(verdict) => return ControlFlow::Break(Some((verdict, RuleId(rule)))),
                End::Return => return ControlFlow::Break(None),
                End::Jump(target) => (target, true),
                End::Goto(target) => (target, false),
            };
            if level == MOST_LEVELS {
                return ControlFlow::Break(Some((Verdict::Drop, RuleId(rule))));
            }
            let decided = self.chain(target, level + 1);
            if decided.is_some() || !comes_back {
                return ControlFlow::Break(decided);
            }
        }
        ControlFlow::Continue(())
    }
}
