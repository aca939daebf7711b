//! What does the UDP-Lite header say? RFC 3828, section 3.1.
//!
//! ```text
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |       checksum coverage       |           checksum            |
//! +-------------------------------+-------------------------------+
//! ```
//!
//! RFC 3828 puts UDP-Lite's own number into the pseudo-header. Conntrack puts UDP's there (measured on kernel
//! 6.18) and calls the checksum of the RFC wrong; a verdict here is the kernel's.

use super::bytes::be16;
use super::payload::Payload;
use super::{Packet, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const COVERAGE: Range<usize> = 4..6;
    pub(super) const CHECKSUM: Range<usize> = 6..8;
}

/// The protocol in the pseudo-header.
const PSEUDO_HEADER: u8 = protocol::UDP;
/// Bytes of the header, which the coverage always includes.
const HEADER: usize = 8;

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = payload.array::<HEADER>(0) else {
        packet.tuple.read_ports(&payload.bytes, payload.offset);
        return Err(Reason::UdpLiteLength);
    };
    packet.tuple.source_port = be16(&header, field::SOURCE_PORT);
    packet.tuple.destination_port = be16(&header, field::DESTINATION_PORT);
    let covered = match usize::from(be16(&header, field::COVERAGE)) {
        0 => payload.length(),
        covered => covered,
    };
    if covered < HEADER || covered > payload.length() {
        return Err(Reason::UdpLiteLength);
    }
    let has_checksum = be16(&header, field::CHECKSUM) != 0;
    if !has_checksum || !payload.checksum_holds(Some(PSEUDO_HEADER), covered) {
        return Err(Reason::UdpLiteChecksum);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::parse;
    use crate::reason::Reason;

    fn read(coverage: u16, change: impl Fn(FrameBuilder) -> FrameBuilder) -> (u16, Option<Reason>) {
        let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).udplite(53, 4242, coverage);
        let packet = parse(&change(frame.payload(&[1, 2, 3, 4, 5])).build()[..]);
        (packet.tuple.destination_port, packet.fault)
    }

    #[test]
    fn what_the_checksum_covers() {
        let last = |frame: FrameBuilder| frame.overwrite(46, &[0xaa]);
        let (length, checksum) = (Some(Reason::UdpLiteLength), Some(Reason::UdpLiteChecksum));
        for (coverage, fault) in [(0, checksum), (8, None), (11, None), (12, None), (13, checksum)] {
            assert_eq!(read(coverage, |frame| frame), (4242, None), "{coverage}");
            assert_eq!(read(coverage, last), (4242, fault), "{coverage}");
        }
        for coverage in [1, 7, 14, 65535] {
            assert_eq!(read(coverage, |frame| frame), (4242, length), "{coverage}");
        }
        assert_eq!(read(0, |frame| frame.overwrite(40, &[0, 0])), (4242, checksum), "one must be there");
    }

    #[test]
    fn the_checksum_of_the_rfc_is_wrong_to_the_kernel() {
        // UDP-Lite's number in place of UDP's: 119 more in the sum
        let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).udplite(53, 4242, 0).build();
        let checksum = u16::from_be_bytes([frame[40], frame[41]]);
        let mut by_the_rfc = frame.clone();
        by_the_rfc[40..42].copy_from_slice(&(checksum - 119).to_be_bytes());
        assert_eq!(parse(&frame[..]).fault, None);
        assert_eq!(parse(&by_the_rfc[..]).fault, Some(Reason::UdpLiteChecksum));
    }

    #[test]
    fn cut_headers() {
        for length in 0..8 {
            let fault = read(0, |frame| frame.raw(136).payload(&vec![0; length])).1;
            assert_eq!(fault, Some(Reason::UdpLiteLength), "{length}");
        }
    }
}
