//! Which call does a GRE packet belong to? RFC 2784, section 2; RFC 2637, section 4.1 (version 1, PPTP).
//!
//! ```text
//! +-+-+-+-+-+-----+-+-------+-----+-------------------------------+
//! |C|R|K|S|s|recur|A| flags | ver |         protocol type         |
//! +-+-+-+-+-+-----+-+-------+-----+-------------------------------+
//! |     payload length (ver 1)    |        call id (ver 1)        |
//! +-------------------------------+-------------------------------+
//! ```
//!
//! Version 0 has no ports, and neither has a header that is cut off: conntrack takes both by their addresses.

use super::bytes::{Bytes, be16};
use super::payload::Payload;
use super::{Packet, Tuple};
use crate::frame::Frame;
use crate::reason::Reason;

mod field {
    use std::ops::Range;

    pub(super) const FLAGS: Range<usize> = 0..2;
    pub(super) const PROTOCOL: Range<usize> = 2..4;
    pub(super) const CALL_ID: Range<usize> = 6..8;
    pub(super) const VERSION: u16 = 7;
}

/// Protocol type of PPP.
const PPP: u16 = 0x880b;

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, tuple: &mut Tuple) -> Result<(), Reason> {
    read(&payload.bytes, payload.offset, tuple).ok_or(Reason::GreProtocol)
}

/// Puts the call id of the header at `offset`, if there is one, into `tuple`; `None` if a header of version 1
/// carries something else than PPP.
pub(super) fn read<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, offset: usize, tuple: &mut Tuple) -> Option<()> {
    if let Some(header) = bytes.array::<8>(offset)
        && be16(&header, field::FLAGS) & field::VERSION == 1
    {
        if be16(&header, field::PROTOCOL) != PPP {
            return None;
        }
        tuple.destination_port = be16(&header, field::CALL_ID);
    }
    Some(())
}

/// Whether the GRE header at `offset` of a packet's frame has a call id: 0 may be one.
pub fn has_call<F: Frame + ?Sized>(frame: &F, packet: &Packet, offset: usize) -> bool {
    let header = packet.bytes_of(frame).array::<8>(offset);
    header.is_some_and(|header| be16(&header, field::FLAGS) & field::VERSION == 1)
}

#[cfg(test)]
mod tests {
    use crate::packet::build::FrameBuilder;
    use crate::packet::{parse, protocol};
    use crate::reason::Reason;

    #[test]
    fn only_version_1_has_a_call_id() {
        for (flags, carried, call, fault) in [
            (0x3001, 0x880b, 0x1234, None),
            (0x3001, 0x0800, 0, Some(Reason::GreProtocol)),
            (0x2000, 0x0800, 0, None),
            (0x2000, 0x880b, 0, None),
            (0x2002, 0x880b, 0, None),
        ] {
            let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).gre(flags, carried);
            let packet = parse(&frame.payload(&[0, 0, 0x12, 0x34]).build()[..]);
            assert_eq!((packet.fault, packet.tuple.protocol), (fault, protocol::GRE), "{flags:x}");
            assert_eq!((packet.tuple.source_port, packet.tuple.destination_port), (0, call), "{flags:x}");
        }
    }

    #[test]
    fn a_cut_header_has_none() {
        for length in 0..8 {
            let frame = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]).raw(protocol::GRE);
            let packet = parse(&frame.payload(&[0x30, 1, 0x88, 0x0b, 0, 0, 1, 1][..length]).build()[..]);
            assert_eq!((packet.fault, packet.tuple.destination_port), (None, 0), "{length}");
        }
    }
}
