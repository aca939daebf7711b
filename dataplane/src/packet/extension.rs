//! Which protocol stands behind the IPv6 extension headers, and where? RFC 8200, section 4.
//!
//! ```text
//! +---------------+---------------+-------------------------------+
//! |  next header  |  length       |  ...                          |   hop-by-hop, routing, destination:
//! +---------------+---------------+-------------------------------+   8 * (length + 1) bytes;
//!                                                                     AH (RFC 4302): 4 * (length + 2)
//! +---------------+---------------+-------------------------+---+-+
//! |  next header  |   reserved    |     fragment offset     |res|M|   fragment
//! +---------------+---------------+-------------------------+---+-+
//! |                        identification                         |
//! +---------------------------------------------------------------+
//! ```
//!
//! The walk is the kernel's: it goes through AH, and anything else, ESP and unknown numbers included, is the
//! transport protocol. A header that reaches beyond the packet in front of such a one leaves the protocol known
//! and its header empty. It ends after a fixed number of headers: longer chains are no one's.

use super::Fragment;
use super::bytes::{Bytes, be16};
use super::protocol;
use crate::frame::Frame;

/// Hop-by-hop options.
pub(super) const HOP_BY_HOP: u8 = 0;
/// Nothing follows.
pub(super) const NO_NEXT_HEADER: u8 = 59;
const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Most extension headers walked through. RFC 8200 knows seven in a packet; sixteen of the greatest size still
/// keep the transport offset in 16 bits.
const MOST: usize = 16;

/// Whether the walk goes through a header of this number.
pub(crate) const fn is_extension(number: u8) -> bool {
    matches!(number, HOP_BY_HOP | ROUTING | FRAGMENT | protocol::AH | DESTINATION_OPTIONS)
}

/// Bytes of an extension header with this number and this length field.
pub(crate) const fn length_of(number: u8, length: u8) -> usize {
    match number {
        FRAGMENT => 8,
        protocol::AH => (length as usize + 2) * 4,
        _ => (length as usize + 1) * 8,
    }
}

/// Where a walk came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    /// What stands there. In a fragment's tail it may be an extension header, which cannot be walked.
    pub(super) protocol: u8,
    /// Offset in the frame, not behind the end.
    pub(super) offset: usize,
    /// The fragment header on the way, if there was one.
    pub(super) fragment: Option<FragmentHeader>,
    /// Whether the walk could not go on where it should: a header is cut off, there are too many of them, or there
    /// is a second fragment header that is not an atomic fragment's.
    pub(super) is_broken: bool,
}

/// A fragment header (RFC 8200, section 4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FragmentHeader {
    /// Offset in the frame of what it is in front of.
    pub(super) payload: usize,
    bits: u16,
}

impl FragmentHeader {
    /// What part of the datagram this is.
    pub(super) const fn kind(self) -> Fragment {
        match (self.bits >> 3, self.bits & 1) {
            (0, 0) => Fragment::Atomic,
            (0, _) => Fragment::First,
            _ => Fragment::Later,
        }
    }

    /// Whether `length` bytes can be the fragment's: a multiple of eight in all but the last.
    pub(super) const fn is_sound(self, length: usize) -> bool {
        self.bits & 1 == 0 || length.is_multiple_of(8)
    }
}

/// Walks from the header of number `next` at `offset` to the transport header.
#[inline]
pub(super) fn walk<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, next: u8, offset: usize) -> Chain {
    let chain = Chain { protocol: next, offset, fragment: None, is_broken: false };
    if is_extension(next) { walk_on(bytes, chain) } else { chain }
}

fn walk_on<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, mut chain: Chain) -> Chain {
    // what has a fragment header, if only the beginning of one, meets the rules of fragments
    let broken = |chain: Chain| {
        let cut = FragmentHeader { payload: bytes.end(), bits: 0 };
        let cut = (chain.protocol == FRAGMENT).then_some(cut);
        Chain { is_broken: true, fragment: chain.fragment.or(cut), ..chain }
    };
    for _ in 0..MOST {
        if !is_extension(chain.protocol) {
            return chain;
        }
        let Some([next, length]) = bytes.array(chain.offset) else { return broken(chain) };
        let behind = (chain.offset + length_of(chain.protocol, length)).min(bytes.end());
        if chain.protocol == FRAGMENT {
            let Some(bits) = fragment_bits(bytes, chain.offset) else { return broken(chain) };
            let header = FragmentHeader { payload: behind, bits };
            if chain.fragment.is_some() && header.kind() != Fragment::Atomic {
                return broken(chain);
            }
            chain.fragment = chain.fragment.or(Some(header));
        }
        (chain.protocol, chain.offset) = (next, behind);
        if chain.fragment.is_some_and(|fragment| fragment.kind() == Fragment::Later) {
            return chain;
        }
    }
    Chain { is_broken: is_extension(chain.protocol), ..chain }
}

/// Offset and M of the fragment header at `offset`, if all of it is there.
fn fragment_bits<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, offset: usize) -> Option<u16> {
    bytes.array::<8>(offset).map(|header| be16(&header, 2..4))
}

#[cfg(test)]
mod tests {
    use super::{DESTINATION_OPTIONS, FRAGMENT, MOST, ROUTING};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Fragment, parse, protocol};
    use crate::reason::Reason;

    const OPTIONS: [u8; 8] = [0, 0, 1, 4, 0, 0, 0, 0];

    fn udp() -> FrameBuilder {
        FrameBuilder::new()
            .ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2])
            .udp(53, 4242)
            .payload(&[0; 8])
    }

    #[test]
    fn the_walk_goes_through_all_of_them() {
        let frame = udp()
            .extension(0, &OPTIONS)
            .extension(DESTINATION_OPTIONS, &OPTIONS)
            .extension(ROUTING, &[0, 2, 4, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2])
            .extension(FRAGMENT, &[0, 0, 0, 0, 0, 0, 0, 7])
            .extension(
                protocol::AH,
                &[0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9],
            )
            .extension(DESTINATION_OPTIONS, &OPTIONS)
            .build();
        let packet = parse(&frame[..]);
        assert_eq!((packet.fault, packet.fragment), (None, Fragment::Atomic), "an atomic fragment is whole");
        assert_eq!(packet.transport_offset, 54 + 8 + 8 + 24 + 8 + 24 + 8);
        assert_eq!((packet.tuple.protocol, packet.tuple.destination_port), (protocol::UDP, 4242));
    }

    #[test]
    fn encrypted_and_unknown_headers_end_it() {
        for number in [protocol::ESP, 135, 253] {
            let packet = parse(&udp().raw(number).extension(DESTINATION_OPTIONS, &OPTIONS).build()[..]);
            assert_eq!((packet.fault, packet.has_transport), (None, true));
            assert_eq!((packet.tuple.protocol, packet.transport_offset), (number, 62));
        }
    }

    #[test]
    fn cut_chains() {
        let nothing = udp().raw(DESTINATION_OPTIONS).payload(&[]);
        let one_byte = udp().raw(ROUTING).payload(&[17]);
        let beyond = udp().raw(ROUTING).payload(&[DESTINATION_OPTIONS, 1, 0, 0, 0, 0, 0, 0]);
        let half_fragment = udp().raw(FRAGMENT).payload(&[17, 0, 0, 0, 0, 0, 0]);
        let two_fragments = udp().extension(FRAGMENT, &[0; 8]).extension(FRAGMENT, &[0, 0, 0, 1, 0, 0, 0, 0]);
        for frame in [nothing, one_byte, beyond, half_fragment, two_fragments] {
            let packet = parse(&frame.build()[..]);
            assert_eq!((packet.fault, packet.has_transport), (Some(Reason::Ipv6Extension), false));
        }
        let two_atomic = udp().extension(FRAGMENT, &[0; 8]).extension(FRAGMENT, &[0; 8]);
        let packet = parse(&two_atomic.build()[..]);
        assert_eq!((packet.fault, packet.tuple.destination_port), (None, 4242));
    }

    #[test]
    fn a_header_beyond_the_packet_leaves_the_transport_empty() {
        for (number, fault) in [(protocol::UDP, Some(Reason::UdpTruncated)), (253, None)] {
            let frame = udp().raw(DESTINATION_OPTIONS).payload(&[number, 9, 1, 4, 0, 0, 0, 0]).padding(2);
            let packet = parse(&frame.build()[..]);
            assert_eq!((packet.fault, packet.has_transport), (fault, true));
            assert_eq!((packet.tuple.protocol, packet.transport_offset), (number, 62));
        }
    }

    #[test]
    fn chains_have_a_greatest_length() {
        let chain = |headers| (0..headers).fold(udp(), |frame, _| frame.extension(60, &OPTIONS)).build();
        let packet = parse(&chain(MOST)[..]);
        assert_eq!((packet.fault, packet.tuple.destination_port), (None, 4242));
        let packet = parse(&chain(MOST + 1)[..]);
        assert_eq!((packet.fault, packet.has_transport), (Some(Reason::Ipv6Extension), false));
    }

    #[test]
    fn fragments() {
        let packet = parse(&udp().fragment(0, true).build()[..]);
        assert_eq!((packet.fault, packet.fragment), (None, Fragment::First));
        assert_eq!(packet.tuple.destination_port, 4242);

        let later = udp().raw(protocol::UDP).payload(&[0; 16]);
        let packet = parse(&later.clone().fragment(3, false).build()[..]);
        assert_eq!((packet.fault, packet.fragment, packet.has_transport), (None, Fragment::Later, true));
        assert_eq!((packet.tuple.protocol, packet.tuple.source_port), (protocol::UDP, 0));

        let hidden = udp().raw(DESTINATION_OPTIONS).payload(&[0; 16]).fragment(3, false);
        let packet = parse(&hidden.build()[..]);
        assert_eq!((packet.fault, packet.has_transport), (None, false), "the transport is not known");

        let odd = later.payload(&[0; 15]).fragment(3, true);
        let packet = parse(&odd.build()[..]);
        assert_eq!((packet.fault, packet.has_transport), (Some(Reason::FragmentHeader), true));
    }
}
