//! Where do frames come from and go to? The one seam between the data path and any device: taken per burst.

use crate::frame::Frame;
use crate::object::Now;

/// Most packets one receive call returns.
pub const BURST: usize = 64;

/// One end of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Faces the network.
    Outside,
    /// Faces what is protected.
    Inside,
}

impl Side {
    /// The other end.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Outside => Self::Inside,
            Self::Inside => Self::Outside,
        }
    }
}

/// A received packet, owned until it is transmitted or freed. Dropping it frees it.
pub trait Buffer: Send {
    /// How its bytes are read.
    type Frame: Frame + ?Sized;

    /// Its bytes.
    fn frame(&self) -> &Self::Frame;
}

impl Buffer for Vec<u8> {
    type Frame = [u8];

    fn frame(&self) -> &[u8] {
        self
    }
}

/// What one receive call brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// The side the packets came in by.
    pub side: Side,
    /// When, in milliseconds on a clock that does not go back.
    pub now: u64,
    /// When, as rules ask for it.
    pub at: Now,
}

/// A worker's own queues of one wire: a receive and a transmit queue of either port.
pub trait WireIo {
    /// A packet.
    type Buffer: Buffer;

    /// Puts the next packets, at most [`BURST`], all from one side, into the empty `into`. Which side comes next
    /// is its own choice, but no side with packets waits for ever. Bringing nothing says nothing of the next call.
    fn receive(&mut self, into: &mut Vec<Self::Buffer>) -> Arrival;

    /// Sends packets out by `to`, from the first on, and removes from `packets` what was taken.
    fn transmit(&mut self, to: Side, packets: &mut Vec<Self::Buffer>);

    /// Frees packets.
    fn free(&mut self, packets: &mut Vec<Self::Buffer>) {
        packets.clear();
    }

    /// A new packet with these bytes; `None` if there is no room for one.
    fn make(&mut self, bytes: &[u8]) -> Option<Self::Buffer>;
}
