//! What is kept of a flow that few packets need? An array beside the entries, by slot.
//!
//! It comes as zeroed memory from the system, which gives a page when it is first written: where nobody writes, it
//! costs addresses only. One bit a slot says where something was written, so that reading what was never written
//! touches nothing either, and neither does a flow that ends.

use zerocopy::FromZeros;

use super::Slot;
use crate::flow::group::LANES;

/// An `X` for every slot.
#[derive(Debug)]
pub(super) struct Beside<X> {
    values: Box<[X]>,
    /// A bit a lane, by bucket: where a value was written since its flow began. All others are zero.
    written: Box<[u16]>,
    /// Whether anything was written since the start.
    in_use: bool,
}

impl<X: FromZeros + Copy> Beside<X> {
    /// Zero for every slot of so many buckets.
    pub(super) fn with_buckets(buckets: usize) -> Self {
        let values = X::new_vec_zeroed(buckets * LANES).expect("memory for the table");
        Self { values: values.into(), written: vec![0; buckets].into(), in_use: false }
    }

    #[inline]
    pub(super) fn get(&self, slot: Slot) -> X {
        if self.is_written(slot) { self.values[slot.index()] } else { X::new_zeroed() }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, slot: Slot) -> &mut X {
        self.in_use = true;
        self.written[slot.bucket() as usize] |= 1 << slot.lane();
        &mut self.values[slot.index()]
    }

    /// The flow there is gone: nothing of it is left to the next. What was written, if anything was.
    #[inline]
    pub(super) fn take(&mut self, slot: Slot) -> Option<X> {
        if !self.is_written(slot) {
            return None;
        }
        self.written[slot.bucket() as usize] &= !(1 << slot.lane());
        Some(std::mem::replace(&mut self.values[slot.index()], X::new_zeroed()))
    }

    #[inline]
    pub(super) fn is_written(&self, slot: Slot) -> bool {
        self.in_use && self.written[slot.bucket() as usize] >> slot.lane() & 1 != 0
    }
}

const _: () = assert!(LANES <= u16::BITS as usize);
