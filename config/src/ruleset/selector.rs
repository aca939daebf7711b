//! What of a packet can a rule look at? Header fields by protocol and name, metadata, connection state,
//! and bits at an offset. Layouts from RFC 791, 8200, 9293, 768, 3828, 9260, 4340, 792, 4443, 826 and
//! IEEE 802.3 and 802.1Q.

use super::Type;
use crate::policy::{HeaderBase, OptionOf, Part};

mod ct;
mod fields;
mod meta;
pub mod options;

pub use ct::CtKey;
pub use meta::MetaKey;
pub use options::OptionField;

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
    /// One of several fields of a kind: `rt0 addr[1]`, `srh sid[0]`.
    Indexed {
        /// The first of them.
        field: &'static HeaderField,
        /// Which, from 0.
        index: u8,
    },
    /// A field of an option or chunk: `tcp option maxseg size`, `sctp chunk init flags`.
    Option(&'static OptionField),
    /// Bits of an option: `tcp option @34,16,8`.
    RawOption {
        /// Whose option.
        of: OptionOf,
        /// Its kind.
        kind: u8,
        /// First bit, from the kind byte.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
    /// Whether there is such an extension header, option or chunk.
    Exists(Part),
    /// `numgen inc mod 10 offset 5`
    Number {
        /// Random, or one more each time.
        random: bool,
        /// How many different numbers.
        modulus: u32,
        /// The least.
        offset: u32,
    },
    /// `fib daddr type`, `fib daddr . iif type`
    AddressType {
        /// The destination, or the source.
        destination: bool,
        /// The interface it is asked about: that it came in by, or (true) goes out by.
        device: Option<bool>,
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
            Self::Ct(key) => key.kind(),
            Self::Raw { width, .. } | Self::RawOption { width, .. } => Type::Integer(width),
            Self::Indexed { field, .. } => field.kind,
            Self::Option(field) => field.value,
            Self::Exists(_) => Type::Boolean,
            Self::Number { .. } => Type::Integer(32),
            Self::AddressType { .. } => Type::FibType,
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
    /// The authentication header.
    Ah,
    /// The encapsulating security payload.
    Esp,
    /// IP payload compression.
    Comp,
    /// IGMP.
    Igmp,
    /// GRE.
    Gre,
    /// IPv6 hop-by-hop options.
    Hbh,
    /// An IPv6 routing header.
    Rt,
    /// An IPv6 routing header of type 0.
    Rt0,
    /// An IPv6 routing header of type 2.
    Rt2,
    /// An IPv6 segment routing header.
    Srh,
    /// An IPv6 fragment header.
    Frag,
    /// IPv6 destination options.
    Dst,
    /// A mobility header.
    Mh,
    /// The authentication header where it is an extension header, in IPv6. nft has no word for it: only what
    /// iptables calls `-m ah` needs it.
    Ah6,
}

impl Protocol {
    /// Every header.
    pub const ALL: [Self; 27] = [
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
        Self::Ah,
        Self::Esp,
        Self::Comp,
        Self::Igmp,
        Self::Gre,
        Self::Hbh,
        Self::Rt,
        Self::Rt0,
        Self::Rt2,
        Self::Srh,
        Self::Frag,
        Self::Dst,
        Self::Mh,
        Self::Ah6,
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
            Self::Ah => "ah",
            Self::Esp => "esp",
            Self::Comp => "comp",
            Self::Igmp => "igmp",
            Self::Gre => "gre",
            Self::Hbh => "hbh",
            Self::Rt => "rt",
            Self::Rt0 => "rt0",
            Self::Rt2 => "rt2",
            Self::Srh => "srh",
            Self::Frag => "frag",
            Self::Dst => "dst",
            Self::Mh => "mh",
            Self::Ah6 => "ah6",
        }
    }

    /// The number of the IPv6 extension header it is, if it is one.
    #[must_use]
    pub const fn extension(self) -> Option<u8> {
        Some(match self {
            Self::Hbh => 0,
            Self::Rt | Self::Rt0 | Self::Rt2 | Self::Srh => 43,
            Self::Frag => 44,
            Self::Dst => 60,
            Self::Mh => 135,
            Self::Ah6 => 51,
            _ => return None,
        })
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
