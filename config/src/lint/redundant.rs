//! Which rules change nothing?

use super::model::{Effect, Modelled};
use super::region::Region;
use super::values::Values;
use super::walk::Walk;
use super::wording::past;
use super::{Kind, Linter};
use crate::policy::{ChainId, ChainPolicy, Ct, Field, Load, RuleId, ct_state};

impl Linter<'_> {
    /// Reports the rule if without it every packet fares the same.
    pub(super) fn redundant(&mut self, id: RuleId) {
        let policy = self.analysis.policy;
        let model = &self.analysis.models[id.index()];
        if model.side_effects || model.counts && !self.counts_by_habit(id) || model.branches.len() != 1 {
            return;
        }
        let effect = match model.branches[0].effect {
            Effect::Jump(to) if policy.chains[to.index()].rules.is_empty() => {
                self.empty_jump(id, to);
                return;
            }
            effect => effect,
        };
        let arriving = self.analysis.arriving(id);
        let chain = policy.rules[id.index()].chain;
        let Some(kept) = self.same_without(id, effect, &arriving) else { return };
        if self.is_custom(id, effect, &kept, &arriving) {
            return;
        }
        let found = self.example_for(&arriving, id, |base, packet| {
            let with = Walk::new(policy).run(base, packet);
            let without = Walk::without(policy, id).run(base, packet);
            let mut walk = Walk::new(policy);
            walk.run(base, packet);
            let decides = effect == Effect::Nothing || with.is_some_and(|with| with.rule == Some(id));
            let same = with.zip(without).is_some_and(|(with, without)| with.effect == without.effect);
            decides && same && walk.met.contains(&id)
        });
        let Some((packet, base)) = found else { return };
        let span = self.places.rule(id);
        if effect == Effect::Nothing {
            let text = "this rule has no effect: it neither decides nor counts";
            self.report(Kind::Redundant, span, text).rule(id).shown(packet, base, "matched, and goes on");
            return;
        }
        let without = Walk::without(policy, id).run(base, &packet);
        let next = without.and_then(|without| without.rule);
        let verdict = verdict_word(effect);
        let (other, text, note) = match next {
            Some(rule) => {
                let lines = self.lines(&kept, span);
                let text =
                    format!("this rule changes nothing: {lines} behind it would {verdict} the same packets");
                (self.places.rule(rule), text, "this rule would do the same")
            }
            None => {
                let text = format!(
                    "this rule changes nothing: the policy of the chain would {verdict} the same packets"
                );
                (self.places.chain(chain), text, "the chain with this policy")
            }
        };
        let fate = format!("{} with the rule and without it", past(effect));
        let finding = self.report(Kind::Redundant, span, text).rule(id).related(other, note);
        finding.shown(packet, base, &fate);
        finding.by = kept;
    }

    /// The rules behind `id` that do the same to all of `regions`; none of them if the policy does its part; nothing
    /// if that is not so, or not certain.
    fn same_without(&mut self, id: RuleId, effect: Effect, regions: &[Region]) -> Option<Vec<RuleId>> {
        let policy = self.analysis.policy;
        let mut by = Vec::new();
        match effect {
            Effect::Nothing => return Some(by),
            Effect::Accept | Effect::Drop | Effect::Reject(_) => {}
            _ => return None,
        }
        let chain = &policy.chains[policy.rules[id.index()].chain.index()];
        let policy_same = chain.base.is_some_and(|base| match base.policy {
            ChainPolicy::Accept => effect == Effect::Accept,
            ChainPolicy::Drop => effect == Effect::Drop,
        });
        if !policy_same && !self.same_behind(id, effect, regions) {
            return None;
        }
        let mut left = regions.to_vec();
        for other in (id.0 + 1..chain.rules.end).map(RuleId) {
            if left.is_empty() {
                break;
            }
            let analysis = &mut self.analysis;
            if !analysis.walks.spend(left.len()) {
                analysis.doubts.insert(id);
                return None;
            }
            let model = &analysis.models[other.index()];
            for branch in &model.branches {
                for region in &branch.regions {
                    if !left.iter().any(|open| open.meets(region)) {
                        continue;
                    }
                    if model.side_effects || branch.effect != effect && branch.effect != Effect::Nothing {
                        return None;
                    }
                    if model.exact && branch.effect == effect {
                        let dimensions = &analysis.space.dimensions;
                        left = left.iter().flat_map(|open| open.without(region, dimensions)).collect();
                        by.push(other);
                    }
                }
            }
            if left.len() > MOST_LEFT {
                return None;
            }
        }
        by.dedup();
        (left.is_empty() || policy_same).then_some(by)
    }

    /// A quick look whether a rule behind `id` does the same to some packet of `regions` at all.
    fn same_behind(&mut self, id: RuleId, effect: Effect, regions: &[Region]) -> bool {
        let analysis = &mut self.analysis;
        let Some(region) = regions.first() else { return false };
        let takers = &analysis.takers[analysis.policy.rules[id.index()].chain.index()];
        let point = analysis.space.point(region);
        let found = takers.find(&point, &takers.behind(id), &mut analysis.budget, |_| true);
        found.is_some_and(|taken| {
            analysis.models[taken.by.index()].branches.iter().any(|branch| branch.effect == effect)
        })
    }

    /// A jump to a chain without rules.
    fn empty_jump(&mut self, id: RuleId, to: ChainId) {
        let arriving = self.analysis.arriving(id);
        let Some((packet, base)) = self.example_for(&arriving, id, |_, _| true) else { return };
        let (span, other) = (self.places.rule(id), self.places.chain(to));
        let name = &self.analysis.policy.chains[to.index()].name;
        let text = format!("this rule has no effect: chain `{name}` has no rules");
        let finding = self.report(Kind::Redundant, span, text).rule(id);
        finding.related(other, "the chain without rules").shown(packet, base, "matched, and goes on");
    }

    /// Whether the count of a rule says nothing of what is meant by it: in a dump, and where all of its chain count.
    fn counts_by_habit(&self, id: RuleId) -> bool {
        let policy = self.analysis.policy;
        let rules = policy.chains[policy.rules[id.index()].chain.index()].rules.clone();
        let counts = |rule: &Modelled| rule.counts || rule.side_effects;
        self.places.is_dump(id)
            || rules.len() > 2 && rules.clone().all(|rule| counts(&self.analysis.models[rule as usize]))
    }

    /// Whether the rule is what careful administrators write although it changes nothing: the last word of a chain
    /// said again, `ct state invalid drop`, or known connections accepted first.
    fn is_custom(&self, id: RuleId, effect: Effect, by: &[RuleId], arriving: &[Region]) -> bool {
        let policy = self.analysis.policy;
        let habit = self.counts_by_habit(id);
        let policy_says = by.is_empty() && effect != Effect::Nothing;
        if habit && policy_says {
            return true;
        }
        if effect == Effect::Nothing {
            return habit || self.analysis.models[id.index()].branches[0].regions.is_empty();
        }
        let rule = &policy.rules[id.index()];
        let entries = &self.analysis.entries[rule.chain.index()];
        let is_last = policy.chains[rule.chain.index()].rules.end == id.0 + 1;
        if is_last && by.is_empty() && entries.iter().all(|entry| arriving.contains(entry)) {
            return true;
        }
        let state = Field::plain(Load::Ct(Ct::State), 32);
        let found = self.analysis.space.dimensions.iter().find(|(_, field)| **field == state);
        let usual: &[u32] = match effect {
            Effect::Accept => &[ct_state::ESTABLISHED, ct_state::RELATED],
            _ => &[ct_state::INVALID],
        };
        let usual = Values::within(usual.iter().map(|&bit| (bit.into(), bit.into())));
        found.is_some_and(|(dimension, _)| {
            arriving.iter().all(|region| region.cell(dimension).is_some_and(|states| usual.holds(states)))
        })
    }
}

const fn verdict_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Accept => "accept",
        Effect::Drop => "drop",
        _ => "reject",
    }
}

/// Boxes left of one rule by those behind it.
const MOST_LEFT: usize = 64;
