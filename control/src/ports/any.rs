//! A wire of either kind: live, or between captures.

use super::{CapturedIo, LiveIo, PacketBuffer};
use dataplane::io::{Arrival, Side, WireIo};

/// One worker's queues of one wire.
#[derive(Debug)]
pub enum AnyIo {
    /// Between ports that go on for ever.
    Live(LiveIo),
    /// Between ports that read captures.
    Captured(CapturedIo),
}

impl WireIo for AnyIo {
    type Buffer = PacketBuffer;

    fn receive(&mut self, into: &mut Vec<PacketBuffer>) -> Arrival {
        match self {
            Self::Live(io) => io.receive(into),
            Self::Captured(io) => io.receive(into),
        }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<PacketBuffer>) {
        match self {
            Self::Live(io) => io.transmit(to, packets),
            Self::Captured(io) => io.transmit(to, packets),
        }
    }

    fn free(&mut self, packets: &mut Vec<PacketBuffer>) {
        match self {
            Self::Live(io) => io.free(packets),
            Self::Captured(io) => io.free(packets),
        }
    }

    fn make(&mut self, bytes: &[u8]) -> Option<PacketBuffer> {
        match self {
            Self::Live(io) => io.make(bytes),
            Self::Captured(io) => io.make(bytes),
        }
    }
}
