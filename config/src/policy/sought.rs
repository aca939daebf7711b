//! What do matches of iptables look for that walk a list of a packet in their own way?

use super::Chunks;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sought {
    /// Chunks of an SCTP packet.
    Chunks(Chunks),
    /// A TCP option of this kind, however long it says it is.
    TcpOption(u8),
    /// A maximum segment size: the first option of that kind which is four bytes long, as options that say of themselves
    /// that they are longer than the header are stepped over.
    SegmentSize {
        /// The least.
        low: u16,
        /// The most.
        high: u16,
    },
    /// IPv6 extension headers.
    Extensions(Extensions),
    /// Nothing of the packet: that it is one of these days of the month in UTC.
    MonthDay {
        /// A bit for each, from bit 1.
        days: u32,
        /// Before this second of the day the day before counts.
        until: u32,
    },
    /// An option of an IPv6 extension header, where those before it lie within the header.
    HeaderOption {
        /// The number of the header as a next header: of hop-by-hop or of destination options.
        header: u8,
        /// Which of its options, from 0.
        index: u8,
        /// Its type.
        kind: u8,
        /// The length it says; 255 is any. One of type 0 says none.
        length: u8,
    },
    /// Four bytes of nothing behind the first four of an IPv6 routing header.
    RouteReserved,
    /// Addresses in an IPv6 routing header of type 0.
    SourceRoute {
        /// The index of the addresses in [`super::Policy::lists`].
        list: u16,
        /// Whether the header must hold these and no others; otherwise these in this order, others between them.
        strict: bool,
    },
}

/// Extension headers of an IPv6 packet, up to a cut one, an ESP header or the one that says that nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Extensions {
    /// Those named, a bit for each of [`EXTENSION_HEADERS`]; the last for a transport header.
    pub named: u8,
    /// Whether there may be others.
    pub soft: bool,
    /// Whether it must be otherwise; where there may be others, whether none of those named may be there.
    pub negated: bool,
}

/// The extension headers that can be named: hop-by-hop options, destination options, routing, fragment, AH, ESP, none.
pub const EXTENSION_HEADERS: [u8; 7] = [0, 60, 43, 44, 51, 50, 59];
