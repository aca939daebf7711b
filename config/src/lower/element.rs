//! Which keys does a set hold? Elements typed, sorted, merged where they may be.

use super::constant::{Bounds, bounds, described};
use super::overlap::{Boxes, Overlap};
use super::scope::Scope;
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{Set, Value, Verdict};
use crate::ruleset::{Element, Expression, Term, Type};

/// What the elements of a set must be.
pub(super) struct Rules<'a> {
    /// The types of the parts of a key.
    pub(super) types: &'a [Type],
    /// Every element has a verdict; otherwise none has.
    pub(super) is_map: bool,
    /// Keys may be ranges.
    pub(super) intervals: bool,
    /// Overlapping keys become one.
    pub(super) merge: bool,
}

/// An element with its key as numbers.
#[derive(Debug, Clone, Copy)]
struct Keyed {
    bounds: Bounds,
    verdict: Option<Verdict>,
    /// Its place in the text.
    index: u32,
}

impl Lowering<'_> {
    /// The set made of `elements`; complaints are recorded.
    pub(super) fn elements(&mut self, scope: &Scope<'_>, rules: &Rules<'_>, elements: &[Element]) -> Set {
        let mut set = Set { widths: rules.types.iter().map(|kind| kind.width()).collect(), ..Set::default() };
        let before = self.errors.len();
        if let [kind] = rules.types {
            let mut keyed = Vec::with_capacity(elements.len());
            for (index, element) in (0..).zip(elements) {
                let found = self.keyed(scope, rules, element, *kind, index);
                keyed.extend(self.note(found));
            }
            if self.errors.len() == before {
                self.fill(&mut set, rules, elements, keyed);
            }
            return set;
        }
        for element in elements {
            let found = self.concatenated(scope, rules, element, &mut set);
            self.note(found);
        }
        if self.errors.len() == before {
            self.check_boxes(&mut set, elements);
        }
        set
    }

    fn keyed(
        &mut self,
        scope: &Scope<'_>,
        rules: &Rules<'_>,
        element: &Element,
        kind: Type,
        index: u32,
    ) -> Lowered<Keyed> {
        Ok(Keyed {
            bounds: part_of_key(rules, &element.key, kind)?,
            verdict: self.verdict_of(scope, rules, element)?,
            index,
        })
    }

    fn concatenated(
        &mut self,
        scope: &Scope<'_>,
        rules: &Rules<'_>,
        element: &Element,
        set: &mut Set,
    ) -> Lowered<()> {
        let parts = match &element.key.term {
            Term::Concat(parts) if parts.len() == rules.types.len() => parts,
            _ => {
                let text = format!("expected a key of {} parts", rules.types.len());
                return Err(Diagnostic::new(element.key.span, text));
            }
        };
        let found: Vec<Bounds> = parts
            .iter()
            .zip(rules.types)
            .map(|(part, kind)| part_of_key(rules, part, *kind))
            .collect::<Lowered<_>>()?;
        set.verdicts.extend(self.verdict_of(scope, rules, element)?);
        set.low.extend(found.iter().map(|bounds| bounds.low));
        set.high.extend(found.iter().map(|bounds| bounds.high));
        Ok(())
    }

    fn verdict_of(
        &mut self,
        scope: &Scope<'_>,
        rules: &Rules<'_>,
        element: &Element,
    ) -> Lowered<Option<Verdict>> {
        match element.verdict() {
            Some(verdict) if rules.is_map => self.verdict(scope, verdict).map(Some),
            Some(verdict) => Err(Diagnostic::new(verdict.span, "an element of a set has no verdict")),
            None if rules.is_map => Err(Diagnostic::new(
                element.key.span,
                "an element of a verdict map needs a verdict: `key : verdict`",
            )),
            None => Ok(None),
        }
    }

    /// Sorts the elements into `set`, merging what may be merged.
    fn fill(&mut self, set: &mut Set, rules: &Rules<'_>, elements: &[Element], mut keyed: Vec<Keyed>) {
        keyed.sort_by_key(|element| (element.bounds.low, element.bounds.high, element.index));
        let mut kept: Option<Keyed> = None;
        for element in keyed {
            let Some(before) = &mut kept else {
                kept = Some(element);
                continue;
            };
            let touches = before.bounds.high.checked_add(1) == Some(element.bounds.low);
            let overlaps = element.bounds.low <= before.bounds.high;
            let same = element.bounds == before.bounds && element.verdict == before.verdict;
            if overlaps && same {
                continue;
            }
            if rules.merge && !rules.is_map && (overlaps || touches) {
                before.bounds.high = before.bounds.high.max(element.bounds.high);
                continue;
            }
            if overlaps {
                let later = before.index.max(element.index) as usize;
                let earlier = before.index.min(element.index) as usize;
                let complaint = self.overlapping(elements, earlier, later);
                self.errors.push(complaint);
                continue;
            }
            push(set, before);
            kept = Some(element);
        }
        if let Some(last) = &kept {
            push(set, last);
        }
    }

    fn overlapping(&mut self, elements: &[Element], earlier: usize, later: usize) -> Diagnostic {
        let place = self.place(elements[earlier].key.span);
        let text = format!("this element overlaps the one at line {}, column {}", place.line, place.column);
        Diagnostic::new(elements[later].key.span, text)
    }

    /// Drops repetitions of an element of several parts and complains if two overlap.
    fn check_boxes(&mut self, set: &mut Set, elements: &[Element]) {
        let parts = set.widths.len();
        let before = set.len();
        let mut spans: Vec<usize> = (0..before).collect();
        let key = |set: &Set, i: usize| -> (Vec<Value>, Vec<Value>) {
            let range = i * parts..(i + 1) * parts;
            (set.low[range.clone()].to_vec(), set.high[range].to_vec())
        };
        spans.sort_by(|&a, &b| {
            let range = |i: usize| i * parts..(i + 1) * parts;
            let low = set.low[range(a)].cmp(&set.low[range(b)]);
            low.then_with(|| set.high[range(a)].cmp(&set.high[range(b)])).then(a.cmp(&b))
        });
        spans.dedup_by(|b, a| key(set, *a) == key(set, *b) && set.verdicts.get(*a) == set.verdicts.get(*b));
        if spans.len() < before {
            spans.sort_unstable();
            let low = spans.iter().flat_map(|&i| &set.low[i * parts..(i + 1) * parts]);
            let low = low.copied().collect();
            let high = spans.iter().flat_map(|&i| &set.high[i * parts..(i + 1) * parts]);
            let high = high.copied().collect();
            let verdicts = spans.iter().filter_map(|&i| set.verdicts.get(i).copied());
            set.verdicts = verdicts.collect();
            (set.low, set.high) = (low, high);
        } else {
            spans.sort_unstable();
        }
        let boxes = Boxes { parts, low: &set.low, high: &set.high };
        match boxes.overlap() {
            Overlap::None => {}
            Overlap::Between(earlier, later) => {
                let complaint = self.overlapping(elements, spans[earlier], spans[later]);
                self.errors.push(complaint);
            }
            Overlap::Unknown => {
                let span = elements.first().map_or(Span::default(), |first| first.key.span);
                let text = "too many of these elements share a part to tell whether any two overlap";
                self.errors.push(Diagnostic::new(span, text));
            }
        }
    }
}

fn push(set: &mut Set, element: &Keyed) {
    set.low.push(element.bounds.low);
    set.high.push(element.bounds.high);
    set.verdicts.extend(element.verdict);
}

fn part_of_key(rules: &Rules<'_>, part: &Expression, kind: Type) -> Lowered<Bounds> {
    if let Term::Concat(_) = part.term {
        let text = format!("expected {} alone", described(kind));
        return Err(Diagnostic::new(part.span, text));
    }
    let found = bounds(part, kind)?;
    let written_as_one = !matches!(part.term, Term::Range(_) | Term::Prefix(..));
    if rules.intervals || found.low == found.high && written_as_one {
        return Ok(found);
    }
    Err(Diagnostic::new(part.span, "this set holds single values only")
        .help("`flags interval` in the set lets it hold ranges and prefixes"))
}
