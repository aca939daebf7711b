//! What must hold for a comparison to hold?

use super::constant::{bounds, constant, described, interface_pattern, is_pattern, ones, prefix_mask};
use super::element::Rules;
use super::field::{Part, apply, says_its_family};
use super::operand::is_of_packet;
use super::rule::Making;
use super::scope::{Holds, KnownSet, same_type};
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Comparison, Field, Match, ObjectKind, SetId, Statement, Test, Value};
use crate::ruleset::{
    self, BinaryOperator, ElementExtra, Elements, Expression, Literal, MapSource, Relation, Selector, Term,
    Type,
};

impl Lowering<'_> {
    /// A comparison, behind what it needs.
    pub(super) fn comparison(
        &mut self,
        making: &mut Making<'_, '_>,
        comparison: &ruleset::Match,
    ) -> Lowered<()> {
        let name = match &comparison.right.term {
            Term::SetName(name) => Some(&**name),
            _ => None,
        };
        let key = self.key_of_set(making, &comparison.left, name, comparison.right.span)?;
        let test = match &key[..] {
            [part] => self.single(making, *part, comparison.relation, &comparison.right)?,
            _ => self.several(making, &key, comparison)?,
        };
        making.statements.push(Statement::Match(test));
        Ok(())
    }

    /// The parts of a key that is looked up in the set of this name: values may stand among them.
    fn key_of_set(
        &mut self,
        making: &mut Making<'_, '_>,
        key: &Expression,
        name: Option<&str>,
        span: Span,
    ) -> Lowered<Vec<Part>> {
        match (&key.term, name) {
            (Term::Concat(parts), Some(name)) if !parts.iter().all(is_of_packet) => {
                let types = making.scope.set(name, span)?.types.clone();
                self.dynamic_key(making, key, &types)
            }
            _ => self.key(making, key),
        }
    }

    /// The parts of a key that is looked up in `map`.
    pub(super) fn key_of_map(
        &mut self,
        making: &mut Making<'_, '_>,
        key: &Expression,
        map: &MapSource,
    ) -> Lowered<Vec<Part>> {
        says_its_family(key)?;
        match map {
            MapSource::Name(name, span) => self.key_of_set(making, key, Some(name), *span),
            MapSource::Elements(_) => self.key(making, key),
        }
    }

    fn several(
        &mut self,
        making: &Making<'_, '_>,
        key: &[Part],
        comparison: &ruleset::Match,
    ) -> Lowered<Match> {
        let negated = negated(comparison.relation, comparison.right.span)?;
        let set = match &comparison.right.term {
            Term::Set(elements) => {
                self.anonymous(making, key, elements, &Holds::Nothing, comparison.right.span)?
            }
            Term::SetName(name) => named(making, key, name, &Holds::Nothing, comparison.right.span)?,
            _ => {
                let text = "a concatenation is compared with a set: `{ a . b }` or `@name`";
                return Err(Diagnostic::new(comparison.right.span, text));
            }
        };
        Ok(Match { key: key.iter().map(|part| part.field).collect(), test: Test::Lookup { set, negated } })
    }

    fn single(
        &mut self,
        making: &mut Making<'_, '_>,
        part: Part,
        relation: Relation,
        right: &Expression,
    ) -> Lowered<Match> {
        let test = match &right.term {
            // A set of one element is that element, whatever follows from how it is compared.
            Term::Set(elements) => {
                if let Some(key) = alone(elements).filter(|key| !matches!(key.term, Term::Any)) {
                    return self.single(making, part, relation, &key);
                }
                let negated = negated(relation, right.span)?;
                let set = self.anonymous(making, &[part], elements, &Holds::Nothing, right.span)?;
                Test::Lookup { set, negated }
            }
            Term::SetName(name) => {
                let negated = negated(relation, right.span)?;
                let set = named(making, &[part], name, &Holds::Nothing, right.span)?;
                Test::Lookup { set, negated }
            }
            Term::Range(both) if part.kind == Type::Hour => {
                let negated = negated(relation, right.span)?;
                let (low, high) = (constant(&both.0, part.kind)?, constant(&both.1, part.kind)?);
                // From evening to morning is what the day between leaves, as in nft.
                let over_midnight = low > high;
                Test::Range { low: low.min(high), high: low.max(high), negated: negated != over_midnight }
            }
            Term::Range(_) => {
                let negated = negated(relation, right.span)?;
                let found = bounds(right, part.kind)?;
                Test::Range { low: found.low, high: found.high, negated }
            }
            Term::Prefix(base, bits) => {
                let negated = negated(relation, right.span)?;
                let mask = prefix_mask(*bits, part.kind, right.span)?;
                let value = constant(base, part.kind)? & mask;
                return masked(part.field, mask, value, negated, right.span);
            }
            Term::Literal(Literal::Word(name) | Literal::Text(name))
                if part.kind.is_interface() && is_pattern(name) =>
            {
                if is_index(part) {
                    let text = "a pattern goes with `iifname` and `oifname`";
                    return Err(Diagnostic::new(right.span, text));
                }
                let negated = negated(relation, right.span)?;
                let (value, mask) = interface_pattern(name, right.span)?;
                return masked(part.field, mask, value, negated, right.span);
            }
            _ => return compared(making, part, relation, right),
        };
        Ok(Match { key: vec![part.field], test })
    }

    /// `key vmap map`
    pub(super) fn verdict_map(
        &mut self,
        making: &mut Making<'_, '_>,
        key: &Expression,
        map: &MapSource,
    ) -> Lowered<()> {
        let parts = self.key_of_map(making, key, map)?;
        let map = self.map(making, &parts, map, MapWanted::Verdicts, key.span)?;
        let key = parts.iter().map(|part| part.field).collect();
        making.statements.push(Statement::VerdictMap { key, map });
        Ok(())
    }

    /// `counter name key map map`
    pub(super) fn mapped(
        &mut self,
        making: &mut Making<'_, '_>,
        kind: ObjectKind,
        key: &Expression,
        map: &MapSource,
    ) -> Lowered<Statement> {
        let parts = self.key_of_map(making, key, map)?;
        let map = self.map(making, &parts, map, MapWanted::Objects(kind), key.span)?;
        Ok(Statement::Object { kind, key: parts.iter().map(|part| part.field).collect(), map })
    }

    /// The map that is looked up for `key`.
    pub(super) fn map(
        &mut self,
        making: &Making<'_, '_>,
        key: &[Part],
        map: &MapSource,
        wanted: MapWanted<'_>,
        span: Span,
    ) -> Lowered<SetId> {
        match map {
            MapSource::Elements(elements) => self.anonymous(making, key, elements, &wanted.holds(), span),
            MapSource::Name(name, span) => named(making, key, name, &wanted.holds(), *span),
        }
    }

    fn anonymous(
        &mut self,
        making: &Making<'_, '_>,
        key: &[Part],
        elements: &Elements,
        holds: &Holds,
        span: Span,
    ) -> Lowered<SetId> {
        if elements.is_empty() {
            return Err(Diagnostic::new(span, "a set without a name is not empty"));
        }
        let types: Vec<Type> = key.iter().map(|part| part.kind).collect();
        super::set_flags::check_key(&types, span)?;
        elements.iter().try_for_each(|element| super::set_flags::check_unnamed(&element, holds))?;
        let merge = matches!(holds, Holds::Nothing);
        let rules = Rules {
            types: &types,
            holds,
            intervals: true,
            merge,
            timeout: None,
            each: &[],
            free: true,
            changes: false,
        };
        let set = self.elements(making.scope, &rules, elements);
        Ok(self.add_set(set))
    }
}

/// What a map must hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum MapWanted<'a> {
    Verdicts,
    Values(&'a [Type]),
    Objects(ObjectKind),
}

impl MapWanted<'_> {
    fn holds(self) -> Holds {
        match self {
            Self::Verdicts => Holds::Verdicts,
            Self::Values(types) => Holds::Values(types.to_vec()),
            Self::Objects(kind) => Holds::Objects(kind),
        }
    }
}

fn alone(elements: &Elements) -> Option<Expression> {
    elements.only().filter(|only| only.extra.as_deref().is_none_or(says_nothing)).map(|only| only.key)
}

/// Whether an element has nothing besides its key that does anything.
const fn says_nothing(extra: &ElementExtra) -> bool {
    let ElementExtra { verdict, data, timeout, expires, each, comment: _ } = extra;
    verdict.is_none() && data.is_none() && timeout.is_none() && expires.is_none() && each.is_empty()
}

const fn is_index(part: Part) -> bool {
    use crate::ruleset::MetaKey::{Iif, Oif};
    matches!(part.plain, Some(Selector::Meta(Iif | Oif)))
}

/// Whether a relation that can only be equality or its opposite is the opposite.
fn negated(relation: Relation, span: Span) -> Lowered<bool> {
    match relation {
        Relation::Implicit | Relation::Equal => Ok(false),
        Relation::NotEqual => Ok(true),
        _ => Err(Diagnostic::new(span, "this can only be compared with `==` and `!=`")),
    }
}

fn masked(field: Field, mask: Value, value: Value, negated: bool, span: Span) -> Lowered<Match> {
    let comparison = if negated { Comparison::NotEqual } else { Comparison::Equal };
    let field = if mask == ones(field.width) {
        field
    } else {
        let cannot = || Diagnostic::new(span, "these bits cannot be worked out");
        apply(field, BinaryOperator::And, mask, field.width).ok_or_else(cannot)?
    };
    Ok(Match { key: vec![field], test: Test::Compare(comparison, value) })
}

/// One value. Bit masks that do not say how they are compared ask for any bit in common.
fn compared(
    making: &mut Making<'_, '_>,
    part: Part,
    relation: Relation,
    right: &Expression,
) -> Lowered<Match> {
    let value = constant(right, part.kind)?;
    if let Some(Selector::Number { modulus, offset, .. }) = part.plain
        && value > Value::from(offset) + Value::from(modulus) - 1
    {
        return Err(Diagnostic::new(right.span, "this number is never drawn"));
    }
    let any_bit = part.kind.is_bitmask() && part.plain.is_some();
    if matches!(relation, Relation::Implicit | Relation::Equal)
        && let Some(selector) = part.plain
    {
        making.context.learn(selector, value);
    }
    let comparison = match relation {
        Relation::Implicit if any_bit => return masked(part.field, value, 0, true, right.span),
        Relation::Not if part.kind.is_bitmask() => {
            return masked(part.field, value, 0, false, right.span);
        }
        Relation::Not => {
            return Err(Diagnostic::new(right.span, "`!` goes with bit masks only").help("use `!=`"));
        }
        Relation::Implicit | Relation::Equal => Comparison::Equal,
        Relation::NotEqual => Comparison::NotEqual,
        Relation::Less => Comparison::Less,
        Relation::LessOrEqual => Comparison::LessOrEqual,
        Relation::Greater => Comparison::Greater,
        Relation::GreaterOrEqual => Comparison::GreaterOrEqual,
    };
    Ok(Match { key: vec![part.field], test: Test::Compare(comparison, value) })
}

fn named(making: &Making<'_, '_>, key: &[Part], name: &str, wanted: &Holds, span: Span) -> Lowered<SetId> {
    let known = making.scope.set(name, span)?;
    // A map can be asked whether it has a key, as a set.
    if *wanted != Holds::Nothing && !known.holds.fits(wanted) {
        let text = format!("`{name}` is {}, not {}", known.holds.words(), wanted.words());
        return Err(Diagnostic::new(span, text));
    }
    fitting_key(known, key, name, span)?;
    Ok(known.id)
}

/// Whether `key` is of the types that the set holds.
pub(super) fn fitting_key(known: &KnownSet, key: &[Part], name: &str, span: Span) -> Lowered<()> {
    let fits = known.types.len() == key.len()
        && known.types.iter().zip(key).all(|(kind, part)| same_type(*kind, part.kind));
    if fits {
        return Ok(());
    }
    let described = |types: &mut dyn Iterator<Item = Type>| -> String {
        types.map(described).collect::<Vec<_>>().join(" . ")
    };
    let text = format!(
        "`{name}` holds {}, but {} is looked up",
        described(&mut known.types.iter().copied()),
        described(&mut key.iter().map(|part| part.kind)),
    );
    Err(Diagnostic::new(span, text))
}
