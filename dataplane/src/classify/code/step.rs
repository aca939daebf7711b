//! What is one step of a rule? What it asks or does, with fields and numbers by their places in tables.

use super::super::facts::Facts;
use crate::frame::Frame;
use crate::object::set::Wanted;
use config::policy::{
    self, Assigned, BitOperator, ConnectionLimitId, CounterId, Field, LimitId, ObjectKind, QuotaId, Reject,
    SetId, Target, Value,
};

/// One step of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Goes on if the field lies within the bounds, or outside them.
    Within {
        field: u32,
        bounds: u32,
        negated: bool,
    },
    /// Goes on if the key is in the set, or is not.
    Lookup {
        key: Key,
        set: u32,
        negated: bool,
    },
    Counter(CounterId),
    Verdict(policy::Verdict),
    VerdictMap {
        key: Key,
        map: u32,
    },
    Reject(Reject),
    Notrack,
    Assign(Assigned),
    /// As `Lookup`, in a set whose elements come, go or do something.
    LookupHeld {
        key: Key,
        set: SetId,
        negated: bool,
    },
    /// As `VerdictMap`, likewise.
    VerdictMapHeld {
        key: Key,
        map: SetId,
    },
    Limit(LimitId),
    Quota(QuotaId),
    Connections(ConnectionLimitId),
    /// Which statement of the rule it was.
    Log {
        statement: u16,
    },
    Set {
        target: Target,
        operand: u32,
    },
    Update(u32),
    Recent(u32),
    Object {
        kind: ObjectKind,
        key: Key,
        map: SetId,
    },
}

/// A value a step writes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Operand {
    Constant(Value),
    Field(u32),
    Map { key: Key, map: SetId },
    Bits { operator: BitOperator, left: u32, right: u32 },
}

/// What a step does to a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Update {
    pub(super) key: Key,
    pub(super) set: SetId,
    pub(super) wanted: Wanted,
    pub(super) data: Option<u32>,
    pub(super) drops_if_full: bool,
    pub(super) negated: bool,
}

/// A field, and whether there is anything to do to what is loaded.
#[derive(Debug)]
pub(super) struct Readable {
    field: Field,
    plain: bool,
}

/// Fields side by side in [`Code::keys`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) from: u32,
    pub(super) parts: u8,
}

impl Readable {
    pub(super) const fn new(field: Field) -> Self {
        Self { field, plain: field.is_plain() }
    }

    #[inline]
    pub(super) fn read<F: Frame + ?Sized>(&self, facts: &Facts<'_, F>) -> Option<Value> {
        let loaded = facts.load(&self.field.load)?;
        Some(if self.plain { loaded } else { self.field.apply(loaded) })
    }
}
