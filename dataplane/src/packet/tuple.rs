//! Who talks to whom?

use super::bytes::{Bytes, be16};
use crate::frame::Frame;

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

impl Network {
    /// The version of IP, if it is IP.
    #[must_use]
    pub const fn version(self) -> Option<u8> {
        match self {
            Self::Other => None,
            Self::Ipv4 => Some(4),
            Self::Ipv6 => Some(6),
        }
    }
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

impl Tuple {
    /// Reads the two ports at `offset`; `None`, and nothing changed, if they are cut off.
    #[inline]
    pub(super) fn read_ports<F: Frame + ?Sized>(
        &mut self,
        bytes: &Bytes<'_, F>,
        offset: usize,
    ) -> Option<()> {
        let ports: [u8; 4] = bytes.array(offset)?;
        self.source_port = be16(&ports, 0..2);
        self.destination_port = be16(&ports, 2..4);
        Some(())
    }
}
