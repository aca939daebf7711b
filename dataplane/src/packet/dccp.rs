//! What does the DCCP header say? RFC 4340, section 5.1.
//!
//! ```text
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +---------------+-------+-------+-------------------------------+
//! |  data offset  | CCVal | CsCov |           checksum            |
//! +-----+-------+-+-------+-------+-------------------------------+
//! | res | type  |X|   reserved    |  sequence number (high bits)  |   X = 0: 24 bits in place of reserved
//! +-----+-------+-+---------------+-------------------------------+          and high bits, no low bits
//! |                  sequence number (low bits)                   |
//! +---------------------------------------------------------------+
//! |  acknowledgement, service code, ... by type; options          |
//! +---------------------------------------------------------------+
//! ```

use super::bytes::be16;
use super::payload::Payload;
use super::{Packet, protocol};
use crate::frame::Frame;
use crate::reason::Reason;

/// Packet types (RFC 4340, section 5.1).
pub mod kind {
    /// Starts a connection.
    pub const REQUEST: u8 = 0;
    /// Answers a request.
    pub const RESPONSE: u8 = 1;
    /// Data.
    pub const DATA: u8 = 2;
    /// Acknowledgement.
    pub const ACK: u8 = 3;
    /// Both.
    pub const DATA_ACK: u8 = 4;
    /// The server asks the client to close.
    pub const CLOSE_REQUEST: u8 = 5;
    /// Closes.
    pub const CLOSE: u8 = 6;
    /// Ends the connection.
    pub const RESET: u8 = 7;
    /// Re-synchronises sequence numbers.
    pub const SYNC: u8 = 8;
    /// Answers it.
    pub const SYNC_ACK: u8 = 9;
}

mod field {
    use std::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const DATA_OFFSET: usize = 4;
    pub(super) const COVERAGE: usize = 5;
    pub(super) const TYPE: usize = 8;
}

/// Bytes of the generic header with short sequence numbers.
const SHORT: usize = 12;
/// Bytes of the generic header with long ones.
const LONG: usize = 16;

/// What the tracker needs of a DCCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dccp {
    /// Packet type; see [`kind`].
    pub kind: u8,
    /// Sequence number: 48 bits, or 24 where the header is short.
    pub sequence: u64,
    /// Acknowledgement number, if the type has one and it is there; as wide as the sequence number.
    pub acknowledgement: Option<u64>,
}

/// Reads the header of a DCCP packet that [`parse`](super::parse) found no fault in.
#[must_use]
pub fn read<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Option<Dccp> {
    let bytes = packet.bytes_of(frame);
    let start = usize::from(packet.transport_offset);
    let header: [u8; SHORT] = bytes.array(start)?;
    let kind = kind_of(&header);
    let has_acknowledgement = !matches!(kind, kind::REQUEST | kind::DATA);
    let (sequence, acknowledgement) = if is_long(&header) {
        let header: [u8; LONG] = bytes.array(start)?;
        let acknowledgement = bytes.array::<8>(start + LONG).map(|word| low_48(&word));
        (low_48(&header[8..]), acknowledgement)
    } else {
        let acknowledgement = bytes.array::<4>(start + SHORT).map(|word| low_24(&word));
        (low_24(&header[8..]), acknowledgement)
    };
    let acknowledgement = acknowledgement.filter(|_| has_acknowledgement);
    Some(Dccp { kind, sequence, acknowledgement })
}

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = payload.array::<SHORT>(0) else {
        packet.tuple.read_ports(&payload.bytes, payload.offset);
        return Err(Reason::DccpHeader);
    };
    packet.tuple.source_port = be16(&header, field::SOURCE_PORT);
    packet.tuple.destination_port = be16(&header, field::DESTINATION_PORT);
    let length = payload.length();
    let data_offset = usize::from(header[field::DATA_OFFSET]) * 4;
    let least = if is_long(&header) { LONG } else { SHORT };
    if data_offset < least || data_offset > length || kind_of(&header) > kind::SYNC_ACK {
        return Err(Reason::DccpHeader);
    }
    // RFC 4340, section 9.2: zero covers all, n the header, options and n - 1 words of data.
    let covered = match usize::from(header[field::COVERAGE] & 0x0f) {
        0 => length,
        coverage => data_offset + (coverage - 1) * 4,
    };
    if covered > length {
        return Err(Reason::DccpHeader);
    }
    if !payload.checksum_holds(Some(protocol::DCCP), covered) {
        return Err(Reason::DccpChecksum);
    }
    Ok(())
}

const fn kind_of(header: &[u8; SHORT]) -> u8 {
    header[field::TYPE] >> 1 & 0x0f
}

const fn is_long(header: &[u8; SHORT]) -> bool {
    header[field::TYPE] & 1 == 1
}

/// The low 48 bits of the first eight bytes.
fn low_48(bytes: &[u8]) -> u64 {
    number(bytes, 2, 8)
}

/// The low 24 bits of the first four bytes.
fn low_24(bytes: &[u8]) -> u64 {
    number(bytes, 1, 4)
}

fn number(bytes: &[u8], from: usize, to: usize) -> u64 {
    bytes.iter().take(to).skip(from).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{Dccp, kind, read};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{parse, protocol};
    use crate::reason::Reason;

    fn ip() -> FrameBuilder {
        FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2])
    }

    fn response() -> FrameBuilder {
        let body = [0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0, 42];
        ip().dccp([5001, 5002], kind::RESPONSE, 0xa1a2_a3a4_a5a6, &body).payload(&[1, 2, 3, 4, 5, 6])
    }

    fn fault(frame: &FrameBuilder) -> Option<Reason> {
        parse(&frame.build()[..]).fault
    }

    #[test]
    fn long_and_short_sequence_numbers() {
        let frame = response().build();
        let packet = parse(&frame[..]);
        assert_eq!(
            (packet.fault, packet.tuple.source_port, packet.tuple.destination_port),
            (None, 5001, 5002)
        );
        let acknowledgement = Some(0x0102_0304_0506);
        let expected = Dccp { kind: kind::RESPONSE, sequence: 0xa1a2_a3a4_a5a6, acknowledgement };
        assert_eq!(read(&frame[..], &packet), Some(expected));

        // ACK, X = 0: data offset 4 words, sequence 0x0a0b0c, acknowledgement 0x010203
        let short = [0x13, 0x89, 0x13, 0x8a, 4, 1, 0, 0, 6, 0x0a, 0x0b, 0x0c, 0, 1, 2, 3];
        let frame = ip().raw(protocol::DCCP).payload(&short).build();
        let packet = parse(&frame[..]);
        assert_eq!(packet.fault, Some(Reason::DccpChecksum));
        let expected = Dccp { kind: kind::ACK, sequence: 0x000a_0b0c, acknowledgement: Some(0x01_0203) };
        assert_eq!(read(&frame[..], &packet), Some(expected));
    }

    #[test]
    fn what_the_checksum_covers() {
        for (coverage, at, expected) in [
            (0, 33, Some(Reason::DccpChecksum)),
            (1, 27, Some(Reason::DccpChecksum)),
            (1, 28, None),
            (2, 31, Some(Reason::DccpChecksum)),
            (2, 32, None),
        ] {
            let frame = response().dccp_coverage(coverage);
            assert_eq!(fault(&frame), None);
            assert_eq!(fault(&frame.overwrite(34 + at, &[0x77])), expected, "{coverage} {at}");
        }
        assert_eq!(fault(&response().dccp_coverage(3)), Some(Reason::DccpHeader), "more than there is");
    }

    #[test]
    fn bad_headers() {
        let bad = Some(Reason::DccpHeader);
        assert_eq!(fault(&response().transport_bytes(4, &[3])), bad, "no room for the sequence number");
        assert_eq!(fault(&response().transport_bytes(4, &[9])), bad, "beyond the packet");
        for reserved in 10..16 {
            assert_eq!(fault(&response().transport_bytes(8, &[reserved << 1 | 1])), bad, "{reserved}");
        }
        for length in 0..12 {
            assert_eq!(fault(&ip().raw(protocol::DCCP).payload(&vec![3; length])), bad, "{length}");
        }
    }
}
