//! How does a test write down a frame? Layer by layer, with correct lengths and checksums unless it says
//! otherwise.
//!
//! Everything is computed the slow, obvious way, and by code the parser does not share: a frame from here is
//! the reference the parser is held against.

mod cut;
mod encode;
mod reference;

use std::net::IpAddr;

pub use cut::{cut, fragment, fragmentable};
pub use reference::{checksum, crc32c};

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
    Dccp { ports: [u16; 2], packet_type: u8, sequence: u64, body: Vec<u8> },
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

    /// UDP-Lite with its checksum coverage in bytes; 0 covers everything. Its checksum is the one that conntrack
    /// takes, with UDP's number in the pseudo-header.
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
        self.transport(Transport::Dccp { ports, packet_type, sequence, body })
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

/// `bytes` with zeros behind, up to a multiple of `unit`.
fn filled(bytes: &[u8], unit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(bytes.len().next_multiple_of(unit), 0);
    bytes
}
