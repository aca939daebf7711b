//! What does the Ethernet header say is behind it, and behind which VLAN tags?
//!
//! ```text
//! +------------------+------------------+-----------+
//! | destination  6   | source  6        | type  2   |   IEEE 802.3; a type below 0x600 is a length (LLC)
//! +------------------+------------------+-----------+
//!                      | TPID  2 | TCI  2 | type 2  |   IEEE 802.1Q; once more in front: 802.1ad (QinQ)
//! ```
//!
//! At most two tags are read. A third one is left as it is: the frame is then not IP.

use super::Packet;
use super::bytes::{Bytes, be16};
use crate::frame::Frame;
use crate::reason::Reason;

/// `EtherType` of IPv4.
pub const IPV4: u16 = 0x0800;
/// `EtherType` of ARP.
pub const ARP: u16 = 0x0806;
/// `EtherType` of IPv6.
pub const IPV6: u16 = 0x86dd;
/// Tag protocol of a customer's tag (802.1Q).
pub const CUSTOMER_TAG: u16 = 0x8100;
/// Tag protocol of a provider's tag (802.1ad).
pub const SERVICE_TAG: u16 = 0x88a8;
/// Tag protocol of outer tags before 802.1ad.
pub const OLD_SERVICE_TAG: u16 = 0x9100;

mod field {
    use std::ops::Range;

    pub(super) const TYPE: Range<usize> = 12..14;
    pub(super) const LENGTH: usize = 14;

    pub(super) const TAG_CONTROL: Range<usize> = 0..2;
    pub(super) const TAG_TYPE: Range<usize> = 2..4;
    pub(super) const TAG_LENGTH: usize = 4;
}

/// Reads the header and the tags: everything of `packet` up to the network offset.
#[inline]
pub(super) fn parse<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let header: [u8; field::LENGTH] = bytes.array(0).ok_or(Reason::EthernetTruncated)?;
    packet.ethertype = be16(&header, field::TYPE);
    let mut offset = field::LENGTH;
    while is_tag(packet.ethertype) && usize::from(packet.vlan_tags) < packet.vlan.len() {
        let tag: [u8; field::TAG_LENGTH] = bytes.array(offset).ok_or(Reason::EthernetTruncated)?;
        packet.vlan[usize::from(packet.vlan_tags)] = be16(&tag, field::TAG_CONTROL);
        packet.vlan_tags += 1;
        packet.ethertype = be16(&tag, field::TAG_TYPE);
        offset += field::TAG_LENGTH;
    }
    packet.network_offset = offset as u16;
    packet.network_length = (bytes.end() - offset) as u32;
    Ok(())
}

const fn is_tag(ethertype: u16) -> bool {
    matches!(ethertype, CUSTOMER_TAG | SERVICE_TAG | OLD_SERVICE_TAG)
}

#[cfg(test)]
mod tests {
    use super::{ARP, CUSTOMER_TAG, IPV4, OLD_SERVICE_TAG, SERVICE_TAG};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Network, Packet, parse};
    use crate::reason::Reason;

    #[test]
    fn frames_that_are_not_ip_have_no_fault() {
        let lldp = FrameBuilder::new().ethertype(0x88cc).payload(&[2, 7, 4, 0, 1, 2, 3, 4, 5]).build();
        let llc = FrameBuilder::new().ethertype(38).payload(&[0x42, 0x42, 3, 0, 0, 0]).build();
        let arp = FrameBuilder::new().ethertype(ARP).payload(&[0, 1, 8, 0, 6, 4, 0, 1]).build();
        for (frame, ethertype) in [(lldp, 0x88cc), (llc, 38), (arp, ARP)] {
            let expected = Packet {
                frame_length: frame.len() as u32,
                ethertype,
                network_offset: 14,
                network_length: frame.len() as u32 - 14,
                ..Packet::default()
            };
            assert_eq!(parse(&frame[..]), expected);
            assert_eq!(expected.tuple.network, Network::Other);
        }
    }

    #[test]
    fn tags_are_read_outer_first() {
        for outer in [CUSTOMER_TAG, SERVICE_TAG, OLD_SERVICE_TAG] {
            let frame = FrameBuilder::new()
                .vlan(outer, 0x2001)
                .vlan(CUSTOMER_TAG, 0xe064)
                .ip([10, 0, 0, 1], [10, 0, 0, 2])
                .udp(1, 2)
                .build();
            let packet = parse(&frame[..]);
            assert_eq!((packet.vlan_tags, packet.vlan), (2, [0x2001, 0xe064]));
            assert_eq!((packet.ethertype, packet.network_offset), (IPV4, 22));
            assert_eq!((packet.fault, packet.tuple.destination_port), (None, 2));
        }
    }

    #[test]
    fn a_third_tag_is_not_read() {
        let ip = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2);
        let packet = parse(&ip.vlan(SERVICE_TAG, 1).vlan(CUSTOMER_TAG, 2).vlan(CUSTOMER_TAG, 3).build()[..]);
        assert_eq!((packet.vlan_tags, packet.ethertype, packet.fault), (2, CUSTOMER_TAG, None));
        assert_eq!(packet.tuple.network, Network::Other);
    }

    #[test]
    fn cut_headers() {
        let frame = FrameBuilder::new().vlan(SERVICE_TAG, 1).vlan(CUSTOMER_TAG, 2).ethertype(ARP).build();
        assert_eq!(frame.len(), 22);
        for length in 0..22 {
            assert_eq!(parse(&frame[..length]).fault, Some(Reason::EthernetTruncated), "{length}");
        }
        assert_eq!(parse(&frame[..]).fault, None);
    }
}
