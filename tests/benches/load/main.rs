//! How long does a large ruleset take to load, and how much memory? Beside `nft -f` and `iptables-restore` of the
//! same file, each in a fresh process and a fresh network namespace, by turns in the same run.
//!
//! `cargo bench --package tests --bench load -- [--rounds N] [--scale N] [--alone] [--json FILE] [--markdown FILE]
//! [WORD]`: only texts with WORD in their names; sizes divided by the scale; without the others.

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

mod loading;
mod report;
mod texts;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loading::Loading;
use report::{Report, Row, Run};
use tests::{Namespace, page, sluice, system};
use texts::{Rival, Text};

/// What the command line says.
struct Wanted {
    rounds: usize,
    scale: u32,
    alone: bool,
    json: Option<PathBuf>,
    markdown: Option<PathBuf>,
    word: String,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut wanted =
        Wanted { rounds: 5, scale: 1, alone: false, json: None, markdown: None, word: String::new() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match argument.as_str() {
            "--load" => return load(&arguments.map(PathBuf::from).collect::<Vec<_>>()),
            "--rounds" => wanted.rounds = value().parse().expect("a number of rounds"),
            "--scale" => wanted.scale = value().parse().expect("a divisor"),
            "--alone" => wanted.alone = true,
            "--json" => wanted.json = Some(value().into()),
            "--markdown" => wanted.markdown = Some(value().into()),
            "--bench" => {}
            word => wanted.word = word.to_owned(),
        }
    }
    let report = measure(&wanted);
    println!("{}", report.table());
    if let Some(path) = &wanted.json {
        let json = serde_json::to_string_pretty(&report).expect("a report");
        std::fs::write(path, json + "\n").expect("the report is written");
    }
    if let Some(path) = &wanted.markdown {
        page::replace(path, "make bench-load", &report.table());
    }
}

/// The other side of [`measured`].
fn load(paths: &[PathBuf]) {
    println!("{}", serde_json::to_string(&Loading::of(paths)).expect("a report"));
}

fn measure(wanted: &Wanted) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let nothing = [directory.path().join("nothing")];
    std::fs::write(&nothing[0], "table inet nothing\n").expect("a file");
    let mut rows = Vec::new();
    for text in texts::all(wanted.scale).iter().filter(|text| text.name.contains(&wanted.word)) {
        let paths = text.write(directory.path()).expect("the text is written");
        let bytes = paths.iter().map(|path| std::fs::metadata(path).map_or(0, |file| file.len())).sum();
        let mut row = Row::new(text, bytes);
        for round in 0..wanted.rounds {
            row.baseline.push(measured(&nothing).0);
            let (run, loading) = measured(&paths);
            row.sluice.push(run);
            row.loading.push(loading);
            row.check.push(run_of(sluice::command().args(["check", "--together"]).args(&paths)));
            // who does not end once is not asked again
            if !wanted.alone && row.rival.last().is_none_or(|run| run.ended) {
                row.rival.extend(rival(text, &paths[0]));
            }
            eprintln!("{} ({}): round {}", text.name, row.program, round + 1);
        }
        rows.push(row);
    }
    Report::new(wanted.rounds, wanted.scale, rows)
}

/// Loads the files in a fresh process.
fn measured(paths: &[PathBuf]) -> (Run, Loading) {
    let mut command = Command::new(std::env::current_exe().expect("a path of our own"));
    command.arg("--load").args(paths).stdout(Stdio::piped());
    let mut child = command.spawn().expect("a process");
    let stdout = child.stdout.take().expect("a pipe");
    let loading = serde_json::from_reader(stdout);
    let (done, _) = system::wait(child).expect("the process is ours");
    assert!(done, "{paths:?} are refused");
    let loading: Loading = loading.expect("a report");
    let seconds = loading.policy_seconds + loading.program_seconds;
    (Run { seconds, user_seconds: loading.user_seconds, peak: loading.peak, ended: true }, loading)
}

/// Loads the file into the kernel: a namespace that holds nothing.
fn rival(text: &Text, path: &Path) -> Option<Run> {
    let namespace = Namespace::new("load");
    let mut command = namespace.command("timeout");
    command.arg("--signal=KILL").arg(PATIENCE.as_secs().to_string());
    match text.rival {
        Rival::Nft => Some(run_of(command.args(["nft", "-f"]).arg(path))),
        Rival::Iptables => Some(run_of(command.arg("iptables-restore").arg(path))),
        Rival::Ipset => None,
    }
}

fn run_of(command: &mut Command) -> Run {
    let start = Instant::now();
    let child = command.stdout(Stdio::null()).spawn().expect("a process");
    let (done, used) = system::wait(child).expect("the process is ours");
    let seconds = start.elapsed().as_secs_f64();
    let ended = seconds < PATIENCE.as_secs_f64();
    assert!(done || !ended, "{command:?} fails");
    Run { seconds, user_seconds: used.user.as_secs_f64(), peak: used.peak, ended }
}

/// How long a process may take before it is killed.
const PATIENCE: Duration = Duration::from_secs(60);
