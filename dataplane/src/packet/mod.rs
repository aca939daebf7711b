//! What is in this frame? Headers are read once, their offsets kept; nothing is ever read past the frame.

pub mod abreast;
#[cfg(any(test, feature = "test-support"))]
pub mod build;
mod bytes;
pub(crate) mod checksum;
pub mod ethernet;
mod extension;
mod gre;
mod hop_by_hop;
mod icmp;
mod icmpv6;
mod ipv4;
mod ipv6;
mod payload;
pub mod piece;
pub mod protocol;
mod quoted;
pub mod sctp;
pub mod short;
mod tcp;
mod tuple;
mod udp;
mod udplite;

#[cfg(test)]
mod tests;

pub use checksum::Checksums;
pub(crate) use extension::{is_extension, length_of};
pub use gre::has_call;
pub use piece::{Found, Piece, piece};
pub use quoted::{Quoted, quoted};
pub use short::Short;
pub use tcp::{Tcp, flag};
pub use tuple::{Network, Tuple};

use bytes::Bytes;
use payload::Payload;

use crate::frame::Frame;
use crate::reason::Reason;

/// What part of a datagram a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fragment {
    /// All of it.
    #[default]
    Whole,
    /// All of it, behind an IPv6 fragment header nonetheless (RFC 6946).
    Atomic,
    /// Its first part; the transport header, or its beginning, is in it.
    First,
    /// A later part: no transport header.
    Later,
}

impl Fragment {
    /// Whether this is all of the datagram.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Whole | Self::Atomic)
    }
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
    /// Whether the transport protocol is known (`meta l4proto` loads). Its header may be cut off; of a fragment's
    /// tail no byte of it can be read.
    pub has_transport: bool,
    /// What part of a datagram this is.
    pub fragment: Fragment,
    /// Bytes from the network header to the end of the packet (padding behind it is not counted).
    pub network_length: u32,
    /// Who talks to whom.
    pub tuple: Tuple,
    /// The TCP header, if `tuple.protocol` is TCP. All zero if its first 20 bytes are not there; without options
    /// if there is a fault.
    pub tcp: Tcp,
    /// What is wrong with the packet, if anything. [`Reason::is_before_rules`] says whether it meets the rules.
    pub fault: Option<Reason>,
}

impl Packet {
    /// Whether this is an ICMP or ICMPv6 message about another packet, the one that [`quoted`] reads: its type,
    /// if the header is whole, says so. The checksum may be wrong.
    #[must_use]
    pub fn is_icmp_error(&self) -> bool {
        let end = u32::from(self.network_offset) + self.network_length;
        let is_header_read = self.has_transport
            && self.fragment != Fragment::Later
            && end >= u32::from(self.transport_offset) + icmp::HEADER as u32;
        is_header_read
            && match (self.tuple.network, self.tuple.protocol) {
                (Network::Ipv4, protocol::ICMP) => icmp::is_error(self.tuple.icmp_type),
                (Network::Ipv6, protocol::ICMPV6) => icmpv6::is_error(self.tuple.icmp_type),
                _ => false,
            }
    }

    /// Whether it is a redirect of ICMPv6, which quotes a packet as an error does, and its header was read.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        let (tuple, end) = (&self.tuple, u32::from(self.network_offset) + self.network_length);
        tuple.icmp_type == icmpv6::REDIRECT
            && (tuple.network, tuple.protocol) == (Network::Ipv6, protocol::ICMPV6)
            && self.has_transport
            && self.fragment != Fragment::Later
            && end >= u32::from(self.transport_offset) + icmp::HEADER as u32
    }

    /// The bytes of `frame` up to the end of the packet.
    fn bytes_of<'f, F: Frame + ?Sized>(&self, frame: &'f F) -> Bytes<'f, F> {
        Bytes::of(frame, Checksums::Verified)
            .until(usize::from(self.network_offset) + self.network_length as usize)
    }
}

/// Reads the headers of `frame` and checks what the kernel checks: lengths, and checksums of whole packets.
/// Every field is set as far as the headers go; what stops the reading is the packet's fault. Of a first
/// fragment the transport header is read as far as it is there, and not judged.
#[must_use]
#[inline]
pub fn parse<F: Frame + ?Sized>(frame: &F) -> Packet {
    parse_with(frame, Checksums::Verified)
}

/// As [`parse`], with a say in whether checksums of the transport layer are looked at. That of an IPv4 header
/// always is.
#[must_use]
#[inline]
pub fn parse_with<F: Frame + ?Sized>(frame: &F, checksums: Checksums) -> Packet {
    let mut packet = Packet { frame_length: frame.length() as u32, ..Packet::default() };
    packet.fault = parse_layers(&Bytes::of(frame, checksums), &mut packet).err();
    packet
}

fn parse_layers<F: Frame + ?Sized>(bytes: &Bytes<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    ethernet::parse(bytes, packet)?;
    let payload = match packet.ethertype {
        ethernet::IPV4 => ipv4::parse(bytes, packet)?,
        ethernet::IPV6 => ipv6::parse(bytes, packet)?,
        _ => return Ok(()),
    };
    if packet.fragment == Fragment::Later {
        return Ok(());
    }
    let read = parse_transport(&payload, packet);
    // What is missing may be in the next fragment: no fault of this one.
    if payload.is_whole { read } else { Ok(()) }
}

#[inline]
fn parse_transport<F: Frame + ?Sized>(payload: &Payload<'_, F>, packet: &mut Packet) -> Result<(), Reason> {
    match (packet.tuple.network, packet.tuple.protocol) {
        (_, protocol::TCP) => tcp::parse(payload, packet),
        (_, protocol::UDP) => udp::parse(payload, packet),
        (Network::Ipv4, protocol::ICMP) => icmp::parse(payload, packet),
        (Network::Ipv6, protocol::ICMPV6) => icmpv6::parse(payload, packet),
        // ICMP of the other family: conntrack takes no message of it.
        (_, protocol::ICMP | protocol::ICMPV6) => Err(Reason::IcmpType),
        (_, protocol::UDPLITE) => udplite::parse(payload, packet),
        (_, protocol::SCTP) => sctp::parse(payload, packet),
        (_, protocol::GRE) => gre::parse(payload, &mut packet.tuple),
        _ => Ok(()),
    }
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
