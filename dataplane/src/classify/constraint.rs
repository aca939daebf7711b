//! What must hold of a field before a rule can do anything at all?
//!
//! Only the conditions that stand before the first side effect count: a counter before a failing match has counted.
//! A constraint may allow more than the rule does, never less; whoever uses it runs the rule to be sure.

use super::interval::{Interval, Intervals};
use config::policy::{
    self, Comparison, Ct, Field, Load, Match, Meta, Statement, Test, Value, Verdict, whole,
};

/// Numbers a load must give, or the rule does nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Constraint {
    pub(super) load: Load,
    pub(super) allowed: Intervals,
}

impl Constraint {
    /// The constraints of a rule, at most one a load; several lists if it can do something in several ways: it drops
    /// packets whose header is cut off where it looks into it, whatever follows. A load that is read at all is
    /// constrained, if only to exist.
    pub(super) fn of(statements: &[Statement], sets: &[policy::Set]) -> Vec<Vec<Self>> {
        let mut ways: Vec<Vec<Self>> = Vec::new();
        let mut found: Vec<Self> = Vec::new();
        let add = |found: &mut Vec<Self>, field: &Field, values: Option<Intervals>| {
            let Some(allowed) = values.and_then(|values| loads_giving(field, &values)) else {
                return;
            };
            match found.iter_mut().find(|constraint| constraint.load == field.load) {
                Some(known) => known.allowed = known.allowed.intersection(&allowed),
                None => found.push(Self { load: field.load, allowed }),
            }
        };
        for statement in statements {
            match statement {
                // Numbers go up when they are asked for, whatever follows.
                Statement::Match(Match { key, .. }) | Statement::VerdictMap { key, .. }
                    if counts_off(key) =>
                {
                    break;
                }
                Statement::Match(condition) => {
                    for (part, field) in condition.key.iter().enumerate() {
                        add(&mut found, field, values_passing(&condition.test, part, sets));
                    }
                    // Elements may have statements that run if the key is found, whatever follows.
                    if matches!(condition.test, Test::Lookup { set, .. } if changes(&sets[set.index()])) {
                        break;
                    }
                }
                Statement::VerdictMap { key, map } if drops_what_is_cut(key, *map, sets) => {
                    let cut = Value::from(whole::CUT);
                    let mut drops = found.clone();
                    drops.push(Self { load: key[0].load, allowed: Intervals::one(cut, cut) });
                    ways.push(drops);
                }
                Statement::VerdictMap { map, .. } if changes(&sets[map.index()]) => break,
                Statement::VerdictMap { key, map } => {
                    for (part, field) in key.iter().enumerate() {
                        add(&mut found, field, Some(values_in(&sets[map.index()], part)));
                    }
                    break;
                }
                _ => break,
            }
        }
        ways.push(found);
        ways
    }
}

/// Whether a condition says exactly what its constraint says: it holds for every number that is allowed.
pub(super) fn is_exact(condition: &Match, sets: &[policy::Set]) -> bool {
    let [field] = &condition.key[..] else { return false };
    let values_are = match condition.test {
        Test::Compare(..) | Test::Range { .. } => true,
        Test::Lookup { set, .. } => {
            let set = &sets[set.index()];
            set.widths.len() == 1 && set.len() <= MOST_INTERVALS && !changes(set)
        }
    };
    let bits = bits(&field.load);
    let few = bits <= 8 || field.load == Load::Ct(Ct::State);
    let (greatest, mask) = (low_ones(bits), field.mask & low_ones(bits));
    let prefix = mask != 0
        && (field.xor, field.shift) == (0, 0)
        && mask == greatest & !low_ones(mask.trailing_zeros());
    values_are && (few || prefix)
}

/// The conditions at the beginning of a rule that say exactly what their constraints say, a bit for each of its first
/// statements; `is_constrained` says of which loads there are any.
pub(super) fn exact_ahead(
    statements: &[Statement],
    sets: &[policy::Set],
    is_constrained: impl Fn(&Load) -> bool,
) -> u32 {
    let mut exact = 0;
    for (number, statement) in (0..u32::BITS).zip(statements) {
        match statement {
            Statement::Match(condition) if !counts_off(&condition.key) => {
                if matches!(condition.test, Test::Lookup { set, .. } if changes(&sets[set.index()])) {
                    break;
                }
                if is_exact(condition, sets) && is_constrained(&condition.key[0].load) {
                    exact |= 1 << number;
                }
            }
            _ => break,
        }
    }
    exact
}

/// Whether a map of verdicts drops a packet for a header that is cut off, and does nothing else.
fn drops_what_is_cut(key: &[Field], map: policy::SetId, sets: &[policy::Set]) -> bool {
    let set = &sets[map.index()];
    let asks =
        matches!(key, [field] if field.is_plain() && matches!(field.load, Load::Whole(_) | Load::Sought(_)));
    let drops = (0..set.len()).zip(&set.verdicts).all(|(at, verdict)| match verdict {
        Verdict::Continue => true,
        Verdict::Drop => set.low[at] == set.high[at] && set.low[at] == Value::from(whole::CUT),
        _ => false,
    });
    asks && drops && !changes(set)
}

/// Whether reading the key changes what is read next.
fn counts_off(key: &[Field]) -> bool {
    key.iter().any(|field| matches!(field.load, Load::Number { random: false, .. }))
}

/// Bits of the numbers a load can give.
pub(super) const fn bits(load: &Load) -> u32 {
    match load {
        Load::Payload { width, .. } | Load::Extension { width, .. } | Load::Option { width, .. } => {
            *width as u32
        }
        Load::Meta(Meta::NfProto | Meta::L4Proto) | Load::Ct(Ct::Direction) => 8,
        Load::Whole(_) | Load::Sought(_) => 8,
        Load::Meta(Meta::Protocol) => 16,
        Load::Meta(Meta::Length | Meta::Mark) | Load::Ct(Ct::State | Ct::Mark) => 32,
        _ => 128,
    }
}

/// Values of part `part` of a key with which the test can hold; `None` if nothing useful can be said.
fn values_passing(test: &Test, part: usize, sets: &[policy::Set]) -> Option<Intervals> {
    Some(match *test {
        Test::Compare(comparison, with) => match comparison {
            Comparison::Equal => Intervals::one(with, with),
            Comparison::NotEqual => Intervals::one(with, with).complement(),
            Comparison::Less => Intervals::one(with, Value::MAX).complement(),
            Comparison::LessOrEqual => Intervals::one(0, with),
            Comparison::Greater => Intervals::one(0, with).complement(),
            Comparison::GreaterOrEqual => Intervals::one(with, Value::MAX),
        },
        Test::Range { low, high, negated: false } => Intervals::one(low, high),
        Test::Range { low, high, negated: true } => Intervals::one(low, high).complement(),
        Test::Lookup { set, .. } if changes(&sets[set.index()]) => return None,
        Test::Lookup { set, negated: false } => values_in(&sets[set.index()], part),
        Test::Lookup { set, negated: true } => {
            let set = &sets[set.index()];
            if set.widths.len() > 1 || set.len() > MOST_INTERVALS {
                return None;
            }
            values_in(set, part).complement()
        }
    })
}

/// Whether elements come, go or do something when they are found.
pub(super) const fn changes(set: &policy::Set) -> bool {
    set.is_alive()
}

/// Values of part `part` of the elements of a set, and of a large set some more.
fn values_in(set: &policy::Set, part: usize) -> Intervals {
    let parts = set.widths.len();
    let bounds = (0..set.len()).map(|element| element * parts + part);
    Intervals::union(bounds.map(|at| Interval { low: set.low[at], high: set.high[at] }))
        .coarsened(MOST_INTERVALS)
}

/// What must be loaded for the field to have one of `values`; `None` if nothing useful can be said.
fn loads_giving(field: &Field, values: &Intervals) -> Option<Intervals> {
    let bits = bits(&field.load);
    let greatest = low_ones(bits);
    if bits <= 8 || field.load == Load::Ct(Ct::State) {
        // The few there are, one by one. A connection state has no more bits in use.
        let small = (0..=greatest.min(0xff)).filter(|&loaded| values.contains(field.apply(loaded)));
        let large = (greatest > 0xff).then_some(Interval { low: 0x100, high: greatest });
        return Some(Intervals::union(small.map(|one| Interval { low: one, high: one }).chain(large)));
    }
    let mask = field.mask & greatest;
    if mask == 0 {
        return None;
    }
    let zeros = mask.trailing_zeros();
    if field.xor == 0 && mask == greatest & !low_ones(zeros) {
        return prefix_loads(bits, zeros, field.shift, values);
    }
    // Any mask: a single value leaves the bits outside the mask open.
    let single = values.as_slice().iter().all(|interval| interval.low == interval.high);
    (field.shift == 0 && single).then(|| {
        let masked = values.as_slice().iter().map(|interval| interval.low ^ field.xor);
        let possible = masked.filter(|masked| masked & !mask == 0);
        Intervals::union(possible.map(|low| Interval { low, high: low | (greatest & !mask) }))
    })
}

/// The loads of `bits` bits that give one of `values` when their lowest `zeros` bits are cleared and they are
/// shifted: a function that never falls, so an interval comes from an interval.
fn prefix_loads(bits: u32, zeros: u32, shift: i8, values: &Intervals) -> Option<Intervals> {
    let most = low_ones(bits - zeros);
    let up = i32::try_from(zeros).ok()? - i32::from(shift);
    if up > 0 && up.unsigned_abs() + bits - zeros > Value::BITS {
        return None; // bits fall off the top
    }
    let (up, down) = (up.max(0).unsigned_abs(), (-up).max(0).unsigned_abs());
    let prefixes = values.as_slice().iter().filter_map(|interval| {
        let low = interval.low >> up;
        let low = if low << up == interval.low { low } else { low + 1 };
        let high = interval.high >> up;
        if low > most >> down || low > high {
            return None;
        }
        let high = (high.min(most >> down) << down | low_ones(down)).min(most);
        Some(Interval { low: low << down << zeros, high: high << zeros | low_ones(zeros) })
    });
    Some(Intervals::union(prefixes))
}

/// `count` one bits at the low end.
const fn low_ones(count: u32) -> Value {
    if count >= Value::BITS { Value::MAX } else { (1 << count) - 1 }
}

/// Most intervals one condition is described by.
const MOST_INTERVALS: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Constraint, bits, is_exact, loads_giving, low_ones};
    use crate::classify::interval::{Interval, Intervals};
    use config::policy::{
        Comparison, CounterId, Ct, Field, HeaderBase, Load, Match, Meta, Set, SetId, Statement, Test, Value,
        Verdict,
    };
    use proptest::prelude::*;

    fn field() -> impl Strategy<Value = Field> {
        let load = prop_oneof![
            Just(Load::Meta(Meta::L4Proto)),
            Just(Load::Meta(Meta::Protocol)),
            Just(Load::Meta(Meta::Length)),
            Just(Load::Meta(Meta::OifName)),
            Just(Load::Ct(Ct::State)),
            Just(Load::Payload { base: HeaderBase::Network, offset: 3, width: 13 }),
        ];
        let mask = prop_oneof![(0..128u32).prop_map(|n| Value::MAX << n), any::<Value>(), 0..64u128];
        let xor = prop_oneof![3 => Just(0), 1 => any::<Value>()];
        let shift = prop_oneof![2 => Just(0i8), 1 => -20..20i8, 1 => -127..=127i8];
        (load, mask, xor, shift).prop_map(|(load, mask, xor, shift)| {
            let width = bits(&load) as u16;
            Field { mask: mask & Field::plain(load, width).mask, xor, shift, ..Field::plain(load, width) }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_satisfies_is_never_left_out(
            field in field(),
            loaded in any::<Value>(),
            near in 0..3u128,
            width in prop_oneof![Just(0), 0..0x200u128, any::<Value>()],
        ) {
            let loaded = loaded & Field::plain(field.load, field.width).mask;
            let value = field.apply(loaded);
            let low = value.saturating_sub(near);
            let high = value.saturating_add(width);
            if let Some(allowed) = loads_giving(&field, &Intervals::union([Interval { low, high }])) {
                prop_assert!(allowed.contains(loaded), "{:x} gives {:x}: {:x?}", loaded, value, allowed);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        #[test]
        fn what_is_exact_leaves_nothing_over(
            field in field(),
            loaded in any::<Value>(),
            low in any::<Value>(),
            width in prop_oneof![Just(0), 0..0x200u128, any::<Value>()],
            negated: bool,
        ) {
            let loaded = loaded & Field::plain(field.load, field.width).mask & low_ones(bits(&field.load));
            let low = low & field.mask;
            let high = low.saturating_add(width);
            let condition = Match { key: vec![field], test: Test::Range { low, high, negated } };
            if is_exact(&condition, &[]) && !(field.load == Load::Ct(Ct::State) && loaded > 0xff) {
                let found = Constraint::of(&[Statement::Match(condition)], &[]).pop().unwrap();
                let holds = (low <= field.apply(loaded) && field.apply(loaded) <= high) != negated;
                prop_assert_eq!(found[0].allowed.contains(loaded), holds);
            }
        }
    }

    const DESTINATION: Load = Load::Payload { base: HeaderBase::Network, offset: 128, width: 32 };

    #[test]
    fn a_prefix_is_an_interval() {
        let field = Field { mask: 0xffff_ff00, ..Field::plain(DESTINATION, 32) };
        let allowed = loads_giving(&field, &Intervals::one(0x0a00_0100, 0x0a00_0100)).unwrap();
        assert_eq!(allowed, Intervals::one(0x0a00_0100, 0x0a00_01ff));
    }

    #[test]
    fn a_bit_test_is_exact_in_a_small_field() {
        let field = Field { mask: 6, ..Field::plain(Load::Ct(Ct::State), 32) };
        let allowed = loads_giving(&field, &Intervals::one(0, 0).complement()).unwrap();
        for state in [1, 2, 4, 8, 64] {
            assert_eq!(allowed.contains(state), state & 6 != 0, "{state}");
        }
    }

    #[test]
    fn only_what_precedes_a_side_effect_constrains() {
        let equal = |load, width, value| {
            Statement::Match(Match {
                key: vec![Field::plain(load, width)],
                test: Test::Compare(Comparison::Equal, value),
            })
        };
        let statements = [
            equal(Load::Meta(Meta::L4Proto), 8, 6),
            Statement::Counter(CounterId(0)),
            equal(DESTINATION, 32, 1),
            Statement::Verdict(Verdict::Drop),
        ];
        let found = Constraint::of(&statements, &[]).pop().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].load, Load::Meta(Meta::L4Proto));
    }

    #[test]
    fn a_map_constrains_to_its_keys_and_ends_the_list() {
        let map = Set {
            widths: vec![16],
            low: vec![22, 80],
            high: vec![22, 81],
            verdicts: vec![Verdict::Accept, Verdict::Continue],
            ..Set::default()
        };
        let key = vec![Field::plain(Load::Meta(Meta::Protocol), 16)];
        let statements = [
            Statement::VerdictMap { key, map: SetId(0) },
            Statement::Match(Match {
                key: vec![Field::plain(Load::Meta(Meta::Length), 32)],
                test: Test::Compare(Comparison::Equal, 7),
            }),
        ];
        let found = Constraint::of(&statements, &[map]).pop().unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].allowed,
            Intervals::union([(22, 22), (80, 81)].map(|(low, high)| Interval { low, high }))
        );
    }
}
