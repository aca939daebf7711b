//! Which names do values have? By type, as nft knows them; from IANA's registries.

use crate::policy::Value;
use crate::ruleset::Type;
use crate::services;

/// The value that `name` stands for where a `kind` is wanted.
pub(crate) fn value(kind: Type, name: &str) -> Option<Value> {
    if kind == Type::InetService {
        return services::port(name).map(Value::from);
    }
    let mut known = table(kind).iter();
    known.find(|(found, _)| *found == name).map(|(_, value)| Value::from(*value))
}

/// Every name of a `kind`.
pub(crate) fn names(kind: Type) -> Vec<&'static str> {
    match kind {
        Type::InetService => services::names().collect(),
        _ => table(kind).iter().map(|(name, _)| *name).collect(),
    }
}

/// `1d2h3m4s5ms`, or a number of seconds, in milliseconds.
pub(crate) fn duration(text: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 6] =
        [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)];
    if let Ok(seconds) = text.parse::<u64>() {
        return seconds.checked_mul(1_000);
    }
    let mut rest = text;
    let mut sum = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        let behind = &rest[digits..];
        let (unit, factor) = UNITS.iter().find(|(unit, _)| behind.starts_with(unit))?;
        sum = sum.checked_add(number.checked_mul(*factor)?)?;
        rest = &behind[unit.len()..];
    }
    (!text.is_empty()).then_some(sum)
}

/// Milliseconds, as nft writes them.
pub(crate) fn written_duration(milliseconds: u64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let mut rest = milliseconds;
    let mut text = String::new();
    for (unit, factor) in units {
        if rest >= factor {
            text.push_str(&format!("{}{unit}", rest / factor));
            rest %= factor;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

const fn table(kind: Type) -> &'static [(&'static str, u16)] {
    match kind {
        Type::EtherType => ETHER_TYPES,
        Type::InetProto => PROTOCOLS,
        Type::NfProto => FAMILIES,
        Type::TcpFlag => TCP_FLAGS,
        Type::IcmpType => ICMP_TYPES,
        Type::IcmpCode => ICMP_CODES,
        Type::Icmpv6Type => ICMPV6_TYPES,
        Type::Icmpv6Code => ICMPV6_CODES,
        Type::Dscp => DSCPS,
        Type::Ecn => ECNS,
        Type::CtState => CT_STATES,
        Type::CtDir => CT_DIRECTIONS,
        Type::DccpPktType => DCCP_TYPES,
        Type::ArpOp => ARP_OPERATIONS,
        Type::Boolean => BOOLEANS,
        Type::CtStatus => CT_STATUSES,
        Type::PktType => PACKET_TYPES,
        Type::IfType => INTERFACE_TYPES,
        Type::FibType => ADDRESS_TYPES,
        Type::IgmpType => IGMP_TYPES,
        Type::MhType => MOBILITY_TYPES,
        Type::MptcpSubtype => MPTCP_SUBTYPES,
        Type::Day => DAYS,
        _ => &[],
    }
}

#[rustfmt::skip]
const ETHER_TYPES: &[(&str, u16)] = &[
    ("ip", 0x0800), ("arp", 0x0806), ("ip6", 0x86dd), ("8021q", 0x8100), ("vlan", 0x8100),
    ("8021ad", 0x88a8),
];

#[rustfmt::skip]
const PROTOCOLS: &[(&str, u16)] = &[
    ("ip", 0), ("hopopt", 0), ("icmp", 1), ("igmp", 2), ("ggp", 3), ("ipencap", 4), ("ipv4", 4),
    ("st", 5), ("tcp", 6), ("egp", 8), ("igp", 9), ("pup", 12), ("udp", 17), ("hmp", 20),
    ("xns-idp", 22), ("rdp", 27), ("iso-tp4", 29), ("dccp", 33), ("xtp", 36), ("ddp", 37),
    ("idpr-cmtp", 38), ("ipv6", 41), ("ipv6-route", 43), ("ipv6-frag", 44), ("idrp", 45),
    ("rsvp", 46), ("gre", 47), ("esp", 50), ("ah", 51), ("skip", 57), ("ipv6-icmp", 58),
    ("icmpv6", 58), ("ipv6-nonxt", 59), ("ipv6-opts", 60), ("rspf", 73), ("vmtp", 81),
    ("eigrp", 88), ("ospf", 89), ("ax.25", 93), ("ipip", 94), ("etherip", 97), ("encap", 98),
    ("pim", 103), ("ipcomp", 108), ("comp", 108), ("vrrp", 112), ("l2tp", 115), ("isis", 124),
    ("sctp", 132), ("fc", 133), ("mobility-header", 135), ("udplite", 136), ("mpls-in-ip", 137),
    ("manet", 138), ("hip", 139), ("shim6", 140), ("wesp", 141), ("rohc", 142), ("ethernet", 143),
];

#[rustfmt::skip]
const FAMILIES: &[(&str, u16)] = &[
    ("ipv4", 2), ("ipv6", 10),
];

#[rustfmt::skip]
const TCP_FLAGS: &[(&str, u16)] = &[
    ("fin", 0x01), ("syn", 0x02), ("rst", 0x04), ("psh", 0x08), ("ack", 0x10), ("urg", 0x20),
    ("ecn", 0x40), ("cwr", 0x80),
];

#[rustfmt::skip]
const ICMP_TYPES: &[(&str, u16)] = &[
    ("echo-reply", 0), ("destination-unreachable", 3), ("source-quench", 4), ("redirect", 5),
    ("echo-request", 8), ("router-advertisement", 9), ("router-solicitation", 10),
    ("time-exceeded", 11), ("parameter-problem", 12), ("timestamp-request", 13),
    ("timestamp-reply", 14), ("info-request", 15), ("info-reply", 16),
    ("address-mask-request", 17), ("address-mask-reply", 18),
];

#[rustfmt::skip]
const ICMP_CODES: &[(&str, u16)] = &[
    ("net-unreachable", 0), ("host-unreachable", 1), ("prot-unreachable", 2),
    ("port-unreachable", 3), ("frag-needed", 4), ("net-prohibited", 9), ("host-prohibited", 10),
    ("admin-prohibited", 13),
];

#[rustfmt::skip]
const ICMPV6_TYPES: &[(&str, u16)] = &[
    ("destination-unreachable", 1), ("packet-too-big", 2), ("time-exceeded", 3),
    ("parameter-problem", 4), ("echo-request", 128), ("echo-reply", 129),
    ("mld-listener-query", 130), ("mld-listener-report", 131), ("mld-listener-done", 132),
    ("mld-listener-reduction", 132), ("nd-router-solicit", 133), ("nd-router-advert", 134),
    ("nd-neighbor-solicit", 135), ("nd-neighbor-advert", 136), ("nd-redirect", 137),
    ("router-renumbering", 138), ("ind-neighbor-solicit", 141), ("ind-neighbor-advert", 142),
    ("mld2-listener-report", 143),
];

#[rustfmt::skip]
const ICMPV6_CODES: &[(&str, u16)] = &[
    ("no-route", 0), ("admin-prohibited", 1), ("addr-unreachable", 3), ("port-unreachable", 4),
    ("policy-fail", 5), ("reject-route", 6),
];

#[rustfmt::skip]
const DSCPS: &[(&str, u16)] = &[
    ("cs0", 0), ("cs1", 8), ("cs2", 16), ("cs3", 24), ("cs4", 32), ("cs5", 40), ("cs6", 48),
    ("cs7", 56), ("df", 0), ("be", 0), ("lephb", 1), ("af11", 10), ("af12", 12), ("af13", 14),
    ("af21", 18), ("af22", 20), ("af23", 22), ("af31", 26), ("af32", 28), ("af33", 30),
    ("af41", 34), ("af42", 36), ("af43", 38), ("va", 44), ("ef", 46),
];

#[rustfmt::skip]
const ECNS: &[(&str, u16)] = &[
    ("not-ect", 0), ("ect1", 1), ("ect0", 2), ("ce", 3),
];

#[rustfmt::skip]
const CT_STATES: &[(&str, u16)] = &[
    ("invalid", 1), ("established", 2), ("related", 4), ("new", 8), ("untracked", 64),
];

#[rustfmt::skip]
const CT_DIRECTIONS: &[(&str, u16)] = &[
    ("original", 0), ("reply", 1),
];

#[rustfmt::skip]
const DCCP_TYPES: &[(&str, u16)] = &[
    ("request", 0), ("response", 1), ("data", 2), ("ack", 3), ("dataack", 4), ("closereq", 5),
    ("close", 6), ("reset", 7), ("sync", 8), ("syncack", 9),
];

#[rustfmt::skip]
const ARP_OPERATIONS: &[(&str, u16)] = &[
    ("request", 1), ("reply", 2), ("rrequest", 3), ("rreply", 4), ("inrequest", 8),
    ("inreply", 9), ("nak", 10),
];

#[rustfmt::skip]
const BOOLEANS: &[(&str, u16)] = &[
    ("exists", 1), ("missing", 0),
];

/// As the kernel numbers them.
#[rustfmt::skip]
const CT_STATUSES: &[(&str, u16)] = &[
    ("expected", 1), ("seen-reply", 2), ("assured", 4), ("confirmed", 8), ("snat", 16), ("dnat", 32),
    ("dying", 512),
];

#[rustfmt::skip]
const PACKET_TYPES: &[(&str, u16)] = &[
    ("host", 0), ("unicast", 0), ("broadcast", 1), ("multicast", 2), ("other", 3),
];

/// ARP hardware types, and the kernel's for what has none.
#[rustfmt::skip]
const INTERFACE_TYPES: &[(&str, u16)] = &[
    ("ether", 1), ("ppp", 512), ("ipip", 768), ("ipip6", 769), ("loopback", 772), ("sit", 776),
    ("ipgre", 778),
];

#[rustfmt::skip]
const ADDRESS_TYPES: &[(&str, u16)] = &[
    ("unspec", 0), ("unicast", 1), ("local", 2), ("broadcast", 3), ("anycast", 4), ("multicast", 5),
    ("blackhole", 6), ("unreachable", 7), ("prohibit", 8),
];

#[rustfmt::skip]
const IGMP_TYPES: &[(&str, u16)] = &[
    ("membership-query", 0x11), ("membership-report-v1", 0x12), ("membership-report-v2", 0x16),
    ("leave-group", 0x17), ("membership-report-v3", 0x22),
];

/// RFC 6275 and its extensions.
#[rustfmt::skip]
const MOBILITY_TYPES: &[(&str, u16)] = &[
    ("binding-refresh-request", 0), ("home-test-init", 1), ("careof-test-init", 2), ("home-test", 3),
    ("careof-test", 4), ("binding-update", 5), ("binding-acknowledgement", 6), ("binding-error", 7),
    ("fast-binding-update", 8), ("fast-binding-acknowledgement", 9),
    ("fast-binding-advertisement", 10), ("experimental-mobility-header", 11),
    ("home-agent-switch-message", 12),
];

/// RFC 8684.
#[rustfmt::skip]
const MPTCP_SUBTYPES: &[(&str, u16)] = &[
    ("mp-capable", 0), ("mp-join", 1), ("dss", 2), ("add-addr", 3), ("remove-addr", 4), ("mp-prio", 5),
    ("mp-fail", 6), ("mp-fastclose", 7), ("mp-tcprst", 8),
];

#[rustfmt::skip]
const DAYS: &[(&str, u16)] = &[
    ("Sunday", 0), ("Monday", 1), ("Tuesday", 2), ("Wednesday", 3), ("Thursday", 4), ("Friday", 5),
    ("Saturday", 6),
];
