//! Is this key in the set, and which element is it? Sets and maps, arranged for looking up.
//!
//! Single values are hashed (with a secret of this process), intervals searched by bisection, concatenations with
//! intervals through an [`Index`] over their parts. What a lookup costs: one probe; the logarithm of the number of
//! elements; a bisection a part and the words of the part that admits fewest elements (at worst 1/64 of their
//! number, for elements that are wide in every part).

use super::index::{Index, MOST_DIMENSIONS};
use super::interval::Intervals;
use ahash::RandomState;
use config::policy::{self, Value, Verdict};
use std::collections::HashMap;

/// Most parts a key may have, as in the kernel.
pub(super) const MOST_PARTS: usize = 16;

/// A set or a map.
#[derive(Debug)]
pub(super) struct Set {
    elements: Elements,
    verdicts: Box<[Verdict]>,
    data: Box<[Value]>,
}

#[derive(Debug)]
enum Elements {
    /// Single values of one part, or of parts that fit one number together.
    Packed { shifts: Box<[u32]>, widths: Box<[u32]>, elements: HashMap<Value, u32, RandomState> },
    /// Single values of parts that do not.
    Single(HashMap<Box<[Value]>, u32, RandomState>),
    /// Intervals of one part, in order.
    Intervals { low: Box<[Value]>, high: Box<[Value]>, elements: Box<[u32]> },
    /// Intervals of several parts; the bounds lie as in the policy's set.
    /// A few are tried one by one.
    Boxes { parts: usize, index: Option<Box<Index>>, low: Box<[Value]>, high: Box<[Value]> },
}

impl Set {
    /// Arranges `set` for looking up.
    pub(super) fn compile(set: &policy::Set) -> Self {
        Self {
            elements: Elements::compile(set),
            verdicts: set.verdicts.as_slice().into(),
            data: set.data.as_slice().into(),
        }
    }

    /// Whether `key`, one number a part, is in the set.
    #[inline]
    pub(super) fn contains(&self, key: &[Value]) -> bool {
        self.elements.find(key).is_some()
    }

    /// What the map holds for `key`.
    #[inline]
    pub(super) fn verdict(&self, key: &[Value]) -> Option<Verdict> {
        self.verdicts.get(self.elements.find(key)? as usize).copied()
    }

    /// The element that holds `key`, by its place in the policy's set.
    #[inline]
    pub(super) fn find(&self, key: &[Value]) -> Option<usize> {
        self.elements.find(key).map(|element| element as usize)
    }

    /// What element `element` of a map to values holds.
    pub(super) fn data_of(&self, element: usize) -> Value {
        self.data[element]
    }

    /// What element `element` of a map to verdicts holds.
    pub(super) fn verdict_of(&self, element: usize) -> Option<Verdict> {
        self.verdicts.get(element).copied()
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.verdicts)
            + size_of_val(&*self.data)
            + match &self.elements {
                Elements::Packed { elements, .. } => elements.capacity() * size_of::<(Value, u32, u8)>(),
                Elements::Single(elements) => {
                    let keys: usize = elements.keys().map(|key| size_of_val(&**key)).sum();
                    keys + elements.capacity() * size_of::<(Box<[Value]>, u32, u8)>()
                }
                Elements::Intervals { low, high, elements } => {
                    size_of_val(&**low) + size_of_val(&**high) + size_of_val(&**elements)
                }
                Elements::Boxes { index, low, high, .. } => {
                    index.as_ref().map_or(0, |index| index.memory())
                        + size_of_val(&**low)
                        + size_of_val(&**high)
                }
            }
    }
}

impl Elements {
    fn compile(set: &policy::Set) -> Self {
        let parts = set.widths.len();
        let single = set.low == set.high;
        if parts <= 1 && !(single && set.len() > FEW) {
            return Self::bisected(set);
        }
        if !single {
            return Self::boxed(set);
        }
        let keys = (0u32..).zip(set.low.chunks_exact(parts));
        let widths: Box<[u32]> = set.widths.iter().map(|&width| width.into()).collect();
        let shifts: Box<[u32]> = (0..parts).map(|part| widths[part + 1..].iter().sum()).collect();
        if widths.iter().sum::<u32>() <= Value::BITS
            && let Some(elements) =
                keys.clone().map(|(n, key)| Some((pack(key, &widths, &shifts)?, n))).collect()
        {
            return Self::Packed { shifts, widths, elements };
        }
        Self::Single(keys.map(|(number, key)| (key.into(), number)).collect())
    }

    fn bisected(set: &policy::Set) -> Self {
        let mut elements: Vec<u32> = (0..set.len() as u32).collect();
        elements.sort_by_key(|&element| set.low[element as usize]);
        let low = elements.iter().map(|&element| set.low[element as usize]).collect();
        let high = elements.iter().map(|&element| set.high[element as usize]).collect();
        Self::Intervals { low, high, elements: elements.into() }
    }

    fn boxed(set: &policy::Set) -> Self {
        let parts = set.widths.len();
        let index = (set.len() > FEW).then(|| Box::new(Self::index(set)));
        Self::Boxes { parts, index, low: set.low.as_slice().into(), high: set.high.as_slice().into() }
    }

    fn index(set: &policy::Set) -> Index {
        let parts = set.widths.len();
        let indexed = parts.min(MOST_DIMENSIONS);
        let items: Vec<Vec<(usize, Intervals)>> = (0..set.len())
            .map(|element| {
                let bound = |part| element * parts + part;
                (0..indexed)
                    .map(|part| (part, Intervals::one(set.low[bound(part)], set.high[bound(part)])))
                    .collect()
            })
            .collect();
        // Keys wider than the set says are no element's; only bounds must be told apart.
        let bits: Vec<u32> = (0..indexed)
            .map(|part| {
                let narrow = |bound: &Value| u32::try_from(*bound).is_ok();
                if set.high.iter().skip(part).step_by(parts).all(narrow) { u32::BITS } else { Value::BITS }
            })
            .collect();
        Index::build(&bits, &items)
    }

    #[inline]
    fn find(&self, key: &[Value]) -> Option<u32> {
        match self {
            Self::Packed { shifts, widths, elements } => elements.get(&pack(key, widths, shifts)?).copied(),
            Self::Single(elements) => elements.get(key).copied(),
            Self::Intervals { low, high, elements } => {
                let value = *key.first()?;
                let after = low.partition_point(|&low| low <= value);
                let found = after.checked_sub(1)?;
                (value <= high[found]).then(|| elements[found])
            }
            Self::Boxes { parts, index, low, high } => {
                let inside = |element: u32| {
                    let from = element as usize * parts;
                    key.iter()
                        .enumerate()
                        .all(|(part, &value)| low[from + part] <= value && value <= high[from + part])
                };
                match index {
                    Some(index) => {
                        index.candidates(|part| key.get(part).copied()).find(|&element| inside(element))
                    }
                    None => (0..(low.len() / parts) as u32).find(|&element| inside(element)),
                }
            }
        }
    }
}

/// The parts of a key side by side in one number; `None` if one is wider than it may be.
#[inline]
fn pack(key: &[Value], widths: &[u32], shifts: &[u32]) -> Option<Value> {
    key.iter().zip(widths).zip(shifts).try_fold(0, |packed, ((&part, &width), &shift)| {
        let fits = width >= Value::BITS || part >> width == 0;
        fits.then(|| packed | part << shift)
    })
}

/// Up to this many elements, single values are bisected rather than hashed, and boxes tried one by one.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::Set;
    use config::policy::{self, Value, Verdict};
    use proptest::prelude::*;

    /// Elements of parts of these widths, which overlap only if they have several parts and are ranges.
    fn set(widths: Vec<u16>, intervals: bool) -> impl Strategy<Value = policy::Set> {
        let parts = widths.len();
        let part = (0..40u128, if intervals { 0..6u128 } else { 0..1u128 });
        prop::collection::vec(prop::collection::vec(part, parts), 0..60).prop_map(move |elements| {
            let mut set = policy::Set { widths: widths.clone(), ..policy::Set::default() };
            for element in elements {
                let overlaps = (0..set.len()).any(|other| {
                    (0..parts).all(|part| {
                        let (low, more) = element[part];
                        set.low[other * parts + part] <= low + more && low <= set.high[other * parts + part]
                    })
                });
                if !overlaps || intervals && parts > 1 {
                    set.low.extend(element.iter().map(|&(low, _)| low));
                    set.high.extend(element.iter().map(|&(low, more)| low + more));
                    set.verdicts.push(if set.len().is_multiple_of(2) {
                        Verdict::Accept
                    } else {
                        Verdict::Drop
                    });
                }
            }
            set
        })
    }

    fn any_set() -> impl Strategy<Value = policy::Set> {
        let widths = prop_oneof![
            Just(vec![32]),
            Just(vec![128]),
            Just(vec![32, 16]),
            Just(vec![128, 128, 16]),
            Just(vec![128, 16]),
            Just(vec![8; 10]),
            Just(vec![6, 5]),
            Just(vec![64, 64]),
        ];
        (widths, any::<bool>()).prop_flat_map(|(widths, intervals)| set(widths, intervals))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn finds_the_element_that_holds_the_key(
            set in any_set(),
            keys in prop::collection::vec(prop::collection::vec(prop_oneof![0..48u128, any::<u128>()], 10), 30),
        ) {
            let compiled = Set::compile(&set);
            let parts = set.widths.len();
            let members = set.low.chunks(parts).chain(set.high.chunks(parts)).map(<[Value]>::to_vec);
            for key in members.chain(keys) {
                let key = &key[..parts];
                let found = (0..set.len()).find(|element| (0..parts).all(|part| {
                    let bound = element * parts + part;
                    set.low[bound] <= key[part] && key[part] <= set.high[bound]
                }));
                prop_assert_eq!(compiled.contains(key), found.is_some());
                prop_assert_eq!(compiled.verdict(key), found.map(|element| set.verdicts[element]));
            }
        }
    }

    #[test]
    fn a_part_wider_than_the_set_says_is_in_no_element() {
        let mut set = policy::Set { widths: vec![16, 16], ..policy::Set::default() };
        (0..50).for_each(|n| set.low.extend([n, 7]));
        set.high.clone_from(&set.low);
        let compiled = Set::compile(&set);
        assert!(compiled.contains(&[3, 7]));
        assert!(!compiled.contains(&[2, 1 << 16 | 7]));
        assert!(!compiled.contains(&[1 << 112 | 3, 7]));
    }

    #[test]
    fn ten_thousand_concatenated_intervals_are_not_searched_one_by_one() {
        let count = 10_000u128;
        let mut set = policy::Set { widths: vec![32, 16], ..policy::Set::default() };
        for n in 0..count {
            set.low.extend([n << 8, n % 100]);
            set.high.extend([n << 8 | 0xff, n % 100 + 10]);
        }
        let compiled = Set::compile(&set);
        assert!(compiled.memory() < 2 << 20, "{}", compiled.memory());
        for n in 0..count {
            assert!(compiled.contains(&[n << 8 | 7, n % 100 + 3]));
            assert!(!compiled.contains(&[n << 8 | 7, n % 100 + 11]));
        }
    }
}
