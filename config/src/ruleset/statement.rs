//! What can a rule do?

use super::{Element, Expression};
use crate::diagnostic::Span;
use crate::policy::Reject;

/// A statement and where it was written.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Where.
    pub span: Span,
}

impl Statement {
    /// Joins the two.
    pub const fn new(kind: StatementKind, span: Span) -> Self {
        Self { kind, span }
    }
}

/// The forms of a statement.
#[derive(Debug, Clone)]
pub enum StatementKind {
    /// Goes on only if it holds.
    Match(Match),
    /// Decides.
    Verdict(Verdict),
    /// `key vmap ...`
    VerdictMap {
        /// What is looked up.
        key: Expression,
        /// Where.
        map: VerdictMapSource,
    },
    /// Counts, with a counter of its own.
    Counter {
        /// Packets it starts from.
        packets: u64,
        /// Bytes it starts from.
        bytes: u64,
    },
    /// Counts, with a named counter.
    CounterName(String),
    /// Drops and tells the sender.
    Reject(RejectWith),
    /// Leaves the packet out of connection tracking.
    Notrack,
}

/// How a reject tells the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectWith {
    /// It does not say: port unreachable in the packet's own family.
    Default,
    /// As said.
    Said(Reject),
}

/// A comparison.
#[derive(Debug, Clone)]
pub struct Match {
    /// What is looked at.
    pub left: Expression,
    /// How.
    pub relation: Relation,
    /// What it is compared with.
    pub right: Expression,
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Nothing written: equality, membership, or for bit masks any bit in common.
    Implicit,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `!`: none of the bits.
    Not,
}

/// Where a `vmap` looks.
#[derive(Debug, Clone)]
pub enum VerdictMapSource {
    /// `{ key : verdict, ... }`
    Elements(Vec<Element>),
    /// `@name`
    Name(Box<str>, Span),
}

/// A decision and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub kind: VerdictKind,
    /// Where; for a jump, the chain's name.
    pub span: Span,
}

/// The decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictKind {
    /// `accept`
    Accept,
    /// `drop`
    Drop,
    /// `continue`
    Continue,
    /// `return`
    Return,
    /// `jump CHAIN`
    Jump(Box<str>),
    /// `goto CHAIN`
    Goto(Box<str>),
}
