//! How do rules change sets? Dynamic sets, meters, and what each element does for itself.

use super::rule::Making;
use super::scope::{Holds, KnownSet};
use super::{Lowered, Lowering, next_id};
use crate::diagnostic::{Diagnostic, Span};
use crate::policy::{
    self, Change, ConnectionLimit, ConnectionLimitId, Counter, CounterId, Dynamic, LimitId, QuotaId, Set,
    SetId, Statement, Target,
};
use crate::ruleset::{self, StatementKind, Type, Update};

/// Elements of a dynamic set that does not say how many it may hold, as nft has it.
pub(super) const DEFAULT_SIZE: u32 = 65_535;

impl Lowering<'_> {
    /// `add @s { key }`
    pub(super) fn update(
        &mut self,
        making: &mut Making<'_, '_>,
        update: &Update,
        span: Span,
    ) -> Lowered<Statement> {
        let known = match update.meter {
            Some(size) => self.meter(making, update, size)?,
            None => making.scope.set(&update.set.node, update.set.span)?.clone(),
        };
        super::set_flags::check_update(&known, update)?;
        let parts = self.dynamic_key(making, &update.key, &known.types)?;
        super::comparison::fitting_key(&known, &parts, &update.set.node, update.set.span)?;
        let data = match (&known.holds, &update.data) {
            (Holds::Nothing, None) => None,
            (Holds::Values(types), Some(data)) => Some(self.data(making, data, types)?),
            (Holds::Values(_), None) if update.change == Change::Delete => None,
            (Holds::Values(_), None) => {
                return Err(Diagnostic::new(span, "an element of a map needs a value: `key : value`"));
            }
            (Holds::Nothing, Some(data)) => {
                return Err(Diagnostic::new(data.span, "an element of a set has no value"));
            }
            (Holds::Verdicts | Holds::Objects(_), _) => {
                let text = format!("packets cannot change `{}`: it holds no plain values", update.set.node);
                return Err(Diagnostic::new(update.set.span, text));
            }
        };
        let each = self.each(making.scope.table.family, &update.each)?;
        self.make_dynamic(known.id, &update.set)?;
        Ok(Statement::Update(Box::new(policy::Update {
            change: update.change,
            set: known.id,
            key: parts.iter().map(|part| part.field).collect(),
            timeout: update.timeout,
            data,
            each,
            drops_if_full: update.drops_if_full,
            negated: update.negated,
        })))
    }

    /// The set of a meter: declared by its first use, shared by those of the same key.
    fn meter(
        &mut self,
        making: &mut Making<'_, '_>,
        update: &Update,
        size: Option<u32>,
    ) -> Lowered<KnownSet> {
        let name = &update.set.node;
        if making.scope.knows_set(name) {
            let text = format!("`{name}` is a set already");
            return Err(Diagnostic::new(update.set.span, text).help(format!("`update @{name} {{ ... }}`")));
        }
        let mut scratch = making.clone_for_types();
        let types: Vec<Type> = self.key(&mut scratch, &update.key)?.iter().map(|part| part.kind).collect();
        let family = making.scope.table.family;
        let key = (family, making.scope.table.name.clone(), name.clone());
        if let Some(known) = self.meters.get(&key) {
            return Ok(known.clone());
        }
        let id = SetId(next_id(self.policy.sets.len()));
        self.policy.sets.push(Set {
            name: Some(name.clone()),
            widths: types.iter().map(|kind| kind.width()).collect(),
            dynamic: Some(Dynamic {
                size: size.unwrap_or(DEFAULT_SIZE),
                timeout: None,
                collected_every: None,
                interval: false,
                each: Vec::new(),
            }),
            ..Set::default()
        });
        let known = KnownSet { id, types, holds: Holds::Nothing, timeouts: true };
        self.meters.insert(key, known.clone());
        Ok(known)
    }

    /// The set is one that packets change from now on.
    fn make_dynamic(&mut self, id: SetId, name: &ruleset::Spanned<String>) -> Lowered<()> {
        let fixed = self.fixed_sets.get(&id).copied();
        if let Some(why) = fixed {
            let text = format!("packets cannot change `{}`: {why}", name.node);
            return Err(Diagnostic::new(name.span, text));
        }
        let set = &mut self.policy.sets[id.index()];
        let size = DEFAULT_SIZE.max(next_id(set.len()));
        set.dynamic.get_or_insert(Dynamic {
            size,
            timeout: None,
            collected_every: None,
            interval: false,
            each: Vec::new(),
        });
        Ok(())
    }

    /// The templates of what each element does for itself.
    pub(super) fn each(
        &mut self,
        family: policy::Family,
        each: &[ruleset::Statement],
    ) -> Lowered<Vec<Statement>> {
        each.iter().map(|statement| self.stateful(family, statement)).collect()
    }

    /// A counter, limit, quota or bound on connections of its own.
    pub(super) fn stateful(
        &mut self,
        family: policy::Family,
        statement: &ruleset::Statement,
    ) -> Lowered<Statement> {
        Ok(match &statement.kind {
            StatementKind::Counter { packets, bytes } => {
                let id = CounterId(next_id(self.policy.counters.len()));
                self.policy.counters.push(Counter { name: None, packets: *packets, bytes: *bytes });
                Statement::Counter(id)
            }
            StatementKind::Limit(limit) => {
                let id = LimitId(next_id(self.policy.limits.len()));
                self.policy.limits.push(limit.clone());
                Statement::Limit(id)
            }
            StatementKind::Quota(quota) => {
                let id = QuotaId(next_id(self.policy.quotas.len()));
                self.policy.quotas.push(quota.clone());
                Statement::Quota(id)
            }
            StatementKind::ConnectionLimit { count, over } => {
                self.track(family, statement.span)?;
                let id = ConnectionLimitId(next_id(self.policy.connection_limits.len()));
                let limit = ConnectionLimit { name: None, count: *count, over: *over };
                self.policy.connection_limits.push(limit);
                Statement::ConnectionLimit(id)
            }
            _ => return Err(Diagnostic::new(statement.span, "this cannot be done for each element")),
        })
    }

    /// `meta mark set value`
    pub(super) fn assignment(
        &mut self,
        making: &mut Making<'_, '_>,
        target: Target,
        value: &ruleset::Expression,
        span: Span,
    ) -> Lowered<Statement> {
        let kind = match target {
            Target::Mark | Target::CtMark => Type::Mark,
            Target::CtZone => Type::Integer(16),
            Target::PacketType => Type::PktType,
        };
        if matches!(target, Target::CtMark | Target::CtZone) {
            self.track(making.scope.table.family, span)?;
        }
        let value = self.operand(making, value, kind)?;
        Ok(Statement::Set(target, value))
    }
}
