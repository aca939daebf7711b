//! What did the administrator write? Tables, chains, sets and counters as nft knows them, every part with
//! its place. Nothing here is checked: names may dangle and values may not fit; lowering says so.

mod elements;
mod expression;
mod named;
mod place;
mod selector;
mod statement;
mod types;

pub use elements::Elements;
pub use expression::{BinaryOperator, Element, ElementExtra, Expression, Literal, Term};
pub use named::Named;
pub use selector::{CtKey, HeaderField, MetaKey, OptionField, Protocol, Selector, options};
pub use statement::{
    MapSource, Match, Recent, RejectWith, Relation, Statement, StatementKind, Update, Verdict, VerdictKind,
};
pub use types::Type;

use crate::diagnostic::{Diagnostic, Sources, Span};
use crate::leave_out::LeftOut;
use crate::policy::{self, ChainPolicy, Family, ObjectKind};

/// Everything declared, in order of declaration.
#[derive(Debug, Clone, Default)]
pub struct Ruleset {
    /// The tables, by family and name (see [`Ruleset::table`]).
    pub tables: Named<Table>,
    /// The texts that the spans point into.
    pub sources: Sources,
    /// What whoever loads it should know although nothing is wrong.
    pub notes: Vec<Diagnostic>,
    /// What does not filter and was left out.
    pub left_out: Vec<LeftOut>,
    /// Variables that were defined and never asked for.
    pub unused_variables: Vec<Spanned<String>>,
    /// Whether declarations may be missing because their text could not be read: then a name that nobody declares
    /// is not worth a complaint of its own.
    pub incomplete: bool,
}

impl Ruleset {
    /// The table, if it was declared.
    #[must_use]
    pub fn table(&self, family: Family, name: &str) -> Option<&Table> {
        self.tables.get(&table_key(family, name))
    }

    /// The table, to be changed, if it was declared.
    pub fn table_mut(&mut self, family: Family, name: &str) -> Option<&mut Table> {
        self.tables.get_mut(&table_key(family, name))
    }

    /// The table, declared now if it was not.
    pub fn declare_table(&mut self, family: Family, name: &str, span: Span) -> &mut Table {
        self.tables.get_or_insert_with(&table_key(family, name), || Table::new(family, name, span))
    }

    /// Takes the table away.
    pub fn remove_table(&mut self, family: Family, name: &str) -> Option<Table> {
        self.tables.remove(&table_key(family, name))
    }
}

fn table_key(family: Family, name: &str) -> String {
    format!("{family} {name}")
}

/// A table: a name space for what is in it.
#[derive(Debug, Clone)]
pub struct Table {
    /// Which packets its chains see.
    pub family: Family,
    /// Its name.
    pub name: String,
    /// Where it was first declared.
    pub span: Span,
    /// Its comment.
    pub comment: Option<String>,
    /// Its chains, by name.
    pub chains: Named<Chain>,
    /// Its sets and maps, by name.
    pub sets: Named<Set>,
    /// Its named counters, by name.
    pub counters: Named<Counter>,
    /// Its named limits, by name.
    pub limits: Named<Object<policy::Limit>>,
    /// Its named quotas, by name.
    pub quotas: Named<Object<policy::Quota>>,
    /// Its helpers, by name.
    pub helpers: Named<Object<CtHelper>>,
    /// Its timeouts of connections, by name.
    pub timeouts: Named<Object<CtTimeout>>,
    /// Whether its chains are taken off their hooks.
    pub dormant: bool,
}

impl Table {
    /// An empty table.
    pub fn new(family: Family, name: impl Into<String>, span: Span) -> Self {
        Self {
            family,
            name: name.into(),
            span,
            comment: None,
            chains: Named::default(),
            sets: Named::default(),
            counters: Named::default(),
            limits: Named::default(),
            quotas: Named::default(),
            helpers: Named::default(),
            timeouts: Named::default(),
            dormant: false,
        }
    }
}

/// A chain and its rules.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Its name.
    pub name: String,
    /// Where the name was first written.
    pub span: Span,
    /// Where it is attached; a regular chain is not.
    pub base: Option<Base>,
    /// Its comment.
    pub comment: Option<String>,
    /// Its rules, in order.
    pub rules: Vec<Rule>,
    /// What is wrong with those of its rules that could not be read.
    pub unread: Vec<Diagnostic>,
}

impl Chain {
    /// A regular chain without rules.
    pub fn new(name: impl Into<String>, span: Span) -> Self {
        Self { name: name.into(), span, base: None, comment: None, rules: Vec::new(), unread: Vec::new() }
    }
}

/// How a base chain says it is attached.
#[derive(Debug, Clone)]
pub struct Base {
    /// `filter`, `nat` or `route`.
    pub kind: Spanned<String>,
    /// The hook, by its name.
    pub hook: Spanned<String>,
    /// Its place on the hook.
    pub priority: Spanned<Priority>,
    /// What happens at its end; accept if it does not say.
    pub policy: Option<ChainPolicy>,
    /// The devices of an ingress or egress hook.
    pub devices: Vec<Spanned<String>>,
    /// Whether a dump of iptables declares it.
    pub is_iptables: bool,
}

/// The place of a base chain on its hook: `filter + 5`, or a number alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priority {
    /// The name it is relative to.
    pub name: Option<String>,
    /// What is added to the name's value, or to zero.
    pub offset: i32,
}

/// Something and where it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What.
    pub node: T,
    /// Where.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// Joins the two.
    pub const fn new(node: T, span: Span) -> Self {
        Self { node, span }
    }
}

/// A rule: statements in order.
#[derive(Debug, Clone)]
pub struct Rule {
    /// All of it.
    pub span: Span,
    /// What it does.
    pub statements: Vec<Statement>,
    /// Its own comment.
    pub comment: Option<String>,
    /// Whether it stands for the same rule of a dump as the one before, and so at the same place of the chain.
    pub joined: bool,
    /// What the kernel calls it where it is loaded into an empty table; 0 where that is not known.
    pub handle: u32,
}

/// A named set, or a named map if it has `data`.
#[derive(Debug, Clone)]
pub struct Set {
    /// Its name.
    pub name: String,
    /// Where the name was first written.
    pub span: Span,
    /// What its keys are.
    pub key: KeyType,
    /// What the elements of a map hold.
    pub data: Option<MapData>,
    /// What it promises of its elements.
    pub flags: SetFlags,
    /// Adjacent and overlapping intervals become one.
    pub auto_merge: bool,
    /// How many elements it may hold.
    pub size: Option<Spanned<u64>>,
    /// The lifetime of its elements in milliseconds.
    pub timeout: Option<u64>,
    /// How often ended elements are taken out, in milliseconds: a hint.
    pub collect: Option<u64>,
    /// What it should be good at: a hint.
    pub policy: Option<SetPolicy>,
    /// What each of its elements does for itself.
    pub each: Vec<Statement>,
    /// Its comment.
    pub comment: Option<String>,
    /// Its elements.
    pub elements: Elements,
}

/// How a set says what its keys are.
#[derive(Debug, Clone)]
pub enum KeyType {
    /// `type ipv4_addr . inet_service`.
    Types(Vec<Spanned<Type>>),
    /// `typeof ip saddr . tcp dport`: selectors, or arithmetic on them.
    Typeof(Vec<Expression>),
}

/// What a set should be good at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetPolicy {
    /// Look-ups.
    Performance,
    /// Little memory.
    Memory,
}

/// What the elements of a map hold.
#[derive(Debug, Clone)]
pub enum MapData {
    /// A verdict.
    Verdict,
    /// A value.
    Value(KeyType),
    /// An object, by its name.
    Object(ObjectKind),
}

/// The flags of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SetFlags {
    /// Rules refer to it and nothing changes it.
    pub constant: bool,
    /// Elements may be ranges and prefixes.
    pub interval: bool,
    /// Elements may end by themselves.
    pub timeout: bool,
    /// Packets change it.
    pub dynamic: bool,
}

/// What a `ct helper` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CtHelper {
    /// What it understands.
    pub kind: HelperType,
    /// The transport protocol, 6 or 17.
    pub protocol: u8,
    /// The family it is for, if it says: `ip`, `ip6` or `inet`.
    pub family: Option<Family>,
}

/// The type of a `ct helper`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HelperType {
    /// One that connections can be given.
    Known(policy::HelperKind),
    /// One that the kernel has, by its name there: it may be declared, but no rule can use it.
    Other(&'static str),
}

impl HelperType {
    /// The kernel's name for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Known(kind) => kind.name(),
            Self::Other(name) => name,
        }
    }
}

/// What a `ct timeout` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CtTimeout {
    /// The transport protocol, 6 or 17.
    pub protocol: u8,
    /// The family it is for, if it says: `ip`, `ip6` or `inet`.
    pub family: Option<Family>,
    /// Seconds by state.
    pub values: Vec<(policy::TimeoutState, u32)>,
}

/// A named limit, quota, helper or list of timeouts.
#[derive(Debug, Clone)]
pub struct Object<T> {
    /// Its name.
    pub name: String,
    /// Where the name was first written.
    pub span: Span,
    /// What it is.
    pub what: T,
    /// Its comment.
    pub comment: Option<String>,
}

/// A named counter.
#[derive(Debug, Clone)]
pub struct Counter {
    /// Its name.
    pub name: String,
    /// Where the name was first written.
    pub span: Span,
    /// Packets it starts from.
    pub packets: u64,
    /// Bytes it starts from.
    pub bytes: u64,
    /// Its comment.
    pub comment: Option<String>,
}
