//! What does the IPv6 header say? RFC 8200, section 3.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+---------------+---------------------------------------+
//! |version| traffic class |              flow label               |
//! +-------+---------------+-------+---------------+---------------+
//! |        payload length         |  next header  |   hop limit   |
//! +-------------------------------+---------------+---------------+
//! |                  source address, 128 bits                     |
//! +---------------------------------------------------------------+
//! |               destination address, 128 bits                   |
//! +---------------------------------------------------------------+
//! ```

use super::bytes::{Bytes, be16, be128};
use super::checksum::Sum;
use super::extension::{self, Chain, FragmentHeader};
use super::payload::Payload;
use super::{Fragment, Network, Packet, Tuple, hop_by_hop, piece};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const PAYLOAD_LENGTH: Range<usize> = 4..6;
    pub(super) const NEXT_HEADER: usize = 6;
    pub(super) const SOURCE: Range<usize> = 8..24;
    pub(super) const DESTINATION: Range<usize> = 24..40;
}

/// Bytes of the header.
const LENGTH: usize = 40;

struct Header([u8; LENGTH]);

impl Header {
    const fn version(&self) -> u8 {
        self.0[0] >> 4
    }

    /// In bytes, the header not included.
    fn payload_length(&self) -> usize {
        usize::from(be16(&self.0, field::PAYLOAD_LENGTH))
    }

    const fn next_header(&self) -> u8 {
        self.0[field::NEXT_HEADER]
    }

    /// The sum of both addresses.
    #[inline]
    fn addresses(&self) -> Sum {
        Sum::of(&self.0[field::SOURCE.start..field::DESTINATION.end])
    }

    fn tuple(&self, protocol: u8) -> Tuple {
        Tuple {
            network: Network::Ipv6,
            protocol,
            source: be128(&self.0, field::SOURCE),
            destination: be128(&self.0, field::DESTINATION),
            ..Tuple::default()
        }
    }
}

/// Reads the header at the network offset and the extension headers: what is in front of the transport
/// header, and where that is.
#[inline]
pub(super) fn parse<'f, F: Frame + ?Sized>(
    bytes: &Bytes<'f, F>,
    packet: &mut Packet,
) -> Result<Payload<'f, F>, Reason> {
    let start = usize::from(packet.network_offset);
    packet.tuple.network = Network::Ipv6;
    let header = Header(bytes.array(start).ok_or(Reason::Ipv6HeaderTruncated)?);
    if header.version() != 6 {
        return Err(Reason::Ipv6Version);
    }
    let first = start + LENGTH;
    let starts_with_options = header.next_header() == extension::HOP_BY_HOP;
    // A payload length of zero in front of hop-by-hop options is a jumbogram's (RFC 2675). The kernel then
    // takes what the frame holds; the option itself, which only packets above 64 KiB may have, is refused.
    let end = match header.payload_length() {
        0 if starts_with_options => bytes.end(),
        length => first + length,
    };
    if end > bytes.end() {
        return Err(Reason::Ipv6Truncated);
    }
    let bytes = bytes.until(end);
    packet.network_length = (end - start) as u32;
    packet.tuple = header.tuple(header.next_header());
    if starts_with_options && !hop_by_hop::is_sound(&bytes, first) {
        return Err(Reason::Ipv6HopByHop);
    }
    let Chain { protocol, offset, fragment, is_broken } =
        extension::walk(&bytes, header.next_header(), first);
    packet.fragment = fragment.map_or(Fragment::Whole, FragmentHeader::kind);
    if is_broken {
        return Err(Reason::Ipv6Extension);
    }
    packet.tuple.protocol = protocol;
    packet.transport_offset = offset as u16;
    packet.has_transport = !extension::is_extension(protocol);
    let mut is_whole = packet.fragment.is_whole();
    if let Some(fragment) = fragment
        && !is_whole
    {
        let is_sound = fragment.is_sound(end - fragment.payload);
        if !is_sound && packet.fragment == Fragment::Later {
            return Err(Reason::FragmentHeader);
        }
        // such a first fragment is never put together with others: it is judged as all there is
        is_whole = packet.fragment == Fragment::First
            && (!is_sound || offset + piece::least_transport(protocol) > end);
    }
    if protocol == extension::NO_NEXT_HEADER {
        return Err(Reason::Ipv6NoNextHeader);
    }
    Ok(Payload { offset, addresses: header.addresses(), is_whole, bytes })
}

/// Reads the headers at `start` of a packet that an ICMPv6 error quotes: who talks to whom, but for the ports,
/// and where the transport header would be. `None` if they are cut off, malformed, or a later fragment's.
pub(super) fn quoted<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, start: usize) -> Option<(Tuple, usize)> {
    let header = Header(bytes.array(start)?);
    let chain = extension::walk(bytes, header.next_header(), start + LENGTH);
    let is_sound = !chain.is_broken
        && chain.protocol != extension::NO_NEXT_HEADER
        && chain.fragment.is_none_or(|fragment| fragment.kind() != Fragment::Later);
    is_sound.then(|| (header.tuple(chain.protocol), chain.offset))
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Network, Packet, Tuple, parse, protocol};
    use crate::reason::Reason;

    const SOURCE: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];
    const DESTINATION: [u16; 8] = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 2];

    fn udp() -> FrameBuilder {
        FrameBuilder::new().ip(SOURCE, DESTINATION).udp(53, 4242).payload(&[1, 2, 3])
    }

    #[test]
    fn a_plain_packet() {
        let expected = Packet {
            frame_length: 67,
            ethertype: 0x86dd,
            network_offset: 14,
            transport_offset: 54,
            has_transport: true,
            network_length: 51,
            tuple: Tuple {
                network: Network::Ipv6,
                protocol: protocol::UDP,
                source: 0x2001_0db8_0000_0000_0000_0000_0000_0001,
                destination: 0x2001_0db8_0000_0000_0000_0000_0000_0002,
                source_port: 53,
                destination_port: 4242,
                ..Tuple::default()
            },
            ..Packet::default()
        };
        assert_eq!(parse(&udp().padding(2).build()[..]), expected);
    }

    #[test]
    fn headers_the_kernel_drops() {
        let fault = |frame: FrameBuilder| parse(&frame.build()[..]).fault;
        assert_eq!(fault(udp().network_bytes(0, &[0x40])), Some(Reason::Ipv6Version));
        assert_eq!(fault(udp().network_bytes(4, &[0, 12])), Some(Reason::Ipv6Truncated));
        assert_eq!(fault(udp().network_bytes(4, &[0, 0])), Some(Reason::UdpTruncated), "no jumbogram");
        let frame = udp().build();
        for length in 14..54 {
            assert_eq!(parse(&frame[..length]).fault, Some(Reason::Ipv6HeaderTruncated), "{length}");
        }
        for length in 54..frame.len() {
            assert_eq!(parse(&frame[..length]).fault, Some(Reason::Ipv6Truncated), "{length}");
        }
    }

    #[test]
    fn payload_length_zero_with_hop_by_hop_options_is_the_frame() {
        let frame = udp().extension(0, &[0, 0, 1, 4, 0, 0, 0, 0]).network_bytes(4, &[0, 0]).build();
        let packet = parse(&frame[..]);
        assert_eq!((packet.fault, packet.network_length), (None, 59));
        assert_eq!(packet.tuple.destination_port, 4242);
    }

    #[test]
    fn no_next_header() {
        let packet = parse(&udp().raw(59).payload(&[]).build()[..]);
        assert_eq!(packet.fault, Some(Reason::Ipv6NoNextHeader));
        assert_eq!((packet.has_transport, packet.tuple.protocol), (true, 59));
        assert!(!Reason::Ipv6NoNextHeader.is_before_rules());
    }
}
