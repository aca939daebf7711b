//! How are numbers of things put into words and lists?

use std::collections::BTreeMap;
use std::fmt;

/// A number of things: `1 wire`, `2 wires`.
pub fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Counts by what was counted, the most first, under a title; nothing if all are 0.
pub fn listed(f: &mut fmt::Formatter<'_>, title: &str, counts: &BTreeMap<&str, u64>) -> fmt::Result {
    let mut counts: Vec<_> = counts.iter().filter(|(_, count)| **count > 0).collect();
    if counts.is_empty() {
        return Ok(());
    }
    counts.sort_by_key(|(label, count)| (std::cmp::Reverse(**count), **label));
    writeln!(f, "{title}:")?;
    counts.iter().try_for_each(|(label, count)| writeln!(f, "  {count:>10}  {label}"))
}
