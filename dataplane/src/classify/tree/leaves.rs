//! How do the boxes of a leaf lie in memory? Side by side, sixteen at most in a block, so that one instruction compares a
//! coordinate with all of them.
//!
//! A block of `n` boxes has, dimension by dimension, `n` least and `n` greatest coordinates, each in as many bytes as the
//! dimension needs, the widest first, without padding; dimensions in which no box is bounded are left out. Behind them are
//! `n` labels, and `n` sets of the dimensions that a box is bounded in. A leaf of more boxes is several blocks, all but
//! the last full.

use super::{Bounds, MOST_AXES, Point};

/// Boxes in a block, at most.
pub(super) const BLOCK: usize = 16;
/// Bytes behind the last block that may be read with it.
pub(super) const BEHIND: usize = 64;

/// How a block is laid out: the same for all of a forest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Layout {
    /// The dimensions in which boxes are bounded: those of four bytes, of two, of one.
    axes: [u8; MOST_AXES],
    /// How many there are of each.
    counts: [u8; WIDTHS.len()],
    /// Bytes of a box.
    bytes: u16,
}

impl Layout {
    /// For these boxes, in dimensions of so many bits.
    pub(super) fn of(bits: &[u32], boxes: &[Bounds]) -> Self {
        let mut layout = Self { bytes: LABEL + 1, ..Self::default() };
        let is_bounded = |axis: usize| boxes.iter().any(|bounds| bounds.sides[axis].is_some());
        let mut place = 0;
        for (width, count) in WIDTHS.into_iter().zip(&mut layout.counts) {
            for (axis, &bits) in bits.iter().enumerate().take(MOST_AXES) {
                if width_of(bits) == width && is_bounded(axis) {
                    layout.axes[place] = axis as u8;
                    layout.bytes += 2 * width as u16;
                    *count += 1;
                    place += 1;
                }
            }
        }
        layout
    }

    /// Bytes of a leaf of so many boxes.
    #[inline(always)]
    pub(super) const fn bytes(&self, boxes: usize) -> usize {
        self.bytes as usize * boxes
    }

    /// How many dimensions are of four bytes, of two, of one, and which they are.
    #[inline(always)]
    pub(super) const fn axes(&self) -> (&[u8; WIDTHS.len()], &[u8; MOST_AXES]) {
        (&self.counts, &self.axes)
    }

    /// The dimensions in which boxes are bounded, and bytes of a coordinate.
    fn dimensions(&self) -> impl Iterator<Item = (usize, usize)> {
        let widths =
            WIDTHS.into_iter().zip(self.counts).flat_map(|(width, count)| (0..count).map(move |_| width));
        self.axes.into_iter().map(usize::from).zip(widths)
    }

    /// Lays out a leaf: labels and boxes.
    pub(super) fn write(&self, boxes: &[(u32, &Bounds)], into: &mut Vec<u8>) {
        for block in boxes.chunks(BLOCK) {
            for (axis, width) in self.dimensions() {
                let side = |bounds: &Bounds| bounds.sides[axis].unwrap_or((0, u32::MAX));
                for (_, bounds) in block {
                    into.extend_from_slice(&side(bounds).0.to_le_bytes()[..width]);
                }
                for (_, bounds) in block {
                    into.extend_from_slice(&side(bounds).1.to_le_bytes()[..width]);
                }
            }
            for (label, _) in block {
                into.extend_from_slice(&label.to_le_bytes());
            }
            into.extend(block.iter().map(|(_, bounds)| bounds.bounded()));
        }
    }

    /// The boxes of a block of `count` that hold the point, a bit for each.
    #[inline]
    pub(super) fn holding(&self, block: &[u8], count: usize, lanes: &[u32; MOST_AXES]) -> u16 {
        let mut found = every(count);
        let mut rest = block;
        for (axis, width) in self.dimensions() {
            let (low, behind) = rest.split_at(count * width);
            let (high, behind) = behind.split_at(count * width);
            rest = behind;
            let lane = lanes[axis];
            found &= match width {
                1 => within(low.as_chunks::<1>().0, high.as_chunks::<1>().0, lane),
                2 => within(low.as_chunks::<2>().0, high.as_chunks::<2>().0, lane),
                _ => within(low.as_chunks::<4>().0, high.as_chunks::<4>().0, lane),
            };
        }
        found
    }

    /// The label of box `number` of a block of `count`.
    #[inline(always)]
    pub(super) fn label(&self, block: &[u8], count: usize, number: usize) -> u32 {
        let at = (self.bytes - LABEL - 1) as usize * count + number * LABEL as usize;
        block.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Of the boxes `found` in a block of `count`, those that are not bounded where the point has no coordinate.
    #[cold]
    pub(super) fn not_missing(&self, block: &[u8], count: usize, found: u16, point: &Point) -> u16 {
        let bounded = &block[self.bytes(count) - count..][..count];
        (0..).zip(bounded).fold(found, |found, (number, bounded)| {
            if bounded & point.missing == 0 { found } else { found & !(1 << number) }
        })
    }
}

/// All boxes of a block of so many.
#[inline(always)]
pub(super) const fn every(count: usize) -> u16 {
    ((1u32 << count) - 1) as u16
}

#[inline(always)]
fn within<const N: usize>(low: &[[u8; N]], high: &[[u8; N]], lane: u32) -> u16 {
    let number = |bytes: &[u8; N]| bytes.iter().rev().fold(0, |number, &byte| number << 8 | u32::from(byte));
    let sides = (0..).zip(low.iter().zip(high));
    sides.fold(0, |found, (place, (low, high))| {
        found | u16::from(number(low) <= lane && lane <= number(high)) << place
    })
}

const fn width_of(bits: u32) -> usize {
    match bits {
        0..=8 => 1,
        9..=16 => 2,
        _ => 4,
    }
}

/// Bytes that coordinates may have.
const WIDTHS: [usize; 3] = [4, 2, 1];
/// Bytes of a label.
const LABEL: u16 = 4;
