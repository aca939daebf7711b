//! Does a ruleset that tracks connections do it well? What belongs to none is stopped, what belongs to one passes
//! early.

use super::analysis::within;
use super::cover::Cover;
use super::example::TCP;
use super::model::Effect;
use super::region::Region;
use super::values::Values;
use super::walk::Walk;
use super::{Kind, Linter};
use crate::policy::HeaderBase::Transport;
use crate::policy::{ChainId, Ct, Field, Hook, Load, Meta, RuleId, Value, ct_state, interface_value};

impl Linter<'_> {
    /// Every base chain that accepts known connections.
    pub(super) fn tracking(&mut self) {
        let policy = self.analysis.policy;
        for chain in (0_u32..).map(ChainId).take(policy.chains.len()) {
            let Some(base) = policy.chains[chain.index()].base else { continue };
            if !matches!(base.hook, Hook::Input | Hook::Forward | Hook::Output) {
                continue;
            }
            let Some(established) = self.established_accept(chain) else { continue };
            if base.hook != Hook::Output {
                self.invalid(chain, base.hook, established);
            }
            self.late(chain, base.hook, established);
        }
    }

    /// The rule that accepts packets of known connections whatever else they are.
    fn established_accept(&self, chain: ChainId) -> Option<RuleId> {
        let state = Field::plain(Load::Ct(Ct::State), 32);
        let (state, _) = self.analysis.space.dimensions.iter().find(|(_, field)| **field == state)?;
        self.analysis.policy.rules_of(chain).map(|(id, _)| id).find(|id| {
            let model = &self.analysis.models[id.index()];
            model.exact
                && model.branches.iter().filter(|branch| branch.effect == Effect::Accept).any(|branch| {
                    branch.regions.iter().any(|region| {
                        let cell = region.cell(state);
                        region.cells().count() == 1
                            && cell.is_some_and(|cell| {
                                cell.contains(Some(ct_state::ESTABLISHED.into()))
                                    && !cell.contains(Some(ct_state::INVALID.into()))
                            })
                    })
                })
        })
    }

    /// Is a TCP segment that belongs to no connection accepted?
    fn invalid(&mut self, chain: ChainId, hook: Hook, established: RuleId) {
        let policy = self.analysis.policy;
        let Some(strange) = self.packets(TCP, ct_state::INVALID) else { return };
        let rules: Vec<RuleId> = policy.rules_of(chain).map(|(id, _)| id).collect();
        for id in rules {
            let model = &self.analysis.models[id.index()];
            let accepts = |effect| matches!(effect, Effect::Accept | Effect::Jump(_) | Effect::Goto(_));
            let accepting = model.branches.iter().filter(|branch| accepts(branch.effect));
            let regions: Vec<Region> = accepting.flat_map(|branch| branch.regions.clone()).collect();
            let arriving = within(
                &within(&regions, &self.analysis.entries[chain.index()]),
                std::slice::from_ref(&strange),
            );
            if arriving.is_empty() {
                continue;
            }
            let Cover::Open(open) = self.analysis.cover(&arriving, id) else { continue };
            let mut by = None;
            let found = self.analysis.example(&open, hook, |packet| {
                let outcome = Walk::new(policy).run(chain, packet);
                by = outcome
                    .filter(|outcome| outcome.effect == Effect::Accept)
                    .and_then(|outcome| outcome.rule);
                by.is_some() && self.passes_others(chain, hook, packet)
            });
            let (Some(packet), Some(by)) = (found, by) else { continue };
            let (span, other) = (self.places.rule(by), self.places.rule(established));
            let fate = self.fate(Some(by), Some(Effect::Accept), span);
            let text = "this rule accepts TCP segments that belong to no connection, though known connections are \
                        accepted by another";
            let finding = self.report(Kind::InvalidAccepted, span, text).rule(by);
            finding.related(other, "known connections are accepted here").shown(packet, chain, &fate);
            finding.by.push(established);
            finding.help("`ct state invalid drop` before it");
            return;
        }
    }

    /// Are packets of known connections stopped by port or protocol before they are accepted, or kept waiting?
    fn late(&mut self, chain: ChainId, hook: Hook, established: RuleId) {
        let policy = self.analysis.policy;
        let Some(known) = self.packets(TCP, ct_state::ESTABLISHED) else { return };
        let before: Vec<RuleId> =
            policy.rules_of(chain).map(|(id, _)| id).take_while(|id| *id < established).collect();
        for &id in &before {
            let model = &self.analysis.models[id.index()];
            let stops = |effect| matches!(effect, Effect::Drop | Effect::Reject(_));
            let stopping = model.branches.iter().filter(|branch| stops(branch.effect));
            let regions: Vec<Region> = stopping.flat_map(|branch| branch.regions.clone()).collect();
            let by_service = |region: &Region| {
                region.cells().all(|(at, _)| is_service(&self.analysis.space.dimensions.field(at).load))
            };
            if !model.exact || !regions.iter().any(by_service) {
                continue;
            }
            let arriving = within(
                &within(&regions, &self.analysis.entries[chain.index()]),
                std::slice::from_ref(&known),
            );
            let found = arriving
                .iter()
                .filter(|region| !region.cells().any(|(_, values)| values.is_empty()))
                .find_map(|region| {
                    self.analysis.example(region, hook, |packet| {
                        let outcome = Walk::new(policy).run(chain, packet);
                        let without = Walk::without(policy, id).run(chain, packet);
                        outcome.is_some_and(|outcome| outcome.rule == Some(id))
                            && without.is_some_and(|without| without.rule == Some(established))
                    })
                });
            let Some(packet) = found else { continue };
            let (span, other) = (self.places.rule(established), self.places.rule(id));
            let fate = self.fate(
                Some(id),
                self.analysis.models[id.index()].branches.first().map(|branch| branch.effect),
                span,
            );
            let text =
                "this rule comes too late for packets of known connections that a rule before it stops";
            let finding = self.report(Kind::LateEstablished, span, text).rule(established);
            finding.related(other, "this rule stops them").shown(packet, chain, &fate);
            finding.by.push(id);
            finding.help("accept known connections first");
            return;
        }
        let services = before.iter().filter(|id| self.opens_port(**id)).count();
        if before.len() < MANY && services < SERVICES {
            return;
        }
        let entries = within(&self.analysis.entries[chain.index()], &[known]);
        let found = entries.iter().find_map(|region| {
            self.analysis.example(region, hook, |packet| {
                let mut walk = Walk::new(policy);
                let outcome = walk.run(chain, packet);
                let before = walk.met.iter().filter(|id| policy.rules[id.index()].chain == chain).count();
                outcome.is_some_and(|outcome| outcome.rule == Some(established))
                    && before > MANY.min(SERVICES)
            })
        });
        let Some(packet) = found else { return };
        let (span, first) = (self.places.rule(established), self.places.rule(before[0]));
        let text = format!(
            "every packet of a known connection passes {} rules before this one accepts it",
            before.len()
        );
        let fate = self.fate(Some(established), Some(Effect::Accept), span);
        let finding = self.report(Kind::LateEstablished, span, text).rule(established);
        finding.related(first, "it meets this rule first").shown(packet, chain, &fate);
        finding.by.push(before[0]);
        finding.help("accept known connections first");
    }

    /// Whether the rule accepts what goes to a port, without a word about connections.
    fn opens_port(&self, id: RuleId) -> bool {
        let dimensions = &self.analysis.space.dimensions;
        let port = |at| matches!(dimensions.field(at).load, Load::Payload { base: Transport, width: 16, .. });
        let state = |at| matches!(dimensions.field(at).load, Load::Ct(_));
        let branches = &self.analysis.models[id.index()].branches;
        branches.iter().filter(|branch| branch.effect == Effect::Accept).any(|branch| {
            branch.regions.iter().any(|region| {
                region.cells().any(|(at, _)| port(at)) && !region.cells().any(|(at, _)| state(at))
            })
        })
    }

    /// Packets of `protocol` and `state` that do not come from this host itself.
    pub(super) fn packets(&self, protocol: u8, state: u32) -> Option<Region> {
        let one = |value: Value| Values::within([(value, value)]);
        let lo = Values::within([interface_value("lo").map_or((1, 0), |lo| (lo, lo))]).complement(128);
        let analysis = &self.analysis;
        let mut region = Region::default();
        region =
            analysis.limited(region, &Field::plain(Load::Meta(Meta::L4Proto), 8), one(protocol.into()))?;
        region = analysis.limited(region, &Field::plain(Load::Ct(Ct::State), 32), one(state.into()))?;
        region = analysis.limited(region, &Field::plain(Load::Meta(Meta::IifName), 128), lo.clone())?;
        analysis.limited(region, &Field::plain(Load::Meta(Meta::OifName), 128), lo)
    }
}

/// Whether a condition on this is about what kind of traffic a packet is, not about who sends it.
const fn is_service(load: &Load) -> bool {
    matches!(
        load,
        Load::Meta(
            Meta::L4Proto | Meta::NfProto | Meta::Protocol | Meta::Length | Meta::IifName | Meta::OifName
        ) | Load::Ct(Ct::State | Ct::Direction)
            | Load::Payload { base: Transport, offset: 0 | 16, width: 16 }
    )
}

/// So many rules before the one that accepts known connections are too many.
const MANY: usize = 12;
/// So many of them that open a port were better behind it.
const SERVICES: usize = 3;
