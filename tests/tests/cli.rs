//! What does the program promise on the command line? Verdict files, counts, messages, exit statuses, and
//! which stream says what.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use tests::capture::{self, BUNDLED_INSIDE, bundled};
use tests::sluice::{self, Verdict, expect_done};

/// The bundled rulesets, each with its column in `demo.verdicts.tsv`.
const RULESETS: [(&[&str], usize); 4] = [
    (&["stateless.nft"], 2),
    (&["stateful.nft"], 3),
    (&["stateless.iptables", "stateless.ip6tables"], 2),
    (&["stateful.iptables", "stateful.ip6tables"], 3),
];

fn path(name: &str) -> String {
    bundled(name).display().to_string()
}

/// `replay` of a capture under bundled rulesets.
fn replay(rules: &[&str], capture: &str, more: &[&str]) -> Output {
    let mut arguments = vec!["replay".to_owned()];
    for file in rules {
        arguments.extend(["--rules".to_owned(), path(&format!("rulesets/{file}"))]);
    }
    arguments.extend(["--pcap", capture, "--inside", BUNDLED_INSIDE].map(str::to_owned));
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    sluice::run(arguments)
}

fn verdicts(rules: &[&str], capture: &str, more: &[&str]) -> Vec<Verdict> {
    let more: Vec<&str> = ["--verdicts", "-"].iter().chain(more).copied().collect();
    sluice::verdicts(&expect_done(&replay(rules, capture, &more)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Refused: status 1, nothing on stdout, and one line that says so, without panic or backtrace.
fn expect_refusal(output: &Output, part: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "stdout: {}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("sluice: ") && said.contains(part), "{said}");
    expect_no_panic(&said);
}

fn expect_no_panic(said: &str) {
    assert!(!said.contains("panicked") && !said.contains("backtrace") && !said.contains("EAL:"), "{said}");
}

#[test]
fn a_verdict_file_has_a_line_for_each_packet() {
    let demo = path("captures/demo.pcap");
    let lines = verdicts(&["stateful.nft"], &demo, &[]);
    let records = capture::records(Path::new(&demo));
    assert_eq!(lines.len(), records.len());
    for (number, line) in (1..).zip(&lines) {
        assert_eq!(line.n, number);
        assert!(["in", "out"].contains(&line.dir.as_str()), "{line:?}");
        assert!(["accept", "drop", "reject"].contains(&line.verdict.as_str()), "{line:?}");
        let states = ["new", "established", "related", "invalid", "untracked", "none"];
        assert!(states.contains(&line.ct.as_str()), "{line:?}");
        assert!(!line.reason.is_empty(), "{line:?}");
        assert!(line.comment.is_none() || line.rule.is_some(), "{line:?}");
    }
    let probe =
        lines.iter().find(|line| line.reason == "tcp-flags" && line.dir == "in").expect("a NULL probe");
    assert_eq!(probe.rule.as_deref(), Some("inet filter input 2"));
    assert_eq!(probe.comment.as_deref(), Some("no connection stands behind it"));
}

#[test]
fn the_verdicts_are_the_kernels() {
    let table = fs::read_to_string(bundled("captures/demo.verdicts.tsv")).expect("readable");
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|row| row.split('\t').collect()).collect();
    for (rules, column) in RULESETS {
        let lines = verdicts(rules, &path("captures/demo.pcap"), &[]);
        assert_eq!(lines.len(), rows.len());
        for (line, row) in lines.iter().zip(&rows) {
            assert_eq!(line.verdict, row[column], "{rules:?}: {row:?}, {line:?}");
        }
    }
}

#[test]
fn the_number_of_workers_changes_no_byte() {
    let directory = TempDir::new().expect("a directory");
    for (rules, capture) in
        [("stateful.nft", "demo.pcap"), ("stateless.nft", "demo.pcap"), ("stateful.nft", "mixed.pcap")]
    {
        let files: Vec<Vec<u8>> = ["1", "2", "4"]
            .iter()
            .map(|workers| {
                let file = directory.path().join(workers);
                let name = file.display().to_string();
                let capture = path(&format!("captures/{capture}"));
                expect_done(&replay(&[rules], &capture, &["--verdicts", &name, "--workers", workers]));
                fs::read(file).expect("written")
            })
            .collect();
        assert!(!files[0].is_empty());
        assert_eq!(files[0], files[1], "{rules}, {capture}: 1 and 2 workers");
        assert_eq!(files[0], files[2], "{rules}, {capture}: 1 and 4 workers");
    }
}

#[test]
fn what_passed_and_what_did_not_are_the_whole_input() {
    let directory = TempDir::new().expect("a directory");
    let [pass, drop] = ["pass", "drop"].map(|name| directory.path().join(name).display().to_string());
    let demo = path("captures/demo.pcap");
    let lines = verdicts(&["stateful.nft"], &demo, &["--pass", &pass, "--drop", &drop]);
    let input = capture::frames(Path::new(&demo));
    let of = |accepted: bool| {
        let both = input.iter().zip(&lines);
        both.filter(|(_, line)| (line.verdict == "accept") == accepted)
            .map(|(frame, _)| frame.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(capture::frames(Path::new(&pass)), of(true));
    assert_eq!(capture::frames(Path::new(&drop)), of(false));
}

/// How many packets each file of `formats/` has, and how the replay of it ends.
const FORMATS: &[(&str, Result<usize, &str>)] = &[
    ("big-endian.pcap", Ok(36)),
    ("cut-in-header.pcap", Err("damaged before the first frame")),
    ("cut-in-record.pcap", Err("damaged behind frame 23")),
    ("ethernet.pcap", Ok(36)),
    ("ethernet.pcapng", Ok(36)),
    ("garbage-after-header.pcap", Err("damaged before the first frame")),
    ("garbage.pcap", Err("is neither a pcap nor a pcapng file")),
    ("header-only.pcap", Ok(0)),
    ("jumbo.pcap", Ok(12)),
    ("loop.pcap", Ok(34)),
    ("nanoseconds.pcap", Ok(36)),
    ("null-big-endian.pcap", Ok(34)),
    ("null.pcap", Ok(34)),
    ("qinq.pcap", Ok(36)),
    ("raw-ip.pcap", Ok(34)),
    ("record-too-long.pcap", Err("damaged before the first frame")),
    ("sll.pcap", Ok(36)),
    ("sll2.pcap", Ok(36)),
    ("snaplen-60.pcap", Ok(36)),
    ("two-links.pcapng", Ok(34)),
    ("vlan.pcap", Ok(36)),
    ("wrong-link-header-only.pcap", Err("link type 105")),
    ("wrong-link.pcap", Err("link type 105")),
    ("zero-bytes.pcap", Err("the file is empty")),
];

#[test]
fn every_format_is_replayed_or_refused() {
    let entries = fs::read_dir(bundled("captures/formats")).expect("readable");
    let mut found: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    found.sort();
    assert_eq!(found, FORMATS.iter().map(|(name, _)| *name).collect::<Vec<_>>());
    for (name, expected) in FORMATS {
        let output = replay(&["stateful.nft"], &path(&format!("captures/formats/{name}")), &["--json"]);
        let said = stderr(&output);
        expect_no_panic(&said);
        match expected {
            Ok(packets) => {
                let summary: Value = serde_json::from_str(&expect_done(&output)).expect("one JSON object");
                assert_eq!(summary["packets"].as_u64(), Some(*packets as u64), "{name}");
                let accepted = if *name == "snaplen-60.pcap" { 2 } else { *packets };
                assert_eq!(
                    summary["verdicts"]["accept"].as_u64(),
                    Some(accepted as u64),
                    "{name}: {summary}"
                );
                let warned = *name == "snaplen-60.pcap";
                assert_eq!(said.contains("cut short"), warned, "{name}: {said}");
            }
            Err(part) => {
                assert_eq!(output.status.code(), Some(1), "{name}: {said}");
                assert_eq!(said.lines().count(), 1, "{name}: {said}");
                assert!(
                    said.starts_with("sluice: ") && said.contains(name) && said.contains(part),
                    "{name}: {said}"
                );
            }
        }
    }
}

#[test]
fn a_damaged_capture_is_judged_as_far_as_it_goes() {
    let output =
        replay(&["stateful.nft"], &path("captures/formats/cut-in-record.pcap"), &["--verdicts", "-"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sluice::verdicts(&String::from_utf8_lossy(&output.stdout)).len(), 23);
}

#[test]
fn input_that_cannot_be_read_is_named() {
    let demo = path("captures/demo.pcap");
    let rules = path("rulesets/stateful.nft");
    let there =
        |arguments: &[&str]| sluice::run([&["replay"], arguments, &["--inside", BUNDLED_INSIDE]].concat());
    expect_refusal(&there(&["--rules", "/no/such/file", "--pcap", &demo]), "/no/such/file");
    expect_refusal(&there(&["--rules", &path("rulesets"), "--pcap", &demo]), "is a directory");
    expect_refusal(&there(&["--rules", &demo, "--pcap", &demo]), "is not text");
    expect_refusal(&there(&["--rules", &rules, "--pcap", "/no/such/file"]), "/no/such/file");
    expect_refusal(&there(&["--rules", &rules, "--pcap", &path("captures")]), "is a directory");
    let verdicts = ["--rules", &rules, "--pcap", &demo, "--verdicts", "/no/such/directory/file"];
    expect_refusal(&there(&verdicts), "/no/such/directory/file");
}

#[test]
fn wrong_usage_has_a_status_of_its_own() {
    let (demo, rules) = (path("captures/demo.pcap"), path("rulesets/stateful.nft"));
    let wrong: [&[&str]; 7] = [
        &["nonsense"],
        &["replay"],
        &["replay", "--rules", &rules, "--pcap", &demo],
        &["replay", "--rules", &rules, "--pcap", &demo, "--inside", "192.0.2.0/33"],
        &["replay", "--rules", &rules, "--pcap", &demo, "--inside", BUNDLED_INSIDE, "--workers", "0"],
        &["replay", "--rules", &rules, "--outside-pcap", &demo],
        &["check"],
    ];
    for arguments in wrong {
        let output = sluice::run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
        expect_no_panic(&stderr(&output));
    }
}

/// A file of five mistakes of different kinds; line, column and what is wrong.
const FIVE_MISTAKES: &str = "table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		tcp dprot 22 accept
		ip saddr 300.1.2.3 accept
		ct state bogus accept
		jump nowhere
		udp dport 70000 accept
	}
}
";

fn written(directory: &TempDir, name: &str, text: &str) -> String {
    let file = directory.path().join(name);
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

#[test]
fn every_mistake_of_a_ruleset_is_found_in_one_run() {
    let directory = TempDir::new().expect("a directory");
    let file = written(&directory, "five.nft", FIVE_MISTAKES);
    let output = sluice::run(["check", &file]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = stderr(&output);
    expect_no_panic(&said);
    for place in ["4:7", "5:12", "6:12", "7:8", "8:13"] {
        assert!(said.contains(&format!("{file}:{place}: ")), "nothing about {place}:\n{said}");
    }
    assert!(said.contains("5 errors"), "{said}");

    let output = sluice::run(["check", "--json", &file]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(report["ok"], Value::Bool(false));
    let lines: Vec<u64> = report["errors"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|error| error["line"].as_u64())
        .collect();
    assert_eq!(lines, [4, 5, 6, 7, 8]);
}

#[test]
fn check_accepts_the_bundled_rulesets_and_prints_them_as_they_mean() {
    let directory = TempDir::new().expect("a directory");
    for (files, _) in RULESETS {
        let files: Vec<String> = files.iter().map(|file| path(&format!("rulesets/{file}"))).collect();
        for file in &files {
            let output = sluice::run(["check", file]);
            assert!(!expect_done(&output).is_empty());
            assert!(output.stderr.is_empty(), "{}", stderr(&output));
        }
        let printed = expect_done(&sluice::run(["check", "--print", &files[0]]));
        let again = written(&directory, "printed.nft", &printed);
        assert_eq!(expect_done(&sluice::run(["check", "--print", &again])), printed, "{files:?}");
    }
}

#[test]
fn compare_counts_what_two_replays_say() {
    let demo = path("captures/demo.pcap");
    let [first, second] = ["stateless.nft", "stateful.nft"].map(|name| path(&format!("rulesets/{name}")));
    let arguments =
        ["compare", "--rules", &first, "--against", &second, "--pcap", &demo, "--inside", BUNDLED_INSIDE];
    let report: Value =
        serde_json::from_str(&expect_done(&sluice::run([&arguments[..], &["--json"]].concat())))
            .expect("JSON");
    let mut expected = BTreeMap::<(bool, bool), u64>::new();
    let accepted = |rules| verdicts(&[rules], &demo, &[]).into_iter().map(|line| line.verdict == "accept");
    for pair in accepted("stateless.nft").zip(accepted("stateful.nft")) {
        *expected.entry(pair).or_default() += 1;
    }
    let count = |pair| Some(expected.get(&pair).copied().unwrap_or(0));
    assert_eq!(report["packets"].as_u64(), Some(716));
    assert_eq!(report["both_pass"].as_u64(), count((true, true)));
    assert_eq!(report["both_stop"].as_u64(), count((false, false)));
    for (key, pair) in [("only_first_passes", (true, false)), ("only_second_passes", (false, true))] {
        assert_eq!(report[key]["packets"].as_u64(), count(pair), "{key}");
        let classes = report[key]["classes"].as_array().expect("a list");
        let sum: u64 = classes.iter().filter_map(|class| class["packets"].as_u64()).sum();
        assert_eq!(Some(sum), count(pair), "the classes of {key} add up");
    }
    // The table of the captures' README: all 216 are probes, forgeries and calls out.
    assert_eq!(report["only_first_passes"]["packets"].as_u64(), Some(216));
    let text = expect_done(&sluice::run(arguments));
    assert!(text.contains("216") && text.contains("stateless.nft") && !text.contains('\u{1b}'), "{text}");
}

/// The least settings of a run between two devices.
fn settings(directory: &TempDir, [device, other]: [&str; 2], more: &str) -> PathBuf {
    written(directory, "rules.nft", "table inet t {\n}\n");
    let name = |device: &str| device.split(',').next().unwrap_or_default().to_owned();
    let text = format!(
        "[eal]\nfile-prefix = \"sluice-test-{}\"\ndevices = [\"{device}\", \"{other}\"]\n{more}\n\
         [[wire]]\nname = \"w\"\nrole = \"guard\"\noutside = \"{}\"\ninside = \"{}\"\n\
         [rules]\nfiles = [\"rules.nft\"]\n",
        std::process::id(),
        name(device),
        name(other)
    );
    written(directory, "sluice.toml", &text).into()
}

fn run(config: &Path) -> Output {
    sluice::run(["run", "--config", &config.display().to_string()])
}

#[test]
fn a_wrong_configuration_is_refused_at_its_place() {
    let directory = TempDir::new().expect("a directory");
    let config = settings(&directory, ["net_pcap0", "net_pcap1"], "memroy = \"64 MiB\"");
    let output = run(&config);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let said = stderr(&output);
    assert!(
        said.contains("sluice.toml:4:1: ") && said.contains("memroy") && said.contains("memory"),
        "{said}"
    );
    expect_no_panic(&said);
    expect_refusal(&run(Path::new("/no/such/file")), "/no/such/file");
}

#[test]
fn a_port_that_cannot_be_opened_is_named() {
    let directory = TempDir::new().expect("a directory");
    let capture = format!("net_pcap1,rx_pcap={}", path("captures/demo.pcap"));
    for (device, other) in [
        ("net_pcap0,rx_pcap=/no/such/file", capture.as_str()),
        ("net_af_packet0,iface=nosuchdevice", "net_null1"),
        ("net_nosuch0", "net_null1"),
    ] {
        let output = run(&settings(&directory, [device, other], ""));
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{device}: {said}");
        assert!(output.stdout.is_empty(), "{device}");
        let name = device.split(',').next().unwrap_or_default();
        let last = said.lines().last().unwrap_or_default();
        assert!(last.starts_with("sluice: ") && last.contains(name), "{device}: {said}");
        assert!(!said.contains("panicked"), "{device}: {said}");
    }
}

#[test]
fn data_and_talk_go_by_different_streams() {
    let demo = path("captures/demo.pcap");
    let output = replay(&["stateful.nft"], &demo, &["--verdicts", "-", "--json"]);
    let lines = sluice::verdicts(&expect_done(&output));
    assert_eq!(lines.len(), 716);
    let summary: Value =
        serde_json::from_str(stderr(&output).lines().last().unwrap_or_default()).expect("JSON");
    assert_eq!(summary["packets"].as_u64(), Some(716));
    let count = |keys: &[&str]| keys.iter().filter_map(|key| summary["verdicts"][*key].as_u64()).sum::<u64>();
    assert_eq!(count(&["accept", "drop", "reject"]), 716);
    let states: u64 = summary["ct"].as_object().expect("an object").values().filter_map(Value::as_u64).sum();
    assert_eq!(states, 716);
    assert!(summary["packets_per_second"].is_u64());

    let output = replay(&["stateful.nft"], &demo, &["--json"]);
    assert!(serde_json::from_str::<Value>(&expect_done(&output)).is_ok());
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn colours_stay_away_when_they_are_not_wanted() {
    let directory = TempDir::new().expect("a directory");
    let file = written(&directory, "five.nft", FIVE_MISTAKES);
    for output in [sluice::run(["check", &file]), sluice::run(["--help"]), sluice::run(["replay", "--help"])]
    {
        assert!(!output.stdout.contains(&0x1b) && !output.stderr.contains(&0x1b));
    }
    assert!(expect_done(&sluice::run(["--version"])).starts_with("sluice "));
}
