//! Do the docs say what the code says?

use std::fs;
use std::path::Path;

use dataplane::Reason;

#[test]
fn every_reason_has_its_row() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reasons.md");
    let text = fs::read_to_string(path).expect("docs/reasons.md");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let rows: Vec<&str> = rows.map(|(label, _)| label).collect();
    let labels: Vec<&str> = Reason::ALL.iter().map(|reason| reason.label()).collect();
    assert_eq!(rows, labels, "docs/reasons.md lists every reason once, in the order of the code");
}
