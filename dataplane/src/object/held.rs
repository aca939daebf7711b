//! What is kept of a set besides its keys, and how wide may what packets put into it be? It follows from the elements of the
//! set and from what rules do to it.

use super::clock::MILLISECOND;
use super::each::Each;
use super::left::Left;
use super::set::{DynamicSet, New, Widths};
use super::timed::{TimedElements, end};
use ahash::RandomState;
use config::policy::{Change, Field, Operand, Policy, Set, SetId, Statement, Update, Value};

/// What is kept of a set besides its keys.
#[derive(Debug)]
pub(super) enum Held {
    /// Nothing: its elements are always there and have no statements.
    Nothing,
    Timed(Box<TimedElements>),
    Dynamic {
        set: Box<DynamicSet>,
        lists: Vec<Vec<Statement>>,
    },
}

impl Held {
    /// Of a set loaded at `now`. `None` if one of its statements cannot be had.
    pub(super) fn new(policy: &Policy, id: SetId, set: &Set, now: u64, hasher: &RandomState) -> Option<Self> {
        let each = |templates: &Vec<Statement>| Each::of(policy, templates);
        let Some(dynamic) = set.dynamic.as_ref().filter(|dynamic| !dynamic.interval) else {
            if set.expires.is_empty() && set.each.is_empty() {
                return Some(Self::Nothing);
            }
            let each = set.each.lists().iter().map(each).collect::<Option<Vec<_>>>()?;
            return Some(Self::Timed(Box::new(TimedElements::new(set, each, now))));
        };
        let mut lists = vec![dynamic.each.clone()];
        for update in updates_of(policy, id) {
            if !update.each.is_empty() && !lists.contains(&update.each) {
                lists.push(update.each.clone());
            }
        }
        let of_rules = lists.len();
        let mut number = |own: &Vec<Statement>| {
            let known = lists[..of_rules].iter().position(|list| list == own);
            known.unwrap_or_else(|| {
                lists.push(own.clone());
                lists.len() - 1
            }) as u32
        };
        let own: Vec<u32> = set.each.lists().iter().map(&mut number).collect();
        let parts = set.widths.len();
        let key = widest_keys(policy, id, set);
        let widths = Widths { key: &key, data: widest_data(policy, id, set) };
        let lifetime = dynamic.timeout.map(|milliseconds| milliseconds.saturating_mul(MILLISECOND));
        let compiled = lists.iter().map(each).collect::<Option<Vec<_>>>()?;
        let size = dynamic.size.max(u32::try_from(set.len()).ok()?);
        let mut held = DynamicSet::new(widths, size, lifetime, compiled, hasher.clone());
        let loaded = |element: usize| {
            let each = set.each.numbers().get(element).map_or(0, |number| own[*number as usize]);
            let verdict = set.verdicts.get(element).map_or(0, |_| element as Value);
            let data = set.data.get(element).copied().unwrap_or(verdict);
            let end = end(set.expires.get(element).copied().unwrap_or(0), now);
            New { data, each, starts: set.each.starts_of(element), end, loaded: true }
        };
        for (element, key) in set.low.chunks_exact(parts).enumerate() {
            if !held.load(key, loaded(element), now) {
                return None;
            }
        }
        if set.rest {
            held.load_rest(loaded(set.len()));
        }
        Some(Self::Dynamic { set: Box::new(held), lists })
    }
}

/// Bits of each part of the keys that a set may come to hold.
fn widest_keys(policy: &Policy, id: SetId, set: &Set) -> Vec<u16> {
    let mut widths = set.widths.clone();
    let mut held = vec![0; widths.len()];
    for key in set.low.chunks_exact(widths.len().max(1)) {
        held.iter_mut().zip(key).for_each(|(held, part)| *held |= part);
    }
    widths.iter_mut().zip(held).for_each(|(width, held)| *width = (*width).max(bits(held)));
    for update in updates_of(policy, id) {
        for (width, field) in widths.iter_mut().zip(&update.key) {
            *width = (*width).max(bits_of(field));
        }
    }
    widths
}

/// Bits of the values that a map may come to hold; 0 of a set.
fn widest_data(policy: &Policy, id: SetId, set: &Set) -> u16 {
    let held = set.data.iter().map(|&value| bits(value)).max().unwrap_or(0);
    let held = if set.verdicts.is_empty() { held } else { held.max(32) };
    let given = updates_of(policy, id).filter_map(|update| update.data.as_ref()).map(widest).max();
    set.data_width.max(held).max(given.unwrap_or(0))
}

/// Bits that an operand has at most.
fn widest(operand: &Operand) -> u16 {
    match operand {
        Operand::Constant(value) => bits(*value),
        Operand::Field(field) => bits_of(field),
        Operand::Map { .. } => MOST_BITS,
        Operand::Bits(_, both) => widest(&both.0).max(widest(&both.1)),
    }
}

/// Bits that a field has at most.
fn bits_of(field: &Field) -> u16 {
    let kept = bits(field.mask | field.xor);
    let shift = field.shift;
    let kept = if shift < 0 { kept + u16::from(shift.unsigned_abs()) } else { kept };
    if field.is_plain() { field.width } else { kept.max(field.width).min(MOST_BITS) }
}

const fn bits(value: Value) -> u16 {
    MOST_BITS - value.leading_zeros() as u16
}

const MOST_BITS: u16 = 128;

/// The room that deleted elements of a set keep, if rules delete any.
pub(super) fn left(policy: &Policy, id: SetId, set: &Set, now: u64) -> Option<Left> {
    let dynamic = set.dynamic.as_ref()?;
    let mut statements = policy.rules.iter().flat_map(|rule| &rule.statements);
    let deletes = |statement: &Statement| matches!(statement, Statement::Update(update) if update.set == id && update.change == Change::Delete);
    let size = dynamic.size.max(u32::try_from(set.len()).ok()?);
    let interval = dynamic.collected_every.map(|milliseconds| milliseconds.saturating_mul(MILLISECOND));
    statements.any(deletes).then(|| Left::new(size, now, interval))
}

/// What rules do to a set.
fn updates_of(policy: &Policy, id: SetId) -> impl Iterator<Item = &Update> {
    let statements = policy.rules.iter().flat_map(|rule| &rule.statements);
    statements.filter_map(move |statement| match statement {
        Statement::Update(update) if update.set == id && update.change != Change::Delete => Some(&**update),
        _ => None,
    })
}
