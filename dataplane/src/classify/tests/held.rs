//! Limits, quotas, marks and changing sets, as Linux 6.18 was seen to treat them.

use super::sample::Sample;
use crate::classify::{Evaluation, Path, Program, reference};
use crate::object::{Now, Objects};
use crate::packet::protocol::UDP;
use config::policy::{
    Base, Chain, ChainId, ChainPolicy, Change, Comparison, Counter, CounterId, Ct, Dynamic, Family, Field,
    HeaderBase, Hook, Limit, LimitId, Load, Match, Meta, Operand, Place, Policy, Quota, QuotaId, Rule, Set,
    SetId, Statement, Target, Test, Update,
};

/// A policy of these rules on input, each with a counter of its own at the end.
fn policy(rules: Vec<Vec<Statement>>) -> Policy {
    let mut policy = Policy::default();
    let base = Base { hook: Hook::Input, priority: 0, policy: ChainPolicy::Accept, is_iptables: false };
    policy.chains.push(Chain {
        family: Family::Ip,
        table: "t".into(),
        name: "c".into(),
        base: Some(base),
        rules: 0..rules.len() as u32,
    });
    for (number, mut statements) in (0..).zip(rules) {
        statements.push(Statement::Counter(CounterId(number)));
        policy.counters.push(Counter::default());
        policy.rules.push(Rule {
            chain: ChainId(0),
            position: number + 1,
            statements,
            comment: None,
            place: Place::default(),
        });
    }
    policy
}

/// How often each rule was gone through to its end by packets of 40 bytes from these sources at these seconds.
fn counted(policy: &Policy, packets: &[(u8, u64)]) -> Vec<u64> {
    let seed = [1, 2, 3, 4];
    let program = Program::compile_at(policy, 0, seed).unwrap();
    let objects = Objects::new(policy, 0, seed).unwrap();
    let (compiled, plain) = (program.counters(), program.counters());
    for &(source, second) in packets {
        let mut sample = Sample::v4(UDP, [source, 9], [1, 2], 0);
        sample.now = Now { monotonic_ns: second * 1_000_000_000, wall_ns: 0 };
        let (mut found, mut expected) = (Evaluation::new(), Evaluation::new());
        program.run(Path::GUARD_INWARD.after, &mut sample.facts(), &compiled, &mut found);
        reference::run(policy, &objects, Path::GUARD_INWARD.after, &sample.facts(), &plain, &mut expected);
        assert_eq!(found, expected);
    }
    let ids = || (0..policy.counters.len() as u32).map(CounterId);
    let counts: Vec<u64> = ids().map(|id| compiled.read(id).0).collect();
    assert_eq!(counts, ids().map(|id| plain.read(id).0).collect::<Vec<_>>());
    counts
}

fn source() -> Field {
    Field::plain(Load::Payload { base: HeaderBase::Network, offset: 96, width: 32 }, 32)
}

fn add(change: Change, set: u32, each: Vec<Statement>) -> Statement {
    let update = Update {
        change,
        set: SetId(set),
        key: vec![source()],
        timeout: None,
        data: None,
        each,
        drops_if_full: false,
        negated: false,
    };
    Statement::Update(Box::new(update))
}

fn is_in(set: u32) -> Statement {
    Statement::Match(Match { key: vec![source()], test: Test::Lookup { set: SetId(set), negated: false } })
}

fn dynamic(size: u32, timeout: Option<u64>) -> Set {
    let dynamic = Some(Dynamic { size, timeout, interval: false, collected_every: None, each: Vec::new() });
    Set { widths: vec![32], dynamic, ..Set::default() }
}

fn one_an_hour(burst: u64, over: bool) -> Limit {
    Limit { rate: 1, per_seconds: 3600, burst, over, ..Limit::default() }
}

#[test]
fn limits_and_quotas() {
    let mut policy = policy(vec![
        vec![Statement::Limit(LimitId(0))],
        vec![Statement::Limit(LimitId(1))],
        vec![Statement::Quota(QuotaId(0))],
        vec![Statement::Quota(QuotaId(1))],
    ]);
    policy.limits = vec![one_an_hour(2, false), one_an_hour(2, true)];
    let quota = |over| Quota { bytes: 120, over, ..Quota::default() };
    policy.quotas = vec![quota(false), quota(true)];
    // The third packet makes the quota full to the byte and still belongs to it.
    assert_eq!(counted(&policy, &[(1, 0); 4]), [2, 2, 3, 1]);
    assert_eq!(counted(&policy, &[(1, 0), (1, 0), (1, 3599), (1, 3600)]), [3, 1, 3, 1]);
}

/// `add @s { ip saddr limit rate 1/hour burst 1 packets }`, a set of two: the third address finds no room, and a lookup
/// runs the statement of the element too.
#[test]
fn a_full_set_ends_the_rule_and_a_lookup_runs_what_the_element_has() {
    let mut policy =
        policy(vec![vec![add(Change::Add, 0, vec![Statement::Limit(LimitId(0))])], vec![is_in(0)]]);
    policy.limits = vec![one_an_hour(1, false)];
    policy.sets = vec![dynamic(2, None)];
    assert_eq!(counted(&policy, &[(1, 0), (1, 0), (2, 0), (3, 0), (3, 0)]), [2, 0]);
}

#[test]
fn add_lets_an_element_end_and_update_renews_it() {
    for (change, counts) in [(Change::Add, [3, 2]), (Change::Update, [3, 1])] {
        let negated = Match { key: vec![source()], test: Test::Lookup { set: SetId(0), negated: true } };
        // Counted last is who is not in the set before it is put there.
        let mut policy = policy(vec![vec![add(change, 0, Vec::new())], vec![]]);
        policy.rules[1].statements.insert(0, Statement::Match(negated));
        policy.rules.swap(0, 1);
        policy.sets = vec![dynamic(10, Some(2500))];
        let found = counted(&policy, &[(1, 0), (1, 2), (1, 4)]);
        assert_eq!(found, counts, "{change:?}");
    }
}

#[test]
fn marks_are_seen_by_later_rules() {
    let mark = Field::plain(Load::Meta(Meta::Mark), 32);
    let ct_mark = Field::plain(Load::Ct(Ct::Mark), 32);
    let is = |field, value| {
        Statement::Match(Match { key: vec![field], test: Test::Compare(Comparison::Equal, value) })
    };
    let map = Operand::Map { key: vec![source()], map: SetId(0) };
    let mut policy = policy(vec![
        vec![is(mark, 0)],
        vec![Statement::Set(Target::Mark, map)],
        vec![is(mark, 5)],
        vec![Statement::Set(Target::CtMark, Operand::Field(mark)), is(ct_mark, 5)],
    ]);
    let low = vec![0x0a00_0001];
    policy.sets = vec![Set { widths: vec![32], high: low.clone(), low, data: vec![5], ..Set::default() }];
    assert_eq!(counted(&policy, &[(1, 0), (2, 0)]), [2, 1, 1, 1]);
}

/// `elements = { 10.0.0.1 quota 120 bytes, 10.0.0.2 quota 120 bytes used 80 bytes }`: one template, two states.
#[test]
fn elements_of_one_template_begin_each_from_its_own() {
    for dynamic in [None, dynamic(10, None).dynamic] {
        let mut policy = policy(vec![vec![is_in(0)]]);
        policy.quotas = vec![Quota { bytes: 120, ..Quota::default() }];
        let low = vec![0x0a00_0001, 0x0a00_0002];
        let mut set = Set { widths: vec![32], high: low.clone(), low, dynamic, ..Set::default() };
        set.each.push(vec![Statement::Quota(QuotaId(0))]);
        set.each.push_from(vec![Statement::Quota(QuotaId(0))], &[[80, 0]]);
        policy.sets = vec![set];
        assert_eq!(counted(&policy, &[(1, 0); 4]), [3]);
        assert_eq!(counted(&policy, &[(2, 0); 4]), [1]);
    }
}
