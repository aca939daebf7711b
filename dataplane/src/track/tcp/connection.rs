//! What is remembered of a TCP connection? What each side sent and may send, and the last segment seen.

use super::{Class, Sequence, State};
use crate::packet::Tcp;
use crate::packet::flag::{FIN, SYN};
use crate::track::Direction;

/// A TCP connection, as seen from between the ends. Plain data, 60 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Connection {
    pub(super) sides: [Side; 2],
    pub(super) last: Last,
    pub(super) state: State,
    /// Window scale that a SYN offered which was ignored.
    pub(super) ignored_scale: u8,
    /// What that SYN offered besides ([`Side::SCALES`], [`Side::SACK`]), [`Connection::CHALLENGE`],
    /// [`Connection::SIMULTANEOUS`].
    pub(super) flags: u8,
    /// How often the last ACK was repeated, three times at most.
    pub(super) retransmissions: u8,
}

const _: () = assert!(size_of::<Connection>() == 60);

impl Connection {
    /// A SYN was ignored in [`State::LastAck`]: the peer may answer with a challenge ACK.
    pub(super) const CHALLENGE: u8 = 0x40;
    /// The SYNs of both sides crossed.
    pub(super) const SIMULTANEOUS: u8 = 0x80;

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// The side that sends in `direction`.
    #[must_use]
    pub const fn side(&self, direction: Direction) -> &Side {
        &self.sides[direction as usize]
    }

    pub(super) const fn side_mut(&mut self, direction: Direction) -> &mut Side {
        &mut self.sides[direction as usize]
    }

    /// Whether a flag is set on either side.
    pub(super) const fn either_has(&self, bit: u8) -> bool {
        (self.sides[0].flags | self.sides[1].flags) & bit != 0
    }
}

/// What one side sent and may send. All zero as long as it has sent nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Side {
    /// Behind the last byte it sent: its greatest `sequence + length`.
    pub end: Sequence,
    /// Behind the last byte it may send: the greatest `acknowledgement + window` of its peer.
    pub max_end: Sequence,
    /// The greatest window it offered, in bytes; 0 as long as it has sent nothing.
    pub max_window: u32,
    /// The greatest acknowledgement it sent; counts only once it sent one.
    pub max_ack: Sequence,
    /// Window scale: places that its windows are shifted to the left (RFC 7323).
    pub scale: u8,
    pub(super) flags: u8,
}

impl Side {
    /// It offered window scaling.
    pub(super) const SCALES: u8 = 0x01;
    /// It offered selective acknowledgements.
    pub(super) const SACK: u8 = 0x02;
    /// It sent the first FIN.
    pub(super) const CLOSE_INIT: u8 = 0x04;
    /// Picked up in the middle: its window scale is not known, so no segment of it is out of window.
    pub(super) const LIBERAL: u8 = 0x08;
    /// It sent data that its peer has not acknowledged.
    pub(super) const UNACKNOWLEDGED: u8 = 0x10;
    /// It acknowledged something.
    pub(super) const MAX_ACK: u8 = 0x20;

    pub(super) const fn has(&self, bit: u8) -> bool {
        self.flags & bit != 0
    }

    pub(super) const fn set(&mut self, bit: u8) {
        self.flags |= bit;
    }

    pub(super) const fn clear(&mut self, bit: u8) {
        self.flags &= !bit;
    }

    /// Whether it has sent anything.
    pub(super) const fn is_known(&self) -> bool {
        self.max_window != 0
    }

    /// Takes over the options of a SYN or SYN+ACK.
    pub(super) const fn offer(&mut self, offer: Offer) {
        self.scale = offer.scale;
        self.flags = self.flags & Self::LIBERAL | offer.flags;
    }
}

/// What the options of a SYN or SYN+ACK offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Offer {
    /// Window scale; 0 without the option.
    pub(super) scale: u8,
    /// [`Side::SCALES`], [`Side::SACK`].
    pub(super) flags: u8,
}

impl Offer {
    /// The greatest window scale (RFC 7323, section 2.3); a greater one counts as this.
    const MAX_SCALE: u8 = 14;

    pub(super) fn of(tcp: &Tcp) -> Self {
        Self::of_options(tcp.window_scale, tcp.sack_permitted)
    }

    #[inline]
    pub(super) fn of_options(window_scale: Option<u8>, sack_permitted: bool) -> Self {
        let (scale, scales) = match window_scale {
            Some(scale) => (scale.min(Self::MAX_SCALE), Side::SCALES),
            None => (0, 0),
        };
        Self { scale, flags: scales | if sack_permitted { Side::SACK } else { 0 } }
    }
}

/// The last segment seen. Not all of it is renewed by every segment: see where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub(super) struct Last {
    pub(super) sequence: Sequence,
    pub(super) acknowledgement: Sequence,
    pub(super) end: Sequence,
    /// As in the header.
    pub(super) window: u16,
    pub(super) class: Class,
    pub(super) direction: Direction,
}

/// Where a segment begins.
pub(super) const fn start(tcp: &Tcp) -> Sequence {
    Sequence(tcp.sequence)
}

/// Behind the last sequence number a segment takes: SYN and FIN take one each.
pub(super) const fn end(tcp: &Tcp) -> Sequence {
    let flags = (tcp.flags & SYN != 0) as u32 + (tcp.flags & FIN != 0) as u32;
    start(tcp).plus(tcp.payload_length).plus(flags)
}
