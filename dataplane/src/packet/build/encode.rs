//! How do the layers of a frame become its bytes?

use std::net::IpAddr;

use super::reference::{checksum, crc32c};
use super::{FrameBuilder, NetworkLayer, Transport};
use crate::packet::protocol;

impl FrameBuilder {
    /// The frame.
    ///
    /// # Panics
    /// If an overwritten range lies outside.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        let mut frame = vec![0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1];
        for (tag_protocol, control) in &self.tags {
            frame.extend(tag_protocol.to_be_bytes());
            frame.extend(control.to_be_bytes());
        }
        let implied = match &self.network {
            None => 0x88b5, // local experimental (IEEE 802)
            Some(network) if network.source.is_ipv4() => 0x0800,
            Some(_) => 0x86dd,
        };
        frame.extend(self.ethertype.unwrap_or(implied).to_be_bytes());
        frame.extend(self.packet());
        frame.resize(frame.len() + self.padding, 0);
        patch(&mut frame, &self.frame_patches);
        frame
    }

    /// The packet alone, from the network header on, without padding: as an ICMP error quotes it.
    ///
    /// # Panics
    /// If an overwritten range lies outside.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let Some(network) = &self.network else { return self.payload.clone() };
        let segment = self.segment(network);
        let number = self.transport.number(network.source.is_ipv4());
        match (network.source, network.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let total = 20 + network.options.len() + segment.len();
                let mut bytes = vec![0x45 + (network.options.len() / 4) as u8, 0];
                bytes.extend((total as u16).to_be_bytes());
                bytes.extend((network.identification as u16).to_be_bytes());
                let (offset, more) = network.fragment.unwrap_or_default();
                bytes.extend((offset | u16::from(more) << 13).to_be_bytes());
                bytes.extend([network.time_to_live, number, 0, 0]);
                bytes.extend(source.octets());
                bytes.extend(destination.octets());
                bytes.extend(&network.options);
                patch(&mut bytes, &self.network_patches);
                let sum = checksum(&bytes);
                bytes[10..12].copy_from_slice(&sum.to_be_bytes());
                bytes.extend(segment);
                bytes
            }
            _ => self.ipv6_packet(network, number, &segment),
        }
    }

    fn ipv6_packet(&self, network: &NetworkLayer, number: u8, segment: &[u8]) -> Vec<u8> {
        let mut extensions = network.extensions.clone();
        if let Some((offset, more)) = network.fragment {
            let mut header = vec![0, 0];
            header.extend((offset << 3 | u16::from(more)).to_be_bytes());
            header.extend(network.identification.to_be_bytes());
            extensions.push((44, header));
        }
        let numbers: Vec<u8> = extensions.iter().map(|(number, _)| *number).chain([number]).collect();
        let mut chain = Vec::new();
        for ((_, mut header), next) in extensions.into_iter().zip(&numbers[1..]) {
            header[0] = *next;
            chain.extend(header);
        }
        let mut bytes = vec![0x60, 0, 0, 0];
        bytes.extend(((chain.len() + segment.len()) as u16).to_be_bytes());
        bytes.extend([numbers[0], network.time_to_live]);
        bytes.extend(octets(network.source));
        bytes.extend(octets(network.destination));
        bytes.extend(chain);
        patch(&mut bytes, &self.network_patches);
        bytes.extend(segment);
        bytes
    }

    /// Transport header and payload, with checksum.
    fn segment(&self, network: &NetworkLayer) -> Vec<u8> {
        let mut bytes = self.transport.header(self.payload.len());
        bytes.extend(&self.payload);
        patch(&mut bytes, &self.transport_patches);
        let is_ipv4 = network.source.is_ipv4();
        let number = self.transport.number(is_ipv4);
        let (at, covered) = match &self.transport {
            Transport::Raw(_) | Transport::Gre { .. } => return bytes,
            Transport::Sctp { .. } => {
                let sum = crc32c(&bytes);
                bytes[8..12].copy_from_slice(&sum.to_le_bytes());
                return bytes;
            }
            Transport::Tcp(_) => (16, bytes.len()),
            Transport::Udp { .. } => (6, bytes.len()),
            Transport::UdpLite { coverage: 0, .. } => (6, bytes.len()),
            Transport::UdpLite { coverage, .. } => (6, usize::from(*coverage)),
            Transport::Icmp { .. } => (2, bytes.len()),
            Transport::Dccp { .. } => (6, bytes.len()),
        };
        let mut summed = Vec::new();
        if number != protocol::ICMP {
            summed.extend(octets(network.source));
            summed.extend(octets(network.destination));
            summed.extend((bytes.len() as u32).to_be_bytes());
            let named = if number == protocol::UDPLITE { protocol::UDP } else { number };
            summed.extend([0, 0, 0, named]);
        }
        summed.extend(&bytes[..covered.min(bytes.len())]);
        let sum = match checksum(&summed) {
            0 if matches!(self.transport, Transport::Udp { .. } | Transport::UdpLite { .. }) => 0xffff,
            sum => sum,
        };
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }
}

impl Transport {
    const fn number(&self, is_ipv4: bool) -> u8 {
        match self {
            Self::Raw(number) => *number,
            Self::Tcp(_) => protocol::TCP,
            Self::Udp { .. } => protocol::UDP,
            Self::UdpLite { .. } => protocol::UDPLITE,
            Self::Icmp { .. } if is_ipv4 => protocol::ICMP,
            Self::Icmp { .. } => protocol::ICMPV6,
            Self::Sctp { .. } => protocol::SCTP,
            Self::Dccp { .. } => protocol::DCCP,
            Self::Gre { .. } => protocol::GRE,
        }
    }

    /// The header in front of `payload` bytes, its checksum zero.
    fn header(&self, payload: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Raw(_) => {}
            Self::Tcp(tcp) => {
                bytes.extend(tcp.ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend(tcp.sequence.to_be_bytes());
                bytes.extend(tcp.acknowledgement.to_be_bytes());
                bytes.extend([((20 + tcp.options.len()) << 2) as u8, tcp.flags]);
                bytes.extend(tcp.window.to_be_bytes());
                bytes.extend([0; 4]);
                bytes.extend(&tcp.options);
            }
            Self::Udp { ports } => {
                bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend((8 + payload as u16).to_be_bytes());
                bytes.extend([0; 2]);
            }
            Self::UdpLite { ports, coverage } => {
                bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend(coverage.to_be_bytes());
                bytes.extend([0; 2]);
            }
            Self::Icmp { icmp_type, code, rest } => {
                bytes.extend([*icmp_type, *code, 0, 0]);
                bytes.extend(rest);
            }
            Self::Sctp { ports, tag } => {
                bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend(tag.to_be_bytes());
                bytes.extend([0; 4]);
            }
            Self::Dccp { ports, packet_type, sequence, body } => {
                bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend([((16 + body.len()) / 4) as u8, 0, 0, 0, packet_type << 1 | 1, 0]);
                bytes.extend(&sequence.to_be_bytes()[2..]);
                bytes.extend(body);
            }
            Self::Gre { flags, protocol } => {
                bytes.extend(flags.to_be_bytes());
                bytes.extend(protocol.to_be_bytes());
            }
        }
        bytes
    }
}

fn patch(bytes: &mut [u8], patches: &[(usize, Vec<u8>)]) {
    for (offset, patch) in patches {
        bytes[*offset..offset + patch.len()].copy_from_slice(patch);
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use crate::packet::build::{FrameBuilder, checksum};
    use crate::packet::flag;

    #[test]
    fn a_syn_byte_by_byte() {
        // 10.0.0.1 port 40000 to 10.0.0.2 port 80, MSS 1460
        let frame = FrameBuilder::new()
            .ip([10, 0, 0, 1], [10, 0, 0, 2])
            .tcp(40000, 80, flag::SYN)
            .tcp_options(&[2, 4, 5, 0xb4])
            .build();
        assert_eq!(frame.len(), 14 + 20 + 24);
        assert_eq!(frame[12..14], [8, 0]);
        assert_eq!(frame[14..18], [0x45, 0, 0, 44]);
        assert_eq!(frame[34..38], [0x9c, 0x40, 0, 80]);
        assert_eq!(frame[46..50], [0x60, 2, 0xff, 0xff]);
        assert_eq!(checksum(&frame[14..34]), 0);
    }
}
