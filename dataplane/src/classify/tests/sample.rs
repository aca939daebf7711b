//! A packet for the rules to look at, bytes and headers both written down by hand.

use super::choices::Choices;
use crate::classify::Facts;
use crate::classify::facts::{Connection, Draw, Home, Known};
use crate::flow::{FlowKey, Orientation};
use crate::object::Now;
use crate::packet::{Fragment, Network, Packet, Tuple, protocol};
use crate::track::Direction;
use crate::track::extra::Traffic;
use config::policy::{HelperKind, Value, ct_state, interface_value};

/// A frame, its headers and what is known of it besides.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) bytes: Vec<u8>,
    pub(super) packet: Packet,
    pub(super) ct_state: u32,
    pub(super) ct_direction: Option<Direction>,
    pub(super) iif: Option<Value>,
    pub(super) oif: Option<Value>,
    pub(super) now: Now,
    pub(super) draw: u64,
    pub(super) key: FlowKey,
    pub(super) traffic: Traffic,
}

impl Sample {
    /// `10.0.0.source` to `10.0.0.destination`, with a transport header of 20 bytes; tags VLAN tags in front.
    pub(super) fn v4(protocol: u8, ends: [u8; 2], ports: [u16; 2], tags: usize) -> Self {
        let mut network =
            vec![0x45, 0, 0, 40, 0, 1, 0, 0, 64, protocol, 0, 0, 10, 0, 0, ends[0], 10, 0, 0, ends[1]];
        network.extend(transport(ports));
        Self::around(Network::Ipv4, 0x0800, 20, protocol, tags, &network)
    }

    /// `fd00::source` to `fd00::destination`.
    pub(super) fn v6(protocol: u8, ends: [u8; 2], ports: [u16; 2], tags: usize) -> Self {
        let mut network = vec![0x60, 0, 0, 0, 0, 20, protocol, 64];
        for end in ends {
            network.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, end]);
        }
        network.extend(transport(ports));
        Self::around(Network::Ipv6, 0x86dd, 40, protocol, tags, &network)
    }

    /// Neither.
    pub(super) fn other(ethertype: u16) -> Self {
        let mut sample =
            Self::around(Network::Other, ethertype, 0, 0, 0, &[0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1]);
        sample.packet.has_transport = false;
        sample
    }

    fn around(
        network: Network,
        ethertype: u16,
        header: u16,
        protocol: u8,
        tags: usize,
        network_bytes: &[u8],
    ) -> Self {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        for tag in 0..tags {
            bytes.extend([0x81, 0, 0, 100 + tag as u8]);
        }
        bytes.extend(ethertype.to_be_bytes());
        let network_offset = bytes.len() as u16;
        bytes.extend(network_bytes);
        let packet = Packet {
            frame_length: bytes.len() as u32,
            ethertype,
            vlan_tags: tags as u8,
            network_offset,
            transport_offset: network_offset + header,
            has_transport: true,
            network_length: network_bytes.len() as u32,
            tuple: Tuple { network, protocol, ..Tuple::default() },
            ..Packet::default()
        };
        let (iif, oif) = (interface_value("eth0"), interface_value("eth1"));
        Self {
            bytes,
            packet,
            ct_state: ct_state::NEW,
            ct_direction: Some(Direction::Original),
            iif,
            oif,
            now: Now::default(),
            draw: 0,
            key: FlowKey::default(),
            traffic: Traffic::default(),
        }
    }

    /// As a later fragment of a datagram.
    pub(super) fn into_tail(mut self) -> Self {
        self.packet.fragment = Fragment::Later;
        self
    }

    pub(super) fn facts<'a>(&'a self) -> Facts<'a, [u8]> {
        let Self { packet, ct_state, ct_direction, iif, oif, .. } = self;
        let connection = self.ct_direction.map(|direction| Connection {
            key: &self.key,
            original: Orientation::Up,
            status: if direction == Direction::Reply { 10 } else { 0 },
            expected_by: (self.draw & 1 == 1).then_some(HelperKind::Ftp),
            expires: 5000,
            traffic: self.traffic,
        });
        Facts {
            packet,
            frame: &self.bytes[..],
            ct_state: *ct_state,
            ct_direction: *ct_direction,
            iif: *iif,
            oif: *oif,
            mark: 0,
            ct_mark: self.ct_direction.map(|_| 7),
            now: self.now,
            known: Known {
                connection,
                template: None,
                shows_template: false,
                counted: None,
                no_room: false,
                home: Home::Destination,
                draw: Draw::of(self.draw),
            },
        }
    }

    pub(super) fn random(choices: &mut Choices<'_>) -> Self {
        let ends = [choices.below(8) as u8, choices.below(8) as u8];
        let ports = [choices.below(6) as u16, choices.of(&[0, 1, 2, 3, 22, 80])];
        let transport =
            choices.of(&[protocol::TCP, protocol::TCP, protocol::UDP, protocol::ICMP, protocol::ICMPV6]);
        let tags = if choices.one_in(5) { 1 + choices.below(2) } else { 0 };
        let mut sample = match choices.below(9) {
            0..=4 => Self::v4(transport, ends, ports, tags),
            5..=7 => Self::v6(transport, ends, ports, tags),
            _ => Self::other(choices.of(&[0x0806, 0x0806, 0x88cc])),
        };
        // TCP flags, or what stands there.
        let flags = usize::from(sample.packet.transport_offset) + 13;
        if let Some(byte) = sample.bytes.get_mut(flags) {
            *byte = choices.of(&[2, 16, 18, 4, 41]);
        }
        if choices.one_in(3) {
            sample.extend(choices);
        }
        if choices.one_in(8) {
            sample = sample.into_tail();
        }
        if choices.one_in(12) {
            sample.packet.has_transport = false;
        }
        if choices.one_in(6) {
            // Padding: bytes of the frame behind the packet.
            sample.packet.network_length -= 6;
        }
        (sample.ct_state, sample.ct_direction) = match choices.below(6) {
            0 | 1 => (ct_state::NEW, Some(Direction::Original)),
            2 => (ct_state::ESTABLISHED, Some(Direction::Reply)),
            3 => (ct_state::RELATED, Some(Direction::Reply)),
            4 => (ct_state::UNTRACKED, None),
            _ => (ct_state::INVALID, None),
        };
        sample.iif = choices.of(&[interface_value("eth0"), interface_value("eth1"), None]);
        sample.oif = choices.of(&[interface_value("eth0"), interface_value("eth1"), None]);
        sample.draw = choices.below(1000) as u64;
        sample.now.wall_ns = choices.of(&[0, 86_400, 100_000, 1_700_000_000]) * 1_000_000_000;
        sample.key = FlowKey {
            low: ends[0].into(),
            high: ends[1].into(),
            low_port: ports[0],
            high_port: ports[1],
            protocol: transport,
            version: choices.of(&[4, 6]),
            zone: 0,
        };
        for way in [Direction::Original, Direction::Reply] {
            (0..choices.below(3)).for_each(|_| sample.traffic.add(way, choices.of(&[40, 41, 1500])));
        }
        sample
    }

    /// Gives an IPv6 packet an extension header, any other TCP options.
    fn extend(&mut self, choices: &mut Choices<'_>) {
        let (network, transport) =
            (usize::from(self.packet.network_offset), usize::from(self.packet.transport_offset));
        if self.packet.tuple.network == Network::Ipv6 {
            let [next] = [&mut self.bytes[network + 6]];
            let header = [*next, 0, 0, choices.of(&[0, 1, 2]), 0, 0, 0, 3];
            *next = choices.of(&[0, 43, 44, 60]);
            self.bytes.splice(transport..transport, header);
            self.packet.transport_offset += 8;
            self.packet.network_length += 8;
        } else if self.packet.tuple.protocol == protocol::TCP {
            self.bytes[transport + 12] = 0x70;
            self.bytes.extend([2, 4, 5, choices.of(&[0, 1, 2, 3]), 1, choices.of(&[3, 4]), 2, 0]);
            self.packet.network_length += 8;
        }
    }
}

/// The first 20 bytes behind a network header, as TCP would have them.
fn transport(ports: [u16; 2]) -> [u8; 20] {
    let mut bytes = [0; 20];
    bytes[..2].copy_from_slice(&ports[0].to_be_bytes());
    bytes[2..4].copy_from_slice(&ports[1].to_be_bytes());
    bytes[12..14].copy_from_slice(&[0x50, 2]);
    bytes
}
