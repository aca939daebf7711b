//! Do the kernel and Sluice agree on scenarios that a seed makes? A few hundred here, from a fixed seed and from a
//! fresh one, which is printed and can be given again as `SLUICE_SEED`; as many as one likes under `make parity`.
#![expect(clippy::print_stdout, reason = "seeds and counts, for whoever reads a failure")]

use std::time::{SystemTime, UNIX_EPOCH};

use tests::Oracle;
use tests::parity::{Report, Run};

fn agree(seed: u64) -> Report {
    let run = Run { seed, scenarios: SCENARIOS, trial: None, differences: 1 };
    let report = run.run(&mut Oracle::new("eth0"));
    println!("seed {seed}: {}", report.tally);
    if let Some(difference) = report.differences.first() {
        panic!("{difference}");
    }
    report
}

#[test]
fn on_scenarios_of_a_fixed_seed() {
    let report = agree(1);
    // of the rarer states a few hundred scenarios hold a handful
    assert!(report.tally.scenarios >= SCENARIOS);
    for state in ["new", "established", "related", "invalid", "none"] {
        assert!(report.tally.states.get(state).is_some_and(|count| *count >= 5), "{}", report.tally);
    }
}

#[test]
fn on_scenarios_of_a_fresh_seed() {
    let given = std::env::var("SLUICE_SEED").ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    agree(given.unwrap_or(now % 1_000_000_000));
}

const SCENARIOS: usize = 200;
