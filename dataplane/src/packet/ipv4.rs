//! What does the IPv4 header say? RFC 791, section 3.1.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+---------------+-------------------------------+
//! |version|  IHL  |type of service|         total length          |
//! +-------+-------+---------------+-----+-------------------------+
//! |        identification         |flags|     fragment offset     |
//! +---------------+---------------+-----+-------------------------+
//! | time to live  |   protocol    |        header checksum        |
//! +---------------+---------------+-------------------------------+
//! |                        source address                         |
//! +---------------------------------------------------------------+
//! |                      destination address                      |
//! +---------------------------------------------------------------+
//! |               options, a multiple of 32 bits                  |
//! +---------------------------------------------------------------+
//! ```

use super::bytes::{Bytes, be16, be32};
use super::checksum::Sum;
use super::payload::Payload;
use super::{Fragment, Network, Packet, Tuple};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const TOTAL_LENGTH: Range<usize> = 2..4;
    pub(super) const FRAGMENT: Range<usize> = 6..8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const SOURCE: Range<usize> = 12..16;
    pub(super) const DESTINATION: Range<usize> = 16..20;
    pub(super) const MORE_FRAGMENTS: u16 = 0x2000;
    pub(super) const FRAGMENT_OFFSET: u16 = 0x1fff;
}

/// Bytes of a header without options.
const FIXED: usize = 20;

/// The part of the header that is always there.
struct Header([u8; FIXED]);

impl Header {
    const fn version(&self) -> u8 {
        self.0[0] >> 4
    }

    /// In bytes.
    const fn header_length(&self) -> usize {
        (self.0[0] & 0x0f) as usize * 4
    }

    /// In bytes, the header included.
    fn total_length(&self) -> usize {
        usize::from(be16(&self.0, field::TOTAL_LENGTH))
    }

    fn fragment(&self) -> Fragment {
        let bits = be16(&self.0, field::FRAGMENT);
        match (bits & field::FRAGMENT_OFFSET, bits & field::MORE_FRAGMENTS) {
            (0, 0) => Fragment::Whole,
            (0, _) => Fragment::First,
            _ => Fragment::Later,
        }
    }

    /// The sum of the fixed part, checksum included.
    #[inline]
    fn sum(&self) -> Sum {
        Sum::of(&self.0)
    }

    /// The sum of both addresses.
    #[inline]
    fn addresses(&self) -> Sum {
        Sum::of(&self.0[field::SOURCE.start..field::DESTINATION.end])
    }

    fn tuple(&self) -> Tuple {
        Tuple {
            network: Network::Ipv4,
            protocol: self.0[field::PROTOCOL],
            source: u128::from(be32(&self.0, field::SOURCE)),
            destination: u128::from(be32(&self.0, field::DESTINATION)),
            ..Tuple::default()
        }
    }
}

/// Reads the header at the network offset: what is in front of the transport header, and where that is.
#[inline]
pub(super) fn parse<'f, F: Frame + ?Sized>(
    bytes: &Bytes<'f, F>,
    packet: &mut Packet,
) -> Result<Payload<'f, F>, Reason> {
    let start = usize::from(packet.network_offset);
    packet.tuple.network = Network::Ipv4;
    let header = Header(bytes.array(start).ok_or(Reason::Ipv4HeaderTruncated)?);
    if header.version() != 4 {
        return Err(Reason::Ipv4Version);
    }
    let header_length = header.header_length();
    if header_length < FIXED {
        return Err(Reason::Ipv4HeaderLength);
    }
    let offset = start + header_length;
    if offset > bytes.end() {
        return Err(Reason::Ipv4HeaderTruncated);
    }
    if !header.sum().and(bytes.sum(start + FIXED..offset)).holds() {
        return Err(Reason::Ipv4Checksum);
    }
    let total_length = header.total_length();
    if start + total_length > bytes.end() {
        return Err(Reason::Ipv4Truncated);
    }
    if total_length < header_length {
        return Err(Reason::Ipv4TotalLength);
    }
    packet.network_length = total_length as u32;
    packet.tuple = header.tuple();
    packet.fragment = header.fragment();
    packet.transport_offset = offset as u16;
    packet.has_transport = true;
    Ok(Payload {
        bytes: bytes.until(start + total_length),
        offset,
        addresses: header.addresses(),
        is_whole: packet.fragment.is_whole(),
    })
}

/// Reads the header at `start` of a packet that an ICMP error quotes: who talks to whom, but for the ports, and
/// where the transport header would be. `None` if it is cut off, or a later fragment's. A length of the header that is too
/// short is taken at its word, as in the kernel.
pub(super) fn quoted<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, start: usize) -> Option<(Tuple, usize)> {
    let header = Header(bytes.array(start)?);
    let offset = start + header.header_length();
    let is_sound = offset <= bytes.end() && header.fragment() != Fragment::Later;
    is_sound.then(|| (header.tuple(), offset))
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Fragment, Network, Packet, Tuple, flag, parse, protocol};
    use crate::reason::Reason;

    fn udp() -> FrameBuilder {
        FrameBuilder::new().ip([10, 0, 0, 1], [192, 168, 255, 254]).udp(53, 4242).payload(&[1, 2, 3])
    }

    fn fault(frame: &FrameBuilder) -> Option<Reason> {
        parse(&frame.build()[..]).fault
    }

    #[test]
    fn a_packet_byte_by_byte() {
        // An echo request from 192.168.0.2 to 192.168.0.1 with eight bytes of data, two of padding.
        let frame = [
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0x08,
            0x00, // Ethernet
            0x45, 0x00, 0x00, 0x24, 0x1c, 0x46, 0x40, 0x00, 0x40, 0x01, 0x9d, 0x3f, // IPv4
            0xc0, 0xa8, 0x00, 0x02, 0xc0, 0xa8, 0x00, 0x01, //
            0x08, 0x00, 0xe7, 0xe3, 0x00, 0x07, 0x00, 0x01, // ICMP
            0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x00, 0x00,
        ];
        let expected = Packet {
            frame_length: 52,
            ethertype: 0x0800,
            network_offset: 14,
            transport_offset: 34,
            has_transport: true,
            network_length: 36,
            tuple: Tuple {
                network: Network::Ipv4,
                protocol: protocol::ICMP,
                icmp_type: 8,
                source: 0xc0a8_0002,
                destination: 0xc0a8_0001,
                source_port: 7,
                ..Tuple::default()
            },
            ..Packet::default()
        };
        assert_eq!(parse(&frame[..]), expected);
    }

    #[test]
    fn options_move_the_transport_header() {
        for length in [4, 8, 40] {
            let packet = parse(&udp().ipv4_options(&vec![1; length]).build()[..]);
            assert_eq!((packet.fault, packet.transport_offset), (None, 34 + length as u16));
            assert_eq!((packet.tuple.source_port, packet.tuple.destination_port), (53, 4242));
        }
    }

    #[test]
    fn headers_the_kernel_drops() {
        assert_eq!(fault(&udp().network_bytes(0, &[0x55])), Some(Reason::Ipv4Version));
        assert_eq!(fault(&udp().network_bytes(0, &[0x44])), Some(Reason::Ipv4HeaderLength));
        assert_eq!(fault(&udp().network_bytes(0, &[0x4f])), Some(Reason::Ipv4HeaderTruncated));
        assert_eq!(fault(&udp().network_bytes(2, &[0, 32])), Some(Reason::Ipv4Truncated));
        assert_eq!(fault(&udp().network_bytes(2, &[0, 19])), Some(Reason::Ipv4TotalLength));
        assert_eq!(fault(&udp().overwrite(24, &[0, 0])), Some(Reason::Ipv4Checksum));
        let frame = udp().build();
        for length in 14..34 {
            assert_eq!(parse(&frame[..length]).fault, Some(Reason::Ipv4HeaderTruncated), "{length}");
        }
        for length in 34..frame.len() {
            assert_eq!(parse(&frame[..length]).fault, Some(Reason::Ipv4Truncated), "{length}");
        }
    }

    #[test]
    fn padding_is_not_part_of_the_packet() {
        let packet = parse(&udp().padding(15).build()[..]);
        assert_eq!((packet.fault, packet.frame_length, packet.network_length), (None, 60, 31));
    }

    #[test]
    fn fragments() {
        let first = udp().fragment(0, true);
        let packet = parse(&first.overwrite(40, &[0xff, 0xff]).build()[..]);
        assert_eq!((packet.fault, packet.fragment), (None, Fragment::First), "no checksum to check");
        assert_eq!(packet.tuple.destination_port, 4242);

        let tcp = FrameBuilder::new().ip([1, 2, 3, 4], [5, 6, 7, 8]).tcp(1, 2, flag::SYN);
        let packet = parse(&tcp.clone().fragment(0, true).overwrite(50, &[9, 9]).build()[..]);
        assert_eq!((packet.fault, packet.tcp.flags), (None, flag::SYN));

        let tiny = tcp.clone().tcp_options(&[3, 3, 7]).fragment(0, true).network_bytes(2, &[0, 40]);
        let packet = parse(&tiny.build()[..]);
        assert_eq!((packet.fault, packet.tcp.flags), (None, flag::SYN), "the options are in the next one");

        for more in [false, true] {
            let later = udp().raw(protocol::UDP).payload(&[0; 16]).fragment(2, more);
            let packet = parse(&later.build()[..]);
            assert_eq!((packet.fault, packet.fragment), (None, Fragment::Later));
            assert_eq!((packet.has_transport, packet.tuple.protocol), (true, protocol::UDP));
            assert_eq!((packet.tuple.source_port, packet.tuple.destination_port), (0, 0));
        }
    }
}
