//! What does a ruleset mean? Every name resolved, every implicit condition spelled out, as nft does it;
//! whatever cannot be meant is a complaint.

mod arrange;
mod assigned;
mod calendar;
mod catch_all;
mod chain;
mod comparison;
mod constant;
mod context;
mod draws;
mod element;
mod field;
mod hooked;
mod jumps;
mod operand;
mod overlap;
mod recent;
mod rule;
mod scope;
mod set_flags;
mod templates;
mod update;

use std::collections::HashMap;

use crate::diagnostic::{Diagnostic, Diagnostics, Lines, Span};
use crate::policy::{self, Place, Policy};
use crate::ruleset::Ruleset;
use jumps::Jump;
use scope::Scope;

/// A part, or the complaint about it: an empty one if it only follows from another.
type Lowered<T> = Result<T, Diagnostic>;

/// What is being made.
struct Lowering<'a> {
    ruleset: &'a Ruleset,
    policy: Policy,
    errors: Vec<Diagnostic>,
    jumps: Vec<Jump>,
    /// What is there on some hooks only, and the chain that asks for it.
    hooked: Vec<(policy::ChainId, hooked::Hooked)>,
    /// Which chain uses which verdict map, and where.
    map_uses: Vec<(crate::policy::ChainId, usize, Span)>,
    lines: Vec<Option<Lines>>,
    /// Why packets cannot change a set.
    fixed_sets: HashMap<policy::SetId, &'static str>,
    /// The maps by which packets are dropped whose headers are cut off, by what goes on.
    cut_off: HashMap<u8, policy::SetId>,
    /// The sets of meters, by family, table and name.
    meters: HashMap<(policy::Family, String, String), scope::KnownSet>,
}

/// Checks `ruleset` and resolves every name in it.
///
/// # Errors
/// Everything in it that cannot run, each with its place.
pub fn lower(ruleset: &Ruleset) -> Result<Policy, Diagnostics> {
    let lowering = lowered(ruleset);
    if lowering.errors.is_empty() {
        return Ok(lowering.policy);
    }
    Err(Diagnostics::new(ruleset.sources.clone(), lowering.errors))
}

/// What could be made of a ruleset, and what is wrong with the rest. Without complaints, it is [`lower`]'s.
pub(crate) fn lower_whole(ruleset: &Ruleset) -> (Policy, Vec<Diagnostic>) {
    let lowering = lowered(ruleset);
    (lowering.policy, lowering.errors)
}

fn lowered(ruleset: &Ruleset) -> Lowering<'_> {
    let mut lowering = Lowering {
        ruleset,
        policy: Policy::default(),
        errors: Vec::new(),
        jumps: Vec::new(),
        hooked: Vec::new(),
        map_uses: Vec::new(),
        lines: vec![None; ruleset.sources.len()],
        fixed_sets: HashMap::new(),
        cut_off: HashMap::new(),
        meters: HashMap::new(),
    };
    let tables = ruleset.tables.iter();
    let scopes: Vec<Scope<'_>> = tables.map(|table| lowering.declare(table)).collect();
    for scope in &scopes {
        lowering.rules(scope);
    }
    lowering.check_jumps();
    lowering
}

impl Lowering<'_> {
    /// What came out, or nothing and a complaint more.
    fn note<T>(&mut self, lowered: Lowered<T>) -> Option<T> {
        match lowered {
            Ok(found) => Some(found),
            Err(complaint) => {
                if !complaint.message.is_empty() {
                    self.errors.push(complaint);
                }
                None
            }
        }
    }

    fn place(&mut self, span: Span) -> Place {
        let index = usize::from(span.source);
        let (Some(source), Some(lines)) = (self.ruleset.sources.get(index), self.lines.get_mut(index)) else {
            return Place::default();
        };
        let lines = lines.get_or_insert_with(|| Lines::of(&source.text));
        let (line, column) = lines.position(&source.text, span.start);
        Place { source: span.source, line, column }
    }
}

/// The next id of a list.
fn next_id(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// The bounds of an element of a set whose keys have one part, if they can be told.
pub(crate) fn element_bounds(
    key: &crate::ruleset::KeyType,
    element: &crate::ruleset::Expression,
) -> Option<(crate::policy::Value, crate::policy::Value)> {
    let types = scope::key_types(key).ok()?;
    let [kind] = types[..] else { return None };
    let found = constant::bounds(element, kind).ok()?;
    Some((found.low, found.high))
}

/// The one value that an expression stands for where a `kind` is wanted.
pub(crate) fn single_value(
    expression: &crate::ruleset::Expression,
    kind: crate::ruleset::Type,
) -> Option<crate::policy::Value> {
    constant::constant(expression, kind).ok()
}
