//! How fast is the kernel's own firewall at the same work? nftables with connection tracking in a namespace, on one
//! processor, given frames as fast as it takes them, and `sluice bench`, by turns in the same run.
//!
//! `cargo bench --package tests --features kernel-bench --bench kernel -- [--rounds N] [--json FILE] [--markdown FILE]
//! [WORD]`: only work with WORD in its name. Root, nftables, conntrack, clang and libbpf-dev; `make bench-kernel`
//! installs them.

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

mod frames;
mod network;

use frames::{Frames, Plan};
use network::{FROM_CLIENTS, FROM_SERVER, Room, TO_SERVER};
use serde::Serialize;
use std::path::PathBuf;
use std::process::Command;
use tests::{Namespace, page, sluice};

/// One kind of work.
struct Work {
    name: &'static str,
    /// The rules of the kernel.
    rules: String,
    /// Connections that are open before.
    open: u32,
    flags: u8,
    passes: bool,
    /// What `sluice bench` is asked for.
    sluice: [&'static str; 6],
}

/// What was found.
#[derive(Debug, Serialize)]
struct Row {
    work: &'static str,
    /// Million packets a second of the kernel, its frames made: median, and undisturbed.
    kernel: [f64; 2],
    /// Of making frames alone.
    making: [f64; 2],
    /// Of Sluice, with its ports and its frames made.
    sluice: [f64; 2],
    /// Of bare forwarding over the same ports.
    floor: [f64; 2],
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (mut rounds, mut json, mut markdown, mut word) = (5, None::<PathBuf>, None::<PathBuf>, String::new());
    let mut inside = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} wants a value"));
        match argument.as_str() {
            "--inside" => inside = true,
            "--rounds" => rounds = value().parse().expect("a number of rounds"),
            "--json" => json = Some(value().into()),
            "--markdown" => markdown = Some(value().into()),
            "--bench" => {}
            text => text.clone_into(&mut word),
        }
    }
    if !inside {
        let _room = Room::make(CONNECTIONS);
        let router: Namespace = network::router();
        let mut again = router.command(std::env::current_exe().expect("a path of our own"));
        let done = again.arg("--inside").args(std::env::args_os().skip(1)).status().expect("a process");
        // what the namespace holds goes first
        drop(router);
        assert!(done.success(), "the bench inside the namespace fails");
        return;
    }
    let frames = Frames::load();
    let rows: Vec<Row> = works()
        .iter()
        .filter(|work| work.name.contains(&word))
        .map(|work| measure(work, &frames, rounds))
        .collect();
    let table = table(&rows);
    println!("{table}");
    if let Some(path) = json {
        let json = serde_json::to_string_pretty(&rows).expect("figures");
        std::fs::write(path, json + "\n").expect("the figures are written");
    }
    if let Some(path) = markdown {
        page::replace(&path, "make bench-kernel", &format!("{}\n\n{table}", page::machine()));
    }
}

fn works() -> Vec<Work> {
    let established = |name, flows, text| Work {
        name,
        rules: network::stateful(20, true),
        open: flows,
        flags: ACK,
        passes: true,
        sluice: ["--mix", "established", "--rules", "20", "--flows", text],
    };
    let first = |name, rules, passes, sluice| Work { name, rules, open: 0, flags: SYN, passes, sluice };
    vec![
        established("established, 1,000 flows", 1_000, "1000"),
        established("established, 100,000 flows", 100_000, "100000"),
        established("established, 1,000,000 flows", 1_000_000, "1000000"),
        first(
            "SYN flood, each stored, 20 rules",
            network::stateful(20, true),
            true,
            ["--mix", "syn-flood", "--rules", "20", "--flows", "1000000"],
        ),
        first(
            "SYN flood, each stored, 1,000 rules",
            network::stateful(1_000, true),
            true,
            ["--mix", "syn-flood", "--rules", "1000", "--flows", "1000000"],
        ),
        first("denied, 20 rules", network::stateful(20, false), false, DENIED_BY_20),
        first(
            "denied, 1,000 rules",
            network::stateful(1_000, false),
            false,
            ["--mix", "deny", "--rules", "1000", "--flows", "1000000"],
        ),
        first(
            "denied, in the kernel at netdev ingress without tracking",
            network::ingress(),
            false,
            DENIED_BY_20,
        ),
    ]
}

fn measure(work: &Work, frames: &Frames, rounds: usize) -> Row {
    network::rule(&work.rules);
    let plan =
        |device, reply, flags, next| Plan { device, drawn_of: None, next, reply, flags, dropped: false };
    if work.open > 0 {
        for (device, reply, flags) in
            [(FROM_CLIENTS, false, SYN), (FROM_SERVER, true, SYN | ACK), (FROM_CLIENTS, false, ACK)]
        {
            frames.run(&plan(device, reply, flags, 0), work.open);
        }
    }
    let judged =
        Plan { drawn_of: (work.open > 0).then_some(work.open), ..plan(FROM_CLIENTS, false, work.flags, 0) };
    let (mut kernel, mut making) = (Vec::new(), Vec::new());
    let (mut sluice, mut floor) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    let mut next = 0;
    for round in 0..rounds {
        for _ in 0..CHUNKS {
            making.push(frames.run(&Plan { dropped: true, next, ..judged }, CHUNK).as_nanos() as f64);
            let before = frames::left_by(TO_SERVER);
            kernel.push(frames.run(&Plan { next, ..judged }, CHUNK).as_nanos() as f64);
            let left = frames::left_by(TO_SERVER) - before;
            assert_eq!(left, if work.passes { CHUNK.into() } else { 0 }, "{}: what the rules say", work.name);
            next += CHUNK;
        }
        let run = own(&work.sluice);
        for (at, key) in ["", "_p10"].into_iter().enumerate() {
            let number = |name: &str| run[format!("{name}{key}")].as_f64().expect("a figure");
            sluice[at].push(number("mpps"));
            floor[at].push(number("mpps") * number("ratio_to_floor"));
        }
        eprintln!("{}: round {}", work.name, round + 1);
    }
    let mpps = |nanoseconds: &mut Vec<f64>| {
        nanoseconds.sort_by(f64::total_cmp);
        [nanoseconds.len() / 2, nanoseconds.len() / 10].map(|at| 1e3 / nanoseconds[at].max(1.0))
    };
    Row {
        work: work.name,
        kernel: mpps(&mut kernel),
        making: mpps(&mut making),
        sluice: sluice.map(page::median),
        floor: floor.map(page::median),
    }
}

/// `sluice bench`, for a short time.
fn own(arguments: &[&str]) -> serde_json::Value {
    let mut command: Command = sluice::command();
    let output =
        command.args(["bench", "--json", "--seconds", "0.5"]).args(arguments).output().expect("it starts");
    serde_json::from_str(&sluice::expect_done(&output)).expect("figures")
}

fn table(rows: &[Row]) -> String {
    let mut out = String::from(
        "| work | kernel | of it, making frames alone | Sluice | of it, ports and frames alone | times as fast | without frames and ports |\n|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let both = |figures: [f64; 2]| format!("{:.2} / {:.2}", figures[1], figures[0]);
        // microseconds a packet, less those of what is not the firewall
        let alone = |whole: [f64; 2], rest: [f64; 2]| [0, 1].map(|at| 1.0 / whole[at] - 1.0 / rest[at]);
        let (kernel, own) = (alone(row.kernel, row.making), alone(row.sluice, row.floor));
        let times = [0, 1].map(|at| row.sluice[at] / row.kernel[at]);
        let ratio = [0, 1].map(|at| kernel[at] / own[at]);
        out.push_str(&format!(
            "| {} | {} | {} | {} | {} | {:.1} / {:.1} | {:.1} / {:.1} |\n",
            row.work,
            both(row.kernel),
            both(row.making),
            both(row.sluice),
            both(row.floor),
            times[1],
            times[0],
            ratio[1],
            ratio[0]
        ));
    }
    out
}

const SYN: u8 = 2;
const ACK: u8 = 16;
const DENIED_BY_20: [&str; 6] = ["--mix", "deny", "--rules", "20", "--flows", "1000000"];
/// Frames in a chunk, and chunks of a round.
const CHUNK: u32 = 20_000;
const CHUNKS: usize = 10;
/// Room for the connections of the largest work.
const CONNECTIONS: u32 = 2_000_000;
