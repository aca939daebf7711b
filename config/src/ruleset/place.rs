//! Where was something written that was made on behalf of something else? At the place of that: a rule of a dump
//! becomes words of nft, and what is said about them is said about the rule.

use super::{Element, Elements, Expression, KeyType, MapSource, Match, Set, Statement, StatementKind, Term};
use crate::diagnostic::Span;

impl Expression {
    /// Moves it and its parts to `span`.
    pub(crate) fn move_to(&mut self, span: Span) {
        self.span = span;
        match &mut self.term {
            Term::Range(both) | Term::Binary(_, both) => {
                both.0.move_to(span);
                both.1.move_to(span);
            }
            Term::Prefix(base, _) => base.move_to(span),
            Term::Concat(parts) | Term::List(parts) => parts.iter_mut().for_each(|part| part.move_to(span)),
            Term::Set(elements) => elements.move_to(span),
            Term::Map(key, map) => {
                key.move_to(span);
                map.move_to(span);
            }
            Term::Literal(_) | Term::Selector(_) | Term::SetName(_) | Term::Any => {}
        }
    }
}

impl MapSource {
    fn move_to(&mut self, span: Span) {
        match self {
            Self::Elements(elements) => elements.move_to(span),
            Self::Name(_, place) => *place = span,
        }
    }
}

impl Elements {
    /// Moves each of them to `span`.
    fn move_to(&mut self, span: Span) {
        self.move_each_to(std::iter::repeat(span));
    }

    /// Moves each of them to its own place.
    pub(crate) fn move_each_to(&mut self, places: impl IntoIterator<Item = Span>) {
        let moved = self.iter().zip(places).map(|(mut element, span)| {
            element.move_to(span);
            element
        });
        *self = moved.collect();
    }
}

impl Element {
    /// Moves it and its parts to `span`.
    pub(crate) fn move_to(&mut self, span: Span) {
        self.key.move_to(span);
        let Some(extra) = &mut self.extra else { return };
        if let Some(verdict) = &mut extra.verdict {
            verdict.span = span;
        }
        if let Some(data) = &mut extra.data {
            data.move_to(span);
        }
        extra.each.iter_mut().for_each(|statement| statement.move_to(span));
    }
}

impl Statement {
    /// Moves it and its parts to `span`.
    pub(crate) fn move_to(&mut self, span: Span) {
        self.span = span;
        match &mut self.kind {
            StatementKind::Match(Match { left, right, .. }) => {
                left.move_to(span);
                right.move_to(span);
            }
            StatementKind::VerdictMap { key, map } | StatementKind::Mapped { key, map, .. } => {
                key.move_to(span);
                map.move_to(span);
            }
            StatementKind::Verdict(verdict) => verdict.span = span,
            StatementKind::Set(_, value) => value.move_to(span),
            StatementKind::Update(update) => {
                update.set.span = span;
                update.key.move_to(span);
                if let Some(data) = &mut update.data {
                    data.move_to(span);
                }
                update.each.iter_mut().for_each(|statement| statement.move_to(span));
            }
            StatementKind::Counter { .. }
            | StatementKind::CounterName(_)
            | StatementKind::Reject(_)
            | StatementKind::Whole { .. }
            | StatementKind::Sought { .. }
            | StatementKind::SourceRoute { .. }
            | StatementKind::Notrack
            | StatementKind::Template { .. }
            | StatementKind::Limit(_)
            | StatementKind::Quota(_)
            | StatementKind::Named(..)
            | StatementKind::ConnectionLimit { .. }
            | StatementKind::Recent(_)
            | StatementKind::Log(..) => {}
        }
    }
}

impl Set {
    /// Moves it and its parts to `span`.
    pub(crate) fn move_to(&mut self, span: Span) {
        self.span = span;
        match &mut self.key {
            KeyType::Types(types) => types.iter_mut().for_each(|kind| kind.span = span),
            KeyType::Typeof(parts) => parts.iter_mut().for_each(|part| part.move_to(span)),
        }
        if let Some(size) = &mut self.size {
            size.span = span;
        }
        self.each.iter_mut().for_each(|statement| statement.move_to(span));
        self.elements.move_to(span);
    }
}
