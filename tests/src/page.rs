//! How do figures of many rounds get into a page? As medians, between two comments that name the command which measured
//! them, beside the name of the machine.

use std::fs;
use std::path::Path;

/// Puts `text` where the page has the place of `command`.
///
/// # Panics
/// If there is no such place, or the page cannot be written.
pub fn replace(path: &Path, command: &str, text: &str) {
    let page = fs::read_to_string(path).expect("a page");
    let (begin, end) = (format!("<!-- {command}: begin -->"), format!("<!-- {command}: end -->"));
    let (before, rest) = page.split_once(&begin).expect("the place begins");
    let (_, after) = rest.split_once(&end).expect("the place ends");
    fs::write(path, format!("{before}{begin}\n{text}{end}{after}")).expect("the page is written");
}

/// The machine, in a few words.
#[must_use]
pub fn machine() -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {} processors, load {} at the end, Linux {}",
        cpu.map_or("unknown", |(_, name)| name),
        std::thread::available_parallelism().map_or(1, usize::from),
        load.split_whitespace().next().unwrap_or_default(),
        kernel.trim(),
    )
}

/// The middle of the figures, 0 of none.
#[must_use]
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures[..] {
        [] => 0.0,
        _ if figures.len() % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}
