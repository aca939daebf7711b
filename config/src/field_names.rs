//! What would nft call these bits? Fields and values of a policy, named for the reader of an explanation.
//!
//! A policy no longer says by which words a field was asked for. What the packet is says the rest: bit 16 of the
//! transport header is `tcp dport` in TCP. Bits that have no name are `@th,17,5`.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::policy::{Ct, Field, HeaderBase, Load, Meta, OptionOf, Part, Sought, Value};
use crate::ruleset::options::{header_name, name_of};
use crate::ruleset::{CtKey, HeaderField, MetaKey, Protocol, Type};
use crate::value_names;

/// The name of `field` in a packet of this `EtherType` and transport protocol, and the type of what it holds.
#[must_use]
pub fn field_name(field: &Field, ethertype: u16, transport: u8) -> (String, Type) {
    let (name, kind) = load_name(&field.load, field.width, ethertype, transport);
    let whole = Field::plain(field.load, field.width);
    let mut text = name;
    if field.mask != whole.mask {
        text.push_str(&format!(" & {}", value_text(kind, field.mask)));
    }
    if field.xor != 0 {
        text.push_str(&format!(" ^ {}", value_text(kind, field.xor)));
    }
    match field.shift {
        0 => (text, kind),
        right if right > 0 => (format!("({text}) >> {right}"), Type::Integer(field.width)),
        left => (format!("({text}) << {}", -i16::from(left)), Type::Integer(field.width)),
    }
}

fn load_name(load: &Load, width: u16, ethertype: u16, transport: u8) -> (String, Type) {
    match *load {
        Load::Payload { base, offset, width } => {
            let found =
                headers(base, ethertype, transport).iter().find_map(|header| at(*header, offset, width));
            match found {
                Some(found) => (format!("{} {}", found.protocol.name(), found.name), found.kind),
                None => {
                    let letters = match base {
                        HeaderBase::Link => "ll",
                        HeaderBase::Network => "nh",
                        HeaderBase::Transport => "th",
                    };
                    (format!("@{letters},{offset},{width}"), Type::Integer(width))
                }
            }
        }
        Load::Meta(meta) => {
            let key = meta_key(meta);
            let name =
                if key.stands_alone() { key.name().to_owned() } else { format!("meta {}", key.name()) };
            (name, key.kind())
        }
        Load::Ct(ct) => {
            let key = ct_key(ct);
            (format!("ct {key}"), key.kind())
        }
        Load::Extension { header, offset, width } => {
            let found = EXTENSIONS
                .iter()
                .filter(|known| known.extension() == Some(header))
                .find_map(|known| at(*known, offset, width));
            match found {
                Some(found) => (format!("{} {}", found.protocol.name(), found.name), found.kind),
                None => (format!("extension header {header} @{offset},{width}"), Type::Integer(width)),
            }
        }
        Load::Option { of, kind, offset, width } => {
            (format!("{} @{offset},{width}", option_name(of, kind)), Type::Integer(width))
        }
        Load::Whole(_) => ("whether the header is whole".to_owned(), Type::Integer(8)),
        Load::Sought(sought) => (sought_name(sought).to_owned(), Type::Integer(8)),
        Load::Exists(Part::Extension(header)) => {
            let known = EXTENSIONS.iter().find(|known| known.extension() == Some(header));
            (format!("exthdr {}", known.map_or("?", |known| known.name())), Type::Boolean)
        }
        Load::Exists(Part::Option(of, kind)) => (option_name(of, kind), Type::Boolean),
        Load::Number { modulus: 0, .. } => ("meta random".to_owned(), Type::Integer(32)),
        Load::Number { random, modulus, .. } => {
            (format!("numgen {} mod {modulus}", if random { "random" } else { "inc" }), Type::Integer(width))
        }
        Load::AddressType { destination, of_device } => {
            let address = if destination { "daddr" } else { "saddr" };
            let device = if of_device { " of the interface" } else { "" };
            (format!("fib {address} type{device}"), Type::FibType)
        }
    }
}

/// A value of this type, as nft writes it: a name, an address, a number.
#[must_use]
pub fn value_text(kind: Type, value: Value) -> String {
    match kind {
        Type::Ipv4Addr => Ipv4Addr::from(value as u32).to_string(),
        Type::Ipv6Addr => Ipv6Addr::from(value).to_string(),
        Type::EtherAddr => {
            let bytes = value.to_be_bytes();
            bytes[10..].iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
        }
        Type::IfName | Type::IfIndex | Type::Helper => {
            let bytes = value.to_be_bytes();
            format!("\"{}\"", String::from_utf8_lossy(&bytes).trim_end_matches('\0'))
        }
        Type::Mark => format!("{value:#010x}"),
        Type::Duration => value_names::written_duration(u64::try_from(value).unwrap_or(u64::MAX)),
        Type::InetService | Type::Integer(_) | Type::Time | Type::Hour => value.to_string(),
        _ if kind.is_bitmask() && value != 0 => bits(kind, value),
        _ => named(kind, value).map_or_else(|| value.to_string(), str::to_owned),
    }
}

fn named(kind: Type, value: Value) -> Option<&'static str> {
    value_names::names(kind).into_iter().find(|name| value_names::value(kind, name) == Some(value))
}

fn bits(kind: Type, value: Value) -> String {
    let mut words = Vec::new();
    let mut rest = value;
    for name in value_names::names(kind) {
        let bit = value_names::value(kind, name).unwrap_or(0);
        if bit != 0 && rest & bit == bit {
            rest &= !bit;
            words.push(name.to_owned());
        }
    }
    if rest != 0 {
        words.push(format!("{rest:#x}"));
    }
    words.join(",")
}

fn at(header: Protocol, offset: u16, width: u16) -> Option<&'static HeaderField> {
    header.fields().iter().find(|field| (field.offset, field.width) == (offset, width))
}

const fn sought_name(sought: Sought) -> &'static str {
    match sought {
        Sought::Chunks(_) => "sctp chunks",
        Sought::TcpOption(_) => "tcp options",
        Sought::SegmentSize { .. } => "maximum segment size",
        Sought::Extensions(_) => "IPv6 extension headers",
        Sought::MonthDay { .. } => "day of the month",
        Sought::HeaderOption { .. } => "options of an IPv6 extension header",
        Sought::RouteReserved => "reserved bytes of an IPv6 routing header",
        Sought::SourceRoute { .. } => "addresses of an IPv6 routing header",
    }
}

fn option_name(of: OptionOf, kind: u8) -> String {
    match name_of(of, kind) {
        Some(name) => format!("{} {name}", header_name(of)),
        None => format!("{} {kind}", header_name(of)),
    }
}

/// The headers that may stand there.
const fn headers(base: HeaderBase, ethertype: u16, transport: u8) -> &'static [Protocol] {
    match (base, ethertype, transport) {
        (HeaderBase::Link, ..) => &[Protocol::Ether, Protocol::Vlan],
        (HeaderBase::Network, 0x0800, _) => &[Protocol::Ip],
        (HeaderBase::Network, 0x86dd, _) => &[Protocol::Ip6],
        (HeaderBase::Network, 0x0806, _) => &[Protocol::Arp],
        (HeaderBase::Network, ..) => &[],
        (HeaderBase::Transport, _, number) => match number {
            1 => &[Protocol::Icmp],
            2 => &[Protocol::Igmp],
            6 => &[Protocol::Tcp],
            17 => &[Protocol::Udp],
            33 => &[Protocol::Dccp],
            47 => &[Protocol::Gre],
            50 => &[Protocol::Esp],
            51 => &[Protocol::Ah],
            58 => &[Protocol::Icmpv6],
            108 => &[Protocol::Comp],
            132 => &[Protocol::Sctp],
            136 => &[Protocol::Udplite],
            _ => &[Protocol::Th],
        },
    }
}

const EXTENSIONS: &[Protocol] = &[
    Protocol::Hbh,
    Protocol::Rt,
    Protocol::Rt0,
    Protocol::Rt2,
    Protocol::Srh,
    Protocol::Frag,
    Protocol::Dst,
    Protocol::Mh,
];

const fn meta_key(meta: Meta) -> MetaKey {
    match meta {
        Meta::Length => MetaKey::Length,
        Meta::Protocol => MetaKey::Protocol,
        Meta::NfProto => MetaKey::NfProto,
        Meta::L4Proto => MetaKey::L4Proto,
        Meta::IifName => MetaKey::IifName,
        Meta::OifName => MetaKey::OifName,
        Meta::Mark => MetaKey::Mark,
        Meta::InType => MetaKey::IifType,
        Meta::OutType => MetaKey::OifType,
        Meta::PacketType => MetaKey::PktType,
        Meta::Random => MetaKey::Random,
        Meta::Time => MetaKey::Time,
        Meta::Day => MetaKey::Day,
        Meta::Hour => MetaKey::Hour,
    }
}

const fn ct_key(ct: Ct) -> CtKey {
    match ct {
        Ct::State => CtKey::State,
        Ct::Direction => CtKey::Direction,
        Ct::Status => CtKey::Status,
        Ct::Mark => CtKey::Mark,
        Ct::Zone => CtKey::Zone,
        Ct::Helper => CtKey::Helper,
        Ct::Expiration => CtKey::Expiration,
        Ct::L3Proto => CtKey::L3Proto,
        Ct::Protocol => CtKey::Protocol,
        Ct::Address { reply, destination, v6 } => CtKey::Address { reply, destination, v6: Some(v6) },
        Ct::Port { reply, destination } => CtKey::Port { reply, destination },
        Ct::Packets(ways) => CtKey::Packets(ways),
        Ct::Bytes(ways) => CtKey::Bytes(ways),
        Ct::AveragePacket(ways) => CtKey::AveragePacket(ways),
    }
}

#[cfg(test)]
mod tests {
    use super::{field_name, value_text};
    use crate::policy::{Ct, Field, HeaderBase, Load};
    use crate::ruleset::Type;

    #[test]
    fn the_packet_says_which_header_it_is() {
        let port = Field::plain(Load::Payload { base: HeaderBase::Transport, offset: 16, width: 16 }, 16);
        for (transport, name) in
            [(6, "tcp dport"), (17, "udp dport"), (99, "th dport"), (58, "icmpv6 checksum")]
        {
            assert_eq!(field_name(&port, 0x0800, transport).0, name);
        }
        let odd = Field::plain(Load::Payload { base: HeaderBase::Network, offset: 3, width: 7 }, 7);
        assert_eq!(field_name(&odd, 0x86dd, 6).0, "@nh,3,7");
        let flags = Load::Payload { base: HeaderBase::Transport, offset: 104, width: 8 };
        let masked = Field { mask: 0x17, ..Field::plain(flags, 8) };
        assert_eq!(field_name(&masked, 0x0800, 6), ("tcp flags & fin,syn,rst,ack".to_owned(), Type::TcpFlag));
    }

    #[test]
    fn values_are_written_by_type() {
        let state = field_name(&Field::plain(Load::Ct(Ct::State), 32), 0, 0);
        assert_eq!(state, ("ct state".to_owned(), Type::CtState));
        assert_eq!(value_text(Type::CtState, 6), "established,related");
        assert_eq!(value_text(Type::Ipv4Addr, 0xc000_020a), "192.0.2.10");
        assert_eq!(value_text(Type::InetProto, 6), "tcp");
        assert_eq!(value_text(Type::InetProto, 250), "250");
        assert_eq!(value_text(Type::EtherAddr, 0x0200_0000_0001), "02:00:00:00:00:01");
        assert_eq!(value_text(Type::IfName, crate::policy::interface_value("lo").unwrap()), "\"lo\"");
    }
}
