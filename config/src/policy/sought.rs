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
