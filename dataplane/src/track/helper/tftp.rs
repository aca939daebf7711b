//! Which answer does a TFTP request announce? RFC 1350: the server answers from a port of its own.

use super::text::UDP_HEADER;
use super::{Expected, Terms, protocol};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::track::Direction;

/// Opcodes: read request, write request.
const REQUESTS: [[u8; 2]; 2] = [[0, 1], [0, 2]];

/// A request, whoever of the two sends it: the one who was asked first is expected to call the one who asked.
pub(super) fn follow<F: Frame + ?Sized>(
    packet: &Packet,
    frame: &F,
    direction: Direction,
) -> Option<Expected> {
    let at = usize::from(packet.transport_offset) + UDP_HEADER;
    let end = usize::from(packet.network_offset) + packet.network_length as usize;
    let mut opcode = [0; 2];
    if at + opcode.len() > end || !frame.copy(at, &mut opcode) || !REQUESTS.contains(&opcode) {
        return None;
    }
    let tuple = &packet.tuple;
    let (from, to) = match direction {
        Direction::Original => (tuple.destination, (tuple.source, tuple.source_port)),
        Direction::Reply => (tuple.source, (tuple.destination, tuple.destination_port)),
    };
    Some(Expected {
        from: Some(from),
        from_port: None,
        to,
        protocol: protocol::UDP,
        terms: ONE_FOR_FIVE_MINUTES,
    })
}

const ONE_FOR_FIVE_MINUTES: Terms = Terms::once(1, 300);
