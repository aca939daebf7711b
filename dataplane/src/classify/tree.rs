//! Which of many boxes may hold this point, when each step should cost a load and no more? A decision tree, cut bit by
//! bit where boxes part (after HiCuts: Gupta and McKeown, 1999).
//!
//! A node takes some bits of one coordinate as the number of its child; a leaf lists the few boxes that are left, in
//! order, and each is compared with the point as a whole. Coordinates that are dear are asked for when a node or a leaf
//! needs them. A coordinate that does not exist has a child of its own. Behind a box that settles matters and covers all
//! that a node can be asked about, nothing is listed.
//!
//! Boxes that are wide in one dimension and narrow in another would be copied into most children of every cut. Where one
//! tree would copy too much there are several, each of boxes that are wide in the same dimensions (EffiCuts: Vamanan and
//! others, 2010), and what they find is merged. What boxes can do to each other has no small trees always:
//! [`Forest::build`] gives up where lists would stay long, or copies would take more than a few words a box.

mod growing;

use growing::{Growing, Region};

/// Most dimensions of a tree.
pub(super) const MOST_AXES: usize = 8;

/// Decision trees over boxes.
#[derive(Debug)]
pub(super) struct Forest {
    roots: Box<[Cell]>,
    cells: Box<[Cell]>,
    /// The boxes of leaves, each leaf's in order.
    lists: Box<[u32]>,
    boxes: Box<[Lanes]>,
    /// For each box, the dimensions it is bounded in (there must be a coordinate), and [`SETTLES`].
    traits: Box<[u16]>,
}

/// What a box is, for [`Forest::build`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    /// Least and greatest coordinate; nothing where it takes all, and where there is none at all.
    pub(super) sides: [Option<(u32, u32)>; MOST_AXES],
    /// Whether boxes behind it are never asked once it holds a point.
    pub(super) settles: bool,
}

/// The boxes that hold a point, in order.
#[derive(Debug)]
pub(super) struct Candidates<'a> {
    forest: &'a Forest,
    point: Point,
    /// What is left of the leaf of each tree.
    left: [&'a [u32]; MOST_TREES],
    /// The next box of each tree; [`NONE`] if there is none.
    next: [u32; MOST_TREES],
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

/// A box: one comparison a lane.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Lanes {
    low: [u32; MOST_AXES],
    /// Greatest less least.
    span: [u32; MOST_AXES],
}

impl Forest {
    /// One tree or several over `boxes`, in dimensions of so many `bits`; `None` where there are no good ones.
    pub(super) fn build(bits: &[u32], boxes: &[Bounds]) -> Option<Self> {
        debug_assert!(bits.len() <= MOST_AXES);
        let all: Vec<u32> = (0..boxes.len() as u32).collect();
        Self::of_groups(bits, boxes, &[all]).or_else(|| Self::of_groups(bits, boxes, &by_width(bits, boxes)))
    }

    fn of_groups(bits: &[u32], boxes: &[Bounds], groups: &[Vec<u32>]) -> Option<Self> {
        let mut growing = Growing::over(boxes);
        let reach = Region::whole(bits);
        let roots = groups.iter().map(|group| growing.grow(group, &reach, 0)).collect::<Option<_>>()?;
        Some(Self {
            roots,
            cells: growing.cells.into(),
            lists: growing.lists.into(),
            boxes: boxes.iter().map(Lanes::of).collect(),
            traits: boxes.iter().map(Bounds::traits).collect(),
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
        let mut left: [&[u32]; MOST_TREES] = [&[]; MOST_TREES];
        for (left, &root) in left.iter_mut().zip(&self.roots) {
            *left = self.leaf(root, &mut point, &mut later);
        }
        let mut candidates = Candidates { forest: self, point, left, next: [NONE; MOST_TREES] };
        if self.roots.len() > 1 {
            candidates.start();
        }
        candidates
    }

    /// The boxes of the leaf that the point falls into.
    #[inline(always)]
    fn leaf(&self, root: Cell, point: &mut Point, later: &mut impl FnMut(usize) -> Option<u32>) -> &[u32] {
        let mut cell = root;
        while let Some((axis, shift, bits, first)) = cell.node() {
            point.complete(1 << axis, later);
            point.used |= 1 << axis;
            let child = if point.missing >> axis & 1 == 0 {
                point.lanes[axis] >> shift & ((1 << bits) - 1)
            } else {
                1 << bits
            };
            cell = self.cells[(first + child) as usize];
        }
        let (first, count, needed) = cell.leaf();
        point.complete(needed, later);
        point.used |= needed;
        &self.lists[first as usize..first as usize + count as usize]
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.cells)
            + size_of_val(&*self.lists)
            + size_of_val(&*self.boxes)
            + size_of_val(&*self.traits)
    }
}

impl Candidates<'_> {
    /// The axes, a bit for each, that it depends on which boxes are found; they stay the same in all points that agree
    /// with this one in them.
    pub(super) const fn used(&self) -> u8 {
        self.point.used
    }

    /// Finds the first box of each tree.
    fn start(&mut self) {
        let mut settled = NONE;
        for tree in 0..self.forest.roots.len() {
            let next = self.following(tree, settled);
            self.next[tree] = next;
            if next < settled && self.forest.traits[next as usize] & SETTLES != 0 {
                settled = next;
            }
        }
    }

    /// The next box of a tree that holds the point and stands before `end`; [`NONE`] if there is none.
    #[inline(always)]
    fn following(&mut self, tree: usize, end: u32) -> u32 {
        let forest = self.forest;
        while let Some((&number, rest)) = self.left[tree].split_first() {
            if number >= end {
                break;
            }
            self.left[tree] = rest;
            if forest.boxes[number as usize].hold(&self.point.lanes)
                && (self.point.missing == 0
                    || u16::from(self.point.missing) & forest.traits[number as usize] == 0)
            {
                return number;
            }
        }
        NONE
    }
}

impl Iterator for Candidates<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        let trees = self.forest.roots.len();
        let found = if trees == 1 {
            self.following(0, NONE)
        } else {
            let first = (0..trees).min_by_key(|&tree| self.next[tree])?;
            let found = self.next[first];
            self.next[first] = self.following(first, NONE);
            found
        };
        (found != NONE).then_some(found)
    }
}

/// Boxes apart by the dimensions, of the two most spacious, that they are wide in.
fn by_width(bits: &[u32], boxes: &[Bounds]) -> Vec<Vec<u32>> {
    let mut axes: Vec<usize> = (0..bits.len()).collect();
    axes.sort_by_key(|&axis| std::cmp::Reverse(bits[axis]));
    axes.truncate(MOST_TREES.ilog2() as usize);
    let mut groups = vec![Vec::new(); MOST_TREES];
    for (number, bounds) in (0..).zip(boxes) {
        let is_wide = |axis: usize| {
            bounds.sides[axis].is_none_or(|(low, high)| u64::from(high - low) >> (bits[axis] / 2) != 0)
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

impl Lanes {
    fn of(bounds: &Bounds) -> Self {
        let side = |axis: usize| bounds.sides[axis].unwrap_or((0, u32::MAX));
        Self {
            low: std::array::from_fn(|axis| side(axis).0),
            span: std::array::from_fn(|axis| side(axis).1 - side(axis).0),
        }
    }

    #[inline]
    fn hold(&self, point: &[u32; MOST_AXES]) -> bool {
        let lanes = point.iter().zip(&self.low).zip(&self.span);
        let outside = lanes.fold(0, |outside, ((&coordinate, &low), &span)| {
            outside | u32::from(coordinate.wrapping_sub(low) > span)
        });
        outside == 0
    }
}

impl Bounds {
    fn bounded(&self) -> u8 {
        self.sides.iter().enumerate().fold(0, |mask, (axis, side)| mask | u8::from(side.is_some()) << axis)
    }

    fn traits(&self) -> u16 {
        u16::from(self.bounded()) | if self.settles { SETTLES } else { 0 }
    }
}

/// A node: bit 63, axis in bits 56 to 58, shift in 48 to 52, bits in 40 to 43, first child below. A leaf: the axes its
/// boxes are bounded in in bits 48 to 55, how many there are in 32 to 47, the first below.
impl Cell {
    fn of_node(axis: usize, shift: u32, bits: u32, first: u32) -> Self {
        Self(
            1 << 63 | (axis as u64) << 56 | u64::from(shift) << 48 | u64::from(bits) << 40 | u64::from(first),
        )
    }

    fn of_leaf(first: u32, count: u16, needed: u8) -> Self {
        Self(u64::from(needed) << 48 | u64::from(count) << 32 | u64::from(first))
    }

    #[inline]
    const fn node(self) -> Option<(usize, u32, u32, u32)> {
        if self.0 >> 63 == 0 {
            return None;
        }
        let (axis, shift, bits) = (self.0 >> 56 & 7, self.0 >> 48 & 31, self.0 >> 40 & 15);
        Some((axis as usize, shift as u32, bits as u32, self.0 as u32))
    }

    #[inline]
    const fn leaf(self) -> (u32, u16, u8) {
        (self.0 as u32, (self.0 >> 32) as u16, (self.0 >> 48) as u8)
    }
}

/// Most trees of a forest.
const MOST_TREES: usize = 4;
/// In place of a box.
const NONE: u32 = u32::MAX;
/// Boxes behind this one are never asked once it holds a point.
const SETTLES: u16 = 1 << 8;

#[cfg(test)]
mod tests {
    use super::{Bounds, Forest, MOST_AXES, Point, by_width};
    use proptest::prelude::*;

    const BITS: [u32; 4] = [32, 16, 8, 5];

    fn boxes(most: usize) -> impl Strategy<Value = Vec<Bounds>> {
        let side = |bits: u32| {
            let greatest = ((1u64 << bits) - 1) as u32;
            let near = (0..=greatest.min(300), 0..40u32)
                .prop_map(move |(low, more)| (low, greatest.min(low + more)));
            let any = (0..=greatest, 0..=greatest).prop_map(|(a, b)| (a.min(b), a.max(b)));
            let block = (0..=greatest, 0..=bits).prop_map(move |(low, free)| {
                let mask = ((1u64 << free) - 1) as u32;
                (low & !mask, low | mask)
            });
            prop::option::weighted(0.6, prop_oneof![3 => near, 1 => any, 2 => block])
        };
        let bounds = (BITS.map(side), prop::bool::weighted(0.7)).prop_map(|(sides, settles)| {
            let mut all = [None; MOST_AXES];
            all[..BITS.len()].copy_from_slice(&sides);
            Bounds { sides: all, settles }
        });
        prop::collection::vec(bounds, 0..most)
    }

    fn holds(bounds: &Bounds, point: &[Option<u32>; 4]) -> bool {
        point.iter().zip(&bounds.sides).all(|(value, side)| {
            side.is_none_or(|(low, high)| value.is_some_and(|value| low <= value && value <= high))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(800))]
        #[test]
        fn finds_in_order_all_that_hold_a_point_up_to_the_first_that_settles(
            boxes in boxes(150),
            points in prop::collection::vec((any::<u32>(), any::<[bool; 4]>(), 0..340u32, any::<[bool; 4]>()), 40),
        ) {
            let one = Forest::of_groups(&BITS, &boxes, &[(0..boxes.len() as u32).collect()]);
            let several = Forest::of_groups(&BITS, &boxes, &by_width(&BITS, &boxes));
            for (number, near, base, missing) in points {
                // corners of boxes, and their neighbours
                let corner = boxes.get(number as usize % boxes.len().max(1));
                let point: [Option<u32>; 4] = std::array::from_fn(|axis| {
                    let greatest = ((1u64 << BITS[axis]) - 1) as u32;
                    let side = corner.and_then(|bounds| bounds.sides[axis]);
                    let value = match side {
                        Some((low, high)) => if near[axis] { low.wrapping_sub(base % 2) } else { high.wrapping_add(base % 2) },
                        None => base.wrapping_mul(number | 1),
                    };
                    (!(missing[axis] && number % 3 == 0)).then_some(value & greatest)
                });
                let mut expected = Vec::new();
                for (number, bounds) in (0..).zip(&boxes) {
                    if holds(bounds, &point) {
                        expected.push(number);
                        if bounds.settles {
                            break;
                        }
                    }
                }
                for forest in one.iter().chain(&several) {
                    let mut asked = Point::default();
                    for (axis, value) in point.into_iter().enumerate() {
                        if number >> axis & 1 == 0 { asked.set(axis, value) } else { asked.put_off(axis) }
                    }
                    let found: Vec<u32> = forest.candidates(asked, |axis| point[axis]).collect();
                    prop_assert!(found.starts_with(&expected), "{:?} {:?} {:?}", point, found, expected);
                    prop_assert!(found.iter().all(|&number| holds(&boxes[number as usize], &point)));
                    prop_assert!(found.is_sorted_by(|one, other| one < other));
                }
            }
        }
    }

    #[test]
    fn boxes_that_overlap_wildly_take_bounded_memory_or_have_no_tree() {
        let mut seed = 1u64;
        let mut random = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32
        };
        let boxes: Vec<Bounds> = (0..3000)
            .map(|_| {
                let mut sides = [None; MOST_AXES];
                for side in &mut sides[..2] {
                    let (a, b) = (random(), random());
                    *side = Some((a.min(b), a.max(b)));
                }
                Bounds { sides, settles: false }
            })
            .collect();
        if let Some(forest) = Forest::build(&[32, 32], &boxes) {
            assert!(forest.memory() < 1 << 20, "{}", forest.memory());
        }
    }
}
