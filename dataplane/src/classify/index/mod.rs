//! Which of many boxes may hold this point? Candidates in order, without looking at all of them.
//!
//! An item constrains some dimensions and leaves others open; it is a candidate if every dimension it constrains may
//! admit the point. Items that constrain the same dimensions form a class, and every class has its own words in the
//! sets of the dimensions, so that within a class there is nothing open: the dimension that selects fewest words
//! leads and the others are asked for those words only. Candidates of all classes are merged in the order of the items.
//!
//! A candidate need not hold the point (cells may have been joined); an item that holds it is always a candidate.
//! The work for a point is a binary search a dimension, the words of the leading dimension a class, and the
//! candidates.

mod dimension;

use super::interval::{Interval, Intervals};
use config::policy::Value;
use dimension::{Boxes, Dimension, Words};
use std::collections::HashMap;

/// Most dimensions of one index.
pub(super) const MOST_DIMENSIONS: usize = 8;

/// Most classes of one index: more than one for each dimension and one for items without any.
const MOST_CLASSES: usize = 32;

/// An index over items, each a list of dimensions it constrains, in order, and the numbers it admits there.
#[derive(Debug)]
pub(super) struct Index {
    dimensions: Box<[Dimension]>,
    classes: Box<[Class]>,
    /// The item of each bit; the bits of a class start at a word.
    items: Box<[u32]>,
}

/// Items that constrain the same dimensions.
#[derive(Debug, Clone, Copy)]
struct Class {
    /// A bit for each dimension.
    mask: u8,
    first_word: u32,
    end_word: u32,
    /// How many items it has.
    size: u32,
}

impl Index {
    /// Builds the index. `bits` has the width of each dimension, at most [`MOST_DIMENSIONS`].
    pub(super) fn build(bits: &[u32], items: &[Vec<(usize, Intervals)>]) -> Self {
        let masks: Vec<u8> =
            items.iter().map(|item| item.iter().fold(0, |mask, &(d, _)| mask | 1 << d)).collect();
        let kept = kept_masks(&masks);
        let mut members: Vec<Vec<u32>> = vec![Vec::new(); kept.len()];
        for (item, &mask) in (0..).zip(&masks) {
            let class = (0..kept.len()).filter(|&class| kept[class] & !mask == 0);
            if let Some(class) = class.max_by_key(|&class| kept[class].count_ones()) {
                members[class].push(item);
            }
        }
        let (mut classes, mut order) = (Vec::new(), Vec::new());
        let mut of_dimension: Vec<Vec<(u32, &Intervals)>> = vec![Vec::new(); bits.len()];
        for (&mask, members) in kept.iter().zip(&members).filter(|(_, members)| !members.is_empty()) {
            let first_word = (order.len() / 64) as u32;
            for &item in members {
                for (dimension, allowed) in &items[item as usize] {
                    if mask & 1 << dimension != 0 {
                        of_dimension[*dimension].push((order.len() as u32, allowed));
                    }
                }
                order.push(item);
            }
            order.resize(order.len().next_multiple_of(64), u32::MAX);
            let end_word = (order.len() / 64) as u32;
            classes.push(Class { mask, first_word, end_word, size: members.len() as u32 });
        }
        let dimensions =
            bits.iter().zip(&of_dimension).map(|(&bits, items)| Dimension::build(bits, &items[..])).collect();
        Self { dimensions, classes: classes.into(), items: order.into() }
    }

    /// Builds the index over `count` items that constrain every dimension, each to the interval that `bounds` gives of
    /// the item and the dimension.
    pub(super) fn of_boxes(bits: &[u32], count: usize, bounds: impl Fn(usize, usize) -> Interval) -> Self {
        let of_dimension = |(dimension, &bits)| {
            let bounds = |item| bounds(item, dimension);
            Dimension::build(bits, &Boxes { count, bounds })
        };
        let mut items: Vec<u32> = (0..count as u32).collect();
        items.resize(count.next_multiple_of(64), u32::MAX);
        let mask = ((1u16 << bits.len()) - 1) as u8;
        let class = Class { mask, first_word: 0, end_word: (items.len() / 64) as u32, size: count as u32 };
        Self {
            dimensions: bits.iter().enumerate().map(of_dimension).collect(),
            classes: Box::new([class]),
            items: items.into(),
        }
    }

    /// The items that may hold the point whose coordinates `value` gives, in order. A coordinate that does not exist
    /// is admitted by no item that constrains it.
    #[inline]
    pub(super) fn candidates(&self, mut value: impl FnMut(usize) -> Option<Value>) -> Candidates<'_> {
        let mut candidates = Candidates {
            index: self,
            selected: [Words::default(); MOST_DIMENSIONS],
            order: [0; MOST_DIMENSIONS],
            cursors: [Cursor::default(); MOST_CLASSES],
            live: 0,
        };
        for (number, dimension) in self.dimensions.iter().enumerate() {
            if let Some(value) = value(number) {
                candidates.selected[number] = dimension.select(value);
            }
        }
        candidates.order_dimensions();
        for &class in &self.classes {
            candidates.start(class);
        }
        candidates
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let dimensions = self.dimensions.iter().map(Dimension::memory).sum::<usize>();
        dimensions + size_of_val(&*self.classes) + size_of_val(&*self.items) + size_of_val(&*self.dimensions)
    }
}

/// Which combinations of dimensions get a class: none and each alone, so that every item finds one that asks nothing
/// of it that it does not constrain; then the most frequent ones.
fn kept_masks(masks: &[u8]) -> Vec<u8> {
    let mut frequency: HashMap<u8, usize> = HashMap::new();
    for &mask in masks {
        *frequency.entry(mask).or_default() += 1;
    }
    let mut by_frequency: Vec<(usize, u8)> =
        frequency.into_iter().map(|(mask, items)| (items, mask)).collect();
    by_frequency.sort_unstable_by(|a, b| b.cmp(a));
    let mut kept: Vec<u8> = std::iter::once(0).chain((0..MOST_DIMENSIONS).map(|d| 1 << d)).collect();
    let more = by_frequency.into_iter().map(|(_, mask)| mask).filter(|mask| mask.count_ones() > 1);
    kept.extend(more.take(MOST_CLASSES - kept.len()));
    kept
}

/// The items that may hold a point, in order.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    index: &'a Index,
    selected: [Words<'a>; MOST_DIMENSIONS],
    /// The dimensions, the one that selects fewest words first.
    order: [u8; MOST_DIMENSIONS],
    cursors: [Cursor; MOST_CLASSES],
    /// How many cursors still have a candidate.
    live: usize,
}

/// How far one class has been read.
#[derive(Debug, Clone, Copy, Default)]
struct Cursor {
    /// What is left of the current word.
    word: u64,
    /// The first bit of the current word.
    base: u32,
    /// The next word of the leading dimension, or the next bit of a class without dimensions.
    at: u32,
    /// Behind the last word of the class, or behind its last bit.
    end: u32,
    /// The candidate.
    item: u32,
    /// The dimensions to ask besides the one that leads.
    others: u8,
    /// The dimension that leads; [`OPEN`] if the class has none.
    lead: u8,
}

impl Candidates<'_> {
    #[inline]
    fn order_dimensions(&mut self) {
        for dimension in 0..self.index.dimensions.len() {
            let mut at = dimension;
            while at > 0
                && self.selected[usize::from(self.order[at - 1])].len() > self.selected[dimension].len()
            {
                self.order[at] = self.order[at - 1];
                at -= 1;
            }
            self.order[at] = dimension as u8;
        }
    }

    #[inline]
    fn start(&mut self, class: Class) {
        let mut cursor = Cursor { lead: OPEN, ..Cursor::default() };
        if class.mask == 0 {
            cursor.at = class.first_word * 64;
            cursor.end = cursor.at + class.size;
        } else {
            let order = &self.order[..self.index.dimensions.len()];
            let Some(&lead) = order.iter().find(|&&dimension| class.mask & 1 << dimension != 0) else {
                return;
            };
            cursor.lead = lead;
            cursor.others = class.mask & !(1 << lead);
            cursor.at = self.selected[usize::from(lead)].first_from(class.first_word);
            cursor.end = class.end_word;
        }
        if self.advance(&mut cursor) {
            self.cursors[self.live] = cursor;
            self.live += 1;
        }
    }

    /// Moves on to the next candidate of a class, if there is one.
    #[inline]
    fn advance(&self, cursor: &mut Cursor) -> bool {
        if cursor.lead == OPEN {
            let bit = cursor.at;
            cursor.at += 1;
            if bit < cursor.end {
                cursor.item = self.index.items[bit as usize];
            }
            return bit < cursor.end;
        }
        let lead = &self.selected[usize::from(cursor.lead)];
        while cursor.word == 0 {
            let Some((position, word)) = lead.get(cursor.at).filter(|&(position, _)| position < cursor.end)
            else {
                return false;
            };
            cursor.at += 1;
            cursor.word = word;
            cursor.base = position * 64;
            let mut others = cursor.others;
            while others != 0 && cursor.word != 0 {
                cursor.word &= self.selected[others.trailing_zeros() as usize].at(position);
                others &= others - 1;
            }
        }
        cursor.item = self.index.items[(cursor.base + cursor.word.trailing_zeros()) as usize];
        cursor.word &= cursor.word - 1;
        true
    }
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let first = (0..self.live).min_by_key(|&cursor| self.cursors[cursor].item)?;
        let mut cursor = self.cursors[first];
        let item = cursor.item;
        if self.advance(&mut cursor) {
            self.cursors[first] = cursor;
        } else {
            self.live -= 1;
            self.cursors[first] = self.cursors[self.live];
        }
        Some(item)
    }
}

/// In place of a leading dimension: the class constrains none.
const OPEN: u8 = u8::MAX;

#[cfg(test)]
mod tests {
    use super::{Index, MOST_DIMENSIONS};
    use crate::classify::interval::{Interval, Intervals};
    use proptest::prelude::*;

    type Item = Vec<(usize, Intervals)>;

    fn items(dimensions: usize, most: usize) -> impl Strategy<Value = Vec<Item>> {
        let interval = (0..200u128, prop_oneof![Just(0u128), 0..20u128, Just(u128::MAX - 300)]);
        let interval = interval.prop_map(|(low, more)| Interval { low, high: low + more });
        let allowed = prop::collection::vec(interval, 0..4).prop_map(Intervals::union);
        let item = prop::collection::vec(prop::option::weighted(0.4, allowed), dimensions);
        let item = item.prop_map(|allowed| {
            allowed
                .into_iter()
                .enumerate()
                .filter_map(|(dimension, allowed)| Some((dimension, allowed?)))
                .collect()
        });
        prop::collection::vec(item, 0..most)
    }

    fn admits(item: &Item, point: &[Option<u128>]) -> bool {
        item.iter().all(|(dimension, allowed)| point[*dimension].is_some_and(|value| allowed.contains(value)))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn finds_what_looking_at_all_finds(
            items in items(4, 200),
            points in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.9, 0..230u128), 4), 20),
        ) {
            let index = Index::build(&[128, 32, 64, 8], &items);
            for point in points {
                let found: Vec<u32> = index.candidates(|dimension| point[dimension]).collect();
                prop_assert!(found.is_sorted_by(|a, b| a < b));
                let expected: Vec<u32> = (0..).zip(&items).filter(|(_, i)| admits(i, &point)).map(|(n, _)| n).collect();
                prop_assert_eq!(found, expected, "so few items need no joined cells");
            }
        }

        #[test]
        fn more_combinations_than_classes_lose_nothing(
            items in items(MOST_DIMENSIONS, 300),
            point in prop::collection::vec(0..230u128, MOST_DIMENSIONS),
        ) {
            let index = Index::build(&[32; MOST_DIMENSIONS], &items);
            let found: Vec<u32> = index.candidates(|dimension| Some(point[dimension])).collect();
            prop_assert!(found.is_sorted_by(|a, b| a < b));
            let point: Vec<_> = point.into_iter().map(Some).collect();
            for (number, item) in (0..).zip(&items) {
                prop_assert!(!admits(item, &point) || found.contains(&number));
            }
        }
    }

    #[test]
    fn wild_overlap_takes_bounded_memory_and_loses_nothing() {
        const COUNT: u128 = 3000;
        let mut seed = 1u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u128::from(seed >> 40)
        };
        let items: Vec<Item> = (0..COUNT)
            .map(|_| {
                let (a, b) = (random(), random());
                vec![(0, Intervals::one(a.min(b), a.max(b)))]
            })
            .collect();
        let index = Index::build(&[32], &items);
        assert!(index.memory() < 1 << 20, "{}", index.memory());
        for _ in 0..200 {
            let point = random();
            let found: Vec<u32> = index.candidates(|_| Some(point)).collect();
            let holding = (0..).zip(&items).filter(|(_, item)| admits(item, &[Some(point)])).map(|(n, _)| n);
            assert!(holding.into_iter().all(|number: u32| found.binary_search(&number).is_ok()));
        }
    }

    #[test]
    fn a_selective_field_leaves_few_candidates() {
        let items: Vec<Item> = (0..10_000u128)
            .map(|n| {
                vec![(0, Intervals::one(6, 6)), (1, Intervals::one(n, n)), (2, Intervals::one(0, n % 7))]
            })
            .collect();
        let index = Index::build(&[8, 32, 16], &items);
        let point = [6, 4321, 2];
        assert_eq!(index.candidates(|dimension| Some(point[dimension])).collect::<Vec<_>>(), [4321]);
        assert!(index.memory() < 2 << 20, "{}", index.memory());
    }
}
