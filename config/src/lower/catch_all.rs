//! What does `*` stand for in a set? Every key that no other element holds: the gaps between them, or, in a set of
//! concatenations, a last element that holds every key; where elements come, go or do something, an element by itself.

use super::constant::ones;
use crate::policy::{Set, Start, Statement, Value, Verdict};

/// What `*` holds.
#[derive(Debug, Default)]
pub(super) struct CatchAll {
    pub(super) verdict: Option<Verdict>,
    pub(super) data: Option<Value>,
    /// The milliseconds it has left; 0 is for ever.
    pub(super) expires: u64,
    /// Its statements.
    pub(super) each: Vec<Statement>,
    /// What they begin from.
    pub(super) starts: Vec<Start>,
}

impl CatchAll {
    /// Whether a repetition adds nothing: the first one counts, as long as it holds the same.
    pub(super) fn holds_as(&self, other: &Self) -> bool {
        (self.verdict, self.data) == (other.verdict, other.data)
    }

    /// Puts it into `set`, whose elements are in order, and, if it `changes`, come and go.
    pub(super) fn join(self, set: &mut Set, changes: bool) {
        if changes || set.is_alive() || self.expires > 0 || !self.each.is_empty() {
            self.stand_by_itself(set);
        } else if let [width] = set.widths[..] {
            self.fill_gaps(set, width);
        } else {
            // The first element that holds a key counts: behind all others, the one that holds every key.
            set.low.extend(set.widths.iter().map(|_| 0));
            set.high.extend(set.widths.iter().map(|width| ones(*width)));
            set.verdicts.extend(self.verdict);
            set.data.extend(self.data);
        }
    }

    fn stand_by_itself(self, set: &mut Set) {
        let others = set.len();
        set.rest = true;
        set.verdicts.extend(self.verdict);
        set.data.extend(self.data);
        if self.expires > 0 || !set.expires.is_empty() {
            set.expires.resize(others, 0);
            set.expires.push(self.expires);
        }
        if !self.each.is_empty() || !set.each.is_empty() {
            set.each.fill(others);
            set.each.push_from(self.each, &self.starts);
        }
    }

    fn fill_gaps(&self, set: &mut Set, width: u16) {
        let before = std::mem::take(set);
        *set = Set { widths: before.widths.clone(), ..Set::default() };
        let mut next = Some(0);
        let gap = |set: &mut Set, low: Value, high: Value| {
            set.low.push(low);
            set.high.push(high);
            set.verdicts.extend(self.verdict);
            set.data.extend(self.data);
        };
        for index in 0..before.low.len() {
            let (low, high) = (before.low[index], before.high[index]);
            if let Some(from) = next.filter(|from| *from < low) {
                gap(set, from, low - 1);
            }
            set.low.push(low);
            set.high.push(high);
            set.verdicts.extend(before.verdicts.get(index));
            set.data.extend(before.data.get(index));
            next = high.checked_add(1);
        }
        if let Some(from) = next.filter(|from| *from <= ones(width)) {
            gap(set, from, ones(width));
        }
    }
}
