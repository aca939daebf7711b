//! How is a condition of a rule written as nft would? A few short words for the parts of the ruleset.

use crate::diagnostic::Span;
use crate::ruleset::{
    BinaryOperator, Element, Expression, Literal, Match, MetaKey, Relation, Selector, Statement,
    StatementKind, Term, Type,
};
use crate::value_names;

/// What a rule has become so far.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) statements: Vec<Statement>,
    pub(super) comment: Option<String>,
    /// A field of the transport header was compared: that says which protocol it must be.
    pub(super) protocol_said: bool,
}

impl Built {
    /// Adds a comparison.
    pub(super) fn compare(&mut self, left: Expression, relation: Relation, right: Expression, span: Span) {
        if let Term::Selector(Selector::Header(field)) = left.term {
            self.protocol_said |= field.protocol.base() == crate::policy::HeaderBase::Transport;
        }
        let kind = StatementKind::Match(Match { left, relation, right });
        self.statements.push(Statement::new(kind, span));
    }

    /// Adds `field right` or `field != right`.
    pub(super) fn equal(&mut self, left: Expression, negated: bool, right: Expression, span: Span) {
        let relation = if negated { Relation::NotEqual } else { Relation::Implicit };
        self.compare(left, relation, right, span);
    }

    /// Adds a condition that no packet meets.
    pub(super) fn never(&mut self, span: Span) {
        let name = Expression::literal(Literal::Text("INVAL/D".into()), span);
        self.equal(meta(MetaKey::IifName, span), false, name, span);
    }
}

/// `protocol field`
pub(super) fn header(protocol: &str, field: &str, span: Span) -> Expression {
    let selector = Selector::header(protocol, field);
    Expression::selector(selector.expect("only fields that nft has are asked for"), span)
}

/// `meta key`
pub(super) const fn meta(key: MetaKey, span: Span) -> Expression {
    Expression::selector(Selector::Meta(key), span)
}

/// A number.
pub(super) fn number(value: impl Into<u128>, span: Span) -> Expression {
    Expression::literal(Literal::Number(value.into()), span)
}

/// `value` of `kind` by its name, if it has one.
pub(super) fn named(value: u8, kind: Type, span: Span) -> Expression {
    let is_it = |name: &&str| value_names::value(kind, name) == Some(value.into());
    match value_names::names(kind).into_iter().find(is_it) {
        Some(name) => Expression::word(name, span),
        None => number(value, span),
    }
}

/// `low-high`
pub(super) fn range(low: Expression, high: Expression) -> Expression {
    let span = low.span.to(high.span);
    Expression::new(Term::Range(Box::new((low, high))), span)
}

/// `left & right`
pub(super) fn and(left: Expression, right: Expression) -> Expression {
    binary(BinaryOperator::And, left, right)
}

fn binary(operator: BinaryOperator, left: Expression, right: Expression) -> Expression {
    let span = left.span.to(right.span);
    Expression::new(Term::Binary(operator, Box::new((left, right))), span)
}

/// Names of bits, joined by `|`; zero if there is none.
pub(super) fn bits(names: &[&str], span: Span) -> Expression {
    let words = names.iter().map(|name| Expression::word(name, span));
    words.reduce(|left, right| binary(BinaryOperator::Or, left, right)).unwrap_or_else(|| number(0_u8, span))
}

/// `a . b`
pub(super) const fn concat(parts: Vec<Expression>, span: Span) -> Expression {
    Expression::new(Term::Concat(parts), span)
}

/// `{ a, b }`
pub(super) fn set(elements: Vec<Expression>, span: Span) -> Expression {
    Expression::new(Term::Set(elements.into_iter().map(Element::new).collect()), span)
}
