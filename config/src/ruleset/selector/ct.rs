//! What is known of a packet's connection, as nft names it?

use std::fmt::{self, Display, Formatter};

use super::Type;
use crate::policy::Ways;

/// What is known of a packet's connection, as nft names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CtKey {
    /// `ct state`
    State,
    /// `ct direction`
    Direction,
    /// `ct status`
    Status,
    /// `ct mark`
    Mark,
    /// `ct zone`
    Zone,
    /// `ct helper`
    Helper,
    /// `ct expiration`
    Expiration,
    /// `ct l3proto`
    L3Proto,
    /// `ct protocol`
    Protocol,
    /// `ct original ip saddr`
    Address {
        /// Of the reply, or of the original direction.
        reply: bool,
        /// The destination, or the source.
        destination: bool,
        /// IPv6 or IPv4, if it says.
        v6: Option<bool>,
    },
    /// `ct original proto-src`
    Port {
        /// Of the reply, or of the original direction.
        reply: bool,
        /// The destination, or the source.
        destination: bool,
    },
    /// `ct packets`
    Packets(Ways),
    /// `ct bytes`
    Bytes(Ways),
    /// `ct avgpkt`
    AveragePacket(Ways),
}

impl CtKey {
    /// The type of what it yields; an address that does not say is an IPv4 address.
    #[must_use]
    pub const fn kind(self) -> Type {
        match self {
            Self::State => Type::CtState,
            Self::Direction => Type::CtDir,
            Self::Status => Type::CtStatus,
            Self::Mark => Type::Mark,
            Self::Zone => Type::Integer(16),
            Self::Helper => Type::Helper,
            Self::Expiration => Type::Duration,
            Self::L3Proto => Type::NfProto,
            Self::Protocol => Type::InetProto,
            Self::Address { v6: Some(true), .. } => Type::Ipv6Addr,
            Self::Address { .. } => Type::Ipv4Addr,
            Self::Port { .. } => Type::InetService,
            Self::Packets(_) | Self::Bytes(_) | Self::AveragePacket(_) => Type::Integer(64),
        }
    }
}

/// As it is written behind `ct`.
impl Display for CtKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let way = |reply: bool| if reply { "reply" } else { "original" };
        let counted = |f: &mut Formatter<'_>, ways: Ways, what: &str| match ways {
            Ways::Both => f.write_str(what),
            Ways::Original => write!(f, "original {what}"),
            Ways::Reply => write!(f, "reply {what}"),
        };
        match *self {
            Self::State => f.write_str("state"),
            Self::Direction => f.write_str("direction"),
            Self::Status => f.write_str("status"),
            Self::Mark => f.write_str("mark"),
            Self::Zone => f.write_str("zone"),
            Self::Helper => f.write_str("helper"),
            Self::Expiration => f.write_str("expiration"),
            Self::L3Proto => f.write_str("l3proto"),
            Self::Protocol => f.write_str("protocol"),
            Self::Address { reply, destination, v6 } => {
                let family = v6.map_or("", |v6| if v6 { "ip6 " } else { "ip " });
                let end = if destination { "daddr" } else { "saddr" };
                write!(f, "{} {family}{end}", way(reply))
            }
            Self::Port { reply, destination } => {
                let end = if destination { "proto-dst" } else { "proto-src" };
                write!(f, "{} {end}", way(reply))
            }
            Self::Packets(ways) => counted(f, ways, "packets"),
            Self::Bytes(ways) => counted(f, ways, "bytes"),
            Self::AveragePacket(ways) => counted(f, ways, "avgpkt"),
        }
    }
}
