//! What does one condition ask? The values that must be loaded for it to hold.

use std::sync::Arc;

use super::model::{Modeller, StateTrap};
use super::values::{Values, ones};
use crate::policy::{Comparison, Ct, Field, Load, Match, Policy, Set, Test, Value, ct_state};

impl Modeller<'_> {
    /// What a test on one field asks, of which dimension.
    pub(super) fn cell(&mut self, field: &Field, test: Test) -> (u16, Arc<Values>) {
        if let Some(known) = self.known.get(&(*field, test)) {
            return (self.dimensions.number(&dimension_of(field)), Arc::clone(known));
        }
        let (dimension, values) = self.loaded(field, &passing(self.policy, field, test));
        self.known.insert((*field, test), Arc::clone(&values));
        (dimension, values)
    }

    /// What must be loaded for `field` to have one of `values`, exactly.
    pub(super) fn loaded(&mut self, field: &Field, values: &Values) -> (u16, Arc<Values>) {
        let plain = dimension_of(field);
        let dimension = self.dimensions.number(&plain);
        if plain == *field {
            return (dimension, Arc::new(values.and(&Values::present(field.width))));
        }
        let loads: Values = if field.load == Load::Ct(Ct::State) {
            Values::within(singles(&STATES, field, values))
        } else if plain.width <= 8 {
            let all: Vec<Value> = (0..=ones(plain.width)).collect();
            Values::within(singles(&all, field, values))
        } else {
            let free = ones(plain.width) & !field.mask;
            Values::within(values.ranges().iter().map(|&(low, high)| {
                let low = if low & free == 0 { low } else { (low | free).saturating_add(1) };
                // A bound below the first multiple, or above the last, leaves nothing.
                if low & !field.mask != 0 || low > high { (1, 0) } else { (low, high & field.mask | free) }
            }))
        };
        (dimension, Arc::new(loads))
    }

    pub(super) fn state_trap(&self, condition: &Match) -> Option<StateTrap> {
        let [field] = condition.key[..] else { return None };
        let Test::Compare(_, with) = condition.test else { return None };
        let turned = field.xor != 0 || field.shift != 0;
        if field.load != Load::Ct(Ct::State) || turned || with.count_ones() < 2 {
            return None;
        }
        let values = passing(self.policy, &field, condition.test);
        let count = singles(&STATES, &field, &values).count();
        match count {
            0 => Some(StateTrap::Never),
            _ if count == STATES.len() => Some(StateTrap::Always),
            _ => None,
        }
    }
}

/// Those of `loads` that give one of `values`.
fn singles<'a>(
    loads: &'a [Value],
    field: &'a Field,
    values: &'a Values,
) -> impl Iterator<Item = (Value, Value)> + 'a {
    let giving = loads.iter().filter(|&&load| values.contains(Some(field.apply(load))));
    giving.map(|&load| (load, load))
}

/// The field whose values tell all about `field`: the whole of what is loaded where that can be said exactly.
fn dimension_of(field: &Field) -> Field {
    let width = match field.load {
        Load::Payload { width, .. } | Load::Extension { width, .. } | Load::Option { width, .. } => width,
        _ => field.width,
    };
    let plain = Field::plain(field.load, width);
    let zeros = (!field.mask & ones(width)).trailing_ones();
    let prefix = field.mask & ones(width) == ones(width) & !low_ones(zeros);
    let by_hand = width <= 8 || field.load == Load::Ct(Ct::State);
    if by_hand || prefix && field.mask != 0 && field.xor == 0 && field.shift == 0 { plain } else { *field }
}

/// Whether the field is shifted up and may leave its width.
pub(super) fn falls_off(field: &Field) -> bool {
    field.shift < 0 && dimension_of(field) == *field
}

const fn low_ones(count: u32) -> Value {
    if count >= Value::BITS { Value::MAX } else { (1 << count) - 1 }
}

/// Values of the field with which the test holds.
fn passing(policy: &Policy, field: &Field, test: Test) -> Values {
    let width = if field.shift < 0 { 128 } else { field.width };
    let most = ones(width);
    match test {
        Test::Compare(comparison, with) => match comparison {
            Comparison::Equal => Values::within([(with, with)]),
            Comparison::NotEqual => Values::within([(with, with)]).complement(width),
            Comparison::Less => {
                with.checked_sub(1).map_or(Values::within([]), |high| Values::within([(0, high)]))
            }
            Comparison::LessOrEqual => Values::within([(0, with)]),
            Comparison::Greater => {
                with.checked_add(1).map_or(Values::within([]), |low| Values::within([(low, most)]))
            }
            Comparison::GreaterOrEqual => Values::within([(with, most)]),
        },
        Test::Range { low, high, negated } => {
            let inside = Values::within([(low, high)]);
            if negated { inside.complement(width) } else { inside }
        }
        Test::Lookup { set, negated } => {
            let inside = part_of(&policy.sets[set.index()], 0);
            if negated { inside.complement(width) } else { inside }
        }
    }
}

pub(super) fn part_of(set: &Set, part: usize) -> Values {
    let parts = set.widths.len();
    Values::within(
        (0..set.len()).map(|element| (set.low[element * parts + part], set.high[element * parts + part])),
    )
}

/// Every state a packet can be in: one bit at a time.
pub(super) const STATES: [Value; 5] = [
    ct_state::INVALID as Value,
    ct_state::ESTABLISHED as Value,
    ct_state::RELATED as Value,
    ct_state::NEW as Value,
    ct_state::UNTRACKED as Value,
];
