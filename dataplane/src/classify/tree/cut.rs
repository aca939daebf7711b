//! Where is a node of a decision tree cut, and what lies in its children?

use super::growing::Growing;
use super::region::{Block, LEAST_BLOCK, Region, narrowed};

/// How a node is cut: the bits of an axis from `shift` on, so many of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    pub(super) axis: usize,
    pub(super) shift: u32,
    pub(super) bits: u32,
    /// The block that is cut; what else the node can be asked about falls into a child of its own.
    pub(super) block: Block,
}

/// What a child can be asked about in the dimension that is cut, and the boxes that lie there.
pub(super) struct Part {
    pub(super) block: Block,
    pub(super) list: Vec<u32>,
    /// Whether they take all of it: children of the same boxes are then the same.
    pub(super) is_settled: bool,
}

impl Growing<'_> {
    /// The cut, of at most so many bits of a dimension that is asked for, after which a point meets fewest boxes, among
    /// those that copy few; `None` if none helps.
    pub(super) fn best_cut(
        &self,
        list: &[u32],
        reach: &Region,
        is_asked: impl Fn(usize) -> bool,
        most: u32,
    ) -> Option<Cut> {
        let mut best: Option<(f64, Cut)> = None;
        for (axis, &block) in reach.axes.iter().enumerate() {
            let sides = || list.iter().map(|&number| self.boxes[number as usize].sides[axis]);
            if block.absent || !is_asked(axis) || sides().all(|side| block.within(side)) {
                continue;
            }
            let mut block = Block { may_miss: false, ..block };
            for _ in 0..NARROWED {
                let Some(narrow) = narrowed(block, sides()) else { break };
                if let Some((meets, cut)) = self.cut_of(list, axis, narrow, most)
                    && meets < GAIN * list.len() as f64
                    && best.is_none_or(|(least, _)| meets < least)
                {
                    best = Some((meets, cut));
                }
                if narrow.bits == block.bits && narrow != block || narrow.bits <= LEAST_BLOCK {
                    break;
                }
                block = narrow;
            }
        }
        best.map(|(_, cut)| cut)
    }

    /// The finest cut of a block that copies few boxes, and how many a point meets after it.
    fn cut_of(&self, list: &[u32], axis: usize, block: Block, most: u32) -> Option<(f64, Cut)> {
        let sides = || list.iter().map(|&number| self.boxes[number as usize].sides[axis]);
        let beyond = sides().filter(|&side| block.is_left_by(Some(side.unwrap_or((0, u32::MAX))))).count();
        for bits in (1..=most.min(block.bits)).rev() {
            let cut = Cut { axis, shift: block.bits - bits, bits, block };
            // where runs of boxes begin, less where they have ended
            let mut counts = vec![0u32; (1 << bits) + 1];
            let mut copies = beyond as u64;
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
            if copies + (1 << bits) / 4 > self.price.copies * list.len() as u64 && bits > 1 {
                continue;
            }
            counts.push(beyond as u32);
            // a box is met by points that lie in it: a child is asked as often as it has boxes of its own
            let least = u64::from(counts.iter().copied().min().unwrap_or(0));
            let weights = counts.iter().map(|&count| u64::from(count) - least + 1);
            let (met, all) = weights
                .zip(&counts)
                .fold((0, 0), |(met, all), (weight, &count)| (met + weight * u64::from(count), all + weight));
            return Some((met as f64 / all as f64, cut));
        }
        None
    }

    /// The children. The last two are outside of the block that is cut and without a coordinate.
    pub(super) fn parts(&self, list: &[u32], reach: &Region, cut: Cut) -> Vec<Part> {
        let whole = reach.axes[cut.axis];
        let inside = (0..1 << cut.bits).map(|child| Block {
            start: cut.block.start + (child << cut.shift),
            bits: cut.shift,
            absent: false,
            may_miss: false,
        });
        let outside = Block { may_miss: false, ..whole };
        let nowhere = Block { absent: true, ..whole };
        let blocks = inside.map(|block| (block, true)).chain([(outside, false), (nowhere, false)]);
        let mut parts: Vec<Part> =
            blocks.map(|(block, is_settled)| Part { block, list: Vec::new(), is_settled }).collect();
        let count = 1 << cut.bits;
        let is_all = outside.bits <= cut.block.bits;
        for &number in list {
            let side = self.boxes[number as usize].sides[cut.axis];
            if let Some((low, high)) = cut.block.part(side) {
                for part in &mut parts[cut.child(low)..=cut.child(high)] {
                    part.list.push(number);
                    part.is_settled &= part.block.within(side);
                }
            }
            if !is_all && cut.block.is_left_by(outside.part(side)) {
                parts[count].list.push(number);
            }
            if whole.may_miss && side.is_none() {
                parts[count + 1].list.push(number);
            }
        }
        parts
    }
}

impl Cut {
    const fn child(self, coordinate: u32) -> usize {
        ((coordinate - self.block.start) >> self.shift) as usize
    }
}

/// How often a block is narrowed to what lies within it.
const NARROWED: usize = 4;
/// A cut leaves less than this part of the boxes to be met.
const GAIN: f64 = 0.9;
