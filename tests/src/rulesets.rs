//! Which rulesets can tell two firewalls apart? Ones that use the whole language, made from a seed, of values that
//! generated traffic has.
//!
//! Every ruleset is one that real nft, or iptables-restore, takes; nothing in it depends on how long a packet takes, so no
//! bound is the timeout of a connection.

mod dump;
mod fields;
mod given;
mod known;
mod matches;
mod names;
mod statements;
mod table;
mod values;

use crate::oracle::Ruleset;
use crate::traffic::Random;

/// What is asked of a ruleset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked {
    /// That rules count connections: what is decided depends on the kernel's clock then, for packets that come in one
    /// tick of it.
    pub counts: bool,
    /// That rules give helpers to connections.
    pub helps: bool,
}

/// A file of nftables: some tables with sets, maps, objects, chains of both kinds.
#[must_use]
pub fn nft(random: &mut Random, asked: Asked) -> String {
    let families: &[&str] = match random.below(10) {
        0..5 => &["inet"],
        5 => &["ip", "ip6"],
        6 => &["ip", "inet"],
        7 => &["inet", "ip6"],
        8 => &["inet", "inet"],
        _ => &["ip", "ip6", "inet"],
    };
    (0..).zip(families).map(|(number, family)| table::table(random, family, number, asked)).collect()
}

/// What iptables-save and ip6tables-save print.
#[must_use]
pub fn dump(random: &mut Random, asked: Asked) -> Vec<Ruleset> {
    vec![
        Ruleset::Iptables(dump::dump(random, false, asked)),
        Ruleset::Ip6tables(dump::dump(random, true, asked)),
    ]
}
