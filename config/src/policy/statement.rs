//! What does one step of a rule do?

use super::{
    Assigned, ChainId, ConnectionLimitId, CounterId, Field, LimitId, Match, QuotaId, Recent, SetId, Value,
};

/// One step of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// Goes on only if the packet matches.
    Match(Match),
    /// Counts the packet and goes on.
    Counter(CounterId),
    /// Decides.
    Verdict(Verdict),
    /// Decides by what the map holds for the key; ends the rule if it holds nothing. `continue` goes on within the
    /// rule, a jump or goto does not come back to it.
    VerdictMap {
        /// The key, one field or a concatenation.
        key: Vec<Field>,
        /// The map: a set whose elements carry verdicts.
        map: SetId,
    },
    /// Drops and tells the sender.
    Reject(Reject),
    /// Leaves the packet out of connection tracking.
    Notrack,
    /// Gives the connection that the packet begins something, and goes on.
    Assign(Assigned),
    /// Goes on only while within the rate (or, if it is an `over` limit, beyond it).
    Limit(LimitId),
    /// Goes on only until (or, if it is an `over` quota, once) so many bytes have passed.
    Quota(QuotaId),
    /// Goes on only if at most (or, if it is an `over` limit, more than) so many connections are open.
    ConnectionLimit(ConnectionLimitId),
    /// Goes on if an address was seen lately as wanted.
    Recent(Box<Recent>),
    /// Tells the log of the packet and goes on.
    Log(Box<Log>),
    /// Sets what is known of the packet, or of its connection, and goes on. A value that cannot be read ends the rule;
    /// a packet without a connection keeps what it had.
    Set(Target, Operand),
    /// Changes a dynamic set and goes on; ends the rule if there is no room, or if a per-element statement says so.
    Update(Box<Update>),
    /// Does what the object that the map holds for the key does; ends the rule if the map holds nothing for it.
    Object {
        /// What the objects are.
        kind: ObjectKind,
        /// The key, one field or a concatenation.
        key: Vec<Field>,
        /// The map: a set whose data are indexes into the policy's list of such objects.
        map: SetId,
    },
}

/// What a map to objects holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// Indexes into [`Policy::counters`].
    Counter,
    /// Indexes into [`Policy::limits`].
    Limit,
    /// Indexes into [`Policy::quotas`].
    Quota,
    /// Indexes into [`Policy::helpers`].
    Helper,
    /// Indexes into [`Policy::timeouts`].
    Timeouts,
}

/// What a rule decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Ends this base chain; later base chains still run.
    Accept,
    /// Final.
    Drop,
    /// The next rule.
    Continue,
    /// Back behind the jump; in a base chain, its policy.
    Return,
    /// Runs a regular chain, then comes back.
    Jump(ChainId),
    /// Runs a regular chain and does not come back here.
    Goto(ChainId),
}

/// How a sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// A TCP RST.
    TcpReset,
    /// ICMP destination unreachable with this code, for IPv4 packets only.
    Icmp(u8),
    /// ICMPv6 destination unreachable with this code, for IPv6 packets only.
    Icmpv6(u8),
    /// Destination unreachable in the packet's own family.
    Icmpx(Icmpx),
}

/// The family-neutral reasons of a reject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Icmpx {
    /// ICMP code 0, ICMPv6 code 0.
    NoRoute,
    /// ICMP code 3, ICMPv6 code 4.
    PortUnreachable,
    /// ICMP code 1, ICMPv6 code 3.
    HostUnreachable,
    /// ICMP code 13, ICMPv6 code 1.
    AdminProhibited,
}

/// What a statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// `meta mark` (32 bits).
    Mark,
    /// `meta pkttype` (8 bits).
    PacketType,
    /// `ct mark` (32 bits).
    CtMark,
    /// `ct zone` (16 bits), before connection tracking; a packet that has a connection keeps its zone.
    CtZone,
}

/// A value a statement writes or stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// Always this.
    Constant(Value),
    /// What is read, masked and turned as the field says.
    Field(Field),
    /// What the map holds for the key; nothing if it holds nothing.
    Map {
        /// The key, one field or a concatenation.
        key: Vec<Field>,
        /// The map: a set whose elements carry data.
        map: SetId,
    },
    /// Two values joined bit by bit; nothing if either is nothing.
    Bits(BitOperator, Box<(Self, Self)>),
}

/// How two values are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BitOperator {
    /// Bits in both.
    And,
    /// Bits in either.
    Or,
    /// Bits in one only.
    Xor,
}

/// A line to the log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// What it begins with.
    pub prefix: String,
    /// syslog level, 0 (emergency) to 7 (debug); 4 (warning) if none was given; 8 is meant for the kernel's audit.
    pub level: u8,
    /// NFLOG group; `None` is the system's log.
    pub group: Option<u16>,
    /// Bytes of the packet that go along, 0 for all.
    pub snap_length: u32,
    /// Packets a reader of the group gets at once, 0 for no word about it.
    pub queue_threshold: u16,
    /// What the line tells besides, bits of [`log_flags`].
    pub flags: u8,
}

/// Bits of [`Log::flags`], as the kernel numbers them.
pub mod log_flags {
    /// TCP sequence and acknowledgement numbers.
    pub const TCP_SEQUENCE: u8 = 1;
    /// TCP options.
    pub const TCP_OPTIONS: u8 = 2;
    /// IPv4 options.
    pub const IP_OPTIONS: u8 = 4;
    /// The owner of the socket that sent it: a packet on a wire has none, so nothing is told.
    pub const SOCKET_OWNER: u8 = 8;
    /// Ethernet addresses and type.
    pub const ETHER: u8 = 32;
    /// All there is to tell.
    pub const ALL: u8 = TCP_SEQUENCE | TCP_OPTIONS | IP_OPTIONS | SOCKET_OWNER | ETHER;
}

/// A change to a dynamic set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// What is done.
    pub change: Change,
    /// The set.
    pub set: SetId,
    /// The key, one field or a concatenation.
    pub key: Vec<Field>,
    /// Lifetime of the element in milliseconds; the set's own if none.
    pub timeout: Option<u64>,
    /// What a map holds for the key.
    pub data: Option<Operand>,
    /// Statements every element has for itself: [`Statement::Counter`], [`Statement::Limit`], [`Statement::Quota`] and
    /// [`Statement::ConnectionLimit`], each the template of the element's own.
    pub each: Vec<Statement>,
    /// Whether it does as iptables: a packet for whose element there is no room is dropped, otherwise the rule ends; and
    /// connections are counted as `connlimit` does.
    pub drops_if_full: bool,
    /// Whether it goes on where the statements of the element say that it ends, and ends where they say that it goes on.
    pub negated: bool,
}

/// What is done to an element of a dynamic set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// `add`: put in if it is not there; its lifetime is not renewed.
    Add,
    /// `update`: put in, or its lifetime renewed.
    Update,
    /// `delete`: taken out.
    Delete,
}
