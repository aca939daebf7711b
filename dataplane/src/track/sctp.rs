//! SCTP.
use super::{Direction, Status, Step, Timeouts};
use crate::reason::Reason;

/// The state of an association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum State {
    /// No packet seen yet.
    #[default]
    None,
    /// Closed.
    Closed,
    /// Cookie wait.
    CookieWait,
    /// Cookie echoed.
    CookieEchoed,
    /// Established.
    Established,
    /// Shutdown sent.
    ShutdownSent,
    /// Shutdown received.
    ShutdownRecd,
    /// Shutdown ack sent.
    ShutdownAckSent,
    /// Heartbeat sent.
    HeartbeatSent,
}
impl State {
    /// How many.
    pub const COUNT: usize = Self::ALL.len();
    /// All.
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
}
/// An association.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct Association {
    state: State,
}

pub(super) fn open(_transport: &[u8], timeouts: &Timeouts) -> Result<(Association, u32), Reason> {
    Ok((Association::default(), timeouts.sctp[0]))
}

pub(super) fn update(
    association: &mut Association,
    _status: &mut Status,
    _direction: Direction,
    _transport: &[u8],
    timeouts: &Timeouts,
) -> Step {
    Step::Accept(Some(timeouts.sctp[association.state as usize]))
}
