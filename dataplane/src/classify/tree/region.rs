//! What can a node of a decision tree be asked about, and what of a box lies there?

use super::Bounds;

/// What a node can be asked about: in each dimension a block of a power of two, aligned.
#[derive(Debug, Clone)]
pub(super) struct Region {
    pub(super) axes: Vec<Block>,
}

/// The coordinates from `start` on that differ in the last `bits` bits only; none at all if `absent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) start: u32,
    pub(super) bits: u32,
    pub(super) absent: bool,
    /// Whether a coordinate may be missing.
    pub(super) may_miss: bool,
}

impl Region {
    pub(super) fn whole(bits: &[u32]) -> Self {
        let block = |&bits: &u32| Block { start: 0, bits: bits.min(32), absent: false, may_miss: true };
        Self { axes: bits.iter().map(block).collect() }
    }

    /// Of a box, the part of what can be asked about that lies in it, as a logarithm: 0 is all.
    pub(super) fn space(&self, bounds: &Bounds) -> f32 {
        let sides = self.axes.iter().zip(&bounds.sides);
        sides.map(|(block, &side)| if block.within(side) { 0.0 } else { block.share(side) }).sum()
    }

    /// Whether what one box has of it lies in the other.
    pub(super) fn hides(&self, by: &Bounds, bounds: &Bounds) -> bool {
        self.axes.iter().zip(by.sides.iter().zip(&bounds.sides)).all(|(block, (&by, &side))| {
            block.within(by)
                || side.is_some()
                    && match (block.part(by), block.part(side)) {
                        (Some(by), Some(side)) => by.0 <= side.0 && side.1 <= by.1,
                        _ => false,
                    }
        })
    }

    pub(super) fn with(&self, axis: usize, block: Block) -> Self {
        let mut region = self.clone();
        region.axes[axis] = block;
        region
    }
}

impl Block {
    pub(super) const fn last(self) -> u32 {
        if self.bits == 32 { u32::MAX } else { self.start | ((1 << self.bits) - 1) }
    }

    /// What of this side lies here, the whole block if it takes all; `None` if nothing does.
    pub(super) fn part(self, side: Option<(u32, u32)>) -> Option<(u32, u32)> {
        let Some((low, high)) = side else { return Some((self.start, self.last())) };
        if self.absent {
            return None;
        }
        let (low, high) = (low.max(self.start), high.min(self.last()));
        (low <= high).then_some((low, high))
    }

    /// Whether some of this lies outside.
    pub(super) fn is_left_by(self, part: Option<(u32, u32)>) -> bool {
        part.is_some_and(|(low, high)| low < self.start || self.last() < high)
    }

    /// How much of the block, as a logarithm, a side that does not take all of it takes; less than 0.
    pub(super) fn share(self, side: Option<(u32, u32)>) -> f32 {
        let Some((low, high)) = self.part(side) else { return f32::NEG_INFINITY };
        let share = (u64::from(high - low) + 1) as f32 / (1u64 << self.bits) as f32;
        // where it takes all that there is, it does not take what has no coordinate
        share.log2().min(-0.01)
    }

    /// Whether the side takes everything here.
    pub(super) fn within(self, side: Option<(u32, u32)>) -> bool {
        side.is_none_or(|(low, high)| {
            !self.absent && !self.may_miss && low <= self.start && self.last() <= high
        })
    }
}

/// The least block that holds all that boxes have in this one, those left out that take all of it; `None` if there are no
/// others.
pub(super) fn narrowed(block: Block, sides: impl Iterator<Item = Option<(u32, u32)>>) -> Option<Block> {
    let (mut least, mut greatest) = (u32::MAX, 0);
    for (low, high) in sides.filter(|&side| !block.within(side)).filter_map(|side| block.part(side)) {
        least = least.min(low);
        greatest = greatest.max(high);
    }
    if least > greatest {
        return None;
    }
    let bits = (u32::BITS - (least ^ greatest).leading_zeros()).max(LEAST_BLOCK);
    let start = if bits == 32 { 0 } else { least & !((1 << bits) - 1) };
    Some(Block { start, bits, ..block })
}

/// Bits of a block that is cut, at least: a cell has no room for more bits before them.
pub(super) const LEAST_BLOCK: u32 = 4;
