//! Do the kernel and Sluice agree on whatever chance comes up with? A seed makes rulesets and scenarios; both judge
//! every packet; the first difference is made as small as it can be and shown with both explanations.
//!
//! A trial is one ruleset and the scenarios that run under it, one after the other, between hosts of their own. Its
//! seed makes it, so it can be repeated alone.

mod coverage;
mod deviation;
mod explanation;
mod run;
mod shrink;
mod tally;

use std::fs;
use std::time::Duration;

use crate::capture::{Record, bundled, is_fragment};
use crate::difference;
use crate::firewall::{self, Decision, Firewall};
use crate::oracle::{Gathered, Judgement, Oracle, Ruleset};
use crate::rulesets::{self, Asked};
use crate::traffic::{self, Random, Subject};
pub use coverage::{Cell, Coverage, cell};
pub use deviation::{Deviation, deviations};
pub use explanation::explain;
pub use run::{Report, Run, SCENARIOS_PER_TRIAL};
pub use shrink::shrink;
pub use tally::{Class, Tally};

/// One ruleset and the packets that meet it.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Where its rules come from.
    pub origin: String,
    /// The rules.
    pub rulesets: Vec<Ruleset>,
    /// `nf_conntrack_tcp_loose`
    pub tcp_loose: bool,
    /// The packets of all its scenarios, in order of time.
    pub records: Vec<Record>,
    /// How many scenarios they are.
    pub scenarios: usize,
}

/// What both said of the packets of a trial.
#[derive(Debug)]
pub struct Judged {
    /// The kernel.
    pub kernel: Vec<Judgement>,
    /// Sluice.
    pub sluice: Vec<Decision>,
}

impl Trial {
    /// The trial that a seed makes: a ruleset, generated or from the files of the tests, and so many scenarios.
    #[must_use]
    pub fn generate(seed: u64, scenarios: usize) -> Self {
        let mut random = Random::new(seed);
        // packets of such a trial take their time, so there are fewer
        let asked = Asked { counts: random.chance(10), helps: random.chance(20) };
        let scenarios = if asked.counts { scenarios.div_ceil(5) } else { scenarios };
        let (origin, rulesets) = match random.below(100) {
            0..10 if asked == Asked::default() => drawn(&mut random),
            10..25 => ("generated dump".to_owned(), rulesets::dump(&mut random, asked)),
            _ => ("generated".to_owned(), vec![Ruleset::Nft(rulesets::nft(&mut random, asked))]),
        };
        let tcp_loose = random.chance(30);
        let subject = if asked.helps { Subject::Helpers } else { Subject::Any };
        let packets = (0..scenarios).flat_map(|number| traffic::scenario(&mut random, number, subject));
        let mut records =
            if asked.counts { traffic::timed_apart(packets, APART) } else { traffic::timed(packets) };
        let gathered = Gathered::by(&rulesets);
        let renumbered = rulesets.iter().any(Ruleset::asks_for_identifications);
        records
            .retain(|record| gathered.is_as_on_a_host(record) && !(renumbered && is_fragment(&record.frame)));
        Self { origin, rulesets, tcp_loose, records, scenarios }
    }

    /// What lies between two packets where rules count connections: a tick of the kernel's clock, on which it depends when
    /// the kernel cleans up its lists.
    fn pause(&self) -> Duration {
        match self.records[..] {
            [ref one, ref next, ..] if next.time - one.time >= APART => APART,
            _ => Duration::ZERO,
        }
    }

    /// Lets both judge.
    ///
    /// # Errors
    /// If either refuses the ruleset: what it said.
    pub fn judge(&self, oracle: &mut Oracle) -> Result<Judged, String> {
        let sluice = self.decide(1)?;
        oracle.pause(self.pause());
        let kernel = oracle.try_judge(&self.rulesets, &self.records, self.tcp_loose)?;
        oracle.pause(Duration::ZERO);
        Ok(Judged { kernel, sluice })
    }

    /// As [`Self::judge`]. The kernel lives in real time: what a machine that was held up has said counts only if it says it
    /// again.
    ///
    /// # Errors
    /// As [`Self::judge`].
    pub fn judge_twice(&self, oracle: &mut Oracle) -> Result<Judged, String> {
        let judged = self.judge(oracle)?;
        if judged.differences(&self.records).is_empty() { Ok(judged) } else { self.judge(oracle) }
    }

    /// What Sluice says, on so many workers.
    ///
    /// # Errors
    /// If it refuses the ruleset: what it said.
    pub fn decide(&self, workers: usize) -> Result<Vec<Decision>, String> {
        let policy = firewall::policy(&self.rulesets).map_err(|said| format!("sluice: {said}"))?;
        Ok(Firewall::new(policy, self.tcp_loose, workers, self.begin())?.judge(&self.records))
    }

    /// As [`Self::decide`], on one worker that takes packets in bursts.
    ///
    /// # Errors
    /// If it refuses the ruleset: what it said.
    pub fn decide_in_bursts(&self) -> Result<Vec<Decision>, String> {
        let policy = firewall::policy(&self.rulesets)?;
        Ok(Firewall::new(policy, self.tcp_loose, 1, self.begin())?.judge_in_bursts(&self.records))
    }

    fn begin(&self) -> u64 {
        self.records.first().map_or(0, |record| u64::try_from(record.time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Judged {
    /// The packets on which they differ, and in what.
    #[must_use]
    pub fn differences(&self, records: &[Record]) -> Vec<(usize, String)> {
        let both = self.kernel.iter().zip(&self.sluice).enumerate().take(self.compared());
        both.filter(|(_, (_, sluice))| !is_unsure(sluice))
            .filter_map(|(at, (kernel, sluice))| {
                Some((at, difference::between(&records[at], kernel, sluice)?))
            })
            .collect()
    }

    /// How many packets have one history with both, and are compared: up to the first that the kernel lets pass and Sluice
    /// refuses, because it cannot tell how many connections the kernel counts. That is a deviation.
    #[must_use]
    pub fn compared(&self) -> usize {
        self.unsure().map_or(self.kernel.len(), |unsure| unsure + 1)
    }

    /// Whether there is such a packet.
    #[must_use]
    pub fn is_cut_short(&self) -> bool {
        self.unsure().is_some()
    }

    fn unsure(&self) -> Option<usize> {
        self.kernel.iter().zip(&self.sluice).position(|(kernel, sluice)| kernel.accepted && is_unsure(sluice))
    }
}

fn is_unsure(decision: &Decision) -> bool {
    decision.verdict.verdict != "accept" && decision.verdict.reason == "connections-unsure"
}

/// Two ticks of a kernel at 250 Hz, and a little.
const APART: Duration = Duration::from_millis(10);

/// The seed of a trial of a run.
#[must_use]
pub const fn seed_of(run: u64, trial: u64) -> u64 {
    Random::new(run.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ trial).next()
}

/// One of the rulesets that the tests keep.
fn drawn(random: &mut Random) -> (String, Vec<Ruleset>) {
    let read =
        |path: &str| fs::read_to_string(bundled(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut names: Vec<String> = fs::read_dir(bundled("tests/language"))
        .expect("the rulesets of the tests")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let at = random.below(names.len() + 4);
    if let Some(name) = names.get(at) {
        let text = read(&format!("tests/language/{name}"));
        let ruleset = match name.rsplit_once('.') {
            Some((_, "iptables")) => Ruleset::Iptables(text),
            Some((_, "ip6tables")) => Ruleset::Ip6tables(text),
            _ => Ruleset::Nft(text),
        };
        return (name.clone(), vec![ruleset]);
    }
    let bundled = bundled_rulesets();
    bundled[random.below(bundled.len())].clone()
}

/// The bundled rulesets: name, and files loaded together.
///
/// # Panics
/// If they cannot be read.
#[must_use]
pub fn bundled_rulesets() -> Vec<(String, Vec<Ruleset>)> {
    let text = |name: &str| read(&format!("rulesets/{name}"));
    let nft = ["stateless", "stateful", "zones"].map(|style| format!("{style}.nft"));
    let iptables = ["stateless", "stateful", "layered"].map(|style| {
        let (v4, v6) = (format!("{style}.iptables"), format!("{style}.ip6tables"));
        let both = vec![Ruleset::Iptables(text(&v4)), Ruleset::Ip6tables(text(&v6))];
        (v4, both)
    });
    let nft = nft.into_iter().map(|name| (name.clone(), vec![Ruleset::Nft(text(&name))]));
    nft.chain(iptables).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(bundled(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}
