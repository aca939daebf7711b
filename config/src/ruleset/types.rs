//! Which types do values have?

/// The type of a value: which names it has, how wide it is, how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// A number of so many bits.
    Integer(u16),
    /// An IPv4 address.
    Ipv4Addr,
    /// An IPv6 address.
    Ipv6Addr,
    /// A MAC address.
    EtherAddr,
    /// An `EtherType`.
    EtherType,
    /// A transport protocol.
    InetProto,
    /// An L4 port.
    InetService,
    /// The family of a packet.
    NfProto,
    /// The name of an interface.
    IfName,
    /// TCP flags, a bit mask.
    TcpFlag,
    /// An ICMP type.
    IcmpType,
    /// An ICMP code.
    IcmpCode,
    /// An ICMPv6 type.
    Icmpv6Type,
    /// An ICMPv6 code.
    Icmpv6Code,
    /// A DSCP.
    Dscp,
    /// An ECN mark.
    Ecn,
    /// The state of a connection, a bit mask.
    CtState,
    /// The direction of a connection.
    CtDir,
    /// A DCCP packet type.
    DccpPktType,
    /// An ARP operation.
    ArpOp,
    /// Yes or no.
    Boolean,
    /// A mark of 32 bits.
    Mark,
    /// The status of a connection, a bit mask.
    CtStatus,
    /// To whom a frame is addressed.
    PktType,
    /// The name of a helper.
    Helper,
    /// The hardware type of an interface.
    IfType,
    /// An interface that is given by its name where nft has its index.
    IfIndex,
    /// What kind an address is of.
    FibType,
    /// An IGMP type.
    IgmpType,
    /// The type of a mobility header.
    MhType,
    /// The subtype of an MPTCP option.
    MptcpSubtype,
    /// A lapse of time in milliseconds.
    Duration,
    /// A point in time, in nanoseconds since 1970.
    Time,
    /// A day of the week.
    Day,
    /// A time of the day, in seconds.
    Hour,
}

impl Type {
    /// Its width in bits.
    #[must_use]
    pub const fn width(self) -> u16 {
        match self {
            Self::Integer(width) => width,
            Self::Ipv4Addr | Self::CtState | Self::Mark => 32,
            Self::CtStatus | Self::FibType | Self::Duration | Self::Hour => 32,
            Self::Time => 64,
            Self::Ipv6Addr | Self::IfName | Self::IfIndex | Self::Helper => 128,
            Self::EtherAddr => 48,
            Self::EtherType | Self::InetService | Self::ArpOp | Self::IfType => 16,
            Self::InetProto | Self::NfProto | Self::TcpFlag | Self::CtDir => 8,
            Self::IcmpType | Self::IcmpCode | Self::Icmpv6Type | Self::Icmpv6Code => 8,
            Self::PktType | Self::IgmpType | Self::MhType | Self::Day => 8,
            Self::Dscp => 6,
            Self::Ecn => 2,
            Self::DccpPktType | Self::MptcpSubtype => 4,
            Self::Boolean => 1,
        }
    }

    /// The name nft declares it by.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer(_) => "integer",
            _ => NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name),
        }
    }

    /// The type nft declares by `name`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
    }

    /// Whether a value is the name of an interface.
    #[must_use]
    pub const fn is_interface(self) -> bool {
        matches!(self, Self::IfName | Self::IfIndex)
    }

    /// Whether a value is a mask of named bits.
    #[must_use]
    pub const fn is_bitmask(self) -> bool {
        matches!(self, Self::TcpFlag | Self::CtState | Self::CtStatus)
    }

    /// Every name a type can be declared by.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }
}

const NAMES: &[(&str, Type)] = &[
    ("ipv4_addr", Type::Ipv4Addr),
    ("ipv6_addr", Type::Ipv6Addr),
    ("ether_addr", Type::EtherAddr),
    ("ether_type", Type::EtherType),
    ("inet_proto", Type::InetProto),
    ("inet_service", Type::InetService),
    ("nf_proto", Type::NfProto),
    ("ifname", Type::IfName),
    ("tcp_flag", Type::TcpFlag),
    ("icmp_type", Type::IcmpType),
    ("icmp_code", Type::IcmpCode),
    ("icmpv6_type", Type::Icmpv6Type),
    ("icmpv6_code", Type::Icmpv6Code),
    ("dscp", Type::Dscp),
    ("ecn", Type::Ecn),
    ("ct_state", Type::CtState),
    ("ct_dir", Type::CtDir),
    ("dccp_pkttype", Type::DccpPktType),
    ("arp_op", Type::ArpOp),
    ("boolean", Type::Boolean),
    ("mark", Type::Mark),
    ("ct_status", Type::CtStatus),
    ("pkt_type", Type::PktType),
    ("iface_type", Type::IfType),
    ("iface_index", Type::IfIndex),
    ("fib_addrtype", Type::FibType),
    ("igmp_type", Type::IgmpType),
    ("mh_type", Type::MhType),
    ("time", Type::Duration),
    ("day", Type::Day),
    ("hour", Type::Hour),
];
