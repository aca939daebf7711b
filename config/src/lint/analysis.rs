//! Which packets come to each rule? Every chain with what its callers send it and what its own rules take.

use std::collections::BTreeSet;

use super::cover::{Budget, Cover, Space};
use super::domain::{before_tracking, domain, family_domain, port, transport_byte};
use super::ends::{Ends, MOST_DECIDED};
use super::example::Example;
use super::model::{Effect, Modelled, Modeller};
use super::region::Region;
use super::takers::Takers;
use super::walk::{Outcome, Walk};
use super::ways::{order, written};
use crate::policy::{ChainId, Ct, Family, Field, Hook, Load, Meta, Policy, RuleId};

/// A policy, looked through.
pub(super) struct Analysis<'p> {
    pub(super) policy: &'p Policy,
    /// By rule.
    pub(super) models: Vec<Modelled>,
    pub(super) space: Space,
    /// By chain: what is taken from its rules, by those before them and by chains before it on its hook.
    pub(super) takers: Vec<Takers>,
    /// By chain: whether what is taken on the only way to it is held against its rules, too.
    handed_on: Vec<bool>,
    /// By chain: packets that come to it, or some more.
    pub(super) entries: Vec<Vec<Region>>,
    /// By chain: the base chains that lead to it.
    pub(super) bases: Vec<Vec<ChainId>>,
    pub(super) budget: Budget,
    /// For what rules behind another do to its packets.
    pub(super) walks: Budget,
    /// Rules of which not everything could be told.
    pub(super) doubts: BTreeSet<RuleId>,
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
        let cut = (0_u32..).map(RuleId).zip(&models).filter(|(_, model)| model.cut).map(|(id, _)| id);
        let mut analysis = Self {
            policy,
            doubts: cut.collect(),
            models,
            space,
            takers: Vec::new(),
            handed_on: vec![false; policy.chains.len()],
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
        let (policy, dimensions) = (self.policy, &self.space.dimensions);
        let mut takers: Vec<Takers> = policy.chains.iter().map(|_| Takers::default()).collect();
        let ends = Ends::of(policy, &self.models, order, dimensions);
        for hook in Hook::ALL {
            let bases = policy.base_chains(hook);
            for (place, &base) in bases.iter().enumerate() {
                for earlier in bases[..place].iter().filter(|earlier| meets_before(policy, **earlier, base)) {
                    for (region, by) in ends.stopped(*earlier) {
                        takers[base.index()].push_foreign(region.clone(), *by, dimensions);
                    }
                }
            }
        }
        let callers = callers(policy, &self.models, order);
        for &chain in order {
            for (id, _) in policy.rules_of(chain) {
                let model = &self.models[id.index()];
                for branch in &model.branches {
                    let (Effect::Jump(to) | Effect::Goto(to)) = branch.effect else { continue };
                    let before = std::mem::take(&mut takers[chain.index()]);
                    if callers[to.index()] == 1 && before.all().end <= MOST_HANDED_ON {
                        for taken in before.within(&before.all()) {
                            takers[to.index()].push_foreign(taken.region.clone(), taken.by, dimensions);
                        }
                        self.handed_on[to.index()] = true;
                    }
                    takers[chain.index()] = before;
                }
                for branch in model.branches.iter().filter(|_| model.exact) {
                    let taken = match branch.effect {
                        Effect::Nothing => continue,
                        Effect::Jump(to) => surely_within(&branch.regions, ends.decided(to)),
                        _ => branch.regions.clone(),
                    };
                    for region in taken {
                        takers[chain.index()].push(region, id, dimensions);
                    }
                }
            }
        }
        self.doubts.extend(ends.cut);
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
                    let (dimensions, takers) = (&self.space.dimensions, &self.takers[chain.index()]);
                    let before = takers.before(id);
                    let (rest, exact) = takers.rest(arriving, &before, dimensions, &mut self.budget);
                    let entry = &mut self.entries[to.index()];
                    entry.extend(rest);
                    let whole = entry.len() <= MOST_ENTRIES;
                    if !whole {
                        *entry = vec![family_domain(self.policy.chains[to.index()].family, dimensions)];
                    }
                    if !(exact && whole || self.handed_on[to.index()]) {
                        self.doubts.insert(id);
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

    /// Whether what comes before `rule` takes all of `regions`.
    pub(super) fn cover(&mut self, regions: &[Region], rule: RuleId) -> Cover {
        let chain = self.policy.rules[rule.index()].chain;
        let among = self.takers[chain.index()].before(rule);
        let cover = self.takers[chain.index()].cover(regions, &among, &self.space, &mut self.budget);
        if let Cover::Unknown = cover {
            self.doubts.insert(rule);
        }
        cover
    }

    /// Whether the rules of `chain`, and what comes before it, take all of `regions`.
    pub(super) fn cover_in(&mut self, regions: &[Region], chain: ChainId) -> Cover {
        let takers = &self.takers[chain.index()];
        takers.cover(regions, &takers.all(), &self.space, &mut self.budget)
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
pub(super) fn surely_within(some: &[Region], others: &[Region]) -> Vec<Region> {
    some.iter().flat_map(|one| others.iter().filter_map(|other| one.and(other))).take(MOST_DECIDED).collect()
}

/// Whether packets meet `earlier` before `later`, another base chain of the hook, and in the same state.
fn meets_before(policy: &Policy, earlier: ChainId, later: ChainId) -> bool {
    let of_packets = |chain: ChainId| {
        matches!(policy.chains[chain.index()].family, Family::Ip | Family::Ip6 | Family::Inet)
    };
    of_packets(earlier)
        && of_packets(later)
        && before_tracking(policy, earlier) == before_tracking(policy, later)
}

/// How many jumps and gotos lead to each chain from those that packets come to.
fn callers(policy: &Policy, models: &[Modelled], order: &[ChainId]) -> Vec<usize> {
    let mut callers = vec![0; policy.chains.len()];
    for &chain in order {
        for (id, _) in policy.rules_of(chain) {
            for branch in &models[id.index()].branches {
                if let Effect::Jump(to) | Effect::Goto(to) = branch.effect {
                    callers[to.index()] += 1;
                }
            }
        }
    }
    callers
}

/// Most boxes taken from a chain that are held against one it leads to.
const MOST_HANDED_ON: u32 = 4096;
/// Most boxes that one chain is entered by.
const MOST_ENTRIES: usize = 256;
/// Most boxes that two lists have in common.
const MOST_WITHIN: usize = 1 << 16;
