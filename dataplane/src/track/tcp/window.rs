//! Could the peer have asked for this segment? Bounds on sequence and acknowledgement numbers.
//!
//! After Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter" (2001), as Linux applies it. Between
//! the ends we see what was sent, not what arrived, so each side is bounded by the greatest values seen:
//!
//! | | bound | a segment beyond it |
//! |---|---|---|
//! | (I) | `sequence <= sender.max_end` | goes beyond every window of the receiver: invalid |
//! | (II) | `end >= sender.end - receiver.max_window` | is an old retransmission: passes, changes nothing |
//! | (III) | `acknowledgement <= receiver.end` | acknowledges data not yet seen: invalid |
//! | (IV) | `acknowledgement >= receiver.end - max(sender.max_window, 66000)` | is overly late: passes, changes nothing |
//!
//! They are tried in the order I, III, II, IV; the first that fails decides. A segment that fails (I) by no more
//! than one window of the receiver and fits otherwise passes: some stacks overshoot. Its end is remembered, lest
//! its acknowledgement fail (III). A selective acknowledgement counts as far as its greatest right edge.

use super::connection::{Connection, Offer, Side, end, start};
use super::{Class, MAX_RETRANSMISSIONS, Sequence, State};
use crate::packet::Tcp;
use crate::packet::flag::{ACK, RST, SYN};
use crate::reason::Reason;
use crate::track::Direction;

/// The least distance of bound (IV), in bytes: a window of 64 KiB and a segment.
pub(super) const MAX_ACK_WINDOW: u32 = 66_000;

/// What the window says of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Window {
    /// It fits.
    Inside,
    /// It passes, and changes nothing.
    Ignore,
    /// It is invalid.
    Outside(Reason),
}

/// A segment, as the bounds see it.
#[derive(Debug, Clone, Copy)]
struct Segment {
    sequence: Sequence,
    end: Sequence,
    acknowledgement: Sequence,
    /// The acknowledgement, selective ones included.
    selective: Sequence,
    /// As in the header, then scaled.
    window: u32,
    flags: u8,
}

impl Segment {
    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Checks a segment of `direction` against the window and, if it fits, moves the window on.
pub(super) fn check(connection: &mut Connection, direction: Direction, class: Class, tcp: &Tcp) -> Window {
    let state = connection.state;
    let mut sender = *connection.side(direction);
    let mut receiver = *connection.side(direction.reversed());
    let mut segment = Segment {
        sequence: start(tcp),
        end: end(tcp),
        acknowledgement: Sequence(tcp.acknowledgement),
        selective: selective(tcp, &receiver),
        window: u32::from(tcp.window),
        flags: tcp.flags,
    };
    let judged = match meet(&mut sender, &mut receiver, direction, state, tcp, &segment) {
        Met::Crossing => Window::Inside,
        Met::Known => {
            amend(&mut segment, &sender, &receiver, state);
            let judged = judge(&segment, &sender, &receiver);
            match judged {
                Bound::Inside => {
                    learn(&mut segment, &mut sender, &mut receiver);
                    count_retransmissions(connection, direction, class, tcp, &segment);
                }
                Bound::Overshoot => {
                    sender.end = segment.end;
                    sender.set(Side::UNACKNOWLEDGED);
                }
                _ => {}
            }
            match judged {
                Bound::Inside => Window::Inside,
                _ if sender.has(Side::LIBERAL) => Window::Inside,
                Bound::Overshoot | Bound::SequenceBelow | Bound::AckBelow => Window::Ignore,
                Bound::SequenceAbove => Window::Outside(Reason::TcpSequenceAbove),
                Bound::AckAbove => Window::Outside(Reason::TcpAckAbove),
            }
        }
    };
    *connection.side_mut(direction) = sender;
    *connection.side_mut(direction.reversed()) = receiver;
    judged
}

/// How far the segment acknowledges, selective acknowledgements included if the receiver asked for them.
fn selective(tcp: &Tcp, receiver: &Side) -> Sequence {
    let acknowledgement = Sequence(tcp.acknowledgement);
    match tcp.sack_right_edge.map(Sequence) {
        Some(edge) if receiver.has(Side::SACK) && edge.is_after(acknowledgement) => edge,
        _ => acknowledgement,
    }
}

/// How a sender meets us.
enum Met {
    /// Its bounds are known now.
    Known,
    /// Its SYN crossed the other's: there is nothing to hold it against.
    Crossing,
}

/// Initialises a sender that is met for the first time, or that starts over with another SYN.
fn meet(
    sender: &mut Side,
    receiver: &mut Side,
    direction: Direction,
    state: State,
    tcp: &Tcp,
    segment: &Segment,
) -> Met {
    let opening = matches!(state, State::SynSent | State::SynRecv);
    if !sender.is_known() {
        if segment.has(SYN) {
            introduce(sender, receiver, direction, tcp, segment);
            return if segment.has(ACK) { Met::Known } else { Met::Crossing };
        }
        // Met in the middle of its stream: all there is to go by is this segment.
        let window = (segment.window << sender.scale).max(1);
        sender.end = segment.end;
        sender.max_window = window;
        sender.max_end = segment.end.plus(window);
        if !receiver.is_known() {
            receiver.end = segment.selective;
            receiver.max_end = segment.selective;
        } else if segment.selective == receiver.end.plus(1) {
            // The answer to a keep-alive we did not see.
            receiver.end = receiver.end.plus(1);
        }
    } else if segment.has(SYN) && opening && segment.end.is_after(sender.end) {
        introduce(sender, receiver, direction, tcp, segment);
        if direction == Direction::Reply && !segment.has(ACK) {
            return Met::Crossing;
        }
    }
    Met::Known
}

/// A sender's SYN or SYN+ACK. Windows are scaled only if both sides offer it (RFC 7323, section 2.2).
fn introduce(sender: &mut Side, receiver: &mut Side, direction: Direction, tcp: &Tcp, segment: &Segment) {
    sender.end = segment.end;
    sender.max_end = segment.end;
    sender.max_window = segment.window.max(1);
    // Without any option, what was offered before still holds.
    if tcp.header_length > 20 {
        sender.offer(Offer::of(tcp));
    }
    if direction == Direction::Reply && !(sender.has(Side::SCALES) && receiver.has(Side::SCALES)) {
        sender.scale = 0;
        receiver.scale = 0;
    }
}

/// Puts right what some segments leave out.
fn amend(segment: &mut Segment, sender: &Side, receiver: &Side, state: State) {
    let broken_reset = segment.has(RST) && segment.acknowledgement == Sequence(0);
    if !segment.has(ACK) || broken_reset {
        segment.acknowledgement = receiver.end;
        segment.selective = receiver.end;
    }
    // A RST that takes back or refuses a SYN may carry sequence number 0 (RFC 9293, section 3.5.2).
    if segment.has(RST) && segment.sequence == Sequence(0) && state == State::SynSent {
        segment.sequence = sender.end;
        segment.end = sender.end;
    }
}

/// Which bound decides.
enum Bound {
    Inside,
    SequenceAbove,
    Overshoot,
    AckAbove,
    SequenceBelow,
    AckBelow,
}

fn judge(segment: &Segment, sender: &Side, receiver: &Side) -> Bound {
    let ack_not_above = segment.selective.is_before(receiver.end.plus(1));
    let ack_window = sender.max_window.max(MAX_ACK_WINDOW);
    let ack_not_below = segment.selective.is_after(receiver.end.minus(ack_window).minus(1));
    let sequence_not_below = segment.end.is_after(sender.end.minus(receiver.max_window).minus(1));

    if !segment.sequence.is_before(sender.max_end.plus(1)) {
        let overshoot = segment.end.since(sender.max_end).wrapping_add(1);
        let one_window = receiver.is_known() && sequence_not_below && overshoot <= receiver.max_window;
        return if one_window && ack_not_above && ack_not_below {
            Bound::Overshoot
        } else {
            Bound::SequenceAbove
        };
    }
    if !ack_not_above {
        return Bound::AckAbove;
    }
    if receiver.is_known() && !sequence_not_below {
        return Bound::SequenceBelow;
    }
    if !ack_not_below {
        return Bound::AckBelow;
    }
    Bound::Inside
}

/// Moves the bounds on: what the sender sent, and what it now allows the receiver to send.
fn learn(segment: &mut Segment, sender: &mut Side, receiver: &mut Side) {
    // The window of a SYN is never scaled (RFC 7323, section 2.2).
    if !segment.has(SYN) {
        segment.window <<= sender.scale;
    }
    let selectively = segment.selective.since(segment.acknowledgement);
    sender.max_window = sender.max_window.max(segment.window.wrapping_add(selectively));
    if segment.end.is_after(sender.end) {
        sender.end = segment.end;
        sender.set(Side::UNACKNOWLEDGED);
    }
    if segment.has(ACK) && (!sender.has(Side::MAX_ACK) || segment.acknowledgement.is_after(sender.max_ack)) {
        sender.max_ack = segment.acknowledgement;
        sender.set(Side::MAX_ACK);
    }
    if receiver.is_known() && segment.end.is_after(sender.max_end) {
        let beyond = segment.end.since(sender.max_end);
        receiver.max_window = receiver.max_window.wrapping_add(beyond);
    }
    let allowed = segment.selective.plus(segment.window);
    if allowed.is_after(receiver.max_end.minus(1)) {
        // A closed window may be probed with one byte (RFC 9293, section 3.8.6.1).
        receiver.max_end = if segment.window == 0 { allowed.plus(1) } else { allowed };
    }
    if segment.acknowledgement == receiver.end {
        receiver.clear(Side::UNACKNOWLEDGED);
    }
}

/// Counts how often one ACK segment is repeated in a row; a different one starts over.
fn count_retransmissions(
    connection: &mut Connection,
    direction: Direction,
    class: Class,
    tcp: &Tcp,
    segment: &Segment,
) {
    if class != Class::Ack {
        return;
    }
    let last = &mut connection.last;
    let repeated = last.direction == direction
        && last.sequence == segment.sequence
        && last.acknowledgement == segment.acknowledgement
        && last.end == segment.end
        && last.window == tcp.window;
    if repeated {
        connection.retransmissions = (connection.retransmissions + 1).min(MAX_RETRANSMISSIONS);
        return;
    }
    last.direction = direction;
    last.sequence = segment.sequence;
    last.acknowledgement = segment.acknowledgement;
    last.end = segment.end;
    last.window = tcp.window;
    connection.retransmissions = 0;
}
