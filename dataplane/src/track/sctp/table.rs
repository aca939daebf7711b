//! Which way does an SCTP association move? The state machine as data: direction, state, chunk.
//!
//! As with TCP the states are those of the wire, named after the ends' states (RFC 9260, section 4) that they
//! resemble.

use crate::packet::sctp::chunk;
use crate::track::Direction;

/// The state of an association, as seen from between the ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum State {
    /// No packet seen yet.
    #[default]
    None,
    /// An INIT was seen, or the association is over.
    Closed,
    /// An INIT ACK came back.
    CookieWait,
    /// The cookie went out.
    CookieEchoed,
    /// The cookie was acknowledged, or a HEARTBEAT that opened the flow.
    Established,
    /// The originator shuts down.
    ShutdownSent,
    /// The other side shuts down.
    ShutdownRecd,
    /// The shutdown was acknowledged.
    ShutdownAckSent,
    /// A HEARTBEAT opened the flow: another path of an association we may not know (RFC 9260, section 8.3).
    HeartbeatSent,
}

impl State {
    /// How many states there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Every state, in the order of its number.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Closed,
        Self::CookieWait,
        Self::CookieEchoed,
        Self::Established,
        Self::ShutdownSent,
        Self::ShutdownRecd,
        Self::ShutdownAckSent,
        Self::HeartbeatSent,
    ];

    /// The word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Closed => "closed",
            Self::CookieWait => "cookie-wait",
            Self::CookieEchoed => "cookie-echoed",
            Self::Established => "established",
            Self::ShutdownSent => "shutdown-sent",
            Self::ShutdownRecd => "shutdown-recd",
            Self::ShutdownAckSent => "shutdown-ack-sent",
            Self::HeartbeatSent => "heartbeat-sent",
        }
    }
}

/// The state a chunk leads to; `None` if it is invalid in this state. DATA, SACK and all that is not in the table
/// change nothing.
#[must_use]
pub const fn next(direction: Direction, state: State, kind: u8) -> Option<State> {
    let column = match kind {
        chunk::INIT => 0,
        chunk::INIT_ACK => 1,
        chunk::COOKIE_ECHO => 2,
        chunk::COOKIE_ACK => 3,
        chunk::SHUTDOWN => 4,
        chunk::SHUTDOWN_ACK => 5,
        chunk::SHUTDOWN_COMPLETE => 6,
        chunk::HEARTBEAT => 7,
        chunk::HEARTBEAT_ACK => 8,
        chunk::ERROR => 9,
        chunk::ABORT => 10,
        _ => return Some(state),
    };
    TABLE[direction as usize][state as usize][column]
}

const CHUNKS: usize = 11;

const CL: Option<State> = Some(State::Closed);
const CW: Option<State> = Some(State::CookieWait);
const CE: Option<State> = Some(State::CookieEchoed);
const ES: Option<State> = Some(State::Established);
const SS: Option<State> = Some(State::ShutdownSent);
const SR: Option<State> = Some(State::ShutdownRecd);
const SA: Option<State> = Some(State::ShutdownAckSent);
const HS: Option<State> = Some(State::HeartbeatSent);
const NO: Option<State> = None;

/// By direction, state and chunk: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK, SHUTDOWN, SHUTDOWN ACK, SHUTDOWN
/// COMPLETE, HEARTBEAT, HEARTBEAT ACK, ERROR, ABORT.
const TABLE: [[[Option<State>; CHUNKS]; State::COUNT]; 2] = [ORIGINAL, REPLY];

/// Packets of the side that sent the first one.
#[rustfmt::skip]
const ORIGINAL: [[Option<State>; CHUNKS]; State::COUNT] = [
    // None: INIT and HEARTBEAT open; a SHUTDOWN ACK out of the blue may be answered; see `open` for the rest.
    [CL, CL, CL, CL, CL, SA, CL, HS, CL, CL, CL],
    // Closed: nothing but an answer to the INIT goes on.
    [CL, CL, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    // CookieWait: the cookie goes out.
    [CW, CW, CE, CW, CW, CW, CW, CW, CW, CW, CL],
    // CookieEchoed: the cookie is acknowledged, by whichever side sent the INIT first.
    [CE, CE, CE, ES, CE, CE, CE, CE, CE, CE, CL],
    // Established: a SHUTDOWN is the originator's; an INIT again is a restart that the ends settle by tags.
    [ES, ES, ES, ES, SS, ES, ES, ES, ES, ES, CL],
    // ShutdownSent: the SHUTDOWN is acknowledged; an INIT means the originator has started over.
    [CL, SS, SS, SS, SS, SA, SS, SS, SS, SS, CL],
    // ShutdownRecd: the SHUTDOWN is acknowledged; an INIT means the originator has started over.
    [CL, SR, SR, SR, SR, SA, SR, SR, SR, SR, CL],
    // ShutdownAckSent: SHUTDOWN COMPLETE ends it all.
    [SA, SA, SA, SA, SA, SA, CL, SA, SA, SA, CL],
    // HeartbeatSent: an INIT opens in earnest; the HEARTBEAT may be repeated; all else is out of place.
    [CW, CL, CL, CL, CL, SA, CL, HS, HS, CL, CL],
];

/// Packets of the other side.
#[rustfmt::skip]
const REPLY: [[Option<State>; CHUNKS]; State::COUNT] = [
    // None: a flow never begins with a reply.
    [NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO],
    // Closed: INIT ACK agrees.
    [CL, CW, CL, CL, CL, CL, CL, CL, CL, CL, CL],
    // CookieWait: both sides may have sent an INIT; the cookie may come from this one.
    [CW, CW, CE, CW, CW, CW, CW, CW, CW, CW, CL],
    // CookieEchoed: the cookie is acknowledged; an ERROR says it was stale.
    [CE, CE, CE, ES, CE, CE, CE, CE, CE, CL, CL],
    // Established: a SHUTDOWN is the other side's.
    [ES, ES, ES, ES, SR, ES, ES, ES, ES, ES, CL],
    // ShutdownSent: the SHUTDOWN is acknowledged.
    [SS, SS, SS, SS, SS, SA, SS, SS, SS, SS, CL],
    // ShutdownRecd: the SHUTDOWN is acknowledged.
    [SR, SR, SR, SR, SR, SA, SR, SR, SR, SR, CL],
    // ShutdownAckSent: SHUTDOWN COMPLETE ends it all.
    [SA, SA, SA, SA, SA, SA, CL, SA, SA, SA, CL],
    // HeartbeatSent: HEARTBEAT ACK proves the path; a HEARTBEAT may cross; all else is out of place.
    [NO, NO, NO, NO, NO, NO, NO, HS, ES, NO, NO],
];
