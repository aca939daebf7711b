//! Where in its option, or chunk, does each field stand? RFC 791, 2113, 9293, 7323, 2018, 8684 and 9260.

use super::Type;
use crate::policy::OptionOf;

/// A field of an option or chunk.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct OptionField {
    /// Whose option.
    pub of: OptionOf,
    /// The option's kind.
    pub kind: u8,
    /// What nft calls the option.
    pub option: &'static str,
    /// What nft calls the field.
    pub name: &'static str,
    /// First bit, from the kind byte.
    pub offset: u16,
    /// Bits.
    pub width: u16,
    /// Type of the value.
    pub value: Type,
}

/// The kind of the option nft calls `name`.
#[must_use]
pub fn kind_named(of: OptionOf, name: &str) -> Option<u8> {
    let mut known = kinds(of).iter();
    known.find(|(found, _)| *found == name).map(|(_, kind)| *kind)
}

/// What nft calls the option of this kind.
#[must_use]
pub fn name_of(of: OptionOf, kind: u8) -> Option<&'static str> {
    let mut known = kinds(of).iter();
    known.find(|(_, found)| *found == kind).map(|(name, _)| *name)
}

/// Every name of an option.
pub fn option_names(of: OptionOf) -> impl Iterator<Item = &'static str> {
    kinds(of).iter().map(|(name, _)| *name)
}

/// The field `name` of the option nft calls `option`.
#[must_use]
pub fn field_of(of: OptionOf, option: &str, name: &str) -> Option<&'static OptionField> {
    fields(of).iter().find(|field| field.option == option && field.name == name)
}

/// The names of the fields of an option.
pub fn field_names(of: OptionOf, option: &str) -> impl Iterator<Item = &'static str> {
    fields(of).iter().filter(move |field| field.option == option).map(|field| field.name)
}

/// What nft calls the header whose options they are.
#[must_use]
pub const fn header_name(of: OptionOf) -> &'static str {
    match of {
        OptionOf::Ipv4 => "ip option",
        OptionOf::Tcp => "tcp option",
        OptionOf::Sctp => "sctp chunk",
        OptionOf::Dccp => "dccp option",
    }
}

const fn kinds(of: OptionOf) -> &'static [(&'static str, u8)] {
    match of {
        OptionOf::Ipv4 => IPV4_KINDS,
        OptionOf::Tcp => TCP_KINDS,
        OptionOf::Sctp => SCTP_KINDS,
        OptionOf::Dccp => &[],
    }
}

const fn fields(of: OptionOf) -> &'static [OptionField] {
    match of {
        OptionOf::Ipv4 => IPV4,
        OptionOf::Tcp => TCP,
        OptionOf::Sctp => SCTP,
        OptionOf::Dccp => &[],
    }
}

const IPV4_KINDS: &[(&str, u8)] = &[("rr", 7), ("lsrr", 131), ("ssrr", 137), ("ra", 148)];

/// Where two names stand for one kind, nft writes the first.
#[rustfmt::skip]
const TCP_KINDS: &[(&str, u8)] = &[
    ("eol", 0), ("nop", 1), ("maxseg", 2), ("window", 3), ("sack-perm", 4), ("sack", 5), ("timestamp", 8),
    ("echo", 8), ("md5sig", 19), ("mptcp", 30), ("fastopen", 34), ("noop", 1), ("mss", 2), ("sack-permitted", 4),
    ("sack0", 5), ("sack1", 5), ("sack2", 5), ("sack3", 5),
];

#[rustfmt::skip]
const SCTP_KINDS: &[(&str, u8)] = &[
    ("data", 0), ("init", 1), ("init-ack", 2), ("sack", 3), ("heartbeat", 4), ("heartbeat-ack", 5),
    ("abort", 6), ("shutdown", 7), ("shutdown-ack", 8), ("error", 9), ("cookie-echo", 10),
    ("cookie-ack", 11), ("ecne", 12), ("cwr", 13), ("shutdown-complete", 14), ("asconf-ack", 0x80),
    ("forward-tsn", 0xc0), ("asconf", 0xc1), ("i-data", 0x40), ("re-config", 0x82), ("pad", 0x84),
    ("i-forward-tsn", 0xc2),
];

/// Most are numbers; an address and the subtype of MPTCP have types of their own.
const fn value_type(of: OptionOf, kind: u8, offset: u16, width: u16) -> Type {
    match (of, kind, offset) {
        (OptionOf::Ipv4, _, 24) => Type::Ipv4Addr,
        (OptionOf::Tcp, 30, 16) => Type::MptcpSubtype,
        _ => Type::Integer(width),
    }
}

macro_rules! fields {
    ($of:ident: $($option:literal $kind:literal { $($name:literal $offset:literal $width:literal)* })*) => {
        &[$($(OptionField {
            of: OptionOf::$of,
            kind: $kind,
            option: $option,
            name: $name,
            offset: $offset,
            width: $width,
            value: value_type(OptionOf::$of, $kind, $offset, $width),
        },)*)*]
    };
}

#[rustfmt::skip]
const IPV4: &[OptionField] = fields! { Ipv4:
    "rr" 7 { "type" 0 8 "length" 8 8 "ptr" 16 8 "addr" 24 32 }
    "lsrr" 131 { "type" 0 8 "length" 8 8 "ptr" 16 8 "addr" 24 32 }
    "ssrr" 137 { "type" 0 8 "length" 8 8 "ptr" 16 8 "addr" 24 32 }
    "ra" 148 { "type" 0 8 "length" 8 8 "value" 16 16 }
};

#[rustfmt::skip]
const TCP: &[OptionField] = fields! { Tcp:
    "eol" 0 { "kind" 0 8 }
    "nop" 1 { "kind" 0 8 }
    "noop" 1 { "kind" 0 8 }
    "maxseg" 2 { "kind" 0 8 "length" 8 8 "size" 16 16 }
    "mss" 2 { "kind" 0 8 "length" 8 8 "size" 16 16 }
    "window" 3 { "kind" 0 8 "length" 8 8 "count" 16 8 }
    "sack-perm" 4 { "kind" 0 8 "length" 8 8 }
    "sack-permitted" 4 { "kind" 0 8 "length" 8 8 }
    "sack" 5 { "kind" 0 8 "length" 8 8 "left" 16 32 "right" 48 32 }
    "sack0" 5 { "kind" 0 8 "length" 8 8 "left" 16 32 "right" 48 32 }
    "sack1" 5 { "kind" 0 8 "length" 8 8 "left" 80 32 "right" 112 32 }
    "sack2" 5 { "kind" 0 8 "length" 8 8 "left" 144 32 "right" 176 32 }
    "sack3" 5 { "kind" 0 8 "length" 8 8 "left" 208 32 "right" 240 32 }
    "timestamp" 8 { "kind" 0 8 "length" 8 8 "tsval" 16 32 "tsecr" 48 32 }
    "md5sig" 19 { "kind" 0 8 "length" 8 8 }
    "mptcp" 30 { "kind" 0 8 "length" 8 8 "subtype" 16 4 }
    "fastopen" 34 { "kind" 0 8 "length" 8 8 }
};

#[rustfmt::skip]
const SCTP: &[OptionField] = fields! { Sctp:
    "data" 0 { "type" 0 8 "flags" 8 8 "length" 16 16 "tsn" 32 32 "stream" 64 16 "ssn" 80 16 "ppid" 96 32 }
    "init" 1 { "type" 0 8 "flags" 8 8 "length" 16 16 "init-tag" 32 32 "a-rwnd" 64 32
        "num-outbound-streams" 96 16 "num-inbound-streams" 112 16 "initial-tsn" 128 32 }
    "init-ack" 2 { "type" 0 8 "flags" 8 8 "length" 16 16 "init-tag" 32 32 "a-rwnd" 64 32
        "num-outbound-streams" 96 16 "num-inbound-streams" 112 16 "initial-tsn" 128 32 }
    "sack" 3 { "type" 0 8 "flags" 8 8 "length" 16 16 "cum-tsn-ack" 32 32 "a-rwnd" 64 32
        "num-gap-ack-blocks" 96 16 "num-dup-tsns" 112 16 }
    "heartbeat" 4 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "heartbeat-ack" 5 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "abort" 6 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "shutdown" 7 { "type" 0 8 "flags" 8 8 "length" 16 16 "cum-tsn-ack" 32 32 }
    "shutdown-ack" 8 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "error" 9 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "cookie-echo" 10 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "cookie-ack" 11 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "ecne" 12 { "type" 0 8 "flags" 8 8 "length" 16 16 "lowest-tsn" 32 32 }
    "cwr" 13 { "type" 0 8 "flags" 8 8 "length" 16 16 "lowest-tsn" 32 32 }
    "shutdown-complete" 14 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "asconf-ack" 0x80 { "type" 0 8 "flags" 8 8 "length" 16 16 "seqno" 32 32 }
    "forward-tsn" 0xc0 { "type" 0 8 "flags" 8 8 "length" 16 16 "new-cum-tsn" 32 32 }
    "asconf" 0xc1 { "type" 0 8 "flags" 8 8 "length" 16 16 "seqno" 32 32 }
    "i-data" 0x40 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "re-config" 0x82 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "pad" 0x84 { "type" 0 8 "flags" 8 8 "length" 16 16 }
    "i-forward-tsn" 0xc2 { "type" 0 8 "flags" 8 8 "length" 16 16 }
};
