//! Is what `check --print` writes read by nft, and does it mean the same? Over every ruleset that is here.

use std::fs;

use config::policy::Place;
use config::{NoFiles, Policy, Source};
use tests::Namespace;
use tests::capture::bundled;

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

fn printed(name: &str, text: &str) -> String {
    let source = [Source::new(name, text)];
    config::print(&config::parse(&source, &mut NoFiles).unwrap_or_else(|why| panic!("{name}: {why}")))
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
    for (name, text) in files {
        let once = printed(&name, &text);
        assert_eq!(printed("printed", &once), once, "{name} is printed the same again");
        assert_eq!(
            format!("{:#?}", meaning("printed", &once)),
            format!("{:#?}", meaning(&name, &text)),
            "{name} means the same"
        );
        if let Err(complaint) = kernel.feed("nft -c -f -", &once) {
            panic!("{name}: {complaint}\n{once}");
        }
    }
}
