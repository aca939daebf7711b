//! What does `*` stand for in a set? Every key that no other element holds: the gaps between them, or, in a set of
//! concatenations, a last element that holds every key.

use super::constant::ones;
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Set, Start, Statement, Value, Verdict};

/// What `*` holds.
#[derive(Debug, Default)]
pub(super) struct CatchAll {
    pub(super) verdict: Option<Verdict>,
    pub(super) data: Option<Value>,
    /// Its counters.
    pub(super) each: Vec<Statement>,
    /// What they begin from.
    pub(super) starts: Vec<Start>,
    pub(super) span: Span,
}

impl Lowering<'_> {
    /// Fills the gaps of `set`, whose elements are in order.
    pub(super) fn catch_all(&mut self, set: &mut Set, rest: &CatchAll) -> Lowered<()> {
        let counts = !set.each.is_empty() || !rest.each.is_empty();
        if !set.expires.is_empty() {
            let text =
                "`*` beside elements that end is not supported: it would stand for those that have ended";
            return Err(Diagnostic::new(rest.span, text).help("a rule behind this one says the same"));
        }
        let [width] = set.widths[..] else {
            // The first element that holds a key counts: behind all others, the one that holds every key.
            set.low.extend(set.widths.iter().map(|_| 0));
            set.high.extend(set.widths.iter().map(|width| ones(*width)));
            set.verdicts.extend(rest.verdict);
            set.data.extend(rest.data);
            if counts {
                set.each.fill(set.len() - 1);
                set.each.push_from(rest.each.clone(), &rest.starts);
            }
            return Ok(());
        };
        let before = std::mem::take(set);
        *set = Set { widths: before.widths.clone(), ..Set::default() };
        let mut next = Some(0);
        let gap = |set: &mut Set, low: Value, high: Value| {
            set.low.push(low);
            set.high.push(high);
            set.verdicts.extend(rest.verdict);
            set.data.extend(rest.data);
            if counts {
                set.each.push_from(rest.each.clone(), &rest.starts);
            }
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
            if counts {
                set.each.push_from(before.each.of(index).to_vec(), before.each.starts_of(index));
            }
            next = high.checked_add(1);
        }
        if let Some(from) = next.filter(|from| *from <= ones(width)) {
            gap(set, from, ones(width));
        }
        Ok(())
    }
}
