//! How evenly do flows fall on workers? A simulation: flows of several mixes of addresses are dealt by the keyed hash of
//! software steering and by the symmetric hash of network cards; the busiest worker's packets against the mean are what
//! scaling loses.
//!
//! `cargo bench --package tests --bench skew -- [--json FILE] [--markdown FILE]`

#![expect(clippy::print_stdout, reason = "a bench shows what it measures")]

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use dataplane::flow::{FlowHasher, FlowKey, Steering};
use dataplane::packet;
use serde::Serialize;
use tests::capture::{bundled, frames};
use tests::page;
use tests::traffic::Random;

const WORKERS: [usize; 5] = [2, 4, 8, 16, 32];
/// Entries of the redirection table of common cards.
const TABLE: usize = 512;
const FLOWS: usize = 1_000_000;
/// Exponent of the Pareto distribution of flow sizes (Crovella, Bestavros: "Self-Similarity in World Wide Web Traffic",
/// 1997, give 1.1 to 1.3), and the most packets of a flow.
const TAIL: f64 = 1.2;
const LONGEST: f64 = 1e6;

/// The busiest worker's packets against the mean, by numbers of workers.
#[derive(Serialize)]
struct Row {
    flows: String,
    sizes: &'static str,
    hash: &'static str,
    busiest: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let file = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(PathBuf::from)
    };
    let mut rows = Vec::new();
    for (name, keys) in mixes() {
        for (sizes, tail) in [("equal", false), ("heavy-tailed", true)] {
            let mut random = Random::new(7);
            let packets: Vec<f64> =
                keys.iter().map(|_| if tail { pareto(&mut random) } else { 1.0 }).collect();
            for (hash, by_cards) in [("keyed, in software", false), ("symmetric RSS", true)] {
                let busiest = WORKERS.map(|workers| busiest(&keys, &packets, workers, by_cards)).to_vec();
                rows.push(Row { flows: name.clone(), sizes, hash, busiest });
            }
        }
    }
    let table = table(&rows);
    println!("{table}");
    if let Some(path) = file("--json") {
        fs::write(path, serde_json::to_string_pretty(&rows).expect("JSON")).expect("written");
    }
    if let Some(path) = file("--markdown") {
        page::replace(&path, "make bench-skew", &table);
    }
}

fn mixes() -> Vec<(String, Vec<FlowKey>)> {
    let mut random = Random::new(1);
    let tcp = |client: u32, port: u16, server: u32| key(client.into(), port, server.into(), 443);
    let public = (0..FLOWS).map(|_| {
        let (client, port) = (random.next() as u32, 1024 + random.next() as u16 % 64_512);
        tcp(client, port, 0xc000_020a)
    });
    let public = public.collect();
    let proxies =
        (0..FLOWS as u32).map(|n| tcp(0x0a00_0000 + n % 200, 1024 + (n / 200) as u16, 0xc000_0200 + n % 16));
    let proxies = proxies.collect();
    let mut seen = std::collections::HashSet::new();
    let captured = frames(&bundled("captures/demo.pcap"));
    let captured = captured.iter().filter_map(|(_, frame)| FlowKey::of(&packet::parse(&frame[..]).tuple));
    let captured: Vec<FlowKey> = captured.map(|(key, _)| key).filter(|key| seen.insert(*key)).collect();
    vec![
        (format!("{FLOWS} of random clients to one server"), public),
        (format!("{FLOWS} of 200 proxies to 16 servers, ports in turn"), proxies),
        (format!("the {} of the bundled capture", captured.len()), captured),
    ]
}

fn key(low: u128, low_port: u16, high: u128, high_port: u16) -> FlowKey {
    let flow = FlowKey { low, high, low_port, high_port, protocol: 6, version: 4, zone: 0 };
    if (low, low_port) <= (high, high_port) {
        return flow;
    }
    FlowKey { low: high, high: low, low_port: high_port, high_port: low_port, ..flow }
}

fn busiest(keys: &[FlowKey], packets: &[f64], workers: usize, by_cards: bool) -> f64 {
    let mut hasher = FlowHasher::new([1, 2, 3, 4]);
    if by_cards {
        let table: Vec<u16> = (0..TABLE).map(|at| (at % workers) as u16).collect();
        let with_ports = [(4, 6), (4, 17), (6, 6), (6, 17)];
        let steering = Steering::new(0x6d5a, &table, workers, &with_ports).expect("a table of these workers");
        hasher = hasher.steered(steering, workers);
    }
    let mut load = vec![0.0; workers];
    for (key, packets) in keys.iter().zip(packets) {
        load[hasher.hash(key).owner(workers)] += packets;
    }
    let mean = load.iter().sum::<f64>() / workers as f64;
    load.iter().copied().fold(0.0, f64::max) / mean
}

fn table(rows: &[Row]) -> String {
    let mut out = "| flows | sizes | hash |".to_owned();
    WORKERS.iter().for_each(|workers| {
        let _ = write!(out, " {workers} workers |");
    });
    out.push_str("\n|---|---|---|---|---|---|---|---|\n");
    for row in rows {
        let _ = write!(out, "| {} | {} | {} |", row.flows, row.sizes, row.hash);
        row.busiest.iter().for_each(|busiest| {
            let _ = write!(out, " {busiest:.2} |");
        });
        out.push('\n');
    }
    out
}

fn pareto(random: &mut Random) -> f64 {
    let uniform = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    (1.0 - uniform).powf(-1.0 / TAIL).min(LONGEST)
}
