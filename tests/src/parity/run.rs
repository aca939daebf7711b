//! How is a run of many trials done? One after the other, in one kernel; what differs is judged again, made small and
//! told.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{Coverage, Tally, Trial, explain, seed_of, shrink};
use crate::difference;
use crate::oracle::Oracle;

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// Makes everything.
    pub seed: u64,
    /// How many scenarios, rounded up to whole trials.
    pub scenarios: usize,
    /// One trial alone, by its number.
    pub trial: Option<u64>,
    /// After how many trials with a difference to stop.
    pub differences: usize,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// What was compared.
    pub tally: Tally,
    /// The cells of state machines that were reached.
    pub coverage: Coverage,
    /// Rulesets that the kernel's own tools did not take.
    pub unusable: usize,
    /// Each difference, with both explanations.
    pub differences: Vec<String>,
}

impl Run {
    /// Runs the trials until there are differences enough.
    #[must_use]
    pub fn run(&self, oracle: &mut Oracle) -> Report {
        let mut report = Report::default();
        if let Some(number) = self.trial {
            self.one(number, oracle, &mut report);
            return report;
        }
        // a trial whose ruleset was none counts for nothing, and another takes its place
        let trials = self.scenarios.div_ceil(SCENARIOS_PER_TRIAL) as u64;
        for number in 0..trials * 2 {
            let is_enough = report.tally.scenarios >= self.scenarios;
            if is_enough || report.differences.len() >= self.differences.max(1) {
                break;
            }
            self.one(number, oracle, &mut report);
        }
        report
    }

    fn one(&self, number: u64, oracle: &mut Oracle, report: &mut Report) {
        let trial = Trial::generate(seed_of(self.seed, number), SCENARIOS_PER_TRIAL);
        let name = format!("SEED={} TRIAL={number}", self.seed);
        let judged = match trial.judge_twice(oracle) {
            Ok(judged) => judged,
            // what nft refuses or falls over was no ruleset
            Err(_) if !oracle.takes(&trial.rulesets) => {
                report.unusable += 1;
                return;
            }
            Err(complaint) => {
                report.differences.push(format!("{name}, {}: refused by {complaint}", trial.origin));
                return;
            }
        };
        let differences = judged.differences(&trial.records);
        report.tally.add(&trial, &judged, &differences);
        report.coverage.add(&trial);
        if differences.is_empty() {
            return;
        }
        let mut text = format!("{name}: {} of {} packets differ\n", differences.len(), trial.records.len());
        if let Some((at, what)) = differences.first() {
            let (kernel, sluice) = (&judged.kernel[*at], &judged.sluice[*at].verdict);
            let packet = difference::describe(&trial.records[*at]);
            let _ = writeln!(
                text,
                "first {what} at packet {}: {packet}\nkernel: {kernel}\nsluice: {sluice:?}\n",
                at + 1
            );
        }
        let small = shrink(oracle, &trial);
        let said = small
            .judge(oracle)
            .map_or_else(|complaint| complaint, |judged| explain(&small, &judged, &self.directory(number)));
        let _ = write!(text, "{said}");
        report.differences.push(text);
    }

    /// Where the rules and packets of a difference are left.
    fn directory(&self, trial: u64) -> PathBuf {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parity");
        target.join(format!("{}-{trial}", self.seed))
    }
}

/// Scenarios that run under one ruleset.
pub const SCENARIOS_PER_TRIAL: usize = 20;
