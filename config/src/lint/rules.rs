//! Which rules are looked at, and does `ct state` say anything in them?

use super::model::StateTrap;
use super::region::Region;
use super::showing::MOST_TRIED;
use super::values::Values;
use super::walk::Walk;
use super::{Example, Kind, Linter};
use crate::policy::{ChainId, Ct, Field, Load, RuleId, ct_state};

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
        let established = Values::within([(ct_state::ESTABLISHED.into(), ct_state::ESTABLISHED.into())]);
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
}
