//! What did the firewall do? Its counters, at the end or when asked.

use crate::counts::{counted, listed};
use crate::left_out::Entry;
use config::Policy;
use config::policy::{CounterId, Statement};
use dataplane::reason::Reason;
use dataplane::rules::Rules;
use dataplane::stats::{Count, Stats};
use dataplane::track::CtState;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The counters of a run; the JSON keys are stable.
#[derive(Debug, Serialize)]
pub struct Report {
    seconds: f64,
    generation: u64,
    workers: usize,
    received: u64,
    received_bytes: u64,
    transmitted: u64,
    transmitted_bytes: u64,
    dropped: u64,
    rejected: u64,
    replies: u64,
    replies_withheld: u64,
    handed_over: u64,
    ct: BTreeMap<&'static str, u64>,
    drop_reasons: BTreeMap<&'static str, u64>,
    invalid_reasons: BTreeMap<&'static str, u64>,
    flows: Flows,
    ports: Vec<Port>,
    rule_counters: Vec<RuleCounter>,
    left_out: Vec<Entry>,
    #[serde(skip)]
    panicked: bool,
}

/// What happened in the flow tables.
#[derive(Debug, Default, Serialize)]
struct Flows {
    created: u64,
    expired: u64,
    evicted: u64,
    now: u64,
}

/// A port's own counters.
#[derive(Debug, Serialize)]
struct Port {
    name: String,
    received: u64,
    transmitted: u64,
    missed: u64,
    receive_errors: u64,
    transmit_errors: u64,
    no_mbuf: u64,
}

/// A counter of the ruleset in force, since it came into force.
#[derive(Debug, Serialize)]
struct RuleCounter {
    rule: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    packets: u64,
    bytes: u64,
}

impl Report {
    /// Adds up the counters of all workers.
    pub fn of(
        workers: &[Arc<Stats>],
        ports: &[dpdk::Port],
        policy: &Policy,
        rules: &Rules,
        generation: u64,
        took: Duration,
    ) -> Self {
        let sum = |of: fn(&Stats) -> &Count| workers.iter().map(|stats| of(stats).get()).sum();
        let by_reason = |of: fn(&Stats) -> &[Count; Reason::COUNT]| -> BTreeMap<_, _> {
            let counts = Reason::ALL.iter().map(|reason| {
                let count: u64 = workers.iter().map(|stats| of(stats)[*reason as usize].get()).sum();
                (reason.label(), count)
            });
            counts.filter(|(_, count)| *count > 0).collect()
        };
        let by_state = CtState::ALL.iter().map(|state| {
            (state.label(), workers.iter().map(|stats| stats.states[*state as usize].get()).sum())
        });
        Self {
            seconds: took.as_secs_f64(),
            generation,
            workers: workers.len(),
            received: sum(|stats| &stats.received),
            received_bytes: sum(|stats| &stats.received_bytes),
            transmitted: sum(|stats| &stats.transmitted),
            transmitted_bytes: sum(|stats| &stats.transmitted_bytes),
            dropped: sum(|stats| &stats.dropped),
            rejected: sum(|stats| &stats.rejected),
            replies: sum(|stats| &stats.replies),
            replies_withheld: sum(|stats| &stats.replies_withheld),
            handed_over: sum(|stats| &stats.handed_over),
            ct: by_state.collect(),
            drop_reasons: by_reason(|stats| &stats.drops),
            invalid_reasons: by_reason(|stats| &stats.invalid),
            flows: Flows {
                created: sum(|stats| &stats.flows_created),
                expired: sum(|stats| &stats.flows_expired),
                evicted: sum(|stats| &stats.flows_evicted),
                now: sum(|stats| &stats.flows),
            },
            ports: ports.iter().filter_map(Port::of).collect(),
            rule_counters: rule_counters(policy, rules),
            left_out: Vec::new(),
            panicked: false,
        }
    }

    /// What the ruleset in force was taken without.
    pub fn without(mut self, left_out: Vec<Entry>) -> Self {
        self.left_out = left_out;
        self
    }

    /// A worker did not end in peace.
    pub fn worker_panicked(&mut self) {
        self.panicked = true;
    }

    /// Whether a worker did not end in peace.
    pub fn panicked(&self) -> bool {
        self.panicked
    }
}

impl Port {
    fn of(port: &dpdk::Port) -> Option<Self> {
        let statistics = port.statistics().ok()?;
        Some(Self {
            name: port.name().to_owned(),
            received: statistics.received_packets,
            transmitted: statistics.transmitted_packets,
            missed: statistics.missed,
            receive_errors: statistics.receive_errors,
            transmit_errors: statistics.transmit_errors,
            no_mbuf: statistics.no_mbuf,
        })
    }
}

/// Every counter of a rule, and named ones once each, in the order of the ruleset.
fn rule_counters(policy: &Policy, rules: &Rules) -> Vec<RuleCounter> {
    let mut seen = vec![false; policy.counters.len()];
    let mut found = Vec::new();
    for rule in &policy.rules {
        for statement in &rule.statements {
            let Statement::Counter(id @ CounterId(_)) = *statement else { continue };
            if std::mem::replace(&mut seen[id.index()], true) {
                continue;
            }
            let chain = &policy.chains[rule.chain.index()];
            let counter = &policy.counters[id.index()];
            let (packets, bytes) = rules.counted(id);
            found.push(RuleCounter {
                rule: format!("{} {} {} {}", chain.family, chain.table, chain.name, rule.position),
                name: counter.name.clone(),
                packets: counter.packets + packets,
                bytes: counter.bytes + bytes,
            });
        }
    }
    found
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seconds, generation, workers, .. } = self;
        writeln!(
            f,
            "ran {seconds:.1} s with {}, generation {generation} of the ruleset",
            counted(*workers, "worker")
        )?;
        writeln!(f, "received    {:>12} packets {:>15} bytes", self.received, self.received_bytes)?;
        writeln!(f, "transmitted {:>12} packets {:>15} bytes", self.transmitted, self.transmitted_bytes)?;
        writeln!(f, "dropped     {:>12} packets", self.dropped)?;
        writeln!(
            f,
            "rejected    {:>12} packets, {} answers sent, {} withheld",
            self.rejected, self.replies, self.replies_withheld
        )?;
        listed(f, "ct state as the rules saw it", &self.ct)?;
        listed(f, "why dropped or rejected", &self.drop_reasons)?;
        listed(f, "why invalid", &self.invalid_reasons)?;
        let Flows { created, expired, evicted, now } = self.flows;
        writeln!(f, "flows: {created} created, {expired} expired, {evicted} evicted, {now} now")?;
        for port in &self.ports {
            let Port { name, received, transmitted, missed, receive_errors, transmit_errors, no_mbuf } = port;
            writeln!(
                f,
                "port {name}: {received} received, {transmitted} transmitted, {missed} missed, {receive_errors} receive errors, {transmit_errors} transmit errors, {no_mbuf} without mbuf"
            )?;
        }
        for counter in &self.rule_counters {
            let name = counter.name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default();
            writeln!(f, "{}{name}: {} packets, {} bytes", counter.rule, counter.packets, counter.bytes)?;
        }
        write!(f, "handed between workers: {}", self.handed_over)
    }
}
