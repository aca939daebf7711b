//! `make conformance`: how far do the kernel and Sluice agree? Runs the scenarios of a seed and the captures, and writes
//! `docs/conformance.md`.
//!
//! Its settings are variables of the environment: `SEED` (drawn if absent) and `SCENARIOS`. With `CAPTURES`, a folder
//! of pcap files of Ethernet, and `RULESETS`, files apart by spaces or absent for the bundled ones, it only compares
//! those and prints where they differ; `INSIDE` is the address that is protected.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::fmt::Write;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use tests::capture::{bundled, frames, is_fragment, records};
use tests::oracle::Ruleset;
use tests::parity::{Deviation, Report, Run, Tally, Trial, bundled_rulesets, deviations};
use tests::traffic::timed;
use tests::{Oracle, Record, Side, difference};

fn main() -> ExitCode {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let seed = number("SEED").unwrap_or(now % 1_000_000_000);
    let scenarios = number("SCENARIOS").unwrap_or(10_000) as usize;
    let mut oracle = Oracle::new("eth0");
    if let Some(folder) = std::env::var_os("CAPTURES") {
        return compare_folder(&mut oracle, Path::new(&folder));
    }
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
    for name in ["demo.pcap", "mixed.pcap", "protocols.pcap"] {
        let mut records = records(&bundled(&format!("captures/{name}")));
        // a bridge does not put together what a host does, and the scenarios have fragments of every kind
        records.retain(|record| !is_fragment(&record.frame) && !is_behind_options(&record.frame));
        for told in compare(oracle, name, &records, &bundled_rulesets(), &mut tally) {
            println!("{told}");
        }
    }
    tally
}

/// Whether the part of a datagram that an IPv6 packet carries is behind options.
fn is_behind_options(frame: &[u8]) -> bool {
    let (mut next, mut at) = (frame.get(20), 54);
    while let (Some(0 | 43 | 60), Some(&[following, length])) = (next, frame.get(at..at + 2)) {
        next = frame.get(at);
        at += 8 * (usize::from(length) + 1);
        if following == 44 {
            return frame.get(12..14) == Some(&[0x86, 0xdd]);
        }
    }
    false
}

/// One capture under these rulesets, strict and loose; says each packet that is judged differently. Packets follow one
/// another quickly, as the kernel lives in real time.
fn compare(
    oracle: &mut Oracle,
    name: &str,
    records: &[Record],
    rulesets: &[(String, Vec<Ruleset>)],
    tally: &mut Tally,
) -> Vec<String> {
    let mut told = Vec::new();
    let records = timed(records.iter().map(|record| (record.side, record.frame.clone())));
    for (origin, rulesets) in rulesets {
        for tcp_loose in [false, true] {
            let (origin, rulesets, records) = (origin.clone(), rulesets.clone(), records.clone());
            let trial = Trial { origin, rulesets, tcp_loose, records, scenarios: 1 };
            let judged = match trial.judge(oracle) {
                Ok(judged) => judged,
                Err(complaint) => {
                    told.push(format!("{name} under {}: {complaint}", trial.origin));
                    continue;
                }
            };
            let differences = judged.differences(&trial.records);
            tally.add(&trial, &judged, &differences);
            told.extend(differences.iter().map(|(at, what)| {
                let (kernel, sluice) = (&judged.kernel[*at], &judged.sluice[*at].verdict);
                let packet = difference::describe(&trial.records[*at]);
                let way = if tcp_loose { ", loose" } else { "" };
                format!(
                    "{name} under {}{way}, packet {}: {what}: {packet}\nkernel: {kernel}\nsluice: {sluice:?}\n",
                    trial.origin,
                    at + 1
                )
            }));
        }
    }
    told
}

/// Somebody's captures under somebody's rulesets.
fn compare_folder(oracle: &mut Oracle, folder: &Path) -> ExitCode {
    let inside = std::env::var("INSIDE").ok().and_then(|text| text.parse().ok());
    let read = |path: &str| fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let given = std::env::var("RULESETS").unwrap_or_default();
    let files = given.split_whitespace().map(|path| (path.to_owned(), vec![ruleset(read(path))]));
    let mut rulesets: Vec<_> = files.collect();
    if rulesets.is_empty() {
        rulesets = bundled_rulesets();
    }
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("readable").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "pcap"));
    paths.sort();
    let mut tally = Tally::default();
    for path in paths {
        let frames = frames(&path);
        let Some(inside) =
            inside.or_else(|| frames.iter().find_map(|(_, frame)| ends(frame).map(|(_, to)| to)))
        else {
            println!("{}: nothing of IP", path.display());
            continue;
        };
        let is_inside = |frame: &[u8]| ends(frame).is_some_and(|(from, _)| from == inside);
        let side = |frame: &[u8]| if is_inside(frame) { Side::Inside } else { Side::Outside };
        let before = frames.len();
        let records: Vec<Record> = frames
            .into_iter()
            .filter(|(_, frame)| (14..=LONGEST).contains(&frame.len()))
            .map(|(time, frame)| Record { side: side(&frame), time, frame: with_addresses(frame) })
            .collect();
        if records.len() < before {
            println!("{}: {} frames no device would send", path.display(), before - records.len());
        }
        for told in compare(oracle, &path.display().to_string(), &records, &rulesets, &mut tally) {
            println!("{told}");
        }
    }
    let mut text =
        format!("{} packets, of which {} are judged differently\n\n", tally.total(), tally.different());
    table(&mut text, &tally);
    println!("{text}");
    if tally.different() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// With Ethernet addresses that a bridge lets through, if it carries IP to one host.
fn with_addresses(mut frame: Vec<u8>) -> Vec<u8> {
    let is_bridged = frame[6] & 1 == 0 && frame[6..12] != [0; 6] && frame[..6] != [0; 6];
    if !is_bridged {
        frame[..12].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]);
    }
    frame
}

/// The longest frame of an Ethernet device with a VLAN tag.
const LONGEST: usize = 1518;

/// Source and destination of an IP packet in Ethernet.
fn ends(frame: &[u8]) -> Option<(IpAddr, IpAddr)> {
    let v4 = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(frame.get(at..at + 4)?).ok()?));
    let v6 = |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(frame.get(at..at + 16)?).ok()?));
    match frame.get(12..14)? {
        [8, 0] => Some((v4(26)?, v4(30)?)),
        [0x86, 0xdd] => Some((v6(22)?, v6(38)?)),
        _ => None,
    }
}

/// What a file is: nft's, or a dump of iptables, or of ip6tables, which says so in its first line.
fn ruleset(text: String) -> Ruleset {
    let is_dump = text.lines().any(|line| line.starts_with('*'));
    match is_dump {
        false => Ruleset::Nft(text),
        true if text.lines().next().is_some_and(|line| line.contains("ip6tables")) => {
            Ruleset::Ip6tables(text)
        }
        true => Ruleset::Iptables(text),
    }
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
    let _ = writeln!(
        text,
        "\nIn some scenarios rules limit connections. {} packets were refused because it could not be told how many the kernel \
         would count (a deviation, below); what came behind them under the same rules, {} packets, is not compared.",
        tally.unsure, tally.behind
    );
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
What a firewall between two cables does not do is under \"The scope of a wire\" there.
";

const HEAD: &str = "# Conformance

How far do the Linux kernel and Sluice agree? This page is written by `make conformance`, which asks both about every packet:
verdict, ct state, the rule that drops and the answer to a refused packet must be the same. `make parity` runs other seeds and
shows the first difference with both explanations.

## Scenarios

";
