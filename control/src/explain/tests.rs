//! Does the explanation say what the data path does? Every packet of the demo, by the program and by the interpreter.

use super::course::Course;
use super::report::report;
use super::text::Text;
use crate::replay::{Names, Sources};
use crate::rules;
use config::Loaded;
use config::policy::interface_value;
use dataplane::packet::Checksums;
use dataplane::pipeline::Outcome;
use dataplane::track::Settings;
use dataplane::wire::Role;
use std::fs;
use std::path::{Path, PathBuf};

fn tests_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests")
}

fn loaded(name: &str) -> Loaded {
    let path = tests_directory().join("rulesets").join(name);
    let mut loaded = rules::load(&[path], &config::Options::default()).expect("the ruleset loads");
    // names in explanations shall not depend on where the tests run
    for source in std::sync::Arc::make_mut(&mut loaded.sources) {
        source.name = name.to_owned();
    }
    loaded
}

fn course(loaded: &Loaded) -> Course<'_> {
    let role = Role::Guard { interface: interface_value("eth0").unwrap() };
    Course::new(&loaded.policy, role, Settings::default(), Checksums::Verified, 1 << 16, 0).unwrap()
}

/// Calls `each` with number, text, verdict and JSON of every packet of the demo.
fn explained(ruleset: &str, mut each: impl FnMut(usize, &str, &str)) {
    let loaded = loaded(ruleset);
    let names = Names::of(&loaded.policy);
    let (mut by_program, mut by_rules) = (course(&loaded), course(&loaded));
    let inside = ["192.0.2.0/24".parse().unwrap(), "2001:db8:2::/64".parse().unwrap()];
    let capture = tests_directory().join("captures/demo.pcap");
    let mut n = 0;
    let sources = Sources::One(&capture, &inside);
    let damage = sources.each(|side, frame| {
        n += 1;
        let expected = by_program.pass(side, frame.time, frame.bytes);
        let found = by_rules.explain(side, frame.time, frame.bytes);
        assert_eq!(found.decided, expected, "{ruleset}, packet {n}");
        let report = report(&loaded, &names, &found, Some(n as u64));
        assert_eq!(
            report.verdict,
            match expected.outcome {
                Outcome::Accept => "accept",
                Outcome::Drop => "drop",
                Outcome::Reject(_) => "reject",
            }
        );
        assert_eq!(report.rule.as_deref(), names.get(expected.decided_by).0, "{ruleset}, packet {n}");
        assert_eq!(report.chains.last().is_some(), report.rule.is_some());
        each(n, report.verdict, &Text { report: &report, colours: false }.to_string());
        Ok(())
    });
    assert!(damage.unwrap().is_none());
    assert_eq!(n, 716);
}

#[test]
fn every_packet_of_the_demo_is_explained_as_it_is_decided() {
    let table = fs::read_to_string(tests_directory().join("captures/demo.verdicts.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    for (style, column) in [("stateless", 2), ("stateful", 3)] {
        explained(&format!("{style}.nft"), |n, verdict, text| {
            assert_eq!(rows[n - 1][column], verdict, "{style}, packet {n}");
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= 120, "{style}, packet {n}: {widest} columns\n{text}");
        });
    }
}

#[test]
fn explanations_read_as_they_should() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/golden");
    explained("stateful.nft", |n, _, text| {
        let path = golden.join(format!("stateful-{n}.txt"));
        if let Ok(expected) = fs::read_to_string(&path) {
            assert_eq!(format!("{text}\n"), expected, "packet {n}");
        }
    });
    assert!(fs::read_dir(golden).unwrap().count() >= 3);
}
