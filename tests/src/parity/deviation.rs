//! What differs on purpose? The table of `docs/deviations.md`, the one place where it is written.

use std::fs;
use std::path::Path;

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deviation {
    /// What it is about.
    pub name: String,
    /// What Linux does.
    pub linux: String,
    /// What Sluice does.
    pub sluice: String,
    /// Why.
    pub reason: String,
    /// The word it is counted under (docs/reasons.md), or `none` where nothing is dropped.
    pub counter: String,
    /// The test that holds it.
    pub test: String,
}

/// Every deliberate deviation.
///
/// # Panics
/// If the page has no such table.
#[must_use]
pub fn deviations() -> Vec<Deviation> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deviations.md");
    let text = fs::read_to_string(path).expect("docs/deviations.md");
    let section = text.split("\n## ").find(|section| section.starts_with(SECTION)).expect("the section");
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [name, linux, sluice, reason, counter, test] = cells[..] else { panic!("six columns: {row}") };
        let own = |cell: &str| cell.trim_matches('`').to_owned();
        Deviation {
            name: own(name),
            linux: own(linux),
            sluice: own(sluice),
            reason: own(reason),
            counter: own(counter),
            test: own(test),
        }
    })
    .collect()
}

const SECTION: &str = "Deviations";
