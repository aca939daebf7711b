//! A packet in an mbuf, as the data path wants to see it.

use dataplane::Frame;
use dataplane::io::Buffer;
use dpdk::Mbuf;

/// One received packet.
#[derive(Debug)]
#[repr(transparent)]
pub struct PacketBuffer(pub Mbuf);

impl Buffer for PacketBuffer {
    type Frame = Self;

    #[inline]
    fn frame(&self) -> &Self {
        self
    }
}

impl Frame for PacketBuffer {
    #[inline]
    fn head(&self) -> &[u8] {
        self.0.first_segment()
    }

    #[inline]
    fn length(&self) -> usize {
        self.0.packet_len() as usize
    }

    fn segments(&self) -> impl Iterator<Item = &[u8]> {
        self.0.segments()
    }
}
