//! Does every match hold for the packets for which the kernel says it does?
//!
//! A file of `matches/` has one chain, `inet filter input` or its like, of rules without a verdict, one a line. The
//! kernel runs the whole file and its trace names the rules that held, packet by packet. Sluice runs each rule alone,
//! with `accept` behind it: it held where it decided. Over all packets every rule must hold for some and not for others.
//! The kernel is given what `check --print` writes, for it may know fewer words.
#![expect(clippy::print_stdout, reason = "counts and seeds, for whoever reads a failure")]

use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use config::{NoFiles, Source};
use dataplane::packet::parse;
use tests::Record;
use tests::capture::bundled;
use tests::difference::is_untraceable;
use tests::firewall::{Firewall, policy};
use tests::oracle::{Oracle, Ruleset};
use tests::traffic::{self, Random};

/// A file, taken apart.
struct Matches {
    name: String,
    text: String,
    /// Line numbers, from 0, of its rules.
    rules: Vec<usize>,
    /// Family, table and chain.
    chain: String,
}

impl Matches {
    fn read(name: &str) -> Self {
        let text = fs::read_to_string(bundled(&format!("tests/matches/{name}"))).expect("readable");
        let lines: Vec<&str> = text.lines().collect();
        let begin = lines.iter().position(|line| line.trim().starts_with("type filter")).expect("a chain");
        let end = (begin..lines.len()).find(|&at| lines[at] == "\t}").expect("the end of the chain");
        let is_rule = |at: &usize| !lines[*at].trim().is_empty() && !lines[*at].trim().starts_with('#');
        let rules = (begin + 1..end).filter(is_rule).collect();
        let table = lines.iter().rfind(|line| line.starts_with("table ")).expect("a table");
        let chain = lines[begin - 1].trim().trim_start_matches("chain ");
        let chain = format!("{} {}", table.trim_start_matches("table "), chain).replace(" {", "");
        Self { name: name.to_owned(), rules, chain, text }
    }

    fn rule(&self, position: usize) -> &str {
        self.text.lines().nth(self.rules[position - 1]).unwrap_or_default().trim()
    }

    /// The file with one rule only, which accepts.
    fn alone(&self, position: usize) -> String {
        let kept = self.rules[position - 1];
        let lines = self.text.lines().enumerate().filter(|(at, _)| *at == kept || !self.rules.contains(at));
        lines.map(|(at, line)| format!("{line}{}\n", if at == kept { " accept" } else { "" })).collect()
    }

    /// The packets for which each rule holds, as the kernel says.
    fn kernel(&self, oracle: &mut Oracle, records: &[Record]) -> Vec<BTreeSet<usize>> {
        let mut held = vec![BTreeSet::new(); self.rules.len()];
        let source = [Source::new(&*self.name, &*self.text)];
        let ruleset = config::parse(&source, &mut NoFiles).unwrap_or_else(|why| panic!("{why}"));
        let judgements = oracle.judge(&[Ruleset::Nft(config::print(&ruleset))], records, false);
        for (packet, judgement) in judgements.iter().enumerate() {
            for step in &judgement.path {
                let position = step.rule.strip_prefix(&self.chain).and_then(|rest| rest.trim().parse().ok());
                if let Some(position @ 1..) = position {
                    let position: usize = position;
                    held[position - 1].insert(packet);
                }
            }
        }
        held
    }

    /// The packets for which rule `position` holds, as Sluice says.
    fn sluice(&self, position: usize, records: &[Record]) -> BTreeSet<usize> {
        let ruleset = [Ruleset::Nft(self.alone(position))];
        let policy = policy(&ruleset).unwrap_or_else(|why| panic!("{}: {why}", self.name));
        let begin = records.first().map_or(0, |record| record.time.as_nanos() as u64);
        let mut firewall = Firewall::new(policy, false, 1, begin).expect("compiled");
        let name = format!("{} 1", self.chain);
        let held = firewall.judge(records).into_iter().enumerate();
        held.filter(|(_, decision)| decision.verdict.rule.as_ref() == Some(&name)).map(|(n, _)| n).collect()
    }
}

fn compare(name: &str) {
    let matches = Matches::read(name);
    let fresh = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let given = std::env::var("SLUICE_SEED").ok().and_then(|text| text.parse().ok());
    let fresh = given.unwrap_or(fresh % 1_000_000_000);
    let mut oracle = Oracle::new("eth0");
    let mut seen = vec![(0, 0); matches.rules.len()];
    let mut different = String::new();
    for seed in [1, fresh] {
        println!("SLUICE_SEED={seed}");
        let mut single = traffic::timed(traffic::fields(&mut Random::new(seed), PACKETS));
        if name == "connections.nft" {
            // Linux 6.18 has forgotten how DCCP is tracked.
            single.retain(|record| parse(&record.frame[..]).tuple.protocol != DCCP);
        }
        for mut records in [single, traffic::generate(seed, PACKETS)] {
            // only the trace tells which rules held; `kernel.rs` compares what becomes of the others
            records.retain(|record| !is_untraceable(record));
            let kernel = matches.kernel(&mut oracle, &records);
            for (position, wanted) in (1..).zip(&kernel) {
                let found = matches.sluice(position, &records);
                let (held, not) = &mut seen[position - 1];
                (*held, *not) = (*held + wanted.len(), *not + records.len() - wanted.len());
                if found != *wanted {
                    // A hash table that is growing or shrinking in the kernel takes no element for a moment: what
                    // it says is wanted of it twice.
                    let again = &matches.kernel(&mut oracle, &records)[position - 1];
                    if again != wanted && found == *again {
                        println!("rule {position}: the kernel said otherwise the first time");
                        continue;
                    }
                }
                if let Some(&packet) = found.symmetric_difference(wanted).next() {
                    let frame: String =
                        records[packet].frame.iter().map(|byte| format!("{byte:02x}")).collect();
                    different += &format!(
                        "SLUICE_SEED={seed}, packet {packet}: `{}` holds for {}: kernel {}, Sluice {}: {frame}\n",
                        matches.rule(position),
                        found.symmetric_difference(wanted).count(),
                        wanted.contains(&packet),
                        found.contains(&packet),
                    );
                }
            }
        }
    }
    assert!(different.is_empty(), "{name}:\n{different}");
    for (position, (held, not)) in (1..).zip(seen) {
        assert!(
            held > 0 && not > 0,
            "{name}: `{}` holds {held} times, and {not} not",
            matches.rule(position)
        );
    }
}

macro_rules! matches_tests {
    ($($test:ident: $file:literal,)*) => {
        $(#[test]
        fn $test() {
            compare($file);
        })*

        #[test]
        fn every_file_is_compared() {
            let entries = fs::read_dir(bundled("tests/matches")).expect("readable");
            let mut found: Vec<String> =
                entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
            found.sort();
            assert_eq!(found, [$($file),*]);
        }
    };
}

matches_tests! {
    connections: "connections.nft",
    link: "link.nft",
    meta: "meta.nft",
    network: "network.nft",
    stateful: "stateful.nft",
    transport: "transport.nft",
}

const DCCP: u8 = 33;

/// Packets of each kind for each seed.
const PACKETS: usize = 1200;
