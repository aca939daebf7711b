//! Which items admit this number? One field, cut into elementary intervals.
//!
//! The bounds of all items cut the numbers into cells within which no item's answer changes. A cell names a set of
//! bits, one bit an item; cells with the same set share it, and a set keeps only its non-zero words. Items that
//! overlap wildly would need space quadratic in their number: then neighbouring cells are joined and admit what any
//! of them did, until [`words_allowed`] suffices.

use crate::classify::interval::{Interval, Intervals};
use ahash::RandomState;
use config::policy::Value;
use std::collections::HashMap;

/// One field of an index.
#[derive(Debug)]
pub(super) struct Dimension {
    starts: Starts,
    set_of_cell: Box<[u32]>,
    /// For each set, where its words begin; one more at the end.
    set_starts: Box<[u32]>,
    positions: Box<[u32]>,
    words: Box<[u64]>,
}

/// The non-zero words of a set of bits, and their positions, in order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words<'a> {
    positions: &'a [u32],
    words: &'a [u64],
}

/// The least number of each cell, in order, the first 0.
#[derive(Debug)]
enum Starts {
    Narrow(Box<[u32]>),
    Wide(Box<[Value]>),
}

/// What a dimension is built of.
pub(super) trait Items {
    /// How many there are.
    fn count(&self) -> usize;
    /// Gives the bit number of each, and the numbers it admits.
    fn each(&self, take: impl FnMut(u32, &[Interval]));
}

impl Items for [(u32, &Intervals)] {
    fn count(&self) -> usize {
        self.len()
    }

    fn each(&self, mut take: impl FnMut(u32, &[Interval])) {
        self.iter().for_each(|(bit, allowed)| take(*bit, allowed.as_slice()));
    }
}

/// Items of one interval each, which is their bit number's.
pub(super) struct Boxes<F> {
    pub(super) count: usize,
    pub(super) bounds: F,
}

impl<F: Fn(usize) -> Interval> Items for Boxes<F> {
    fn count(&self) -> usize {
        self.count
    }

    fn each(&self, mut take: impl FnMut(u32, &[Interval])) {
        for item in 0..self.count {
            let interval = (self.bounds)(item);
            let admits = if interval.low <= interval.high { &[interval][..] } else { &[] };
            take(item as u32, admits);
        }
    }
}

impl Dimension {
    /// Cuts a field of `bits` bits by what each of `items`, a bit number and the numbers it admits, allows.
    pub(super) fn build(bits: u32, items: &(impl Items + ?Sized)) -> Self {
        let narrow = bits <= u32::BITS;
        let greatest = if narrow { Value::from(u32::MAX) } else { Value::MAX };
        let mut cuts = vec![0];
        items.each(|_, allowed| {
            for interval in allowed {
                cuts.push(interval.low);
                cuts.extend(interval.high.checked_add(1));
            }
        });
        cuts.sort_unstable();
        cuts.dedup();
        cuts.retain(|&cut| cut <= greatest);
        let allowed = words_allowed(items.count());
        loop {
            if let Some(cells) = Cells::sweep(&cuts, items, allowed) {
                let starts = if narrow {
                    Starts::Narrow(cuts.iter().map(|&cut| cut as u32).collect())
                } else {
                    Starts::Wide(cuts.into())
                };
                return Self {
                    starts,
                    set_of_cell: cells.set_of_cell.into(),
                    set_starts: cells.set_starts.into(),
                    positions: cells.positions.into(),
                    words: cells.words.into(),
                };
            }
            cuts = cuts.into_iter().step_by(2).collect();
        }
    }

    /// The bits of the items that may admit `value`.
    #[inline]
    pub(super) fn select(&self, value: Value) -> Words<'_> {
        let cell = match &self.starts {
            Starts::Narrow(starts) => match u32::try_from(value) {
                Ok(value) => starts.partition_point(|&start| start <= value),
                Err(_) => starts.len(),
            },
            Starts::Wide(starts) => starts.partition_point(|&start| start <= value),
        };
        let set = self.set_of_cell[cell - 1] as usize;
        let range = self.set_starts[set] as usize..self.set_starts[set + 1] as usize;
        Words { positions: &self.positions[range.clone()], words: &self.words[range] }
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let starts = match &self.starts {
            Starts::Narrow(starts) => size_of_val(&**starts),
            Starts::Wide(starts) => size_of_val(&**starts),
        };
        let sets = size_of_val(&*self.set_of_cell) + size_of_val(&*self.set_starts);
        starts + sets + size_of_val(&*self.positions) + size_of_val(&*self.words)
    }
}

impl Words<'_> {
    pub(super) const fn len(&self) -> usize {
        self.words.len()
    }

    /// Word number `at` and its position.
    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<(u32, u64)> {
        Some((*self.positions.get(at as usize)?, *self.words.get(at as usize)?))
    }

    /// The number of the first word at `position` or behind.
    #[inline]
    pub(super) fn first_from(&self, position: u32) -> u32 {
        if self.len() <= FEW {
            return self.positions.iter().take_while(|&&found| found < position).count() as u32;
        }
        self.positions.partition_point(|&found| found < position) as u32
    }

    /// The word at `position`; 0 if there is none.
    #[inline]
    pub(super) fn at(&self, position: u32) -> u64 {
        // Where many items admit a value there are words without gaps.
        let first = self.positions.first().map_or(0, |&first| position.wrapping_sub(first));
        match self.get(first) {
            Some((found, word)) if found == position => word,
            _ => self.positions.binary_search(&position).map_or(0, |found| self.words[found]),
        }
    }
}

/// Up to this many words are looked at one by one.
const FEW: usize = 8;

/// Words a dimension of `items` items may take: some for each, however they overlap.
const fn words_allowed(items: usize) -> usize {
    8 * items + 1024
}

/// The sets of the cells, as they are found.
#[derive(Default)]
struct Cells {
    set_of_cell: Vec<u32>,
    set_starts: Vec<u32>,
    positions: Vec<u32>,
    words: Vec<u64>,
    /// A set by the hash of its words. Of two that have the same, one is not found again.
    known: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Cells {
    /// Walks the cells in order, keeping the set of the items that reach into the current one; `None` as soon as
    /// more than `allowed` words are needed.
    fn sweep(cuts: &[Value], items: &(impl Items + ?Sized), allowed: usize) -> Option<Self> {
        let last = cuts.len() - 1;
        let cell = |value: Value| cuts.partition_point(|&cut| cut <= value) - 1;
        let (mut begins, mut ends) = (Vec::new(), Vec::new());
        let mut greatest = 0;
        items.each(|bit, intervals| {
            greatest = greatest.max(bit);
            let mut reach = |low: usize, high: usize| {
                begins.push((low as u32, bit));
                ends.push((high as u32, bit));
            };
            if let [interval] = intervals {
                return reach(cell(interval.low), cell(interval.high));
            }
            // Once cells are joined, two intervals of one item may meet in a cell.
            let spans = intervals.iter().map(|interval| Interval {
                low: cell(interval.low) as Value,
                high: cell(interval.high) as Value,
            });
            for span in Intervals::union(spans).as_slice() {
                reach(span.low as usize, span.high as usize);
            }
        });
        begins.sort_unstable();
        ends.sort_unstable();
        let (mut begins, mut ends) = (begins.into_iter().peekable(), ends.into_iter().peekable());
        let mut current = Current::new(greatest);
        let mut cells = Self { set_starts: vec![0], ..Self::default() };
        for cell in 0..=last as u32 {
            while let Some((_, bit)) = begins.next_if(|&(at, _)| at == cell) {
                current.set(bit);
            }
            cells.push(&current);
            if cells.words.len() > allowed && last > 0 {
                return None;
            }
            while let Some((_, bit)) = ends.next_if(|&(at, _)| at == cell) {
                current.clear(bit);
            }
        }
        Some(cells)
    }

    fn push(&mut self, current: &Current) {
        let from = self.words.len();
        for (position, word) in current.words() {
            self.positions.push(position);
            self.words.push(word);
        }
        let hash = self.hasher.hash_one((&self.positions[from..], &self.words[from..]));
        let known = self.known.get(&hash).copied().filter(|&known| {
            let range =
                self.set_starts[known as usize] as usize..self.set_starts[known as usize + 1] as usize;
            self.positions[range.clone()] == self.positions[from..] && self.words[range] == self.words[from..]
        });
        if known.is_some() {
            self.positions.truncate(from);
            self.words.truncate(from);
        }
        let set = known.unwrap_or_else(|| {
            let next = self.set_starts.len() as u32 - 1;
            self.set_starts.push(self.words.len() as u32);
            self.known.insert(hash, next);
            next
        });
        self.set_of_cell.push(set);
    }
}

/// A set of bits, and which of its words are not zero.
struct Current {
    words: Vec<u64>,
    summary: Vec<u64>,
}

impl Current {
    fn new(greatest: u32) -> Self {
        let words = greatest as usize / 64 + 1;
        Self { words: vec![0; words], summary: vec![0; words.div_ceil(64)] }
    }

    fn set(&mut self, bit: u32) {
        let word = bit as usize / 64;
        self.words[word] |= 1 << (bit % 64);
        self.summary[word / 64] |= 1 << (word % 64);
    }

    fn clear(&mut self, bit: u32) {
        let word = bit as usize / 64;
        self.words[word] &= !(1 << (bit % 64));
        if self.words[word] == 0 {
            self.summary[word / 64] &= !(1 << (word % 64));
        }
    }

    fn words(&self) -> impl Iterator<Item = (u32, u64)> {
        self.summary.iter().enumerate().flat_map(move |(group, &summary)| {
            ones(summary).map(move |bit| {
                let position = 64 * group as u32 + bit;
                (position, self.words[position as usize])
            })
        })
    }
}

/// The positions of the one bits of `word`, lowest first.
fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(bit)
    })
}
