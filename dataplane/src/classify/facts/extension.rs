//! Where is the IPv6 extension header of a kind? The walk of the kernel's `ipv6_find_hdr`.
//!
//! It goes on from header to header until it is there; the transport header, whatever its number, is the last that is
//! looked at, and a fragment's tail has none behind the fragment header.

use super::Facts;
use crate::frame::Frame;
use crate::packet::{Network, is_extension, protocol};

impl<F: Frame + ?Sized> Facts<'_, F> {
    pub(super) fn is_ipv6(&self) -> bool {
        self.packet.tuple.network == Network::Ipv6
    }

    /// Where in the frame the first header of this number begins.
    pub(super) fn extension(&self, wanted: u8) -> Option<usize> {
        if !self.is_ipv6() {
            return None;
        }
        let network = usize::from(self.packet.network_offset);
        let [mut header] = self.bytes_at(network + NEXT_HEADER)?;
        let mut at = network + FIXED;
        loop {
            let found = header == wanted;
            if !is_extension(header) {
                return found.then_some(at);
            }
            let [next, length] = self.bytes_at(at)?;
            let length = match header {
                FRAGMENT => {
                    let offset = u16::from_be_bytes(self.bytes_at(at + 2)?) & !7;
                    if offset != 0 {
                        return found.then_some(at);
                    }
                    8
                }
                ROUTING if self.bytes_at::<4>(at).is_none() => return None,
                protocol::AH => (usize::from(length) + 2) * 4,
                _ => (usize::from(length) + 1) * 8,
            };
            if found {
                return Some(at);
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
