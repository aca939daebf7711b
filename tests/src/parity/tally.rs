//! On how many packets of which kind do both agree?

use std::collections::BTreeMap;
use std::fmt;

use dataplane::packet::{Fragment, Network, parse, protocol};

use super::{Judged, Trial};
use crate::capture::Record;

/// A kind of packet, by which agreement is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Class {
    /// The protocol, or what is wrong with it.
    pub kind: &'static str,
    /// `IPv4`, `IPv6`, or nothing.
    pub network: &'static str,
}

impl Class {
    /// Of which kind is this frame?
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let packet = parse(&record.frame[..]);
        let network = match packet.tuple.network {
            Network::Ipv4 => "IPv4",
            Network::Ipv6 => "IPv6",
            Network::Other => "",
        };
        let kind = if packet.fault.is_some() {
            "malformed"
        } else if packet.fragment != Fragment::Whole {
            "fragments"
        } else if packet.tuple.network == Network::Other {
            "not IP"
        } else if packet.is_icmp_error() {
            "ICMP errors"
        } else {
            match packet.tuple.protocol {
                protocol::TCP => "TCP",
                protocol::UDP => "UDP",
                protocol::ICMP | protocol::ICMPV6 => "ICMP",
                protocol::SCTP => "SCTP",
                33 => "DCCP",
                47 => "GRE",
                136 => "UDP-Lite",
                50 | 51 => "AH, ESP",
                _ => "other protocols",
            }
        };
        Self { kind, network }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.network)
    }
}

/// What was compared.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Scenarios run.
    pub scenarios: usize,
    /// Rulesets loaded.
    pub rulesets: usize,
    /// Packets, and those judged differently, by kind.
    pub packets: BTreeMap<Class, (usize, usize)>,
    /// Packets by the kernel's ct state.
    pub states: BTreeMap<&'static str, usize>,
    /// Packets the kernel let through.
    pub accepted: usize,
    /// Packets the kernel answered.
    pub answered: usize,
    /// Packets the kernel let through and Sluice refused, as it could not tell how many connections the kernel counts.
    pub unsure: usize,
    /// Packets behind those, which have another history with each and are not compared.
    pub behind: usize,
}

impl Tally {
    /// Counts a trial.
    pub fn add(&mut self, trial: &Trial, judged: &Judged, differences: &[(usize, String)]) {
        self.scenarios += trial.scenarios;
        self.rulesets += 1;
        let compared = judged.compared();
        let behind = judged.kernel.len() - compared;
        self.unsure += usize::from(judged.is_cut_short());
        self.behind += behind;
        for (at, (record, said)) in trial.records.iter().zip(&judged.kernel).enumerate().take(compared) {
            let counts = self.packets.entry(Class::of(record)).or_default();
            counts.0 += 1;
            counts.1 += usize::from(differences.iter().any(|(other, _)| *other == at));
            *self.states.entry(said.state).or_default() += 1;
            self.accepted += usize::from(said.accepted);
            self.answered += usize::from(!said.answers.is_empty());
        }
    }

    /// Packets compared.
    #[must_use]
    pub fn total(&self) -> usize {
        self.packets.values().map(|(all, _)| all).sum()
    }

    /// Packets judged differently.
    #[must_use]
    pub fn different(&self) -> usize {
        self.packets.values().map(|(_, different)| different).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scenarios, rulesets, total) = (self.scenarios, self.rulesets, self.total());
        writeln!(
            f,
            "{scenarios} scenarios under {rulesets} rulesets, {total} packets, {} differ",
            self.different()
        )?;
        writeln!(f, "the kernel accepts {}, answers {}", self.accepted, self.answered)?;
        writeln!(f, "connections-unsure: {}, not compared behind them: {}", self.unsure, self.behind)?;
        let states: Vec<String> =
            self.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
        writeln!(f, "ct state: {}", states.join(", "))?;
        for (class, (all, different)) in &self.packets {
            writeln!(f, "  {all:8} {different:6}  {class}")?;
        }
        Ok(())
    }
}
