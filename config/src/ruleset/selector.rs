//! What of a packet can a rule look at? Header fields by protocol and name, metadata, connection state,
//! and bits at an offset. Layouts from RFC 791, 8200, 9293, 768, 3828, 9260, 4340, 792, 4443, 826 and
//! IEEE 802.3 and 802.1Q.

use super::Type;
use crate::policy::HeaderBase;

mod fields;

/// Something of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selector {
    /// A field of a header: `tcp dport`.
    Header(&'static HeaderField),
    /// What is known of the packet: `meta l4proto`, `iifname`.
    Meta(MetaKey),
    /// What is known of its connection: `ct state`.
    Ct(CtKey),
    /// Bits of the packet: `@nh,96,32`.
    Raw {
        /// Which header the offset counts from.
        base: HeaderBase,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
}

impl Selector {
    /// The header field nft writes as `protocol field`, as `header("tcp", "dport")`.
    #[must_use]
    pub fn header(protocol: &str, field: &str) -> Option<Self> {
        let protocol = Protocol::named(protocol)?;
        let found = protocol.fields().iter().find(|f| f.name == field)?;
        Some(Self::Header(found))
    }

    /// The type of what it yields.
    #[must_use]
    pub const fn kind(self) -> Type {
        match self {
            Self::Header(field) => field.kind,
            Self::Meta(key) => key.kind(),
            Self::Ct(CtKey::State) => Type::CtState,
            Self::Ct(CtKey::Direction) => Type::CtDir,
            Self::Raw { width, .. } => Type::Integer(width),
        }
    }
}

/// A field of a header.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct HeaderField {
    /// The header.
    pub protocol: Protocol,
    /// The field's name.
    pub name: &'static str,
    /// First bit, from the start of the header.
    pub offset: u16,
    /// Bits.
    pub width: u16,
    /// Type of the value.
    pub kind: Type,
}

/// A header whose fields have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Ethernet.
    Ether,
    /// IEEE 802.1Q tag.
    Vlan,
    /// ARP.
    Arp,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ICMP.
    Icmp,
    /// ICMPv6.
    Icmpv6,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// UDP-Lite.
    Udplite,
    /// SCTP.
    Sctp,
    /// DCCP.
    Dccp,
    /// Whatever transport header there is.
    Th,
}

impl Protocol {
    /// Every header.
    pub const ALL: [Self; 13] = [
        Self::Ether,
        Self::Vlan,
        Self::Arp,
        Self::Ip,
        Self::Ip6,
        Self::Icmp,
        Self::Icmpv6,
        Self::Tcp,
        Self::Udp,
        Self::Udplite,
        Self::Sctp,
        Self::Dccp,
        Self::Th,
    ];

    /// The header nft calls `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// What nft calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ether => "ether",
            Self::Vlan => "vlan",
            Self::Arp => "arp",
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Udplite => "udplite",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
            Self::Th => "th",
        }
    }

    /// Its fields.
    #[must_use]
    pub const fn fields(self) -> &'static [HeaderField] {
        fields::of(self)
    }

    /// Which header its offsets count from.
    #[must_use]
    pub const fn base(self) -> HeaderBase {
        match self {
            Self::Ether | Self::Vlan => HeaderBase::Link,
            Self::Arp | Self::Ip | Self::Ip6 => HeaderBase::Network,
            _ => HeaderBase::Transport,
        }
    }
}

/// What is known of a packet besides its bytes, as nft names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetaKey {
    /// `meta length`
    Length,
    /// `meta protocol`
    Protocol,
    /// `meta nfproto`
    NfProto,
    /// `meta l4proto`
    L4Proto,
    /// `iifname`
    IifName,
    /// `oifname`
    OifName,
    /// `iif`, given by name
    Iif,
    /// `oif`, given by name
    Oif,
}

impl MetaKey {
    /// Every key.
    pub const ALL: [Self; 8] = [
        Self::Length,
        Self::Protocol,
        Self::NfProto,
        Self::L4Proto,
        Self::IifName,
        Self::OifName,
        Self::Iif,
        Self::Oif,
    ];

    /// What nft calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Protocol => "protocol",
            Self::NfProto => "nfproto",
            Self::L4Proto => "l4proto",
            Self::IifName => "iifname",
            Self::OifName => "oifname",
            Self::Iif => "iif",
            Self::Oif => "oif",
        }
    }

    /// Whether nft writes it without `meta`.
    #[must_use]
    pub const fn stands_alone(self) -> bool {
        matches!(self, Self::IifName | Self::OifName | Self::Iif | Self::Oif)
    }

    /// The type of what it yields.
    #[must_use]
    pub const fn kind(self) -> Type {
        match self {
            Self::Length => Type::Integer(32),
            Self::Protocol => Type::EtherType,
            Self::NfProto => Type::NfProto,
            Self::L4Proto => Type::InetProto,
            Self::IifName | Self::OifName | Self::Iif | Self::Oif => Type::IfName,
        }
    }
}

/// What is known of a packet's connection, as nft names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtKey {
    /// `ct state`
    State,
    /// `ct direction`
    Direction,
}

impl CtKey {
    /// What nft calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Direction => "direction",
        }
    }
}
