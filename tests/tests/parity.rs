//! Do the kernel and Sluice agree on scenarios that a seed makes? A few hundred here, from a fixed seed and from a
//! fresh one, which is printed and can be given again as `SLUICE_SEED`; as many as one likes under `make parity`.
#![expect(clippy::print_stdout, reason = "seeds and counts, for whoever reads a failure")]

use std::time::{SystemTime, UNIX_EPOCH};

use tests::Oracle;
use tests::parity::{Report, Run, SCENARIOS_PER_TRIAL};

fn agree(seed: u64) -> Report {
    let run = Run { seed, scenarios: SCENARIOS, trial: None, differences: 1 };
    let report = run.run(&mut Oracle::new("eth0"));
    println!("seed {seed}: {}", report.tally);
    if let Some(difference) = report.differences.first() {
        panic!("{difference}");
    }
    assert!(
        report.unusable * SCENARIOS_PER_TRIAL * 5 <= SCENARIOS,
        "nft takes nearly all of them: {}",
        report.unusable
    );
    report
}

#[test]
fn on_scenarios_of_a_fixed_seed() {
    let report = agree(1);
    assert!(report.tally.scenarios >= SCENARIOS);
    for state in ["new", "established", "related", "invalid", "untracked", "none"] {
        assert!(report.tally.states.get(state).is_some_and(|count| *count >= 20), "{}", report.tally);
    }
    assert!(report.tally.answered >= 20, "{}", report.tally);
}

#[test]
fn on_scenarios_of_a_fresh_seed() {
    let given = std::env::var("SLUICE_SEED").ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    agree(given.unwrap_or(now % 1_000_000_000));
}

const SCENARIOS: usize = 300;
