//! What can a rule do?

use super::{Elements, Expression, Protocol, Spanned};
use crate::diagnostic::Span;
use crate::policy::{
    Change, Header, HelperKind, Limit, Log, ObjectKind, Quota, RecentAction, Reject, Sought, Target,
};

/// A statement and where it was written.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it does.
    pub kind: StatementKind,
    /// Where.
    pub span: Span,
}

impl Statement {
    /// Joins the two.
    pub const fn new(kind: StatementKind, span: Span) -> Self {
        Self { kind, span }
    }
}

/// The forms of a statement.
#[derive(Debug, Clone)]
pub enum StatementKind {
    /// Goes on only if it holds.
    Match(Match),
    /// Decides.
    Verdict(Verdict),
    /// `key vmap ...`
    VerdictMap {
        /// What is looked up.
        key: Expression,
        /// Where.
        map: MapSource,
    },
    /// Counts, with a counter of its own.
    Counter {
        /// Packets it starts from.
        packets: u64,
        /// Bytes it starts from.
        bytes: u64,
    },
    /// Counts, with a named counter.
    CounterName(String),
    /// Drops and tells the sender.
    Reject(RejectWith),
    /// Leaves the packet out of connection tracking.
    Notrack,
    /// The target `CT` of iptables: a zone, and a helper for a new connection.
    Template {
        /// The zone.
        zone: u16,
        /// The helper.
        helper: Option<HelperKind>,
    },
    /// Goes on within, or beyond, a rate of its own.
    Limit(Limit),
    /// Goes on until an amount of its own is used up, or once it is.
    Quota(Quota),
    /// Does what a named limit or quota does, or gives a connection a helper or timeouts.
    Named(ObjectKind, String),
    /// Does what the object does that a map holds: `counter name tcp dport map @m`.
    Mapped {
        /// What the objects are.
        kind: ObjectKind,
        /// What is looked up.
        key: Expression,
        /// Where.
        map: MapSource,
    },
    /// `ct count over 10`
    ConnectionLimit {
        /// The bound.
        count: u32,
        /// Whether it matches beyond it.
        over: bool,
    },
    /// Drops the packet if the header is cut off, ends the rule if there is none: what iptables does before it looks into
    /// a header. nft has no word for it.
    Whole {
        /// The header.
        header: Header,
        /// The transport protocol it belongs to, if it is one whose fields have names.
        protocol: Option<Protocol>,
    },
    /// Goes on if a packet bears what a match of iptables looks for, or if it does not; drops it if the list is cut off.
    Sought {
        /// What is looked for.
        sought: Sought,
        /// Whether it must not be there.
        negated: bool,
    },
    /// Goes on if an IPv6 routing header of type 0 holds these addresses: these alone, or others between them.
    SourceRoute {
        /// The addresses.
        addresses: Vec<u128>,
        /// These alone.
        strict: bool,
    },
    /// Asks a list of addresses seen lately, as `-m recent` of iptables.
    Recent(Box<Recent>),
    /// Tells the log; the level is none where it does not say.
    Log(Log, bool),
    /// `meta mark set 1`
    Set(Target, Expression),
    /// `update @s { ip saddr timeout 1h }`
    Update(Box<Update>),
}

impl StatementKind {
    /// Whether nft has no word for it: [`crate::plain()`] says it in others, where it can.
    pub(crate) const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Whole { .. } | Self::Sought { .. } | Self::SourceRoute { .. } | Self::Recent(_))
    }
}

/// A change to a dynamic set.
#[derive(Debug, Clone)]
pub struct Update {
    /// What is done.
    pub change: Change,
    /// The set.
    pub set: Spanned<String>,
    /// Whether the set is a meter, declared by being used, and how many elements it may hold.
    pub meter: Option<Option<u32>>,
    /// The key.
    pub key: Expression,
    /// The lifetime of the element in milliseconds.
    pub timeout: Option<u64>,
    /// What a map holds for it.
    pub data: Option<Expression>,
    /// What each element does for itself.
    pub each: Vec<Statement>,
    /// Whether a packet for whose element there is no room is dropped, as iptables does; nft has no word for it.
    pub drops_if_full: bool,
    /// Whether it goes on where the statements of the element say that it ends; nft has no word for it.
    pub negated: bool,
}

/// What a rule does with an address of a list.
#[derive(Debug, Clone)]
pub struct Recent {
    /// The name of the list, known to all tables.
    pub list: String,
    /// The destination, or the source.
    pub destination: bool,
    /// Bits of an address that are kept, of an IPv4 address the highest 32; the first rule of a list says it for all.
    pub mask: u128,
    /// What is done.
    pub action: RecentAction,
    /// Whether it goes on where it otherwise would not.
    pub negated: bool,
}

/// How a reject tells the sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RejectWith {
    /// It does not say: port unreachable in the packet's own family.
    Default,
    /// As said.
    Said(Reject),
}

/// A comparison.
#[derive(Debug, Clone)]
pub struct Match {
    /// What is looked at.
    pub left: Expression,
    /// How.
    pub relation: Relation,
    /// What it is compared with.
    pub right: Expression,
}

/// How two sides are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// Nothing written: equality, membership, or for bit masks any bit in common.
    Implicit,
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
    /// `!`: none of the bits.
    Not,
}

/// Where a `map` or `vmap` looks.
#[derive(Debug, Clone)]
pub enum MapSource {
    /// `{ key : value, ... }`
    Elements(Box<Elements>),
    /// `@name`
    Name(Box<str>, Span),
}

/// A decision and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Which.
    pub kind: VerdictKind,
    /// Where; for a jump, the chain's name.
    pub span: Span,
}

/// The decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerdictKind {
    /// `accept`
    Accept,
    /// `drop`
    Drop,
    /// `continue`
    Continue,
    /// `return`
    Return,
    /// `jump CHAIN`
    Jump(Box<str>),
    /// `goto CHAIN`
    Goto(Box<str>),
}
