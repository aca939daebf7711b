//! Where is the IPv6 extension header of a kind? The walk of the kernel's `ipv6_find_hdr`.
//!
//! It goes on from header to header until it is there; the transport header, whatever its number, is the last that is
//! looked at, and a fragment's tail has none behind the fragment header.

use super::Facts;
use crate::frame::Frame;
use crate::packet::{Network, is_extension, protocol};

/// Where the walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The header begins here in the frame.
    At(usize),
    /// There is none.
    Nowhere,
    /// A header on the way is cut off.
    Cut,
}

impl<F: Frame + ?Sized> Facts<'_, F> {
    pub(super) fn is_ipv6(&self) -> bool {
        self.packet.tuple.network == Network::Ipv6
    }

    /// The transport header as rules see it: its number, and where in the frame it begins. They take an authentication
    /// header of IPv6 for one, though the connection is known by what lies behind it.
    #[inline]
    pub(super) fn transport_header(&self) -> Option<(u8, usize)> {
        let packet = self.packet;
        // also where headers behind it could not be walked
        let follows = packet.has_transport && packet.transport_offset == packet.network_offset + FIXED as u16;
        if self.is_ipv6()
            && !follows
            && let Some(at) = self.extension(protocol::AH)
        {
            return Some((protocol::AH, at));
        }
        packet.has_transport.then_some((packet.tuple.protocol, usize::from(packet.transport_offset)))
    }

    /// Where in the frame the first header of this number begins.
    pub(super) fn extension(&self, wanted: u8) -> Option<usize> {
        match self.find_extension(wanted) {
            Found::At(at) => Some(at),
            Found::Nowhere | Found::Cut => None,
        }
    }

    /// As [`Self::extension`], and why there is none.
    pub(super) fn find_extension(&self, wanted: u8) -> Found {
        if !self.is_ipv6() {
            return Found::Nowhere;
        }
        self.walk(wanted).unwrap_or(Found::Cut)
    }

    /// `None` if a header on the way is cut off.
    fn walk(&self, wanted: u8) -> Option<Found> {
        let network = usize::from(self.packet.network_offset);
        let [mut header] = self.bytes_at(network + NEXT_HEADER)?;
        let mut at = network + FIXED;
        loop {
            let found = if header == wanted { Found::At(at) } else { Found::Nowhere };
            if !is_extension(header) {
                return Some(found);
            }
            let [next, length] = self.bytes_at(at)?;
            let length = match header {
                FRAGMENT => {
                    let offset = u16::from_be_bytes(self.bytes_at(at + 2)?) & !7;
                    if offset != 0 {
                        return Some(found);
                    }
                    8
                }
                ROUTING if self.bytes_at::<4>(at).is_none() => return None,
                protocol::AH => (usize::from(length) + 2) * 4,
                _ => (usize::from(length) + 1) * 8,
            };
            if header == wanted {
                return Some(found);
            }
            (header, at) = (next, at + length);
        }
    }
}

/// Offset of the first number in the fixed header, and the bytes of that.
const NEXT_HEADER: usize = 6;
const FIXED: usize = 40;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
