//! Can this policy run? What the data path relies on, looked at once, so that no packet finds it missing.

mod below;
mod error;

use super::sets::MOST_PARTS;
use crate::object::each::Each;
use crate::object::numbers::each_field;
use crate::object::rate::Rate;
use config::Objection;
use config::policy::{
    Assigned, ChainId, Field, Load, Match, Meta, ObjectKind, Operand, Policy, RuleId, Set, SetId, Statement,
    Target, Test, Update, Value, Verdict,
};

pub(super) use below::Below;
use below::{below, target};
pub use error::CompileError;
use error::{DRAWS, EACH, RANGES, RATE, ROOM};

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
            if map.widths.len() != key.len() || map.verdicts.len() != map.holdings() {
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
                map.widths.len() == key.len() && map.data.len() == map.holdings() && map.verdicts.is_empty();
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
    if map.widths.len() != key.len() || map.data.len() != map.holdings() || !map.verdicts.is_empty() {
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
    let an_element_each = |count: usize| count == 0 || count == set.holdings();
    if set.rest && !set.is_alive()
        || !an_element_each(set.expires.len())
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

/// Elements a set that packets change has at most.
const MOST_ELEMENTS: u64 = 1 << 24;

#[cfg(test)]
mod tests;
