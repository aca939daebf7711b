//! What does an element of a set do for itself, and from where does each of that begin? Elements that differ only in
//! what has been counted so far share their templates: there may be millions.

use std::collections::HashMap;

use super::{Lowered, Lowering};
use crate::policy::{Family, Limit, Quota, Start, Statement};
use crate::ruleset::{self, StatementKind};

/// The templates of one set's elements so far.
#[derive(Debug, Default)]
pub(super) struct Templates {
    known: HashMap<Vec<Shape>, Vec<Statement>>,
}

/// What a statement is besides what it begins from.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Shape {
    Counter,
    Limit(Limit),
    Quota(Quota),
    Connections { count: u32, over: bool },
}

impl Lowering<'_> {
    /// Templates of the statements of an element, and what it begins from.
    pub(super) fn own(
        &mut self,
        templates: &mut Templates,
        family: Family,
        own: &[ruleset::Statement],
    ) -> Lowered<(Vec<Statement>, Vec<Start>)> {
        let starts = own.iter().map(start).collect();
        let shapes: Option<Vec<Shape>> = own.iter().map(shape).collect();
        if let Some(known) = shapes.as_ref().and_then(|shapes| templates.known.get(shapes)) {
            return Ok((known.clone(), starts));
        }
        let fresh: Vec<ruleset::Statement> = own.iter().map(fresh).collect();
        let lowered = self.each(family, &fresh)?;
        templates.known.extend(shapes.map(|shapes| (shapes, lowered.clone())));
        Ok((lowered, starts))
    }
}

/// `None` if elements do not have such.
fn shape(statement: &ruleset::Statement) -> Option<Shape> {
    Some(match fresh(statement).kind {
        StatementKind::Counter { .. } => Shape::Counter,
        StatementKind::Limit(limit) => Shape::Limit(limit),
        StatementKind::Quota(quota) => Shape::Quota(quota),
        StatementKind::ConnectionLimit { count, over } => Shape::Connections { count, over },
        _ => return None,
    })
}

const fn start(statement: &ruleset::Statement) -> Start {
    match &statement.kind {
        StatementKind::Counter { packets, bytes } => [*packets, *bytes],
        StatementKind::Quota(quota) => [quota.used, 0],
        _ => [0; 2],
    }
}

/// The statement as if nothing had been counted.
fn fresh(statement: &ruleset::Statement) -> ruleset::Statement {
    let kind = match &statement.kind {
        StatementKind::Counter { .. } => StatementKind::Counter { packets: 0, bytes: 0 },
        StatementKind::Quota(quota) => StatementKind::Quota(Quota { used: 0, ..quota.clone() }),
        other => other.clone(),
    };
    ruleset::Statement { kind, span: statement.span }
}

#[cfg(test)]
mod tests {
    use crate::policy::Statement;
    use crate::{NoFiles, Source, load};

    #[test]
    fn elements_that_differ_in_what_was_counted_share_a_template() {
        let elements = "1.1.1.1 counter packets 7 bytes 70, 2.2.2.2 counter packets 0 bytes 0, \
                        3.3.3.3 limit rate 5/second, 4.4.4.4 limit rate 5/second, 5.5.5.5 limit rate 6/second, \
                        6.6.6.6 quota 100 bytes used 60 bytes, 7.7.7.7 quota 100 bytes, 8.8.8.8";
        let text = format!(
            "table ip t {{ set s {{ type ipv4_addr; flags dynamic; elements = {{ {elements} }}; }} }}"
        );
        let policy = load(&[Source::new("", text)], &mut NoFiles).expect("it is right").policy;
        let each = &policy.sets[0].each;
        assert_eq!((policy.counters.len(), policy.limits.len(), policy.quotas.len()), (1, 2, 1));
        assert_eq!(each.numbers(), [0, 0, 1, 1, 2, 3, 3, 4]);
        assert!(matches!(each.of(1), [Statement::Counter(_)]) && each.of(7).is_empty());
        assert_eq!([0, 1, 5, 6, 7].map(|n| each.starts_of(n)[0]), [[7, 70], [0, 0], [60, 0], [0, 0], [0, 0]]);
    }
}
