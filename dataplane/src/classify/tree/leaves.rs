//! How do the boxes of a leaf lie in memory? Side by side, four in a block of whole cache lines, so that one instruction
//! compares a point with all bounds in a line.
//!
//! A line has four words for each of the four boxes. A *wide* line bounds two dimensions of up to 32 bits: the least
//! coordinate of the first, the greatest with all bits turned over, the same of the second. A point with the words *x* and
//! *x* turned over lies within if no word of it is less. A *narrow* line, compared in halves of words, bounds four
//! dimensions of up to 16 bits, each in a word likewise. In the last line, a narrow one, the last word is the label. Wide
//! lines come first; dimensions in which no box is bounded are left out; boxes that are missing in the last block of a leaf
//! hold nothing.

use super::burst::Points;
use super::{Bounds, MOST_AXES, NONE};
use crate::io::BURST;

/// Boxes in a block.
pub(super) const BLOCK: usize = 4;
/// Blocks that are compared with a point at once.
pub(super) const AT_ONCE: usize = 2;
/// Words of a box in a line.
const WORDS: usize = 4;
/// Lines of a block, at most.
pub(super) const MOST_LINES: usize = 5;

/// Bounds of four boxes, or a part of them.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
pub(super) struct Line(pub(super) [u32; BLOCK * WORDS]);

/// What is compared with each box of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(16))]
pub(super) struct Pattern(pub(super) [u32; WORDS]);

/// How blocks are laid out: the same for all of a forest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout {
    /// The dimensions in which boxes are bounded: those of more than 16 bits first.
    axes: [u8; MOST_AXES],
    /// How many of them are wide, and how many narrow.
    counts: [u8; 2],
    /// Wide lines of a block, and all.
    lines: [u8; 2],
}

impl Layout {
    /// For these boxes, in dimensions of so many bits.
    pub(super) fn of(bits: &[u32], boxes: &[Bounds]) -> Self {
        let is_bounded = |axis: usize| boxes.iter().any(|bounds| bounds.sides[axis].is_some());
        let bounded: Vec<usize> = (0..bits.len().min(MOST_AXES)).filter(|&axis| is_bounded(axis)).collect();
        let (wide, narrow): (Vec<usize>, Vec<usize>) =
            bounded.into_iter().partition(|&axis| bits[axis] > u16::BITS);
        let mut layout = Self { counts: [wide.len() as u8, narrow.len() as u8], ..Self::default() };
        for (place, axis) in layout.axes.iter_mut().zip(wide.iter().chain(&narrow)) {
            *place = *axis as u8;
        }
        let lines = wide.len().div_ceil(2);
        layout.lines = [lines as u8, (lines + (narrow.len() + 1).div_ceil(WORDS)) as u8];
        layout
    }

    /// Wide lines of a block, and all.
    #[inline(always)]
    pub(super) const fn lines(&self) -> [usize; 2] {
        [self.lines[0] as usize, self.lines[1] as usize]
    }

    /// The dimensions that a wide line bounds; one that is not there may be any.
    #[inline(always)]
    pub(super) const fn wide(&self, line: usize) -> [usize; 2] {
        [self.axis(line * 2), self.axis(line * 2 + 1)]
    }

    /// The dimensions that narrow line number `line` bounds; one that is not there may be any.
    #[inline(always)]
    pub(super) const fn narrow(&self, line: usize) -> [usize; WORDS] {
        let at = self.counts[0] as usize + (line - self.lines[0] as usize) * WORDS;
        [self.axis(at), self.axis(at + 1), self.axis(at + 2), self.axis(at + 3)]
    }

    #[inline(always)]
    const fn axis(&self, place: usize) -> usize {
        if place < MOST_AXES { self.axes[place] as usize % MOST_AXES } else { 0 }
    }

    /// Lays out a leaf: labels and boxes.
    pub(super) fn write(&self, boxes: &[(u32, &Bounds)], into: &mut Vec<Line>) {
        let [wide, all] = self.lines();
        // a leaf without boxes has a block without any
        for block in boxes.chunks(BLOCK).chain(boxes.is_empty().then_some(boxes)) {
            let begin = into.len();
            into.resize(begin + all, Line([0; BLOCK * WORDS]));
            let lines = &mut into[begin..];
            // a box that is not there lacks what is at once all and nothing
            lines[0].0[block.len() * WORDS..].fill(u32::MAX);
            for (number, (label, bounds)) in block.iter().enumerate() {
                let at = number * WORDS;
                for (place, &axis) in self.axes.iter().enumerate().take(usize::from(self.counts[0])) {
                    let (low, high) = bounds.sides[usize::from(axis)].unwrap_or((0, u32::MAX));
                    let at = at + place % 2 * 2;
                    lines[place / 2].0[at..at + 2].copy_from_slice(&[low, !high]);
                }
                let narrow = self.axes.iter().skip(usize::from(self.counts[0]));
                for (place, &axis) in narrow.enumerate().take(usize::from(self.counts[1])) {
                    let (low, high) = bounds.sides[usize::from(axis)].unwrap_or((0, u32::MAX));
                    lines[wide + place / WORDS].0[at + place % WORDS] = halves(low, high);
                }
                lines[all - 1].0[at + LABEL] = *label;
            }
        }
    }

    /// What of a point is compared, line by line.
    #[inline]
    pub(super) fn patterns(&self, lanes: &[u32; MOST_AXES]) -> [Pattern; MOST_LINES] {
        let [wide, all] = self.lines();
        let mut patterns = [Pattern::default(); MOST_LINES];
        for (line, pattern) in patterns.iter_mut().enumerate().take(all) {
            *pattern = if line < wide {
                let [first, second] = self.wide(line).map(|axis| lanes[axis]);
                Pattern([first, !first, second, !second])
            } else {
                Pattern(self.narrow(line).map(|axis| halves(lanes[axis], lanes[axis])))
            };
        }
        patterns[(all - 1) % MOST_LINES].0[LABEL] = u32::MAX;
        patterns
    }

    /// As [`Self::patterns`], of a burst and for a line.
    #[inline(always)]
    pub(super) fn patterns_of(&self, points: &Points, line: usize, into: &mut [Pattern; BURST]) {
        let [wide, all] = self.lines();
        let lanes = |axis: usize| &points.lanes[axis % MOST_AXES];
        let into = into.iter_mut().take(points.count);
        if line < wide {
            let [first, second] = self.wide(line).map(lanes);
            for (into, (&first, &second)) in into.zip(first.iter().zip(second)) {
                *into = Pattern([first, !first, second, !second]);
            }
            return;
        }
        let [first, second, third, fourth] = self.narrow(line).map(lanes);
        let behind = if line == all - 1 { u32::MAX } else { 0 };
        let lanes = first.iter().zip(second).zip(third.iter().zip(fourth));
        for (into, ((&first, &second), (&third, &fourth))) in into.zip(lanes) {
            let words = [first, second, third, fourth].map(|lane| halves(lane, lane));
            *into = Pattern([words[0], words[1], words[2], words[3] | behind]);
        }
    }

    /// The boxes of a block that hold a point, a bit for each.
    #[inline]
    pub(super) fn holding(&self, block: &[Line], pattern: impl Fn(usize) -> Pattern) -> u32 {
        let wide = usize::from(self.lines[0]);
        let mut found = EVERY;
        for (number, line) in block.iter().enumerate().take(usize::from(self.lines[1])) {
            let Pattern(pattern) = pattern(number);
            for (number_of_box, bounds) in line.0.as_chunks::<WORDS>().0.iter().enumerate() {
                let holds = pattern.iter().zip(bounds).all(|(&of_point, &bound)| {
                    if number < wide {
                        of_point >= bound
                    } else {
                        of_point as u16 >= bound as u16 && of_point >> 16 >= bound >> 16
                    }
                });
                found &= !(u32::from(!holds) << number_of_box);
            }
        }
        found
    }
}

/// The label of a box of a block.
#[inline(always)]
pub(super) fn label(block: &[Line], number: usize) -> u32 {
    block.last().map_or(NONE, |line| line.0[(number * WORDS + LABEL) % (BLOCK * WORDS)])
}

/// The least coordinate and the greatest turned over, in one word.
#[inline(always)]
const fn halves(low: u32, high: u32) -> u32 {
    low & 0xffff | !high << 16
}

/// All boxes of a block.
const EVERY: u32 = (1 << BLOCK) - 1;
/// Which word of a box in the last line is its label.
pub(super) const LABEL: usize = WORDS - 1;
