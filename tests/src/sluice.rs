//! How is the program under test found, run and understood?

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use crate::capture::{self, Record, Side};
use crate::oracle::Ruleset;

/// The program: what `SLUICE_BIN` names, or else what the workspace built beside this test.
///
/// # Panics
/// If it is not there: these tests are about nothing else.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var_os("SLUICE_BIN").map_or_else(
        || {
            let own = std::env::current_exe().expect("a program knows its own path");
            let beside = own.parent().expect("target/PROFILE/parity, or target/PROFILE/deps/TEST");
            let profile = if beside.ends_with("deps") { beside.parent().unwrap_or(beside) } else { beside };
            profile.join("sluice")
        },
        PathBuf::from,
    );
    assert!(path.is_file(), "no program at {}: run `cargo build --workspace` first", path.display());
    path
}

/// A command that runs the program, without colours and with nothing on its standard input.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new(binary());
    command.stdin(Stdio::null()).env("NO_COLOR", "1").env_remove("SLUICE_LOG");
    command
}

/// Runs the program with these arguments to its end.
///
/// # Panics
/// If it cannot be started.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    command().args(arguments).output().expect("the program starts")
}

/// Standard output of a run that must end well.
///
/// # Panics
/// With everything the program said, if it does not.
pub fn expect_done(output: &Output) -> String {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "sluice: {}\n{stdout}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    stdout
}

/// One line of `--verdicts`; a key that is not in the contract is an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// Number of the packet, from 1.
    pub n: usize,
    /// `in` or `out`
    pub dir: String,
    /// `accept`, `drop` or `reject`
    pub verdict: String,
    /// The ct state as the packet meets the rules.
    pub ct: String,
    /// A word for why.
    pub reason: String,
    /// Family, table, chain, and position or `policy`.
    pub rule: Option<String>,
    /// The deciding rule's comment.
    pub comment: Option<String>,
}

/// Reads the lines of `--verdicts`.
///
/// # Panics
/// If a line is not what the contract says.
#[must_use]
pub fn verdicts(text: &str) -> Vec<Verdict> {
    let lines = text.lines();
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Lets the program judge the records, as `replay` with a capture for each side.
///
/// # Panics
/// If the program fails.
#[must_use]
pub fn replay(rulesets: &[Ruleset], records: &[Record], tcp_loose: bool) -> Vec<Verdict> {
    let directory = TempDir::new().expect("a directory");
    let mut command = command();
    command.arg("replay");
    for (number, ruleset) in rulesets.iter().enumerate() {
        let (Ruleset::Nft(text) | Ruleset::Iptables(text) | Ruleset::Ip6tables(text)) = ruleset;
        let path = directory.path().join(format!("rules{number}"));
        std::fs::write(&path, text).expect("written");
        command.arg("--rules").arg(path);
    }
    for (option, side) in [("--outside-pcap", Side::Outside), ("--inside-pcap", Side::Inside)] {
        let path = directory.path().join(option);
        let own = records.iter().filter(|record| record.side == side);
        capture::write(&path, own.map(|record| (record.time, &record.frame[..])));
        command.arg(option).arg(path);
    }
    if tcp_loose {
        command.arg("--tcp-loose");
    }
    let output = command.args(["--verdicts", "-"]).output().expect("the program starts");
    verdicts(&expect_done(&output))
}
