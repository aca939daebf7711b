//! How does a decision tree grow? Where is a node cut, and when is it a leaf?

use super::cut::Cut;
use super::leaves::{BLOCK, Layout, Line};
use super::region::Region;
use super::{Bounds, Cell, MOST_CUTS, Root};
use std::collections::HashMap;

/// How much copying is worth.
#[derive(Debug, Clone, Copy)]
pub(super) struct Price {
    /// Copies of each box, on average, that a cut may make.
    pub(super) copies: u64,
    /// Bytes for each box, on average.
    pub(super) bytes: usize,
}

/// The boxes that are not covered by one of the most spacious that stand before them.
pub(super) fn not_hidden(boxes: &[Bounds], bits: &[u32]) -> Vec<u32> {
    let whole = Region::whole(bits);
    let mut spacious: Vec<(f32, u32)> = (0..)
        .zip(boxes)
        .filter(|(_, bounds)| bounds.settles)
        .map(|(number, bounds)| (whole.space(bounds), number))
        .collect();
    spacious.sort_by(|one, other| other.0.total_cmp(&one.0));
    spacious.truncate(COVERS_OF_ALL);
    let hidden = |number: u32, bounds| {
        spacious.iter().any(|&(_, by)| by < number && whole.hides(&boxes[by as usize], bounds))
    };
    (0..).zip(boxes).filter(|&(number, bounds)| !hidden(number, bounds)).map(|(number, _)| number).collect()
}

/// Trees while they grow.
pub(super) struct Growing<'a> {
    pub(super) boxes: &'a [Bounds],
    labels: &'a [u32],
    pub(super) layout: Layout,
    pub(super) cells: Vec<Cell>,
    pub(super) leaves: Vec<Line>,
    pub(super) bounded: Vec<[u8; BLOCK]>,
    /// Leaves by their lists.
    known: HashMap<Vec<u32>, Cell>,
    pub(super) price: Price,
    /// Bytes that may still be taken.
    room: usize,
    /// Boxes that may still be looked at.
    work: usize,
}

impl<'a> Growing<'a> {
    /// None yet.
    pub(super) fn over(boxes: &'a [Bounds], labels: &'a [u32], layout: Layout, price: Price) -> Self {
        Self {
            boxes,
            labels,
            layout,
            cells: Vec::new(),
            leaves: Vec::new(),
            bounded: Vec::new(),
            known: HashMap::new(),
            price,
            room: price.bytes * boxes.len() + FREELY * boxes.len().min(FREE_BOXES),
            work: WORK * boxes.len() + 65_536,
        }
    }

    /// Where the tree of these boxes begins.
    pub(super) fn root(&mut self, list: &[u32], reach: &Region) -> Option<Root> {
        let none = [None; MOST_CUTS];
        if list.len() <= FEW {
            return Some(Root { cell: self.leaf(list)?, cuts: none });
        }
        let mut cuts: Vec<Cut> = Vec::new();
        let mut bits = list.len().ilog2() + MORE;
        for left in (1..=MOST_CUTS as u32).rev() {
            let is_asked = |axis: usize| cuts.iter().all(|cut| cut.axis != axis);
            let Some(cut) = self.best_cut(list, reach, is_asked, (bits / left).min(MOST_BITS)) else { break };
            bits -= cut.bits;
            cuts.push(cut);
        }
        if cuts.is_empty() {
            return Some(Root { cell: self.leaf(list)?, cuts: none });
        }
        let count: usize = cuts.iter().map(|cut| (1 << cut.bits) + 2).product();
        let first = self.cells.len();
        self.room = self.room.checked_sub(count * size_of::<Cell>())?;
        self.cells.resize(first + count, Cell::default());
        self.combinations(list, reach, &cuts, first, 1)?;
        let mut root = Root { cell: Cell::of_node(0, 0, 1, 0, first)?, cuts: none };
        for (place, cut) in root.cuts.iter_mut().zip(&cuts) {
            *place = Some(Cell::of_node(cut.axis, cut.shift, cut.bits, cut.block.start, 0)?);
        }
        Some(root)
    }

    /// Fills the cells of a root: every `stride`th from `at` on, a cell for each combination of children.
    fn combinations(
        &mut self,
        list: &[u32],
        reach: &Region,
        cuts: &[Cut],
        at: usize,
        stride: usize,
    ) -> Option<()> {
        let Some((cut, rest)) = cuts.split_first() else {
            self.cells[at] = self.grow(list, reach, 1)?;
            return Some(());
        };
        let mut known: HashMap<Vec<u32>, usize> = HashMap::new();
        let parts = self.parts(list, reach, *cut);
        let next = stride * parts.len();
        for (place, part) in parts.into_iter().enumerate() {
            let here = at + place * stride;
            if part.is_settled
                && let Some(&same) = known.get(&part.list)
            {
                self.repeat(same, here, rest, next);
                continue;
            }
            self.combinations(&part.list, &reach.with(cut.axis, part.block), rest, here, next)?;
            if part.is_settled {
                known.insert(part.list, here);
            }
        }
        Some(())
    }

    /// Fills the cells from `to` on as those from `from` on.
    fn repeat(&mut self, from: usize, to: usize, cuts: &[Cut], stride: usize) {
        let Some((cut, rest)) = cuts.split_first() else {
            self.cells[to] = self.cells[from];
            return;
        };
        let places = (1 << cut.bits) + 2;
        for place in 0..places {
            self.repeat(from + place * stride, to + place * stride, rest, stride * places);
        }
    }

    /// The cell of these boxes, of which each lies partly within `reach`.
    fn grow(&mut self, list: &[u32], reach: &Region, depth: usize) -> Option<Cell> {
        let mut kept = Vec::new();
        let list = self.shown(list, reach, &mut kept);
        self.work = self.work.checked_sub(list.len())?;
        if list.len() <= FEW || depth == DEEPEST {
            return self.leaf(list);
        }
        let most = MOST_BITS.min(list.len().ilog2() + 2);
        let Some(cut) = self.best_cut(list, reach, |_| true, most) else { return self.leaf(list) };
        let parts = self.parts(list, reach, cut);
        let first = self.cells.len();
        self.room = self.room.checked_sub(parts.len() * size_of::<Cell>())?;
        self.cells.resize(first + parts.len(), Cell::default());
        let mut alike: HashMap<&[u32], Cell> = HashMap::new();
        for (child, part) in parts.iter().enumerate() {
            if part.is_settled
                && let Some(&cell) = alike.get(&part.list[..])
            {
                self.cells[first + child] = cell;
                continue;
            }
            let cell = self.grow(&part.list, &reach.with(cut.axis, part.block), depth + 1)?;
            self.cells[first + child] = cell;
            if part.is_settled {
                alike.insert(&part.list, cell);
            }
        }
        Cell::of_node(cut.axis, cut.shift, cut.bits, cut.block.start, first)
    }

    /// What of a list is not hidden, where only `reach` is asked about, behind one of the most spacious boxes that settle
    /// matters.
    fn shown<'l>(&self, list: &'l [u32], reach: &Region, kept: &'l mut Vec<u32>) -> &'l [u32] {
        let bounds = |number: u32| &self.boxes[number as usize];
        let mut spacious: Vec<(f32, u32)> = Vec::new();
        for (at, &number) in list.iter().enumerate() {
            let bounds = bounds(number);
            if !bounds.settles {
                continue;
            }
            let space = reach.space(bounds);
            if space >= 0.0 {
                // covers all
                kept.extend_from_slice(&list[..=at]);
                break;
            }
            spacious.push((space, number));
        }
        if kept.is_empty() {
            kept.extend_from_slice(list);
        }
        spacious.sort_by(|one, other| other.0.total_cmp(&one.0));
        spacious.truncate(COVERS);
        kept.retain(|&number| {
            !spacious.iter().any(|&(_, by)| by < number && reach.hides(bounds(by), bounds(number)))
        });
        kept
    }

    fn leaf(&mut self, list: &[u32]) -> Option<Cell> {
        if let Some(&cell) = self.known.get(list) {
            return Some(cell);
        }
        if list.len() > MANY {
            return None;
        }
        let blocks = list.len().div_ceil(BLOCK).max(1);
        let [_, lines] = self.layout.lines();
        self.room = self.room.checked_sub(blocks * (lines * size_of::<Line>() + BLOCK))?;
        let bounds = |number: u32| &self.boxes[number as usize];
        let needed = list.iter().fold(0, |mask, &number| mask | bounds(number).bounded());
        let cell = Cell::of_leaf(u32::try_from(self.leaves.len()).ok()?, blocks as u16, needed);
        let boxes: Vec<(u32, &Bounds)> =
            list.iter().map(|&number| (self.labels[number as usize], bounds(number))).collect();
        self.layout.write(&boxes, &mut self.leaves);
        let begin = self.bounded.len();
        self.bounded.resize(begin + blocks, [0; BLOCK]);
        let bounded = self.bounded[begin..].as_flattened_mut();
        for (into, (_, bounds)) in bounded.iter_mut().zip(&boxes) {
            *into = bounds.bounded();
        }
        self.known.insert(list.to_vec(), cell);
        Some(cell)
    }
}

/// The boxes that others are looked for behind, before trees grow.
const COVERS_OF_ALL: usize = 256;
/// The boxes that others are looked for behind, in a node.
const COVERS: usize = 24;
/// Boxes that are not worth another node.
const FEW: usize = 12;
/// Boxes of one leaf, at most.
const MANY: usize = 400;
/// Nodes on the way to a leaf, at most.
const DEEPEST: usize = 24;
/// Bits of a coordinate that one node looks at, at most.
const MOST_BITS: u32 = 10;
/// How often each box is looked at, on average, while the tree grows.
const WORK: usize = 512;
/// Bits of coordinates that a root asks for, at most, more than there are of the number of boxes.
const MORE: u32 = 2;
/// The first so many boxes may take so many bytes each besides.
const FREE_BOXES: usize = 1024;
const FREELY: usize = 256;
