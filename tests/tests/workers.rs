//! Does it matter how many workers there are? The same packets, each coming in at the next worker: verdict, state, rule
//! and answer are those of one worker alone.

use tests::capture::{bundled, records};
use tests::firewall::{self, Decision, Firewall};
use tests::oracle::Ruleset;
use tests::parity::{SCENARIOS_PER_TRIAL, Trial, seed_of};

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
    let mut packets = 0;
    for number in 0..TRIALS {
        let trial = Trial::generate(seed_of(7, number), SCENARIOS_PER_TRIAL);
        let Ok(one) = trial.decide(1) else { continue }; // contradicts itself, and is refused
        for workers in [2, 4] {
            alike(&format!("trial {number}, {workers} workers"), &one, &decided(&trial, workers));
        }
        packets += one.len();
    }
    assert!(packets > 15_000, "{packets}");
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
