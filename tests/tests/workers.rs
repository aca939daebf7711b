//! Does it matter how many workers there are? The same packets, each coming in at the next worker, and so the fragments of
//! a datagram and what a helper announced at others than it: verdict, state, rule and answer are those of one worker alone.
//! What one worker says is what the kernel says: `parity.rs` asks about the same scenarios.

use dataplane::packet::parse;
use tests::Record;
use tests::capture::{bundled, is_fragment, records};
use tests::firewall::{self, Decision, Firewall};
use tests::oracle::{Oracle, Ruleset};
use tests::parity::{SCENARIOS_PER_TRIAL, Trial, seed_of};
use tests::traffic::{self, Random, Subject};

fn decided(trial: &Trial, workers: usize) -> Vec<Decision> {
    trial.decide(workers).unwrap_or_else(|complaint| panic!("{}: {complaint}", trial.origin))
}

fn alike(what: &str, one: &[Decision], several: &[Decision]) {
    assert_eq!(one.len(), several.len());
    for (one, several) in one.iter().zip(several) {
        assert_eq!(one, several, "{what}");
    }
}

#[test]
fn generated_scenarios_are_judged_alike_by_one_two_and_four_workers() {
    let (mut packets, mut related, mut put_together, mut answered) = (0, 0, 0, 0);
    for number in 0..TRIALS {
        let trial = Trial::generate(seed_of(7, number), SCENARIOS_PER_TRIAL);
        let Ok(one) = trial.decide(1) else { continue }; // contradicts itself, and is refused
        for workers in [2, 4] {
            alike(&format!("trial {number}, {workers} workers"), &one, &decided(&trial, workers));
        }
        packets += one.len();
        for (record, decision) in trial.records.iter().zip(&one) {
            related += usize::from(decision.verdict.ct == "related");
            put_together += usize::from(is_fragment(&record.frame) && decision.verdict.verdict == "accept");
            answered += usize::from(!decision.answers.is_empty());
        }
    }
    assert!(packets > 15_000, "{packets}");
    let seen = [related, put_together, answered];
    assert!(seen.iter().all(|count| *count > 20), "related, fragments, answers: {seen:?}");
}

/// Connections that helpers read, and those that they announce, meet other workers; the kernel says the same.
#[test]
fn what_helpers_announce_is_expected_by_every_worker_as_by_the_kernel() {
    let mut random = Random::new(9);
    let sent = (0..100).flat_map(|number| traffic::scenario(&mut random, number, Subject::Helpers));
    let trial = Trial {
        origin: "helpers".to_owned(),
        rulesets: vec![Ruleset::Nft(HELPERS.to_owned())],
        tcp_loose: false,
        records: traffic::timed(sent),
        scenarios: 100,
    };
    let judged = trial.judge_twice(&mut Oracle::new("eth0")).expect("good rules");
    assert_eq!(judged.differences(&trial.records), [], "the kernel, one worker");
    for workers in [2, 4] {
        alike(&format!("{workers} workers"), &judged.sluice, &decided(&trial, workers));
    }
    let is_error = |record: &Record| parse(&record.frame[..]).is_icmp_error();
    let both = trial.records.iter().zip(&judged.sluice);
    let expected = both.filter(|(record, decision)| decision.verdict.ct == "related" && !is_error(record));
    let expected = expected.count();
    assert!(expected > 100, "{expected} packets of connections that were expected");
}

#[test]
fn the_bundled_captures_are_judged_alike_by_one_two_and_four_workers() {
    let text = std::fs::read_to_string(bundled("rulesets/stateful.nft")).expect("readable");
    let rulesets = [Ruleset::Nft(text)];
    for name in ["demo.pcap", "mixed.pcap"] {
        let records = records(&bundled(&format!("captures/{name}")));
        let judge = |workers| {
            let policy = firewall::policy(&rulesets).expect("a ruleset");
            Firewall::new(policy, false, workers, 0).expect("a firewall").judge(&records)
        };
        let one = judge(1);
        for workers in [2, 4] {
            alike(&format!("{name}, {workers} workers"), &one, &judge(workers));
        }
    }
}

/// Bursts are how packets come in service: they are judged as if they came one by one.
#[test]
fn generated_scenarios_are_judged_alike_in_bursts() {
    for number in 0..TRIALS {
        let trial = Trial::generate(seed_of(8, number), SCENARIOS_PER_TRIAL);
        let Ok(one) = trial.decide(1) else { continue };
        let bursts = trial.decide_in_bursts().unwrap_or_else(|complaint| panic!("{complaint}"));
        let without_answers: Vec<Decision> =
            one.into_iter().map(|decision| Decision { answers: Vec::new(), ..decision }).collect();
        alike(&format!("trial {number}"), &without_answers, &bursts);
    }
}

const TRIALS: u64 = 40;

/// A helper for each connection that says where it is read.
const HELPERS: &str = "table inet t {
 ct helper f {
  type \"ftp\" protocol tcp
 }
 ct helper t {
  type \"tftp\" protocol udp
 }
 ct helper i {
  type \"irc\" protocol tcp
 }
 ct helper s {
  type \"sip\" protocol udp
 }
 ct helper u {
  type \"sip\" protocol tcp
 }
 ct helper a {
  type \"amanda\" protocol udp
 }
 ct helper n {
  type \"sane\" protocol tcp
 }
 ct helper r {
  type \"RAS\" protocol udp
 }
 ct helper q {
  type \"Q.931\" protocol tcp
 }
 chain given {
  tcp dport 21 ct helper set \"f\"
  udp dport 69 ct helper set \"t\"
  tcp dport 6667 ct helper set \"i\"
  udp dport 5060 ct helper set \"s\"
  tcp dport 5060 ct helper set \"u\"
  udp dport 10080 ct helper set \"a\"
  tcp dport 6566 ct helper set \"n\"
  udp dport 1719 ct helper set \"r\"
  tcp dport 1720 ct helper set \"q\"
 }
 chain p {
  type filter hook prerouting priority 0; policy accept;
  jump given
 }
 chain i {
  type filter hook input priority 0; policy accept;
  ct state invalid drop
 }
 chain o {
  type filter hook output priority 0; policy accept;
  jump given
 }
}
";
