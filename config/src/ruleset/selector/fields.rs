//! Where in its header does each field stand?

use super::Protocol::{
    Ah, Ah6, Arp, Comp, Dccp, Dst, Esp, Ether, Frag, Gre, Hbh, Icmp, Icmpv6, Igmp, Ip, Ip6, Mh, Rt, Rt0, Rt2,
    Sctp, Srh, Tcp, Th, Udp, Udplite, Vlan,
};
use super::{HeaderField, Protocol, Type};

/// The fields of `protocol`.
pub(super) const fn of(protocol: Protocol) -> &'static [HeaderField] {
    match protocol {
        Ether => ETHER,
        Vlan => VLAN,
        Arp => ARP,
        Ip => IP,
        Ip6 => IP6,
        Icmp => ICMP,
        Icmpv6 => ICMPV6,
        Tcp => TCP,
        Udp => UDP,
        Udplite => UDPLITE,
        Sctp => SCTP,
        Dccp => DCCP,
        Th => TH,
        Ah => AH,
        Esp => ESP,
        Comp => COMP,
        Igmp => IGMP,
        Gre => GRE,
        Ah6 => AH6,
        Hbh => HBH,
        Rt => RT,
        Rt0 => RT0,
        Rt2 => RT2,
        Srh => SRH,
        Frag => FRAG,
        Dst => DST,
        Mh => MH,
    }
}

/// A field from bit `offset` on, as wide as its type.
const fn field(protocol: Protocol, name: &'static str, offset: u16, kind: Type) -> HeaderField {
    HeaderField { protocol, name, offset, width: kind.width(), kind }
}

const fn number(protocol: Protocol, name: &'static str, offset: u16, width: u16) -> HeaderField {
    field(protocol, name, offset, Type::Integer(width))
}

const ETHER: &[HeaderField] = &[
    field(Ether, "daddr", 0, Type::EtherAddr),
    field(Ether, "saddr", 48, Type::EtherAddr),
    field(Ether, "type", 96, Type::EtherType),
];

/// The kernel's layout of a tagged frame: both addresses, the tag, the inner type.
const VLAN: &[HeaderField] = &[
    number(Vlan, "pcp", 112, 3),
    number(Vlan, "dei", 115, 1),
    number(Vlan, "id", 116, 12),
    field(Vlan, "type", 128, Type::EtherType),
];

const ARP: &[HeaderField] = &[
    number(Arp, "htype", 0, 16),
    field(Arp, "ptype", 16, Type::EtherType),
    number(Arp, "hlen", 32, 8),
    number(Arp, "plen", 40, 8),
    field(Arp, "operation", 48, Type::ArpOp),
    field(Arp, "saddr ether", 64, Type::EtherAddr),
    field(Arp, "saddr ip", 112, Type::Ipv4Addr),
    field(Arp, "daddr ether", 144, Type::EtherAddr),
    field(Arp, "daddr ip", 192, Type::Ipv4Addr),
];

const IP: &[HeaderField] = &[
    number(Ip, "version", 0, 4),
    number(Ip, "hdrlength", 4, 4),
    field(Ip, "dscp", 8, Type::Dscp),
    field(Ip, "ecn", 14, Type::Ecn),
    number(Ip, "length", 16, 16),
    number(Ip, "id", 32, 16),
    number(Ip, "frag-off", 48, 16),
    number(Ip, "ttl", 64, 8),
    field(Ip, "protocol", 72, Type::InetProto),
    number(Ip, "checksum", 80, 16),
    field(Ip, "saddr", 96, Type::Ipv4Addr),
    field(Ip, "daddr", 128, Type::Ipv4Addr),
];

const IP6: &[HeaderField] = &[
    number(Ip6, "version", 0, 4),
    field(Ip6, "dscp", 4, Type::Dscp),
    field(Ip6, "ecn", 10, Type::Ecn),
    number(Ip6, "flowlabel", 12, 20),
    number(Ip6, "length", 32, 16),
    field(Ip6, "nexthdr", 48, Type::InetProto),
    number(Ip6, "hoplimit", 56, 8),
    field(Ip6, "saddr", 64, Type::Ipv6Addr),
    field(Ip6, "daddr", 192, Type::Ipv6Addr),
];

const ICMP: &[HeaderField] = &[
    field(Icmp, "type", 0, Type::IcmpType),
    field(Icmp, "code", 8, Type::IcmpCode),
    number(Icmp, "checksum", 16, 16),
    number(Icmp, "id", 32, 16),
    number(Icmp, "sequence", 48, 16),
    number(Icmp, "gateway", 32, 32),
    number(Icmp, "mtu", 48, 16),
];

const ICMPV6: &[HeaderField] = &[
    field(Icmpv6, "type", 0, Type::Icmpv6Type),
    field(Icmpv6, "code", 8, Type::Icmpv6Code),
    number(Icmpv6, "checksum", 16, 16),
    number(Icmpv6, "parameter-problem", 32, 32),
    number(Icmpv6, "mtu", 32, 32),
    number(Icmpv6, "id", 32, 16),
    number(Icmpv6, "sequence", 48, 16),
    number(Icmpv6, "max-delay", 32, 16),
    field(Icmpv6, "taddr", 64, Type::Ipv6Addr),
    field(Icmpv6, "daddr", 192, Type::Ipv6Addr),
];

const TCP: &[HeaderField] = &[
    field(Tcp, "sport", 0, Type::InetService),
    field(Tcp, "dport", 16, Type::InetService),
    number(Tcp, "sequence", 32, 32),
    number(Tcp, "ackseq", 64, 32),
    number(Tcp, "doff", 96, 4),
    number(Tcp, "reserved", 100, 4),
    field(Tcp, "flags", 104, Type::TcpFlag),
    number(Tcp, "window", 112, 16),
    number(Tcp, "checksum", 128, 16),
    number(Tcp, "urgptr", 144, 16),
];

const UDP: &[HeaderField] = &[
    field(Udp, "sport", 0, Type::InetService),
    field(Udp, "dport", 16, Type::InetService),
    number(Udp, "length", 32, 16),
    number(Udp, "checksum", 48, 16),
];

const UDPLITE: &[HeaderField] = &[
    field(Udplite, "sport", 0, Type::InetService),
    field(Udplite, "dport", 16, Type::InetService),
    number(Udplite, "csumcov", 32, 16),
    number(Udplite, "checksum", 48, 16),
];

const SCTP: &[HeaderField] = &[
    field(Sctp, "sport", 0, Type::InetService),
    field(Sctp, "dport", 16, Type::InetService),
    number(Sctp, "vtag", 32, 32),
    number(Sctp, "checksum", 64, 32),
];

const DCCP: &[HeaderField] = &[
    field(Dccp, "sport", 0, Type::InetService),
    field(Dccp, "dport", 16, Type::InetService),
    field(Dccp, "type", 67, Type::DccpPktType),
];

const TH: &[HeaderField] =
    &[field(Th, "sport", 0, Type::InetService), field(Th, "dport", 16, Type::InetService)];

/// RFC 4302.
const AH: &[HeaderField] = &[
    field(Ah, "nexthdr", 0, Type::InetProto),
    number(Ah, "hdrlength", 8, 8),
    number(Ah, "reserved", 16, 16),
    number(Ah, "spi", 32, 32),
    number(Ah, "sequence", 64, 32),
];

/// RFC 4303.
const ESP: &[HeaderField] = &[number(Esp, "spi", 0, 32), number(Esp, "sequence", 32, 32)];

/// RFC 3173.
const COMP: &[HeaderField] =
    &[field(Comp, "nexthdr", 0, Type::InetProto), number(Comp, "flags", 8, 8), number(Comp, "cpi", 16, 16)];

/// RFC 2236.
const IGMP: &[HeaderField] = &[
    field(Igmp, "type", 0, Type::IgmpType),
    number(Igmp, "mrt", 8, 8),
    number(Igmp, "checksum", 16, 16),
    field(Igmp, "group", 32, Type::Ipv4Addr),
];

/// RFC 2784.
const GRE: &[HeaderField] =
    &[number(Gre, "flags", 0, 5), number(Gre, "version", 13, 3), field(Gre, "protocol", 16, Type::EtherType)];

/// The start of every extension header but the fragment header: RFC 8200.
macro_rules! extension {
    ($protocol:ident $(, $more:expr)*) => {
        &[field($protocol, "nexthdr", 0, Type::InetProto), number($protocol, "hdrlength", 8, 8) $(, $more)*]
    };
}

const AH6: &[HeaderField] = extension!(
    Ah6,
    number(Ah6, "reserved", 16, 16),
    number(Ah6, "spi", 32, 32),
    number(Ah6, "sequence", 64, 32)
);

const HBH: &[HeaderField] = extension!(Hbh);

const DST: &[HeaderField] = extension!(Dst);

const RT: &[HeaderField] = extension!(Rt, number(Rt, "type", 16, 8), number(Rt, "seg-left", 24, 8));

/// The fields that end in a bracket come several times.
const RT0: &[HeaderField] = &[field(Rt0, "addr[", 64, Type::Ipv6Addr)];

const RT2: &[HeaderField] = &[field(Rt2, "addr", 64, Type::Ipv6Addr)];

/// RFC 8754.
const SRH: &[HeaderField] = &[
    number(Srh, "last-entry", 32, 8),
    number(Srh, "flags", 40, 8),
    number(Srh, "tag", 48, 16),
    field(Srh, "sid[", 64, Type::Ipv6Addr),
];

const FRAG: &[HeaderField] = &[
    field(Frag, "nexthdr", 0, Type::InetProto),
    number(Frag, "reserved", 8, 8),
    number(Frag, "frag-off", 16, 13),
    number(Frag, "reserved2", 29, 2),
    number(Frag, "more-fragments", 31, 1),
    number(Frag, "id", 32, 32),
];

/// RFC 6275.
const MH: &[HeaderField] = extension!(
    Mh,
    field(Mh, "type", 16, Type::MhType),
    number(Mh, "reserved", 24, 8),
    number(Mh, "checksum", 32, 16)
);
