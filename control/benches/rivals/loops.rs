//! What does the whole worker loop cost? `sluice bench`, a process for each figure: its ratio to bare forwarding is of one
//! process.

use serde::{Deserialize, Serialize};
use std::process::Command;

/// One run of `sluice bench`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Loop {
    /// What packets were about, one after the other.
    pub mix: Vec<String>,
    /// Flows.
    pub flows: u64,
    /// Rules.
    pub rules: usize,
    /// Million packets a second, undisturbed.
    pub mpps_p10: f64,
    /// Cycles a packet.
    pub cycles_per_packet: f64,
    /// As `cycles_per_packet`, undisturbed.
    pub cycles_per_packet_p10: f64,
    /// Of bare forwarding, undisturbed.
    pub floor_cycles_per_packet_p10: f64,
    /// Their quotient.
    pub ratio_to_floor: f64,
    /// As `ratio_to_floor`, undisturbed.
    pub ratio_to_floor_p10: f64,
    /// Bytes of the flow table for each flow.
    pub bytes_per_flow: f64,
    /// Flows stored in a second.
    pub new_flows_per_second: f64,
    /// Whether the flow table lies in huge pages.
    pub huge_pages: bool,
}

/// Runs `program bench` for everything that the page tells of.
pub fn measure(program: &str, seconds: f64, flows: &[u32], rules: &[u32]) -> Vec<Loop> {
    let one = |mix: &str, flows: u32, rules: u32| {
        let arguments =
            ["--json", "--mix", mix, "--flows", &flows.to_string(), "--rules", &rules.to_string()];
        let run = Command::new(program)
            .arg("bench")
            .args(arguments)
            .args(["--seconds", &seconds.to_string()])
            .output();
        let output = run.unwrap_or_else(|error| panic!("{program}: {error}"));
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        let found: Loop = serde_json::from_slice(&output.stdout).expect("figures");
        eprintln!("{mix}, {flows} flows, {rules} rules: {:.1} cycles", found.cycles_per_packet_p10);
        found
    };
    let mut found: Vec<Loop> = flows.iter().map(|&flows| one("established", flows, 20)).collect();
    for &rules in rules.iter().filter(|&&rules| rules >= FEWEST) {
        found.push(one("syn-flood", 100_000, rules));
    }
    for (mix, flows, rules) in [
        ("new", 1_000_000, 20),
        ("deny", 1_000_000, 1000),
        ("invalid", 1_000_000, 20),
        ("established,syn-flood", 100_000, 20),
    ] {
        found.push(one(mix, flows, rules));
    }
    found
}

/// A generated ruleset of `sluice bench` has more rules than this.
const FEWEST: u32 = 20;
