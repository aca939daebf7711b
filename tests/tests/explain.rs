//! Does `sluice explain` take what other commands print, and say what is wrong with what it cannot take?

use std::fs;

use serde_json::Value;
use tempfile::TempDir;
use tests::sluice::{self, expect_done};

fn rules(name: &str) -> String {
    format!("{}/rulesets/{name}", env!("CARGO_MANIFEST_DIR"))
}

const SYN: &str = "tcp 198.51.100.7:4242 > 192.0.2.10:80 flags S";
const SYN6: &str = "tcp [2001:db8::7]:4242 > [2001:db8:2::10]:80 flags S";

fn explained(arguments: &[&str]) -> Value {
    let output = sluice::run([&["explain", "--json"], arguments].concat());
    serde_json::from_str(&expect_done(&output)).expect("one JSON object")
}

/// A ruleset in a file, for as long as the directory is there.
fn written(name: &str, rules: &str) -> (TempDir, String) {
    let directory = TempDir::new().expect("a directory");
    let file = directory.path().join(name).display().to_string();
    fs::write(&file, rules).expect("written");
    (directory, file)
}

/// Two dumps are one ruleset, however they are named.
#[test]
fn several_files_of_rules_are_one_ruleset() {
    let (v4, v6) = (rules("stateful.iptables"), rules("stateful.ip6tables"));
    for (packet, rule) in [(SYN, "ip filter INPUT "), (SYN6, "ip6 filter INPUT ")] {
        let twice = explained(&["--rules", &v4, "--rules", &v6, packet]);
        let once = explained(&["--rules", &v4, &v6, packet]);
        let before = explained(&[packet, "--rules", &v4, &v6]);
        let words: Vec<&str> = packet.split(' ').collect();
        let split = explained(&[&["--rules", v4.as_str(), v6.as_str()], &words[..]].concat());
        assert!(twice["rule"].as_str().unwrap().starts_with(rule), "{twice}");
        for other in [once, before, split] {
            assert_eq!((&other["verdict"], &other["rule"]), (&twice["verdict"], &twice["rule"]));
        }
    }
}

#[test]
fn what_is_no_packet_is_wrong_usage_and_comes_with_an_example() {
    let file = rules("stateful.nft");
    for (arguments, part) in [
        (vec!["--rules", &file], "a packet is missing"),
        (vec!["--rules", &file, "tpc 192.0.2.1:1 > 192.0.2.2:2"], "'tpc'"),
        (vec!["tcp 192.0.2.1 > 192.0.2.2:80", "--rules", &file], "no address with a port"),
        (vec!["--rules", &file, "udp 192.0.2.1:1 > 192.0.2.2:80 flags S"], "'flags'"),
        (vec!["--rules", &file, "--ct", "new", "udp 192.0.2.1:1"], "two ends"),
    ] {
        let output = sluice::run([&["explain"], &arguments[..]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(part), "{arguments:?}: {said}");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains("sluice explain --rules FILE 'tcp 198.51.100.7:4242 > "), "{said}");
        assert!(output.stdout.is_empty() && !said.contains("panicked"));
    }
    assert_eq!(sluice::run(["explain", SYN]).status.code(), Some(2), "rules are asked for");
}

/// The packet of a finding, pasted.
#[test]
fn the_packet_of_a_finding_is_explained_as_the_finding_says() {
    let text = "table inet t {
	chain input {
		type filter hook input priority 0; policy drop;
		ct state invalid drop
		iifname \"wan*\" tcp dport 1-1023 accept
		iifname \"wan7\" tcp dport 80 drop
	}
}
";
    let (_directory, file) = written("shadow.nft", text);
    let output = sluice::run(["check", "--lint", "--json", &file]);
    let report: Value = serde_json::from_str(&expect_done(&output)).expect("JSON");
    let warnings = report["warnings"].as_array().expect("a list");
    let shadowed = warnings.iter().find(|warning| warning["kind"] == "shadowed").expect("found");
    let packet = shadowed["packet"].as_str().expect("a packet");
    assert!(packet.ends_with("iif wan7 ct new"), "{packet}");
    let found = explained(&["--rules", &file, packet]);
    assert_eq!((&found["verdict"], &found["rule"]), (&"accept".into(), &"inet t input 2".into()));
    assert_eq!(found["ct"]["given"], true);
}

#[test]
fn other_protocols_and_headers_are_matched() {
    let text = "table inet t {
	chain input {
		type filter hook input priority 0; policy accept;
		sctp dport 2 drop
		dccp dport 2 drop
		udplite dport 2 drop
		tcp option maxseg size 1460 drop
		exthdr hbh exists drop
		ip dscp ef drop
		meta l4proto gre drop
		igmp type membership-query drop
	}
}
";
    let (_directory, file) = written("kinds.nft", text);
    for (position, packet) in [
        (1, "sctp 10.0.0.1:1 > 10.0.0.2:2"),
        (2, "dccp 10.0.0.1:1 > 10.0.0.2:2"),
        (3, "udplite [fd00::1]:1 > [fd00::2]:2"),
        (4, "tcp 10.0.0.1:1 > 10.0.0.2:2 flags S mss 1460"),
        (5, "udp [fd00::1]:1 > [fd00::2]:2 hbh"),
        (6, "udp 10.0.0.1:1 > 10.0.0.2:2 tos 184"),
        (7, "gre 10.0.0.1 > 10.0.0.2"),
        (8, "igmp 10.0.0.1 > 224.0.0.1 type 17"),
    ] {
        let found = explained(&["--rules", &file, packet]);
        assert_eq!(found["rule"], format!("inet t input {position}"), "{packet}: {found}");
    }
}
