//! Which of many boxes may hold this point, when each step should cost a load and no more? A decision tree, cut bit by
//! bit where boxes part (after HiCuts: Gupta and McKeown, 1999).
//!
//! A node takes some bits of one coordinate as the number of its child; a leaf has the few boxes that are left, in
//! order, and several are compared with the point at once ([`leaves`]). Coordinates that are dear are asked for when a node or
//! a leaf needs them. A coordinate that does not exist has a child of its own. Behind a box that settles matters and covers
//! all that a node can be asked about, nothing is listed, nor what such a box covers.
//!
//! Boxes that are wide in one dimension and narrow in another would be copied into most children of every cut. Where one
//! tree would copy too much there are several, each of boxes that are wide in the same dimensions (EffiCuts: Vamanan and
//! others, 2010), and what they find is merged. What boxes can do to each other has no small trees always:
//! [`Forest::build`] gives up where lists would stay long, or copies would take more than some bytes a box.
//!
//! [`Forest::first`] takes a burst of points through the trees together.

mod burst;
mod cut;
mod growing;
mod leaves;
#[cfg(target_arch = "x86_64")]
mod middle;
mod region;
#[cfg(target_arch = "x86_64")]
mod wide;

pub(super) use burst::Points;

use growing::{Growing, Price};
use leaves::{AT_ONCE, BLOCK, Layout, Line, MOST_LINES, Pattern, label};
use region::{LEAST_BLOCK, Region};

/// Most dimensions of a tree.
pub(super) const MOST_AXES: usize = 8;

/// Decision trees over boxes.
#[derive(Debug)]
pub(super) struct Forest {
    roots: Box<[Root]>,
    cells: Box<[Cell]>,
    /// The boxes of leaves, each leaf's in order.
    leaves: Box<[Line]>,
    /// Which dimensions they are bounded in, block by block.
    bounded: Box<[[u8; BLOCK]]>,
    layout: Layout,
    /// How many dimensions there are.
    axes: usize,
    /// How bursts are compared.
    compares: burst::Compares,
}

/// What a box is, for [`Forest::build`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// Least and greatest coordinate; nothing where it takes all, and where there is none at all.
    pub(super) sides: [Option<(u32, u32)>; MOST_AXES],
    /// Whether boxes behind it are never asked once it holds a point.
    pub(super) settles: bool,
}

/// The boxes that hold a point, in order, by their labels.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    forest: &'a Forest,
    point: Point,
    patterns: [Pattern; MOST_LINES],
    /// What is left of the leaf of each tree.
    left: [Left; MOST_TREES],
    /// The next box of each tree; [`NONE`] if there is none.
    next: [u32; MOST_TREES],
}

/// What is left of a leaf.
#[derive(Debug, Clone, Copy, Default)]
struct Left {
    /// Where the blocks begin that are being looked at, and those behind them.
    begin: usize,
    next: usize,
    /// Boxes of the former that hold the point.
    found: u32,
    /// How many blocks the latter are.
    behind: usize,
}

/// The coordinates of a point.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Point {
    lanes: [u32; MOST_AXES],
    /// A bit for each that is asked for only when it is needed.
    put_off: u8,
    /// A bit for each that does not exist.
    missing: u8,
    /// A bit for each that made a difference.
    used: u8,
}

/// A node or a leaf, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Cell(u64);

/// Where a tree begins: the same for all points, so that several coordinates are asked for at once.
#[derive(Debug, Clone, Copy)]
struct Root {
    /// The leaf, if that is all; otherwise where the children begin.
    cell: Cell,
    /// What is asked for: a child for each combination, those of the first nearest to each other.
    cuts: [Option<Cell>; MOST_CUTS],
}

impl Forest {
    /// One tree or several over `boxes`, in dimensions of so many `bits`; `None` where there are no good ones. `labels`
    /// are what boxes are called when they are found; they never fall.
    pub(super) fn build(bits: &[u32], boxes: &[Bounds], labels: &[u32]) -> Option<Self> {
        debug_assert!(bits.len() <= MOST_AXES);
        let all = growing::not_hidden(boxes, bits);
        let prices = if all.len() > MANY { &PRICES[2..] } else { &PRICES[..] };
        let one = prices.iter().find_map(|&price| Self::of_groups(bits, boxes, labels, &[&all], price));
        one.or_else(|| {
            let groups = by_width(bits, boxes, &all);
            let groups: Vec<&[u32]> = groups.iter().map(|group| &group[..]).collect();
            Self::of_groups(bits, boxes, labels, &groups, PRICES[PRICES.len() - 1])
        })
    }

    fn of_groups(
        bits: &[u32],
        boxes: &[Bounds],
        labels: &[u32],
        groups: &[&[u32]],
        price: Price,
    ) -> Option<Self> {
        let mut growing = Growing::over(boxes, labels, Layout::of(bits, boxes), price);
        let reach = Region::whole(bits);
        let roots = groups.iter().map(|group| growing.root(group, &reach)).collect::<Option<_>>()?;
        let [_, lines] = growing.layout.lines();
        growing.leaves.resize(growing.leaves.len() + lines, Line::default());
        Some(Self {
            roots,
            cells: growing.cells.into(),
            leaves: growing.leaves.into(),
            bounded: growing.bounded.into(),
            layout: growing.layout,
            axes: bits.len(),
            compares: burst::Compares::here(),
        })
    }

    /// The boxes that hold the point, in order. Behind one that settles matters there may be some missing. `later` gives
    /// the coordinates that have been put off.
    #[inline]
    pub(super) fn candidates(
        &self,
        mut point: Point,
        mut later: impl FnMut(usize) -> Option<u32>,
    ) -> Candidates<'_> {
        let mut left = [Left::default(); MOST_TREES];
        for (left, &root) in left.iter_mut().zip(&self.roots) {
            *left = self.leaf(root, &mut point, &mut later);
        }
        let patterns = self.layout.patterns(&point.lanes);
        let mut candidates = Candidates { forest: self, point, patterns, left, next: [NONE; MOST_TREES] };
        for tree in 0..self.roots.len() {
            candidates.next[tree] = candidates.following(tree);
        }
        candidates
    }

    /// The boxes of the leaf that the point falls into.
    #[inline(always)]
    fn leaf(&self, root: Root, point: &mut Point, later: &mut impl FnMut(usize) -> Option<u32>) -> Left {
        let mut cell = root.cell;
        if !cell.is_leaf() {
            let (mut child, mut stride) = (cell.first(), 1);
            for cut in root.cuts.into_iter().flatten() {
                child += stride * point.place(cut, later);
                stride *= cut.places();
            }
            cell = self.cells[child];
        }
        while !cell.is_leaf() {
            cell = self.cells[cell.first() + point.place(cell, later)];
        }
        let (next, behind, needed) = cell.leaf();
        point.complete(needed, later);
        point.used |= needed;
        Left { begin: next, next, found: 0, behind }
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.roots)
            + size_of_val(&*self.cells)
            + size_of_val(&*self.leaves)
            + size_of_val(&*self.bounded)
    }
}

impl Candidates<'_> {
    /// The axes, a bit for each, that it depends on which boxes are found; they stay the same in all points that agree
    /// with this one in them.
    pub(super) const fn used(&self) -> u8 {
        self.point.used
    }

    /// The next box of a tree that holds the point; [`NONE`] if there is none.
    #[inline]
    fn following(&mut self, tree: usize) -> u32 {
        let forest = self.forest;
        let [_, lines] = forest.layout.lines();
        let left = &mut self.left[tree];
        while left.found == 0 {
            if left.behind == 0 {
                return NONE;
            }
            let blocks = left.behind.min(AT_ONCE);
            left.found = forest.holding(left.next, blocks, &self.patterns);
            if self.point.missing != 0 {
                let bounded = &forest.bounded[left.next / lines..][..blocks];
                left.found = not_missing(bounded.as_flattened(), left.found, &self.point);
            }
            left.begin = left.next;
            left.next += blocks * lines;
            left.behind -= blocks;
        }
        let number = left.found.trailing_zeros() as usize;
        left.found &= left.found - 1;
        label(&forest.leaves[left.begin + number / BLOCK * lines..][..lines], number % BLOCK)
    }
}

/// Of the boxes `found` in blocks, those that are not bounded where the point has no coordinate.
#[cold]
fn not_missing(bounded: &[u8], found: u32, point: &Point) -> u32 {
    (0..).zip(bounded).fold(
        found,
        |found, (number, bounded)| {
            if bounded & point.missing == 0 { found } else { found & !(1 << number) }
        },
    )
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let trees = self.forest.roots.len();
        let first = (0..trees).min_by_key(|&tree| self.next[tree])?;
        let found = self.next[first];
        if found == NONE {
            return None;
        }
        self.next[first] = self.following(first);
        Some(found)
    }
}

/// Boxes apart by the dimensions, of the two most spacious, that they are wide in.
fn by_width(bits: &[u32], boxes: &[Bounds], all: &[u32]) -> Vec<Vec<u32>> {
    let mut axes: Vec<usize> = (0..bits.len()).collect();
    axes.sort_by_key(|&axis| std::cmp::Reverse(bits[axis]));
    axes.truncate(MOST_TREES.ilog2() as usize);
    let mut groups = vec![Vec::new(); MOST_TREES];
    for &number in all {
        let is_wide = |axis: usize| {
            let side = boxes[number as usize].sides[axis];
            side.is_none_or(|(low, high)| u64::from(high - low) >> (bits[axis] / 2) != 0)
        };
        let group = axes.iter().fold(0, |group, &axis| group << 1 | usize::from(is_wide(axis)));
        groups[group].push(number);
    }
    groups.retain(|group| !group.is_empty());
    groups
}

impl Point {
    /// Sets a coordinate.
    #[inline(always)]
    pub(super) fn set(&mut self, axis: usize, coordinate: Option<u32>) {
        match coordinate {
            Some(coordinate) => self.lanes[axis] = coordinate,
            None => self.missing |= 1 << axis,
        }
    }

    /// Leaves a coordinate that is dear to be asked for when it is needed.
    #[inline(always)]
    pub(super) const fn put_off(&mut self, axis: usize) {
        self.put_off |= 1 << axis;
    }

    /// Which child of a node it goes to.
    #[inline(always)]
    fn place(&mut self, node: Cell, later: &mut impl FnMut(usize) -> Option<u32>) -> usize {
        let axis = node.axis();
        self.complete(1 << axis, later);
        self.used |= 1 << axis;
        if self.missing >> axis & 1 == 0 { node.place(self.lanes[axis]) as usize } else { node.places() - 1 }
    }

    /// Asks for what was put off of these axes.
    #[inline(always)]
    fn complete(&mut self, axes: u8, later: &mut impl FnMut(usize) -> Option<u32>) {
        while self.put_off & axes != 0 {
            let axis = (self.put_off & axes).trailing_zeros() as usize;
            self.put_off &= !(1 << axis);
            self.set(axis, later(axis));
        }
    }
}

impl Bounds {
    fn bounded(&self) -> u8 {
        self.sides.iter().enumerate().fold(0, |mask, (axis, side)| mask | u8::from(side.is_some()) << axis)
    }
}

/// A node: bits, at least one, in bits 0 to 3; the least coordinate that there is a child for, which is a multiple of 16,
/// in 4 to 31 as it stands; shift in 32 to 36; axis in 37 to 39; first child in 40 to 63. A leaf: none in 0 to 3; the axes
/// its boxes are bounded in in 5 to 12, how many blocks of them there are in 13 to 31, at which line they begin in 32 to 63.
impl Cell {
    /// Of so many `bits` from `shift` on, of the coordinates from `start` on. `None` if there are too many children.
    fn of_node(axis: usize, shift: u32, bits: u32, start: u32, first: usize) -> Option<Self> {
        debug_assert!(start.is_multiple_of(1 << LEAST_BLOCK) && bits > 0);
        let high = (first as u64) << 8 | (axis as u64) << 5 | u64::from(shift);
        (first < 1 << 24).then_some(Self(high << 32 | u64::from(start | bits)))
    }

    fn of_leaf(first: u32, blocks: u16, needed: u8) -> Self {
        Self(u64::from(first) << 32 | u64::from(blocks) << 13 | u64::from(needed) << 5)
    }

    #[inline(always)]
    const fn is_leaf(self) -> bool {
        self.0 & 15 == 0
    }

    /// The axis a node asks for.
    #[inline(always)]
    const fn axis(self) -> usize {
        (self.0 >> 37 & 7) as usize
    }

    /// Its first child.
    #[inline(always)]
    const fn first(self) -> usize {
        (self.0 >> 40) as usize
    }

    /// How many children it has: one for those outside, one for those without a coordinate.
    #[inline(always)]
    const fn places(self) -> usize {
        (1 << (self.0 & 15)) + 2
    }

    /// The child of those that have this coordinate: the one behind all others if it lies outside.
    #[inline(always)]
    const fn place(self, lane: u32) -> u32 {
        let inside = lane.wrapping_sub(self.0 as u32 & !15).wrapping_shr((self.0 >> 32) as u32);
        let outside = 1 << (self.0 & 15);
        if inside < outside { inside } else { outside }
    }

    /// At which line its boxes begin, how many blocks of them there are, and the axes they are bounded in.
    #[inline(always)]
    const fn leaf(self) -> (usize, usize, u8) {
        ((self.0 >> 32) as usize, (self.0 as u32 >> 13) as usize, (self.0 >> 5) as u8)
    }
}

/// What trees may cost, the fastest first.
const PRICES: [Price; 4] = [
    Price { copies: 32, bytes: 48 },
    Price { copies: 8, bytes: 48 },
    Price { copies: 3, bytes: 96 },
    Price { copies: 2, bytes: 288 },
];
/// So many boxes that growing a tree which turns out too big takes long.
const MANY: usize = 16_384;
/// Most coordinates that a root asks for.
const MOST_CUTS: usize = 3;
/// Most trees of a forest.
const MOST_TREES: usize = 4;
/// In place of a box.
pub(super) const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests;
