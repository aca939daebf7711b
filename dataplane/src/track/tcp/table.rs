//! Which way does a TCP connection move? The state machine as data: direction, state, kind of segment.
//!
//! A firewall between the ends sees what was sent, not what arrived: its states are its own, named after the
//! ends' states (RFC 9293, section 3.3.2) that they resemble. They count half-steps of the opening and closing as
//! seen on the wire, so `FinWait` is "one FIN seen", whichever side sent it.

use super::Class;
use crate::track::Direction;

/// The state of a connection, as seen from between the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum State {
    /// No segment seen yet.
    #[default]
    None,
    /// A SYN went out.
    SynSent,
    /// A SYN+ACK came back.
    SynRecv,
    /// The originator acknowledged the SYN+ACK.
    Established,
    /// One FIN was seen.
    FinWait,
    /// That FIN was acknowledged.
    CloseWait,
    /// A FIN was seen behind that one.
    LastAck,
    /// The last FIN was acknowledged.
    TimeWait,
    /// A RST was seen.
    Close,
    /// SYNs crossed: simultaneous open (RFC 9293, section 3.5, figure 7).
    SynSent2,
}

impl State {
    /// How many states there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every state, in the order of its number.
    pub const ALL: [Self; 10] = [
        Self::None,
        Self::SynSent,
        Self::SynRecv,
        Self::Established,
        Self::FinWait,
        Self::CloseWait,
        Self::LastAck,
        Self::TimeWait,
        Self::Close,
        Self::SynSent2,
    ];

    /// The word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SynSent => "syn-sent",
            Self::SynRecv => "syn-recv",
            Self::Established => "established",
            Self::FinWait => "fin-wait",
            Self::CloseWait => "close-wait",
            Self::LastAck => "last-ack",
            Self::TimeWait => "time-wait",
            Self::Close => "close",
            Self::SynSent2 => "syn-sent2",
        }
    }

    /// Whether the connection is over, and a SYN may open the next one.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::TimeWait | Self::Close)
    }

    /// Whether the connection is on its way out: its tuple may be in use again.
    #[must_use]
    pub const fn is_closing(self) -> bool {
        matches!(self, Self::FinWait | Self::CloseWait | Self::LastAck | Self::TimeWait | Self::Close)
    }
}

/// Where a segment takes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// To this state, if the window and the state's own conditions agree.
    To(State),
    /// Nowhere, but it passes: the ends may know better than we do, and the answer will tell.
    Ignore,
    /// Nowhere: invalid.
    Refuse,
}

/// Where a segment of this kind takes a connection; [`Class::None`] takes it nowhere.
#[must_use]
pub const fn next(direction: Direction, state: State, class: Class) -> Move {
    if matches!(class, Class::None) {
        return Move::Refuse;
    }
    TABLE[direction as usize][state as usize][class as usize]
}

const SS: Move = Move::To(State::SynSent);
const SR: Move = Move::To(State::SynRecv);
const ES: Move = Move::To(State::Established);
const FW: Move = Move::To(State::FinWait);
const CW: Move = Move::To(State::CloseWait);
const LA: Move = Move::To(State::LastAck);
const TW: Move = Move::To(State::TimeWait);
const CL: Move = Move::To(State::Close);
const S2: Move = Move::To(State::SynSent2);
const IG: Move = Move::Ignore;
const NO: Move = Move::Refuse;

/// By direction, state and kind of segment: SYN, SYN+ACK, FIN, ACK, RST.
const TABLE: [[[Move; Class::COUNT]; State::COUNT]; 2] = [ORIGINAL, REPLY];

/// Segments of the side that sent the first one.
#[rustfmt::skip]
const ORIGINAL: [[Move; Class::COUNT]; State::COUNT] = [
    // None: only a SYN opens; an ACK may pick up a connection in the middle, where that is allowed.
    [SS, NO, NO, ES, NO],
    // SynSent: the SYN may be repeated or taken back; nothing can be acknowledged yet.
    [SS, NO, NO, NO, CL],
    // SynRecv: the ACK completes the handshake, a FIN may come with it; a SYN again may have to be answered
    // again; a SYN+ACK belongs to a simultaneous open.
    [IG, SR, FW, ES, CL],
    // Established: data flow; a SYN may mean that this side has started over, and the answer will tell.
    [IG, NO, FW, ES, CL],
    // FinWait: an ACK may acknowledge the FIN; a FIN is the second one, or the first again.
    [IG, NO, LA, CW, CL],
    // CloseWait: data may still flow the other way; a FIN ends that too.
    [IG, NO, LA, CW, CL],
    // LastAck: the FIN may be repeated; an ACK ends it all.
    [IG, NO, LA, TW, CL],
    // TimeWait: the end may be repeated; a SYN opens the next connection (RFC 9293, section 3.6.1).
    [SS, NO, TW, TW, CL],
    // Close: late segments change nothing; a SYN may open the next connection.
    [SS, NO, CL, CL, CL],
    // SynSent2: a SYN may be repeated; a SYN+ACK acknowledges the other SYN.
    [S2, SR, NO, NO, CL],
];

/// Segments of the other side.
#[rustfmt::skip]
const REPLY: [[Move; Class::COUNT]; State::COUNT] = [
    // None: a flow never begins with a reply.
    [NO, NO, NO, NO, NO],
    // SynSent: SYN+ACK agrees, RST refuses, SYN crosses; an ACK may be a challenge: the peer still holds an
    // older connection that we have forgotten, and the originator will reset it (RFC 5961, section 4).
    [S2, SR, NO, IG, CL],
    // SynRecv: the SYN+ACK may be repeated; data and FIN may come early.
    [NO, IG, FW, SR, CL],
    // Established: data flow; a late SYN+ACK may answer a SYN that we ignored.
    [NO, IG, FW, ES, CL],
    // FinWait: an ACK may acknowledge the FIN; a FIN is the second one, or the first again.
    [NO, IG, LA, CW, CL],
    // CloseWait: data may still flow the other way; a FIN ends that too.
    [NO, IG, LA, CW, CL],
    // LastAck: the FIN may be repeated; an ACK ends it all.
    [NO, IG, LA, TW, CL],
    // TimeWait: the end may be repeated; a SYN opens the next connection, with the sides exchanged.
    [SS, IG, TW, TW, CL],
    // Close: late segments change nothing; this side cannot open the next connection.
    [NO, IG, CL, CL, CL],
    // SynSent2: a SYN may be repeated; a SYN+ACK acknowledges the other SYN; an ACK may be a challenge.
    [S2, SR, NO, IG, CL],
];
