//! `make parity`: do the kernel and Sluice agree on the scenarios that a seed makes?
//!
//! Its settings are variables of the environment: `SEED` (drawn if absent), `SCENARIOS`, `TRIAL` (one trial alone, by
//! its number), `DIFFERENCES` (after how many of them to stop), `COVERAGE`
//! (whether to list the cells of state machines that were reached).
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::process::ExitCode;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tests::Oracle;
use tests::parity::Run;

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let run = Run {
        seed: number("SEED").unwrap_or(now % 1_000_000_000),
        scenarios: number("SCENARIOS").unwrap_or(1000) as usize,
        trial: number("TRIAL"),
        differences: number("DIFFERENCES").unwrap_or(1) as usize,
    };
    println!("SEED={} SCENARIOS={}", run.seed, run.scenarios);
    let begun = Instant::now();
    let report = run.run(&mut Oracle::new("eth0"));
    print!("{}", report.tally);
    if std::env::var("COVERAGE").is_ok_and(|asked| !asked.is_empty()) {
        print!("{}", report.coverage);
    }
    println!("{} rulesets that nft itself did not take", report.unusable);
    println!("in {:.1} s", begun.elapsed().as_secs_f64());
    for difference in &report.differences {
        println!("\n{difference}");
    }
    if report.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
