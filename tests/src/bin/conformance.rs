//! `make conformance`: how far do the kernel and Sluice agree? Runs the scenarios of a seed and the captures, and writes
//! `docs/conformance.md`.
//!
//! Its settings are variables of the environment: `SEED` (drawn if absent) and `SCENARIOS`.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use tests::Oracle;
use tests::capture::{bundled, is_fragment, records};
use tests::parity::{Deviation, Report, Run, Tally, Trial, bundled_rulesets, deviations};

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let seed = number("SEED").unwrap_or(now % 1_000_000_000);
    let scenarios = number("SCENARIOS").unwrap_or(10_000) as usize;
    let mut oracle = Oracle::new("eth0");
    let run = Run { seed, scenarios, trial: None, differences: usize::MAX };
    let generated = run.run(&mut oracle);
    let captures = captures(&mut oracle);
    let text = page(seed, &generated, &captures);
    fs::write(documentation().join("conformance.md"), text).expect("written");
    println!("docs/conformance.md: {} packets", generated.tally.total() + captures.total());
    for difference in &generated.differences {
        println!("\n{difference}");
    }
    if generated.differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The bundled captures under the bundled rulesets.
fn captures(oracle: &mut Oracle) -> Tally {
    let mut tally = Tally::default();
    for name in ["demo.pcap", "mixed.pcap"] {
        for (origin, rulesets) in bundled_rulesets() {
            for tcp_loose in [false, true] {
                let mut records = records(&bundled(&format!("captures/{name}")));
                records.retain(|record| !is_fragment(&record.frame));
                let trial = Trial {
                    origin: origin.clone(),
                    rulesets: rulesets.clone(),
                    tcp_loose,
                    records,
                    scenarios: 1,
                };
                let judged = trial.judge(oracle).unwrap_or_else(|complaint| panic!("{complaint}"));
                let differences = judged.differences(&trial.records);
                tally.add(&trial, &judged, &differences);
            }
        }
    }
    tally
}

fn page(seed: u64, generated: &Report, captures: &Tally) -> String {
    let version = |program: &str, argument: &str| {
        let output = Command::new(program).arg(argument).output().expect("a tool of the tests");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let tally = &generated.tally;
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "Linux {}, {}, {}.\n",
        version("uname", "-r"),
        version("nft", "-V").lines().next().unwrap_or_default(),
        version("iptables", "-V")
    );
    let _ = writeln!(
        text,
        "{} scenarios under {} rulesets, seed {seed}: {} packets, of which {} are judged differently. The kernel lets {} \
         pass and answers {}.\n",
        tally.scenarios,
        tally.rulesets,
        tally.total(),
        tally.different(),
        tally.accepted,
        tally.answered
    );
    table(&mut text, tally);
    let states: Vec<String> = tally.states.iter().map(|(state, count)| format!("{state} {count}")).collect();
    let _ = writeln!(text, "\nThe kernel's ct states of them: {}.", states.join(", "));
    let ((tcp, all_tcp), (sctp, all_sctp)) = (generated.coverage.tcp(), generated.coverage.sctp());
    let _ = writeln!(
        text,
        "\nThey reach {tcp} of the {all_tcp} cells of the TCP table and {sctp} of the {all_sctp} of the SCTP table (direction, \
         state, kind of packet). Each cell has a story of its own besides, which both judge alike (`tests/tests/cells.rs`)."
    );
    let _ = writeln!(
        text,
        "\n## Captures\n\nThe bundled captures under the bundled rulesets, strict and loose: {} packets, of which {} are judged \
         differently.\n",
        captures.total(),
        captures.different()
    );
    table(&mut text, captures);
    let _ = writeln!(
        text,
        "\n## Deviations\n\nWhat differs on purpose, from [deviations.md](deviations.md), with the reason:\n"
    );
    for Deviation { name, reason, .. } in deviations() {
        let _ = writeln!(text, "- {name}: {reason}");
    }
    text += LEFT_OUT;
    text
}

fn table(text: &mut String, tally: &Tally) {
    let _ = writeln!(text, "| packets | judged differently | kind |\n|---:|---:|---|");
    for (class, (all, different)) in &tally.packets {
        let _ = writeln!(text, "| {all} | {different} | {} |", class.to_string().trim());
    }
}

fn documentation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

const LEFT_OUT: &str = "
What scenarios leave out, as it is known to differ or depends on the kernel's own clock, is under \"Known differences\" there; what
a firewall between two cables does not do is under \"The scope of a wire\".
";

const HEAD: &str = "# Conformance

How far do the Linux kernel and Sluice agree? This page is written by `make conformance`, which asks both about every packet:
verdict, ct state, the rule that drops and the answer to a refused packet must be the same. `make parity` runs other seeds and
shows the first difference with both explanations.

## Scenarios

";
