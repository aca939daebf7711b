//! Does the explanation say what the data path does? Every packet of the demo, by the program and by the interpreter.

use super::course::Course;
use super::datagram::Numbered;
use super::report::{Report, report};
use super::text::Text;
use crate::replay::{Names, Sources};
use crate::rules;
use config::Loaded;
use config::policy::interface_value;
use dataplane::io::Side;
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

/// Calls `each` with number, report and text of every packet of the demo.
fn explained(ruleset: &str, mut each: impl FnMut(usize, &Report, &str)) {
    let loaded = loaded(ruleset);
    let names = Names::of(&loaded.policy);
    let (mut by_program, mut by_rules) = (course(&loaded), course(&loaded));
    let inside = ["192.0.2.0/24".parse().unwrap(), "2001:db8:2::/64".parse().unwrap()];
    let capture = tests_directory().join("captures/demo.pcap");
    let mut n = 0;
    let sources = Sources::One(&capture, &inside);
    let damage = sources.each(|side, frame| {
        n += 1;
        let (packet, keyed) = by_program.meet(frame.time, frame.bytes);
        let expected = by_program.context(side).decide(&packet, frame.bytes, &keyed);
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
        each(n, &report, &Text { report: &report, colours: false }.to_string());
        Ok(())
    });
    assert!(damage.unwrap().is_none());
    assert_eq!(n, 716);
}

/// A fragment is explained as the datagram it is of, or as what became of it alone.
#[test]
fn fragments_are_explained_as_their_datagram() {
    let loaded = loaded("stateful.nft");
    let names = Names::of(&loaded.policy);
    let capture = tests_directory().join("captures/mixed.pcap");
    let inside = ["192.0.2.0/24".parse().unwrap(), "2001:db8:2::/64".parse().unwrap()];
    let mut frames = Vec::new();
    let damage = Sources::One(&capture, &inside).each(|side, frame| {
        frames.push((side, frame.time, frame.bytes.to_vec()));
        Ok(())
    });
    assert!(damage.unwrap().is_none());
    let is_fragment = |frame: &[u8]| dataplane::packet::parse(frame).fragment != dataplane::Fragment::Whole;
    let first = frames.iter().position(|(_, _, frame)| is_fragment(frame)).unwrap();
    let told = |wanted: u64, frames: &[(Side, u64, Vec<u8>)]| {
        let mut course = course(&loaded);
        let next = |(at, (side, time, frame)): (usize, &(Side, u64, Vec<u8>))| {
            course.next(Numbered { n: at as u64 + 1, side: *side, time: *time, frame }, wanted)
        };
        let told = frames.iter().enumerate().find_map(next);
        let told = told.or_else(|| course.finish(Side::Outside, wanted)).unwrap();
        let report = report(&loaded, &names, &told, Some(wanted));
        (told.fragments, Text { report: &report, colours: false }.to_string())
    };
    let (fragments, text) = told(first as u64 + 1, &frames);
    assert!(fragments.len() > 1 && fragments.contains(&(first as u64 + 1)));
    for n in &fragments {
        let (of_other, text_of_other) = told(*n, &frames);
        assert_eq!(of_other, fragments);
        let without_head = |text: &str| text.split_once(": ").unwrap().1.to_owned();
        assert_eq!(without_head(&text_of_other), without_head(&text), "only the number differs");
    }
    let numbers: Vec<String> = fragments.iter().map(u64::to_string).collect();
    assert!(text.contains(&format!("in fragments: packets {}", numbers.join(", "))), "{text}");
    let (_, alone) = told(first as u64 + 1, &frames[..=first]);
    assert!(alone.contains("fragment-timeout") && alone.contains("it waits for the others"), "{alone}");
}

#[test]
fn every_packet_of_the_demo_is_explained_as_it_is_decided() {
    let table = fs::read_to_string(tests_directory().join("captures/demo.verdicts.tsv")).unwrap();
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split('\t').collect()).collect();
    for (style, column) in [("stateless", 2), ("stateful", 3)] {
        explained(&format!("{style}.nft"), |n, report, text| {
            assert_eq!(rows[n - 1][column], report.verdict, "{style}, packet {n}");
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= 120, "{style}, packet {n}: {widest} columns\n{text}");
        });
    }
}

#[test]
fn explanations_read_as_they_should() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/explain/golden");
    explained("stateful.nft", |n, report, text| {
        let json = serde_json::to_string_pretty(report).unwrap();
        for (end, found) in [("txt", text), ("json", &json)] {
            let path = golden.join(format!("stateful-{n}.{end}"));
            if !path.exists() {
                continue;
            }
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, format!("{found}\n")).unwrap();
            }
            assert_eq!(format!("{found}\n"), fs::read_to_string(&path).unwrap(), "packet {n}");
        }
    });
    assert!(fs::read_dir(golden).unwrap().count() >= 5);
}
