//! How is a condition of a rule written as nft would? A few short words for the parts of the ruleset.

use crate::diagnostic::{Diagnostic, Span};
use crate::nft;
use crate::policy::{Header, Sought};
use crate::ruleset::{
    BinaryOperator, Element, Expression, Literal, Match, MetaKey, Protocol, Relation, Selector, Statement,
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
    /// Conditions of which one must be met, each list at its place among the statements. No packet meets two.
    pub(super) either: Vec<(usize, Vec<Vec<Statement>>)>,
    /// Something that remembers packets was added: it must stand in one rule only.
    pub(super) remembers: Option<Span>,
    /// One of those lists remembers packets, in a set that its statements share.
    pub(super) shares: Option<Span>,
    /// Sets the rule uses that the dump does not declare, in nft's words, by name.
    pub(super) sets: Vec<NewSet>,
    /// What the administrator should know.
    pub(super) notes: Vec<Diagnostic>,
}

/// A set that comes with a rule.
#[derive(Debug, Clone)]
pub(super) struct NewSet {
    pub(super) name: String,
    /// Its declaration in nft's words.
    pub(super) text: String,
    /// What else must be the same in every rule that uses it.
    pub(super) agree: String,
    pub(super) span: Span,
    /// What is said of two that should be one and differ.
    pub(super) differs: &'static str,
    /// If what the first rule that names it says counts for all: what must be the same even so.
    pub(super) first_counts: Option<String>,
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

    /// Adds that the packet is dropped if the header is cut off, and is not matched if there is none.
    pub(super) fn whole(&mut self, header: Header, protocol: Option<Protocol>, span: Span) {
        self.statements.push(Statement::new(StatementKind::Whole { header, protocol }, span));
    }

    /// Adds that the packet must bear what is looked for, or not.
    pub(super) fn sought(&mut self, sought: Sought, negated: bool, span: Span) {
        self.statements.push(Statement::new(StatementKind::Sought { sought, negated }, span));
    }

    /// Adds that an IPv6 routing header of type 0 must hold these addresses.
    pub(super) fn source_route(&mut self, addresses: Vec<u128>, strict: bool, span: Span) {
        self.statements.push(Statement::new(StatementKind::SourceRoute { addresses, strict }, span));
    }

    /// Adds what nft's own words `text` say.
    pub(super) fn says(&mut self, text: &str, span: Span) -> Result<(), Diagnostic> {
        self.statements.extend(nft::statements(text, span)?);
        Ok(())
    }

    /// Adds that what nft's own words say in one of `texts` must hold. No packet may meet two of them.
    pub(super) fn one_of(&mut self, texts: &[String], span: Span) -> Result<(), Diagnostic> {
        if let [only] = texts {
            return self.says(only, span);
        }
        let read = texts.iter().map(|text| nft::statements(text, span));
        self.either.push((self.statements.len(), read.collect::<Result<_, _>>()?));
        Ok(())
    }

    /// Adds that one of these lists of statements must be run through. No packet may meet two of them, and what they
    /// remember lies in a set that they share.
    pub(super) fn shared_by(&mut self, either: Vec<Vec<Statement>>, span: Span) {
        self.either.push((self.statements.len(), either));
        self.shares = Some(span);
    }

    /// Makes room for `count` statements added at `at`.
    pub(super) fn shift(&mut self, at: usize, count: usize) {
        for (place, _) in &mut self.either {
            *place += if *place >= at { count } else { 0 };
        }
    }

    /// The statements of every rule it stands for: one, or more where one of several conditions must be met.
    pub(super) fn rules(&self) -> Result<Vec<Vec<Statement>>, Diagnostic> {
        let mut rules = vec![Vec::new()];
        let mut from = 0;
        for (place, texts) in &self.either {
            if let Some(span) = self.remembers.or(self.shares.filter(|_| self.either.len() > 1)) {
                let message =
                    "this counts packets, and beside it stands a condition that takes several rules of nft";
                return Err(Diagnostic::new(span, message).help("put one of them into a chain of its own"));
            }
            if rules.len() * texts.len() > MOST_RULES {
                let span = texts.iter().flatten().next().map_or(Span::default(), |first| first.span);
                return Err(Diagnostic::new(span, "this takes too many rules of nft"));
            }
            let before = &self.statements[from..*place];
            rules.iter_mut().for_each(|rule: &mut Vec<Statement>| rule.extend_from_slice(before));
            rules = rules
                .iter()
                .flat_map(|rule| texts.iter().map(move |text| [rule.as_slice(), text.as_slice()].concat()))
                .collect();
            from = *place;
        }
        rules.iter_mut().for_each(|rule| rule.extend_from_slice(&self.statements[from..]));
        Ok(rules)
    }

    /// Adds something the administrator should know.
    pub(super) fn note(&mut self, span: Span, message: impl Into<String>) {
        self.notes.push(Diagnostic::new(span, message));
    }

    /// Adds a condition that no packet meets.
    pub(super) fn never(&mut self, span: Span) {
        let name = Expression::literal(Literal::Text("INVAL/D".into()), span);
        self.equal(meta(MetaKey::IifName, span), false, name, span);
    }
}

/// As many whole letters of `text` as there are in its first `most` bytes.
pub(super) fn start_of(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or_default()]
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
    Expression::new(Term::Set(Box::new(elements.into_iter().map(Element::new).collect())), span)
}

/// As many rules of nft may one rule become.
const MOST_RULES: usize = 256;
