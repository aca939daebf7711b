//! `make conformance`: how far do the kernel and Sluice agree? Runs the scenarios of a seed and the captures, and writes
//! `docs/conformance.md`.
//!
//! Its settings are variables of the environment: `SEED` (drawn if absent) and `SCENARIOS`. With `CAPTURES`, a folder
//! of pcap files of Ethernet, and `RULESETS`, files apart by spaces or absent for the bundled ones, it only compares
//! those and prints where they differ; `INSIDE` is the address that is protected.
#![expect(clippy::print_stdout, reason = "a program that reports")]

use std::fmt::{self, Write};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use tests::capture::{bundled, frames, records};
use tests::oracle::{Gathered, Ruleset};
use tests::parity::{Deviation, Report, Run, Tally, Trial, bundled_rulesets, deviations};
use tests::sluice::Verdict;
use tests::traffic::timed;
use tests::{Judgement, Oracle, Record, Side, difference};

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
    println!("docs/conformance.md: {} packets", generated.tally.total() + captures.tally.total());
    generated.differences.iter().chain(&captures.refused).for_each(|told| println!("\n{told}"));
    captures.remaining.iter().for_each(|remaining| println!("\n{remaining}"));
    let agree =
        generated.differences.is_empty() && captures.remaining.is_empty() && captures.refused.is_empty();
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What was compared of captures.
#[derive(Default)]
struct Compared {
    tally: Tally,
    /// Packets that a bridge gives to rules otherwise than a host, and that are not asked about.
    left_out: usize,
    remaining: Vec<Remaining>,
    /// Rulesets that somebody refuses.
    refused: Vec<String>,
}

/// A packet that is judged differently.
struct Remaining {
    capture: String,
    rules: String,
    tcp_loose: bool,
    /// From 1.
    number: usize,
    what: String,
    packet: String,
    kernel: Judgement,
    sluice: Verdict,
    /// Whether it is for everybody on the link.
    is_broadcast: bool,
}

impl Remaining {
    /// The deviation it is counted under, if it is one, or what a bridge cannot know.
    fn why(&self) -> String {
        let is_counted =
            |deviation: &Deviation| deviation.counter != "rule" && deviation.counter == self.sluice.reason;
        match deviations().into_iter().find(is_counted) {
            Some(deviation) => deviation.name,
            None if self.is_broadcast => BROADCAST.to_owned(),
            None => "not explained".to_owned(),
        }
    }
}

/// Why such a packet may be judged differently.
const BROADCAST: &str =
    "`addrtype` asks for a broadcast; the bridge that is asked has no address and knows none, a host does";

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { capture, rules, number, what, packet, kernel, sluice, .. } = self;
        let way = if self.tcp_loose { ", loose" } else { "" };
        writeln!(f, "{capture} under {rules}{way}, packet {number}: {what}: {packet}")?;
        writeln!(f, "kernel: {kernel}\nsluice: {sluice:?}\nwhy: {}", self.why())
    }
}

/// The bundled captures under the bundled rulesets.
fn captures(oracle: &mut Oracle) -> Compared {
    let mut compared = Compared::default();
    for name in ["demo.pcap", "mixed.pcap", "protocols.pcap"] {
        let records = records(&bundled(&format!("captures/{name}")));
        compare(oracle, name, &records, &bundled_rulesets(), &mut compared);
    }
    compared
}

/// One capture under these rulesets, strict and loose. Packets follow one another quickly, as the kernel lives in real
/// time.
fn compare(
    oracle: &mut Oracle,
    name: &str,
    records: &[Record],
    rulesets: &[(String, Vec<Ruleset>)],
    compared: &mut Compared,
) {
    let all = timed(records.iter().map(|record| (record.side, record.frame.clone())));
    for (origin, rulesets) in rulesets {
        let gathered = Gathered::by(rulesets);
        let asked = |number: &usize| gathered.is_as_on_a_host(&all[*number]);
        let numbers: Vec<usize> = (0..all.len()).filter(asked).collect();
        for tcp_loose in [false, true] {
            let records: Vec<Record> = numbers.iter().map(|number| all[*number].clone()).collect();
            let (origin, rulesets) = (origin.clone(), rulesets.clone());
            let trial = Trial { origin, rulesets, tcp_loose, records, scenarios: 1 };
            let judged = match trial.judge_twice(oracle) {
                Ok(judged) => judged,
                Err(complaint) => {
                    compared.refused.push(format!("{name} under {}: {complaint}", trial.origin));
                    continue;
                }
            };
            compared.left_out += all.len() - numbers.len();
            let differences = judged.differences(&trial.records);
            compared.tally.add(&trial, &judged, &differences);
            compared.remaining.extend(differences.into_iter().map(|(at, what)| Remaining {
                capture: name.to_owned(),
                rules: trial.origin.clone(),
                tcp_loose,
                number: numbers[at] + 1,
                what,
                packet: difference::describe(&trial.records[at]),
                kernel: judged.kernel[at].clone(),
                sluice: judged.sluice[at].verdict.clone(),
                is_broadcast: trial.records[at].frame[..6] == [0xff; 6],
            }));
        }
    }
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
    let mut compared = Compared::default();
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
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        compare(oracle, &name, &records, &rulesets, &mut compared);
    }
    let mut text = captures_section("The captures", &compared);
    for remaining in &compared.remaining {
        let _ = write!(text, "\n{remaining}");
    }
    println!("{text}");
    compared.refused.iter().for_each(|refused| println!("{refused}"));
    if compared.tally.different() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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

fn page(seed: u64, generated: &Report, captures: &Compared) -> String {
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
    text += "\n## Captures\n\n";
    text += &captures_section("The bundled captures under the bundled rulesets, strict and loose", captures);
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

/// How many packets of captures agree, and each that does not.
fn captures_section(which: &str, compared: &Compared) -> String {
    let (total, different) = (compared.tally.total(), compared.tally.different());
    // in ten thousandths of a percent, rounded down
    let alike = (total - different) * 1_000_000 / total.max(1);
    let mut text = format!(
        "{which}: {total} packets, of which {different} are judged differently: {}.{:04} % agree.",
        alike / 10_000,
        alike % 10_000
    );
    if compared.left_out > 0 {
        let _ = write!(
            text,
            " {} times a fragment was not asked about: where nothing is tracked and rules see packets before routing, a host puts \
             together what comes in of IPv4 behind them, and a bridge, as the one that was asked is, does not.",
            compared.left_out
        );
    }
    text += "\n\n";
    table(&mut text, &compared.tally);
    if compared.remaining.is_empty() {
        text += "\nNone remains to be explained.\n";
        return text;
    }
    text += "\n| capture | rules | packet | the kernel | Sluice | why |\n|---|---|---:|---|---|---|\n";
    for one in &compared.remaining {
        let Remaining { capture, rules, number, kernel, sluice, .. } = one;
        let (way, verdict) =
            (if one.tcp_loose { ", loose" } else { "" }, if kernel.accepted { "accept" } else { "drop" });
        let _ = writeln!(
            text,
            "| {capture} | {rules}{way} | {number} | {verdict}, {} | {}, {}, {} | {} |",
            kernel.state,
            sluice.verdict,
            sluice.ct,
            sluice.reason,
            one.why()
        );
    }
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
