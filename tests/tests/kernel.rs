//! Does Sluice say what the kernel says? The same packets under the same rules: verdict, ct state and the
//! rule that drops must agree, packet by packet.
//!
//! Rulesets: the bundled ones, and those of `language/`, each about one part of the language. Traffic: the
//! bundled captures, and generated conversations from a fixed seed and from a fresh one, which is printed and
//! can be given again as `SLUICE_SEED`. Fragments are left out on both sides. The kernel lives in real time
//! and a replay in its capture's, so no comparison may reach as far as a timeout: the captures were chosen
//! for that, and generated packets are a tenth of a millisecond apart.
#![expect(
    clippy::print_stdout,
    reason = "seeds and counts, for whoever reads a failure or asks what was compared"
)]

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use tests::capture::{bundled, is_fragment, records};
use tests::oracle::{Oracle, Ruleset};
use tests::parity::bundled_rulesets;
use tests::{Judgement, Record, difference, sluice, traffic};

/// Both judge; any difference fails the test.
fn compare(oracle: &mut Oracle, what: &str, rulesets: &[Ruleset], records: &[Record], tcp_loose: bool) {
    let kernel = oracle.judge(rulesets, records, tcp_loose);
    let sluice = sluice::replay(rulesets, records, tcp_loose);
    if let Some(text) = difference::first(records, &kernel, &sluice) {
        panic!("{what}, tcp_loose={}: {text}", i32::from(tcp_loose));
    }
    println!("{what}: {} packets alike; {}", records.len(), tally(&kernel));
}

fn tally(kernel: &[Judgement]) -> String {
    let accepted = kernel.iter().filter(|judgement| judgement.accepted).count();
    let state = |name: &str| kernel.iter().filter(|judgement| judgement.state == name).count();
    let states = ["new", "established", "related", "invalid", "untracked", "none"];
    let states: Vec<String> = states.iter().map(|name| format!("{name} {}", state(name))).collect();
    format!("{accepted} accepted; {}", states.join(", "))
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// A ruleset of `language/`.
fn language(name: &str) -> (String, Vec<Ruleset>) {
    let text = read(bundled(&format!("tests/language/{name}")));
    let ruleset = match name.rsplit('.').next() {
        Some("nft") => Ruleset::Nft(text),
        Some("ip6tables") => Ruleset::Ip6tables(text),
        _ => Ruleset::Iptables(text),
    };
    (name.to_owned(), vec![ruleset])
}

fn compare_capture(name: &str) {
    let mut records = records(&bundled(&format!("captures/{name}")));
    records.retain(|record| !is_fragment(&record.frame));
    let mut oracle = Oracle::new("eth0");
    for (ruleset, texts) in bundled_rulesets() {
        for tcp_loose in [false, true] {
            compare(&mut oracle, &format!("{name} under {ruleset}"), &texts, &records, tcp_loose);
        }
    }
}

#[test]
fn the_demo_capture() {
    compare_capture("demo.pcap");
}

#[test]
fn the_mixed_capture() {
    compare_capture("mixed.pcap");
}

/// Generated traffic under one ruleset, strict and loose, from both seeds.
fn compare_generated((name, rulesets): (String, Vec<Ruleset>)) {
    let given = std::env::var("SLUICE_SEED").ok().and_then(|text| text.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_nanos() as u64);
    let fresh = given.unwrap_or(now % 1_000_000_000);
    let mut oracle = Oracle::new("eth0");
    for seed in [FIXED_SEED, fresh] {
        println!("seed {seed}");
        for tcp_loose in [false, true] {
            let records = traffic::generate(seed + u64::from(tcp_loose), PACKETS);
            let what = format!("SLUICE_SEED={seed} under {name}");
            compare(&mut oracle, &what, &rulesets, &records, tcp_loose);
        }
    }
}

#[test]
fn generated_traffic_under_the_bundled_rulesets() {
    bundled_rulesets().into_iter().for_each(compare_generated);
}

macro_rules! language_tests {
    ($($test:ident: $file:literal,)*) => {
        $(#[test]
        fn $test() {
            compare_generated(language($file));
        })*

        const LANGUAGE: &[&str] = &[$($file),*];

        #[test]
        fn every_file_of_the_language_is_compared() {
            let entries = fs::read_dir(bundled("tests/language")).expect("readable");
            let mut found: Vec<String> =
                entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
            found.sort();
            assert_eq!(found, LANGUAGE);
        }
    };
}

language_tests! {
    language_accounting: "accounting.nft",
    language_chains: "chains.nft",
    language_custom: "custom.iptables",
    language_families: "families.nft",
    language_fields: "fields.nft",
    language_marks: "marks.iptables",
    language_matches_v6: "matches.ip6tables",
    language_matches: "matches.iptables",
    language_notrack: "notrack.nft",
    language_priorities: "priorities.nft",
    language_reject: "reject.nft",
    language_sets: "sets.nft",
    language_shared_tables: "shared.iptables",
    language_states: "states.nft",
    language_vmaps: "vmaps.nft",
}

/// The judge itself: under each ruleset it says the same of the same packets twice, and over all of them it
/// has been asked about every state.
#[test]
fn the_kernel_is_a_steady_judge_of_every_state() {
    let mut oracle = Oracle::new("eth0");
    let records = traffic::generate(FIXED_SEED, PACKETS);
    let mut seen = std::collections::BTreeMap::<&str, usize>::new();
    for file in LANGUAGE {
        let (_, rulesets) = language(file);
        let kernel = oracle.judge(&rulesets, &records, false);
        println!("{file}: {}", tally(&kernel));
        for judgement in &kernel {
            *seen.entry(judgement.state).or_default() += 1;
        }
        let again = oracle.judge(&rulesets, &records, false);
        for (number, (one, other)) in kernel.iter().zip(&again).enumerate() {
            // identifications and the router's own MAC address are new each time
            let without_answers = |judged: &Judgement| Judgement { answers: Vec::new(), ..judged.clone() };
            let (one, other) = (without_answers(one), without_answers(other));
            assert_eq!(one, other, "{file}: packet {} is judged differently the second time", number + 1);
        }
        let accepted = kernel.iter().filter(|judgement| judgement.accepted).count();
        assert!((PACKETS / 20..PACKETS * 19 / 20).contains(&accepted), "{file} accepts {accepted}");
    }
    for state in ["new", "established", "related", "invalid", "untracked", "none"] {
        assert!(seen.get(state).is_some_and(|count| *count >= 50), "{state}: {seen:?}");
    }
}

const FIXED_SEED: u64 = 1;

/// Packets per seed, ruleset and setting of `tcp_loose`.
const PACKETS: usize = 2500;
