//! Does this segment leave its connection as it is, but for its place in the stream? Most do: one with ACK and nothing
//! that moves a connection, of an established one, within the window.

use super::connection::{Connection, Side};
use super::{Class, Sequence, State, timeout, window};
use crate::packet::Short;
use crate::track::{Direction, Status, Timeouts};

/// As [`super::update`], for such a segment: the timeout, in milliseconds. Nothing has happened if there is none.
#[inline]
pub(in crate::track) fn go_on(
    connection: &mut Connection,
    status: &mut Status,
    direction: Direction,
    short: &Short,
    timeouts: &Timeouts,
) -> Option<u32> {
    if connection.state != State::Established || !status.has(Status::SEEN_REPLY) {
        return None;
    }
    let segment = window::Segment {
        sequence: Sequence(short.sequence),
        end: Sequence(short.sequence).plus(short.payload_length.into()),
        acknowledgement: Sequence(short.acknowledgement),
        selective: Sequence(short.acknowledgement),
        window: short.window.into(),
        flags: short.flags,
    };
    let (sender, receiver) = connection.sides_mut(direction);
    if !sender.is_known() || sender.has(Side::LIBERAL) || !window::holds(&segment, sender, receiver) {
        return None;
    }
    let mut learnt = segment;
    window::learn(&mut learnt, sender, receiver);
    window::count_retransmissions(connection, direction, Class::Ack, short.window, &segment);
    connection.last.class = Class::Ack;
    connection.last.direction = direction;
    status.set(Status::ASSURED);
    Some(timeout(connection, Class::Ack, timeouts))
}
