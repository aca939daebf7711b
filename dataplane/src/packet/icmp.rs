//! What does the ICMP header say? RFC 792.
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

use super::bytes::be16;
use super::payload::Payload;
use super::{Packet, Tuple};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const IDENTIFIER: Range<usize> = 4..6;
}

/// Bytes of the header; those of ICMPv6 too.
pub(super) const HEADER: usize = 8;
/// The highest type conntrack accepts: address mask reply.
const HIGHEST_TYPE: u8 = 18;

/// Whether a message of this type quotes another packet: unreachable, quench, redirect, time exceeded,
/// parameter problem.
pub(super) const fn is_error(icmp_type: u8) -> bool {
    matches!(icmp_type, 3 | 4 | 5 | 11 | 12)
}

/// Whether a message of this type asks or answers, and so has an identifier: echo, timestamp, information,
/// address mask (RFC 950).
const fn is_query(icmp_type: u8) -> bool {
    matches!(icmp_type, 0 | 8 | 13..=18)
}

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let header: [u8; HEADER] = payload.array(0).ok_or(Reason::IcmpTruncated)?;
    read(&header, is_query, &mut packet.tuple);
    if !payload.checksum_holds(None, payload.length()) {
        return Err(Reason::IcmpChecksum);
    }
    if packet.tuple.icmp_type > HIGHEST_TYPE {
        return Err(Reason::IcmpType);
    }
    Ok(())
}

/// Puts a quoted query or answer into `tuple`; `None` if it is neither.
pub(super) fn quoted(header: &[u8; HEADER], tuple: &mut Tuple) -> Option<()> {
    read(header, is_query, tuple);
    is_query(tuple.icmp_type).then_some(())
}

/// Puts type, code and, where `has_identifier` says so of the type, identifier into `tuple`.
pub(super) fn read(header: &[u8; HEADER], has_identifier: fn(u8) -> bool, tuple: &mut Tuple) {
    tuple.icmp_type = header[field::TYPE];
    tuple.icmp_code = header[field::CODE];
    if has_identifier(tuple.icmp_type) {
        tuple.source_port = be16(header, field::IDENTIFIER);
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Packet, parse, protocol};
    use crate::reason::Reason;

    fn message() -> FrameBuilder {
        FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2])
    }

    #[test]
    fn only_queries_have_an_identifier() {
        for icmp_type in 0..=255 {
            let frame = message().icmp(icmp_type, 5, [0x12, 0x34, 0, 1]).build();
            let packet = parse(&frame[..]);
            let Packet { tuple, fault, .. } = packet;
            let query = [0, 8, 13, 14, 15, 16, 17, 18].contains(&icmp_type);
            assert_eq!((tuple.icmp_type, tuple.icmp_code), (icmp_type, 5));
            assert_eq!((tuple.source_port, tuple.destination_port), (if query { 0x1234 } else { 0 }, 0));
            assert_eq!(fault, (icmp_type > 18).then_some(Reason::IcmpType), "{icmp_type}");
            assert_eq!(packet.is_icmp_error(), [3, 4, 5, 11, 12].contains(&icmp_type), "{icmp_type}");
        }
    }

    #[test]
    fn bad_messages() {
        let fault = |frame: FrameBuilder| parse(&frame.build()[..]).fault;
        assert_eq!(fault(message().icmp_query(8, 1, 1).overwrite(36, &[0, 0])), Some(Reason::IcmpChecksum));
        let zeros = message().raw(protocol::ICMP).payload(&[0; 8]);
        assert_eq!(fault(zeros), Some(Reason::IcmpChecksum), "the sum of nothing is no checksum");
        for length in 0..8 {
            let cut = message().raw(protocol::ICMP).payload(&vec![3; length]);
            assert_eq!(fault(cut), Some(Reason::IcmpTruncated), "{length}");
        }
    }
}
