//! What does the SCTP header say, and are its chunks in order? RFC 9260, section 3.
//!
//! ```text
//! +-------------------------------+-------------------------------+
//! |          source port          |       destination port        |
//! +-------------------------------+-------------------------------+
//! |                       verification tag                        |
//! +---------------------------------------------------------------+
//! |                CRC32c, its lowest byte first                  |
//! +---------------+---------------+-------------------------------+
//! |  chunk type   |     flags     |  length, this word included   |   chunks, each filled up to 32 bits
//! +---------------+---------------+-------------------------------+
//! |  value                                                        |
//! +---------------------------------------------------------------+
//! ```
//!
//! A chunk that runs beyond the packet ends the walk without fault, as it does for conntrack.

use super::Packet;
use super::bytes::{Bytes, be16, be32};
use super::checksum::{Checksums, Crc32c};
use super::payload::Payload;
use crate::frame::Frame;
use crate::reason::Reason;

/// Chunk types (RFC 9260, section 3.2).
pub mod chunk {
    /// Carries user data.
    pub const DATA: u8 = 0;
    /// Starts an association.
    pub const INIT: u8 = 1;
    /// Answers INIT.
    pub const INIT_ACK: u8 = 2;
    /// Asks whether the peer is there.
    pub const HEARTBEAT: u8 = 4;
    /// Answers HEARTBEAT.
    pub const HEARTBEAT_ACK: u8 = 5;
    /// Ends the association at once.
    pub const ABORT: u8 = 6;
    /// Asks to end the association.
    pub const SHUTDOWN: u8 = 7;
    /// Answers SHUTDOWN.
    pub const SHUTDOWN_ACK: u8 = 8;
    /// Reports an error.
    pub const ERROR: u8 = 9;
    /// Returns the cookie of INIT ACK.
    pub const COOKIE_ECHO: u8 = 10;
    /// Answers COOKIE ECHO.
    pub const COOKIE_ACK: u8 = 11;
    /// Answers SHUTDOWN ACK.
    pub const SHUTDOWN_COMPLETE: u8 = 14;
}

mod field {
    use std::ops::Range;

    pub(super) const SOURCE_PORT: Range<usize> = 0..2;
    pub(super) const DESTINATION_PORT: Range<usize> = 2..4;
    pub(super) const TAG: Range<usize> = 4..8;
    pub(super) const CHECKSUM: Range<usize> = 8..12;

    pub(super) const CHUNK_TYPE: usize = 0;
    pub(super) const CHUNK_FLAGS: usize = 1;
    pub(super) const CHUNK_LENGTH: Range<usize> = 2..4;
}

/// Bytes of the common header.
const HEADER: usize = 12;
/// Bytes of a chunk's header.
const CHUNK_HEADER: usize = 4;

/// One chunk of an SCTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its type; see [`chunk`].
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its length as written: bytes of header and value.
    pub length: u16,
    /// Offset of its header in the frame.
    pub offset: u32,
}

/// The verification tag of an SCTP packet that [`parse`](super::parse) found no fault in.
#[must_use]
pub fn verification_tag<F: Frame + ?Sized>(frame: &F, packet: &Packet) -> Option<u32> {
    let header: [u8; HEADER] = packet.bytes_of(frame).array(usize::from(packet.transport_offset))?;
    Some(be32(&header, field::TAG))
}

/// The chunks of an SCTP packet that [`parse`](super::parse) found no fault in, in order. Ends at a length of
/// zero, or where less than a chunk's header is left.
pub fn chunks<'f, F: Frame + ?Sized>(
    frame: &'f F,
    packet: &Packet,
) -> impl Iterator<Item = Chunk> + use<'f, F> {
    Chunks { bytes: packet.bytes_of(frame), offset: usize::from(packet.transport_offset) + HEADER }
}

/// The four bytes of an INIT or INIT ACK behind its chunk header: the tag its sender wants to be answered with
/// (RFC 9260, section 3.3.2).
#[must_use]
pub fn initiate_tag<F: Frame + ?Sized>(frame: &F, packet: &Packet, chunk: &Chunk) -> Option<u32> {
    let value: [u8; 4] = packet.bytes_of(frame).array(chunk.offset as usize + CHUNK_HEADER)?;
    Some(u32::from_be_bytes(value))
}

struct Chunks<'f, F: ?Sized> {
    bytes: Bytes<'f, F>,
    offset: usize,
}

impl<F: Frame + ?Sized> Iterator for Chunks<'_, F> {
    type Item = Chunk;

    fn next(&mut self) -> Option<Chunk> {
        let header: [u8; CHUNK_HEADER] = self.bytes.array(self.offset)?;
        let length = be16(&header, field::CHUNK_LENGTH);
        let found = Chunk {
            kind: header[field::CHUNK_TYPE],
            flags: header[field::CHUNK_FLAGS],
            length,
            offset: self.offset as u32,
        };
        self.offset = match length {
            0 => self.bytes.end(),
            length => self.offset + usize::from(length).next_multiple_of(4),
        };
        Some(found)
    }
}

pub(super) fn parse<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    let Some(header) = payload.array::<HEADER>(0) else {
        packet.tuple.read_ports(&payload.bytes, payload.offset);
        return Err(Reason::SctpChunk);
    };
    packet.tuple.source_port = be16(&header, field::SOURCE_PORT);
    packet.tuple.destination_port = be16(&header, field::DESTINATION_PORT);
    let is_trusted = payload.bytes.checksums() == Checksums::Trusted;
    if !is_trusted && header[field::CHECKSUM] != crc(payload, &header) {
        return Err(Reason::SctpChecksum);
    }
    let chunks = Chunks { bytes: payload.bytes.until(usize::MAX), offset: payload.offset + HEADER };
    if are_in_order(chunks) { Ok(()) } else { Err(Reason::SctpChunk) }
}

/// The CRC of the packet with its own field taken as zero.
fn crc<F: Frame + ?Sized>(payload: &Payload<'_, F>, header: &[u8; HEADER]) -> [u8; 4] {
    let mut header = *header;
    header[field::CHECKSUM].fill(0);
    let rest = payload.offset + HEADER..payload.bytes.end();
    payload.bytes.pieces(rest).fold(Crc32c::START.then(&header), Crc32c::then).on_wire()
}

/// Whether there are chunks, none of length zero, and no bundle that RFC 9260 forbids: INIT, INIT ACK and
/// SHUTDOWN COMPLETE stand alone, COOKIE ECHO and COOKIE ACK come first.
fn are_in_order(chunks: impl Iterator<Item = Chunk>) -> bool {
    let (mut count, mut alone) = (0, false);
    for found in chunks {
        alone |= matches!(found.kind, chunk::INIT | chunk::INIT_ACK | chunk::SHUTDOWN_COMPLETE);
        let leads = matches!(found.kind, chunk::COOKIE_ECHO | chunk::COOKIE_ACK);
        if found.length == 0 || (count > 0 && (alone || leads)) {
            return false;
        }
        count += 1;
    }
    count > 0
}

#[cfg(test)]
mod tests {
    use super::{Chunk, chunk, chunks, initiate_tag, verification_tag};
    use crate::packet::build::FrameBuilder;
    use crate::packet::{parse, protocol};
    use crate::reason::Reason;

    const DATA: [u8; 8] = [0, 3, 0, 5, 9, 0, 0, 0];

    fn packet(chunks: &[&[u8]]) -> FrameBuilder {
        let ip = FrameBuilder::new().ip([10, 0, 0, 1], [10, 0, 0, 2]);
        ip.sctp(2905, 2906, 0xfeed_f00d).payload(&chunks.concat())
    }

    fn fault(chunks: &[&[u8]]) -> Option<Reason> {
        parse(&packet(chunks).build()[..]).fault
    }

    fn empty(kind: u8) -> [u8; 4] {
        [kind, 0, 0, 4]
    }

    #[test]
    fn header_and_chunks() {
        let frame = packet(&[&empty(chunk::COOKIE_ECHO), &DATA, &empty(3)]).build();
        let packet = parse(&frame[..]);
        assert_eq!((packet.fault, packet.tuple.protocol), (None, protocol::SCTP));
        assert_eq!((packet.tuple.source_port, packet.tuple.destination_port), (2905, 2906));
        assert_eq!(verification_tag(&frame[..], &packet), Some(0xfeed_f00d));
        let expected = [(chunk::COOKIE_ECHO, 0, 4, 46), (0, 3, 5, 50), (3, 0, 4, 58)]
            .map(|(kind, flags, length, offset)| Chunk { kind, flags, length, offset });
        let found: Vec<Chunk> = chunks(&frame[..], &packet).collect();
        assert_eq!(found, expected);
        assert_eq!(initiate_tag(&frame[..], &packet, &found[1]), Some(0x0900_0000));
        assert_eq!(initiate_tag(&frame[..], &packet, &found[2]), None, "cut off");
    }

    #[test]
    fn bad_packets() {
        let bad = Some(Reason::SctpChunk);
        assert_eq!(fault(&[]), bad, "no chunk");
        assert_eq!(fault(&[&[0, 0, 0, 0]]), bad, "length zero");
        assert_eq!(fault(&[&DATA, &[0, 0, 0, 0], &DATA]), bad, "length zero");
        for kind in [chunk::INIT, chunk::INIT_ACK, chunk::SHUTDOWN_COMPLETE] {
            assert_eq!(fault(&[&empty(kind)]), None, "{kind}");
            assert_eq!(fault(&[&empty(kind), &DATA]), bad, "{kind} stands alone");
            assert_eq!(fault(&[&DATA, &empty(kind)]), bad, "{kind} stands alone");
        }
        for kind in [chunk::COOKIE_ECHO, chunk::COOKIE_ACK] {
            assert_eq!(fault(&[&empty(kind), &DATA]), None, "{kind}");
            assert_eq!(fault(&[&DATA, &empty(kind)]), bad, "{kind} comes first");
        }
        assert_eq!(fault(&[&[0, 0, 0, 99]]), None, "beyond the packet");
        assert_eq!(fault(&[&DATA, &[1, 2, 3]]), None, "too short for a chunk");
        let frame = packet(&[&DATA]).overwrite(42, &[0]);
        assert_eq!(parse(&frame.build()[..]).fault, Some(Reason::SctpChecksum));
        for length in 0..12 {
            let cut = packet(&[]).raw(protocol::SCTP).payload(&vec![0; length]);
            assert_eq!(parse(&cut.build()[..]).fault, bad, "{length}");
        }
    }
}
