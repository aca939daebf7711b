//! What does a segment mean for its TCP connection?
//!
//! In this order: its flags name its kind ([`Class`]); the [table](next) says where that leads from the present
//! state; a SYN into a known connection, a RST and a challenge ACK meet conditions of their own; the window must
//! admit the segment. Only then the connection moves, and its new state sets the timeout.
//!
//! RFC 9293; RFC 5961 (blind RST, SYN and ACK); RFC 7323 (window scale); RFC 2018 (SACK).
//!
//! As in the kernel, a RST that neither side has answered ends the flow at once, whoever sent it. A forged one
//! with sequence number 0 does so too; the originator's next SYN then opens the flow again.

mod abreast;
mod class;
mod connection;
mod first;
mod gate;
mod packed;
mod plain;
mod sequence;
mod table;
mod window;

#[cfg(test)]
mod scenario;
#[cfg(test)]
mod tests;

pub(super) use abreast::go_on as go_on_abreast;
pub use class::Class;
pub use connection::{Connection, Side};
pub(super) use first::open_plain;
pub use packed::Apart;
pub(super) use packed::{pack, unpack};
pub(super) use plain::go_on;
pub use sequence::Sequence;
pub use table::{Move, State, next};

use super::{Direction, Settings, Status, Step, Timeouts};
use crate::packet::Tcp;
use crate::reason::Reason;
use connection::{Offer, end};
use gate::Gate;
use window::Window;

/// An ACK repeated so often in a row may be the last its sender ever sends.
const MAX_RETRANSMISSIONS: u8 = 3;

/// The first segment of a connection: a SYN, or an ACK where connections may be picked up in the middle. The
/// timeout is in milliseconds.
pub(super) fn open(tcp: &Tcp, settings: &Settings) -> Result<(Connection, u32), Reason> {
    let class = Class::of(tcp.flags).ok_or(Reason::TcpFlags)?;
    let mut connection = match next(Direction::Original, State::None, class) {
        Move::To(State::SynSent) => begin(tcp),
        Move::To(_) if settings.tcp_loose => pick_up(tcp),
        _ => return Err(Reason::TcpNoFlow),
    };
    let mut status = Status::default();
    match update(&mut connection, &mut status, Direction::Original, tcp, &settings.timeouts) {
        Step::Accept(Some(timeout)) => Ok((connection, timeout)),
        Step::Refuse(reason, _) => Err(reason),
        Step::Accept(None) | Step::Restart | Step::Delete => Err(Reason::TcpState),
    }
}

/// A connection that begins with this SYN.
fn begin(tcp: &Tcp) -> Connection {
    let mut connection = Connection::default();
    let sender = connection.side_mut(Direction::Original);
    sender.end = end(tcp);
    sender.max_end = sender.end;
    sender.max_window = u32::from(tcp.window).max(1);
    sender.offer(Offer::of(tcp));
    connection
}

/// A connection whose beginning we have not seen. Its window scale is not known, so both sides are let off.
fn pick_up(tcp: &Tcp) -> Connection {
    let mut connection = Connection::default();
    for side in &mut connection.sides {
        side.set(Side::SACK | Side::LIBERAL);
    }
    let sender = connection.side_mut(Direction::Original);
    sender.end = end(tcp);
    sender.max_window = u32::from(tcp.window).max(1);
    sender.max_end = sender.end.plus(sender.max_window);
    connection
}

/// A segment of a known connection.
pub(super) fn update(
    connection: &mut Connection,
    status: &mut Status,
    direction: Direction,
    tcp: &Tcp,
    timeouts: &Timeouts,
) -> Step {
    let Some(class) = Class::of(tcp.flags) else {
        return Step::Refuse(Reason::TcpFlags, None);
    };
    let old = connection.state;
    let new = match gate::pass(connection, *status, direction, class, tcp) {
        Gate::Done(step) => return step,
        Gate::Open(new) => new,
        Gate::Window(new) => match window::check(connection, direction, class, tcp) {
            Window::Inside => new,
            Window::Ignore => return Step::Accept(None),
            Window::Outside(Reason::TcpAckAbove) if class == Class::Reset && old == State::SynSent => {
                return Step::Refuse(Reason::TcpResetAck, None);
            }
            Window::Outside(reason) => {
                return Step::Refuse(reason, shorten(connection, *status, direction, class, timeouts));
            }
        },
    };
    connection.last.class = class;
    connection.last.direction = direction;
    connection.state = new;
    if new == State::FinWait && old != new {
        connection.side_mut(direction).set(Side::CLOSE_INIT);
    }
    let timeout = timeout(connection, class, timeouts);
    if !status.has(Status::SEEN_REPLY) {
        return before_any_reply(class, old, new, timeout, timeouts);
    }
    if matches!(old, State::SynRecv | State::Established) && new == State::Established {
        status.set(Status::ASSURED);
    }
    Step::Accept(Some(timeout))
}

/// How long the connection is remembered after this segment: as its state says, less if there are signs that an
/// end is gone.
fn timeout(connection: &Connection, class: Class, timeouts: &Timeouts) -> u32 {
    let of_state = timeouts.tcp[connection.state as usize];
    if connection.retransmissions >= MAX_RETRANSMISSIONS && of_state > timeouts.tcp_max_retrans {
        return timeouts.tcp_max_retrans;
    }
    if class == Class::Reset {
        return timeouts.tcp[State::Close as usize];
    }
    if connection.either_has(Side::UNACKNOWLEDGED) && of_state > timeouts.tcp_unacknowledged {
        return timeouts.tcp_unacknowledged;
    }
    if connection.last.window == 0 {
        return of_state.min(timeouts.tcp_max_retrans);
    }
    of_state
}

/// A segment that fits, while the other side has sent none before it.
fn before_any_reply(class: Class, old: State, new: State, timeout: u32, timeouts: &Timeouts) -> Step {
    match class {
        // Refused, or taken back: nothing is left to remember.
        Class::Reset => Step::Delete,
        // Repeated SYNs must not keep a flow alive for ever.
        Class::Syn if old == State::SynSent => Step::Accept(None),
        // Picked up in the middle, and no one has answered yet.
        _ if new == State::Established => Step::Accept(Some(timeout.min(timeouts.tcp_unacknowledged))),
        _ => Step::Accept(Some(timeout)),
    }
}

/// A FIN or RST out of window: if both sides send one in turn, they are closing a connection that we misjudge,
/// and it is not remembered for days. Returns how long at most.
fn shorten(
    connection: &mut Connection,
    status: Status,
    direction: Direction,
    class: Class,
    timeouts: &Timeouts,
) -> Option<u32> {
    let closes = |class| matches!(class, Class::Fin | Class::Reset);
    if !status.has(Status::ASSURED) || !closes(class) {
        return None;
    }
    let last = &mut connection.last;
    if last.direction != direction && closes(last.class) {
        return Some(timeouts.tcp_unacknowledged);
    }
    last.class = class;
    last.direction = direction;
    None
}

/// The firewall itself has reset the connection: it is closed, and remembered for so many milliseconds more.
pub(super) const fn reset_by_firewall(connection: &mut Connection, timeouts: &Timeouts) -> Option<u32> {
    if matches!(connection.state, State::Close) {
        return None;
    }
    connection.state = State::Close;
    Some(timeouts.tcp[State::Close as usize])
}
