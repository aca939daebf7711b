//! How does a decision tree grow? Where is a node cut, and when is it a leaf?

use std::collections::HashMap;

use super::{Bounds, Cell};

/// What a node can be asked about: in each dimension a block of a power of two, aligned.
#[derive(Debug, Clone)]
pub(super) struct Region {
    axes: Vec<Block>,
}

/// The coordinates from `start` on that differ in the last `bits` bits only; none at all if `absent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Block {
    start: u32,
    bits: u32,
    absent: bool,
    /// Whether a coordinate may be missing.
    may_miss: bool,
}

impl Region {
    pub(super) fn whole(bits: &[u32]) -> Self {
        let block = |&bits: &u32| Block { start: 0, bits: bits.min(32), absent: false, may_miss: true };
        Self { axes: bits.iter().map(block).collect() }
    }

    fn with(&self, axis: usize, block: Block) -> Self {
        let mut region = self.clone();
        region.axes[axis] = block;
        region
    }
}

impl Block {
    const fn last(self) -> u32 {
        if self.bits == 32 { u32::MAX } else { self.start | ((1 << self.bits) - 1) }
    }

    /// What of this side lies here, the whole block if it takes all; `None` if nothing does.
    fn part(self, side: Option<(u32, u32)>) -> Option<(u32, u32)> {
        let Some((low, high)) = side else { return Some((self.start, self.last())) };
        if self.absent {
            return None;
        }
        let (low, high) = (low.max(self.start), high.min(self.last()));
        (low <= high).then_some((low, high))
    }

    /// Whether the side takes everything here.
    fn within(self, side: Option<(u32, u32)>) -> bool {
        side.is_none_or(|(low, high)| {
            !self.absent && !self.may_miss && low <= self.start && self.last() <= high
        })
    }
}

/// Trees while they grow.
pub(super) struct Growing<'a> {
    boxes: &'a [Bounds],
    pub(super) cells: Vec<Cell>,
    pub(super) lists: Vec<u32>,
    /// Leaves by their lists.
    known: HashMap<Vec<u32>, Cell>,
    /// Words that may still be taken.
    room: usize,
    /// Boxes that may still be looked at.
    work: usize,
}

/// How a node is cut: the bits of an axis from `shift` on, so many of them.
#[derive(Debug, Clone, Copy)]
struct Cut {
    axis: usize,
    shift: u32,
    bits: u32,
    /// The block that is cut; what else the node can be asked about falls into a child by its low bits, where no box is
    /// bounded to hold it.
    block: Block,
}

impl<'a> Growing<'a> {
    /// None yet.
    pub(super) fn over(boxes: &'a [Bounds]) -> Self {
        Self {
            boxes,
            cells: Vec::new(),
            lists: Vec::new(),
            known: HashMap::new(),
            room: ROOM * boxes.len() + 4096,
            work: WORK * boxes.len() + 65_536,
        }
    }

    /// The cell of these boxes, of which each lies partly within `reach`.
    pub(super) fn grow(&mut self, list: &[u32], reach: &Region, depth: usize) -> Option<Cell> {
        let covers = |number: &u32| {
            let bounds = &self.boxes[*number as usize];
            bounds.settles && reach.axes.iter().zip(&bounds.sides).all(|(block, side)| block.within(*side))
        };
        let end = list.iter().position(covers).map_or(list.len(), |last| last + 1);
        let list = &list[..end];
        self.work = self.work.checked_sub(list.len())?;
        if list.len() <= FEW || depth == DEEPEST {
            return self.leaf(list);
        }
        let Some(cut) = self.best_cut(list, reach) else { return self.leaf(list) };
        let count = 1usize << cut.bits;
        let first = self.cells.len();
        self.room = self.room.checked_sub(count + 1)?;
        self.cells.resize(first + count + 1, Cell::default());
        let lists = self.parts(list, cut);
        let mut alike: HashMap<&[u32], Cell> = HashMap::new();
        for (child, list) in lists.iter().enumerate() {
            let block = Block {
                start: cut.block.start + ((child as u32) << cut.shift),
                bits: cut.shift,
                absent: false,
                may_miss: false,
            };
            let settled =
                list.iter().all(|&number| block.within(self.boxes[number as usize].sides[cut.axis]));
            if settled && let Some(&cell) = alike.get(&list[..]) {
                self.cells[first + child] = cell;
                continue;
            }
            // what lies outside of the block that is cut may come here too
            let reached = if cut.block.bits == reach.axes[cut.axis].bits {
                block
            } else {
                Block { may_miss: false, ..reach.axes[cut.axis] }
            };
            let cell = self.grow(list, &reach.with(cut.axis, reached), depth + 1)?;
            self.cells[first + child] = cell;
            if settled {
                alike.insert(list, cell);
            }
        }
        let open: Vec<u32> = list
            .iter()
            .copied()
            .filter(|&number| self.boxes[number as usize].sides[cut.axis].is_none())
            .collect();
        let nowhere = Block { absent: true, ..reach.axes[cut.axis] };
        self.cells[first + count] = if reach.axes[cut.axis].may_miss {
            self.grow(&open, &reach.with(cut.axis, nowhere), depth + 1)?
        } else {
            self.leaf(&[])?
        };
        Some(Cell::of_node(cut.axis, cut.shift, cut.bits, first as u32))
    }

    fn leaf(&mut self, list: &[u32]) -> Option<Cell> {
        if let Some(&cell) = self.known.get(list) {
            return Some(cell);
        }
        if list.len() > MANY {
            return None;
        }
        self.room = self.room.checked_sub(list.len())?;
        let needed = list.iter().fold(0, |mask, &number| mask | self.boxes[number as usize].bounded());
        let cell = Cell::of_leaf(self.lists.len() as u32, list.len() as u16, needed);
        self.lists.extend_from_slice(list);
        self.known.insert(list.to_vec(), cell);
        Some(cell)
    }

    /// The cut after which a point meets fewest boxes, among those that copy few; `None` if none helps.
    fn best_cut(&self, list: &[u32], reach: &Region) -> Option<Cut> {
        let mut best: Option<(f64, Cut)> = None;
        for (axis, &block) in reach.axes.iter().enumerate() {
            let sides = || list.iter().map(|&number| self.boxes[number as usize].sides[axis]);
            if block.absent || sides().all(|side| block.within(side)) {
                continue;
            }
            let block = narrowed(block, sides());
            let most = block.bits.min(MOST_BITS).min(list.len().ilog2() + 2);
            for bits in (1..=most).rev() {
                let cut = Cut { axis, shift: block.bits - bits, bits, block };
                // where runs of boxes begin, less where they have ended
                let mut counts = vec![0u32; (1 << bits) + 1];
                let mut copies = 0;
                for (low, high) in sides().filter_map(|side| block.part(side)) {
                    let (low, high) = (cut.child(low), cut.child(high));
                    counts[low] = counts[low].wrapping_add(1);
                    counts[high + 1] = counts[high + 1].wrapping_sub(1);
                    copies += (high - low + 1) as u64;
                }
                counts.pop();
                counts.iter_mut().fold(0u32, |sum, count| {
                    *count = count.wrapping_add(sum);
                    *count
                });
                if copies + (1 << bits) / 4 > COPIES * list.len() as u64 && bits > 1 {
                    continue;
                }
                // a box is met by points that lie in it: a child is asked as often as it has boxes of its own
                let least = u64::from(counts.iter().copied().min().unwrap_or(0));
                let weights = counts.iter().map(|&count| u64::from(count) - least + 1);
                let (met, all) = weights.zip(&counts).fold((0, 0), |(met, all), (weight, &count)| {
                    (met + weight * u64::from(count), all + weight)
                });
                let meets = met as f64 / all as f64;
                if meets < GAIN * list.len() as f64 && best.is_none_or(|(least, _)| meets < least) {
                    best = Some((meets, cut));
                }
                break;
            }
        }
        best.map(|(_, cut)| cut)
    }

    /// The boxes of each child.
    fn parts(&self, list: &[u32], cut: Cut) -> Vec<Vec<u32>> {
        let mut lists = vec![Vec::new(); 1 << cut.bits];
        for &number in list {
            let side = self.boxes[number as usize].sides[cut.axis];
            if let Some((low, high)) = cut.block.part(side) {
                for list in &mut lists[cut.child(low)..=cut.child(high)] {
                    list.push(number);
                }
            }
        }
        lists
    }
}

impl Cut {
    const fn child(self, coordinate: u32) -> usize {
        ((coordinate - self.block.start) >> self.shift) as usize
    }
}

/// The least block that holds all that boxes have in this one.
fn narrowed(block: Block, sides: impl Iterator<Item = Option<(u32, u32)>>) -> Block {
    let (mut least, mut greatest) = (u32::MAX, 0);
    for (low, high) in sides.filter_map(|side| block.part(side)) {
        least = least.min(low);
        greatest = greatest.max(high);
    }
    if least > greatest {
        return block;
    }
    let bits = u32::BITS - (least ^ greatest).leading_zeros();
    let start = if bits == 32 { 0 } else { least & !((1 << bits) - 1) };
    Block { start, bits, ..block }
}

/// Boxes that are not worth another node.
const FEW: usize = 4;
/// Boxes of one leaf, at most.
const MANY: usize = 400;
/// Nodes on the way to a leaf, at most.
const DEEPEST: usize = 24;
/// Bits of a coordinate that one node looks at, at most.
const MOST_BITS: u32 = 10;
/// Copies of each box, on average, that a cut may make.
const COPIES: u64 = 2;
/// A cut leaves less than this part of the boxes to be met.
const GAIN: f64 = 0.9;
/// Words of cells and lists for each box, at most.
const ROOM: usize = 64;
/// How often each box is looked at, on average, while the tree grows.
const WORK: usize = 512;
