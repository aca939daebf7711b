//! What is known of a connection? How it lies in the table is the business of [`super::record`].

use super::{CtState, Direction, Extra, More, Record, sctp, tcp};
use crate::flow::{self, FlowKey, Orientation};
use crate::time::Tick;

/// One tracked connection, both directions. Times are ticks of the table's epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flow {
    key: FlowKey,
    /// When its first packet came; of TCP and SCTP nobody remembers.
    pub created: Tick,
    /// `ct mark`.
    pub mark: u32,
    /// The generation of rules that `ways` belong to, by its low bits.
    pub generation: u16,
    /// The ways of its packets through the rules, by direction.
    pub ways: [WayNumber; 2],
    pub(super) status: Status,
    pub(super) protocol: Protocol,
}

/// What a flow remembers of the rules for one of its directions: the number of a way ([`crate::pipeline::Ways`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct WayNumber(pub(crate) u8);

impl WayNumber {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// That its packets go several ways, or one that is not remembered.
    pub(crate) const SEVERAL: Self = Self(u8::MAX);
}

/// What a flow has been through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Status(u8);

impl Status {
    /// A packet of the reply direction was accepted by the tracker.
    pub const SEEN_REPLY: u8 = 1;
    /// Traffic both ways is proven: the flow is never evicted early.
    pub const ASSURED: u8 = 2;
    /// A helper announced it.
    pub const EXPECTED: u8 = 4;
    /// A rule gave it a helper; what that remembers is in [`Extra`].
    pub const HELPER: u8 = 8;
    /// A rule gave it timeouts; which, is in [`Extra`].
    pub const TIMEOUTS: u8 = 16;
    /// In a record: it has a mark.
    pub(super) const MARKED: u8 = 0x20;
    /// In a record: it is a flow of IPv6.
    pub(super) const IPV6: u8 = 0x40;
    /// The first packet went [`Orientation::Down`].
    const ORIGINAL_DOWN: u8 = 0x80;

    /// Of a flow whose first packet went this way along the key.
    pub(super) const fn begun(orientation: Orientation) -> Self {
        match orientation {
            Orientation::Up => Self(0),
            Orientation::Down => Self(Self::ORIGINAL_DOWN),
        }
    }

    /// Whether `bit` is set.
    #[must_use]
    pub const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn set(&mut self, bit: u8) {
        self.0 |= bit;
    }

    pub(super) const fn clear(&mut self, bit: u8) {
        self.0 &= !bit;
    }

    /// Which way along the key the first packet went.
    #[must_use]
    pub const fn original(self) -> Orientation {
        if self.has(Self::ORIGINAL_DOWN) { Orientation::Down } else { Orientation::Up }
    }

    #[inline]
    pub(super) fn direction(self, orientation: Orientation) -> Direction {
        let is_down = orientation == Orientation::Down;
        if self.has(Self::ORIGINAL_DOWN) == is_down { Direction::Original } else { Direction::Reply }
    }

    /// Whether a reply was seen and nothing about the flow is special.
    #[inline]
    pub(super) const fn may_remember(self) -> bool {
        const SPECIAL: u8 = Status::EXPECTED | Status::HELPER | Status::TIMEOUTS;
        self.0 & (SPECIAL | Status::SEEN_REPLY) == Status::SEEN_REPLY
    }
}

/// The state machine of a flow and what it remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Protocol {
    /// Any other protocol: tracked by addresses alone.
    #[default]
    Generic,
    /// UDP.
    Udp,
    /// UDP-Lite.
    UdpLite,
    /// ICMP queries.
    Icmp,
    /// ICMPv6 queries.
    Icmpv6,
    /// GRE; how many calls had ended when it was met last, as [`super::expect::Calls::ends`] says.
    Gre(u32),
    /// TCP.
    Tcp(tcp::Connection),
    /// SCTP.
    Sctp(sctp::Association),
}

impl Flow {
    pub(super) const fn new(
        key: FlowKey,
        orientation: Orientation,
        created: Tick,
        protocol: Protocol,
    ) -> Self {
        let status = Status::begun(orientation);
        Self { key, created, mark: 0, generation: 0, ways: [WayNumber::NONE; 2], status, protocol }
    }

    pub(super) const fn loaded(
        key: FlowKey,
        created: Tick,
        mark: u32,
        (generation, ways): (u16, [WayNumber; 2]),
        status: Status,
        protocol: Protocol,
    ) -> Self {
        Self { key, created, mark, generation, ways, status, protocol }
    }

    /// Its name.
    #[must_use]
    pub const fn key(&self) -> &FlowKey {
        &self.key
    }

    /// Which way along the key its first packet went.
    #[must_use]
    pub const fn original(&self) -> Orientation {
        self.status.original()
    }

    /// The direction of a packet that goes `orientation` along the key.
    #[must_use]
    pub fn direction(&self, orientation: Orientation) -> Direction {
        self.status.direction(orientation)
    }

    /// What a valid packet of that direction is called.
    #[must_use]
    pub fn state(&self, direction: Direction) -> CtState {
        match direction {
            Direction::Original if self.status.has(Status::SEEN_REPLY) => CtState::Established,
            Direction::Original if self.status.has(Status::EXPECTED) => CtState::Related,
            Direction::Original => CtState::New,
            Direction::Reply => CtState::Established,
        }
    }

    /// Of GRE: how many calls had ended when it was met last.
    pub const fn ends_mut(&mut self) -> Option<&mut u32> {
        match &mut self.protocol {
            Protocol::Gre(ends) => Some(ends),
            _ => None,
        }
    }

    /// A helper announced it.
    pub const fn announced(&mut self) {
        self.status.set(Status::EXPECTED);
    }

    /// A rule gave it a helper.
    pub const fn set_helper(&mut self) {
        self.status.set(Status::HELPER);
    }

    /// A rule gave it timeouts.
    pub const fn set_timeouts(&mut self) {
        self.status.set(Status::TIMEOUTS);
    }

    /// What it has been through.
    #[must_use]
    pub const fn status(&self) -> Status {
        self.status
    }

    /// Its state machine.
    #[must_use]
    pub const fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    /// Whether it is over, though it is remembered for a while: a TCP connection that was closed. It does not come back.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        match &self.protocol {
            Protocol::Tcp(tcp) => matches!(tcp.state(), tcp::State::TimeWait | tcp::State::Close),
            _ => false,
        }
    }

    /// Whether it is never evicted early.
    #[must_use]
    pub const fn is_assured(&self) -> bool {
        self.status.has(Status::ASSURED)
    }
}

impl flow::Entry for Flow {
    type Stored = Record;
    type More = More;
    type Extra = Extra;

    fn is_missed(extra: &Extra) -> bool {
        !extra.counted_by.is_empty() || extra.helped.is_missed()
    }

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn store(&self) -> (Record, Option<More>) {
        Record::store(self)
    }

    fn load(record: &Record, more: &More) -> Self {
        record.load(more)
    }

    #[inline]
    fn is_named(record: &Record, more: &More, key: &FlowKey) -> bool {
        record.is_of(more, key)
    }
}

#[cfg(test)]
mod tests {
    use super::{Flow, Protocol, Status};
    use crate::flow::{FlowKey, Orientation};
    use crate::time::Tick;
    use crate::track::{CtState, Direction};

    #[test]
    fn the_first_packet_names_the_directions() {
        for original in [Orientation::Up, Orientation::Down] {
            let mut flow = Flow::new(FlowKey::default(), original, Tick(7), Protocol::Generic);
            assert_eq!(flow.original(), original);
            assert_eq!(flow.direction(original), Direction::Original);
            assert_eq!(flow.direction(original.reversed()), Direction::Reply);
            assert_eq!(flow.state(Direction::Original), CtState::New);
            assert_eq!(flow.state(Direction::Reply), CtState::Established);
            flow.status.set(Status::SEEN_REPLY);
            assert_eq!(flow.state(Direction::Original), CtState::Established);
            assert!(!flow.is_assured());
            assert_eq!(flow.original(), original, "bits do not overlap");
        }
    }
}
