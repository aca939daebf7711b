//! What do so many bits of the packet say?

use super::Facts;
use crate::frame::Frame;
use crate::packet::{Fragment, Network};
use config::policy::{Field, HeaderBase, Load, Value};

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// `width` bits from bit `offset` behind `base` on.
    #[inline]
    pub(super) fn payload(&self, base: HeaderBase, offset: u16, width: u16) -> Option<Value> {
        let packet = self.packet;
        let byte = usize::from(offset / 8);
        let start = match base {
            HeaderBase::Network => usize::from(packet.network_offset) + byte,
            HeaderBase::Transport if !packet.has_transport => self.transport_header()?.1 + byte,
            HeaderBase::Transport if packet.fragment == Fragment::Later => return self.tail(offset, width),
            HeaderBase::Transport => self.transport_header()?.1 + byte,
            HeaderBase::Link => return self.link(offset, width),
        };
        self.joined(start, offset, width, self.end())
    }

    /// One, two or four bytes behind `base`, as [`Self::payload`] reads them from most packets: from the first segment, of
    /// a network header or of the transport header that follows at once. `None` says only that it has to be asked.
    #[inline]
    pub(in crate::classify) fn plain_bytes(&self, base: HeaderBase, byte: u16, bytes: u16) -> Option<u32> {
        let packet = self.packet;
        let start = match base {
            HeaderBase::Network => packet.network_offset,
            HeaderBase::Transport
                if packet.has_transport
                    && packet.fragment != Fragment::Later
                    && (packet.tuple.network == Network::Ipv4
                        || packet.transport_offset == packet.network_offset + IPV6_HEADER) =>
            {
                packet.transport_offset
            }
            _ => return None,
        };
        let start = usize::from(start) + usize::from(byte);
        let end = start + usize::from(bytes);
        if end > self.end() {
            return None;
        }
        match *self.frame.head().get(start..end)? {
            [a] => Some(a.into()),
            [a, b] => Some(u16::from_be_bytes([a, b]).into()),
            [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
            _ => None,
        }
    }

    /// As [`Self::payload`], from the transport header of a fragment's tail, which has none. Linux 6.18 reads aligned
    /// numbers of one, two and four bytes nevertheless: where the header would be (IPv4), or from the IPv6 header on.
    #[cold]
    fn tail(&self, offset: u16, width: u16) -> Option<Value> {
        let (byte, bytes) = (usize::from(offset / 8), bytes_spanned(offset, width));
        let base = match self.packet.tuple.network {
            Network::Ipv6 => self.packet.network_offset,
            _ => self.packet.transport_offset,
        };
        let is_read = matches!(bytes, 1 | 2 | 4) && byte.is_multiple_of(bytes);
        if is_read { self.joined(usize::from(base) + byte, offset, width, self.end()) } else { None }
    }

    /// `width` bits from bit `offset` behind `base` on, a place in the frame, none of them beyond `limit`.
    pub(super) fn bits_at(&self, base: usize, offset: u16, width: u16, limit: usize) -> Option<Value> {
        self.joined(base + usize::from(offset / 8), offset, width, limit.min(self.end()))
    }

    /// The `N` bytes at `at`, a place in the frame, if the packet has them.
    pub(super) fn bytes_at<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        (at + N <= self.end() && self.frame.copy(at, &mut bytes)).then_some(bytes)
    }

    /// `width` bits behind the first `offset % 8` of byte `start` on.
    #[inline]
    fn joined(&self, start: usize, offset: u16, width: u16, limit: usize) -> Option<Value> {
        let end = start + bytes_spanned(offset, width);
        if end > limit {
            return None;
        }
        if let Some(bytes) = self.frame.head().get(start..end) {
            return Some(match (offset % 8, bytes) {
                (0, &[a]) if width == 8 => a.into(),
                (0, &[a, b]) if width == 16 => u16::from_be_bytes([a, b]).into(),
                (0, &[a, b, c, d]) if width == 32 => u32::from_be_bytes([a, b, c, d]).into(),
                _ => join(bytes, offset, width),
            });
        }
        let mut copied = [0; MOST_BYTES];
        let copied = &mut copied[..end - start];
        self.frame.copy(start, copied).then(|| join(copied, offset, width))
    }

    /// As [`Self::payload`], from the Ethernet header without its tags: what lies behind the addresses is moved up
    /// to the network header.
    #[cold]
    fn link(&self, offset: u16, width: u16) -> Option<Value> {
        let tags = usize::from(self.packet.network_offset).saturating_sub(ETHERNET_HEADER);
        let start = usize::from(offset / 8);
        let mut copied = [0; MOST_BYTES];
        let copied = &mut copied[..bytes_spanned(offset, width)];
        for (at, byte) in (start..).zip(copied.iter_mut()) {
            let at = if at < ETHERNET_ADDRESSES { at } else { at + tags };
            if at >= self.end() || !self.frame.copy(at, std::slice::from_mut(byte)) {
                return None;
            }
        }
        Some(join(copied, offset, width))
    }
}

/// Bytes that `width` bits from bit `offset` on touch: at most [`MOST_BYTES`].
const fn bytes_spanned(offset: u16, width: u16) -> usize {
    (offset % 8 + width).div_ceil(8) as usize
}

/// The `width` bits behind the first `offset % 8` bits of `bytes`.
#[inline(never)]
fn join(bytes: &[u8], offset: u16, width: u16) -> Value {
    let Some((&last, rest)) = bytes.split_last() else {
        return 0;
    };
    let behind = (8 * bytes.len() as u32).saturating_sub(u32::from(offset % 8 + width)) % 8;
    let value = rest.iter().fold(0, |value, &byte| value << 8 | Value::from(byte));
    let value = value << (8 - behind) | Value::from(last >> behind);
    value & Field::plain(Load::Payload { base: HeaderBase::Link, offset, width }, width).mask
}

/// Bytes of an IPv6 header.
const IPV6_HEADER: u16 = 40;
/// Bytes of an Ethernet header without tags.
const ETHERNET_HEADER: usize = 14;
/// Bytes of the two addresses at its front.
const ETHERNET_ADDRESSES: usize = 12;
/// Most bytes that 128 bits can touch.
const MOST_BYTES: usize = 17;
