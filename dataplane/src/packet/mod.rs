//! What is in this frame? Headers are read once, their offsets kept; nothing is ever read past the frame.

#[cfg(any(test, feature = "test-support"))]
pub mod build;

use crate::reason::Reason;

/// The network layer of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Network {
    /// Neither IPv4 nor IPv6 (ARP, LLDP, ...), or no whole Ethernet header.
    #[default]
    Other,
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// What part of a datagram a packet carries. An IPv6 atomic fragment (RFC 6946) is a whole datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragment {
    /// All of it.
    #[default]
    Whole,
    /// Its first part; the transport header, or its beginning, is in it.
    First,
    /// A later part: no transport header.
    Later,
}

/// Which conversation a packet belongs to, as sent: both ends and the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Tuple {
    /// The network layer.
    pub network: Network,
    /// The transport protocol, behind extension headers.
    pub protocol: u8,
    /// ICMP and ICMPv6: the type; otherwise 0.
    pub icmp_type: u8,
    /// ICMP and ICMPv6: the code; otherwise 0.
    pub icmp_code: u8,
    /// Sender; an IPv4 address in the low 32 bits.
    pub source: u128,
    /// Receiver; an IPv4 address in the low 32 bits.
    pub destination: u128,
    /// L4 port of the sender; ICMP and ICMPv6 queries: the identifier; 0 where there is none.
    pub source_port: u16,
    /// L4 port of the receiver; GRE version 1: the call id; 0 where there is none.
    pub destination_port: u16,
}

/// What the tracker needs of a TCP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tcp {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number, whether or not the ACK flag is set.
    pub acknowledgement: u32,
    /// Window as it is in the header, not scaled.
    pub window: u16,
    /// The eight flag bits CWR ECE URG ACK PSH RST SYN FIN, FIN lowest.
    pub flags: u8,
    /// Data offset in bytes.
    pub header_length: u8,
    /// Payload bytes, SYN and FIN not counted.
    pub payload_length: u32,
    /// Window scale option (RFC 7323), as sent.
    pub window_scale: Option<u8>,
    /// SACK permitted option (RFC 2018).
    pub sack_permitted: bool,
    /// The greatest right edge of the SACK blocks, by serial number arithmetic; `None` without any.
    pub sack_right_edge: Option<u32>,
}

/// A frame's headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Packet {
    /// Bytes of the frame.
    pub frame_length: u32,
    /// `EtherType` behind the VLAN tags.
    pub ethertype: u16,
    /// How many VLAN tags were read (at most 2: 802.1Q, 802.1ad).
    pub vlan_tags: u8,
    /// The tags' control information, outer first.
    pub vlan: [u16; 2],
    /// Offset of the network header in the frame.
    pub network_offset: u16,
    /// Offset of the transport header in the frame; meaningless if `has_transport` is not set.
    pub transport_offset: u16,
    /// Whether a transport header was reached (`meta l4proto` loads). Set for a fragment's tail too: the
    /// protocol is known there, but no byte of the transport header can be read.
    pub has_transport: bool,
    /// What part of a datagram this is.
    pub fragment: Fragment,
    /// Bytes from the network header to the end of the packet (padding behind it is not counted).
    pub network_length: u32,
    /// Who talks to whom.
    pub tuple: Tuple,
    /// The TCP header, if `tuple.protocol` is TCP and the header is whole.
    pub tcp: Tcp,
    /// What is wrong with the packet, if anything. [`Reason::is_before_rules`] says whether it meets the rules.
    pub fault: Option<Reason>,
}

/// Protocol numbers (IANA).
pub mod protocol {
    /// ICMP for IPv4, RFC 792.
    pub const ICMP: u8 = 1;
    /// TCP, RFC 9293.
    pub const TCP: u8 = 6;
    /// UDP, RFC 768.
    pub const UDP: u8 = 17;
    /// DCCP, RFC 4340.
    pub const DCCP: u8 = 33;
    /// GRE, RFC 2784.
    pub const GRE: u8 = 47;
    /// ESP, RFC 4303.
    pub const ESP: u8 = 50;
    /// AH, RFC 4302.
    pub const AH: u8 = 51;
    /// ICMPv6, RFC 4443.
    pub const ICMPV6: u8 = 58;
    /// SCTP, RFC 9260.
    pub const SCTP: u8 = 132;
    /// UDP-Lite, RFC 3828.
    pub const UDPLITE: u8 = 136;
}

/// TCP flag bits.
pub mod flag {
    /// No more data from the sender.
    pub const FIN: u8 = 0x01;
    /// Synchronise sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// The acknowledgement number counts.
    pub const ACK: u8 = 0x10;
    /// The urgent pointer counts.
    pub const URG: u8 = 0x20;
    /// Congestion experienced echo.
    pub const ECE: u8 = 0x40;
    /// Congestion window reduced.
    pub const CWR: u8 = 0x80;
}

impl Reason {
    /// Whether a packet with this fault is dropped before any rule sees it, as the kernel's IP layer does.
    #[must_use]
    pub const fn is_before_rules(self) -> bool {
        matches!(
            self,
            Self::EthernetTruncated
                | Self::Ipv4HeaderTruncated
                | Self::Ipv4Version
                | Self::Ipv4HeaderLength
                | Self::Ipv4TotalLength
                | Self::Ipv4Truncated
                | Self::Ipv4Checksum
                | Self::Ipv6HeaderTruncated
                | Self::Ipv6Version
                | Self::Ipv6Truncated
                | Self::Ipv6HopByHop
        )
    }
}
