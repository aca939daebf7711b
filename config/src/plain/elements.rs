//! Which elements of a set do what nft 1.0.6 has no words for? Those with a quota: the set may have one for all.

use std::mem::take;

use crate::diagnostic::{Diagnostic, Span};
use crate::print;
use crate::ruleset::{Element, Elements, Rule, Set, Statement, StatementKind};

/// Takes the quotas from the elements of `set` that the set itself says.
pub(super) fn without_quotas(set: &mut Set, errors: &mut Vec<Diagnostic>) {
    if !set.each.is_empty() && set.elements.iter().any(|element| has_quota(&element)) {
        let of_set = words(&set.each);
        let said: Elements = take(&mut set.elements)
            .iter()
            .map(|mut element| {
                if let Some(extra) = &mut element.extra
                    && has_quota_among(&extra.each)
                    && words(&extra.each) == of_set
                {
                    extra.each.clear();
                }
                element
            })
            .collect();
        set.elements = said;
    }
    let unsaid = set.elements.iter().find(has_quota);
    errors.extend(unsaid.map(|element| Diagnostic::new(element.key.span, UNSAID)));
}

fn has_quota(element: &Element) -> bool {
    element.extra.as_ref().is_some_and(|extra| has_quota_among(&extra.each))
}

fn has_quota_among(each: &[Statement]) -> bool {
    each.iter().any(|statement| matches!(statement.kind, StatementKind::Quota(_)))
}

fn words(each: &[Statement]) -> String {
    print::rule(&Rule {
        statements: each.to_vec(),
        span: Span::default(),
        comment: None,
        joined: false,
        handle: 0,
    })
}

const UNSAID: &str =
    "nft has no words for an element with a quota of its own, only for one that its set gives to all";
