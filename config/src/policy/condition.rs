//! What must hold of a packet?

use super::{Field, SetId, Value};

/// A condition on one packet. A field that cannot be read ends the rule without a match, whatever the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What is looked at: one field, or the parts of a concatenation (only with [`Test::Lookup`]).
    pub key: Vec<Field>,
    /// What must hold.
    pub test: Test,
}

/// What must hold of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// Compares with one number.
    Compare(Comparison, Value),
    /// Within (or, negated, outside) both bounds, which belong to it.
    Range {
        /// Least value inside.
        low: Value,
        /// Greatest value inside.
        high: Value,
        /// Whether the field must lie outside.
        negated: bool,
    },
    /// A member (or, negated, no member) of the set.
    Lookup {
        /// The set.
        set: SetId,
        /// Whether it must be no member.
        negated: bool,
    },
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
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
}
