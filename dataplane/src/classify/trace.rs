//! Does the next packet of the connection get the same answer? What a packet's way through the rules depended on.
//!
//! Two packets of one connection that go the same way and are plain ([`crate::packet::Short`]) and established have
//! much in common: addresses, ports, protocol, interfaces, the state. If the rules looked at nothing else and did
//! nothing but count, the second goes the way of the first, and need not be shown to them.
//!
//! Two plain packets of IPv4 that each begin a connection have less in common: protocol, TCP flags, interfaces. But if
//! the trees of their chains lead both to the same rule, what that rule asks besides may be the same of both.

use crate::packet::Network;
use config::policy::{CounterId, Ct, Field, Header, HeaderBase, Load, Meta};

/// What the outcome of a step depends on: if the packet is one of IPv4, if it is one of IPv6, and if it begins a
/// connection of IPv4 and others that do are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Varies {
    v4: Variation,
    v6: Variation,
    first: Variation,
}

/// What an outcome depends on, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Variation {
    /// On what all have in common: plain packets of a direction of a connection, or those that begin one with the same
    /// protocol and flags.
    #[default]
    Flow,
    /// On what they have in common if they are TCP.
    FlowIfTcp,
    /// On the packet, on packets before it, or on time; or the step does something.
    Packet,
}

impl Varies {
    /// On what all plain packets of a direction of a connection have in common.
    pub(super) const BY_FLOW: Self =
        Self { v4: Variation::Flow, v6: Variation::Flow, first: Variation::Flow };
    /// On the packet, on packets before it, or on time; or the step does something.
    pub(super) const BY_PACKET: Self =
        Self { v4: Variation::Packet, v6: Variation::Packet, first: Variation::Packet };

    /// Of what a field holds.
    pub(super) fn of(field: &Field) -> Self {
        Self {
            v4: Variation::of(field, IPV4),
            v6: Variation::of(field, IPV6),
            first: Variation::of_first(field),
        }
    }

    /// The same of a condition that holds wherever the tree of its chain names the rule: it is the tree that depends on
    /// what others that begin a connection do not have in common.
    pub(super) fn held(self) -> Self {
        Self { first: Variation::Flow, ..self }
    }

    /// Of what several fields hold.
    pub(super) fn of_all<'a>(fields: impl IntoIterator<Item = &'a Field>) -> Self {
        fields.into_iter().map(Self::of).fold(Self::BY_FLOW, Self::or)
    }

    /// On either.
    #[inline]
    pub(super) fn or(self, other: Self) -> Self {
        Self { v4: self.v4.max(other.v4), v6: self.v6.max(other.v6), first: self.first.max(other.first) }
    }
}

/// Bytes of the network header of a plain packet.
const IPV4: u16 = 20;
const IPV6: u16 = 40;

impl Variation {
    /// Of what a field holds in a packet with a network header of so many bytes.
    fn of(field: &Field, network: u16) -> Self {
        match field.load {
            Load::Payload { base, offset, width } => {
                Self::of_bits(base, offset, width, field, network, Self::of_bit)
            }
            Load::Meta(
                Meta::Protocol
                | Meta::NfProto
                | Meta::L4Proto
                | Meta::IifName
                | Meta::OifName
                | Meta::InType
                | Meta::OutType
                | Meta::Mark,
            )
            | Load::Ct(
                Ct::State
                | Ct::Direction
                | Ct::Mark
                | Ct::Zone
                | Ct::L3Proto
                | Ct::Protocol
                | Ct::Address { .. }
                | Ct::Port { .. },
            )
            // a plain packet goes to one station, and its headers are whole
            | Load::AddressType { .. } => Self::Flow,
            Load::Whole(Header::Transport(bytes)) => Self::of_bytes(u16::from(bytes)),
            Load::Whole(Header::Tcp | Header::TcpOptions) => Self::FlowIfTcp,
            _ => Self::Packet,
        }
    }

    /// Of what a field holds in a plain packet of IPv4 that begins a connection.
    fn of_first(field: &Field) -> Self {
        match field.load {
            Load::Payload { base, offset, width } => {
                Self::of_bits(base, offset, width, field, IPV4, Self::of_first_bit)
            }
            Load::Meta(_)
            | Load::Ct(Ct::State | Ct::Direction | Ct::Mark | Ct::Zone | Ct::L3Proto | Ct::Protocol)
            | Load::Whole(_) => Self::of(field, IPV4),
            _ => Self::Packet,
        }
    }

    /// Whether there are so many bytes of transport header.
    const fn of_bytes(count: u16) -> Self {
        if count <= UDP {
            Self::Flow
        } else if count <= TCP {
            Self::FlowIfTcp
        } else {
            Self::Packet
        }
    }

    fn of_bits(
        base: HeaderBase,
        offset: u16,
        width: u16,
        field: &Field,
        network: u16,
        of_bit: fn(HeaderBase, u16, u16) -> Self,
    ) -> Self {
        let before = match base {
            HeaderBase::Link => LINK + network,
            HeaderBase::Network => network,
            HeaderBase::Transport => 0,
        };
        let is_there = Self::of_bytes((offset + width).div_ceil(8).saturating_sub(before));
        let kept = (0..width).filter(|bit| field.mask >> (width - 1 - bit) & 1 != 0);
        kept.map(|bit| of_bit(base, offset + bit, network)).fold(is_there, Self::max)
    }

    /// Of one bit of the headers of a plain packet of IPv4 that begins a connection.
    const fn of_first_bit(base: HeaderBase, bit: u16, _: u16) -> Self {
        match (base, bit) {
            // the type; version and length, what makes a fragment, protocol
            (HeaderBase::Link, 96..112) | (HeaderBase::Network, 0..8 | 50..64 | 72..80) => Self::Flow,
            (HeaderBase::Transport, 104..112) => Self::FlowIfTcp,
            _ => Self::Packet,
        }
    }

    /// Of one bit of a plain packet's headers.
    const fn of_bit(base: HeaderBase, bit: u16, network: u16) -> Self {
        match (base, bit) {
            // version, next header, addresses
            (HeaderBase::Network, _) if network == IPV6 => {
                if matches!(bit, 0..4 | 48..56 | 64..320) {
                    Self::Flow
                } else {
                    Self::Packet
                }
            }
            // the type; version and length, what makes a fragment, protocol, addresses; ports
            (HeaderBase::Link, 96..112)
            | (HeaderBase::Network, 0..8 | 50..64 | 72..80 | 96..160)
            | (HeaderBase::Transport, 0..32) => Self::Flow,
            // URG, ACK, RST, SYN, FIN
            (HeaderBase::Transport, 106 | 107 | 109..112) => Self::FlowIfTcp,
            _ => Self::Packet,
        }
    }
}

/// Is told what a packet's way through the rules depends on.
pub trait Trace {
    /// Whether it listens.
    const IS_KEPT: bool;

    /// An outcome that depends on this.
    fn depends(&mut self, on: Varies);

    /// A counter that was raised.
    fn counted(&mut self, counter: CounterId);
}

/// Nobody asks.
impl Trace for () {
    const IS_KEPT: bool = false;

    #[inline]
    fn depends(&mut self, _: Varies) {}

    #[inline]
    fn counted(&mut self, _: CounterId) {}
}

/// What one packet's way depended on, and which counters it raised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traced {
    among: Among,
    varies: Variation,
    counters: [CounterId; MOST_COUNTERS],
    count: u8,
}

/// Which packets are asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Among {
    /// The next ones of a connection of IPv4.
    OfFlow,
    /// The same of IPv6.
    OfFlowV6,
    /// The first ones of other connections.
    First,
}

impl Traced {
    /// For the next packets of a connection of this network layer; nothing yet.
    #[must_use]
    pub fn of(network: Network) -> Self {
        Self::among(if network == Network::Ipv6 { Among::OfFlowV6 } else { Among::OfFlow })
    }

    /// For plain packets of IPv4 that begin a connection with the same protocol and flags, come in by the same interface
    /// and lie, in each tree that was looked at ahead, in the same box.
    #[must_use]
    pub const fn of_first() -> Self {
        Self::among(Among::First)
    }

    const fn among(among: Among) -> Self {
        Self { among, varies: Variation::Flow, counters: [CounterId(0); MOST_COUNTERS], count: 0 }
    }

    /// The counters that every packet raises that is asked about, if it goes through the rules as this one did.
    #[must_use]
    pub fn repeats(&self, is_tcp: bool) -> Option<&[CounterId]> {
        let repeats = match self.varies {
            Variation::Flow => true,
            Variation::FlowIfTcp => is_tcp,
            Variation::Packet => false,
        };
        if repeats { self.counters.get(..usize::from(self.count)) } else { None }
    }
}

impl Trace for Traced {
    const IS_KEPT: bool = true;

    #[inline]
    fn depends(&mut self, on: Varies) {
        self.varies = self.varies.max(match self.among {
            Among::OfFlow => on.v4,
            Among::OfFlowV6 => on.v6,
            Among::First => on.first,
        });
    }

    #[inline]
    fn counted(&mut self, counter: CounterId) {
        match self.counters.get_mut(usize::from(self.count)) {
            Some(place) => {
                *place = counter;
                self.count += 1;
            }
            None => self.varies = Variation::Packet,
        }
    }
}

/// Counters that are remembered of a way through the rules; one that raises more is not.
pub(crate) const MOST_COUNTERS: usize = 12;

/// Bytes of the headers of a plain packet, options not counted.
const LINK: u16 = 14;
const UDP: u16 = 8;
const TCP: u16 = 20;
