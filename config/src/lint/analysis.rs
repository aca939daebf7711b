//! Which packets come to each rule? Every chain with what its callers send it and what its own rules take.

use super::cover::{Budget, Cover, Space, Takers};
use super::domain::{domain, family_domain, port, transport_byte};
use super::example::Example;
use super::model::{Effect, Modelled, Modeller};
use super::region::Region;
use super::walk::{Outcome, Walk};
use super::ways::{order, written};
use crate::policy::{ChainId, Ct, Field, Load, Meta, Policy, RuleId};

/// A policy, looked through.
pub(super) struct Analysis<'p> {
    pub(super) policy: &'p Policy,
    /// By rule.
    pub(super) models: Vec<Modelled>,
    pub(super) space: Space,
    /// By chain: what its rules take from those behind them.
    pub(super) takers: Vec<Takers>,
    /// By chain: packets that come to it, or some more.
    pub(super) entries: Vec<Vec<Region>>,
    /// By chain: the base chains that lead to it.
    pub(super) bases: Vec<Vec<ChainId>>,
    pub(super) budget: Budget,
    /// For what rules behind another do to its packets.
    pub(super) walks: Budget,
}

impl<'p> Analysis<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        let (order, bases) = order(policy);
        let written = written(policy, &bases);
        let mut modeller = Modeller::new(policy);
        for load in [Load::Meta(Meta::NfProto), Load::Meta(Meta::L4Proto)] {
            modeller.dimensions.number(&Field::plain(load, 8));
        }
        for (load, width) in [(Load::Ct(Ct::State), 32), (Load::Meta(Meta::IifName), 128)] {
            modeller.dimensions.number(&Field::plain(load, width));
        }
        for offset in [0, 16] {
            modeller.dimensions.number(&port(offset));
        }
        modeller.dimensions.number(&transport_byte(0));
        let rules = (0_u32..).map(RuleId).take(policy.rules.len());
        let models: Vec<Modelled> =
            rules.map(|id| modeller.rule(id, written[policy.rules[id.index()].chain.index()])).collect();
        let regions = models.iter().flat_map(|model| &model.branches).flat_map(|branch| &branch.regions);
        let space = Space::new(modeller.dimensions, regions);
        let mut analysis = Self {
            policy,
            models,
            space,
            takers: Vec::new(),
            entries: vec![Vec::new(); policy.chains.len()],
            bases,
            budget: Budget::default(),
            walks: Budget::for_walks(),
        };
        analysis.take(&order);
        analysis.enter(&order);
        analysis
    }

    /// What rules take, callees first.
    fn take(&mut self, order: &[ChainId]) {
        let mut takers: Vec<Takers> = self.policy.chains.iter().map(|_| Takers::default()).collect();
        let mut decided: Vec<Vec<Region>> = vec![Vec::new(); self.policy.chains.len()];
        for &chain in order.iter().rev() {
            let mut escaped: Vec<Region> = Vec::new();
            let mut ends: Vec<Region> = Vec::new();
            for (id, _) in self.policy.rules_of(chain) {
                let model = &self.models[id.index()];
                for branch in &model.branches {
                    let below = match branch.effect {
                        Effect::Nothing => continue,
                        Effect::Jump(to) | Effect::Goto(to) => {
                            surely_within(&branch.regions, &decided[to.index()])
                        }
                        Effect::Return => Vec::new(),
                        _ => branch.regions.clone(),
                    };
                    if model.exact {
                        let free = below.iter().filter(|region| !escaped.iter().any(|out| out.meets(region)));
                        let room = MOST_DECIDED.saturating_sub(ends.len());
                        ends.extend(free.take(room).cloned());
                        let taken =
                            if let Effect::Jump(_) = branch.effect { below } else { branch.regions.clone() };
                        for region in taken {
                            takers[chain.index()].push(region, id, &self.space.dimensions);
                        }
                    }
                    if let Effect::Return | Effect::Goto(_) = branch.effect {
                        escaped.extend(branch.regions.iter().cloned());
                    }
                    if escaped.len() > MOST_DECIDED {
                        escaped = vec![Region::default()];
                    }
                }
            }
            decided[chain.index()] = ends;
        }
        self.takers = takers;
    }

    /// What comes to chains, callers first.
    fn enter(&mut self, order: &[ChainId]) {
        for &chain in order {
            let base = self.policy.chains[chain.index()].base.is_some();
            if base {
                self.entries[chain.index()] = vec![domain(self.policy, chain, &self.space.dimensions)];
            }
            for (id, _) in self.policy.rules_of(chain) {
                for branch in 0..self.models[id.index()].branches.len() {
                    let model = &self.models[id.index()].branches[branch];
                    let (Effect::Jump(to) | Effect::Goto(to)) = model.effect else { continue };
                    let arriving = within(&model.regions, &self.entries[chain.index()]);
                    let dimensions = &self.space.dimensions;
                    let rest = self.takers[chain.index()].rest(arriving, id, dimensions, &mut self.budget);
                    let entry = &mut self.entries[to.index()];
                    entry.extend(rest);
                    if entry.len() > MOST_ENTRIES {
                        *entry = vec![family_domain(self.policy.chains[to.index()].family, dimensions)];
                    }
                }
            }
        }
    }

    /// The packets that come to the chain of `rule` and fit it, whether or not rules before it take them.
    pub(super) fn arriving(&self, rule: RuleId) -> Vec<Region> {
        let chain = self.policy.rules[rule.index()].chain;
        let branches = &self.models[rule.index()].branches;
        branches.iter().flat_map(|branch| within(&branch.regions, &self.entries[chain.index()])).collect()
    }

    /// Whether the rules of `chain` before `rule` take all of `regions`.
    pub(super) fn cover(&mut self, regions: &[Region], rule: RuleId) -> Cover {
        let chain = self.policy.rules[rule.index()].chain;
        self.cover_in(regions, chain, rule.0)
    }

    /// Whether the rules of `chain` up to rule number `end` take all of `regions`.
    pub(super) fn cover_in(&mut self, regions: &[Region], chain: ChainId, end: u32) -> Cover {
        let mut all = Vec::new();
        let rules = self.policy.chains[chain.index()].rules.start..end;
        for region in regions {
            match self.takers[chain.index()].cover(region.clone(), &rules, &self.space, &mut self.budget) {
                Cover::All(by) => all.extend(by),
                open => return open,
            }
        }
        all.sort_unstable();
        all.dedup();
        Cover::All(all)
    }

    /// What the base chain does with the packet.
    pub(super) fn run(&self, base: ChainId, packet: &Example) -> Option<Outcome> {
        Walk::new(self.policy).run(base, packet)
    }
}

/// What is in one of `some` and one of `others`; all of `some` if that would be too many boxes.
pub(super) fn within(some: &[Region], others: &[Region]) -> Vec<Region> {
    if some.len() * others.len() > MOST_WITHIN {
        return some.to_vec();
    }
    some.iter().flat_map(|one| others.iter().filter_map(|other| one.and(other))).collect()
}

/// What is in one of `some` and one of `others`; less if that would be too many boxes.
fn surely_within(some: &[Region], others: &[Region]) -> Vec<Region> {
    some.iter().flat_map(|one| others.iter().filter_map(|other| one.and(other))).take(MOST_DECIDED).collect()
}

/// Most boxes that one chain is known to decide.
const MOST_DECIDED: usize = 256;
/// Most boxes that one chain is entered by.
const MOST_ENTRIES: usize = 64;
/// Most boxes that two lists have in common.
const MOST_WITHIN: usize = 4096;
