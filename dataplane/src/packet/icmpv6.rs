//! What does the ICMPv6 header say? RFC 4443, section 2.1.
//!
//! ```text
//! +---------------+---------------+-------------------------------+
//! |     type      |     code      |           checksum            |
//! +---------------+---------------+-------------------------------+
//! |    identifier (queries)       |   sequence number (queries)   |
//! +-------------------------------+-------------------------------+
//! |  an error quotes the packet it is about from its IP header on |
//! +---------------------------------------------------------------+
//! ```

use super::bytes::Bytes;
use super::icmp::{self, HEADER};
use super::payload::Payload;
use super::{Packet, Tuple, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

/// Whether a message of this type quotes another packet: all of the lower half do (RFC 4443, section 2.1).
pub(super) const fn is_error(icmp_type: u8) -> bool {
    icmp_type < 128
}

/// Whether a message of this type asks or answers, and so has an identifier: echo, node information (RFC 4620).
const fn is_query(icmp_type: u8) -> bool {
    matches!(icmp_type, 128 | 129 | 139 | 140)
}

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let header: [u8; HEADER] = payload.array(0).ok_or(Reason::Icmpv6Truncated)?;
    icmp::read(&header, is_query, &mut packet.tuple);
    if !payload.checksum_holds(Some(protocol::ICMPV6), payload.length()) {
        return Err(Reason::Icmpv6Checksum);
    }
    Ok(())
}

/// Puts a quoted query or answer into `tuple`; `None` if it is neither.
pub(super) fn quoted(header: &[u8; HEADER], tuple: &mut Tuple) -> Option<()> {
    icmp::read(header, is_query, tuple);
    is_query(tuple.icmp_type).then_some(())
}

/// Where the packet begins that a redirect (RFC 4861, section 4.5) is about: in its first option, if that is of this kind.
/// The redirect must come from a router on the link, by its address there and a hop limit that no router has lowered.
pub(super) fn redirected<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, packet: &Packet) -> Option<usize> {
    let [hops] = bytes.array(usize::from(packet.network_offset) + HOP_LIMIT)?;
    let is_from_link = hops == 255 && packet.tuple.source >> 118 == LINK_LOCAL;
    let option = usize::from(packet.transport_offset) + REDIRECT_HEADER;
    let [kind, units] = bytes.array(option)?;
    let is_quote = packet.tuple.icmp_code == 0 && kind == REDIRECTED_HEADER && units != 0;
    (is_from_link && is_quote).then_some(option + 8)
}

/// The message that says who is nearer.
pub(super) const REDIRECT: u8 = 137;

/// Its length: reserved bytes and two addresses behind type, code and checksum.
const REDIRECT_HEADER: usize = 40;

/// The option that quotes.
const REDIRECTED_HEADER: u8 = 4;

/// Offset in the IPv6 header.
const HOP_LIMIT: usize = 7;

/// fe80::/10
const LINK_LOCAL: u128 = 0x3fa;

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{parse, protocol};
    use crate::reason::Reason;

    fn message() -> FrameBuilder {
        FrameBuilder::new().ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2])
    }

    #[test]
    fn only_queries_have_an_identifier() {
        for icmp_type in 0..=255 {
            let packet = parse(&message().icmp(icmp_type, 5, [0x12, 0x34, 0, 1]).build()[..]);
            let query = [128, 129, 139, 140].contains(&icmp_type);
            assert_eq!((packet.tuple.icmp_type, packet.tuple.icmp_code), (icmp_type, 5));
            assert_eq!(packet.tuple.source_port, if query { 0x1234 } else { 0 });
            assert_eq!(packet.fault, None);
            assert_eq!(packet.is_icmp_error(), icmp_type < 128, "{icmp_type}");
        }
    }

    #[test]
    fn bad_messages() {
        let echo = message().icmp_query(128, 1, 1).overwrite(56, &[0, 0]);
        assert_eq!(parse(&echo.build()[..]).fault, Some(Reason::Icmpv6Checksum));
        for length in 0..8 {
            let packet = parse(&message().raw(protocol::ICMPV6).payload(&vec![3; length]).build()[..]);
            assert_eq!(packet.fault, Some(Reason::Icmpv6Truncated), "{length}");
            assert!(!packet.is_icmp_error(), "its type was not read");
        }
        // a first fragment of odd length is all there is; one whose extension headers leave no room has no type
        let odd = message().raw(protocol::ICMPV6).payload(&[3; 15]).fragment(0, true);
        let packet = parse(&odd.build()[..]);
        assert_eq!((packet.fault, packet.tuple.icmp_type), (Some(Reason::Icmpv6Checksum), 3));
        let tiny = message().raw(60).payload(&[58, 0, 1, 4, 0, 0, 0, 0]).fragment(0, true);
        let packet = parse(&tiny.build()[..]);
        assert!(packet.has_transport && packet.tuple.protocol == protocol::ICMPV6);
        assert!(!packet.is_icmp_error(), "nor was its");
    }

    #[test]
    fn the_other_family_s_icmp_is_none() {
        let v6 = parse(&message().raw(protocol::ICMP).payload(&[3, 0, 0xfc, 0xff, 0, 0, 0, 0]).build()[..]);
        let v4 = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).raw(protocol::ICMPV6);
        let v4 = parse(&v4.payload(&[1, 0, 0xfe, 0xff, 0, 0, 0, 0]).build()[..]);
        for packet in [v4, v6] {
            assert_eq!((packet.fault, packet.tuple.icmp_type), (Some(Reason::IcmpType), 0));
            assert!(packet.has_transport && !packet.is_icmp_error());
        }
    }
}
