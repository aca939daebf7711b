//! Which rules can never match?

use super::cover::Cover;
use super::region::Region;
use super::showing::MOST_TRIED;
use super::walk::{Outcome, Walk};
use super::{Example, Kind, Linter};
use crate::policy::RuleId;

impl Linter<'_> {
    /// Whether the rule never matches; reports it, if a packet shows why.
    pub(super) fn shadowed(&mut self, id: RuleId) -> bool {
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
}

fn take(by: &[RuleId]) -> &'static str {
    if by.len() == 1 { "takes" } else { "take" }
}
