use super::{CompileError, check};
use config::policy::{
    Base, Chain, ChainId, ChainPolicy, Comparison, CounterId, Family, Field, Hook, Load, Match, Meta, Place,
    Policy, Rule, RuleId, Set, SetId, Statement, Test, Verdict,
};

/// A base chain and, for each list of statements, a chain of one rule with them.
fn policy(rules: Vec<Vec<Statement>>) -> Policy {
    let mut policy = Policy::default();
    for (id, statements) in (0..).zip(rules) {
        let base = Base { hook: Hook::Input, priority: 0, policy: ChainPolicy::Accept, is_iptables: false };
        policy.chains.push(Chain {
            family: Family::Inet,
            table: "t".into(),
            name: format!("c{id}"),
            base: (id == 0).then_some(base),
            rules: id..id + 1,
        });
        let (chain, place) = (ChainId(id), Place::default());
        policy.rules.push(Rule { chain, position: 1, statements, comment: None, place });
    }
    policy
}

fn jump(to: u32) -> Vec<Statement> {
    vec![Statement::Verdict(Verdict::Jump(ChainId(to)))]
}

fn error(policy: &Policy) -> Option<CompileError> {
    check(policy).err()
}

#[test]
fn sixteen_levels_are_enough_and_a_circle_is_too_many() {
    let deep = |levels: u32| policy((1..=levels).map(jump).chain([Vec::new()]).collect());
    assert_eq!(error(&deep(16)), None);
    assert_eq!(error(&deep(17)), Some(CompileError::TooDeep(ChainId(0))));
    assert_eq!(error(&policy(vec![jump(1), jump(2), jump(1)])), Some(CompileError::TooDeep(ChainId(0))));
    assert_eq!(error(&policy(vec![Vec::new(), jump(1)])), None, "no packet gets into this circle");
}

#[test]
fn a_chain_met_at_several_depths_counts_at_its_deepest() {
    // 0 -> 1 and 0 -> 2 -> 1, the chain below 1 being 15 long: too deep by the second way only.
    let mut rules = vec![[jump(1), jump(2)].concat(), jump(3), jump(1)];
    rules.extend((4..=17).map(jump));
    rules.push(Vec::new());
    assert_eq!(error(&policy(rules.clone())), Some(CompileError::TooDeep(ChainId(0))));
    rules[0] = jump(1);
    assert_eq!(error(&policy(rules)), None);
}

#[test]
fn notrack_is_found_below() {
    let policy = policy(vec![jump(1), jump(2), vec![Statement::Notrack]]);
    assert!(check(&policy).unwrap().iter().all(|below| below.notrack));
}

#[test]
fn what_does_not_exist_is_refused() {
    let field = Field::plain(Load::Meta(Meta::L4Proto), 8);
    let lookup = |set, key| vec![Statement::Match(Match { key, test: Test::Lookup { set, negated: false } })];
    let compare = |key| vec![Statement::Match(Match { key, test: Test::Compare(Comparison::Equal, 1) })];
    let rule = RuleId(0);
    for (statements, expected) in [
        (jump(9), CompileError::Dangling(rule)),
        (jump(0), CompileError::Dangling(rule)),
        (vec![Statement::Counter(CounterId(0))], CompileError::Dangling(rule)),
        (lookup(SetId(7), vec![field]), CompileError::Dangling(rule)),
        (lookup(SetId(0), vec![field; 2]), CompileError::Key(rule)),
        (compare(Vec::new()), CompileError::Key(rule)),
        (compare(vec![field; 2]), CompileError::Key(rule)),
        (vec![Statement::VerdictMap { key: vec![field], map: SetId(0) }], CompileError::Key(rule)),
        (compare(vec![Field { width: 0, ..field }]), CompileError::Field(rule)),
        (compare(vec![Field { shift: i8::MIN, ..field }]), CompileError::Field(rule)),
    ] {
        let mut policy = policy(vec![statements]);
        policy.sets.push(Set { widths: vec![8], low: vec![6], high: vec![6], ..Set::default() });
        assert_eq!(error(&policy), Some(expected));
    }
    let mut bounds = policy(Vec::new());
    bounds.sets.push(Set { widths: vec![8, 8], low: vec![6], high: vec![6], ..Set::default() });
    assert_eq!(error(&bounds), Some(CompileError::Set(SetId(0))));
    let mut range = policy(vec![Vec::new(), Vec::new()]);
    range.chains[0].rules = 0..2;
    assert_eq!(error(&range), Some(CompileError::Rules(ChainId(0))));
}
