//! Where do frames come from and go to? The one seam between the data path and any device: taken per burst.

use crate::frame::Frame;

/// Most packets one receive call returns.
pub const BURST: usize = 32;

/// From which side of its wire a packet comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// From outside, towards what is protected.
    Outside,
    /// From inside, towards the outside.
    Inside,
}

/// A received packet, owned until it is transmitted or freed. Dropping it frees it.
pub trait Buffer: Send {
    /// Its bytes.
    type Frame: Frame + ?Sized;

    /// Its bytes.
    fn frame(&self) -> &Self::Frame;
}
