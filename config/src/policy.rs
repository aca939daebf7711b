//! What may the data path see? A policy: a ruleset checked and lowered, every name resolved.
//!
//! A policy can only hold what runs. Values are unsigned numbers of at most 128 bits: a field of a packet
//! read in network order is that number, an interface name its sixteen bytes read the same way, so that one
//! comparison serves them all. Rules keep the order of the ruleset; nothing here is optimised.

mod assigned;
mod chunks;
mod condition;
mod hook;
mod known;
mod lists;
mod load;
mod object;
mod recent;
mod set;
mod sought;
mod statement;

use std::ops::Range;

pub use assigned::{Assigned, ConnectionTimeouts, Helper, HelperKind, TimeoutState};
pub use chunks::{CHUNK_TYPES, ChunkMode, Chunks, FLAGGED_CHUNKS};
pub use condition::{Comparison, Match, Test};
pub use hook::{Family, Hook};
pub use known::{Ct, Meta, Ways, ct_state};
pub use lists::{Lists, Start};
pub use load::{Field, Header, HeaderBase, Load, OptionOf, Part, whole};
pub use object::{ConnectionLimit, Counter, Limit, LimitUnit, Quota};
pub use recent::{Recent, RecentAction, RecentList, Seen};
pub use set::{Dynamic, Set};
pub use sought::{EXTENSION_HEADERS, Extensions, Sought};
pub use statement::{
    BitOperator, Change, Icmpx, Log, ObjectKind, Operand, Reject, Statement, Target, Update, Verdict,
    log_flags,
};

/// The number a field holds: network order, right aligned, at most [`Field::width`] bits.
pub type Value = u128;

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
    /// A list of addresses seen lately: an index into [`Policy::recent_lists`].
    RecentListId;
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
    /// Every list of addresses seen lately, by name.
    pub recent_lists: Vec<RecentList>,
    /// Values that rules look for and that are too many for a field.
    pub lists: Vec<Vec<Value>>,
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
            *set = Set {
                name: known.name,
                widths: known.widths,
                data_width: known.data_width,
                dynamic: known.dynamic,
                ..Set::default()
            };
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
    /// Whether a table of iptables has it: its rules, and no others, read what its target `CT` has said before tracking.
    pub is_iptables: bool,
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

/// The sixteen bytes of the name of an interface or helper as a number: zero padded on the right.
#[must_use]
pub fn interface_value(name: &str) -> Option<Value> {
    let mut bytes = [0; 16];
    bytes.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    (name.len() < 16).then(|| Value::from_be_bytes(bytes))
}
