//! Which element holds this key of several parts? Boxes that do not overlap.
//!
//! Where one part tells nearly all elements apart, its numbers are cut into cells, each with the few elements that reach
//! into it. Otherwise an [`Index`] over the parts names candidates: at worst 1/64 of all words are looked at, for elements
//! that are wide in every part. A few elements are tried one by one.

use super::super::index::{Index, MOST_DIMENSIONS};
use super::super::interval::Interval;
use config::policy::{self, Value};

/// Boxes, by the elements of the policy's set.
#[derive(Debug)]
pub(super) struct Boxes {
    parts: Box<[Column]>,
    count: u32,
    guide: Guide,
}

/// The bounds of all elements in one part.
#[derive(Debug)]
enum Column {
    Narrow { low: Box<[u32]>, high: Box<[u32]> },
    Wide { low: Box<[Value]>, high: Box<[Value]> },
}

/// How candidates are found.
#[derive(Debug)]
enum Guide {
    All,
    Cells(Cells),
    Index(Box<Index>),
}

/// One part cut where an element begins or ends, and the elements of each piece.
#[derive(Debug)]
struct Cells {
    part: usize,
    /// The least number of each cell, the first 0.
    cuts: Cuts,
    /// Where the elements of each cell begin; one more at the end.
    starts: Box<[u32]>,
    elements: Box<[u32]>,
}

#[derive(Debug)]
enum Cuts {
    Narrow(Box<[u32]>),
    Wide(Box<[Value]>),
}

impl Boxes {
    /// Arranges `set` for looking up.
    pub(super) fn new(set: &policy::Set) -> Self {
        let parts: Box<[Column]> = (0..set.widths.len()).map(|part| Column::of(set, part)).collect();
        let guide = if set.len() <= FEW {
            Guide::All
        } else if let Some(cells) = Cells::of(&parts) {
            Guide::Cells(cells)
        } else {
            Guide::Index(Box::new(index(&parts, set.len())))
        };
        Self { parts, count: set.len() as u32, guide }
    }

    /// The element that holds `key`.
    #[inline]
    pub(super) fn find(&self, key: &[Value]) -> Option<u32> {
        let inside = |element: &u32| {
            let place = *element as usize;
            self.parts.iter().zip(key).all(|(part, &value)| part.holds(place, value))
        };
        match &self.guide {
            Guide::All => (0..self.count).find(inside),
            Guide::Cells(cells) => cells.at(*key.get(cells.part)?).iter().copied().find(inside),
            Guide::Index(index) => index.candidates(|part| key.get(part).copied()).find(inside),
        }
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let parts: usize = self.parts.iter().map(Column::memory).sum();
        parts
            + match &self.guide {
                Guide::All => 0,
                Guide::Cells(cells) => cells.memory(),
                Guide::Index(index) => index.memory(),
            }
    }
}

impl Column {
    fn of(set: &policy::Set, part: usize) -> Self {
        let parts = set.widths.len();
        let bounds = |bounds: &[Value]| -> Vec<Value> {
            let mut column = Vec::with_capacity(set.len());
            column.extend(bounds.iter().skip(part).step_by(parts));
            column
        };
        let narrow = |bounds: &[Value]| -> Option<Box<[u32]>> {
            let column = bounds.iter().skip(part).step_by(parts);
            column.map(|&bound| u32::try_from(bound).ok()).collect()
        };
        match (narrow(&set.low), narrow(&set.high)) {
            (Some(low), Some(high)) => Self::Narrow { low, high },
            _ => Self::Wide { low: bounds(&set.low).into(), high: bounds(&set.high).into() },
        }
    }

    #[inline]
    fn holds(&self, element: usize, value: Value) -> bool {
        match self {
            Self::Narrow { low, high } => {
                u32::try_from(value).is_ok_and(|value| low[element] <= value && value <= high[element])
            }
            Self::Wide { low, high } => low[element] <= value && value <= high[element],
        }
    }

    fn interval(&self, element: usize) -> Interval {
        match self {
            Self::Narrow { low, high } => Interval { low: low[element].into(), high: high[element].into() },
            Self::Wide { low, high } => Interval { low: low[element], high: high[element] },
        }
    }

    fn memory(&self) -> usize {
        match self {
            Self::Narrow { low, high } => size_of_val(&**low) + size_of_val(&**high),
            Self::Wide { low, high } => size_of_val(&**low) + size_of_val(&**high),
        }
    }
}

impl Cells {
    /// Cells of the part that needs the fewest places; `None` if elements are too many to a cell in every part.
    fn of(parts: &[Column]) -> Option<Self> {
        let ordered = |column: &Column| match column {
            Column::Narrow { low, high } => low.iter().zip(high).all(|(low, high)| low <= high),
            Column::Wide { low, high } => low.iter().zip(high).all(|(low, high)| low <= high),
        };
        if !parts.iter().all(ordered) {
            return None;
        }
        let places = |column: &Column| match column {
            Column::Narrow { low, high } => places(low, high),
            Column::Wide { low, high } => places(low, high),
        };
        let parts_with_places =
            parts.iter().enumerate().filter_map(|(part, column)| Some((places(column)?, part)));
        let (_, part) = parts_with_places.min()?;
        Some(match &parts[part] {
            Column::Narrow { low, high } => {
                let cuts = cuts(low, high, 0, |bound| bound.checked_add(1));
                let (starts, elements) = members(low, high, &cuts);
                Self { part, cuts: Cuts::Narrow(cuts.into()), starts, elements }
            }
            Column::Wide { low, high } => {
                let cuts = cuts(low, high, 0, |bound| bound.checked_add(1));
                let (starts, elements) = members(low, high, &cuts);
                Self { part, cuts: Cuts::Wide(cuts.into()), starts, elements }
            }
        })
    }

    /// The elements that reach into the cell of `value`.
    #[inline]
    fn at(&self, value: Value) -> &[u32] {
        let behind = match &self.cuts {
            Cuts::Narrow(cuts) => match u32::try_from(value) {
                Ok(value) => cuts.partition_point(|&cut| cut <= value),
                Err(_) => return &[],
            },
            Cuts::Wide(cuts) => cuts.partition_point(|&cut| cut <= value),
        };
        let Some(cell) = behind.checked_sub(1) else { return &[] };
        &self.elements[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }

    fn memory(&self) -> usize {
        let cuts = match &self.cuts {
            Cuts::Narrow(cuts) => size_of_val(&**cuts),
            Cuts::Wide(cuts) => size_of_val(&**cuts),
        };
        cuts + size_of_val(&*self.starts) + size_of_val(&*self.elements)
    }
}

/// How many places the cells of a part need; `None` if too many, altogether or in one.
fn places<K: Copy + Ord>(low: &[K], high: &[K]) -> Option<usize> {
    let sorted = |bounds: &[K]| {
        let mut sorted = bounds.to_vec();
        sorted.sort_unstable();
        sorted
    };
    let (begins, ends) = (sorted(low), sorted(high));
    let (mut opened, mut closed, mut needed) = (0, 0, 0);
    while opened < begins.len() || closed < ends.len() {
        // The next cut: behind the end of some elements, or at the begin of others.
        match begins.get(opened) {
            Some(&begin) if ends[closed] >= begin => {
                opened += begins[opened..].iter().take_while(|&&other| other == begin).count();
            }
            _ => {
                let end = ends[closed];
                closed += ends[closed..].iter().take_while(|&&other| other == end).count();
            }
        }
        let open = opened - closed;
        needed += open;
        if open > MOST_IN_CELL || needed > MOST_PLACES * low.len() {
            return None;
        }
    }
    Some(needed)
}

/// Where cells begin, in order.
fn cuts<K: Copy + Ord>(low: &[K], high: &[K], zero: K, next: impl Fn(K) -> Option<K>) -> Vec<K> {
    let mut cuts = Vec::with_capacity(2 * low.len() + 1);
    cuts.push(zero);
    cuts.extend(low);
    cuts.extend(high.iter().filter_map(|&bound| next(bound)));
    cuts.sort_unstable();
    cuts.dedup();
    cuts
}

/// The elements of each cell: where they begin, and which they are.
fn members<K: Copy + Ord>(low: &[K], high: &[K], cuts: &[K]) -> (Box<[u32]>, Box<[u32]>) {
    let (first, last) = (cells(low, cuts), cells(high, cuts));
    let reached = || first.iter().zip(&last).map(|(&first, &last)| first as usize..=last as usize);
    let mut starts = vec![0u32; cuts.len() + 1];
    for cells in reached() {
        for start in &mut starts[1..][cells] {
            *start += 1;
        }
    }
    for cell in 0..cuts.len() {
        starts[cell + 1] += starts[cell];
    }
    // Each place is taken from the start of its cell on, which so moves to the start of the next.
    let mut elements = vec![0; starts[cuts.len()] as usize];
    for (element, cells) in (0..).zip(reached()) {
        for start in &mut starts[cells] {
            elements[*start as usize] = element;
            *start += 1;
        }
    }
    starts.copy_within(..cuts.len(), 1);
    starts[0] = 0;
    (starts.into(), elements.into())
}

/// The cell of each bound, found along the cuts: a million bisections would each wait for memory.
fn cells<K: Copy + Ord>(bounds: &[K], cuts: &[K]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..bounds.len() as u32).collect();
    order.sort_unstable_by_key(|&element| bounds[element as usize]);
    let mut cells = vec![0; bounds.len()];
    let mut behind = 0;
    for element in order {
        while cuts.get(behind).is_some_and(|&cut| cut <= bounds[element as usize]) {
            behind += 1;
        }
        cells[element as usize] = behind as u32 - 1;
    }
    cells
}

/// An index over as many parts as it takes.
fn index(parts: &[Column], count: usize) -> Index {
    let indexed = &parts[..parts.len().min(MOST_DIMENSIONS)];
    // Keys wider than the set says are no element's; only bounds must be told apart.
    let bits = indexed.iter().map(|column| match column {
        Column::Narrow { .. } => u32::BITS,
        Column::Wide { .. } => Value::BITS,
    });
    let bits: Vec<u32> = bits.collect();
    Index::of_boxes(&bits, count, |element, part| indexed[part].interval(element))
}

/// Up to this many elements are tried one by one.
const FEW: usize = 16;
/// Elements that are tried one by one in a cell.
const MOST_IN_CELL: usize = 32;
/// Places of cells to an element, on average.
const MOST_PLACES: usize = 6;
