//! What does the UDP header say? RFC 768.
//!
//! ```text
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |            length             |           checksum            |
//! +-------------------------------+-------------------------------+
//! ```
//!
//! A checksum of zero is none. RFC 8200 wants one over IPv6; conntrack does not ask for it.

use super::bytes::be16;
use super::payload::Payload;
use super::{Packet, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const LENGTH: Range<usize> = 4..6;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
}

/// Bytes of the header.
const HEADER: usize = 8;

#[inline]
pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = payload.array::<HEADER>(0) else {
        packet.tuple.read_ports(&payload.bytes, payload.offset);
        return Err(Reason::UdpTruncated);
    };
    packet.tuple.source_port = be16(&header, field::SOURCE_PORT);
    packet.tuple.destination_port = be16(&header, field::DESTINATION_PORT);
    let length = usize::from(be16(&header, field::LENGTH));
    if length < HEADER || length > payload.length() {
        return Err(Reason::UdpLength);
    }
    let has_checksum = be16(&header, field::CHECKSUM) != 0;
    if has_checksum && !payload.checksum_holds(Some(protocol::UDP), payload.length()) {
        return Err(Reason::UdpChecksum);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{Packet, parse};
    use crate::reason::Reason;

    fn datagrams() -> [FrameBuilder; 2] {
        let v4 = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]);
        let v6 = FrameBuilder::new().ip([0xfd00, 0, 0, 0, 0, 0, 0, 1], [0xfd00, 0, 0, 0, 0, 0, 0, 2]);
        [v4, v6].map(|ip| ip.udp(53, 4242).payload(&[1, 2, 3]))
    }

    #[test]
    fn ports_lengths_and_checksums() {
        for frame in datagrams() {
            let read = |frame: FrameBuilder| parse(&frame.build()[..]);
            let Packet { fault, tuple, .. } = read(frame.clone());
            assert_eq!((fault, tuple.source_port, tuple.destination_port), (None, 53, 4242));
            let at = frame.build().len() - 5;
            assert_eq!(read(frame.clone().overwrite(at, &[0, 0])).fault, None, "no checksum");
            let other = read(frame.clone().overwrite(at, &[0x12, 0x34]));
            assert_eq!(other.fault, Some(Reason::UdpChecksum));
            for (length, fault) in [(7, Some(Reason::UdpLength)), (8, None), (12, Some(Reason::UdpLength))] {
                let lying = frame.clone().transport_bytes(4, &[0, length]);
                assert_eq!(read(lying).fault, fault, "{length}");
            }
            for length in 0..8 {
                let cut = read(frame.clone().raw(17).payload(&vec![0; length]));
                assert_eq!(cut.fault, Some(Reason::UdpTruncated), "{length}");
            }
        }
    }

    #[test]
    fn a_first_fragment_may_be_shorter_than_its_length() {
        let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).udp(1, 2).payload(&[0; 8]);
        let long = frame.transport_bytes(4, &[5, 0]).fragment(0, true);
        assert_eq!(parse(&long.build()[..]).fault, None);
    }
}
