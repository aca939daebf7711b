//! What would the rules say if they were simply run, one after the other?
//!
//! The slow and obvious interpreter. [`super::Program`] must give the same answers; nothing here is clever.

use super::code::{join, object_goes_on};
use super::counters::Counters;
use super::decision::{DecidedBy, Decision, Evaluation, Verdict};
use super::facts::Facts;
use super::stage::{Phase, Stage};
use super::watch::{Ended, Watch};
use crate::frame::Frame;
use crate::object::set::Wanted;
use crate::object::{Found, Moment, Objects};
use crate::packet::{Network, Packet, protocol};
use config::policy::{
    self, ChainId, ChainPolicy, Comparison, Family, Field, Match, Operand, Policy, Reject, RuleId, SetId,
    Statement, Test, Update, Value,
};

/// Most jumps and gotos below one another, as in the kernel. Beyond, a packet is dropped; a checked policy never
/// gets there.
pub const MOST_LEVELS: usize = 16;

/// Runs every base chain of `stages`, in order, until one refuses the packet; `objects` are those of the policy.
pub fn run<F: Frame + ?Sized>(
    policy: &Policy,
    objects: &Objects,
    stages: &[Stage],
    facts: &Facts<'_, F>,
    counters: &Counters,
    evaluation: &mut Evaluation,
) {
    run_watched(policy, objects, stages, facts, counters, evaluation, &mut ());
}

/// As [`run`], and tells `watch` of every step.
pub fn run_watched<F: Frame + ?Sized, W: Watch>(
    policy: &Policy,
    objects: &Objects,
    stages: &[Stage],
    facts: &Facts<'_, F>,
    counters: &Counters,
    evaluation: &mut Evaluation,
    watch: &mut W,
) {
    for stage in stages {
        let mut facts = facts.at(stage.hook).marked(evaluation);
        for id in policy.base_chains(stage.hook) {
            let chain = &policy.chains[id.index()];
            let Some(base) = chain.base else { continue };
            if evaluation.is_refused()
                || !stage.phase.covers(Phase::of(stage.hook, base.priority))
                || !sees(chain.family, facts.packet)
            {
                continue;
            }
            facts.known.draw = facts.known.draw.with(objects.numbers());
            facts.known.shows_template = base.is_iptables;
            let mut interpreter =
                Interpreter { policy, objects, facts: &mut facts, counters, evaluation, watch };
            let decision = match interpreter.run_chain(id, 0) {
                End::Decided(verdict, rule) => Decision { verdict, decided_by: DecidedBy::Rule(rule) },
                End::Returned => {
                    let verdict = match base.policy {
                        ChainPolicy::Accept => Verdict::Accept,
                        ChainPolicy::Drop => Verdict::Drop,
                    };
                    Decision { verdict, decided_by: DecidedBy::ChainPolicy(id) }
                }
            };
            watch.decided(id, decision);
            evaluation.record(decision, !chain.rules.is_empty());
        }
    }
}

/// Whether chains of `family` see the packet.
#[must_use]
pub fn sees(family: Family, packet: &Packet) -> bool {
    match (family, packet.tuple.network) {
        (Family::Ip, network) => network == Network::Ipv4,
        (Family::Ip6, network) => network == Network::Ipv6,
        (Family::Inet, network) => network != Network::Other,
        (Family::Arp, network) => network == Network::Other && packet.ethertype == ETHERTYPE_ARP,
        (Family::Bridge | Family::Netdev, _) => true,
    }
}

/// Whether a reject of this kind applies to the packet. Where it does not, the rule does not match.
#[must_use]
pub fn applies(reject: Reject, packet: &Packet) -> bool {
    match reject {
        Reject::TcpReset => packet.has_transport && packet.tuple.protocol == protocol::TCP,
        Reject::Icmp(_) => packet.tuple.network == Network::Ipv4,
        Reject::Icmpv6(_) => packet.tuple.network == Network::Ipv6,
        Reject::Icmpx(_) => true,
    }
}

/// How a chain ended.
enum End {
    /// With a verdict, by this rule.
    Decided(Verdict, RuleId),
    /// At its end or by `return`.
    Returned,
}

/// How a rule ended.
enum Step {
    /// The next rule follows.
    Next,
    /// The chain ends here.
    End(End),
}

struct Interpreter<'a, 'b, F: Frame + ?Sized, W> {
    policy: &'a Policy,
    objects: &'a Objects,
    facts: &'a mut Facts<'b, F>,
    counters: &'a Counters,
    evaluation: &'a mut Evaluation,
    watch: &'a mut W,
}

impl<F: Frame + ?Sized, W: Watch> Interpreter<'_, '_, F, W> {
    fn run_chain(&mut self, chain: ChainId, level: usize) -> End {
        self.watch.enters(chain, level);
        let end = self.run_rules(chain, level);
        self.watch.leaves(chain, level);
        end
    }

    fn run_rules(&mut self, chain: ChainId, level: usize) -> End {
        for (id, rule) in self.policy.rules_of(chain) {
            self.watch.visits(id);
            if let Step::End(end) = self.run_rule(id, &rule.statements, level) {
                return end;
            }
        }
        End::Returned
    }

    /// A statement ended its rule, or dropped the packet: a counter of connections does so with what it cannot count.
    fn ends(&mut self, rule: RuleId, number: usize, statement: &Statement) -> Step {
        if W::WATCHES {
            let key = Ended::key_of(statement);
            let found = key.iter().map(|field| Ended::read(field, self.facts)).collect();
            self.watch.ends(Ended { rule, statement: number, key: key.to_vec(), found });
        }
        if self.facts.is_refused() {
            return Step::End(End::Decided(Verdict::Drop, rule));
        }
        Step::Next
    }

    fn run_rule(&mut self, rule: RuleId, statements: &[Statement], level: usize) -> Step {
        self.facts.known.draw.for_rule(rule.0);
        for (number, statement) in statements.iter().enumerate() {
            let verdict = match statement {
                Statement::Match(condition) => {
                    if !self.matches(condition) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::Counter(counter) => {
                    self.counters.count(*counter, self.facts.packet.network_length);
                    continue;
                }
                Statement::Notrack => {
                    if self.facts.leave_untracked() {
                        self.evaluation.leave_untracked();
                    }
                    continue;
                }
                Statement::Assign(assigned) => {
                    self.facts.assign(*assigned, self.objects, self.evaluation);
                    continue;
                }
                Statement::Reject(reject) => {
                    if applies(*reject, self.facts.packet) {
                        return Step::End(End::Decided(Verdict::Reject(*reject), rule));
                    }
                    return self.ends(rule, number, statement);
                }
                Statement::Verdict(verdict) => *verdict,
                Statement::VerdictMap { key, map } => {
                    let found = self.key(key).and_then(|key| self.element(*map, &key));
                    let goes_on = |&found: &Found| self.objects.goes_on(*map, found, &self.facts.moment());
                    let verdicts = &self.policy.sets[map.index()].verdicts;
                    match found.filter(goes_on).and_then(|found| verdicts.get(found.place())) {
                        Some(verdict) => *verdict,
                        None => return self.ends(rule, number, statement),
                    }
                }
                Statement::Limit(limit) => {
                    if !self.objects.limit(*limit, &self.facts.moment()) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::Quota(quota) => {
                    if !self.objects.quota(*quota, &self.facts.moment()) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::Log(_) => {
                    self.facts.log(rule, number as u16, self.counters);
                    continue;
                }
                Statement::Set(target, operand) => {
                    let Some(value) = self.operand(operand) else {
                        return self.ends(rule, number, statement);
                    };
                    self.facts.set(*target, value, self.evaluation);
                    continue;
                }
                Statement::Update(update) => {
                    if !self.update(update) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::Object { kind, key, map } => {
                    let object = self.map(key, *map);
                    let goes_on = object.is_some_and(|object| {
                        object_goes_on(
                            *kind,
                            object,
                            self.facts,
                            self.objects,
                            self.counters,
                            self.evaluation,
                        )
                    });
                    if !goes_on {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::Recent(asked) => {
                    if !self.facts.recent(asked, self.objects) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
                Statement::ConnectionLimit(limit) => {
                    if !self.objects.connections(*limit, &self.facts.moment()) {
                        return self.ends(rule, number, statement);
                    }
                    continue;
                }
            };
            self.watch.reaches(rule, verdict);
            match verdict {
                policy::Verdict::Continue => {}
                policy::Verdict::Accept => return Step::End(End::Decided(Verdict::Accept, rule)),
                policy::Verdict::Drop => return Step::End(End::Decided(Verdict::Drop, rule)),
                policy::Verdict::Return => return Step::End(End::Returned),
                policy::Verdict::Jump(_) | policy::Verdict::Goto(_) if level == MOST_LEVELS => {
                    return Step::End(End::Decided(Verdict::Drop, rule));
                }
                policy::Verdict::Jump(chain) => {
                    return match self.run_chain(chain, level + 1) {
                        End::Returned => Step::Next,
                        decided => Step::End(decided),
                    };
                }
                policy::Verdict::Goto(chain) => return Step::End(self.run_chain(chain, level + 1)),
            }
        }
        Step::Next
    }

    fn matches(&self, condition: &Match) -> bool {
        let Some(key) = self.key(&condition.key) else {
            return false;
        };
        match condition.test {
            Test::Compare(comparison, with) => compare(key[0], comparison, with),
            Test::Range { low, high, negated } => (low <= key[0] && key[0] <= high) != negated,
            Test::Lookup { set, negated } => match self.element(set, &key) {
                Some(found) => !negated && self.objects.goes_on(set, found, &self.facts.moment()),
                None => negated,
            },
        }
    }

    /// The parts of a key; `None` if one of them cannot be read.
    fn key(&self, fields: &[Field]) -> Option<Vec<Value>> {
        fields.iter().map(|field| Some(field.apply(self.facts.load(&field.load)?))).collect()
    }

    /// The value a statement writes; `None` if it cannot be had.
    fn operand(&self, operand: &Operand) -> Option<Value> {
        match operand {
            Operand::Constant(value) => Some(*value),
            Operand::Field(field) => self.key(&[*field]).map(|key| key[0]),
            Operand::Bits(operator, both) => {
                let left = self.operand(&both.0)?;
                Some(join(*operator, left, self.operand(&both.1)?))
            }
            Operand::Map { key, map } => self.map(key, *map),
        }
    }

    /// What a map holds for the key.
    fn map(&self, key: &[Field], map: SetId) -> Option<Value> {
        let found = self.element(map, &self.key(key)?)?;
        let goes_on = self.objects.goes_on(map, found, &self.facts.moment());
        goes_on.then(|| found.data(|element| self.policy.sets[map.index()].data[element]))
    }

    /// Changes a set. Whether the rule goes on.
    fn update(&mut self, update: &Update) -> bool {
        let data = match &update.data {
            None => Some(0),
            Some(operand) => self.operand(operand),
        };
        let (Some(key), Some(data)) = (self.key(&update.key), data) else { return false };
        let Some(wanted) = self.objects.wanted(update) else { return false };
        let wanted = Wanted { data, ..wanted };
        let moment = Moment { counts_unseen: update.drops_if_full, ..self.facts.moment() };
        let done = self.objects.change(update.set, &key, &wanted, &moment);
        self.facts.known.no_room |= done.is_none() && update.drops_if_full;
        done == Some(!update.negated)
    }

    /// The first element of `set` that holds `key`, if its time is not over.
    fn element(&self, id: SetId, key: &[Value]) -> Option<Found> {
        let set = &self.policy.sets[id.index()];
        let parts = set.widths.len();
        self.objects.find(id, key, &self.facts.moment(), |key| {
            (0..set.len()).find(|element| {
                (0..parts).all(|part| {
                    let bound = element * parts + part;
                    set.low[bound] <= key[part] && key[part] <= set.high[bound]
                })
            })
        })
    }
}

fn compare(left: Value, comparison: Comparison, right: Value) -> bool {
    match comparison {
        Comparison::Equal => left == right,
        Comparison::NotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

/// `EtherType` of ARP, RFC 826.
const ETHERTYPE_ARP: u16 = 0x0806;
