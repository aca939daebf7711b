//! Which keys does a set hold? Elements typed, sorted, merged where they may be.

use super::catch_all::CatchAll;
use super::constant::{Bounds, bounds, described};
use super::overlap::{Boxes, Overlap};
use super::scope::{Holds, Scope};
use super::{Lowered, Lowering};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{ObjectKind, Set, Statement, Value, Verdict};
use crate::ruleset::{self, Element, Expression, Literal, Term, Type};

/// What the elements of a set must be.
pub(super) struct Rules<'a> {
    /// The types of the parts of a key.
    pub(super) types: &'a [Type],
    /// What every element holds.
    pub(super) holds: &'a Holds,
    /// Keys may be ranges.
    pub(super) intervals: bool,
    /// Overlapping keys become one.
    pub(super) merge: bool,
    /// The lifetime of an element that does not say, in milliseconds.
    pub(super) timeout: Option<u64>,
    /// What an element does for itself that does not say.
    pub(super) each: &'a [ruleset::Statement],
}

/// An element with its key as numbers.
#[derive(Debug)]
struct Keyed {
    bounds: Bounds,
    verdict: Option<Verdict>,
    held: Option<Box<Held>>,
    /// Its place in the text.
    index: u32,
}

/// What few elements hold.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    data: Option<Value>,
    expires: u64,
    each: Vec<Statement>,
}

impl Lowering<'_> {
    /// The set made of `elements`; complaints are recorded.
    pub(super) fn elements(&mut self, scope: &Scope<'_>, rules: &Rules<'_>, elements: &[Element]) -> Set {
        let mut set = Set { widths: rules.types.iter().map(|kind| kind.width()).collect(), ..Set::default() };
        let before = self.errors.len();
        let mut rest = None;
        let mut keyed = Vec::new();
        if let [_] = rules.types {
            keyed.reserve(elements.len());
        }
        for (index, element) in (0..).zip(elements) {
            if matches!(element.key.term, Term::Any) {
                let found = self.rest(scope, rules, element, rest.is_some());
                rest = self.note(found).or(rest);
            } else if let [kind] = rules.types {
                let found = self.keyed(scope, rules, element, *kind, index);
                keyed.extend(self.note(found));
            } else {
                let found = self.concatenated(scope, rules, element, &mut set);
                self.note(found);
            }
        }
        if self.errors.len() > before {
            return set;
        }
        if let [_] = rules.types {
            self.fill(&mut set, rules, elements, keyed);
        } else {
            self.check_boxes(&mut set, elements);
        }
        let count = set.len();
        if !set.expires.is_empty() {
            set.expires.resize(count, 0);
        }
        if !set.each.is_empty() {
            set.each.resize(count, Vec::new());
        }
        if let Some(rest) = rest {
            let filled = self.catch_all(&mut set, &rest);
            self.note(filled);
        }
        set
    }

    /// What `*` holds.
    fn rest(
        &mut self,
        scope: &Scope<'_>,
        rules: &Rules<'_>,
        element: &Element,
        again: bool,
    ) -> Lowered<CatchAll> {
        let span = element.key.span;
        if again {
            return Err(Diagnostic::new(span, "every other key has an element already"));
        }
        let held = self.held(scope, rules, element)?.unwrap_or_default();
        if held.expires > 0 || !held.each.is_empty() {
            let text = "`*` that ends, or that counts, is not supported";
            return Err(Diagnostic::new(span, text).help("a rule behind this one says the same"));
        }
        Ok(CatchAll { verdict: self.verdict_of(scope, rules, element)?, data: held.data, span })
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
            held: self.held(scope, rules, element)?,
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
        let verdict = self.verdict_of(scope, rules, element)?;
        let held = self.held(scope, rules, element)?;
        set.verdicts.extend(verdict);
        hold(set, held);
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
        let is_map = *rules.holds == Holds::Verdicts;
        match element.verdict() {
            Some(verdict) if is_map => self.verdict(scope, verdict).map(Some),
            Some(verdict) => Err(Diagnostic::new(verdict.span, "an element of this set has no verdict")),
            None if is_map => Err(Diagnostic::new(
                element.key.span,
                "an element of a verdict map needs a verdict: `key : verdict`",
            )),
            None => Ok(None),
        }
    }

    /// What an element holds besides its key and a verdict.
    fn held(
        &mut self,
        scope: &Scope<'_>,
        rules: &Rules<'_>,
        element: &Element,
    ) -> Lowered<Option<Box<Held>>> {
        let data = match rules.holds {
            Holds::Values(types) => Some(self.element_data(element, types)?),
            Holds::Objects(kind) => Some(object(scope, *kind, element)?),
            Holds::Nothing | Holds::Verdicts => {
                if let Some(data) = element.extra.as_ref().and_then(|extra| extra.data.as_ref()) {
                    let text = if *rules.holds == Holds::Nothing {
                        "an element of a set has no value"
                    } else {
                        "expected a verdict: accept, drop, continue, return, jump CHAIN or goto CHAIN"
                    };
                    return Err(Diagnostic::new(data.span, text));
                }
                None
            }
        };
        let extra = element.extra.as_deref();
        let expires = extra.and_then(|extra| extra.expires.or(extra.timeout)).or(rules.timeout).unwrap_or(0);
        let each = extra.map(|extra| extra.each.as_slice()).filter(|each| !each.is_empty());
        let each = self.each(scope.table.family, each.unwrap_or(rules.each))?;
        let held = Held { data, expires, each };
        Ok((held != Held::default()).then(|| Box::new(held)))
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
            let same = element.bounds == before.bounds
                && element.verdict == before.verdict
                && element.held.as_ref().and_then(|held| held.data)
                    == before.held.as_ref().and_then(|held| held.data);
            if overlaps && same {
                continue;
            }
            if rules.merge && *rules.holds == Holds::Nothing && (overlaps || touches) {
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
            let done = std::mem::replace(before, element);
            push(set, done);
        }
        if let Some(last) = kept {
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
        let same = |a: usize, b: usize| {
            key(set, a) == key(set, b)
                && set.verdicts.get(a) == set.verdicts.get(b)
                && set.data.get(a) == set.data.get(b)
        };
        spans.dedup_by(|b, a| same(*a, *b));
        if spans.len() < before {
            spans.sort_unstable();
            let low = spans.iter().flat_map(|&i| &set.low[i * parts..(i + 1) * parts]);
            let low = low.copied().collect();
            let high = spans.iter().flat_map(|&i| &set.high[i * parts..(i + 1) * parts]);
            let high = high.copied().collect();
            (set.low, set.high) = (low, high);
            if !set.expires.is_empty() {
                set.expires.resize(before, 0);
            }
            if !set.each.is_empty() {
                set.each.resize(before, Vec::new());
            }
            set.verdicts = picked(&set.verdicts, &spans);
            set.data = picked(&set.data, &spans);
            set.expires = picked(&set.expires, &spans);
            set.each = picked(&set.each, &spans);
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

fn picked<T: Clone>(from: &[T], places: &[usize]) -> Vec<T> {
    places.iter().filter_map(|&place| from.get(place).cloned()).collect()
}

fn push(set: &mut Set, element: Keyed) {
    hold(set, element.held);
    set.low.push(element.bounds.low);
    set.high.push(element.bounds.high);
    set.verdicts.extend(element.verdict);
}

/// What the element behind those that `set` has holds. The lists that few elements need have their places only up
/// to the last that does.
fn hold(set: &mut Set, held: Option<Box<Held>>) {
    let Some(held) = held else { return };
    let index = set.low.len() / set.widths.len();
    set.data.extend(held.data);
    if held.expires > 0 {
        set.expires.resize(index, 0);
        set.expires.push(held.expires);
    }
    if !held.each.is_empty() {
        set.each.resize(index, Vec::new());
        set.each.push(held.each);
    }
}

/// The object that an element of a map names, by its number.
fn object(scope: &Scope<'_>, kind: ObjectKind, element: &Element) -> Lowered<Value> {
    let data = element.extra.as_ref().and_then(|extra| extra.data.as_ref());
    let Some(Expression { term: Term::Literal(Literal::Word(name) | Literal::Text(name)), span }) = data
    else {
        return Err(Diagnostic::new(
            element.key.span,
            "an element of this map needs a name: `key : \"name\"`",
        ));
    };
    Ok(Value::from(match kind {
        ObjectKind::Counter => scope.counter(name, *span)?.0,
        ObjectKind::Limit => scope.limit(name, *span)?.0,
        ObjectKind::Quota => scope.quota(name, *span)?.0,
    }))
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
