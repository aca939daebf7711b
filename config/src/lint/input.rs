//! Who gets in? The policy of a chain, neighbour discovery, and the ports that must stay open.

use super::analysis::within;
use super::cover::Cover;
use super::domain::{port, transport_byte};
use super::example::{ICMPV6, TCP, UDP};
use super::model::Effect;
use super::region::Region;
use super::values::Values;
use super::walk::Walk;
use super::{Example, Keep, Kind, Linter};
use crate::policy::{
    ChainId, ChainPolicy, Family, Field, HeaderBase, Hook, Load, Meta, RuleId, Value, ct_state,
};

/// Whether some packet passes a chain.
enum Passes {
    /// This one does.
    Yes,
    /// None does.
    Never,
    /// It could not be told.
    Unknown,
}

impl Linter<'_> {
    /// Every base chain on the way in, out and through.
    pub(super) fn input(&mut self, keep: &[Keep]) {
        let policy = self.analysis.policy;
        for chain in (0_u32..).map(ChainId).take(policy.chains.len()) {
            let Some(base) = policy.chains[chain.index()].base else { continue };
            if !matches!(policy.chains[chain.index()].family, Family::Ip | Family::Ip6 | Family::Inet) {
                continue;
            }
            if matches!(base.hook, Hook::Input | Hook::Forward) && base.policy == ChainPolicy::Accept {
                self.policy_accept(chain, base.hook);
            }
            if matches!(base.hook, Hook::Input | Hook::Output) {
                self.neighbours(chain, base.hook);
            }
        }
        for keep in keep {
            self.keep(*keep);
        }
    }

    /// Does a packet that no rule decides get in?
    fn policy_accept(&mut self, chain: ChainId, hook: Hook) {
        let policy = self.analysis.policy;
        for protocol in [TCP, UDP] {
            let Some(new) = self.packets(protocol, ct_state::NEW) else { continue };
            let Some(new) = self.analysis.limited(new, &port(16), Values::present(16)) else { continue };
            let arriving = within(&self.analysis.entries[chain.index()], &[new]);
            let Cover::Open(open) = self.analysis.cover_in(&arriving, chain) else { continue };
            let found = self.analysis.example(&open, hook, |packet| {
                let outcome = Walk::new(policy).run(chain, packet);
                outcome.is_some_and(|outcome| outcome.rule.is_none())
                    && self.passes_others(chain, hook, packet)
            });
            let Some(packet) = found else { continue };
            let span = self.places.chain(chain);
            let text = format!("the policy of this chain is accept: what no rule decides passes on {hook}");
            let finding = self.report(Kind::PolicyAccept, span, text);
            finding.shown(packet, chain, "accepted by the policy of the chain").help("`policy drop`");
            return;
        }
    }

    /// Whether the other chains of the hook let the packet pass, too.
    pub(super) fn passes_others(&self, chain: ChainId, hook: Hook, packet: &Example) -> bool {
        let policy = self.analysis.policy;
        let others = policy.base_chains(hook).into_iter().filter(|other| *other != chain);
        others.into_iter().all(|other| {
            self.analysis.run(other, packet).is_none_or(|outcome| outcome.effect == Effect::Accept)
        })
    }

    /// Is IPv6 accepted, but not the solicitations and advertisements of RFC 4861 that it lives on?
    fn neighbours(&mut self, chain: ChainId, hook: Hook) {
        let policy = self.analysis.policy;
        if policy.chains[chain.index()].family == Family::Ip {
            return;
        }
        let Some((accepted, by)) = self.accepted_ipv6(chain, hook) else { return };
        for (kind, name) in [(135_u8, "neighbour solicitations"), (136, "neighbour advertisements")] {
            let Some(region) = self.neighbour_packets(kind) else { continue };
            if !matches!(self.passes(chain, hook, &region), Passes::Never) {
                continue;
            }
            let entries = within(&self.analysis.entries[chain.index()], &[region]);
            let mut outcome = None;
            let found = entries.iter().find_map(|region| {
                self.analysis.example(region, hook, |packet| {
                    outcome = Walk::new(policy).run(chain, packet);
                    outcome.is_some_and(|outcome| outcome.effect != Effect::Accept)
                })
            });
            let Some(packet) = found else { continue };
            let rule = outcome.and_then(|outcome| outcome.rule);
            let fate = self.fate(rule, outcome.map(|outcome| outcome.effect), self.places.chain(chain));
            let (span, other) = (self.places.chain(chain), self.places.rule(by));
            let text =
                format!("this chain accepts IPv6, but no {name}: no IPv6 address can be reached without");
            let finding = self.report(Kind::NoNeighbours, span, text);
            finding.related(other, format!("this rule accepts {accepted}")).shown(packet, chain, &fate);
            finding.by.push(by);
            finding.help("`icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`");
            return;
        }
    }

    /// A TCP or UDP packet over IPv6 that the chain accepts, and the rule that does.
    fn accepted_ipv6(&mut self, chain: ChainId, hook: Hook) -> Option<(Example, RuleId)> {
        let policy = self.analysis.policy;
        for (protocol, state) in [(TCP, ct_state::NEW), (TCP, ct_state::ESTABLISHED), (UDP, ct_state::NEW)] {
            let Some(region) = self.packets(protocol, state) else { continue };
            let Some(region) = self.of_family(region, true) else { continue };
            let mut by = None;
            let found = self.accepted(chain, hook, &region, |packet| {
                by = Walk::new(policy).run(chain, packet).and_then(|outcome| outcome.rule);
                by.is_some()
            });
            if let (Some(packet), Some(by)) = (found, by) {
                return Some((packet, by));
            }
        }
        None
    }

    /// A packet of `region` that some rule of the chain, or below it, accepts, and of which `holds` is true.
    fn accepted(
        &self,
        chain: ChainId,
        hook: Hook,
        region: &Region,
        mut holds: impl FnMut(&Example) -> bool,
    ) -> Option<Example> {
        let policy = self.analysis.policy;
        let rules = policy.rules.iter().zip((0_u32..).map(RuleId));
        let below = rules.filter(|(rule, _)| self.analysis.bases[rule.chain.index()].contains(&chain));
        for (_, id) in below {
            let branches = &self.analysis.models[id.index()].branches;
            for branch in branches.iter().filter(|branch| branch.effect == Effect::Accept) {
                for accepted in within(&branch.regions, std::slice::from_ref(region)) {
                    let found = self.analysis.example(&accepted, hook, |packet| {
                        let outcome = Walk::new(policy).run(chain, packet);
                        outcome.is_some_and(|outcome| outcome.effect == Effect::Accept) && holds(packet)
                    });
                    if found.is_some() {
                        return found;
                    }
                }
            }
        }
        None
    }

    /// Neighbour discovery messages of a type: they are untracked, and from a neighbour.
    fn neighbour_packets(&self, kind: u8) -> Option<Region> {
        let region = self.packets(ICMPV6, ct_state::UNTRACKED)?;
        let region = self.of_family(region, true)?;
        self.analysis.limited(region, &transport_byte(0), Values::within([(kind.into(), kind.into())]))
    }

    fn of_family(&self, region: Region, v6: bool) -> Option<Region> {
        let number: Value = if v6 { 10 } else { 2 };
        let field = Field::plain(Load::Meta(Meta::NfProto), 8);
        self.analysis.limited(region, &field, Values::within([(number, number)]))
    }

    /// Can a stranger open a connection to the port, and does the answer get out?
    fn keep(&mut self, keep: Keep) {
        let policy = self.analysis.policy;
        let ways = [(Hook::Input, ct_state::NEW, 16, "in"), (Hook::Output, ct_state::ESTABLISHED, 0, "out")];
        for (hook, state, offset, way) in ways {
            for chain in policy.base_chains(hook) {
                let family = policy.chains[chain.index()].family;
                let other = match keep.from.map(|from| from.bounds().0) {
                    Some(true) => Family::Ip,
                    _ => Family::Ip6,
                };
                if !matches!(family, Family::Ip | Family::Ip6 | Family::Inet)
                    || keep.from.is_some() && family == other
                {
                    continue;
                }
                let Some(region) = self.kept(keep, state, offset, hook) else { continue };
                if let Passes::Never = self.passes(chain, hook, &region) {
                    self.locked(keep, chain, hook, &region, way);
                    return;
                }
            }
        }
    }

    /// The packets of the service: those to its port with this state, or from it, as they come to chains of `hook`.
    fn kept(&self, keep: Keep, state: u32, offset: u16, hook: Hook) -> Option<Region> {
        let region = self.packets(if keep.tcp { TCP } else { UDP }, state)?;
        let number = Values::within([(keep.port.into(), keep.port.into())]);
        let region = self.analysis.limited(region, &port(offset), number)?;
        let Some(from) = keep.from else { return Some(region) };
        let (v6, low, high) = from.bounds();
        let outward = hook == Hook::Output;
        let (offset, width) = match (v6, outward) {
            (false, false) => (96, 32),
            (false, true) => (128, 32),
            (true, false) => (64, 128),
            (true, true) => (192, 128),
        };
        let load = Load::Payload { base: HeaderBase::Network, offset, width };
        let region = self.of_family(region, v6)?;
        self.analysis.limited(region, &Field::plain(load, width), Values::within([(low, high)]))
    }

    /// Whether any packet of `region` passes the base chain.
    fn passes(&mut self, chain: ChainId, hook: Hook, region: &Region) -> Passes {
        let policy = self.analysis.policy;
        if self.accepted(chain, hook, region, |_| true).is_some() {
            return Passes::Yes;
        }
        let accepting = (0_u32..).map(RuleId).take(policy.rules.len());
        let accepting: Vec<RuleId> = accepting
            .filter(|id| {
                let bases = &self.analysis.bases[policy.rules[id.index()].chain.index()];
                let model = &self.analysis.models[id.index()];
                bases.contains(&chain) && model.branches.iter().any(|branch| branch.effect == Effect::Accept)
            })
            .collect();
        for id in accepting {
            let branches = &self.analysis.models[id.index()].branches;
            let accepts = branches.iter().filter(|branch| branch.effect == Effect::Accept);
            let regions: Vec<Region> = accepts.flat_map(|branch| branch.regions.clone()).collect();
            let entries = &self.analysis.entries[policy.rules[id.index()].chain.index()];
            let arriving = within(&within(&regions, entries), std::slice::from_ref(region));
            if !matches!(self.analysis.cover(&arriving, id), Cover::All(_)) {
                return Passes::Unknown;
            }
        }
        let accepts =
            policy.chains[chain.index()].base.is_some_and(|base| base.policy == ChainPolicy::Accept);
        if accepts {
            let arriving = within(&self.analysis.entries[chain.index()], std::slice::from_ref(region));
            if !matches!(self.analysis.cover_in(&arriving, chain), Cover::All(_)) {
                return Passes::Unknown;
            }
            // What comes back, or goes elsewhere and comes to an end there, is for the policy, too.
            let models =
                policy.rules_of(chain).flat_map(|(id, _)| &self.analysis.models[id.index()].branches);
            let mut back = models.filter(|branch| matches!(branch.effect, Effect::Return | Effect::Goto(_)));
            if back.any(|branch| branch.regions.iter().any(|out| out.meets(region))) {
                return Passes::Unknown;
            }
        }
        Passes::Never
    }

    fn locked(&mut self, keep: Keep, chain: ChainId, hook: Hook, region: &Region, way: &str) {
        let policy = self.analysis.policy;
        let entries = within(&self.analysis.entries[chain.index()], std::slice::from_ref(region));
        let mut outcome = None;
        let found = entries.iter().find_map(|region| {
            self.analysis.example(region, hook, |packet| {
                outcome = Walk::new(policy).run(chain, packet);
                outcome.is_some_and(|outcome| outcome.effect != Effect::Accept)
            })
        });
        let Some(packet) = found else { return };
        let rule = outcome.and_then(|outcome| outcome.rule);
        let fate = self.fate(rule, outcome.map(|outcome| outcome.effect), self.places.chain(chain));
        let span = self.places.chain(chain);
        let other = rule.map(|rule| self.places.rule(rule));
        let text = match way {
            "in" => format!("{keep} is closed: no rule of this chain accepts a new connection to it"),
            _ => format!("{keep} is closed: no rule of this chain lets its answers out"),
        };
        let finding = self.report(Kind::LockOut, span, text).shown(packet, chain, &fate);
        finding.by.extend(rule);
        if let Some(other) = other {
            finding.related(other, "this rule stops it");
        }
    }
}
