//! Is what `check --print` writes read by nft, and does it mean the same? Over every ruleset that is here.

use std::fs;

use config::policy::Place;
use config::{NoFiles, Policy, Source};
use tests::capture::bundled;
use tests::difference::describe;
use tests::firewall::Firewall;
use tests::{Namespace, traffic};

/// Rulesets of a folder: name and text.
fn folder(path: &str) -> Vec<(String, String)> {
    let entries = fs::read_dir(bundled(path)).expect("a folder").map(|entry| entry.expect("readable"));
    let name = |path: &std::path::Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut found: Vec<(String, String)> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end != "md" && end != "sh"))
        .map(|path| (name(&path), fs::read_to_string(&path).expect("readable")))
        .collect();
    found.sort();
    found
}

/// What `check --print` writes, or the parts that nft has no words for.
fn printed(name: &str, text: &str) -> Result<String, String> {
    let source = [Source::new(name, text)];
    let written = config::parse(&source, &mut NoFiles).unwrap_or_else(|why| panic!("{name}: {why}"));
    let (said, unsaid) = config::plain(&written).map_err(|why| format!("{why:?}"))?;
    if unsaid.is_empty() { Ok(config::print(&said)) } else { Err(format!("{unsaid:?}")) }
}

/// A policy, but for where its rules were written.
fn meaning(name: &str, text: &str) -> Policy {
    let loaded = config::load(&[Source::new(name, text)], &mut NoFiles);
    let mut policy = loaded.unwrap_or_else(|why| panic!("{name}: {why}\n{text}")).policy;
    policy.rules.iter_mut().for_each(|rule| rule.place = Place::default());
    policy
}

#[test]
fn what_is_printed_is_read_by_nft_and_means_the_same() {
    let kernel = Namespace::new("printed");
    let folders = ["rulesets", "tests/language", "tests/matches"].map(folder);
    let files = folders.concat();
    assert!(files.len() > 20, "{} files", files.len());
    let packets = traffic::generate(7, 2000);
    let mut unsaid = Vec::new();
    for (name, text) in files {
        let once = match printed(&name, &text) {
            Ok(once) => once,
            Err(why) => {
                assert!(why.contains("nft has no words"), "{name}: {why}");
                unsaid.push(name);
                continue;
            }
        };
        assert_eq!(printed("printed", &once), Ok(once.clone()), "{name} is printed the same again");
        let (policy, again) = (meaning(&name, &text), meaning("printed", &once));
        if name.ends_with(".nft") {
            assert_eq!(format!("{again:#?}"), format!("{policy:#?}"), "{name} means the same");
        }
        let verdicts = |policy: Policy| {
            let mut firewall =
                Firewall::new(policy, false, 1, 0).unwrap_or_else(|why| panic!("{name}: {why}"));
            firewall
                .judge(&packets)
                .into_iter()
                .map(|decision| (decision.verdict.verdict, decision.verdict.ct))
                .collect()
        };
        let (before, after): (Vec<_>, Vec<_>) = (verdicts(policy), verdicts(again));
        if let Some(at) = (0..packets.len()).find(|&at| before[at] != after[at]) {
            panic!(
                "{name}, printed, judges another way: {:?}, not {:?}, {}",
                after[at],
                before[at],
                describe(&packets[at])
            );
        }
        if let Err(complaint) = kernel.feed("nft -c -f -", &once) {
            panic!("{name}: {complaint}\n{once}");
        }
    }
    assert_eq!(unsaid, UNSAID);
}

/// Dumps that look into what nft has no words for: the authentication header of IPv6, lists of SCTP chunks, rates by
/// windows, lists of `recent` that count, marks made of two.
const UNSAID: &[&str] = &[
    "layered.ip6tables",
    "layered.iptables",
    "marks.iptables",
    "matches.ip6tables",
    "matches.iptables",
    "shared.iptables",
];
