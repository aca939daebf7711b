//! What does Sluice's own data path say, without a device? Workers as the daemon runs them, over a wire whose ends
//! are lists of frames: thousands of packets under hundreds of rulesets in a second.

mod memory;

use std::sync::Arc;

use config::policy::{ChainId, RuleId, Value, interface_value};
use config::{NoFiles, Policy, Source};
use dataplane::classify::DecidedBy;
use dataplane::flow::{self, FlowHasher, Table};
use dataplane::generation::{self, Publisher};
use dataplane::packet::Checksums;
use dataplane::pipeline::{Decided, Outcome};
use dataplane::rules::Rules;
use dataplane::stats::Stats;
use dataplane::track::expect::MOST_EXPECTED;
use dataplane::track::{Expectations, Settings};
use dataplane::wire::Role;
use dataplane::worker::{self, Parts, Wire, Worker};

use crate::capture::Record;
use crate::oracle::Ruleset;
use crate::sluice::Verdict;
use memory::{Kept, Memory};

/// A firewall in front of a host, in memory.
pub struct Firewall {
    policy: Policy,
    workers: Vec<Worker<Memory, Kept>>,
    /// The other half of what each worker has.
    ends: Vec<Memory>,
    kept: Kept,
    _publisher: Publisher<Rules>,
    packets: usize,
}

/// What became of one packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// As `sluice replay` writes it.
    pub verdict: Verdict,
    /// Frames that went back where the packet came from.
    pub answers: Vec<Vec<u8>>,
}

/// The policy these texts make.
///
/// # Errors
/// What Sluice says of a ruleset it refuses.
pub fn policy(rulesets: &[Ruleset]) -> Result<Policy, String> {
    let sources: Vec<Source> = (1..)
        .zip(rulesets)
        .map(|(number, ruleset)| {
            let (Ruleset::Nft(text) | Ruleset::Iptables(text) | Ruleset::Ip6tables(text)) = ruleset;
            Source::new(format!("rules{number}"), text.clone())
        })
        .collect();
    let loaded = config::load(&sources, &mut NoFiles).map_err(|found| found.to_string())?;
    Ok(loaded.policy)
}

impl Firewall {
    /// One with these rules and no connection, loaded when the first of the packets to come was captured.
    ///
    /// # Errors
    /// What Sluice says of a ruleset it refuses.
    pub fn new(policy: Policy, tcp_loose: bool, workers: usize, begin: u64) -> Result<Self, String> {
        let rules = Rules::compile_at(&policy, workers, begin, None).map_err(|error| error.to_string())?;
        let (publisher, readers) = generation::publish(rules, workers);
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let handover = worker::handover(workers);
        let expectations = Arc::new(Expectations::with_capacity(MOST_EXPECTED, hasher.clone()));
        let role = Role::Guard { interface: interface() };
        let ends: Vec<Memory> = (0..workers).map(|_| Memory::default()).collect();
        let kept = Kept::default();
        let workers = readers.into_iter().zip(&ends).enumerate().map(|(index, (rules, io))| {
            let table = Table::with_capacity(FLOWS);
            let (_, reaper) = flow::ageing(&table, 1);
            Worker::new(Parts {
                index,
                wires: vec![Wire { io: io.clone(), role }],
                table,
                hasher: hasher.clone(),
                rules,
                settings: Settings { tcp_loose, ..Settings::default() },
                checksums: Checksums::Verified,
                expectations: Arc::clone(&expectations),
                handover: Arc::clone(&handover),
                reaper,
                stats: Arc::new(Stats::default()),
                observer: kept.clone(),
            })
            .unpaced()
        });
        let workers = workers.collect();
        Ok(Self { policy, workers, ends, kept, _publisher: publisher, packets: 0 })
    }

    /// Decides upon these packets, one after the other; with several workers each packet comes in at the next of them.
    /// Behind the last, what waits for more is given up.
    pub fn judge(&mut self, records: &[Record]) -> Vec<Decision> {
        let answers: Vec<Vec<Vec<u8>>> = records.iter().map(|record| self.answers_to(record)).collect();
        self.decisions(records, answers)
    }

    /// Decides upon these packets as one worker meets them in service: in bursts of what came from one side within a
    /// millisecond. The answers are not kept.
    ///
    /// # Panics
    /// If there is more than one worker.
    pub fn judge_in_bursts(&mut self, records: &[Record]) -> Vec<Decision> {
        let [worker] = &mut self.workers[..] else { panic!("one worker") };
        self.ends[0].give(records);
        while worker.poll() > 0 {}
        self.ends[0].take_sent();
        self.packets += records.len();
        self.decisions(records, vec![Vec::new(); records.len()])
    }

    fn answers_to(&mut self, record: &Record) -> Vec<Vec<u8>> {
        let at = self.packets % self.workers.len();
        self.packets += 1;
        self.ends.iter().for_each(|io| io.wind_to(record.time));
        self.ends[at].give(std::slice::from_ref(record));
        while self.workers.iter_mut().map(Worker::poll).sum::<usize>() > 0 {}
        let sent = self.ends.iter().flat_map(Memory::take_sent);
        sent.filter(|(side, _)| *side == record.side).map(|(_, frame)| frame).collect()
    }

    /// What was decided upon the records that came last, and what was answered.
    fn decisions(&mut self, records: &[Record], answers: Vec<Vec<Vec<u8>>>) -> Vec<Decision> {
        self.workers.iter_mut().for_each(Worker::finish);
        let decided = self.kept.take();
        assert_eq!(decided.len(), records.len(), "every packet is decided upon once");
        let first = self.packets - records.len() + 1;
        let all = records.iter().zip(decided).zip(answers).enumerate();
        all.map(|(number, ((record, decided), answers))| {
            let decided = decided.expect("nothing waits any longer");
            Decision { verdict: verdict(&self.policy, first + number, record, &decided), answers }
        })
        .collect()
    }
}

/// The protected interface, as rules compare it.
pub(crate) fn interface() -> Value {
    interface_value("eth0").unwrap_or_default()
}

/// As `sluice replay --verdicts` writes it.
fn verdict(policy: &Policy, n: usize, record: &Record, decided: &Decided) -> Verdict {
    let word = match decided.outcome {
        Outcome::Accept => "accept",
        Outcome::Drop => "drop",
        Outcome::Reject(_) => "reject",
    };
    let (rule, comment) = match decided.decided_by {
        DecidedBy::Nothing => (None, None),
        DecidedBy::Rule(id) => (Some(rule_name(policy, id)), policy.rules[id.index()].comment.clone()),
        DecidedBy::ChainPolicy(id) => (Some(format!("{} policy", chain_name(policy, id))), None),
    };
    Verdict {
        n,
        dir: if record.side == crate::Side::Outside { "in" } else { "out" }.to_owned(),
        verdict: word.to_owned(),
        ct: decided.ct.label().to_owned(),
        reason: decided.reason.label().to_owned(),
        rule,
        comment,
    }
}

fn chain_name(policy: &Policy, id: ChainId) -> String {
    let chain = &policy.chains[id.index()];
    format!("{} {} {}", chain.family, chain.table, chain.name)
}

fn rule_name(policy: &Policy, id: RuleId) -> String {
    let rule = &policy.rules[id.index()];
    format!("{} {}", chain_name(policy, rule.chain), rule.position)
}

/// Room in each worker's table: more than any scenario opens.
const FLOWS: usize = 4096;
