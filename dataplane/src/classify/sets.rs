//! Is this key in the set, and which element is it? Sets and maps, arranged for looking up.
//!
//! Single values are hashed, intervals searched by bisection, concatenations with intervals by the cells or the index of
//! [`Boxes`]. All keep numbers as narrow as they are: there may be a million elements.

mod boxes;
mod hashed;
mod sorted;

use boxes::Boxes;
use config::policy::{self, Value, Verdict};
use hashed::Hashed;
use sorted::Sorted;

/// Most parts a key may have, as in the kernel.
pub(super) const MOST_PARTS: usize = 16;

/// A set or a map.
#[derive(Debug)]
pub(super) struct Set {
    elements: Elements,
    verdicts: Box<[Verdict]>,
    data: Data,
}

#[derive(Debug)]
enum Elements {
    /// None, or none that are looked for here.
    None,
    /// Single values of one part, or of parts that fit one number together.
    Packed { shifts: Box<[u32]>, widths: Box<[u32]>, keys: Packed },
    /// Single values of parts that do not.
    Long(Hashed<Box<[Value]>>),
    /// Intervals of one part.
    Intervals(Intervals),
    /// Intervals of several parts.
    Boxes(Box<Boxes>),
}

#[derive(Debug)]
enum Packed {
    Narrow(Hashed<u32>),
    Middle(Hashed<u64>),
    Wide(Hashed<Value>),
}

#[derive(Debug)]
enum Intervals {
    Narrow(Sorted<u32>),
    Wide(Sorted<Value>),
}

/// What the elements of a map hold.
#[derive(Debug)]
enum Data {
    Narrow(Box<[u32]>),
    Wide(Box<[Value]>),
}

impl Set {
    /// Arranges `set` for looking up.
    pub(super) fn compile(set: &policy::Set) -> Self {
        // What packets change is looked up elsewhere, with what it holds; only verdicts it holds by their number.
        let changes = set.dynamic.as_ref().is_some_and(|dynamic| !dynamic.interval);
        let data = if changes { &[][..] } else { &set.data };
        Self {
            elements: if changes { Elements::None } else { Elements::compile(set) },
            verdicts: set.verdicts.as_slice().into(),
            data: Data::of(data),
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
        match &self.data {
            Data::Narrow(data) => data[element].into(),
            Data::Wide(data) => data[element],
        }
    }

    /// What element `element` of a map to verdicts holds.
    pub(super) fn verdict_of(&self, element: usize) -> Option<Verdict> {
        self.verdicts.get(element).copied()
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let data = match &self.data {
            Data::Narrow(data) => size_of_val(&**data),
            Data::Wide(data) => size_of_val(&**data),
        };
        size_of_val(&*self.verdicts) + data + self.elements.memory()
    }
}

impl Data {
    fn of(data: &[Value]) -> Self {
        let narrow: Result<_, _> = data.iter().map(|&value| u32::try_from(value)).collect();
        narrow.map_or_else(|_| Self::Wide(data.into()), Self::Narrow)
    }
}

impl Elements {
    fn compile(set: &policy::Set) -> Self {
        let parts = set.widths.len();
        let single = set.low == set.high;
        if set.is_empty() {
            return Self::None;
        }
        if parts == 1 && !(single && set.len() > FEW) {
            let narrow = Sorted::new(set).map(Intervals::Narrow);
            return narrow
                .or_else(|| Sorted::new(set).map(Intervals::Wide))
                .map_or(Self::None, Self::Intervals);
        }
        if !single {
            return Self::Boxes(Box::new(Boxes::new(set)));
        }
        let widths: Box<[u32]> = set.widths.iter().map(|&width| width.into()).collect();
        let shifts: Box<[u32]> = (0..parts).map(|part| widths[part + 1..].iter().sum()).collect();
        let packed = set.low.chunks_exact(parts).map(|key| pack(key, &widths, &shifts));
        let keys = match widths.iter().sum::<u32>() {
            0..=32 => narrowed(packed).map(Packed::Narrow),
            33..=64 => narrowed(packed).map(Packed::Middle),
            65..=128 => narrowed(packed).map(Packed::Wide),
            _ => None,
        };
        match keys {
            Some(keys) => Self::Packed { shifts, widths, keys },
            None => {
                let keys: Vec<Box<[Value]>> = set.low.chunks_exact(parts).map(Into::into).collect();
                Self::Long(Hashed::new(&keys))
            }
        }
    }

    #[inline]
    fn find(&self, key: &[Value]) -> Option<u32> {
        match self {
            Self::None => None,
            Self::Packed { shifts, widths, keys } => {
                let key = pack(key, widths, shifts)?;
                match keys {
                    Packed::Narrow(keys) => keys.find(&u32::try_from(key).ok()?),
                    Packed::Middle(keys) => keys.find(&u64::try_from(key).ok()?),
                    Packed::Wide(keys) => keys.find(&key),
                }
            }
            Self::Long(keys) => keys.find_by(key, |known| **known == *key),
            Self::Intervals(Intervals::Narrow(intervals)) => intervals.find(*key.first()?),
            Self::Intervals(Intervals::Wide(intervals)) => intervals.find(*key.first()?),
            Self::Boxes(boxes) => boxes.find(key),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Packed { keys: Packed::Narrow(keys), .. } => keys.memory(),
            Self::Packed { keys: Packed::Middle(keys), .. } => keys.memory(),
            Self::Packed { keys: Packed::Wide(keys), .. } => keys.memory(),
            Self::Long(keys) => keys.memory() + keys.keys().map(|key| size_of_val(&**key)).sum::<usize>(),
            Self::Intervals(Intervals::Narrow(intervals)) => intervals.memory(),
            Self::Intervals(Intervals::Wide(intervals)) => intervals.memory(),
            Self::Boxes(boxes) => boxes.memory(),
        }
    }
}

/// Packed keys as narrower numbers, hashed; `None` if one could not be packed, or is no such number.
fn narrowed<K>(keys: impl Iterator<Item = Option<Value>>) -> Option<Hashed<K>>
where
    K: TryFrom<Value> + std::hash::Hash + Eq + Clone,
{
    let keys: Option<Vec<K>> = keys.map(|key| K::try_from(key?).ok()).collect();
    Some(Hashed::new(&keys?))
}

/// The parts of a key side by side in one number; `None` if one is wider than it may be.
#[inline]
fn pack(key: &[Value], widths: &[u32], shifts: &[u32]) -> Option<Value> {
    key.iter().zip(widths).zip(shifts).try_fold(0, |packed, ((&part, &width), &shift)| {
        let fits = width >= Value::BITS || part >> width == 0;
        fits.then(|| packed | part << shift)
    })
}

/// Up to this many elements, single values are bisected rather than hashed.
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
    fn a_grid_whose_parts_tell_few_elements_apart_is_searched_exactly() {
        const SIDE: u128 = 50;
        let mut set = policy::Set { widths: vec![32, 128], ..policy::Set::default() };
        for n in 0..SIDE * SIDE {
            set.low.extend([n / SIDE * 8, (n % SIDE) << 100]);
            set.high.extend([n / SIDE * 8 + 6, (n % SIDE) << 100 | 0xffff]);
        }
        let compiled = Set::compile(&set);
        for n in 0..SIDE * SIDE {
            let (first, second) = (n / SIDE * 8, (n % SIDE) << 100);
            assert_eq!(compiled.find(&[first + 6, second | 0xffff]), Some(n as usize));
            assert_eq!(compiled.find(&[first + 7, second]), None);
            assert_eq!(compiled.find(&[first, second | 0x1_0000]), None);
        }
    }

    #[test]
    fn a_million_addresses_take_ten_bytes_each() {
        let count = 1_000_000u128;
        let mut set = policy::Set { widths: vec![32], ..policy::Set::default() };
        set.low.extend((0..count).map(|n| n * 4001 % (1 << 32)));
        set.high.clone_from(&set.low);
        assert!(Set::compile(&set).memory() < 11_000_000);
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
