//! What becomes of one packet, rule by rule? The plain interpreter, for examples.

use super::domain::before_tracking;
use super::example::Example;
use super::model::Effect;
use crate::policy::{
    ChainId, ChainPolicy, Comparison, Family, Field, Load, Match, Meta, Policy, Reject, Rule, RuleId, SetId,
    Statement, Test, Value, ct_state,
};

/// How a packet left a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome {
    /// [`Effect::Accept`], [`Effect::Drop`] or [`Effect::Reject`].
    pub(super) effect: Effect,
    /// The rule that said so; none if it was the policy of the chain.
    pub(super) rule: Option<RuleId>,
}

/// Runs packets through a policy. Conditions that no example can answer (limits, dynamic sets) do not hold.
pub(super) struct Walk<'p> {
    policy: &'p Policy,
    /// This rule is not there.
    without: Option<RuleId>,
    /// The rules met so far.
    pub(super) met: Vec<RuleId>,
    state: u32,
}

impl<'p> Walk<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self { policy, without: None, met: Vec::new(), state: 0 }
    }

    /// As if `rule` were not there.
    pub(super) fn without(policy: &'p Policy, rule: RuleId) -> Self {
        Self { without: Some(rule), ..Self::new(policy) }
    }

    /// What becomes of the packet until it leaves the base chain; nothing if that does not see it. The chains before
    /// it on its hook, which see the same connection state, may stop it.
    pub(super) fn run(&mut self, base: ChainId, packet: &Example) -> Option<Outcome> {
        let policy = self.policy;
        let attached = policy.chains[base.index()].base.filter(|_| sees(policy, base, packet))?;
        self.state = packet.ct_state;
        for earlier in policy.base_chains(attached.hook).into_iter().take_while(|earlier| *earlier != base) {
            if sees(policy, earlier, packet)
                && before_tracking(policy, earlier) == before_tracking(policy, base)
            {
                let outcome = self.base(earlier, packet);
                if outcome.effect != Effect::Accept {
                    return Some(outcome);
                }
            }
        }
        Some(self.base(base, packet))
    }

    fn base(&mut self, base: ChainId, packet: &Example) -> Outcome {
        let policy = self.policy.chains[base.index()].base.map(|attached| attached.policy);
        self.chain(base, packet, 0).unwrap_or(Outcome {
            effect: match policy {
                Some(ChainPolicy::Drop) => Effect::Drop,
                _ => Effect::Accept,
            },
            rule: None,
        })
    }

    fn chain(&mut self, chain: ChainId, packet: &Example, level: usize) -> Option<Outcome> {
        let policy = self.policy;
        for (id, rule) in policy.rules_of(chain) {
            if self.without == Some(id) {
                continue;
            }
            self.met.push(id);
            match self.rule(rule, packet) {
                Effect::Nothing => {}
                Effect::Return => return None,
                Effect::Jump(to) | Effect::Goto(to) if level >= DEEPEST => {
                    let _ = to;
                    return Some(Outcome { effect: Effect::Drop, rule: Some(id) });
                }
                Effect::Jump(to) => {
                    if let Some(decided) = self.chain(to, packet, level + 1) {
                        return Some(decided);
                    }
                }
                Effect::Goto(to) => return self.chain(to, packet, level + 1),
                effect => return Some(Outcome { effect, rule: Some(id) }),
            }
        }
        None
    }

    fn rule(&mut self, rule: &Rule, packet: &Example) -> Effect {
        for statement in &rule.statements {
            let effect = match statement {
                Statement::Match(condition) if self.matches(condition, packet) => continue,
                Statement::Counter(_) | Statement::Log(_) => continue,
                Statement::Set(..) | Statement::Assign(_) => continue,
                Statement::Notrack => {
                    if self.state == ct_state::INVALID {
                        self.state = ct_state::UNTRACKED;
                    }
                    continue;
                }
                Statement::Verdict(verdict) => Effect::from(*verdict),
                Statement::VerdictMap { key, map } => {
                    let key = self.key(key, packet);
                    let found = key.and_then(|key| self.element(*map, &key));
                    let verdicts = &self.policy.sets[map.index()].verdicts;
                    if found.is_some_and(|at| verdicts[at] == crate::policy::Verdict::Continue) {
                        continue;
                    }
                    found.map_or(Effect::Nothing, |at| {
                        Effect::from(self.policy.sets[map.index()].verdicts[at])
                    })
                }
                Statement::Reject(reject) if applies(*reject, packet) => Effect::Reject(*reject),
                _ => return Effect::Nothing,
            };
            if effect != Effect::Nothing || matches!(statement, Statement::VerdictMap { .. }) {
                return effect;
            }
        }
        Effect::Nothing
    }

    /// Whether every condition of the rule that an example can answer holds.
    pub(super) fn could_match(&mut self, rule: RuleId, packet: &Example) -> bool {
        self.state = packet.ct_state;
        let policy = self.policy;
        policy.rules[rule.index()].statements.iter().all(|statement| match statement {
            Statement::Match(Match { test: Test::Lookup { set, .. }, .. })
                if policy.sets[set.index()].dynamic.is_some() =>
            {
                true
            }
            Statement::Match(condition) => self.matches(condition, packet),
            Statement::VerdictMap { key, map } => {
                self.key(key, packet).is_some_and(|key| self.element(*map, &key).is_some())
            }
            Statement::Reject(reject) => applies(*reject, packet),
            _ => true,
        })
    }

    fn matches(&self, condition: &Match, packet: &Example) -> bool {
        let Some(key) = self.key(&condition.key, packet) else {
            return false;
        };
        match condition.test {
            Test::Compare(comparison, with) => match comparison {
                Comparison::Equal => key[0] == with,
                Comparison::NotEqual => key[0] != with,
                Comparison::Less => key[0] < with,
                Comparison::LessOrEqual => key[0] <= with,
                Comparison::Greater => key[0] > with,
                Comparison::GreaterOrEqual => key[0] >= with,
            },
            Test::Range { low, high, negated } => (low <= key[0] && key[0] <= high) != negated,
            Test::Lookup { set, negated } => self.element(set, &key).is_some() != negated,
        }
    }

    fn key(&self, fields: &[Field], packet: &Example) -> Option<Vec<Value>> {
        let load = |field: &Field| match field.load {
            Load::Ct(crate::policy::Ct::State) => Some(Value::from(self.state)),
            Load::Meta(Meta::Random) => None,
            load => packet.load(&load),
        };
        fields.iter().map(|field| Some(field.apply(load(field)?))).collect()
    }

    fn element(&self, set: SetId, key: &[Value]) -> Option<usize> {
        let set = &self.policy.sets[set.index()];
        let parts = set.widths.len();
        if parts == 1 && set.len() > FEW {
            let at = set.high.partition_point(|&high| high < key[0]);
            let sorted = set.low.get(at).is_some_and(|&low| low <= key[0]);
            if sorted {
                return Some(at);
            }
        }
        (0..set.len()).find(|element| {
            (0..parts).all(|part| {
                let bound = element * parts + part;
                set.low[bound] <= key[part] && key[part] <= set.high[bound]
            })
        })
    }
}

fn sees(policy: &Policy, base: ChainId, packet: &Example) -> bool {
    match policy.chains[base.index()].family {
        Family::Ip => !packet.v6,
        Family::Ip6 => packet.v6,
        Family::Inet | Family::Bridge | Family::Netdev => true,
        Family::Arp => false,
    }
}

fn applies(reject: Reject, packet: &Example) -> bool {
    match reject {
        Reject::TcpReset => packet.protocol == 6,
        Reject::Icmp(_) => !packet.v6,
        Reject::Icmpv6(_) => packet.v6,
        Reject::Icmpx(_) => true,
    }
}

/// As deep as the kernel goes.
const DEEPEST: usize = 16;
const FEW: usize = 64;
