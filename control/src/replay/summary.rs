//! What is there to say of a replay as a whole? Packets by verdict, by state, by reason, and how fast.

use super::Replayed;
use super::record::{Record, Verdict};
use crate::counts::{counted, listed};
use dataplane::track::CtState;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The summary of a replay; its JSON keys are stable.
#[derive(Debug, Serialize)]
pub struct Summary {
    packets: u64,
    verdicts: Verdicts,
    ct: BTreeMap<&'static str, u64>,
    drop_reasons: BTreeMap<&'static str, u64>,
    invalid_reasons: BTreeMap<&'static str, u64>,
    flows: Flows,
    workers: usize,
    seconds: f64,
    packets_per_second: u64,
}

/// Packets by verdict.
#[derive(Debug, Default, Serialize)]
pub struct Verdicts {
    accept: u64,
    drop: u64,
    reject: u64,
}

/// What happened in the flow table.
#[derive(Debug, Default, Serialize)]
struct Flows {
    created: u64,
    expired: u64,
    evicted: u64,
    at_end: u64,
}

impl Summary {
    /// Counts what was decided.
    pub fn of(replayed: &Replayed) -> Self {
        let mut summary = Self {
            packets: replayed.records.len() as u64,
            verdicts: Verdicts::default(),
            ct: CtState::ALL.iter().map(|state| (state.label(), 0)).collect(),
            drop_reasons: BTreeMap::new(),
            invalid_reasons: BTreeMap::new(),
            flows: Flows::default(),
            workers: replayed.stats.len(),
            seconds: replayed.took.as_secs_f64(),
            packets_per_second: (replayed.records.len() as f64 / replayed.took.as_secs_f64().max(1e-9))
                as u64,
        };
        for record in &replayed.records {
            summary.count(record);
        }
        for stats in &replayed.stats {
            summary.flows.created += stats.flows_created.get();
            summary.flows.expired += stats.flows_expired.get();
            summary.flows.evicted += stats.flows_evicted.get();
            summary.flows.at_end += stats.flows.get();
        }
        summary
    }

    fn count(&mut self, record: &Record) {
        *match record.verdict {
            Verdict::Accept => &mut self.verdicts.accept,
            Verdict::Drop => &mut self.verdicts.drop,
            Verdict::Reject => &mut self.verdicts.reject,
        } += 1;
        *self.ct.entry(record.ct.label()).or_default() += 1;
        if record.verdict != Verdict::Accept {
            *self.drop_reasons.entry(record.reason.label()).or_default() += 1;
        }
        if record.ct == CtState::Invalid {
            *self.invalid_reasons.entry(record.reason.label()).or_default() += 1;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdicts { accept, drop, reject } = self.verdicts;
        writeln!(f, "packets   {:>10}", self.packets)?;
        writeln!(f, "accepted  {accept:>10}")?;
        writeln!(f, "dropped   {drop:>10}")?;
        writeln!(f, "rejected  {reject:>10}")?;
        listed(f, "ct state as the rules saw it", &self.ct)?;
        listed(f, "why dropped or rejected", &self.drop_reasons)?;
        listed(f, "why invalid", &self.invalid_reasons)?;
        let Flows { created, expired, evicted, at_end } = self.flows;
        writeln!(f, "flows: {created} created, {expired} expired, {evicted} evicted, {at_end} at the end")?;
        write!(f, "{}, {} packets per second", counted(self.workers, "worker"), self.packets_per_second)
    }
}
