//! What can stand beside a comparison? Literals, selectors and what joins them.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Elements, MapSource, Selector, Statement, Verdict};
use crate::diagnostic::Span;

/// An expression and where it was written.
#[derive(Debug, Clone)]
pub struct Expression {
    /// What it is.
    pub term: Term,
    /// Where.
    pub span: Span,
}

impl Expression {
    /// Joins the two.
    pub const fn new(term: Term, span: Span) -> Self {
        Self { term, span }
    }

    /// A literal at `span`.
    pub const fn literal(literal: Literal, span: Span) -> Self {
        Self::new(Term::Literal(literal), span)
    }

    /// A word at `span`: a name whose meaning depends on what it is compared with.
    pub fn word(word: &str, span: Span) -> Self {
        Self::literal(Literal::Word(word.into()), span)
    }

    /// A selector at `span`.
    pub const fn selector(selector: Selector, span: Span) -> Self {
        Self::new(Term::Selector(selector), span)
    }
}

/// The forms of an expression.
#[derive(Debug, Clone)]
pub enum Term {
    /// A value.
    Literal(Literal),
    /// Something of the packet.
    Selector(Selector),
    /// `low-high`, both belong to it.
    Range(Box<(Expression, Expression)>),
    /// `base/bits`.
    Prefix(Box<Expression>, u8),
    /// `a . b`
    Concat(Vec<Expression>),
    /// `a,b`: bits of one value.
    List(Vec<Expression>),
    /// `{ a, b }`
    Set(Box<Elements>),
    /// `@name`
    SetName(Box<str>),
    /// `left operator right`
    Binary(BinaryOperator, Box<(Expression, Expression)>),
    /// `*`: everything, as an element of a set.
    Any,
    /// `key map ...`: what the map holds for the key.
    Map(Box<Expression>, MapSource),
}

/// A value as written; its type comes from what it stands beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A number.
    Number(u128),
    /// A name: `ssh`, `established`, `echo-request`, `eth0`, `eth*`.
    Word(Box<str>),
    /// A text in quotes; `*` at its end stands for any ending.
    Text(Box<str>),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// A MAC address.
    Mac([u8; 6]),
}

/// Operators on bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryOperator {
    /// `&`
    And,
    /// `|`
    Or,
    /// `^`
    Xor,
    /// `<<`
    ShiftLeft,
    /// `>>`
    ShiftRight,
}

/// An element of a set or map.
#[derive(Debug, Clone)]
pub struct Element {
    /// Its key.
    pub key: Expression,
    /// What few elements have.
    pub extra: Option<Box<ElementExtra>>,
}

impl Element {
    /// An element of a set.
    pub const fn new(key: Expression) -> Self {
        Self { key, extra: None }
    }

    /// An element of a verdict map.
    pub fn mapped(key: Expression, verdict: Verdict) -> Self {
        let extra = ElementExtra { verdict: Some(verdict), ..ElementExtra::default() };
        Self { key, extra: Some(Box::new(extra)) }
    }

    /// What it decides, in a verdict map.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.extra.as_ref()?.verdict.as_ref()
    }

    /// Its comment.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.extra.as_ref()?.comment.as_deref()
    }
}

/// What few elements have.
#[derive(Debug, Clone, Default)]
pub struct ElementExtra {
    /// What it decides, in a verdict map.
    pub verdict: Option<Verdict>,
    /// What it holds, in a map to values or objects.
    pub data: Option<Expression>,
    /// Its lifetime in milliseconds.
    pub timeout: Option<u64>,
    /// What is left of it.
    pub expires: Option<u64>,
    /// What it does for itself: counters, limits, quotas.
    pub each: Vec<Statement>,
    /// Its comment.
    pub comment: Option<String>,
}
