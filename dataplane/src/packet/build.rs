//! How does a test write down a frame? Layer by layer, with correct lengths and checksums unless it says
//! otherwise.
//!
//! Everything is computed the slow, obvious way, and by code the parser does not share: a frame from here is
//! the reference the parser is held against.

use std::net::IpAddr;

use super::protocol;

/// A frame in the making. Ethernet with nothing in it until a network layer is named.
#[derive(Debug, Clone)]
pub struct FrameBuilder {
    tags: Vec<(u16, u16)>,
    ethertype: Option<u16>,
    network: Option<NetworkLayer>,
    transport: Transport,
    payload: Vec<u8>,
    padding: usize,
    network_patches: Vec<(usize, Vec<u8>)>,
    transport_patches: Vec<(usize, Vec<u8>)>,
    frame_patches: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug, Clone)]
struct NetworkLayer {
    source: IpAddr,
    destination: IpAddr,
    time_to_live: u8,
    identification: u32,
    fragment: Option<(u16, bool)>,
    options: Vec<u8>,
    extensions: Vec<(u8, Vec<u8>)>,
}

#[derive(Debug, Clone)]
enum Transport {
    Raw(u8),
    Tcp(TcpFields),
    Udp { ports: [u16; 2] },
    UdpLite { ports: [u16; 2], coverage: u16 },
    Icmp { icmp_type: u8, code: u8, rest: [u8; 4] },
    Sctp { ports: [u16; 2], tag: u32 },
    Dccp { ports: [u16; 2], packet_type: u8, sequence: u64, coverage: u8, body: Vec<u8> },
    Gre { flags: u16, protocol: u16 },
}

#[derive(Debug, Clone)]
struct TcpFields {
    ports: [u16; 2],
    sequence: u32,
    acknowledgement: u32,
    flags: u8,
    window: u16,
    options: Vec<u8>,
}

impl Default for FrameBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuilder {
    /// An Ethernet frame with nothing in it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tags: Vec::new(),
            ethertype: None,
            network: None,
            transport: Transport::Raw(59),
            payload: Vec::new(),
            padding: 0,
            network_patches: Vec::new(),
            transport_patches: Vec::new(),
            frame_patches: Vec::new(),
        }
    }

    /// Adds a VLAN tag: its TPID (0x8100, 0x88a8, ...) and control information. The outer one first.
    #[must_use]
    pub fn vlan(mut self, tag_protocol: u16, control: u16) -> Self {
        self.tags.push((tag_protocol, control));
        self
    }

    /// Overrides the `EtherType` that the network layer implies.
    #[must_use]
    pub const fn ethertype(mut self, ethertype: u16) -> Self {
        self.ethertype = Some(ethertype);
        self
    }

    /// IPv4 or IPv6, by the family of the addresses: `[10, 0, 0, 1]`, `[0xfd00, 0, 0, 0, 0, 0, 0, 1]`, `IpAddr`.
    ///
    /// # Panics
    /// If the families differ.
    #[must_use]
    pub fn ip(mut self, source: impl Into<IpAddr>, destination: impl Into<IpAddr>) -> Self {
        let (source, destination) = (source.into(), destination.into());
        assert_eq!(source.is_ipv4(), destination.is_ipv4(), "one family");
        self.network = Some(NetworkLayer {
            source,
            destination,
            time_to_live: 64,
            identification: 0x1234,
            fragment: None,
            options: Vec::new(),
            extensions: Vec::new(),
        });
        self
    }

    /// IPv4 options; filled up with zeros to a multiple of four.
    #[must_use]
    pub fn ipv4_options(mut self, options: &[u8]) -> Self {
        self.layer().options = filled(options, 4);
        self
    }

    /// Appends an IPv6 extension header: its number and all its bytes, of which the first (next header) is
    /// written at the end and all others stand as given.
    #[must_use]
    pub fn extension(mut self, number: u8, bytes: &[u8]) -> Self {
        self.layer().extensions.push((number, bytes.to_vec()));
        self
    }

    /// Time to live, hop limit.
    #[must_use]
    pub fn time_to_live(mut self, hops: u8) -> Self {
        self.layer().time_to_live = hops;
        self
    }

    /// Identification of the datagram; IPv4 takes the low 16 bits.
    #[must_use]
    pub fn identification(mut self, identification: u32) -> Self {
        self.layer().identification = identification;
        self
    }

    /// Makes it a fragment: offset in units of eight bytes, and whether more follow. IPv6 gets a fragment
    /// header behind the other extension headers. The transport header is written as ever: give a later
    /// fragment as [`Self::raw`].
    #[must_use]
    pub fn fragment(mut self, offset: u16, more: bool) -> Self {
        self.layer().fragment = Some((offset, more));
        self
    }

    /// No transport header of its own: `protocol` and the payload.
    #[must_use]
    pub fn raw(self, protocol: u8) -> Self {
        self.transport(Transport::Raw(protocol))
    }

    /// TCP with `flags`; sequence 1, window 65535.
    #[must_use]
    pub fn tcp(self, source_port: u16, destination_port: u16, flags: u8) -> Self {
        self.transport(Transport::Tcp(TcpFields {
            ports: [source_port, destination_port],
            sequence: 1,
            acknowledgement: 0,
            flags,
            window: 0xffff,
            options: Vec::new(),
        }))
    }

    /// TCP sequence number.
    #[must_use]
    pub fn sequence(mut self, sequence: u32) -> Self {
        self.tcp_fields().sequence = sequence;
        self
    }

    /// TCP acknowledgement number.
    #[must_use]
    pub fn acknowledgement(mut self, acknowledgement: u32) -> Self {
        self.tcp_fields().acknowledgement = acknowledgement;
        self
    }

    /// TCP window.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        self.tcp_fields().window = window;
        self
    }

    /// TCP options; filled up with zeros to a multiple of four.
    #[must_use]
    pub fn tcp_options(mut self, options: &[u8]) -> Self {
        self.tcp_fields().options = filled(options, 4);
        self
    }

    /// UDP.
    #[must_use]
    pub fn udp(self, source_port: u16, destination_port: u16) -> Self {
        self.transport(Transport::Udp { ports: [source_port, destination_port] })
    }

    /// UDP-Lite with its checksum coverage in bytes; 0 covers everything.
    #[must_use]
    pub fn udplite(self, source_port: u16, destination_port: u16, coverage: u16) -> Self {
        self.transport(Transport::UdpLite { ports: [source_port, destination_port], coverage })
    }

    /// ICMP over IPv4, ICMPv6 over IPv6; `rest` is the second word of the header.
    #[must_use]
    pub fn icmp(self, icmp_type: u8, code: u8, rest: [u8; 4]) -> Self {
        self.transport(Transport::Icmp { icmp_type, code, rest })
    }

    /// An ICMP or ICMPv6 query: identifier and sequence number.
    #[must_use]
    pub fn icmp_query(self, icmp_type: u8, identifier: u16, sequence: u16) -> Self {
        let ([a, b], [c, d]) = (identifier.to_be_bytes(), sequence.to_be_bytes());
        self.icmp(icmp_type, 0, [a, b, c, d])
    }

    /// SCTP; the payload is the chunks.
    #[must_use]
    pub fn sctp(self, source_port: u16, destination_port: u16, tag: u32) -> Self {
        self.transport(Transport::Sctp { ports: [source_port, destination_port], tag })
    }

    /// DCCP with 48-bit sequence numbers; `body` is the rest of the header, filled up to a multiple of four.
    #[must_use]
    pub fn dccp(self, ports: [u16; 2], packet_type: u8, sequence: u64, body: &[u8]) -> Self {
        let body = filled(body, 4);
        self.transport(Transport::Dccp { ports, packet_type, sequence, coverage: 0, body })
    }

    /// DCCP checksum coverage, the four-bit field (RFC 4340, section 9.2).
    ///
    /// # Panics
    /// Without [`Self::dccp`] before it.
    #[must_use]
    pub fn dccp_coverage(mut self, field: u8) -> Self {
        let Transport::Dccp { coverage, .. } = &mut self.transport else { panic!("dccp() first") };
        *coverage = field;
        self
    }

    /// The first four bytes of GRE: flags with version, and protocol. All else is payload.
    #[must_use]
    pub fn gre(self, flags: u16, protocol: u16) -> Self {
        self.transport(Transport::Gre { flags, protocol })
    }

    /// What comes last, behind the transport header.
    #[must_use]
    pub fn payload(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    /// Bytes behind the packet that no length counts.
    #[must_use]
    pub const fn padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }

    /// Overwrites bytes from `offset` of the network header on, before the IPv4 header checksum is computed.
    #[must_use]
    pub fn network_bytes(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.network_patches.push((offset, bytes.to_vec()));
        self
    }

    /// Overwrites bytes from `offset` of the transport header on, before its checksum is computed.
    #[must_use]
    pub fn transport_bytes(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.transport_patches.push((offset, bytes.to_vec()));
        self
    }

    /// Overwrites bytes of the finished frame, whatever that breaks.
    #[must_use]
    pub fn overwrite(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.frame_patches.push((offset, bytes.to_vec()));
        self
    }

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
        let header_length = bytes.len();
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
            Transport::Dccp { coverage: 0, .. } => (6, bytes.len()),
            Transport::Dccp { coverage, .. } => (6, header_length + 4 * (usize::from(*coverage) - 1)),
        };
        let mut summed = Vec::new();
        if number != protocol::ICMP {
            summed.extend(octets(network.source));
            summed.extend(octets(network.destination));
            summed.extend((bytes.len() as u32).to_be_bytes());
            summed.extend([0, 0, 0, number]);
        }
        summed.extend(&bytes[..covered.min(bytes.len())]);
        let sum = match checksum(&summed) {
            0 if matches!(self.transport, Transport::Udp { .. } | Transport::UdpLite { .. }) => 0xffff,
            sum => sum,
        };
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    fn layer(&mut self) -> &mut NetworkLayer {
        self.network.as_mut().expect("ip() first")
    }

    fn tcp_fields(&mut self) -> &mut TcpFields {
        match &mut self.transport {
            Transport::Tcp(fields) => fields,
            _ => panic!("tcp() first"),
        }
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
            Self::Dccp { ports, packet_type, sequence, coverage, body } => {
                bytes.extend(ports.iter().flat_map(|port| port.to_be_bytes()));
                bytes.extend([((16 + body.len()) / 4) as u8, *coverage, 0, 0, packet_type << 1 | 1, 0]);
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

/// `bytes` with zeros behind, up to a multiple of `unit`.
fn filled(bytes: &[u8], unit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(unit), 0);
    bytes
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

/// The internet checksum, RFC 1071, two bytes at a time.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for pair in bytes.chunks(2) {
        sum += u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// CRC32c (RFC 9260, appendix A), a bit at a time.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::{FrameBuilder, checksum, crc32c};
    use crate::packet::flag;

    #[test]
    fn the_references_agree_with_published_values() {
        // RFC 1071, section 3: the example's sum is ddf2.
        assert_eq!(checksum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), !0xddf2);
        // RFC 3720, appendix B.4: 32 bytes of zeros.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

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
