//! What do the steps do that remember something from one packet to the next, or change what is known of this one?

use super::super::counters::Counters;
use super::super::decision::Evaluation;
use super::super::facts::Facts;
use super::{Code, Key, Operand, Step, Update};
use crate::frame::Frame;
use crate::object::set::Wanted;
use crate::object::{Found, Moment, Objects};
use config::policy::{
    Assigned, BitOperator, CounterId, HelperId, LimitId, ObjectKind, QuotaId, RuleId, SetId, TimeoutsId,
    Value,
};

impl Code {
    /// The steps that remember something from one packet to the next, or change what is known of this one. Whether the
    /// rule goes on.
    #[inline(never)]
    pub(super) fn do_held<F: Frame + ?Sized>(
        &self,
        step: Step,
        rule: u32,
        facts: &mut Facts<'_, F>,
        objects: &Objects,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) -> bool {
        match step {
            Step::LookupHeld { key, set, negated } => {
                match self.with_key(key, facts, |key| self.find_in(set, key, facts, objects)) {
                    Some(Some(found)) => !negated && objects.goes_on(set, found, &facts.moment()),
                    Some(None) => negated,
                    None => false,
                }
            }
            Step::Limit(limit) => objects.limit(limit, &facts.moment()),
            Step::Quota(quota) => objects.quota(quota, &facts.moment()),
            Step::Connections(limit) => objects.connections(limit, &facts.moment()),
            Step::Log { statement } => {
                facts.log(RuleId(rule), statement, counters);
                true
            }
            Step::Set { target, operand } => {
                let Some(value) = self.operand(operand, facts, objects) else { return false };
                facts.set(target, value, evaluation);
                true
            }
            Step::Assign(assigned) => {
                facts.assign(assigned, objects, evaluation);
                true
            }
            Step::Update(update) => {
                let Update { key, set, wanted, data, drops_if_full, negated } = self.updates[update as usize];
                let data = data.map_or(Some(0), |operand| self.operand(operand, facts, objects));
                let Some(data) = data else { return false };
                let wanted = Wanted { data, ..wanted };
                let moment = Moment { counts_unseen: drops_if_full, ..facts.moment() };
                let done = self.with_key(key, facts, |key| objects.change(set, key, &wanted, &moment));
                facts.known.no_room |= drops_if_full && done == Some(None);
                done.flatten() == Some(!negated)
            }
            Step::Recent(asked) => facts.recent(&self.recent[asked as usize], objects),
            Step::Object { kind, key, map } => {
                let found = self.map(key, map, facts, objects);
                found.is_some_and(|object| object_goes_on(kind, object, facts, objects, counters, evaluation))
            }
            _ => true,
        }
    }

    fn operand<F: Frame + ?Sized>(
        &self,
        operand: u32,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Value> {
        match self.operands[operand as usize] {
            Operand::Constant(value) => Some(value),
            Operand::Field(field) => self.fields[field as usize].read(facts),
            Operand::Map { key, map } => self.map(key, map, facts, objects),
            Operand::Bits { operator, left, right } => {
                let left = self.operand(left, facts, objects);
                Some(join(operator, left?, self.operand(right, facts, objects)?))
            }
        }
    }

    /// What a map holds for the key.
    fn map<F: Frame + ?Sized>(
        &self,
        key: Key,
        map: SetId,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Value> {
        let found = self.find_held(key, map, facts, objects)?;
        let goes_on = objects.goes_on(map, found, &facts.moment());
        goes_on.then(|| found.data(|element| self.sets[map.index()].data_of(element)))
    }

    pub(super) fn find_held<F: Frame + ?Sized>(
        &self,
        key: Key,
        set: SetId,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Found> {
        self.with_key(key, facts, |key| self.find_in(set, key, facts, objects))?
    }

    fn find_in<F: Frame + ?Sized>(
        &self,
        set: SetId,
        key: &[Value],
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Found> {
        objects.find(set, key, &facts.moment(), |key| self.sets[set.index()].find(key))
    }
}

/// Joins two values bit by bit.
pub(in super::super) const fn join(operator: BitOperator, left: Value, right: Value) -> Value {
    match operator {
        BitOperator::And => left & right,
        BitOperator::Or => left | right,
        BitOperator::Xor => left ^ right,
    }
}

/// Does what an object of a map does. Whether the rule goes on.
pub(in super::super) fn object_goes_on<F: Frame + ?Sized>(
    kind: ObjectKind,
    object: Value,
    facts: &mut Facts<'_, F>,
    objects: &Objects,
    counters: &Counters,
    evaluation: &mut Evaluation,
) -> bool {
    let object = object as u32;
    match kind {
        ObjectKind::Counter => {
            counters.count(CounterId(object), facts.packet.network_length);
            true
        }
        ObjectKind::Limit => objects.limit(LimitId(object), &facts.moment()),
        ObjectKind::Quota => objects.quota(QuotaId(object), &facts.moment()),
        ObjectKind::Helper => {
            facts.assign(Assigned::Helper(HelperId(object)), objects, evaluation);
            true
        }
        ObjectKind::Timeouts => {
            facts.assign(Assigned::Timeouts(TimeoutsId(object)), objects, evaluation);
            true
        }
    }
}
