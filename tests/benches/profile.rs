//! Where does each cycle of a packet go? `sluice bench` under the sampling profiler of the kernel: what the firewall costs
//! over its ports, laid on its stages by the functions that were found at work.
//!
//! `cargo bench --package tests --bench profile -- [--json FILE] [--markdown FILE]`. Root, Debian's `linux-perf`; `make
//! bench-profile` installs it. The program has line tables, so that functions have names; what the compiler has put into
//! another function counts there.

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

use serde::Serialize;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::{page, sluice};

/// What is profiled: words for `sluice bench`, and the milliseconds in which it has opened its connections.
struct Work {
    name: &'static str,
    asked: &'static [&'static str],
    settled: u32,
}

const WORKS: [Work; 5] = [
    Work {
        name: "established, 1,000",
        asked: &["--mix", "established", "--flows", "1000", "--rules", "20"],
        settled: 500,
    },
    Work {
        name: "established, 1,000,000",
        asked: &["--mix", "established", "--flows", "1000000", "--rules", "20"],
        settled: 3000,
    },
    Work {
        name: "SYN flood, 1,000,000 live, 1,000 rules",
        asked: &["--mix", "syn-flood", "--flows", "1000000", "--rules", "1000"],
        settled: 1500,
    },
    Work {
        name: "100,000 established beside a flood",
        asked: &["--mix", "established,syn-flood", "--flows", "100000", "--rules", "20"],
        settled: 1500,
    },
    Work {
        name: "denied, 1,000 rules",
        asked: &["--mix", "deny", "--flows", "1000000", "--rules", "1000"],
        settled: 500,
    },
];

/// Stages, and parts of the names of their functions. The first that fits counts.
const STAGES: [(&str, &[&str]); 9] = [
    (PORTS, &["sluice::", "dpdk::", "rte_", "eth_null", "memmove", "memcpy", "memset", "vdso"]),
    ("headers read", &["dataplane::packet::"]),
    (
        "tags compared, entries asked for",
        &["Stage::seek", "dataplane::flow::table::look", "flow::table::slots"],
    ),
    ("hashes, tags asked for", &["dataplane::worker::parse", "dataplane::flow::hash"]),
    ("room for new flows", &["dataplane::flow::table", "dataplane::flow::group", "dataplane::flow::bucket"]),
    (
        "connections moved on",
        &["dataplane::track::", "pipeline::short", "pipeline::tracking", "decide::Together"],
    ),
    ("rules", &["dataplane::classify::"]),
    ("first packets decided upon", &["dataplane::pipeline::"]),
    ("ageing", &["dataplane::flow::ageing", "ArrayQueue"]),
];
const PORTS: &str = "frames and ports";
const REST: &str = "bursts, counters and the rest";

/// Cycles a packet of each stage.
#[derive(Serialize)]
struct Profile {
    work: &'static str,
    cycles: f64,
    floor: f64,
    stages: Vec<(&'static str, f64)>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let file = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(PathBuf::from)
    };
    let profiles: Vec<Profile> = WORKS.iter().map(profile).collect();
    let table = table(&profiles);
    println!("{table}");
    if let Some(path) = file("--json") {
        fs::write(path, serde_json::to_string_pretty(&profiles).expect("figures") + "\n").expect("written");
    }
    if let Some(path) = file("--markdown") {
        page::replace(&path, "make bench-profile", &format!("{}\n\n{table}", page::machine()));
    }
}

fn profile(work: &Work) -> Profile {
    let directory = tempfile::tempdir().expect("a directory");
    let samples = directory.path().join("samples");
    let mut command = Command::new("perf");
    // a clock of the system's, as virtual machines have no counters of cycles
    command.args(["record", "--quiet", "--event", "cpu-clock", "--freq", "5000"]);
    command.args(["--delay", &work.settled.to_string(), "--output"]).arg(&samples).arg("--");
    command.arg(sluice::binary()).args(["bench", "--json", "--seconds", "4"]).args(work.asked);
    let text = sluice::expect_done(&command.output().expect("perf is installed"));
    let json = text.find('{').map_or("", |at| &text[at..]);
    let run: serde_json::Value = serde_json::from_str(json).expect("figures");
    let number = |name: &str| run[name].as_f64().expect("a figure");
    let (cycles, floor) = (number("cycles_per_packet"), number("floor_cycles_per_packet"));
    let shares = shares(&samples);
    let own: f64 = shares.iter().filter(|(stage, _)| *stage != PORTS).map(|(_, share)| share).sum();
    let of_stage = |stage: &'static str| {
        let found = shares.iter().filter(|(other, _)| *other == stage).map(|(_, share)| share);
        (
            stage,
            if stage == PORTS {
                floor
            } else {
                found.fold(0.0, |sum, share| sum + share) / own * (cycles - floor)
            },
        )
    };
    let names = STAGES.iter().map(|(stage, _)| *stage).chain([REST]);
    Profile { work: work.name, cycles, floor, stages: names.map(of_stage).collect() }
}

/// Stages and their shares of all samples. What the kernel did meanwhile is no part of a packet.
fn shares(samples: &Path) -> Vec<(&'static str, f64)> {
    let mut report = Command::new("perf");
    report.args([
        "report",
        "--stdio",
        "--no-children",
        "--fields",
        "overhead,symbol",
        "--field-separator",
        ";",
    ]);
    let output = report.arg("--input").arg(samples).output().expect("perf is installed");
    let text = sluice::expect_done(&output);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let found = lines.filter_map(|line| {
        let (share, symbol) = line.split_once(';')?;
        let (mode, name) = symbol.trim().split_once("] ")?;
        (mode == "[.").then_some((stage(name), share.trim().trim_end_matches('%').parse().ok()?))
    });
    let found: Vec<_> = found.collect();
    assert!(found.len() > 5, "no samples: {text}");
    found
}

fn stage(function: &str) -> &'static str {
    let fits = |parts: &[&str]| parts.iter().any(|part| function.contains(part));
    STAGES.iter().find(|(_, parts)| fits(parts)).map_or(REST, |(stage, _)| stage)
}

fn table(profiles: &[Profile]) -> String {
    let mut out = String::from("| cycles a packet |");
    let line = |out: &mut String, name: &str, figure: &dyn Fn(&Profile) -> f64| {
        write!(out, "| {name} |").expect("text");
        profiles.iter().for_each(|profile| write!(out, " {:.0} |", figure(profile)).expect("text"));
        out.push('\n');
    };
    profiles.iter().for_each(|profile| write!(out, " {} |", profile.work).expect("text"));
    writeln!(out, "\n|---|{}", "---|".repeat(profiles.len())).expect("text");
    for stage in 0..=STAGES.len() {
        line(&mut out, profiles[0].stages[stage].0, &|profile| profile.stages[stage].1);
    }
    line(&mut out, "all", &|profile| profile.cycles);
    out
}
