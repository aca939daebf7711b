//! What do the rules see of a connection?

use crate::classify::decision::Template;
use crate::flow::{FlowKey, Orientation};
use crate::packet::protocol;
use crate::track::Direction;
use crate::track::extra::Traffic;
use config::policy::{Ct, HelperKind, Value, Ways, interface_value};

/// The connection of a packet.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a> {
    /// Its name.
    pub key: &'a FlowKey,
    /// Which way along the key its first packet went.
    pub original: Orientation,
    /// Bits of [`status`].
    pub status: u32,
    /// The helper of the connection that announced it.
    pub expected_by: Option<HelperKind>,
    /// Milliseconds until it ends if nothing more comes; 0 of a new one, of which no packet has passed.
    pub expires: u32,
    /// What has gone to and fro; all 0 if that is not counted.
    pub traffic: Traffic,
}

/// Bits of `ct status`, as the kernel numbers them.
pub mod status {
    /// A helper expected it.
    pub const EXPECTED: u32 = 1;
    /// A packet of the reply direction was seen.
    pub const SEEN_REPLY: u32 = 2;
    /// It is never evicted early.
    pub const ASSURED: u32 = 4;
    /// Its first packet has passed.
    pub const CONFIRMED: u32 = 8;
    /// It is no longer tracked.
    pub const DYING: u32 = 512;
    /// It is no connection, but stands for one until the packet is tracked.
    pub const TEMPLATE: u32 = 2048;
    /// A rule gave it a helper.
    pub const HELPER: u32 = 8192;
}

/// The number at `load` of a packet that is not tracked yet, but about whose connection a rule has spoken.
pub(super) fn of_template(template: Template, load: Ct) -> Option<Value> {
    match load {
        _ if !template.is_shown => None,
        Ct::Zone => Some(template.zone.into()),
        Ct::Status => Some((status::TEMPLATE | status::CONFIRMED).into()),
        Ct::Helper | Ct::Packets(_) | Ct::Bytes(_) | Ct::AveragePacket(_) => None,
        _ => Some(0),
    }
}

/// One direction of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ends {
    source: u128,
    destination: u128,
    source_port: u16,
    destination_port: u16,
}

impl Connection<'_> {
    /// The number at `load`; `None` if it has none, or is of the other family.
    pub(super) fn load(&self, load: Ct) -> Option<Value> {
        let is_v6 = self.key.version == 6;
        Some(match load {
            Ct::Status => self.status.into(),
            Ct::Zone => self.key.zone.into(),
            Ct::Helper => interface_value(self.expected_by?.name())?,
            Ct::Expiration => self.expires.into(),
            Ct::L3Proto => {
                if is_v6 {
                    10
                } else {
                    2
                }
            }
            Ct::Protocol => self.key.protocol.into(),
            Ct::Address { v6, .. } if v6 != is_v6 => return None,
            Ct::Address { reply, destination: true, .. } => self.ends(reply).destination,
            Ct::Address { reply, destination: false, .. } => self.ends(reply).source,
            Ct::Port { reply, destination: true } => self.ends(reply).destination_port.into(),
            Ct::Port { reply, destination: false } => self.ends(reply).source_port.into(),
            Ct::Packets(ways) => self.packets(ways).into(),
            Ct::Bytes(ways) => self.bytes(ways).into(),
            Ct::AveragePacket(ways) => self.bytes(ways).checked_div(self.packets(ways)).unwrap_or(0).into(),
            Ct::State | Ct::Direction | Ct::Mark => return None,
        })
    }

    fn packets(&self, ways: Ways) -> u64 {
        Self::sum(ways, |direction| self.traffic.packets(direction))
    }

    fn bytes(&self, ways: Ways) -> u64 {
        Self::sum(ways, |direction| self.traffic.bytes(direction))
    }

    fn sum(ways: Ways, of: impl Fn(Direction) -> u64) -> u64 {
        match ways {
            Ways::Original => of(Direction::Original),
            Ways::Reply => of(Direction::Reply),
            Ways::Both => of(Direction::Original).wrapping_add(of(Direction::Reply)),
        }
    }

    /// The original direction, or the reply.
    fn ends(&self, reply: bool) -> Ends {
        let &FlowKey { low, high, low_port, high_port, protocol, version, .. } = self.key;
        let up = Ends { source: low, destination: high, source_port: low_port, destination_port: high_port };
        let is_up = (self.original == Orientation::Up) != reply;
        let is_icmp = matches!((version, protocol), (4, protocol::ICMP) | (6, protocol::ICMPV6));
        match (is_up, is_icmp) {
            (true, _) => up,
            (false, false) => {
                Ends { source: high, destination: low, source_port: high_port, destination_port: low_port }
            }
            // Both directions have the identifier; type and code stand where a port is sent to.
            (false, true) => {
                let [request, code] = high_port.to_be_bytes();
                let destination_port = u16::from_be_bytes([reply_type(version, request), code]);
                Ends { source: high, destination: low, destination_port, ..up }
            }
        }
    }
}

/// The ICMP type that answers a request.
const fn reply_type(version: u8, request: u8) -> u8 {
    match (version, request) {
        (4, 8) => 0,
        (4, 13 | 15 | 17) | (6, 128 | 139) => request + 1,
        _ => request,
    }
}

#[cfg(test)]
mod tests {
    use super::Connection;
    use crate::flow::{FlowKey, Orientation};
    use crate::track::extra::Traffic;
    use config::policy::{Ct, Value};

    fn all(connection: &Connection<'_>, v6: bool) -> Vec<Option<Value>> {
        let ways = [(false, false), (false, true), (true, false), (true, true)];
        let addresses = ways.map(|(reply, destination)| Ct::Address { reply, destination, v6 });
        let ports = ways.map(|(reply, destination)| Ct::Port { reply, destination });
        addresses.into_iter().chain(ports).map(|load| connection.load(load)).collect()
    }

    #[test]
    fn both_directions_of_a_tuple() {
        let key = FlowKey { low: 1, high: 2, low_port: 80, high_port: 999, protocol: 6, version: 4, zone: 0 };
        let mut connection = Connection {
            key: &key,
            original: Orientation::Down,
            status: 14,
            expected_by: None,
            expires: 77,
            traffic: Traffic::default(),
        };
        assert_eq!(all(&connection, false), [2, 1, 1, 2, 999, 80, 80, 999].map(Some));
        assert_eq!(all(&connection, true)[..4], [None; 4], "no IPv6 address");
        connection.original = Orientation::Up;
        assert_eq!(all(&connection, false), [1, 2, 2, 1, 80, 999, 999, 80].map(Some));
        let others = [Ct::Status, Ct::Zone, Ct::Expiration, Ct::L3Proto, Ct::Protocol];
        assert_eq!(others.map(|load| connection.load(load)), [14, 0, 77, 2, 6].map(Some));
    }

    #[test]
    fn a_ping_has_its_identifier_both_ways_and_the_type_of_the_answer() {
        let key =
            FlowKey { low: 9, high: 2, low_port: 7, high_port: 0x0800, protocol: 1, version: 4, zone: 0 };
        let connection = Connection {
            key: &key,
            original: Orientation::Up,
            status: 0,
            expected_by: None,
            expires: 0,
            traffic: Traffic::default(),
        };
        assert_eq!(all(&connection, false), [9, 2, 2, 9, 7, 0x0800, 7, 0].map(Some));
        let key = FlowKey { high_port: 0x8000, protocol: 58, version: 6, ..key };
        let connection = Connection { key: &key, ..connection };
        assert_eq!(all(&connection, true)[4..], [7, 0x8000, 7, 0x8100].map(Some));
        assert_eq!(connection.load(Ct::L3Proto), Some(10));
    }
}
