//! Why can a policy not be compiled?

use config::At;
use config::policy::{ChainId, RuleId, SetId};
use std::fmt;

/// Why a policy cannot be compiled. Lowering a ruleset checks the same, so this is a defect of what made the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompileError {
    /// Jumps and gotos lead more than 16 levels below this base chain, or in a circle.
    TooDeep(ChainId),
    /// This rule names a chain, a set or a counter that does not exist, or a chain with a hook as a target.
    Dangling(RuleId),
    /// A key of this rule does not fit its test, its set or its map, or has no or more than 16 parts.
    Key(RuleId),
    /// A field of this rule has no bits, more than 128, or is shifted by more than 127.
    Field(RuleId),
    /// The bounds of this set are not a whole number of elements, or a part of its key has no bits or more than 128.
    Set(SetId),
    /// The range of rules of this chain does not exist, or belongs to another.
    Rules(ChainId),
    /// This rule asks for something the data path does not have.
    Unsupported(RuleId, &'static str),
    /// This set has something the data path does not have.
    UnsupportedSet(SetId, &'static str),
    /// The limits and sets cannot be had.
    Objects,
}

impl CompileError {
    /// What is at fault.
    #[must_use]
    pub const fn at(&self) -> At {
        match *self {
            Self::Dangling(rule) | Self::Key(rule) | Self::Field(rule) | Self::Unsupported(rule, _) => {
                At::Rule(rule)
            }
            Self::TooDeep(chain) | Self::Rules(chain) => At::Chain(chain),
            Self::Set(set) | Self::UnsupportedSet(set, _) => At::Set(set),
            Self::Objects => At::Policy,
        }
    }

    /// Whether it is a defect of what made the policy, and not something that rulesets may say.
    pub(super) const fn is_defect(&self) -> bool {
        !matches!(self, Self::Unsupported(..) | Self::UnsupportedSet(..) | Self::Objects)
    }

    /// What would put it right, where that is known.
    pub(super) fn help(&self) -> Option<&'static str> {
        match *self {
            Self::Unsupported(_, what) | Self::UnsupportedSet(_, what) => match what {
                RATE => Some("a lower rate, or a smaller burst"),
                DRAWS => Some("two rules, one behind the other, draw two numbers"),
                RANGES => Some("leave out `flags interval`, or the rules that change the set"),
                ROOM => Some("`size 16777216`, or less"),
                _ => None,
            },
            _ => None,
        }
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep(chain) => {
                write!(f, "chain {}: jumps and gotos go too deep or in a circle", chain.0)
            }
            Self::Dangling(rule) => write!(f, "rule {}: refers to something that does not exist", rule.0),
            Self::Key(rule) => write!(f, "rule {}: a key does not fit its test or set", rule.0),
            Self::Field(rule) => write!(f, "rule {}: a field has an impossible width or shift", rule.0),
            Self::Set(set) => write!(f, "set {}: bounds and key do not fit together", set.0),
            Self::Rules(chain) => write!(f, "chain {}: its rules are not its own", chain.0),
            Self::Unsupported(_, what) => f.write_str(what),
            Self::Objects => f.write_str("its limits and sets cannot be had"),
            Self::UnsupportedSet(_, what) => f.write_str(what),
        }
    }
}

impl std::error::Error for CompileError {}

pub(super) const DRAWS: &str = "a rule draws at most one number of a kind here";
pub(super) const RANGES: &str = "a set that packets change cannot hold ranges";
pub(super) const ROOM: &str = "a set that packets change has at most 2^24 elements";
pub(super) const RATE: &str = "the rate or its burst is beyond what can be counted";
pub(super) const EACH: &str = "an element has only counters, limits, quotas and bounds on connections of its own, with rates that can be counted";
