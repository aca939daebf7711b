//! What does a complaint look like on a terminal?

use std::collections::BTreeMap;
use std::fmt;

use super::{Diagnostic, Lines, Severity, Source, Span};

/// How complaints are written.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) severity: Severity,
    pub(super) colours: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Writes the complaints, each below the one before: of those in the same words the first few, and of all no more than
/// somebody reads; then how many more there are.
pub(super) fn all(
    f: &mut fmt::Formatter<'_>,
    style: Style,
    sources: &[Source],
    list: &[Diagnostic],
) -> fmt::Result {
    let mut known: Option<(u16, Lines)> = None;
    let mut alike: BTreeMap<&str, usize> = BTreeMap::new();
    let mut shown = 0;
    for diagnostic in list {
        let count = alike.entry(&diagnostic.message).or_default();
        *count += 1;
        if *count > MOST_ALIKE || shown == MOST_SHOWN {
            continue;
        }
        shown += 1;
        let number = diagnostic.span.source;
        let Some(source) = sources.get(usize::from(number)) else {
            writeln!(f, "{}: {}", style.severity, diagnostic.message)?;
            continue;
        };
        let lines = match known.take() {
            Some((index, lines)) if index == number => lines,
            _ => Lines::of(&source.text),
        };
        one(f, style, sources, source, &lines, diagnostic)?;
        known = Some((number, lines));
    }
    for (message, count) in alike.iter().filter(|(_, count)| **count > MOST_ALIKE) {
        writeln!(f, "{} more: {message}", count - MOST_ALIKE)?;
    }
    let said: usize = alike.values().map(|count| count.saturating_sub(MOST_ALIKE)).sum();
    match list.len() - shown - said {
        0 => Ok(()),
        more => writeln!(f, "and {more} others"),
    }
}

fn one(
    f: &mut fmt::Formatter<'_>,
    style: Style,
    sources: &[Source],
    source: &Source,
    lines: &Lines,
    what: &Diagnostic,
) -> fmt::Result {
    place(f, style, source, lines, what.span, &what.message)?;
    let note = Style { severity: Severity::Note, ..style };
    for (span, message) in &what.related {
        let Some(other) = sources.get(usize::from(span.source)) else { continue };
        let elsewhere = (span.source != what.span.source).then(|| Lines::of(&other.text));
        place(f, note, other, elsewhere.as_ref().unwrap_or(lines), *span, message)?;
    }
    if let Some(example) = &what.example {
        writeln!(f, "  {}: {example}", style.paint(BOLD, "packet"))?;
    }
    if let Some(help) = &what.help {
        writeln!(f, "  {}: {help}", style.paint(BOLD, "help"))?;
    }
    Ok(())
}

/// `file:line:column: severity: message` and the stretch underlined.
fn place(
    f: &mut fmt::Formatter<'_>,
    style: Style,
    source: &Source,
    lines: &Lines,
    span: Span,
    message: &str,
) -> fmt::Result {
    let (line, column) = lines.position(&source.text, span.start);
    let (last_line, last_column) = lines.position(&source.text, span.end.max(span.start));
    let place = style.paint(BOLD, &format!("{}:{line}:{column}", source.name));
    let severity = style.paint(colour(style.severity), &style.severity.to_string());
    writeln!(f, "{place}: {severity}: {message}")?;
    let marked = if last_line == line { last_column.saturating_sub(column).max(1) } else { u32::MAX };
    let found = lines.text(&source.text, line);
    let before = lines.start(line).map_or(0, |start| span.start.saturating_sub(start));
    let (text, under) = excerpt(found, before as usize, marked);
    let (blank, mark) = under.split_at(under.len() - under.trim_start().len());
    writeln!(f, "{text}\n{blank}{}", style.paint(colour(style.severity), mark))
}

/// Complaints in the same words that are shown.
const MOST_ALIKE: usize = 20;
/// Complaints that are shown in all.
const MOST_SHOWN: usize = 200;

const fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "1;31",
        Severity::Warning => "1;35",
        Severity::Note => "1;36",
    }
}

/// The line and what goes below it: a mark under the stretch of `marked` characters behind the first `before` bytes.
/// A line wider than a terminal is cut to what stands around the stretch.
fn excerpt(line: &str, before: usize, marked: u32) -> (String, String) {
    let before = (0..=before.min(line.len())).rev().find(|&byte| line.is_char_boundary(byte)).unwrap_or(0);
    let fits = line.chars().take(WIDTH + 1).count() <= WIDTH;
    let mut backwards = line[..before].char_indices().rev();
    let skipped = if fits { 0 } else { backwards.nth(BEFORE - 1).map_or(0, |(byte, _)| byte) };
    let from = line[skipped..before].chars().count();
    let to = from.saturating_add(marked as usize);
    let (mut text, mut under) = (String::new(), String::new());
    if skipped > 0 {
        text.push_str(ELLIPSIS);
        under.push_str(&" ".repeat(ELLIPSIS.len()));
    }
    let room = if fits { WIDTH } else { WIDTH - ELLIPSIS.len() - text.len() };
    let mut characters = line[skipped..].chars();
    let mut at = 0;
    for character in characters.by_ref().take(room) {
        let before = text.chars().count();
        let cells = show(&mut text, character, before);
        let mark = match at {
            _ if at == from => "^",
            _ if at > from && at < to => "~",
            _ => " ",
        };
        for cell in 0..cells {
            under.push_str(if mark == "^" && cell > 0 { "~" } else { mark });
        }
        at += 1;
    }
    if characters.next().is_some() {
        text.push_str(ELLIPSIS);
    }
    if at <= from {
        under.push('^');
    }
    (text.trim_end().to_owned(), under.trim_end().to_owned())
}

/// Appends `character` as a terminal can show it; how many cells it takes.
fn show(text: &mut String, character: char, column: usize) -> usize {
    match character {
        '\t' => {
            let cells = TAB - column % TAB;
            text.push_str(&" ".repeat(cells));
            cells
        }
        _ if character.is_control() || DIRECTION_MARKS.contains(&character) => {
            text.push('\u{fffd}');
            1
        }
        _ => {
            text.push(character);
            cells(character)
        }
    }
}

fn cells(character: char) -> usize {
    match u32::from(character) {
        0x300..=0x36f | 0x200b..=0x200d | 0xfe00..=0xfe0f | 0x20d0..=0x20ff => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 => 2,
        0x1f300..=0x1f64f | 0x1f680..=0x1f6ff | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Characters of a line shown at most, and before the stretch if it is longer.
const WIDTH: usize = 100;
const BEFORE: usize = 50;
const BOLD: &str = "1";
const TAB: usize = 4;
const ELLIPSIS: &str = "...";
/// They would turn the rest of the line around.
const DIRECTION_MARKS: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Diagnostic, Diagnostics, Source, Span};
    use super::{MOST_ALIKE, MOST_SHOWN};

    fn shown(text: &str, start: u32, end: u32) -> String {
        let sources = Arc::new(vec![Source::new("f.nft", text)]);
        let found = Diagnostic::new(Span::new(0, start, end), "no").help("yes");
        Diagnostics::new(sources, vec![found]).to_string()
    }

    #[test]
    fn underlines_the_stretch() {
        let expected = "f.nft:2:3: error: no\na bc d\n  ^~\n  help: yes\n";
        assert_eq!(shown("x\na bc d\n", 4, 6), expected);
    }

    #[test]
    fn a_tab_and_a_wide_character_keep_the_mark_in_place() {
        let expected = "f.nft:1:4: error: no\n    漢 x\n       ^\n  help: yes\n";
        assert_eq!(shown("\t漢 x", 5, 6), expected);
    }

    #[test]
    fn the_end_of_the_text_has_a_place() {
        let expected = "f.nft:1:3: error: no\nab\n  ^\n  help: yes\n";
        assert_eq!(shown("ab", 2, 2), expected);
    }

    #[test]
    fn colours_stand_around_the_place_the_severity_and_the_mark() {
        let sources = Arc::new(vec![Source::new("f.nft", "a bc")]);
        let found =
            Diagnostics::new(sources, vec![Diagnostic::new(Span::new(0, 2, 4), "no")]).in_colours(true);
        let expected = "\x1b[1mf.nft:1:3\x1b[0m: \x1b[1;31merror\x1b[0m: no\na bc\n  \x1b[1;31m^~\x1b[0m\n";
        assert_eq!(found.to_string(), expected);
    }

    #[test]
    fn of_many_the_first_are_shown_and_the_others_counted() {
        let sources = Arc::new(vec![Source::new("f.nft", "a ".repeat(1000))]);
        let at = |number: u32, message: String| Diagnostic::new(Span::new(0, number, number + 1), message);
        let alike = (0..50).map(|number| at(number, "no".to_owned()));
        let shown = Diagnostics::new(Arc::clone(&sources), alike.clone().collect()).to_string();
        assert_eq!(shown.matches("error: no\n").count(), MOST_ALIKE);
        assert!(shown.ends_with("30 more: no\n"), "{shown}");
        let others = (50..350).map(|number| at(number, format!("{number}")));
        let shown = Diagnostics::new(sources, alike.chain(others).collect()).to_string();
        assert_eq!(shown.matches("error: ").count(), MOST_SHOWN);
        assert!(shown.ends_with("30 more: no\nand 120 others\n"), "{shown}");
    }

    #[test]
    fn a_long_line_is_cut() {
        let text = format!("{} here {}", "x".repeat(500), "y".repeat(500));
        let shown = shown(&text, 501, 505);
        assert!(shown.lines().all(|line| line.len() <= 100), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let mark = lines[2].find('^').expect("marked");
        assert_eq!(&lines[1][mark..mark + 4], "here");
    }
}
