//! What do the figures say? Medians over the rounds, ratios within them, and whether the bounds hold.

use std::fmt::Write;
use tests::page;

use serde::Serialize;

use crate::loading::Loading;
use crate::texts::{Rival, Text};

/// One process.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Run {
    /// From start to end; for Sluice without starting the process.
    pub seconds: f64,
    /// Of those, on a processor and outside the kernel.
    pub user_seconds: f64,
    /// Bytes resident at most.
    pub peak: u64,
    /// Whether it was left to its end.
    pub ended: bool,
}

/// One text over all rounds.
#[derive(Debug, Serialize)]
pub struct Row {
    text: &'static str,
    /// Who else loads it.
    pub program: &'static str,
    file_bytes: u64,
    seconds_allowed: f64,
    bytes_allowed: Option<u64>,
    /// An empty ruleset.
    pub baseline: Vec<Run>,
    /// The text, to the compiled program.
    pub sluice: Vec<Run>,
    /// The same by parts.
    pub loading: Vec<Loading>,
    /// `sluice check`, the whole process.
    pub check: Vec<Run>,
    /// The rival, the whole process.
    pub rival: Vec<Run>,
}

/// Everything measured.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: String,
    rounds: usize,
    /// What the sizes in the names are divided by.
    scale: u32,
    rows: Vec<Row>,
    summary: Vec<Summary>,
}

/// Medians.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    text: &'static str,
    program: &'static str,
    seconds: f64,
    user_seconds: f64,
    check_seconds: f64,
    /// If it was asked.
    rival_seconds: Option<f64>,
    /// Otherwise it was killed after that time.
    rival_ended: bool,
    /// How many times as long the rival takes.
    ratio: f64,
    bytes_over_baseline: u64,
    check_bytes_over_baseline: u64,
    rival_bytes: u64,
    published_bytes: u64,
    reload_bytes_over_published: u64,
    holds: bool,
}

impl Row {
    /// Nothing measured yet.
    pub fn new(text: &Text, file_bytes: u64) -> Self {
        Self {
            text: text.name,
            program: match text.rival {
                Rival::Nft => "nft -f",
                Rival::Iptables => "iptables-restore",
                Rival::Ipset => "ipset restore",
            },
            file_bytes,
            seconds_allowed: text.seconds,
            bytes_allowed: text.bytes,
            baseline: Vec::new(),
            sluice: Vec::new(),
            loading: Vec::new(),
            check: Vec::new(),
            rival: Vec::new(),
        }
    }

    fn summary(&self) -> Summary {
        let seconds = |runs: &[Run]| page::median(runs.iter().map(|run| run.seconds));
        let bytes = |runs: &[Run]| page::median(runs.iter().map(|run| run.peak as f64)) as u64;
        let loading =
            |of: fn(&Loading) -> u64| page::median(self.loading.iter().map(|l| of(l) as f64)) as u64;
        let ratios = self.sluice.iter().zip(&self.rival).map(|(own, rival)| rival.seconds / own.seconds);
        let baseline = bytes(&self.baseline);
        let (taken, over) = (seconds(&self.sluice), bytes(&self.sluice).saturating_sub(baseline));
        Summary {
            text: self.text,
            program: self.program,
            seconds: taken,
            user_seconds: page::median(self.sluice.iter().map(|run| run.user_seconds)),
            check_seconds: seconds(&self.check),
            rival_seconds: (!self.rival.is_empty()).then(|| seconds(&self.rival)),
            rival_ended: self.rival.iter().all(|run| run.ended),
            ratio: page::median(ratios),
            bytes_over_baseline: over,
            check_bytes_over_baseline: bytes(&self.check).saturating_sub(baseline),
            rival_bytes: bytes(&self.rival),
            published_bytes: loading(|l| l.published.saturating_sub(l.before)),
            reload_bytes_over_published: loading(|l| l.reload_peak.saturating_sub(l.published)),
            holds: taken <= self.seconds_allowed && self.bytes_allowed.is_none_or(|most| over <= most),
        }
    }
}

impl Report {
    /// What was measured, on this machine.
    pub fn new(rounds: usize, scale: u32, rows: Vec<Row>) -> Self {
        Self {
            machine: page::machine(),
            rounds,
            scale,
            summary: rows.iter().map(Row::summary).collect(),
            rows,
        }
    }

    /// The figures as a table of Markdown.
    pub fn table(&self) -> String {
        let mut out = format!("{}, medians over {} rounds", self.machine, self.rounds);
        if self.scale > 1 {
            let _ = write!(out, ", **sizes divided by {}**", self.scale);
        }
        out.push_str(".\n\n| ruleset | beside | Sluice | of it on a processor | `sluice check` | the other | times as long | ");
        out.push_str("Sluice, at most | the other, at most | published | reload, besides | bound |\n");
        out.push_str("|---|---|---|---|---|---|---|---|---|---|---|---|\n");
        for row in &self.summary {
            let more = if row.rival_ended { "" } else { "> " };
            let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
            let [rival, ratio, rival_bytes] = match row.rival_seconds {
                Some(seconds) => {
                    [format!("{more}{seconds:.3} s"), format!("{more}{:.1}", row.ratio), mib(row.rival_bytes)]
                }
                None => [const { String::new() }; 3],
            };
            let _ = writeln!(
                out,
                "| {} | `{}` | {:.3} s | {:.2} s | {:.3} s | {rival} | {ratio} | {} | {rival_bytes} | {} | {} | {} |",
                row.text,
                row.program,
                row.seconds,
                row.user_seconds,
                row.check_seconds,
                mib(row.bytes_over_baseline),
                mib(row.published_bytes),
                mib(row.reload_bytes_over_published),
                if row.holds { "holds" } else { "**missed**" },
            );
        }
        out
    }
}
