//! Why do they differ? The ruleset, the packets with what both said, and how each came to its verdict.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Judged, Trial};
use crate::capture::{self, Side};
use crate::oracle::Ruleset;
use crate::{difference, sluice};

/// Both explanations of the first difference; rules and packets are left in `directory`, for `sluice explain`.
///
/// # Panics
/// If the files cannot be written.
#[must_use]
pub fn explain(trial: &Trial, judged: &Judged, directory: &Path) -> String {
    let differences = judged.differences(&trial.records);
    let Some((at, what)) = differences.first() else { return "no difference".to_owned() };
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{what}, at packet {} of {}; rules: {}; tcp_loose={}",
        at + 1,
        trial.records.len(),
        trial.origin,
        i32::from(trial.tcp_loose)
    );
    for ruleset in &trial.rulesets {
        let (Ruleset::Nft(rules) | Ruleset::Iptables(rules) | Ruleset::Ip6tables(rules)) = ruleset;
        let _ = writeln!(text, "{rules}");
    }
    let shown = at.saturating_sub(SHOWN_BEFORE)..=*at;
    for number in shown {
        let said = &judged.kernel[number];
        let verdict = if said.accepted { "accept" } else { "drop" };
        let line = difference::describe(&trial.records[number]);
        let _ = writeln!(text, "  {:4} {line} (kernel: {verdict}, {})", number + 1, said.state);
    }
    let hex: String = trial.records[*at].frame.iter().take(256).map(|byte| format!("{byte:02x}")).collect();
    let _ = writeln!(text, "       {hex}\nkernel: {}", judged.kernel[*at]);
    for answer in &judged.kernel[*at].answers {
        let _ = writeln!(text, "    answers {}", difference::hex(answer));
    }
    let _ = writeln!(text, "sluice: {:?}", judged.sluice[*at].verdict);
    for answer in &judged.sluice[*at].answers {
        let _ = writeln!(text, "    answers {}", difference::hex(answer));
    }
    let _ = writeln!(text, "{}", own_explanation(trial, *at, directory));
    text
}

/// What `sluice explain` says of the packet.
fn own_explanation(trial: &Trial, at: usize, directory: &Path) -> String {
    fs::create_dir_all(directory).expect("the directory can be made");
    let mut command = sluice::command();
    command.arg("explain");
    for (number, ruleset) in trial.rulesets.iter().enumerate() {
        let (Ruleset::Nft(text) | Ruleset::Iptables(text) | Ruleset::Ip6tables(text)) = ruleset;
        let path = directory.join(format!("rules{number}"));
        fs::write(&path, text).expect("written");
        command.arg("--rules").arg(path);
    }
    let path = directory.join("packets.pcap");
    let frames: Vec<(Duration, &[u8])> =
        trial.records.iter().map(|record| (record.time, &record.frame[..])).collect();
    capture::write(&path, frames);
    for (name, side) in [("outside.pcap", Side::Outside), ("inside.pcap", Side::Inside)] {
        let own = trial.records.iter().filter(|record| record.side == side);
        capture::write(&directory.join(name), own.map(|record| (record.time, &record.frame[..])));
    }
    command.arg("--pcap").arg(&path).args(["--inside", INSIDE, "--packet", &(at + 1).to_string()]);
    if trial.tcp_loose {
        command.arg("--tcp-loose");
    }
    match command.output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            format!(
                "{said}{}\n(rules and packets: {})",
                String::from_utf8_lossy(&output.stderr),
                directory.display()
            )
        }
        Err(error) => format!("sluice explain: {error}"),
    }
}

/// The prefixes of the hosts that scenarios protect.
pub(super) const INSIDE: &str = "192.0.2.0/24,2001:db8:2::/64";

/// How many packets before the one in question are shown.
const SHOWN_BEFORE: usize = 30;
