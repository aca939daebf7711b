//! What does an IP packet carry? The view the transport protocols are read through.

use super::bytes::Bytes;
use super::checksum::{Checksums, Sum};
use crate::frame::Frame;

/// The bytes behind the IP header and its extension headers, to the end of the packet.
pub(super) struct Payload<'f, F: ?Sized> {
    /// The frame, cut at the end of the packet.
    pub(super) bytes: Bytes<'f, F>,
    /// Where the transport header starts in the frame; not behind the end.
    pub(super) offset: usize,
    /// The sum of both addresses, for the pseudo-header.
    pub(super) addresses: Sum,
    /// Whether this is all of the datagram. Of a first fragment no checksum can be checked.
    pub(super) is_whole: bool,
}

impl<F: Frame + ?Sized> Payload<'_, F> {
    /// Bytes of transport header and data.
    #[inline]
    pub(super) fn length(&self) -> usize {
        self.bytes.end().saturating_sub(self.offset)
    }

    /// The `N` bytes from `at` of the transport header on, if they are there.
    #[inline]
    pub(super) fn array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.bytes.array(self.offset + at)
    }

    /// Whether the internet checksum over the first `covered` bytes holds. With a protocol, over its
    /// pseudo-header too (RFC 9293, section 3.1; RFC 8200, section 8.1), whose length is that of the whole
    /// payload: a shorter UDP length does not count, as it does not for the kernel.
    #[inline]
    pub(super) fn checksum_holds(&self, protocol: Option<u8>, covered: usize) -> bool {
        let sum = || self.bytes.sum(self.offset..self.offset + covered);
        match protocol {
            _ if !self.is_whole || self.bytes.checksums() == Checksums::Trusted => true,
            None => sum().holds(),
            Some(protocol) => {
                sum().and(self.addresses).plus(self.length() as u32).plus(u32::from(protocol)).holds()
            }
        }
    }
}
