//! Which names does a table know?

use std::collections::HashMap;

use super::constant::described;
use super::update::DEFAULT_SIZE;
use super::{Lowered, Lowering, next_id, set_flags};
use crate::diagnostic::{Diagnostic, Span};
use crate::nft::connection::unknown_helper;
use crate::policy::{
    ChainId, Counter, CounterId, Dynamic, HelperId, Limit, LimitId, ObjectKind, Quota, QuotaId, SetId,
    Statement, TimeoutsId,
};
use crate::ruleset::{Expression, HelperType, KeyType, MapData, Set, Table, Term, Type};
use crate::suggestion::did_you_mean;

/// The names of one table.
pub(super) struct Scope<'a> {
    pub(super) table: &'a Table,
    pub(super) chains: HashMap<&'a str, ChainId>,
    sets: HashMap<&'a str, KnownSet>,
    counters: HashMap<&'a str, CounterId>,
    limits: HashMap<&'a str, LimitId>,
    quotas: HashMap<&'a str, QuotaId>,
    pub(super) helpers: HashMap<&'a str, HelperId>,
    pub(super) timeouts: HashMap<&'a str, TimeoutsId>,
    /// A name that is not known may be one that could not be read.
    incomplete: bool,
}

/// A named set or map.
#[derive(Debug, Clone)]
pub(super) struct KnownSet {
    pub(super) id: SetId,
    pub(super) types: Vec<Type>,
    pub(super) holds: Holds,
    /// Its elements may end by themselves.
    pub(super) timeouts: bool,
}

/// What the elements of a set hold besides their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holds {
    Nothing,
    Verdicts,
    Values(Vec<Type>),
    Objects(ObjectKind),
}

impl Holds {
    /// Whether what holds this can stand where `wanted` is wanted.
    pub(super) fn fits(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Values(a), Self::Values(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_type(*a, *b))
            }
            _ => self == wanted,
        }
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Nothing => "a set".to_owned(),
            Self::Verdicts => "a map to verdicts".to_owned(),
            Self::Values(types) => {
                let types: Vec<String> = types.iter().map(|kind| described(*kind)).collect();
                format!("a map to {}", types.join(" . "))
            }
            Self::Objects(ObjectKind::Counter) => "a map to counters".to_owned(),
            Self::Objects(ObjectKind::Limit) => "a map to limits".to_owned(),
            Self::Objects(ObjectKind::Quota) => "a map to quotas".to_owned(),
            Self::Objects(ObjectKind::Helper) => "a map to helpers".to_owned(),
            Self::Objects(ObjectKind::Timeouts) => "a map to timeouts".to_owned(),
        }
    }
}

/// Whether values of the two can be compared.
pub(super) fn same_type(a: Type, b: Type) -> bool {
    let number = matches!(a, Type::Integer(_)) || matches!(b, Type::Integer(_));
    a == b || number && a.width() == b.width()
}

impl<'a> Lowering<'a> {
    /// Gives everything in `table` its id.
    pub(super) fn declare(&mut self, table: &'a Table) -> Scope<'a> {
        let mut scope = Scope {
            table,
            chains: HashMap::new(),
            sets: HashMap::new(),
            counters: HashMap::new(),
            limits: HashMap::new(),
            quotas: HashMap::new(),
            helpers: HashMap::new(),
            timeouts: HashMap::new(),
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
        for limit in table.limits.iter() {
            let id = LimitId(next_id(self.policy.limits.len()));
            self.policy.limits.push(Limit { name: Some(limit.name.clone()), ..limit.what.clone() });
            scope.limits.insert(&limit.name, id);
        }
        for quota in table.quotas.iter() {
            let id = QuotaId(next_id(self.policy.quotas.len()));
            self.policy.quotas.push(Quota { name: Some(quota.name.clone()), ..quota.what.clone() });
            scope.quotas.insert(&quota.name, id);
        }
        self.connection_objects(&mut scope);
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
        set_flags::check(set)?;
        set_flags::check_key(&types, set.span)?;
        let holds = match &set.data {
            None => Holds::Nothing,
            Some(MapData::Verdict) => Holds::Verdicts,
            Some(MapData::Object(kind)) => Holds::Objects(*kind),
            Some(MapData::Value(data)) => {
                let types = key_types(data)?;
                if types.iter().map(|kind| kind.width()).sum::<u16>() > 128 {
                    let text =
                        "a map to more than 128 bits is not supported: only address translation uses one";
                    return Err(Diagnostic::new(set.span, text));
                }
                Holds::Values(types)
            }
        };
        let each = self.each(scope.table.family, &set.each)?;
        let id = SetId(next_id(self.policy.sets.len()));
        self.policy.sets.push(crate::policy::Set::default());
        let rules = super::element::Rules {
            types: &types,
            holds: &holds,
            intervals: set.flags.interval,
            merge: set.auto_merge,
            timeout: set.timeout,
            each: &each,
            free: set.flags.dynamic,
            changes: set.flags.dynamic || set.flags.timeout || set.timeout.is_some(),
        };
        let mut lowered = self.elements(scope, &rules, &set.elements);
        lowered.name = Some(set.name.clone());
        if let Holds::Values(types) = &holds {
            lowered.data_width = types.iter().map(|kind| kind.width()).sum();
        }
        let keys = || set.elements.iter().filter(|element| !matches!(element.key.term, Term::Any)).count();
        let count = if set.size.is_some() { lowered.len().min(keys()) } else { 0 };
        if let Some(size) = set.size.as_ref().filter(|size| count as u64 > size.node) {
            let text = format!("{count} elements do not fit into this size");
            self.errors.push(Diagnostic::new(size.span, text));
        }
        lowered.dynamic = Self::dynamic(set, each, lowered.len())?;
        if set.flags.constant {
            self.fixed_sets.insert(id, "it is constant");
        } else if set.flags.interval {
            self.fixed_sets.insert(id, "it holds ranges");
        }
        self.policy.sets[id.index()] = lowered;
        Ok(KnownSet { id, types, holds, timeouts: set_flags::has_timeouts(set) })
    }

    /// What packets may do to a set.
    fn dynamic(set: &Set, each: Vec<Statement>, elements: usize) -> Lowered<Option<Dynamic>> {
        if !set.flags.dynamic && !set.flags.timeout && set.timeout.is_none() {
            return Ok(None);
        }
        let size = match &set.size {
            Some(size) => u32::try_from(size.node).map_err(|_| {
                Diagnostic::new(size.span, "a set that packets change holds fewer than 2^32 elements")
            })?,
            None => DEFAULT_SIZE.max(next_id(elements)),
        };
        let (timeout, collected_every) = (set.timeout, set.collect);
        Ok(Some(Dynamic { size, timeout, collected_every, interval: set.flags.interval, each }))
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

    /// The limit called `name`.
    pub(super) fn limit(&self, name: &str, span: Span) -> Lowered<LimitId> {
        let known = self.limits.get(name).copied();
        known.ok_or_else(|| self.unknown("limit", name, span, self.limits.keys().copied()))
    }

    /// The quota called `name`.
    pub(super) fn quota(&self, name: &str, span: Span) -> Lowered<QuotaId> {
        let known = self.quotas.get(name).copied();
        known.ok_or_else(|| self.unknown("quota", name, span, self.quotas.keys().copied()))
    }

    /// The helper called `name`.
    pub(super) fn helper(&self, name: &str, span: Span) -> Lowered<HelperId> {
        if let Some(HelperType::Other(kind)) = self.table.helpers.get(name).map(|h| h.what.kind) {
            return Err(unknown_helper(kind, span));
        }
        let known = self.helpers.get(name).copied();
        known.ok_or_else(|| self.unknown("ct helper", name, span, self.helpers.keys().copied()))
    }

    /// The timeouts called `name`.
    pub(super) fn timeouts(&self, name: &str, span: Span) -> Lowered<TimeoutsId> {
        let known = self.timeouts.get(name).copied();
        known.ok_or_else(|| self.unknown("ct timeout", name, span, self.timeouts.keys().copied()))
    }

    /// Whether a set or map is called `name`.
    pub(super) fn knows_set(&self, name: &str) -> bool {
        self.sets.contains_key(name)
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

/// The types of the parts of a key.
pub(super) fn key_types(key: &KeyType) -> Lowered<Vec<Type>> {
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
