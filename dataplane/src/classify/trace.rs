//! Does the next packet of the connection get the same answer? What a packet's way through the rules depended on.
//!
//! Two packets of one connection that go the same way and are plain ([`crate::packet::Short`]) and established have
//! much in common: addresses, ports, protocol, interfaces, the state. If the rules looked at nothing else and did
//! nothing but count, the second goes the way of the first, and need not be shown to them.

use config::policy::{CounterId, Ct, Field, Header, HeaderBase, Load, Meta};

/// What the outcome of a step depends on, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Varies {
    /// On what all plain packets of a direction of a connection have in common.
    #[default]
    ByFlow,
    /// On what they have in common if it is a TCP connection.
    ByFlowIfTcp,
    /// On the packet, on packets before it, or on time; or the step does something.
    ByPacket,
}

impl Varies {
    /// Of what a field holds.
    pub(super) fn of(field: &Field) -> Self {
        match field.load {
            Load::Payload { base, offset, width } => Self::of_bits(base, offset, width, field),
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
            | Load::AddressType { .. } => Self::ByFlow,
            Load::Whole(Header::Transport(bytes)) => Self::of_bytes(u16::from(bytes)),
            Load::Whole(Header::Tcp | Header::TcpOptions) => Self::ByFlowIfTcp,
            _ => Self::ByPacket,
        }
    }

    /// Whether there are so many bytes of transport header.
    const fn of_bytes(count: u16) -> Self {
        if count <= UDP {
            Self::ByFlow
        } else if count <= TCP {
            Self::ByFlowIfTcp
        } else {
            Self::ByPacket
        }
    }

    fn of_bits(base: HeaderBase, offset: u16, width: u16, field: &Field) -> Self {
        let before = match base {
            HeaderBase::Link => LINK + NETWORK,
            HeaderBase::Network => NETWORK,
            HeaderBase::Transport => 0,
        };
        let is_there = Self::of_bytes((offset + width).div_ceil(8).saturating_sub(before));
        let kept = (0..width).filter(|bit| field.mask >> (width - 1 - bit) & 1 != 0);
        kept.map(|bit| Self::of_bit(base, offset + bit)).fold(is_there, Self::max)
    }

    /// Of one bit of a plain packet's headers.
    const fn of_bit(base: HeaderBase, bit: u16) -> Self {
        match (base, bit) {
            // the type; version and length, what makes a fragment, protocol, addresses; ports
            (HeaderBase::Link, 96..112)
            | (HeaderBase::Network, 0..8 | 50..64 | 72..80 | 96..160)
            | (HeaderBase::Transport, 0..32) => Self::ByFlow,
            // URG, ACK, RST, SYN, FIN
            (HeaderBase::Transport, 106 | 107 | 109..112) => Self::ByFlowIfTcp,
            _ => Self::ByPacket,
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
    varies: Varies,
    counters: [CounterId; MOST_COUNTERS],
    count: u8,
}

impl Traced {
    /// The counters that every plain packet of the connection raises that goes the same way, if it goes through the
    /// rules as this one did.
    #[must_use]
    pub fn repeats(&self, is_tcp: bool) -> Option<&[CounterId]> {
        let repeats = match self.varies {
            Varies::ByFlow => true,
            Varies::ByFlowIfTcp => is_tcp,
            Varies::ByPacket => false,
        };
        if repeats { self.counters.get(..usize::from(self.count)) } else { None }
    }
}

impl Default for Traced {
    fn default() -> Self {
        Self { varies: Varies::ByFlow, counters: [CounterId(0); MOST_COUNTERS], count: 0 }
    }
}

impl Trace for Traced {
    const IS_KEPT: bool = true;

    #[inline]
    fn depends(&mut self, on: Varies) {
        self.varies = self.varies.max(on);
    }

    #[inline]
    fn counted(&mut self, counter: CounterId) {
        match self.counters.get_mut(usize::from(self.count)) {
            Some(place) => {
                *place = counter;
                self.count += 1;
            }
            None => self.varies = Varies::ByPacket,
        }
    }
}

/// Counters that are remembered of a way through the rules; one that raises more is not.
pub(crate) const MOST_COUNTERS: usize = 12;

/// Bytes of the headers of a plain packet, options not counted.
const LINK: u16 = 14;
const NETWORK: u16 = 20;
const UDP: u16 = 8;
const TCP: u16 = 20;
