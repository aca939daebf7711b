//! In which order do the elements of a set lie, and which of them are one? Elements of one part by their bounds,
//! repetitions gone, merged where they may be; those of several parts as they were written.

use super::overlap::{Boxes, Overlap};
use crate::policy::{Set, Value};

/// Sorts the elements of a set whose keys have one part; if `merge`, those that overlap or touch become one.
pub(super) fn arranged(set: &mut Set, merge: bool) -> Result<(), Overlap> {
    let mut kept: Vec<u32> = Vec::with_capacity(set.len());
    for next in order(set) {
        let Some(&last) = kept.last() else {
            kept.push(next);
            continue;
        };
        let (before, this) = (last as usize, next as usize);
        let overlaps = set.low[this] <= set.high[before];
        if overlaps && same(set, before, this) {
            continue;
        }
        let touches = set.high[before].checked_add(1) == Some(set.low[this]);
        if merge && (overlaps || touches) {
            set.high[before] = set.high[before].max(set.high[this]);
        } else if overlaps {
            return Err(Overlap::Between(before.min(this), before.max(this)));
        } else {
            kept.push(next);
        }
    }
    keep(set, &kept);
    Ok(())
}

/// Drops repetitions from a set whose keys have several parts.
pub(super) fn arranged_boxes(set: &mut Set) -> Result<(), Overlap> {
    let mut kept = order(set);
    kept.dedup_by(|this, before| same(set, *before as usize, *this as usize));
    kept.sort_unstable();
    let apart = !set.expires.is_empty();
    let boxes = Boxes { parts: set.widths.len(), low: &set.low, high: &set.high, numbers: &kept, apart };
    boxes.overlap()?;
    keep(set, &kept);
    Ok(())
}

/// Whether two elements have the same bounds and hold the same.
fn same(set: &Set, a: usize, b: usize) -> bool {
    bounds(set, a) == bounds(set, b)
        && set.verdicts.get(a) == set.verdicts.get(b)
        && set.data.get(a) == set.data.get(b)
}

fn bounds(set: &Set, element: usize) -> (&[Value], &[Value]) {
    let parts = set.widths.len();
    let range = element * parts..(element + 1) * parts;
    (&set.low[range.clone()], &set.high[range])
}

/// The elements by their lower bounds, then their upper ones, then as they were written.
fn order(set: &Set) -> Vec<u32> {
    let mut order = by_low(set);
    let low = |element: u32| bounds(set, element as usize).0;
    for run in order.chunk_by_mut(|&a, &b| low(a) == low(b)).filter(|run| run.len() > 1) {
        run.sort_unstable_by_key(|&element| (bounds(set, element as usize).1, element));
    }
    order
}

/// The elements by their lower bounds. What is sorted lies together where it fits into a number, since there may be
/// millions.
fn by_low(set: &Set) -> Vec<u32> {
    let count = u32::try_from(set.len()).unwrap_or(u32::MAX);
    let lows = || (0..count).zip(set.low.chunks_exact(set.widths.len()));
    let narrow = |(low, number): (Value, u32)| (low as u64) << 32 | u64::from(number);
    let keys = || lows().map(|(number, low)| Some((packed(low, &set.widths)?, number)));
    if set.widths.iter().sum::<u16>() <= 32
        && let Some(mut keys) = keys().map(|key| key.map(narrow)).collect::<Option<Vec<u64>>>()
    {
        keys.sort_unstable();
        return keys.into_iter().map(|key| key as u32).collect();
    }
    if set.widths.len() == 1
        && let Some(mut keys) = keys().collect::<Option<Vec<(Value, u32)>>>()
    {
        keys.sort_unstable();
        return keys.into_iter().map(|(_, number)| number).collect();
    }
    let heads = lows().map(|(number, low)| Some((head(low, &set.widths)?, number)));
    if let Some(mut heads) = heads.collect::<Option<Vec<(u64, u32)>>>() {
        heads.sort_unstable();
        for run in heads.chunk_by_mut(|(a, _), (b, _)| a == b).filter(|run| run.len() > 1) {
            run.sort_unstable_by_key(|&(_, element)| bounds(set, element as usize).0);
        }
        return heads.into_iter().map(|(_, number)| number).collect();
    }
    let mut order: Vec<u32> = (0..count).collect();
    order.sort_unstable_by_key(|&element| bounds(set, element as usize).0);
    order
}

/// The parts side by side in one number, if they fit.
fn packed(parts: &[Value], widths: &[u16]) -> Option<Value> {
    let mut parts = parts.iter().zip(widths);
    let fits = widths.iter().sum::<u16>() <= 128;
    parts.try_fold(0, |number: Value, (&part, &width)| {
        let shifted = number.checked_shl(width.into()).unwrap_or(0);
        (fits && (width >= 128 || part >> width == 0)).then_some(shifted | part)
    })
}

/// The first 64 bits of the parts side by side, if they fit.
fn head(parts: &[Value], widths: &[u16]) -> Option<u64> {
    let (mut head, mut room): (Value, u16) = (0, 64);
    for (&part, &width) in parts.iter().zip(widths) {
        if width < 128 && part >> width > 0 {
            return None;
        }
        let taken = width.min(room);
        head = head << taken | part.checked_shr((width - taken).into()).unwrap_or(0);
        room -= taken;
    }
    u64::try_from(head << room).ok()
}

/// Leaves these elements, in this order.
fn keep(set: &mut Set, kept: &[u32]) {
    let count = set.len();
    if kept.len() == count && (0u32..).zip(kept).all(|(at, &number)| at == number) {
        return;
    }
    let parts = set.widths.len();
    let picked = |values: &[Value]| -> Vec<Value> {
        kept.iter().flat_map(|&n| &values[n as usize * parts..(n as usize + 1) * parts]).copied().collect()
    };
    set.low = picked(&set.low);
    set.high = picked(&set.high);
    if !set.expires.is_empty() {
        set.expires.resize(count, 0);
    }
    if !set.each.is_empty() {
        set.each.fill(count);
    }
    pick(&mut set.verdicts, kept);
    pick(&mut set.data, kept);
    pick(&mut set.expires, kept);
    set.each.keep(kept);
}

fn pick<T: Clone>(values: &mut Vec<T>, kept: &[u32]) {
    if !values.is_empty() {
        *values = kept.iter().filter_map(|&number| values.get(number as usize).cloned()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn set(widths: Vec<u16>, most: Value) -> impl Strategy<Value = Set> {
        let part = (0..most, 0..4u128);
        let parts = widths.len();
        prop::collection::vec(prop::collection::vec(part, parts), 0..12).prop_map(move |elements| {
            let mut set = Set { widths: widths.clone(), ..Set::default() };
            for element in elements {
                set.data.push(element[0].0 % 2);
                set.low.extend(element.iter().map(|&(low, _)| low));
                set.high.extend(element.iter().map(|&(low, more)| low + more));
            }
            set
        })
    }

    fn overlap(set: &Set, a: usize, b: usize) -> bool {
        let ((low_a, high_a), (low_b, high_b)) = (bounds(set, a), bounds(set, b));
        (0..set.widths.len()).all(|part| low_a[part] <= high_b[part] && low_b[part] <= high_a[part])
    }

    fn holds(set: &Set, element: usize, key: &[Value]) -> bool {
        let (low, high) = bounds(set, element);
        (0..key.len()).all(|part| low[part] <= key[part] && key[part] <= high[part])
    }

    fn any_set() -> impl Strategy<Value = Set> {
        let widths = prop_oneof![
            Just(vec![32]),
            Just(vec![128]),
            Just(vec![16, 16]),
            Just(vec![64, 64]),
            Just(vec![128, 8]),
            Just(vec![32, 32, 16]),
        ];
        (widths, prop_oneof![Just(6u128), Just(200u128)]).prop_flat_map(|(widths, most)| set(widths, most))
    }

    proptest! {
        #[test]
        fn repetitions_go_and_overlaps_are_found(written in any_set()) {
            let mut set = written.clone();
            let arranged = match set.widths.len() {
                1 => arranged(&mut set, false),
                _ => arranged_boxes(&mut set),
            };
            let pairs = (0..written.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
            let single = written.widths.len() == 1;
            // what repeats an earlier one is gone before it is compared with others
            let first = |b: usize| (0..b).all(|a| !same(&written, a, b));
            let wrong = |&(a, b): &(usize, usize)| {
                first(a)
                    && first(b)
                    && overlap(&written, a, b)
                    && (single || holds(&written, a, bounds(&written, b).0) || holds(&written, a, bounds(&written, b).1))
            };
            match arranged {
                Err(Overlap::Between(a, b)) => prop_assert!(a < b && wrong(&(a, b))),
                Err(Overlap::Unknown) => prop_assert!(false),
                Ok(()) => {
                    prop_assert!(!pairs.clone().any(|pair| wrong(&pair)));
                    prop_assert_eq!(set.len(), (0..written.len()).filter(|&b| first(b)).count());
                    prop_assert_eq!(set.data.len(), set.len());
                    let sorted = (1..set.len()).all(|n| set.low[n - 1] < set.low[n]);
                    prop_assert!(set.widths.len() > 1 || sorted);
                    for element in 0..set.len() {
                        let is_same = |n: usize| {
                            bounds(&written, n) == bounds(&set, element) && written.data[n] == set.data[element]
                        };
                        prop_assert!((0..written.len()).any(is_same));
                    }
                }
            }
        }

        #[test]
        fn what_merges_holds_the_same_values(written in set(vec![16], 60)) {
            let mut set = Set { data: Vec::new(), ..written.clone() };
            arranged(&mut set, true).expect("everything merges");
            let holds = |set: &Set, value| (0..set.len()).any(|n| set.low[n] <= value && value <= set.high[n]);
            for value in 0..70 {
                prop_assert_eq!(holds(&set, value), holds(&written, value));
            }
            for n in 1..set.len() {
                prop_assert!(set.high[n - 1] + 1 < set.low[n]);
            }
        }
    }
}
