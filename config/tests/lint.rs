//! What does the lint say, word for word? Every `lint/*.nft` has its report in `*.warnings`; set `UPDATE_GOLDEN` to
//! write them anew. The first line of a file may say `# keep: tcp:22`.

use std::fs;
use std::path::Path;

use config::lint::{Keep, lint};
use config::{Diagnostics, NoFiles, Source, load, parse};

fn keep(text: &str) -> Vec<Keep> {
    let words = text.lines().next().and_then(|line| line.strip_prefix("# keep: ")).unwrap_or_default();
    words.split_whitespace().map(|word| word.parse().expect("a service")).collect()
}

fn report(name: &str, text: &str) -> String {
    let sources = [Source::new(name, text)];
    let loaded = load(&sources, &mut NoFiles).unwrap_or_else(|errors| panic!("{errors}"));
    let ruleset = parse(&sources, &mut NoFiles).expect("it was loaded");
    let findings = lint(&ruleset, &loaded.policy, &keep(text)).findings;
    let list = findings.into_iter().map(|finding| finding.diagnostic).collect();
    Diagnostics::warnings(loaded.sources, list).to_string()
}

#[test]
fn reports_are_as_written_down() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "nft" || end == "iptables"));
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let found = report(&name, &fs::read_to_string(&path).unwrap());
        let golden = path.with_extension("warnings");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::write(&golden, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&golden).unwrap_or_default(), "{name}");
    }
}

/// What an administrator would call right has nothing to be said against it.
#[test]
fn the_stateful_rulesets_of_the_house_are_clean() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/rulesets");
    for name in ["stateful.nft", "stateful.iptables", "stateful.ip6tables"] {
        assert_eq!(report(name, &fs::read_to_string(folder.join(name)).unwrap()), "", "{name}");
    }
}
