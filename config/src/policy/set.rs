//! What does a set hold?

use super::{Lists, Statement, Value, Verdict};

/// A set of keys, or a map from keys to verdicts. Elements of one part do not overlap; of several parts, the first
/// that holds a key counts.
#[derive(Debug, Clone, Default)]
pub struct Set {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Bits of each part of the key; one part unless it is a concatenation.
    pub widths: Vec<u16>,
    /// Bounds of the elements: for element `i`, part `p`, both at `i * widths.len() + p`.
    pub low: Vec<Value>,
    /// See `low`; equal to it for a single value. Both bounds belong to the element.
    pub high: Vec<Value>,
    /// For a verdict map, one verdict an element; otherwise empty.
    pub verdicts: Vec<Verdict>,
    /// For a map to values, one value an element; otherwise empty.
    pub data: Vec<Value>,
    /// Bits of what a map to values holds; otherwise 0.
    pub data_width: u16,
    /// For an element that ends by itself, the milliseconds it has left, otherwise 0; empty if none does.
    pub expires: Vec<u64>,
    /// For an element with statements of its own, those (templates, as in [`Update::each`]); empty if none has.
    pub each: Lists,
    /// What packets do to it, if anything.
    pub dynamic: Option<Dynamic>,
    /// Whether one more element stands for every key that no other holds at the time. It has no bounds; what it holds
    /// stands behind that of the others. Only where elements come, go or do something: elsewhere the gaps are elements.
    pub rest: bool,
}

/// A set whose elements come and go with packets. Its memory is taken at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// Elements it has room for.
    pub size: u32,
    /// Lifetime of an element in milliseconds, unless the rule says otherwise; `None` is for ever.
    pub timeout: Option<u64>,
    /// How often it is cleaned up, in milliseconds, if it is said.
    pub collected_every: Option<u64>,
    /// Whether elements may be ranges; then packets cannot change them.
    pub interval: bool,
    /// Statements every element has, as in [`Update::each`].
    pub each: Vec<Statement>,
}

impl Set {
    /// How many elements it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.widths.is_empty() { 0 } else { self.low.len() / self.widths.len() }
    }

    /// How many things its elements hold: one each, and one more if there is an element for every other key.
    #[must_use]
    pub fn holdings(&self) -> usize {
        self.len() + usize::from(self.rest)
    }

    /// Whether elements come, go or do something when they are found.
    #[must_use]
    pub const fn is_alive(&self) -> bool {
        self.dynamic.is_some() || !self.expires.is_empty() || !self.each.is_empty()
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }
}
