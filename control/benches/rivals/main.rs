//! How fast are the parts that decide, beside the best of what else there is? In the same process and by turns.
//!
//! `cargo bench --package control --bench rivals -- [--seconds S] [--flows N,..] [--rules N,..] [--sluice PROGRAM]
//! [--json FILE] [--markdown PAGE] [--from FILE] [WORD]`: `WORD` is `loops`, `lookups`, `joining` or `classifying`,
//! without it all; `loops` and `joining` need the program. `--from` takes figures of an earlier run, to write the page
//! anew.

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

mod account;
mod classifying;
mod duel;
mod joining;
mod lookups;
mod loops;
mod page;
mod plots;
mod rulesets;

use dpdk::{Eal, EalConfig, Memory};
use rulesets::Kind;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Everything measured.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    machine: Machine,
    loops: Vec<loops::Loop>,
    lookups: Vec<lookups::Lookups>,
    classifying: Vec<classifying::Classifying>,
    #[serde(default)]
    joining: Vec<joining::Joining>,
}

/// Where.
#[derive(Debug, Serialize, Deserialize)]
struct Machine {
    cpu: String,
    cpus: usize,
    tsc_hz: u64,
    kernel: String,
    dpdk: String,
    /// Whether DPDK's tables lie in huge pages, as all others do.
    dpdk_huge_pages: bool,
}

fn main() {
    // malloc asks for huge pages for everybody's tables, if it is told so before it starts
    const TUNABLE: (&str, &str) = ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
    if std::env::var_os(TUNABLE.0).is_none() {
        let mut again = Command::new(std::env::current_exe().expect("a path of our own"));
        let done = again.args(std::env::args_os().skip(1)).env(TUNABLE.0, TUNABLE.1).status();
        std::process::exit(done.ok().and_then(|status| status.code()).unwrap_or(1));
    }
    let mut arguments = std::env::args().skip(1);
    let (mut seconds, mut word) = (2.0, String::new());
    let (mut json, mut markdown, mut from, mut program) = (None, None, None::<String>, None);
    let mut flows = vec![1_000, 100_000, 1_000_000, 10_000_000];
    let mut rules = vec![10, 100, 1_000, 10_000, 100_000];
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        let numbers = |list: &str| list.split(',').map(|n| n.parse::<u32>().expect("a number")).collect();
        match argument.as_str() {
            "--seconds" => seconds = value().parse().expect("seconds"),
            "--json" => json = Some(value()),
            "--markdown" => markdown = Some(value()),
            "--from" => from = Some(value()),
            "--sluice" => program = Some(value()),
            "--flows" => flows = numbers(&value()),
            "--rules" => rules = numbers(&value()),
            "--bench" => {}
            other => word = other.to_owned(),
        }
    }
    if let Some(path) = from {
        let text = fs::read_to_string(path).expect("figures of an earlier run");
        let measured = serde_json::from_str(&text).expect("figures of an earlier run");
        return page::write(&measured, Path::new(&markdown.expect("--markdown says where to")));
    }
    let wants = |part: &str| word.is_empty() || word == part;
    // before EAL is here, and memory is set aside
    let loops = match &program {
        Some(program) if wants("loops") => loops::measure(program, seconds, &flows, &rules),
        _ => Vec::new(),
    };
    let joining = match &program {
        Some(program) if wants("joining") => joining::measure(program, seconds, &rules),
        _ => Vec::new(),
    };
    let length = Duration::from_secs_f64(seconds);
    let set_aside = Reserved::pages(HUGE_PAGES);
    let memory = if set_aside.enough { Memory::HugePages } else { Memory::OrdinaryPages { megabytes: 1600 } };
    let config = EalConfig::new().memory(memory).argument("--force-max-simd-bitwidth=512");
    let eal = Eal::init(&config).expect("EAL starts");
    let mut measured = Measured {
        machine: Machine::of_this(&eal, set_aside.enough),
        loops,
        lookups: Vec::new(),
        classifying: Vec::new(),
        joining,
    };
    if wants("lookups") {
        for flows in flows {
            let found = lookups::measure(&eal, flows, length);
            println!("{}", serde_json::to_string(&found).expect("figures"));
            measured.lookups.push(found);
        }
    }
    if wants("classifying") {
        for (kind, count) in [Kind::Whitelist, Kind::Acl, Kind::Nested]
            .into_iter()
            .flat_map(|kind| rules.iter().map(move |n| (kind, *n)))
        {
            let found = classifying::measure(&eal, kind, count as usize, length);
            println!("{}", serde_json::to_string(&found).expect("figures"));
            measured.classifying.push(found);
        }
    }
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(&measured).expect("figures");
        fs::write(path, text + "\n").expect("the figures are written");
    }
    if let Some(path) = markdown {
        page::write(&measured, Path::new(&path));
    }
}

impl Machine {
    fn of_this(eal: &Eal, dpdk_huge_pages: bool) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            cpu: cpu.map_or("unknown", |(_, name)| name).to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            tsc_hz: eal.cycles_per_second(),
            kernel: kernel.trim().to_owned(),
            dpdk: dpdk::version(),
            dpdk_huge_pages,
        }
    }
}

/// Huge pages set aside for DPDK while this lives, if the system lets us.
struct Reserved {
    before: Option<String>,
    enough: bool,
}

impl Reserved {
    fn pages(wanted: u64) -> Self {
        let read = || fs::read_to_string(NR_HUGEPAGES).ok().map(|text| text.trim().to_owned());
        let count = || read().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let before = read();
        if count() < wanted {
            // refused without the right to: then ordinary pages do
            let _ = fs::write(NR_HUGEPAGES, wanted.to_string());
        }
        Self { before, enough: count() >= wanted }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = fs::write(NR_HUGEPAGES, before);
        }
    }
}

const NR_HUGEPAGES: &str = "/proc/sys/vm/nr_hugepages";
/// Of 2 MiB: for a table of ten million entries, and classifiers.
const HUGE_PAGES: u64 = 640;
