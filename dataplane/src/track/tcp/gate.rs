//! Which segments take more than the table to judge? SYN and SYN+ACK into a known connection, RST, challenge ACK.
//!
//! We may be wrong about a connection: a host restarts, a segment is lost behind us. So a segment that may signal
//! the real connection passes and is remembered; the answer of the other end tells (RFC 5961 asks for one).

use super::connection::{Connection, Offer, Side, end, start};
use super::table::{Move, State, next};
use super::{Class, Sequence};
use crate::packet::Tcp;
use crate::reason::Reason;
use crate::track::{Direction, Status, Step};

/// What comes between the table and the move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// All is said.
    Done(Step),
    /// The connection moves there if the window agrees.
    Window(State),
    /// The connection moves there whatever the window says.
    Open(State),
}

/// Judges a segment by its kind.
pub(super) fn pass(
    connection: &mut Connection,
    status: Status,
    direction: Direction,
    class: Class,
    tcp: &Tcp,
) -> Gate {
    let reply = direction == Direction::Reply;
    match next(direction, connection.state, class) {
        Move::To(State::SynSent) if connection.state.is_over() => reopen(connection, direction, class, tcp),
        Move::To(State::Close) if class == Class::Reset => reset(connection, status, direction, tcp),
        Move::To(State::TimeWait) if is_challenge(connection, direction, class) => {
            connection.flags &= !Connection::CHALLENGE;
            Gate::Done(Step::Accept(None))
        }
        Move::To(State::SynSent2) => {
            connection.flags |= Connection::SIMULTANEOUS;
            Gate::Window(State::SynSent2)
        }
        // In a simultaneous open either ACK completes the handshake.
        Move::To(State::SynRecv)
            if reply && class == Class::Ack && connection.flags & Connection::SIMULTANEOUS != 0 =>
        {
            Gate::Window(State::Established)
        }
        Move::To(state) => Gate::Window(state),
        Move::Ignore => ignore(connection, direction, class, tcp),
        Move::Refuse if matches!(class, Class::Syn | Class::SynAck) => {
            Gate::Done(Step::Refuse(Reason::TcpSynInFlow, None))
        }
        Move::Refuse => Gate::Done(Step::Refuse(Reason::TcpState, None)),
    }
}

/// A SYN into a connection that is over opens the next one: after a close by FIN whoever sends it, after a close
/// by RST if the RST was its sender's last word. Sequence numbers are not asked: we may be out of step.
fn reopen(connection: &mut Connection, direction: Direction, class: Class, tcp: &Tcp) -> Gate {
    let by_fin = connection.either_has(Side::CLOSE_INIT);
    let by_reset = connection.last.direction == direction && connection.last.class == Class::Reset;
    if by_fin || by_reset {
        return Gate::Done(Step::Restart);
    }
    ignore(connection, direction, class, tcp)
}

/// A segment that passes without moving the connection: it is remembered, the answer will tell.
fn ignore(connection: &mut Connection, direction: Direction, class: Class, tcp: &Tcp) -> Gate {
    let last = &mut connection.last;
    let answers_ignored_syn = class == Class::SynAck
        && last.class == Class::Syn
        && last.direction != direction
        && last.end == Sequence(tcp.acknowledgement);
    if answers_ignored_syn {
        resynchronise(connection, direction);
        return Gate::Window(State::SynRecv);
    }
    last.class = class;
    last.direction = direction;
    last.sequence = start(tcp);
    last.end = end(tcp);
    last.window = tcp.window;
    if class == Class::Syn && direction == Direction::Original {
        let offer = Offer::of(tcp);
        connection.ignored_scale = offer.scale;
        connection.flags = offer.flags;
        // The peer's answer may be an ACK, which in this state looks like that of the last FIN.
        if connection.state == State::LastAck {
            connection.flags |= Connection::CHALLENGE;
        }
    }
    if class == Class::Ack && direction == Direction::Reply && connection.state == State::SynSent {
        connection.last.acknowledgement = Sequence(tcp.acknowledgement);
    }
    Gate::Done(Step::Accept(None))
}

/// A SYN+ACK answers the SYN that we ignored: both ends are in step with each other, and we were not. The SYN is
/// believed after all, and its answer will introduce the other side anew.
fn resynchronise(connection: &mut Connection, direction: Direction) {
    let last = connection.last;
    *connection.side_mut(last.direction) = Side {
        end: last.end,
        max_end: last.end,
        max_window: u32::from(last.window).max(1),
        scale: connection.ignored_scale,
        flags: connection.flags & (Side::SCALES | Side::SACK),
        ..*connection.side(last.direction)
    };
    let liberal = connection.side(direction).flags & Side::LIBERAL;
    *connection.side_mut(direction) = Side { flags: liberal, ..Side::default() };
    connection.flags &= !Connection::CHALLENGE;
}

/// A RST closes at once only where it can be trusted (RFC 5961, section 3): below the highest acknowledgement of
/// its receiver it is invalid; right at it, it closes; elsewhere in the window it passes, and the connection
/// stays, for its receiver may answer with a challenge ACK.
fn reset(connection: &Connection, status: Status, direction: Direction, tcp: &Tcp) -> Gate {
    // The tuple may be in use again, and what we know of the old connection says nothing then.
    if connection.state.is_closing() {
        return Gate::Open(State::Close);
    }
    let (last, peer) = (connection.last, connection.side(direction.reversed()));
    let sequence = start(tcp);
    let established = connection.state == State::Established && status.has(Status::ASSURED);
    let mut new = State::Close;
    // Behind a SYN that we ignored, the highest acknowledgement may be that of a connection long gone.
    if peer.has(Side::MAX_ACK) && last.class != Class::Syn {
        // Most likely the answer to a SYN that we ignored.
        if sequence == Sequence(0) && !established {
            return Gate::Window(State::Close);
        }
        if sequence.is_before(peer.max_ack) {
            return Gate::Done(Step::Refuse(Reason::TcpResetSequence, None));
        }
        // Behind data of its own that is not acknowledged yet, a RST counts as exact too.
        let follows_own_data =
            last.class == Class::Ack && last.direction == direction && sequence == last.end;
        if !established || sequence == peer.max_ack || follows_own_data {
            return Gate::Window(State::Close);
        }
        new = connection.state;
    }
    // The answer to a SYN or ACK that passed without moving the connection: it acknowledges what we ignored.
    let ignored = match last.class {
        Class::Syn => status.has(Status::SEEN_REPLY) && last.direction != direction,
        Class::Ack => !status.has(Status::ASSURED),
        _ => false,
    };
    if ignored && Sequence(tcp.acknowledgement) == last.end {
        return Gate::Open(new);
    }
    // The originator's answer to a challenge ACK: it resets the older connection that its peer still holds, with
    // the sequence number that the challenge acknowledged.
    let answers_challenge = connection.state == State::SynSent
        && last.class == Class::Ack
        && last.direction == Direction::Reply
        && sequence == last.acknowledgement;
    if answers_challenge {
        return Gate::Open(new);
    }
    Gate::Window(new)
}

/// Whether an ACK in [`State::LastAck`] answers a SYN that we ignored, and not the last FIN.
fn is_challenge(connection: &Connection, direction: Direction, class: Class) -> bool {
    let last = &connection.last;
    connection.state == State::LastAck
        && class == Class::Ack
        && last.direction != direction
        && last.class == Class::Syn
        && connection.flags & Connection::CHALLENGE != 0
}
