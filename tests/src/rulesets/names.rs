//! What does a table hold that rules can name?

use super::given::Given;
use crate::traffic::Random;

/// From which hooks a chain is reached: what its rules may ask and do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Input,
    Output,
    Prerouting,
    Postrouting,
    /// Before connection tracking.
    Early,
    /// From anywhere.
    Any,
}

impl Scope {
    /// Whether a chain of this scope may jump to one of the other.
    pub(super) fn reaches(self, other: Self) -> bool {
        other == Self::Any || self == other
    }

    /// Whether a packet may be refused aloud.
    pub(super) const fn may_reject(self) -> bool {
        matches!(self, Self::Input | Self::Output | Self::Prerouting)
    }
}

/// A named set or map.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) name: String,
    /// What it holds, as the place where it is declared calls it.
    pub(super) holds: &'static str,
    pub(super) declaration: String,
}

impl Set {
    /// What a rule looks up in it.
    pub(super) fn key(&self, random: &mut Random) -> String {
        match self.holds {
            "ipv4" => random.pick(&["ip saddr", "ip daddr"]).to_owned(),
            "ipv6" => random.pick(&["ip6 saddr", "ip6 daddr"]).to_owned(),
            "port" => random.pick(&["tcp dport", "tcp sport", "udp dport", "th dport"]).to_owned(),
            "ipv4.port" => random
                .pick(&["ip saddr . tcp dport", "ip daddr . udp dport", "ip saddr . th sport"])
                .to_owned(),
            "ipv6.port" => random.pick(&["ip6 saddr . tcp dport", "ip6 daddr . udp dport"]).to_owned(),
            "proto.port" => random.pick(&["meta l4proto . th dport", "meta l4proto . th sport"]).to_owned(),
            _ => "meta mark".to_owned(),
        }
    }
}

/// A table in the making.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) family: &'static str,
    /// Whether rules count connections.
    pub(super) counts: bool,
    /// What rules give to connections.
    pub(super) given: Given,
    /// Whether rules take elements out of sets.
    pub(super) deletes: bool,
    pub(super) sets: Vec<Set>,
    /// Sets that packets change.
    pub(super) changing: Vec<Set>,
    pub(super) maps: Vec<Set>,
    pub(super) vmaps: Vec<Set>,
    pub(super) limits: Vec<String>,
    pub(super) quotas: Vec<String>,
    pub(super) counters: Vec<String>,
    /// Regular chains: number and scope. A chain jumps only to one of a higher number.
    pub(super) chains: Vec<Scope>,
    pub(super) meters: usize,
}

impl Table {
    pub(super) fn some_set(&self, random: &mut Random) -> Option<Set> {
        let all: Vec<&Set> = self.sets.iter().chain(&self.changing).collect();
        (!all.is_empty()).then(|| all[random.below(all.len())].clone())
    }

    /// A chain to go on to from chain number `from` (or a base chain, `None`).
    pub(super) fn target(&self, random: &mut Random, scope: Scope, from: Option<usize>) -> Option<String> {
        let first = from.map_or(0, |from| from + 1);
        let reached: Vec<usize> =
            (first..self.chains.len()).filter(|number| scope.reaches(self.chains[*number])).collect();
        (!reached.is_empty()).then(|| format!("c{}", random.pick(&reached)))
    }
}
