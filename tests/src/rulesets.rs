//! Which rulesets can tell two firewalls apart? Ones that use the whole language, made from a seed, of values that
//! generated traffic has.
//!
//! Every ruleset is one that real nft, or iptables-restore, takes; nothing in it depends on how long a packet takes, so no
//! bound is the timeout of a connection.

mod dump;
mod fields;
mod known;
mod matches;
mod names;
mod statements;
mod table;
mod values;

use crate::oracle::Ruleset;
use crate::traffic::Random;

/// A file of nftables: some tables with sets, maps, objects, chains of both kinds. Where it `counts` connections, what is
/// decided depends on the kernel's clock for packets that come in one tick of it.
#[must_use]
pub fn nft(random: &mut Random, counts: bool) -> String {
    let families: &[&str] = match random.below(10) {
        0..5 => &["inet"],
        5 => &["ip", "ip6"],
        6 => &["ip", "inet"],
        7 => &["inet", "ip6"],
        8 => &["inet", "inet"],
        _ => &["ip", "ip6", "inet"],
    };
    (0..).zip(families).map(|(number, family)| table::table(random, family, number, counts)).collect()
}

/// What iptables-save and ip6tables-save print; `counts` as for [`nft`].
#[must_use]
pub fn dump(random: &mut Random, counts: bool) -> Vec<Ruleset> {
    vec![
        Ruleset::Iptables(dump::dump(random, false, counts)),
        Ruleset::Ip6tables(dump::dump(random, true, counts)),
    ]
}
