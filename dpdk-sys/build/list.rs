//! The lists under `allow/` and `link/`: one entry a line, sorted, `#` starts a comment.

use crate::installed::stop;

/// The lines of a list. Ends the build when they are not sorted or hold one twice.
pub(crate) fn read(path: &str) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|e| stop(&format!("{path}: {e}")));
    let lines: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    if let Some(pair) = lines.windows(2).find(|pair| pair[0] >= pair[1]) {
        stop(&format!("{path}: `{}` must not stand before `{}`: the list is sorted", pair[0], pair[1]));
    }
    lines
}
