//! Does `sluice check` tell everything that is wrong, where, and nothing else? Its text, its JSON, its exit status.

use std::fs;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;
use tests::sluice;

fn written(directory: &TempDir, name: &str, text: impl AsRef<[u8]>) -> String {
    let file = directory.path().join(name);
    fs::write(&file, text).expect("written");
    file.display().to_string()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

/// Mistakes of the language, of meaning, and what only the data path does not do, in one file and one it includes.
#[test]
fn errors_of_every_kind_come_in_one_run() {
    let directory = TempDir::new().expect("a directory");
    let included = written(&directory, "more.nft", "chain more {\n\ttcp dprot 22 accept\n}\n");
    let text = "table inet t {
	set big { type ipv4_addr; flags dynamic; size 99999999; }
	include \"more.nft\"
	chain c {
		type filter hook input priority 0;
		limit rate 20000 mbytes/second drop
		ip saddr @nope drop
	}
}
";
    let file = written(&directory, "all.nft", text);
    let output = sluice::run(["check", &file]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1));
    let set = format!(
        "{file}:2:6: error: a set that packets change has at most 2^24 elements
    set big {{ type ipv4_addr; flags dynamic; size 99999999; }}
        ^~~
  help: `size 16777216`, or less
"
    );
    let rate = format!(
        "{file}:6:3: error: the rate or its burst is beyond what can be counted
        limit rate 20000 mbytes/second drop
        ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  help: a lower rate, or a smaller burst
"
    );
    for part in [
        set,
        rate,
        format!("{file}:7:12: error: there is no set `nope` in this table\n"),
        format!("{included}:2:6: error: `dprot` is not a field of tcp\n"),
        "help: did you mean `dport`?\n".to_owned(),
        "4 errors".to_owned(),
    ] {
        assert!(said.contains(&part), "not said: {part}\nin:\n{said}");
    }
}

/// What is no text has no lines; it is named, and the other files are checked all the same.
#[test]
fn files_that_are_no_rulesets_are_told_apart() {
    let directory = TempDir::new().expect("a directory");
    let folder = directory.path().join("folder");
    fs::create_dir(&folder).expect("made");
    let name = |name: &str| directory.path().join(name).display().to_string();
    let cases = [
        (name("absent"), "no such file"),
        (folder.display().to_string(), "is a directory"),
        (written(&directory, "binary", b"table\0ip"), "byte 5 is NUL"),
        (written(&directory, "latin", b"# ok\n# caf\xe9\n"), "byte 10 (line 2) is not UTF-8"),
        (written(&directory, "marked", b"\xef\xbb\xbftable ip t {\n}\n"), "byte order mark"),
        (written(&directory, "wide", b"\xff\xfet\0"), "UTF-16"),
        (written(&directory, "around.nft", "include \"around.nft\"\n"), "includes itself"),
        (written(&directory, "lost.nft", "include \"nowhere.nft\"\n"), "no such file"),
        (written(&directory, "open.nft", "table ip t {\n"), "never closed"),
    ];
    for (file, why) in &cases {
        let output = sluice::run(["check", file]);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
        assert!(said.contains(file.as_str()) && said.contains(why), "{file}: {said}");
        assert!(!said.contains("panicked") && output.stdout.is_empty(), "{file}: {said}");
    }
    let files: Vec<&str> = cases.iter().map(|(file, _)| file.as_str()).collect();
    let output = sluice::run([&["check", "--json"], &files[..]].concat());
    let report = json(&output);
    let errors = report["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), files.len(), "{report}");
    assert!(errors.iter().all(|error| files.contains(&error["file"].as_str().unwrap())), "{report}");
    assert_eq!((&errors[0]["line"], &errors[0]["message"]), (&Value::from(0), &"no such file".into()));
}

#[test]
fn blank_files_foreign_line_ends_and_endless_lines_are_read() {
    let directory = TempDir::new().expect("a directory");
    let elements: Vec<String> =
        (0..50_000_u32).map(|n| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)).collect();
    let long =
        format!("table ip t {{ set s {{ type ipv4_addr; elements = {{ {} }}; }}; }}\n", elements.join(", "));
    for (name, text) in [
        ("empty.nft", String::new()),
        ("blank.nft", "\n\n# nothing\n".to_owned()),
        (
            "crlf.nft",
            "table ip t {\r\n\tchain c {\r\n\t\ttcp dport 22 \\\r\n\t\taccept\r\n\t}\r\n}\r\n".to_owned(),
        ),
        ("crlf.v4", "*filter\r\n:INPUT ACCEPT [0:0]\r\n-A INPUT -j DROP\r\nCOMMIT\r\n".to_owned()),
        ("long.nft", long.clone()),
    ] {
        let output = sluice::run(["check", &written(&directory, name, &text)]);
        assert!(output.status.success(), "{name}: {}", stderr(&output));
    }
    let wrong = written(&directory, "wrong.nft", long.replace("10.0.195.79", "300.1.1.1"));
    let said = stderr(&sluice::run(["check", &wrong]));
    assert!(said.contains("this is not an IPv4 address"), "{said}");
    let widest = said.lines().skip(1).map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "a line as wide as a terminal: {said}");
}

#[test]
fn together_all_files_are_one_ruleset() {
    let directory = TempDir::new().expect("a directory");
    let first = written(&directory, "first.nft", "table ip t {\n\tset s { type ipv4_addr; }\n}\n");
    let second = written(&directory, "second.nft", "table ip t {\n\tchain c {\n\t\tip saddr @s\n\t}\n}\n");
    assert!(!sluice::run(["check", &first, &second]).status.success());
    assert!(sluice::run(["check", "--together", &first, &second]).status.success());
    let output = sluice::run(["check", "--together", &second, "/no/such/file"]);
    let said = stderr(&output);
    assert!(said.contains("/no/such/file") && !said.contains("@s"), "half a ruleset is not judged: {said}");
}

/// A dump that does not say which family it is for.
#[test]
fn what_an_administrator_should_know_is_a_note() {
    let directory = TempDir::new().expect("a directory");
    let file =
        written(&directory, "rules", "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n");
    let output = sluice::run(["check", &file]);
    assert!(output.status.success());
    assert!(stderr(&output).contains(&format!("{file}:1:2: note: ")), "{}", stderr(&output));
    let report = json(&sluice::run(["check", "--json", &file]));
    assert_eq!(report["notes"].as_array().map(Vec::len), Some(1), "{report}");
    let printed = sluice::run(["check", "--print", &file]);
    assert!(!String::from_utf8_lossy(&printed.stdout).contains("note:"));
}

const LOOSE: &str = "table inet t {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state invalid drop
		ct state established,related accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 1-1023 accept
		tcp dport 80 drop
	}
}
";

#[test]
fn findings_are_warnings_unless_they_are_denied() {
    let directory = TempDir::new().expect("a directory");
    let file = written(&directory, "loose.nft", LOOSE);
    let output = sluice::run(["check", "--lint", &file]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let expected = format!(
        "{file}:8:3: warning: this rule never matches: the rule at line 7 before it takes everything it could [shadowed]
        tcp dport 80 drop
        ^~~~~~~~~~~~~~~~~
{file}:7:3: note: this rule comes first
        tcp dport 1-1023 accept
        ^~~~~~~~~~~~~~~~~~~~~~~
  packet: tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S iif eth0 ct new: accepted by the rule at line 7
1 file checked: 5 rules in 1 chain, 1 finding
"
    );
    assert_eq!(said, expected);
    let denied = sluice::run(["check", "--lint", "--deny-lints", &file]);
    assert_eq!(denied.status.code(), Some(1));
    assert_eq!(stderr(&denied), "sluice: there are findings, and --deny-lints was given\n");

    let report = json(&sluice::run(["check", "--lint", "--json", &file]));
    let warning = &report["warnings"][0];
    let keys: Vec<&str> = warning.as_object().expect("an object").keys().map(String::as_str).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["column", "example", "file", "kind", "line", "message", "packet", "related"]);
    assert_eq!(warning["kind"], "shadowed");
    assert_eq!((&warning["line"], &warning["related"][0]["line"]), (&8.into(), &7.into()));
    assert_eq!(report["ok"], true);
    let report = json(&sluice::run(["check", "--lint", "--deny-lints", "--json", &file]));
    assert_eq!(report["ok"], false);
}

#[test]
fn a_port_to_be_kept_is_more_than_a_warning() {
    let directory = TempDir::new().expect("a directory");
    let file = written(&directory, "loose.nft", LOOSE);
    let kept = |keep: &[&str]| sluice::run([&["check", "--lint", &file], keep].concat());
    assert_eq!(kept(&["--keep", "tcp:22"]).status.code(), Some(0));
    let closed = kept(&["--keep", "tcp:22", "--keep", "udp:51820"]);
    assert_eq!(closed.status.code(), Some(1));
    assert!(stderr(&closed).contains("udp:51820 is closed"), "{}", stderr(&closed));
    for wrong in ["22", "tcp:0x16", "icmp:1", "tcp:70000"] {
        assert_eq!(kept(&["--keep", wrong]).status.code(), Some(2), "{wrong}");
    }
    assert_eq!(
        sluice::run(["check", "--keep", "tcp:22", &file]).status.code(),
        Some(2),
        "--lint is asked for"
    );
}
