//! When is it, for the rules?

use super::connections::Counted;

/// A point in time, on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// Nanoseconds on a clock that does not go back, of any epoch.
    pub monotonic_ns: u64,
    /// Nanoseconds since 1970.
    pub wall_ns: u64,
}

/// What a stateful statement needs of a packet: when it came, how long it is, how it counts as a connection.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment<'a> {
    /// [`Now::monotonic_ns`].
    pub now: u64,
    /// Bytes from the network header on.
    pub length: u32,
    /// How it counts; `None` where connections are not counted.
    pub counted: Option<&'a Counted>,
    /// Whether something stands for the packet's connection until it is tracked: the same for all such packets.
    pub is_template: bool,
    /// Whether counters of connections do as those of iptables.
    pub counts_unseen: bool,
}

/// Nanoseconds of a second.
pub(super) const SECOND: u64 = 1_000_000_000;
/// Nanoseconds of a millisecond.
pub(super) const MILLISECOND: u64 = 1_000_000;
