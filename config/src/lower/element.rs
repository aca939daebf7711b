//! Which keys does a set hold? Elements typed, sorted, merged where they may be.

use std::mem::discriminant;

use super::arrange::{arranged, arranged_boxes};
use super::catch_all::CatchAll;
use super::constant::{Bounds, bounds, described};
use super::overlap::Overlap;
use super::scope::{Holds, Scope};
use super::templates::Templates;
use super::{Lowered, Lowering};
use crate::diagnostic::Diagnostic;
use crate::policy::{ObjectKind, Set, Start, Statement, Value, Verdict};
use crate::ruleset::{Element, Elements, Expression, Literal, Term, Type};

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
    pub(super) each: &'a [Statement],
    /// An element may do something else.
    pub(super) free: bool,
    /// Elements may come and go.
    pub(super) changes: bool,
}

/// What few elements hold.
#[derive(Debug, Default, PartialEq, Eq)]
struct Held {
    data: Option<Value>,
    expires: u64,
    each: Vec<Statement>,
    /// What those begin from; empty if that is as they say.
    starts: Vec<Start>,
}

impl Lowering<'_> {
    /// The set made of `elements`; complaints are recorded.
    pub(super) fn elements(&mut self, scope: &Scope<'_>, rules: &Rules<'_>, elements: &Elements) -> Set {
        let mut set = Set { widths: rules.types.iter().map(|kind| kind.width()).collect(), ..Set::default() };
        let before = self.errors.len();
        let (mut rest, mut templates) = (None, Templates::default());
        set.low.reserve_exact(elements.len() * rules.types.len());
        set.high.reserve_exact(elements.len() * rules.types.len());
        for element in elements {
            if matches!(element.key.term, Term::Any) {
                let found = self.rest((scope, rules), &mut templates, &element, rest.as_ref());
                let found = self.note(found);
                rest = rest.or(found);
            } else {
                let found = self.put((scope, rules), &mut templates, &element, &mut set);
                self.note(found);
            }
        }
        if self.errors.len() > before {
            return set;
        }
        let arranged = match rules.types {
            [_] => arranged(&mut set, rules.merge && *rules.holds == Holds::Nothing),
            _ => arranged_boxes(&mut set),
        };
        if let Err(found) = arranged {
            let complaint = self.overlapping(elements, found);
            self.errors.push(complaint);
        }
        let count = set.len();
        if !set.expires.is_empty() {
            set.expires.resize(count, 0);
        }
        if !set.each.is_empty() {
            set.each.fill(count);
        }
        if let Some(rest) = rest {
            rest.join(&mut set, rules.changes);
        }
        set
    }

    /// What `*` holds.
    fn rest(
        &mut self,
        (scope, rules): (&Scope<'_>, &Rules<'_>),
        templates: &mut Templates,
        element: &Element,
        known: Option<&CatchAll>,
    ) -> Lowered<CatchAll> {
        let held = self.held((scope, rules), templates, element)?.unwrap_or_default();
        let verdict = self.verdict_of(scope, rules, element)?;
        let Held { data, expires, each, starts } = held;
        let rest = CatchAll { verdict, data, expires, each, starts };
        if known.is_some_and(|known| !known.holds_as(&rest)) {
            let text = "every other key has an element already, which holds something else";
            return Err(Diagnostic::new(element.key.span, text));
        }
        Ok(rest)
    }

    /// Puts one element behind those that `set` has.
    fn put(
        &mut self,
        (scope, rules): (&Scope<'_>, &Rules<'_>),
        templates: &mut Templates,
        element: &Element,
        set: &mut Set,
    ) -> Lowered<()> {
        let parts = match &element.key.term {
            _ if rules.types.len() == 1 => std::slice::from_ref(&element.key),
            Term::Concat(parts) if parts.len() == rules.types.len() => parts,
            _ => {
                let text = format!("expected a key of {} parts", rules.types.len());
                return Err(Diagnostic::new(element.key.span, text));
            }
        };
        let before = set.low.len();
        for (part, kind) in parts.iter().zip(rules.types) {
            let found = part_of_key(rules, part, *kind)?;
            set.low.push(found.low);
            set.high.push(found.high);
        }
        let verdict = self.verdict_of(scope, rules, element)?;
        let held = self.held((scope, rules), templates, element)?;
        set.verdicts.extend(verdict);
        hold(set, held, before / rules.types.len());
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
        (scope, rules): (&Scope<'_>, &Rules<'_>),
        templates: &mut Templates,
        element: &Element,
    ) -> Lowered<Option<Held>> {
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
        let (each, starts) = match each {
            Some(own) => {
                let (each, starts) = self.own(templates, scope.table.family, own)?;
                if !rules.free && !each.iter().map(discriminant).eq(rules.each.iter().map(discriminant)) {
                    return Err(Diagnostic::new(
                        own[0].span,
                        "an element does what its set says, in that order",
                    )
                    .help("declare it in the set: `counter` behind its `type`"));
                }
                (each, starts)
            }
            None => (rules.each.to_vec(), Vec::new()),
        };
        let held = Held { data, expires, each, starts };
        Ok((held != Held::default()).then_some(held))
    }

    fn overlapping(&mut self, elements: &Elements, found: Overlap) -> Diagnostic {
        let span = |number: usize| {
            let mut keys = elements.iter().map(|element| element.key);
            keys.by_ref().filter(|key| !matches!(key.term, Term::Any)).nth(number).map(|key| key.span)
        };
        let Overlap::Between(earlier, later) = found else {
            let text = "too many of these elements share a part to tell whether any two overlap";
            return Diagnostic::new(span(0).unwrap_or_default(), text);
        };
        let place = self.place(span(earlier).unwrap_or_default());
        let text = format!("this element overlaps the one at line {}, column {}", place.line, place.column);
        Diagnostic::new(span(later).unwrap_or_default(), text)
    }
}

/// What element `index`, the last that `set` has, holds. The lists that few elements need have their places only up
/// to the last that does.
fn hold(set: &mut Set, held: Option<Held>, index: usize) {
    let Some(held) = held else { return };
    set.data.extend(held.data);
    if held.expires > 0 {
        set.expires.resize(index, 0);
        set.expires.push(held.expires);
    }
    if !held.each.is_empty() {
        set.each.fill(index);
        set.each.push_from(held.each, &held.starts);
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
        ObjectKind::Helper => scope.helper(name, *span)?.0,
        ObjectKind::Timeouts => scope.timeouts(name, *span)?.0,
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
