//! What names a flow, from either side? The 5-tuple in canonical order.
//!
//! Both directions of a flow, and the packet quoted in an ICMP error about it, give the same key; the
//! orientation says which way the packet goes. Where ports are symmetric the end with the smaller
//! (address, port) is `low`. An ICMP query is oriented by its type: the asking end is `low`, so that a request
//! never meets the flow of a request the other way.

use crate::packet::{Tuple, protocol};

/// The name of a flow: the same for both directions. Plain data: 40 bytes, 48 with its alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(C)]
pub struct FlowKey {
    /// The end named first.
    pub low: u128,
    /// The other end.
    pub high: u128,
    /// L4 port (ICMP: identifier) at `low`.
    pub low_port: u16,
    /// L4 port (ICMP: type and code of the request, type in the high byte) at `high`.
    pub high_port: u16,
    /// The transport protocol.
    pub protocol: u8,
    /// 4 or 6.
    pub version: u8,
    /// Conntrack zone.
    pub zone: u16,
}

/// Which way along a [`FlowKey`] a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// From `low` to `high`.
    #[default]
    Up,
    /// From `high` to `low`.
    Down,
}

impl Orientation {
    /// The other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        match self {
            Self::Up => Self::Down,
            Self::Down => Self::Up,
        }
    }
}

impl FlowKey {
    /// The flow of a packet with this tuple, and which way along it the packet goes; `None` if it is not IP.
    #[must_use]
    pub fn of(tuple: &Tuple) -> Option<(Self, Orientation)> {
        let version = tuple.network.version()?;
        let up = |low_port, high_port| Self {
            low: tuple.source,
            high: tuple.destination,
            low_port,
            high_port,
            protocol: tuple.protocol,
            version,
            zone: 0,
        };
        let icmp = (version == 4 && tuple.protocol == protocol::ICMP)
            || (version == 6 && tuple.protocol == protocol::ICMPV6);
        let (up, orientation) = if icmp {
            let (request, orientation) = icmp_request(version, tuple.icmp_type);
            (up(tuple.source_port, u16::from_be_bytes([request, tuple.icmp_code])), orientation)
        } else {
            let key = up(tuple.source_port, tuple.destination_port);
            let ascending = (key.low, key.low_port) <= (key.high, key.high_port);
            (key, if ascending { Orientation::Up } else { Orientation::Down })
        };
        Some(match orientation {
            Orientation::Up => (up, Orientation::Up),
            Orientation::Down if icmp => (Self { low: up.high, high: up.low, ..up }, Orientation::Down),
            Orientation::Down => (up.mirrored(), Orientation::Down),
        })
    }

    /// Whether the answer to a packet of this name has the packet's own name: both ends are one.
    #[must_use]
    pub fn is_its_own_reply(&self) -> bool {
        (self.low, self.low_port) == (self.high, self.high_port)
            && !matches!(self.protocol, protocol::ICMP | protocol::ICMPV6)
    }

    pub(crate) const fn mirrored(self) -> Self {
        Self { low: self.high, high: self.low, low_port: self.high_port, high_port: self.low_port, ..self }
    }
}

/// The type of the request that `icmp_type` belongs to, and whether it is the request or the reply. A type that
/// is neither stands for itself.
const fn icmp_request(version: u8, icmp_type: u8) -> (u8, Orientation) {
    match (version, icmp_type) {
        // echo, timestamp, information, address mask (RFC 792, RFC 950)
        (4, 0) => (8, Orientation::Down),
        (4, 14) => (13, Orientation::Down),
        (4, 16) => (15, Orientation::Down),
        (4, 18) => (17, Orientation::Down),
        // echo (RFC 4443), node information (RFC 4620)
        (6, 129) => (128, Orientation::Down),
        (6, 140) => (139, Orientation::Down),
        _ => (icmp_type, Orientation::Up),
    }
}

#[cfg(test)]
mod tests {
    use super::{FlowKey, Orientation};
    use crate::packet::{Network, Tuple, protocol};

    fn tcp(source: u128, source_port: u16, destination: u128, destination_port: u16) -> Tuple {
        let network = Network::Ipv4;
        Tuple {
            network,
            protocol: protocol::TCP,
            source,
            destination,
            source_port,
            destination_port,
            ..Tuple::default()
        }
    }

    fn icmp(source: u128, destination: u128, icmp_type: u8) -> Tuple {
        let (network, protocol, source_port) = (Network::Ipv4, protocol::ICMP, 77);
        Tuple { network, protocol, source, destination, source_port, icmp_type, ..Tuple::default() }
    }

    #[test]
    fn both_directions_share_a_key() {
        for (a, b) in [((1, 5), (2, 5)), ((9, 1), (2, 5)), ((3, 7), (3, 8)), ((3, 8), (3, 7))] {
            let (there, up) = FlowKey::of(&tcp(a.0, a.1, b.0, b.1)).unwrap();
            let (back, down) = FlowKey::of(&tcp(b.0, b.1, a.0, a.1)).unwrap();
            assert_eq!(there, back);
            assert_eq!(up, down.reversed());
        }
    }

    #[test]
    fn an_echo_reply_meets_its_request_and_no_other() {
        let (request, way) = FlowKey::of(&icmp(9, 2, 8)).unwrap();
        assert_eq!(way, Orientation::Up);
        assert_eq!(FlowKey::of(&icmp(2, 9, 0)).unwrap(), (request, Orientation::Down));
        let (other, way) = FlowKey::of(&icmp(2, 9, 8)).unwrap();
        assert_eq!(way, Orientation::Up);
        assert_ne!(other, request, "a request the other way is another flow");
    }
}
