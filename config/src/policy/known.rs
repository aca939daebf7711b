//! What is known of a packet besides its bytes?

/// What is known of a packet besides its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Meta {
    /// Bytes from the network header on (32 bits).
    Length,
    /// `EtherType` behind any tags (16 bits).
    Protocol,
    /// 2 for IPv4, 10 for IPv6 (8 bits).
    NfProto,
    /// The transport protocol, behind extension headers (8 bits).
    L4Proto,
    /// Name of the interface it came in by (16 bytes, zero padded); empty, not unreadable, on `output`.
    IifName,
    /// Name of the interface it goes out by (16 bytes, zero padded); empty, not unreadable, on `input` and `prerouting`.
    OifName,
    /// The mark a rule has set, at first 0 (32 bits).
    Mark,
    /// Hardware type of the interface it came in by, or goes out by: 1, Ethernet (16 bits).
    InType,
    /// See `InType`.
    OutType,
    /// 0 to this host, 1 broadcast, 2 multicast, 3 to another host, by the receiving Ethernet address (8 bits).
    PacketType,
    /// A random number (32 bits).
    Random,
    /// Nanoseconds since 1970 (64 bits).
    Time,
    /// Day of the week in UTC, 0 is Sunday (8 bits).
    Day,
    /// Second of the day in UTC (32 bits).
    Hour,
}

/// What is known of a packet's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ct {
    /// The state as a bit of [`ct_state`] (32 bits). Always loads: without a connection it is `INVALID`.
    State,
    /// 0 original, 1 reply (8 bits).
    Direction,
    /// Status bits as the kernel numbers them: expected 1, seen-reply 2, assured 4, confirmed 8, snat 16, dnat 32,
    /// dying 512 (32 bits).
    Status,
    /// The mark a rule has set, at first 0 (32 bits).
    Mark,
    /// Its zone (16 bits).
    Zone,
    /// The name of the helper that expected it (16 bytes, zero padded); nothing if none did.
    Helper,
    /// Milliseconds until it ends (32 bits).
    Expiration,
    /// 2 for IPv4, 10 for IPv6 (8 bits).
    L3Proto,
    /// The transport protocol (8 bits).
    Protocol,
    /// An address of its tuple (32 bits for IPv4, 128 for IPv6); nothing if it is of the other family.
    Address {
        /// Of the original direction, or of the reply.
        reply: bool,
        /// The destination, or the source.
        destination: bool,
        /// The family asked for: IPv6, or IPv4.
        v6: bool,
    },
    /// A port of its tuple (16 bits; ICMP: identifier as source, type and code as destination).
    Port {
        /// Of the original direction, or of the reply.
        reply: bool,
        /// The destination, or the source.
        destination: bool,
    },
    /// Packets seen (64 bits).
    Packets(Ways),
    /// Bytes seen (64 bits).
    Bytes(Ways),
    /// Bytes a packet (64 bits).
    AveragePacket(Ways),
}

/// Of which directions of a connection something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ways {
    /// Both.
    Both,
    /// The original one.
    Original,
    /// The reply.
    Reply,
}

/// Bits of `ct state`, as the kernel numbers them.
pub mod ct_state {
    /// The packet belongs to no connection and starts none.
    pub const INVALID: u32 = 1;
    /// A reply has been seen, or this is it.
    pub const ESTABLISHED: u32 = 2;
    /// Belongs to another connection: an ICMP error about it, or an expected flow.
    pub const RELATED: u32 = 4;
    /// Starts a connection, or goes on before any reply.
    pub const NEW: u32 = 8;
    /// Left out of connection tracking.
    pub const UNTRACKED: u32 = 64;
}
