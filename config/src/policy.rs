//! What may the data path see? A policy: a ruleset checked and lowered, every name resolved.
//!
//! A policy can only hold what runs. Values are unsigned numbers of at most 128 bits: a field of a packet
//! read in network order is that number, an interface name its sixteen bytes read the same way, so that one
//! comparison serves them all. Rules keep the order of the ruleset; nothing here is optimised.

mod assigned;

use std::fmt;
use std::ops::Range;

pub use assigned::{Assigned, ConnectionTimeouts, Helper, HelperKind, TimeoutState};

/// The number a field holds: network order, right aligned, at most [`Field::width`] bits.
pub type Value = u128;

/// The family of a table: which packets its chains see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4 packets.
    Ip,
    /// IPv6 packets.
    Ip6,
    /// IPv4 and IPv6 packets.
    Inet,
    /// ARP packets.
    Arp,
    /// Every frame, as a bridge sees it.
    Bridge,
    /// Every frame, at a device's ingress.
    Netdev,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Inet => "inet",
            Self::Arp => "arp",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        })
    }
}

/// Where on its way a packet meets a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hook {
    /// As it leaves the device, before any other hook.
    Ingress,
    /// Before the routing decision.
    Prerouting,
    /// On its way to the protected host.
    Input,
    /// On its way through.
    Forward,
    /// As the protected host sends it.
    Output,
    /// After the routing decision.
    Postrouting,
    /// As it enters the device on the way out.
    Egress,
}

impl Hook {
    /// How many hooks there are.
    pub const COUNT: usize = 7;

    /// Every hook.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Ingress,
        Self::Prerouting,
        Self::Input,
        Self::Forward,
        Self::Output,
        Self::Postrouting,
        Self::Egress,
    ];
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        })
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index into the policy's own list.
            #[must_use]
            pub const fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}

ids! {
    /// A chain: an index into [`Policy::chains`].
    ChainId;
    /// A rule: an index into [`Policy::rules`].
    RuleId;
    /// A set or map: an index into [`Policy::sets`].
    SetId;
    /// A counter: an index into [`Policy::counters`].
    CounterId;
    /// A rate limit: an index into [`Policy::limits`].
    LimitId;
    /// A quota: an index into [`Policy::quotas`].
    QuotaId;
    /// A bound on concurrent connections: an index into [`Policy::connection_limits`].
    ConnectionLimitId;
    /// A helper: an index into [`Policy::helpers`].
    HelperId;
    /// Timeouts of connections: an index into [`Policy::timeouts`].
    TimeoutsId;
}

/// A checked ruleset with every name resolved.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Every chain, base or regular.
    pub chains: Vec<Chain>,
    /// Every rule; the rules of one chain stand together, in order.
    pub rules: Vec<Rule>,
    /// Every set and map, named or anonymous.
    pub sets: Vec<Set>,
    /// Every counter, named or anonymous.
    pub counters: Vec<Counter>,
    /// Every rate limit, named or anonymous. One that several workers meet is still one.
    pub limits: Vec<Limit>,
    /// Every quota, named or anonymous.
    pub quotas: Vec<Quota>,
    /// Every bound on concurrent connections, named or anonymous.
    pub connection_limits: Vec<ConnectionLimit>,
    /// Every helper, by name.
    pub helpers: Vec<Helper>,
    /// Every list of timeouts, by name.
    pub timeouts: Vec<ConnectionTimeouts>,
    /// Whether the rules ask for connection state, for IPv4 and for IPv6 packets: where they do not, no
    /// packet of that family is tracked.
    pub tracks: Tracks,
}

/// For which packets connections are tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tracks {
    /// A table that sees IPv4 asks for connection state.
    pub v4: bool,
    /// A table that sees IPv6 asks for connection state.
    pub v6: bool,
}

impl Policy {
    /// The base chains of `hook`, in the order a packet meets them: by priority; among equals the one declared
    /// last comes first, as in the kernel.
    #[must_use]
    pub fn base_chains(&self, hook: Hook) -> Vec<ChainId> {
        let mut found: Vec<(i32, ChainId)> = (0u32..)
            .zip(&self.chains)
            .filter_map(|(id, chain)| {
                let base = chain.base.filter(|base| base.hook == hook)?;
                Some((base.priority, ChainId(id)))
            })
            .collect();
        found.sort_by_key(|&(priority, id)| (priority, std::cmp::Reverse(id)));
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// Lets go of the elements of its sets, where others have them: what is left tells of rules and objects.
    pub fn forget_elements(&mut self) {
        for set in &mut self.sets {
            let known = std::mem::take(set);
            *set = Set { name: known.name, widths: known.widths, dynamic: known.dynamic, ..Set::default() };
        }
    }

    /// The rules of `chain`, in order, each with its id.
    pub fn rules_of(&self, chain: ChainId) -> impl Iterator<Item = (RuleId, &Rule)> {
        let range = self.chains[chain.index()].rules.clone();
        range.map(|id| (RuleId(id), &self.rules[id as usize]))
    }
}

/// A list of rules with a name.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The family of its table.
    pub family: Family,
    /// The name of its table.
    pub table: String,
    /// Its own name.
    pub name: String,
    /// Where it is attached, if it is a base chain.
    pub base: Option<Base>,
    /// Its rules: a range of [`Policy::rules`].
    pub rules: Range<u32>,
}

/// How a base chain is attached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// The hook.
    pub hook: Hook,
    /// Lower comes first; connection tracking sits at -200.
    pub priority: i32,
    /// What happens to a packet that no rule decided.
    pub policy: ChainPolicy,
}

/// The verdict at the end of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainPolicy {
    /// The packet goes on to the next base chain.
    Accept,
    /// The packet is dropped.
    Drop,
}

/// One rule: statements run in order until one does not match or one decides.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its chain.
    pub chain: ChainId,
    /// Its place in the chain, from 1.
    pub position: u32,
    /// What it does.
    pub statements: Vec<Statement>,
    /// Its own comment.
    pub comment: Option<String>,
    /// Where it was written.
    pub place: Place,
}

/// Where in the sources something was written: an index of the source and the position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Index into the list of source names that came with the ruleset.
    pub source: u16,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

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

/// A condition on one packet. A field that cannot be read ends the rule without a match, whatever the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// What is looked at: one field, or the parts of a concatenation (only with [`Test::Lookup`]).
    pub key: Vec<Field>,
    /// What must hold.
    pub test: Test,
}

/// A number read from the packet or from what is known of it: `((load & mask) ^ xor) >> shift`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Field {
    /// Where it is read.
    pub load: Load,
    /// How many bits it has, 1 to 128.
    pub width: u16,
    /// Bits kept.
    pub mask: Value,
    /// Bits turned over after the mask.
    pub xor: Value,
    /// Places shifted, right if positive, left if negative, after that.
    pub shift: i8,
}

impl Field {
    /// The whole field, as it is read.
    #[must_use]
    pub const fn plain(load: Load, width: u16) -> Self {
        let mask = if width >= 128 { Value::MAX } else { (1 << width) - 1 };
        Self { load, width, mask, xor: 0, shift: 0 }
    }

    /// Whether the field is compared as it is read.
    #[must_use]
    pub const fn is_plain(&self) -> bool {
        let whole = Self::plain(self.load, self.width);
        self.mask == whole.mask && self.xor == 0 && self.shift == 0
    }

    /// What the field holds where `loaded` was read.
    #[must_use]
    pub const fn apply(&self, loaded: Value) -> Value {
        let value = (loaded & self.mask) ^ self.xor;
        if self.shift >= 0 { value >> self.shift } else { value << -self.shift }
    }
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

/// A token bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limit {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Packets or bytes.
    pub unit: LimitUnit,
    /// So many units...
    pub rate: u64,
    /// ...in so many seconds.
    pub per_seconds: u64,
    /// Units beyond the rate that may come at once.
    pub burst: u64,
    /// Whether it matches what is beyond the rate.
    pub over: bool,
}

/// What a limit counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LimitUnit {
    /// Packets.
    #[default]
    Packets,
    /// Bytes from the network header on.
    Bytes,
}

/// An amount of bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quota {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// The amount.
    pub bytes: u64,
    /// What it starts from.
    pub used: u64,
    /// Whether it matches once the amount is used up.
    pub over: bool,
}

/// A bound on concurrent connections.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionLimit {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// The bound.
    pub count: u32,
    /// Whether it matches beyond the bound.
    pub over: bool,
}

/// Where a number is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Load {
    /// What is known of the packet besides its bytes.
    Meta(Meta),
    /// What is known of its connection.
    Ct(Ct),
    /// Bits of the first extension header of this kind (IPv6), counted from its start; a packet without it has nothing
    /// to load.
    Extension {
        /// Its number as a next header.
        header: u8,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
    /// Bits of the first option of this kind, counted from its kind byte; a packet without it, or with a shorter one,
    /// has nothing to load.
    Option {
        /// In which header.
        of: OptionOf,
        /// Its kind.
        kind: u8,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
    /// 1 if there is such an extension header, option or chunk, otherwise 0 (8 bits). Always loads, but for an extension
    /// header or option of IP in a packet of another family.
    Exists(Part),
    /// Whether a header is whole (8 bits): [`whole::NONE`], [`whole::CUT`] or [`whole::ALL`]. Always loads. The matches
    /// of iptables drop a packet if a header they look into is cut off.
    Whole(Header),
    /// Which chunks an SCTP packet bears (8 bits), as iptables asks: [`whole::CUT`] if one is cut off or has no length,
    /// [`whole::ALL`] if they are as wanted, otherwise [`whole::NONE`].
    Chunks(Chunks),
    /// A new number for every packet: counting, or random; `offset + n % modulus` (32 bits).
    Number {
        /// Random, or one more each time (one counter for the rule, over all workers).
        random: bool,
        /// How many different numbers.
        modulus: u32,
        /// The least.
        offset: u32,
    },
    /// Of which kind an address is, as the routing of a host knows it: `fib ... type` (32 bits, RTN numbers: unicast
    /// 1, local 2, broadcast 3, multicast 5).
    AddressType {
        /// The destination, or the source.
        destination: bool,
        /// Whether an address counts as the host's own only where it is one of this interface: one of the loopback
        /// interface does not.
        of_device: bool,
    },
    /// Bits of the packet itself.
    Payload {
        /// Which header the offset counts from.
        base: HeaderBase,
        /// First bit.
        offset: u16,
        /// Bits, 1 to 128.
        width: u16,
    },
}

/// A header that has options, or chunks that are read like them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OptionOf {
    /// The IPv4 header.
    Ipv4,
    /// The TCP header.
    Tcp,
    /// An SCTP packet: its chunks.
    Sctp,
    /// The DCCP header.
    Dccp,
}

/// A header as a match of iptables wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Header {
    /// So many bytes of the transport header; a fragment's tail has none.
    Transport(u8),
    /// The TCP header without its options. A fragment's tail has none, but one that would lie over the header's end is
    /// taken for a header that is cut off.
    Tcp,
    /// The TCP header with its options, as its data offset says.
    TcpOptions,
    /// The mobility header, at the end of the headers as RFC 6275 wants it; anywhere else it is taken for one that is cut
    /// off.
    Mobility,
    /// The DCCP header with its options, as its data offset says.
    DccpOptions,
    /// So many bytes of the first IPv6 extension header of this number. It is cut off as well if the headers before it
    /// are; one that says of itself that it is longer than the packet is none.
    Extension {
        /// Its number as a next header.
        number: u8,
        /// Bytes.
        bytes: u8,
    },
}

/// Chunks of an SCTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Chunks {
    /// How those named and those of the packet go together.
    pub mode: ChunkMode,
    /// Those named, a bit for each of [`CHUNK_TYPES`]; the last for all others.
    pub types: u32,
    /// What is asked of their flags, a byte for each of [`FLAGGED_CHUNKS`], in order from the lowest: bits of interest
    /// in the upper half, the values they must have in the lower. Other chunks have no flags to ask for.
    pub flags: u32,
}

/// How chunks are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChunkMode {
    /// Each of those named is there.
    All,
    /// One of those named is there.
    Any,
    /// No other is there.
    Only,
}

/// The chunk types that can be named: RFC 9260, 3758, 4820, 4895, 5061, 6525, 8260.
pub const CHUNK_TYPES: [u8; 22] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 64, 128, 130, 132, 192, 193, 194];

/// The chunk types whose flags can be asked for: DATA, I-DATA, ABORT, SHUTDOWN COMPLETE.
pub const FLAGGED_CHUNKS: [u8; 4] = [0, 64, 6, 14];

/// What [`Load::Whole`] gives.
pub mod whole {
    /// There is no such header.
    pub const NONE: u8 = 0;
    /// The packet ends within it.
    pub const CUT: u8 = 1;
    /// It is there.
    pub const ALL: u8 = 2;
}

/// A part a packet may have or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// An IPv6 extension header, by its number as a next header.
    Extension(u8),
    /// An option or chunk, by its kind.
    Option(OptionOf, u8),
}

/// Header an offset counts from. A packet without it has nothing to load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HeaderBase {
    /// The Ethernet header (`@ll`).
    Link,
    /// The IPv4, IPv6 or ARP header (`@nh`).
    Network,
    /// The transport header (`@th`), behind extension headers; none in a fragment's tail.
    Transport,
}

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

/// What must hold of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Test {
    /// Compares with one number.
    Compare(Comparison, Value),
    /// Within (or, negated, outside) both bounds, which belong to it.
    Range {
        /// Least value inside.
        low: Value,
        /// Greatest value inside.
        high: Value,
        /// Whether the field must lie outside.
        negated: bool,
    },
    /// A member (or, negated, no member) of the set.
    Lookup {
        /// The set.
        set: SetId,
        /// Whether it must be no member.
        negated: bool,
    },
}

/// How two numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A set of keys, or a map from keys to verdicts. Elements of one part do not overlap; of several parts, the first
/// that holds a key counts.
#[derive(Debug, Clone, Default)]
pub struct Set {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Bits of each part of the key; one part unless it is a concatenation.
    pub widths: Vec<u16>,
    /// Bounds of the elements: for element `i`, part `p`, both at `i * widths.len() + p`.
    pub low: Vec<Value>,
    /// See `low`; equal to it for a single value. Both bounds belong to the element.
    pub high: Vec<Value>,
    /// For a verdict map, one verdict an element; otherwise empty.
    pub verdicts: Vec<Verdict>,
    /// For a map to values, one value an element; otherwise empty.
    pub data: Vec<Value>,
    /// For an element that ends by itself, the milliseconds it has left, otherwise 0; empty if none does.
    pub expires: Vec<u64>,
    /// For an element with statements of its own, those (templates, as in [`Update::each`]); empty if none has.
    pub each: Vec<Vec<Statement>>,
    /// What packets do to it, if anything.
    pub dynamic: Option<Dynamic>,
}

/// A set whose elements come and go with packets. Its memory is taken at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dynamic {
    /// Elements it has room for.
    pub size: u32,
    /// Lifetime of an element in milliseconds, unless the rule says otherwise; `None` is for ever.
    pub timeout: Option<u64>,
    /// Whether elements may be ranges; then packets cannot change them.
    pub interval: bool,
    /// Statements every element has, as in [`Update::each`].
    pub each: Vec<Statement>,
}

impl Set {
    /// How many elements it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.widths.is_empty() { 0 } else { self.low.len() / self.widths.len() }
    }

    /// Whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }
}

/// A counter and what it starts from.
#[derive(Debug, Clone, Default)]
pub struct Counter {
    /// Its name; none if it was written in a rule.
    pub name: Option<String>,
    /// Packets it starts from.
    pub packets: u64,
    /// Bytes it starts from.
    pub bytes: u64,
}

/// The sixteen bytes of the name of an interface or helper as a number: zero padded on the right.
#[must_use]
pub fn interface_value(name: &str) -> Option<Value> {
    let mut bytes = [0; 16];
    bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    (name.len() < 16).then(|| Value::from_be_bytes(bytes))
}
