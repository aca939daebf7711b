//! Do the docs say what the code says?

use std::fs;
use std::path::Path;

use dataplane::Reason;
use tests::parity::deviations;

#[test]
fn every_reason_has_its_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reasons.md");
    let text = fs::read_to_string(path).expect("docs/reasons.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows: Vec<&str> = rows.map(|(label, _)| label).collect();
    let labels: Vec<&str> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(rows, labels, "docs/reasons.md lists every reason once, in the order of the code");
}

/// Each deviation has a reason, a counter that is counted and a test that is there; and there are few.
#[test]
fn every_deviation_is_counted_and_tested() {
    let deviations = deviations();
    assert!((1..=10).contains(&deviations.len()), "{}", deviations.len());
    let mut sources = String::new();
    let mut open =
        ["../dataplane/src", "tests"].map(|path| Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).to_vec();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).expect("readable").map(|entry| entry.expect("readable").path()));
        } else {
            sources += &fs::read_to_string(path).expect("readable");
        }
    }
    for deviation in deviations {
        assert!(!deviation.reason.is_empty(), "{deviation:?}");
        assert!(Reason::ALL.iter().any(|reason| reason.label() == deviation.counter), "{deviation:?}");
        assert!(sources.contains(&format!("fn {}()", deviation.test)), "{deviation:?}");
    }
}
