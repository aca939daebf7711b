//! Which names does a table know?

use std::collections::HashMap;

use super::{Lowered, Lowering, next_id};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{ChainId, Counter, CounterId, SetId};
use crate::ruleset::{Expression, KeyType, MapData, Set, Table, Term, Type};
use crate::suggestion::did_you_mean;

/// The names of one table.
pub(super) struct Scope<'a> {
    pub(super) table: &'a Table,
    pub(super) chains: HashMap<&'a str, ChainId>,
    sets: HashMap<&'a str, KnownSet>,
    counters: HashMap<&'a str, CounterId>,
    /// A name that is not known may be one that could not be read.
    incomplete: bool,
}

/// A named set or map.
#[derive(Debug, Clone)]
pub(super) struct KnownSet {
    pub(super) id: SetId,
    pub(super) types: Vec<Type>,
    pub(super) is_map: bool,
}

impl<'a> Lowering<'a> {
    /// Gives everything in `table` its id.
    pub(super) fn declare(&mut self, table: &'a Table) -> Scope<'a> {
        let mut scope = Scope {
            table,
            chains: HashMap::new(),
            sets: HashMap::new(),
            counters: HashMap::new(),
            incomplete: self.ruleset.incomplete,
        };
        for chain in table.chains.iter() {
            scope.chains.insert(&chain.name, self.declare_chain(table, chain));
        }
        for counter in table.counters.iter() {
            let id = CounterId(next_id(self.policy.counters.len()));
            self.policy.counters.push(Counter {
                name: Some(counter.name.clone()),
                packets: counter.packets,
                bytes: counter.bytes,
            });
            scope.counters.insert(&counter.name, id);
        }
        for set in table.sets.iter() {
            let lowered = self.named_set(&scope, set);
            if let Some(known) = self.note(lowered) {
                scope.sets.insert(&set.name, known);
            }
        }
        scope
    }

    fn named_set(&mut self, scope: &Scope<'_>, set: &Set) -> Lowered<KnownSet> {
        let types = key_types(&set.key)?;
        let is_map = matches!(set.data, Some(MapData::Verdict));
        let id = SetId(next_id(self.policy.sets.len()));
        self.policy.sets.push(crate::policy::Set::default());
        let rules = super::element::Rules {
            types: &types,
            is_map,
            intervals: set.flags.interval,
            merge: set.auto_merge,
        };
        let mut lowered = self.elements(scope, &rules, &set.elements);
        lowered.name = Some(set.name.clone());
        if let Some(size) = set.size.as_ref().filter(|size| lowered.len() as u64 > size.node) {
            let text = format!("{} elements do not fit into this size", lowered.len());
            self.errors.push(Diagnostic::new(size.span, text));
        }
        self.policy.sets[id.index()] = lowered;
        Ok(KnownSet { id, types, is_map })
    }
}

impl Scope<'_> {
    /// The chain called `name`.
    pub(super) fn chain(&self, name: &str, span: Span) -> Lowered<ChainId> {
        let known = self.chains.get(name).copied();
        known.ok_or_else(|| self.unknown("chain", name, span, self.chains.keys().copied()))
    }

    /// The set or map called `name`.
    pub(super) fn set(&self, name: &str, span: Span) -> Lowered<&KnownSet> {
        let known = self.sets.get(name);
        known.ok_or_else(|| self.unknown("set", name, span, self.sets.keys().copied()))
    }

    /// The counter called `name`.
    pub(super) fn counter(&self, name: &str, span: Span) -> Lowered<CounterId> {
        let known = self.counters.get(name).copied();
        known.ok_or_else(|| self.unknown("counter", name, span, self.counters.keys().copied()))
    }

    fn unknown<'n>(
        &self,
        what: &str,
        name: &str,
        span: Span,
        known: impl Iterator<Item = &'n str>,
    ) -> Diagnostic {
        if self.incomplete {
            return Diagnostic::new(span, String::new());
        }
        let mut complaint = Diagnostic::new(span, format!("there is no {what} `{name}` in this table"));
        complaint.help = did_you_mean(name, known);
        complaint
    }
}

fn key_types(key: &KeyType) -> Lowered<Vec<Type>> {
    match key {
        KeyType::Types(types) => Ok(types.iter().map(|kind| kind.node).collect()),
        KeyType::Typeof(parts) => parts.iter().map(type_of).collect(),
    }
}

/// The type of what is looked at.
pub(super) fn type_of(expression: &Expression) -> Lowered<Type> {
    let mut inner = expression;
    while let Term::Binary(_, both) = &inner.term {
        inner = &both.0;
    }
    match &inner.term {
        Term::Selector(selector) => Ok(selector.kind()),
        _ => Err(Diagnostic::new(expression.span, "this has no type of its own")),
    }
}
