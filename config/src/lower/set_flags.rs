//! Do the flags of a set, its key and its elements go together? As nft and the kernel want it.

use super::Lowered;
use super::scope::{Holds, KnownSet};
use crate::diagnostic::{Diagnostic, Span};
use crate::ruleset::{Element, Set, Statement, StatementKind, Type, Update};

/// What a named set says of itself.
pub(super) fn check(set: &Set) -> Lowered<()> {
    let flags = set.flags;
    let refused = |text: &str, help: &str| Err(Diagnostic::new(set.span, text).help(help));
    if set.auto_merge && !flags.interval {
        return refused("only a set of ranges can merge its elements", "add `flags interval`");
    }
    if set.auto_merge && set.data.is_some() {
        return refused("a map cannot merge its elements", "leave `auto-merge` out");
    }
    if flags.interval && flags.dynamic {
        return refused(
            "packets cannot change a set of ranges: `interval` and `dynamic` exclude each other",
            "a timeout needs `flags timeout` only",
        );
    }
    if flags.constant && has_timeouts(set) {
        return refused("the elements of a constant set do not end", "leave `constant` or the timeout out");
    }
    if set.collect.is_some() && !has_timeouts(set) {
        return refused("`gc-interval` is about elements that end", "add `flags timeout`");
    }
    if has_timeouts(set) {
        check_each(&set.each)?;
    }
    set.elements.iter().try_for_each(|element| check_times(set, &element))
}

/// Whether elements of the set may end by themselves.
pub(super) const fn has_timeouts(set: &Set) -> bool {
    set.flags.timeout || set.timeout.is_some()
}

fn check_times(set: &Set, element: &Element) -> Lowered<()> {
    let Some(extra) = element.extra.as_deref() else { return Ok(()) };
    if extra.timeout.is_none() && extra.expires.is_none() {
        return Ok(());
    }
    let span = element.key.span;
    if !has_timeouts(set) {
        let text = "an element of this set has no timeout";
        return Err(Diagnostic::new(span, text).help("`flags timeout` in the set lets it have one"));
    }
    let lifetime = extra.timeout.or(set.timeout).unwrap_or(0);
    if extra.expires.is_some_and(|left| left > lifetime) {
        return Err(Diagnostic::new(span, "more is left of this element than its whole timeout"));
    }
    Ok(())
}

/// What an element of a set or map in a rule may have.
pub(super) fn check_unnamed(element: &Element, holds: &Holds) -> Lowered<()> {
    let Some(extra) = element.extra.as_deref() else { return Ok(()) };
    let span = element.key.span;
    if extra.timeout.is_some() || extra.expires.is_some() {
        let text = "an element of a set without a name has no timeout";
        return Err(Diagnostic::new(span, text).help("a named set with `flags timeout` lets it have one"));
    }
    if !extra.each.is_empty() && *holds != Holds::Nothing {
        let text = "an element of a map without a name does nothing for itself";
        return Err(Diagnostic::new(span, text).help("a named map that says so lets its elements count"));
    }
    Ok(())
}

/// Whether elements that end may do this for themselves: the kernel does not count connections for such.
fn check_each(each: &[Statement]) -> Lowered<()> {
    let counts = |statement: &&Statement| matches!(statement.kind, StatementKind::ConnectionLimit { .. });
    match each.iter().find(counts) {
        Some(counting) => {
            let text = "elements that end by themselves cannot count connections";
            Err(Diagnostic::new(counting.span, text)
                .help("without a timeout an element goes when its connections have ended"))
        }
        None => Ok(()),
    }
}

/// Whether a rule may give elements of the set a timeout of their own.
pub(super) fn check_update(known: &KnownSet, update: &Update) -> Lowered<()> {
    if known.timeouts && update.meter.is_none() || update.timeout.is_some() {
        check_each(&update.each)?;
    }
    if update.timeout.is_none() || known.timeouts || update.meter.is_some() {
        return Ok(());
    }
    let name = &update.set.node;
    let text = format!("elements of `{name}` have no timeout");
    Err(Diagnostic::new(update.set.span, text).help("`flags timeout` in the set lets them have one"))
}

/// Whether a key of these types has room in the kernel: each part takes whole words of 32 bits.
pub(super) fn check_key(types: &[Type], span: Span) -> Lowered<()> {
    let bits: u32 = types.iter().map(|kind| u32::from(kind.width()).next_multiple_of(32)).sum();
    if bits <= WIDEST_KEY {
        return Ok(());
    }
    Err(Diagnostic::new(span, format!("a key has at most {WIDEST_KEY} bits, and this has {bits}")))
}

const WIDEST_KEY: u32 = 512;
