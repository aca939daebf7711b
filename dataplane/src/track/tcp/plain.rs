//! Does this segment leave its connection as it is, but for its place in the stream? Most do: one with ACK and nothing
//! that moves a connection, of an established one, within the window, with nothing older than what its sender sent last.
//!
//! What [`super::update`] does to such a connection is done here to its words ([`packed`](super::packed)), in few steps;
//! that it is the same is held by a property. Bounds have the numbers of [`window`](super::window).

use super::connection::Side;
use super::packed::{self, FOLLOWS, NOWHERE};
use super::window::MAX_ACK_WINDOW;
use super::{Class, MAX_RETRANSMISSIONS, Sequence, State};
use crate::packet::Short;
use crate::track::record::WORDS;
use crate::track::{Direction, Status, Timeouts};

/// As [`super::update`], for such a segment: the timeout, in milliseconds. Nothing has happened if there is none.
#[inline(always)]
pub(in crate::track) fn go_on(
    words: &mut [u32; WORDS],
    status: &mut Status,
    direction: Direction,
    short: &Short,
    timeouts: &Timeouts,
) -> Option<u32> {
    let timeout = match direction {
        Direction::Original => go_on_in::<false>(words, short, timeouts),
        Direction::Reply => go_on_in::<true>(words, short, timeouts),
    };
    if timeout.is_some() {
        status.set(Status::ASSURED);
    }
    timeout
}

/// A segment of the reply direction, or of the original one.
#[inline(always)]
fn go_on_in<const REPLY: bool>(words: &mut [u32; WORDS], short: &Short, timeouts: &Timeouts) -> Option<u32> {
    let (sends, receives) = if REPLY { (4, 0) } else { (0, 4) };
    let (scale_at, flags_at, peers_flags_at) = if REPLY { (4, 14, 8) } else { (0, 8, 14) };
    let [mut end, max_end, mut max_window, max_ack] = [0, 1, 2, 3].map(|at| words[sends + at]);
    let [peers_end, mut peers_max_end, mut peers_max_window] = [0, 1, 2].map(|at| words[receives + at]);
    let nine = words[packed::NINE];
    let (mut flags, mut peers_flags) = (nine >> flags_at, nine >> peers_flags_at);
    let whereabouts = nine >> packed::WHERE;

    let sequence = Sequence(short.sequence);
    let behind = sequence.plus(short.payload_length.into());
    let acknowledgement = Sequence(short.acknowledgement);
    let window = u32::from(short.window) << (nine >> scale_at & 0xf);
    let has_acknowledged = flags & u32::from(Side::MAX_ACK) != 0;

    let is_plain = (nine >> packed::STATE & 0xf == State::Established as u32)
        & (whereabouts <= FOLLOWS)
        // what follows from nothing is all zero, and so might the segment be
        & (whereabouts != NOWHERE || short.sequence != 0)
        & (flags & u32::from(Side::LIBERAL) == 0)
        & (max_window != 0)
        & (peers_max_window != 0)
        & !behind.is_before(Sequence(end))
        & !(has_acknowledged && acknowledgement.is_before(Sequence(max_ack)));
    // (I), (III), (II), (IV)
    let is_inside = sequence.is_before(Sequence(max_end).plus(1))
        & acknowledgement.is_before(Sequence(peers_end).plus(1))
        & behind.is_after(Sequence(end).minus(peers_max_window).minus(1))
        & acknowledgement.is_after(Sequence(peers_end).minus(max_window.max(MAX_ACK_WINDOW)).minus(1));
    if !(is_plain & is_inside) {
        return None;
    }

    let segment = u32::from(short.window) | u32::from(short.payload_length) << 16;
    let is_repeated = (nine >> packed::DIRECTION & 1 == u32::from(REPLY))
        & (whereabouts == FOLLOWS)
        & (behind.0 == end)
        & (acknowledgement.0 == max_ack)
        & (segment == words[packed::EIGHT]);
    let repeated = if is_repeated { (nine >> packed::REPEATED & 3) + 1 } else { 0 };
    let repeated = repeated.min(MAX_RETRANSMISSIONS.into());

    max_window = max_window.max(window);
    if behind.0 != end {
        end = behind.0;
        flags |= u32::from(Side::UNACKNOWLEDGED);
    }
    flags |= u32::from(Side::MAX_ACK);
    if behind.is_after(Sequence(max_end)) {
        peers_max_window = peers_max_window.wrapping_add(behind.since(Sequence(max_end)));
    }
    let allowed = acknowledgement.plus(window);
    if allowed.is_after(Sequence(peers_max_end).minus(1)) {
        peers_max_end = allowed.0.wrapping_add(u32::from(window == 0));
    }
    if acknowledgement.0 == peers_end {
        peers_flags &= !u32::from(Side::UNACKNOWLEDGED);
    }

    words[sends] = end;
    words[sends + 2] = max_window;
    words[sends + 3] = acknowledgement.0;
    words[receives + 1] = peers_max_end;
    words[receives + 2] = peers_max_window;
    words[packed::EIGHT] = segment;
    words[packed::NINE] = nine & (0xff | 0xf << packed::STATE)
        | (flags & 0x3f) << flags_at
        | (peers_flags & 0x3f) << peers_flags_at
        | (Class::Ack as u32) << packed::CLASS
        | u32::from(REPLY) << packed::DIRECTION
        | repeated << packed::REPEATED
        | FOLLOWS << packed::WHERE;
    let is_unacknowledged = (flags | peers_flags) & u32::from(Side::UNACKNOWLEDGED) != 0;
    Some(timeout(short.window, repeated, is_unacknowledged, timeouts))
}

/// As [`super::timeout`], of an established connection.
#[inline(always)]
fn timeout(window: u16, repeated: u32, is_unacknowledged: bool, timeouts: &Timeouts) -> u32 {
    let of_state = timeouts.tcp[State::Established as usize];
    if repeated >= u32::from(MAX_RETRANSMISSIONS) && of_state > timeouts.tcp_max_retrans {
        return timeouts.tcp_max_retrans;
    }
    if is_unacknowledged && of_state > timeouts.tcp_unacknowledged {
        return timeouts.tcp_unacknowledged;
    }
    if window == 0 { of_state.min(timeouts.tcp_max_retrans) } else { of_state }
}
