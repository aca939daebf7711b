//! What must hold for a comparison to hold?

use super::constant::{bounds, constant, described, interface_pattern, ones, prefix_mask};
use super::element::Rules;
use super::field::{Part, apply};
use super::rule::Making;
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Comparison, Field, Match, SetId, Statement, Test, Value};
use crate::ruleset::{
    self, BinaryOperator, Element, Expression, Literal, Relation, Selector, Term, Type, VerdictMapSource,
};

impl Lowering<'_> {
    /// A comparison, behind what it needs.
    pub(super) fn comparison(
        &mut self,
        making: &mut Making<'_, '_>,
        comparison: &ruleset::Match,
    ) -> Lowered<()> {
        let key = self.key(making, &comparison.left)?;
        let test = match &key[..] {
            [part] => self.single(making, *part, comparison.relation, &comparison.right)?,
            _ => self.several(making, &key, comparison)?,
        };
        making.statements.push(Statement::Match(test));
        Ok(())
    }

    fn several(
        &mut self,
        making: &Making<'_, '_>,
        key: &[Part],
        comparison: &ruleset::Match,
    ) -> Lowered<Match> {
        let negated = negated(comparison.relation, comparison.right.span)?;
        let set = match &comparison.right.term {
            Term::Set(elements) => self.anonymous(making, key, elements, false, comparison.right.span)?,
            Term::SetName(name) => named(making, key, name, false, comparison.right.span)?,
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
            Term::Set(elements) if alone(elements).is_some_and(|key| !matches!(key.term, Term::Any)) => {
                return self.single(making, part, relation, &elements[0].key);
            }
            Term::Set(elements) => {
                let negated = negated(relation, right.span)?;
                let set = self.anonymous(making, &[part], elements, false, right.span)?;
                Test::Lookup { set, negated }
            }
            Term::SetName(name) => {
                let negated = negated(relation, right.span)?;
                let set = named(making, &[part], name, false, right.span)?;
                Test::Lookup { set, negated }
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
                if part.kind == Type::IfName && name.ends_with('*') =>
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
        map: &VerdictMapSource,
    ) -> Lowered<()> {
        let parts = self.key(making, key)?;
        let map = match map {
            VerdictMapSource::Elements(elements) => {
                self.anonymous(making, &parts, elements, true, key.span)?
            }
            VerdictMapSource::Name(name, span) => named(making, &parts, name, true, *span)?,
        };
        let key = parts.iter().map(|part| part.field).collect();
        making.statements.push(Statement::VerdictMap { key, map });
        Ok(())
    }

    fn anonymous(
        &mut self,
        making: &Making<'_, '_>,
        key: &[Part],
        elements: &[Element],
        is_map: bool,
        span: Span,
    ) -> Lowered<SetId> {
        if elements.is_empty() {
            return Err(Diagnostic::new(span, "a set without a name is not empty"));
        }
        let types: Vec<Type> = key.iter().map(|part| part.kind).collect();
        let rules = Rules { types: &types, is_map, intervals: true, merge: !is_map };
        let set = self.elements(making.scope, &rules, elements);
        Ok(self.add_set(set))
    }
}

fn alone(elements: &[Element]) -> Option<&Expression> {
    match elements {
        [only] if only.verdict().is_none() => Some(&only.key),
        _ => None,
    }
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
    let field =
        if mask == ones(field.width) { field } else { apply(field, BinaryOperator::And, mask, span)? };
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

fn named(making: &Making<'_, '_>, key: &[Part], name: &str, is_map: bool, span: Span) -> Lowered<SetId> {
    let known = making.scope.set(name, span)?;
    if known.is_map != is_map {
        let text = if is_map {
            format!("`{name}` is a set, not a map")
        } else {
            format!("`{name}` is a map, not a set")
        };
        return Err(Diagnostic::new(span, text));
    }
    let fits = known.types.len() == key.len()
        && known.types.iter().zip(key).all(|(kind, part)| {
            let number = matches!(part.kind, Type::Integer(_)) || matches!(kind, Type::Integer(_));
            *kind == part.kind || number && kind.width() == part.kind.width()
        });
    if fits {
        return Ok(known.id);
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
