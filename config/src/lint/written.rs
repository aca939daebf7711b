//! Which keys does an element hold, as it is written? And which elements of one list hold the same?

use std::collections::HashMap;

use crate::diagnostic::Span;
use crate::policy::Value;
use crate::ruleset::{Elements, Expression, Literal, MapSource, Match, Rule, StatementKind, Term};

/// Values of one kind: numbers, addresses of a family, or names.
type Part = (u8, Value, Value);

/// Two elements of a list that hold the same keys.
pub(super) struct Shared {
    /// The one, and what it holds.
    pub(super) one: Span,
    pub(super) low: Value,
    /// The other, which holds all of it if `inside`.
    pub(super) other: Span,
    pub(super) inside: bool,
}

/// Pairs of elements that hold the same keys, each of the second named once.
pub(super) fn shared(elements: &Elements) -> Vec<Shared> {
    let mut names = HashMap::new();
    let keys: Vec<(Vec<Part>, Span)> = elements
        .iter()
        .filter_map(|element| Some((parts(&element.key, &mut names)?, element.key.span)))
        .collect();
    if keys.iter().all(|(key, _)| key.len() == 1) { single(&keys) } else { joined(&keys) }
}

fn single(keys: &[(Vec<Part>, Span)]) -> Vec<Shared> {
    let mut sorted: Vec<(Part, Span)> = keys.iter().map(|(key, span)| (key[0], *span)).collect();
    sorted.sort_by_key(|&((kind, low, high), _)| (kind, low, std::cmp::Reverse(high)));
    let mut widest: Option<(Part, Span)> = None;
    let mut found = Vec::new();
    for (part, span) in sorted {
        match widest {
            Some((wide, other)) if wide.0 == part.0 && part.1 <= wide.2 => {
                found.push(Shared { one: span, low: part.1, other, inside: part.2 <= wide.2 });
            }
            _ => {}
        }
        if widest.is_none_or(|(wide, _)| wide.0 != part.0 || part.2 > wide.2) {
            widest = Some((part, span));
        }
    }
    found
}

fn joined(keys: &[(Vec<Part>, Span)]) -> Vec<Shared> {
    let mut found = Vec::new();
    let mut known: HashMap<&[Part], Span> = HashMap::new();
    for (place, (key, span)) in keys.iter().enumerate() {
        if let Some(&other) = known.get(&key[..]) {
            found.push(Shared { one: *span, low: key[0].1, other, inside: true });
            continue;
        }
        known.insert(key, *span);
        let before = &keys[..if keys.len() > MOST_PAIRED { 0 } else { place }];
        let each = |holds: fn(&Part, &Part) -> bool| {
            before.iter().find(|(other, _)| {
                other.len() == key.len() && other.iter().zip(key).all(|(other, own)| holds(other, own))
            })
        };
        let meets = |a: &Part, b: &Part| a.0 == b.0 && a.1 <= b.2 && b.1 <= a.2;
        let holds = |a: &Part, b: &Part| a.0 == b.0 && a.1 <= b.1 && b.2 <= a.2;
        if let Some((_, other)) = each(meets) {
            let inside = each(holds).is_some();
            found.push(Shared { one: *span, low: key[0].1, other: *other, inside });
        }
    }
    found
}

fn parts(key: &Expression, names: &mut HashMap<Box<str>, Value>) -> Option<Vec<Part>> {
    match &key.term {
        Term::Concat(parts) => parts.iter().map(|part| bounds(part, names)).collect(),
        _ => bounds(key, names).map(|part| vec![part]),
    }
}

fn bounds(key: &Expression, names: &mut HashMap<Box<str>, Value>) -> Option<Part> {
    Some(match &key.term {
        Term::Literal(Literal::Number(number)) => (0, *number, *number),
        Term::Literal(Literal::Ipv4(address)) => (4, u32::from(*address).into(), u32::from(*address).into()),
        Term::Literal(Literal::Ipv6(address)) => (6, (*address).into(), (*address).into()),
        Term::Literal(Literal::Word(word) | Literal::Text(word)) if !word.ends_with('*') => {
            let next = names.len() as Value;
            let number = *names.entry(word.clone()).or_insert(next);
            (1, number, number)
        }
        Term::Range(both) => {
            let (low, high) = (bounds(&both.0, names)?, bounds(&both.1, names)?);
            (low.0 == high.0 && low.0 != 1).then_some((low.0, low.1, high.2))?
        }
        Term::Prefix(base, length) => {
            let (kind, low, _) = bounds(base, names)?;
            let width = if kind == 4 { 32 } else { 128 };
            let below = super::values::ones(width - u16::from(*length).min(width));
            (kind > 1).then_some((kind, low & !below, low | below))?
        }
        _ => return None,
    })
}

/// The lists of elements written in a rule.
pub(super) fn lists(rule: &Rule) -> Vec<&Elements> {
    let mut found = Vec::new();
    for statement in &rule.statements {
        match &statement.kind {
            StatementKind::Match(Match { right, .. }) => {
                if let Term::Set(elements) = &right.term {
                    found.push(&**elements);
                }
            }
            StatementKind::VerdictMap { map: MapSource::Elements(elements), .. }
            | StatementKind::Mapped { map: MapSource::Elements(elements), .. } => found.push(&**elements),
            _ => {}
        }
    }
    found
}

/// Elements of concatenations compared with one another.
const MOST_PAIRED: usize = 512;
