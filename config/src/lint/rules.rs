//! Which rules can never match, and which change nothing?

use super::analysis::within;
use super::cover::Cover;
use super::model::{Effect, Modelled, StateTrap};
use super::region::Region;
use super::values::Values;
use super::walk::{Outcome, Walk};
use super::{Example, Kind, Linter};
use crate::diagnostic::Span;
use crate::policy::{ChainId, ChainPolicy, Ct, Field, Load, RuleId, ct_state};

impl Linter<'_> {
    /// Every rule that packets could come to.
    pub(super) fn rules(&mut self) {
        let policy = self.analysis.policy;
        for id in (0_u32..).map(RuleId).take(policy.rules.len()) {
            let chain = policy.rules[id.index()].chain;
            if self.analysis.bases[chain.index()].is_empty()
                || self.analysis.entries[chain.index()].is_empty()
            {
                continue;
            }
            let trapped = self.state_trap(id);
            if trapped == Some(StateTrap::Never) || self.shadowed(id) {
                continue;
            }
            self.redundant(id);
        }
    }

    /// `ct state` compared so that it says nothing.
    fn state_trap(&mut self, id: RuleId) -> Option<StateTrap> {
        let trap = self.analysis.models[id.index()].state_trap?;
        let Some((packet, base)) = self.state_example(id, trap) else {
            return Some(trap);
        };
        let span = self.places.rule(id);
        let help = "`ct state established,related` asks for either, `ct state != { established, related }` for neither";
        match trap {
            StateTrap::Never => {
                let text =
                    "this rule never matches: a packet has one connection state at a time, never several";
                self.report(Kind::CtState, span, text).rule(id).help(help).shown(packet, base, "not matched")
            }
            StateTrap::Always => {
                let text =
                    "this condition on `ct state` holds for every packet: none has several states at once";
                self.report(Kind::CtState, span, text).rule(id).help(help).shown(packet, base, "matched")
            }
        };
        Some(trap)
    }

    /// A packet of a state that the condition names, and a base chain that leads to the rule.
    fn state_example(&mut self, id: RuleId, trap: StateTrap) -> Option<(Example, ChainId)> {
        let policy = self.analysis.policy;
        let chain = policy.rules[id.index()].chain;
        let base = *self.analysis.bases[chain.index()].first()?;
        let hook = policy.chains[base.index()].base?.hook;
        let field = Field::plain(Load::Ct(Ct::State), 32);
        let established =
            super::values::Values::within([(ct_state::ESTABLISHED.into(), ct_state::ESTABLISHED.into())]);
        let regions = match trap {
            StateTrap::Always => self.analysis.arriving(id),
            StateTrap::Never => self.analysis.entries[chain.index()].clone(),
        };
        let mut regions: Vec<Region> = regions
            .into_iter()
            .filter_map(|region| self.analysis.limited(region, &field, established.clone()))
            .collect();
        regions.truncate(MOST_TRIED);
        let found = regions.iter().find_map(|region| {
            self.analysis.example(region, hook, |packet| {
                Walk::new(policy).could_match(id, packet) == (trap == StateTrap::Always)
            })
        });
        Some((found?, base))
    }

    /// Whether the rule never matches; reports it, if a packet shows why.
    fn shadowed(&mut self, id: RuleId) -> bool {
        let policy = self.analysis.policy;
        let arriving = self.analysis.arriving(id);
        if arriving.is_empty() {
            self.never_matches(id);
            return true;
        }
        let Cover::All(by) = self.analysis.cover(&arriving, id) else {
            return false;
        };
        // One that the rules named decide, before one that others do.
        let never = |base, packet: &Example, decisive: bool| {
            let mut walk = Walk::new(policy);
            let outcome = walk.run(base, packet);
            let by = |outcome: Outcome| !decisive || outcome.rule.is_some_and(|rule| by.contains(&rule));
            outcome.is_some_and(by) && !walk.met.contains(&id)
        };
        let found = self
            .example_for(&arriving, id, |base, packet| never(base, packet, true))
            .or_else(|| self.example_for(&arriving, id, |base, packet| never(base, packet, false)));
        let mut walk = Walk::new(policy);
        let outcome = found.as_ref().and_then(|(packet, base)| walk.run(*base, packet));
        let decided = outcome.and_then(|outcome| outcome.rule).filter(|rule| by.contains(rule));
        let met = walk.met.iter().rev().copied().find(|rule| by.contains(rule));
        let Some(first) = decided.or(met).or(by.first().copied()) else { return true };
        let span = self.places.rule(id);
        let lines = self.lines(&by, span);
        let text = format!("this rule never matches: {lines} before it {} everything it could", take(&by));
        let other = self.places.rule(first);
        let fate = outcome.map(|outcome| self.fate(outcome.rule, Some(outcome.effect), span));
        let finding = self.report(Kind::Shadowed, span, text);
        finding.rule(id).related(other, "this rule comes first");
        if let (Some((packet, base)), Some(fate)) = (found, fate) {
            finding.shown(packet, base, &fate);
        }
        finding.by = by;
        true
    }

    /// No packet that comes here fits.
    fn never_matches(&mut self, id: RuleId) {
        let policy = self.analysis.policy;
        let chain = policy.rules[id.index()].chain;
        let regions: Vec<Region> = self.analysis.models[id.index()]
            .branches
            .iter()
            .flat_map(|branch| branch.regions.clone())
            .collect();
        let span = self.places.rule(id);
        let is_base = policy.chains[chain.index()].base.is_some();
        // A packet that fits, but is taken on the way to this chain.
        let found = self.example_for(&regions, id, |base, packet| {
            let mut walk = Walk::new(policy);
            walk.run(base, packet).is_some() && !walk.met.contains(&id)
        });
        match found {
            Some((packet, base)) if !is_base => {
                let outcome = Walk::new(policy).run(base, &packet);
                let by = outcome.and_then(|outcome| outcome.rule);
                let fate = self.fate(by, outcome.map(|outcome| outcome.effect), span);
                let name = &policy.chains[chain.index()].name;
                let text = format!("this rule never matches: no packet that comes to chain `{name}` fits it");
                let other = by.map(|rule| self.places.rule(rule));
                let finding = self.report(Kind::NeverMatches, span, text).rule(id).shown(packet, base, &fate);
                finding.by.extend(by);
                if let Some(other) = other {
                    finding.related(other, "what fits it is decided here");
                }
            }
            _ => {
                let base = self.analysis.bases[chain.index()].first().copied();
                let hook = base.and_then(|base| policy.chains[base.index()].base).map(|base| base.hook);
                let Some((base, hook)) = base.zip(hook) else { return };
                let text =
                    format!("this rule never matches: no packet on {hook} can meet all of its conditions");
                let entries = self.analysis.entries[chain.index()].clone();
                let packet = entries.iter().take(MOST_TRIED).find_map(|region| {
                    self.analysis.example(region, hook, |packet| !Walk::new(policy).could_match(id, packet))
                });
                if let Some(packet) = packet {
                    self.report(Kind::NeverMatches, span, text).rule(id).shown(packet, base, "not matched");
                }
            }
        }
    }

    /// Reports the rule if without it every packet fares the same.
    fn redundant(&mut self, id: RuleId) {
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

    /// A packet of one of `regions` that could match `id` and of which `holds` is true on a base chain leading there.
    pub(super) fn example_for(
        &self,
        regions: &[Region],
        id: RuleId,
        mut holds: impl FnMut(ChainId, &Example) -> bool,
    ) -> Option<(Example, ChainId)> {
        let policy = self.analysis.policy;
        let chain = policy.rules[id.index()].chain;
        for &base in self.analysis.bases[chain.index()].iter().take(MOST_TRIED) {
            let Some(attached) = policy.chains[base.index()].base else { continue };
            for region in within(regions, &self.analysis.entries[base.index()]).iter().take(MOST_TRIED) {
                let found = self.analysis.example(region, attached.hook, |packet| {
                    Walk::new(policy).could_match(id, packet) && holds(base, packet)
                });
                if let Some(found) = found {
                    return Some((found, base));
                }
            }
        }
        None
    }

    /// "the rule at line 3", "the rules at lines 3, 5 and 9".
    pub(super) fn lines(&self, rules: &[RuleId], from: Span) -> String {
        let elsewhere = rules.iter().any(|rule| self.places.rule(*rule).source != from.source);
        let mut words: Vec<String> = rules
            .iter()
            .map(|rule| {
                let span = self.places.rule(*rule);
                let line = self.places.line(self.ruleset, span);
                let source = self.ruleset.sources.get(usize::from(span.source)).filter(|_| elsewhere);
                source.map_or_else(|| line.to_string(), |source| format!("{}:{line}", source.name))
            })
            .collect();
        words.dedup();
        let more = words.len().saturating_sub(MOST_LINES);
        words.truncate(MOST_LINES);
        if more > 0 {
            words.push(format!("{more} more"));
        }
        let line = if elsewhere { "" } else { "line " };
        let plural = if elsewhere { "" } else { "lines " };
        match words.split_last() {
            None => "the rules".to_owned(),
            Some((only, [])) => format!("the rule at {line}{only}"),
            Some((last, rest)) => format!("the rules at {plural}{} and {last}", rest.join(", ")),
        }
    }

    /// "accepted by the rule at line 3".
    pub(super) fn fate(&self, rule: Option<RuleId>, effect: Option<Effect>, from: Span) -> String {
        let done = effect.map_or("not seen", past);
        match rule {
            Some(rule) => format!("{done} by {}", self.lines(&[rule], from)),
            None => format!("{done} by the policy of the chain"),
        }
    }
}

fn take(by: &[RuleId]) -> &'static str {
    if by.len() == 1 { "takes" } else { "take" }
}

const fn verdict_word(effect: Effect) -> &'static str {
    match effect {
        Effect::Accept => "accept",
        Effect::Drop => "drop",
        _ => "reject",
    }
}

const fn past(effect: Effect) -> &'static str {
    match effect {
        Effect::Accept => "accepted",
        Effect::Drop => "dropped",
        _ => "rejected",
    }
}

/// Boxes and base chains tried for one example.
const MOST_TRIED: usize = 32;
/// Boxes left of one rule by those behind it.
const MOST_LEFT: usize = 64;
/// Lines named in one message.
const MOST_LINES: usize = 4;
