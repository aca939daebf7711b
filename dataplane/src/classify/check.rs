//! Can this policy run? What the data path relies on, looked at once, so that no packet finds it missing.

use super::reference::MOST_LEVELS;
use super::sets::MOST_PARTS;
use crate::object::each::Each;
use crate::object::numbers::each_field;
use crate::object::rate::Rate;
use config::policy::{
    Assigned, ChainId, Field, Load, Match, Meta, ObjectKind, Operand, Policy, RuleId, Set, SetId, Statement,
    Target, Test, Update, Value, Verdict,
};
use config::{At, Objection};
use std::fmt;

/// Why a policy cannot be compiled. Lowering a ruleset checks the same, so this is a defect of what made the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileError {
    /// Jumps and gotos lead more than 16 levels below this base chain, or in a circle.
    TooDeep(ChainId),
    /// This rule names a chain, a set or a counter that does not exist, or a chain with a hook as a target.
    Dangling(RuleId),
    /// A key of this rule does not fit its test, its set or its map, or has no or more than 16 parts.
    Key(RuleId),
    /// A field of this rule has no bits, more than 128, or is shifted by more than 127.
    Field(RuleId),
    /// The bounds of this set are not a whole number of elements, or a part of its key has no bits or more than 128.
    Set(SetId),
    /// The range of rules of this chain does not exist, or belongs to another.
    Rules(ChainId),
    /// This rule asks for something the data path does not have.
    Unsupported(RuleId, &'static str),
    /// This set has something the data path does not have.
    UnsupportedSet(SetId, &'static str),
    /// The limits and sets cannot be had.
    Objects,
}

impl CompileError {
    /// What is at fault.
    #[must_use]
    pub const fn at(&self) -> At {
        match *self {
            Self::Dangling(rule) | Self::Key(rule) | Self::Field(rule) | Self::Unsupported(rule, _) => {
                At::Rule(rule)
            }
            Self::TooDeep(chain) | Self::Rules(chain) => At::Chain(chain),
            Self::Set(set) | Self::UnsupportedSet(set, _) => At::Set(set),
            Self::Objects => At::Policy,
        }
    }

    /// Whether it is a defect of what made the policy, and not something that rulesets may say.
    const fn is_defect(&self) -> bool {
        !matches!(self, Self::Unsupported(..) | Self::UnsupportedSet(..) | Self::Objects)
    }

    /// What would put it right, where that is known.
    fn help(&self) -> Option<&'static str> {
        match *self {
            Self::Unsupported(_, what) | Self::UnsupportedSet(_, what) => match what {
                RATE => Some("a lower rate, or a smaller burst"),
                DRAWS => Some("two rules, one behind the other, draw two numbers"),
                RANGES => Some("leave out `flags interval`, or the rules that change the set"),
                ROOM => Some("`size 16777216`, or less"),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep(chain) => {
                write!(f, "chain {}: jumps and gotos go too deep or in a circle", chain.0)
            }
            Self::Dangling(rule) => write!(f, "rule {}: refers to something that does not exist", rule.0),
            Self::Key(rule) => write!(f, "rule {}: a key does not fit its test or set", rule.0),
            Self::Field(rule) => write!(f, "rule {}: a field has an impossible width or shift", rule.0),
            Self::Set(set) => write!(f, "set {}: bounds and key do not fit together", set.0),
            Self::Rules(chain) => write!(f, "chain {}: its rules are not its own", chain.0),
            Self::Unsupported(_, what) => f.write_str(what),
            Self::Objects => f.write_str("its limits and sets cannot be had"),
            Self::UnsupportedSet(_, what) => f.write_str(what),
        }
    }
}

impl std::error::Error for CompileError {}

/// What is known of a chain once everything below it has been looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Below {
    /// Whether a packet can meet the chain.
    met: bool,
    /// Levels of jumps and gotos.
    levels: usize,
    /// Whether a rule of it or below it changes what is known of the connection: `notrack`, a zone, a helper.
    pub(super) notrack: bool,
}

impl Below {
    /// Whether a packet can meet the chain, and goes from there to no other, and its connection stays as it is.
    pub(super) const fn is_leaf(&self) -> bool {
        self.met && self.levels == 0 && !self.notrack
    }
}

/// Whether the data path can run `policy`, without compiling it.
///
/// # Errors
/// The first thing that is wrong.
pub fn runs(policy: &Policy) -> Result<(), CompileError> {
    check(policy).map(|_| ())
}

/// Everything in `policy` that the data path does not do.
#[must_use]
pub fn objections(policy: &Policy) -> Vec<Objection> {
    let mut found = Vec::new();
    parts(policy, &mut found);
    if found.is_empty() {
        found.extend(below(policy).err());
    }
    let objection = |error: CompileError| Objection {
        at: error.at(),
        message: error.to_string(),
        help: error.help().map(str::to_owned),
        may_follow: error.is_defect(),
    };
    found.into_iter().map(objection).collect()
}

/// Checks `policy`; for every chain that a packet can meet, what lies below it.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(policy: &Policy) -> Result<Vec<Below>, CompileError> {
    let mut found = Vec::new();
    parts(policy, &mut found);
    match found.into_iter().next() {
        Some(error) => Err(error),
        None => below(policy),
    }
}

/// Checks every set and every statement for itself.
fn parts(policy: &Policy, found: &mut Vec<CompileError>) {
    for (id, set) in (0u32..).map(SetId).zip(&policy.sets) {
        found.extend(check_set(policy, id, set).err());
    }
    for (id, chain) in (0u32..).map(ChainId).zip(&policy.chains) {
        let range = chain.rules.start as usize..chain.rules.end as usize;
        let Some(rules) = policy.rules.get(range).filter(|rules| rules.iter().all(|rule| rule.chain == id))
        else {
            found.push(CompileError::Rules(id));
            continue;
        };
        for (rule, statements) in (chain.rules.start..).map(RuleId).zip(rules) {
            let statements = &statements.statements;
            let wrong = statements.iter().filter_map(|one| check_statement(policy, rule, one).err());
            found.extend(wrong);
            found.extend(check_draws(rule, statements).err());
        }
    }
}

/// Checks one set.
pub(super) fn check_set(policy: &Policy, id: SetId, set: &Set) -> Result<(), CompileError> {
    let whole = set.low.len() == set.high.len() && set.low.len() == set.len() * set.widths.len();
    let widths = set.widths.len() <= MOST_PARTS && set.widths.iter().all(|width| (1..=128).contains(width));
    if whole && widths { check_held(policy, id, set) } else { Err(CompileError::Set(id)) }
}

/// Checks one rule, whose sets are right.
pub(super) fn check_rule(
    policy: &Policy,
    rule: RuleId,
    statements: &[Statement],
) -> Result<(), CompileError> {
    statements.iter().try_for_each(|statement| check_statement(policy, rule, statement))?;
    check_draws(rule, statements)
}

/// What lies below every chain that a packet can meet, where every part is right for itself.
fn below(policy: &Policy) -> Result<Vec<Below>, CompileError> {
    let mut states = vec![State::Unknown; policy.chains.len()];
    for (id, chain) in (0u32..).map(ChainId).zip(&policy.chains) {
        if chain.base.is_some() {
            let below = look_below(policy, id, &mut states, 0).ok_or(CompileError::TooDeep(id))?;
            if below.levels > MOST_LEVELS {
                return Err(CompileError::TooDeep(id));
            }
        }
    }
    let known = |state| if let State::Known(below) = state { below } else { Below::default() };
    Ok(states.into_iter().map(known).collect())
}

fn check_statement(policy: &Policy, rule: RuleId, statement: &Statement) -> Result<(), CompileError> {
    match statement {
        Statement::Match(Match { key, test }) => {
            check_fields(rule, key)?;
            match test {
                Test::Compare(..) | Test::Range { .. } if key.len() == 1 => Ok(()),
                Test::Compare(..) | Test::Range { .. } => Err(CompileError::Key(rule)),
                Test::Lookup { set, .. } => {
                    let set = policy.sets.get(set.index()).ok_or(CompileError::Dangling(rule))?;
                    (set.widths.len() == key.len()).then_some(()).ok_or(CompileError::Key(rule))
                }
            }
        }
        Statement::VerdictMap { key, map } => {
            check_fields(rule, key)?;
            let map = policy.sets.get(map.index()).ok_or(CompileError::Dangling(rule))?;
            if map.widths.len() != key.len() || map.verdicts.len() != map.len() {
                return Err(CompileError::Key(rule));
            }
            map.verdicts.iter().try_for_each(|verdict| check_target(policy, rule, *verdict))
        }
        Statement::Counter(counter) => {
            policy.counters.get(counter.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::Verdict(verdict) => check_target(policy, rule, *verdict),
        Statement::Reject(_) | Statement::Notrack | Statement::Assign(Assigned::Template { .. }) => Ok(()),
        Statement::Assign(Assigned::Helper(helper)) => {
            policy.helpers.get(helper.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::Assign(Assigned::Timeouts(timeouts)) => {
            policy.timeouts.get(timeouts.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::Limit(limit) => {
            let limit = policy.limits.get(limit.index()).ok_or(CompileError::Dangling(rule))?;
            Rate::of(limit).map(|_| ()).ok_or(CompileError::Unsupported(rule, RATE))
        }
        Statement::Quota(quota) => {
            policy.quotas.get(quota.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::ConnectionLimit(limit) => {
            policy.connection_limits.get(limit.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::Recent(asked) => {
            policy.recent_lists.get(asked.list.index()).map(|_| ()).ok_or(CompileError::Dangling(rule))
        }
        Statement::Log(_) => Ok(()),
        Statement::Object { kind, key, map } => check_object(policy, rule, *kind, key, *map),
        Statement::Set(Target::PacketType, _) => Err(CompileError::Unsupported(
            rule,
            "the packet type is a note in the kernel's own buffer, and nothing behind a wire reads it; leave the statement out",
        )),
        Statement::Set(Target::Mark | Target::CtMark | Target::CtZone, operand) => {
            check_operand(policy, rule, operand)
        }
        Statement::Update(update) => check_update(policy, rule, update),
    }
}

fn check_operand(policy: &Policy, rule: RuleId, operand: &Operand) -> Result<(), CompileError> {
    match operand {
        Operand::Constant(_) => Ok(()),
        Operand::Field(field) => check_fields(rule, std::slice::from_ref(field)),
        Operand::Bits(_, both) => {
            check_operand(policy, rule, &both.0)?;
            check_operand(policy, rule, &both.1)
        }
        Operand::Map { key, map } => {
            check_fields(rule, key)?;
            let map = policy.sets.get(map.index()).ok_or(CompileError::Dangling(rule))?;
            let fits =
                map.widths.len() == key.len() && map.data.len() == map.len() && map.verdicts.is_empty();
            fits.then_some(()).ok_or(CompileError::Key(rule))
        }
    }
}

fn check_object(
    policy: &Policy,
    rule: RuleId,
    kind: ObjectKind,
    key: &[Field],
    map: SetId,
) -> Result<(), CompileError> {
    check_fields(rule, key)?;
    let map = policy.sets.get(map.index()).ok_or(CompileError::Dangling(rule))?;
    if map.widths.len() != key.len() || map.data.len() != map.len() || !map.verdicts.is_empty() {
        return Err(CompileError::Key(rule));
    }
    let objects = match kind {
        ObjectKind::Counter => policy.counters.len(),
        ObjectKind::Limit => policy.limits.len(),
        ObjectKind::Quota => policy.quotas.len(),
        ObjectKind::Helper => policy.helpers.len(),
        ObjectKind::Timeouts => policy.timeouts.len(),
    };
    if map.data.iter().any(|&object| object >= objects as Value) {
        return Err(CompileError::Dangling(rule));
    }
    let rates = policy.limits.iter().all(|limit| limit.window.is_some() || Rate::of(limit).is_some());
    (rates || kind != ObjectKind::Limit).then_some(()).ok_or(CompileError::Unsupported(rule, RATE))
}

/// Numbers are drawn by rule and by which draw of the rule it is: two that say the same would get the same.
fn check_draws(rule: RuleId, statements: &[Statement]) -> Result<(), CompileError> {
    let mut seen: Vec<(bool, u8)> = Vec::new();
    let mut again = false;
    for statement in statements {
        each_field(statement, |field| {
            let draw = match field.load {
                Load::Meta(Meta::Random) => (true, 0),
                Load::Number { random, draw, .. } => (random, draw),
                _ => return,
            };
            again |= seen.contains(&draw);
            seen.push(draw);
        });
    }
    (!again).then_some(()).ok_or(CompileError::Unsupported(rule, DRAWS))
}

fn check_update(policy: &Policy, rule: RuleId, update: &Update) -> Result<(), CompileError> {
    check_fields(rule, &update.key)?;
    let set = policy.sets.get(update.set.index()).ok_or(CompileError::Dangling(rule))?;
    if set.widths.len() != update.key.len() {
        return Err(CompileError::Key(rule));
    }
    if set.dynamic.as_ref().is_none_or(|dynamic| dynamic.interval) {
        return Err(CompileError::Unsupported(rule, "packets cannot change this set"));
    }
    if !set.verdicts.is_empty() {
        return Err(CompileError::Unsupported(rule, "packets cannot change a map to verdicts"));
    }
    let mut statements = policy.rules.iter().flat_map(|rule| &rule.statements);
    if statements.any(|other| matches!(other, Statement::Object { map, .. } if *map == update.set)) {
        return Err(CompileError::Unsupported(rule, "packets cannot change a map to objects"));
    }
    if let Some(operand) = &update.data {
        check_operand(policy, rule, operand)?;
    }
    Each::of(policy, &update.each).map(|_| ()).ok_or(CompileError::Unsupported(rule, EACH))
}

/// Checks what a set has besides keys and verdicts.
fn check_held(policy: &Policy, id: SetId, set: &Set) -> Result<(), CompileError> {
    let an_element_each = |count: usize| count == 0 || count == set.len();
    if !an_element_each(set.expires.len())
        || !an_element_each(set.each.len())
        || !an_element_each(set.data.len())
    {
        return Err(CompileError::Set(id));
    }
    if let Some(dynamic) = &set.dynamic {
        if dynamic.interval && !dynamic.each.is_empty() && set.each.is_empty() && !set.is_empty() {
            return Err(CompileError::UnsupportedSet(id, "its elements lack their statements"));
        }
        if !dynamic.interval && set.low != set.high {
            return Err(CompileError::UnsupportedSet(id, RANGES));
        }
        if u64::from(dynamic.size) > MOST_ELEMENTS {
            return Err(CompileError::UnsupportedSet(id, ROOM));
        }
    }
    let lists = set.dynamic.iter().map(|dynamic| &dynamic.each).chain(set.each.lists());
    for list in lists {
        Each::of(policy, list).ok_or(CompileError::UnsupportedSet(id, EACH))?;
    }
    Ok(())
}

fn check_fields(rule: RuleId, key: &[Field]) -> Result<(), CompileError> {
    if !(1..=MOST_PARTS).contains(&key.len()) {
        return Err(CompileError::Key(rule));
    }
    let possible = |field: &Field| {
        let loaded = match field.load {
            Load::Payload { width, .. } | Load::Extension { width, .. } | Load::Option { width, .. } => width,
            Load::Number { modulus: 0, random: false, .. } => 0,
            _ => 1,
        };
        (1..=128).contains(&loaded) && (1..=128).contains(&field.width) && field.shift != i8::MIN
    };
    key.iter().all(possible).then_some(()).ok_or(CompileError::Field(rule))
}

fn check_target(policy: &Policy, rule: RuleId, verdict: Verdict) -> Result<(), CompileError> {
    let target = target(verdict)
        .is_none_or(|chain| policy.chains.get(chain.index()).is_some_and(|chain| chain.base.is_none()));
    target.then_some(()).ok_or(CompileError::Dangling(rule))
}

/// How far a chain has been looked at.
#[derive(Debug, Clone, Copy)]
enum State {
    Unknown,
    /// On the way down; met again, it is a circle.
    Open,
    Known(Below),
}

/// What lies below `chain`; `None` if that is a circle or too deep to look at.
fn look_below(policy: &Policy, chain: ChainId, states: &mut [State], level: usize) -> Option<Below> {
    match states[chain.index()] {
        State::Known(below) => return Some(below),
        State::Open => return None,
        State::Unknown if level > MOST_LEVELS => return None,
        State::Unknown => states[chain.index()] = State::Open,
    }
    let mut below = Below { met: true, ..Below::default() };
    for statement in policy.rules_of(chain).flat_map(|(_, rule)| &rule.statements) {
        let verdicts = match statement {
            Statement::Notrack
            | Statement::Assign(_)
            | Statement::Set(Target::CtZone, _)
            | Statement::Object { kind: ObjectKind::Helper, .. } => {
                below.notrack = true;
                continue;
            }
            Statement::Verdict(verdict) => std::slice::from_ref(verdict),
            Statement::VerdictMap { map, .. } => &policy.sets[map.index()].verdicts,
            _ => continue,
        };
        for target in verdicts.iter().filter_map(|&verdict| target(verdict)) {
            let target = look_below(policy, target, states, level + 1)?;
            below.levels = below.levels.max(target.levels + 1);
            below.notrack |= target.notrack;
        }
    }
    states[chain.index()] = State::Known(below);
    Some(below)
}

const fn target(verdict: Verdict) -> Option<ChainId> {
    match verdict {
        Verdict::Jump(chain) | Verdict::Goto(chain) => Some(chain),
        _ => None,
    }
}

/// Elements a set that packets change has at most.
const MOST_ELEMENTS: u64 = 1 << 24;

const DRAWS: &str = "a rule draws at most one number of a kind here";
const RANGES: &str = "a set that packets change cannot hold ranges";
const ROOM: &str = "a set that packets change has at most 2^24 elements";
const RATE: &str = "the rate or its burst is beyond what can be counted";
const EACH: &str = "an element has only counters, limits, quotas and bounds on connections of its own, with rates that can be counted";

#[cfg(test)]
mod tests {
    use super::{CompileError, check};
    use config::policy::{
        Base, Chain, ChainId, ChainPolicy, Comparison, CounterId, Family, Field, Hook, Load, Match, Meta,
        Place, Policy, Rule, RuleId, Set, SetId, Statement, Test, Verdict,
    };

    /// A base chain and, for each list of statements, a chain of one rule with them.
    fn policy(rules: Vec<Vec<Statement>>) -> Policy {
        let mut policy = Policy::default();
        for (id, statements) in (0..).zip(rules) {
            let base = Base { hook: Hook::Input, priority: 0, policy: ChainPolicy::Accept };
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
        let lookup =
            |set, key| vec![Statement::Match(Match { key, test: Test::Lookup { set, negated: false } })];
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
}
