//! Which packets come to each rule? Every chain with what its callers send it and what its own rules take.

use std::sync::Arc;

use super::cover::{Budget, Cover, Space, Takers};
use super::example::{Example, ICMP, ICMPV6, TCP, UDP};
use super::model::{Effect, Modelled, Modeller, STATES, Written};
use super::region::{Dimensions, Region};
use super::values::Values;
use super::walk::{Outcome, Walk};
use crate::policy::{
    ChainId, Ct, Family, Field, HeaderBase, Hook, Load, Meta, Policy, RuleId, Statement, Value, Verdict,
    ct_state, interface_value,
};

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

    /// The dimension of a field that is compared as it is read.
    pub(super) fn limited(&self, region: Region, field: &Field, values: Values) -> Option<Region> {
        let found = self.space.dimensions.iter().find(|(_, known)| *known == field);
        match found {
            Some((dimension, _)) => region.limited(dimension, Arc::new(values)),
            None => Some(region),
        }
    }

    /// A packet of `region`, as it comes to chains of `hook`, of which `holds` is true.
    pub(super) fn example(
        &self,
        region: &Region,
        hook: Hook,
        mut holds: impl FnMut(&Example) -> bool,
    ) -> Option<Example> {
        let cell = |load: Load, width| {
            let field = Field::plain(load, width);
            let found = self.space.dimensions.iter().find(|(_, known)| **known == field)?;
            region.cell(found.0)
        };
        let (network, protocol) = (cell(Load::Meta(Meta::NfProto), 8), cell(Load::Meta(Meta::L4Proto), 8));
        let state = cell(Load::Ct(Ct::State), 32);
        let fits = |values: Option<&Values>, value| values.is_none_or(|values| values.contains(Some(value)));
        let named =
            protocol.and_then(|values| values.ranges().first()).and_then(|range| u8::try_from(range.0).ok());
        for v6 in [false, true] {
            if !fits(network, if v6 { 10 } else { 2 }) {
                continue;
            }
            for number in [TCP, UDP, if v6 { ICMPV6 } else { ICMP }].into_iter().chain(named) {
                if !fits(protocol, number.into()) {
                    continue;
                }
                for bit in USUAL_STATES.into_iter().filter(|&bit| fits(state, bit.into())) {
                    let mut example =
                        Example::template(v6, number, bit, matches!(hook, Hook::Output | Hook::Egress));
                    (example.iif, example.oif) = interfaces(hook);
                    self.fill(&mut example, region);
                    example.finish();
                    if example.is_sound() && self.lies_in(&example, region) && holds(&example) {
                        return Some(example);
                    }
                }
            }
        }
        None
    }

    fn fill(&self, example: &mut Example, region: &Region) {
        for (dimension, values) in region.cells() {
            let field = self.space.dimensions.field(dimension);
            let now = example.load(&field.load).map(|load| field.apply(load));
            if values.contains(now) {
                continue;
            }
            let usual = if field.width == 16 { &USUAL_PORTS[..] } else { &[] };
            let usual = usual.iter().copied().find(|&value| values.contains(Some(value)));
            let first = values
                .ranges()
                .first()
                .map(|&(low, high)| if field.width >= 32 && high - low >= 2 { low + 1 } else { low });
            if let Some(value) = usual.or(first) {
                example.store(field, value);
            }
        }
    }

    fn lies_in(&self, example: &Example, region: &Region) -> bool {
        region.cells().all(|(dimension, values)| {
            let field = self.space.dimensions.field(dimension);
            values.contains(example.load(&field.load).map(|load| field.apply(load)))
        })
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

/// The chains that packets can come to, callers first; and for each the base chains that lead to it.
fn order(policy: &Policy) -> (Vec<ChainId>, Vec<Vec<ChainId>>) {
    let targets: Vec<Vec<ChainId>> = (0_u32..)
        .map(ChainId)
        .take(policy.chains.len())
        .map(|chain| {
            let mut found: Vec<ChainId> =
                policy.rules_of(chain).flat_map(|(_, rule)| targets(policy, &rule.statements)).collect();
            found.sort_unstable();
            found.dedup();
            found
        })
        .collect();
    let mut bases: Vec<Vec<ChainId>> = vec![Vec::new(); policy.chains.len()];
    let mut callees_first = Vec::new();
    let mut done = vec![false; policy.chains.len()];
    for base in (0_u32..).map(ChainId).take(policy.chains.len()) {
        if policy.chains[base.index()].base.is_none() {
            continue;
        }
        let mut stack = vec![(base, 0)];
        bases[base.index()].push(base);
        while let Some((chain, next)) = stack.pop() {
            match targets[chain.index()].get(next) {
                Some(&to) => {
                    stack.push((chain, next + 1));
                    if bases[to.index()].last() != Some(&base) {
                        bases[to.index()].push(base);
                        stack.push((to, 0));
                    }
                }
                None if !done[chain.index()] => {
                    done[chain.index()] = true;
                    callees_first.push(chain);
                }
                None => {}
            }
        }
    }
    callees_first.reverse();
    (callees_first, bases)
}

/// The chains that `statements` lead to.
pub(super) fn targets<'p>(
    policy: &'p Policy,
    statements: &'p [Statement],
) -> impl Iterator<Item = ChainId> + 'p {
    let verdicts = statements.iter().flat_map(|statement| match statement {
        Statement::Verdict(verdict) => std::slice::from_ref(verdict),
        Statement::VerdictMap { map, .. } => &policy.sets[map.index()].verdicts,
        _ => &[],
    });
    verdicts.filter_map(|verdict| match verdict {
        Verdict::Jump(to) | Verdict::Goto(to) => Some(*to),
        _ => None,
    })
}

/// For each chain, what changes on any way through it.
fn written(policy: &Policy, bases: &[Vec<ChainId>]) -> Vec<Written> {
    let own: Vec<Written> = (0_u32..)
        .map(ChainId)
        .take(policy.chains.len())
        .map(|chain| {
            let mut written = Written::default();
            policy
                .rules_of(chain)
                .flat_map(|(_, rule)| &rule.statements)
                .for_each(|statement| written.add(statement));
            written
        })
        .collect();
    let mut by_base = own.clone();
    for (chain, bases) in bases.iter().enumerate() {
        bases.iter().for_each(|base| by_base[base.index()].join(own[chain]));
    }
    let joined = bases.iter().enumerate().map(|(chain, bases)| {
        let mut all = own[chain];
        bases.iter().for_each(|base| all.join(by_base[base.index()]));
        all
    });
    joined.collect()
}

/// All packets of a family, as far as every one of them has something.
fn family_domain(family: Family, dimensions: &Dimensions) -> Region {
    let mut region = Region::default();
    for (dimension, field) in dimensions.iter() {
        let Some(values) = family_values(family, field) else { continue };
        region = region.limited(dimension, Arc::new(values)).unwrap_or_default();
    }
    region
}

fn family_values(family: Family, field: &Field) -> Option<Values> {
    let whole = field.is_plain();
    let is_ip = matches!(family, Family::Ip | Family::Ip6 | Family::Inet);
    let some = |values: &[Value]| Some(Values::within(values.iter().map(|&value| (value, value))));
    match field.load {
        Load::Meta(Meta::NfProto) if whole => match family {
            Family::Ip => some(&[2]),
            Family::Ip6 => some(&[10]),
            Family::Inet => some(&[2, 10]),
            Family::Arp => Some(Values::missing()),
            Family::Bridge | Family::Netdev => some(&[2, 10]).map(Values::or_missing),
        },
        Load::Meta(Meta::Protocol) if whole && is_ip => match family {
            Family::Ip => some(&[0x0800]),
            Family::Ip6 => some(&[0x86dd]),
            _ => some(&[0x0800, 0x86dd]),
        },
        Load::Ct(Ct::State) if whole => some(&STATES),
        Load::Ct(Ct::Direction) if whole => some(&[0, 1]).map(Values::or_missing),
        Load::Meta(Meta::Length | Meta::IifName | Meta::OifName | Meta::Mark) => {
            Some(Values::present(field.width))
        }
        Load::Payload { base: HeaderBase::Network, offset, width } => {
            let header = if family == Family::Ip6 { 320 } else { 160 };
            (is_ip && offset + width <= header).then(|| Values::present(field.width))
        }
        _ => None,
    }
}

/// The packets that a base chain sees.
fn domain(policy: &Policy, chain: ChainId, dimensions: &Dimensions) -> Region {
    let chain = &policy.chains[chain.index()];
    let mut region = family_domain(chain.family, dimensions);
    let Some(base) = chain.base else { return region };
    let nothing = || Arc::new(Values::within([(0, 0)]));
    for (dimension, field) in dimensions.iter().filter(|(_, field)| field.is_plain()) {
        let early = matches!(base.hook, Hook::Ingress | Hook::Prerouting | Hook::Output)
            && base.priority < -200
            || base.hook == Hook::Ingress;
        let values = match (field.load, base.hook) {
            (Load::Meta(Meta::OifName), Hook::Ingress | Hook::Prerouting | Hook::Input) => nothing(),
            (Load::Meta(Meta::IifName), Hook::Output | Hook::Egress) => nothing(),
            (Load::Ct(Ct::State), _) if early => {
                let states = [ct_state::INVALID, ct_state::UNTRACKED].map(Value::from);
                Arc::new(Values::within(states.map(|bit| (bit, bit))))
            }
            _ => continue,
        };
        region = region.limited(dimension, values).unwrap_or_default();
    }
    region
}

fn interfaces(hook: Hook) -> (Value, Value) {
    let name = |name| interface_value(name).unwrap_or(0);
    match hook {
        Hook::Ingress | Hook::Prerouting | Hook::Input => (name("eth0"), 0),
        Hook::Output | Hook::Egress => (0, name("eth0")),
        Hook::Forward | Hook::Postrouting => (name("eth0"), name("eth1")),
    }
}

/// The port at this bit of a transport header.
pub(super) const fn port(offset: u16) -> Field {
    Field::plain(Load::Payload { base: HeaderBase::Transport, offset, width: 16 }, 16)
}

/// Eight bits of a transport header.
pub(super) const fn transport_byte(offset: u16) -> Field {
    Field::plain(Load::Payload { base: HeaderBase::Transport, offset, width: 8 }, 8)
}

const USUAL_STATES: [u32; 5] =
    [ct_state::NEW, ct_state::ESTABLISHED, ct_state::RELATED, ct_state::UNTRACKED, ct_state::INVALID];
const USUAL_PORTS: [Value; 6] = [80, 443, 22, 53, 8080, 4242];
/// Most boxes that one chain is known to decide.
const MOST_DECIDED: usize = 256;
/// Most boxes that one chain is entered by.
const MOST_ENTRIES: usize = 64;
/// Most boxes that two lists have in common.
const MOST_WITHIN: usize = 4096;
