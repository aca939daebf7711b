//! What does a program read of a check? One JSON object, whose keys are stable.

use super::Checked;
use crate::left_out::Entry;
use config::diagnostic::Lines;
use config::{Diagnostic, Diagnostics, Sources, Span};
use serde::Serialize;

/// The whole result.
#[derive(Debug, Serialize)]
pub struct Report<'a> {
    /// Whether the exit status is 0.
    ok: bool,
    errors: Vec<Finding<'a>>,
    /// What someone should know although nothing is wrong.
    notes: Vec<Finding<'a>>,
    /// With --lint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<Warning<'a>>>,
    rules: usize,
    chains: usize,
    sets: usize,
    /// What does not filter and does not take part.
    left_out: &'a [Entry],
}

/// One complaint. Line and column count from 1; both are 0 where it is about the file as a whole.
#[derive(Debug, Serialize)]
struct Finding<'a> {
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
}

/// One thing that --lint found.
#[derive(Debug, Serialize)]
struct Warning<'a> {
    kind: &'static str,
    #[serde(flatten)]
    finding: Finding<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<Finding<'a>>,
    /// A packet that shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<String>,
    /// The same, and what becomes of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    example: Option<&'a str>,
}

impl<'a> Report<'a> {
    pub fn of(checked: &'a Checked, lint: bool, allowed: bool) -> Self {
        let unread = checked.unread.iter().map(|unread| Finding {
            file: &unread.file,
            line: 0,
            column: 0,
            message: &unread.why,
            help: None,
        });
        let mut warnings = Vec::new();
        let mut notes: Vec<Finding<'a>> = checked.notes.iter().flat_map(findings).collect();
        for (sources, linted) in &checked.linted {
            let places = Places::of(sources);
            notes.extend(linted.unproven.iter().map(|note| places.finding(note)));
            warnings.extend(linted.findings.iter().map(|found| Warning {
                kind: found.kind.name(),
                finding: places.finding(&found.diagnostic),
                related: places.related(&found.diagnostic),
                packet: found.packet.as_ref().map(|(packet, _)| packet.to_string()),
                example: found.diagnostic.example.as_deref(),
            }));
        }
        Self {
            ok: checked.unread.is_empty() && checked.refused.is_empty() && allowed,
            errors: unread.chain(checked.refused.iter().flat_map(findings)).collect(),
            notes,
            warnings: lint.then_some(warnings),
            rules: checked.rules,
            chains: checked.chains,
            sets: checked.sets,
            left_out: &checked.left_out,
        }
    }
}

fn findings(found: &Diagnostics) -> Vec<Finding<'_>> {
    let places = Places::of(found.sources());
    found.iter().map(|diagnostic| places.finding(diagnostic)).collect()
}

/// Where the lines of the texts begin.
struct Places<'a> {
    sources: &'a Sources,
    lines: Vec<Lines>,
}

impl<'a> Places<'a> {
    fn of(sources: &'a Sources) -> Self {
        Self { sources, lines: sources.iter().map(|source| Lines::of(&source.text)).collect() }
    }

    fn finding(&self, what: &'a Diagnostic) -> Finding<'a> {
        self.at(what.span, &what.message, what.help.as_deref())
    }

    fn related(&self, what: &'a Diagnostic) -> Vec<Finding<'a>> {
        what.related.iter().map(|(span, message)| self.at(*span, message, None)).collect()
    }

    fn at(&self, span: Span, message: &'a str, help: Option<&'a str>) -> Finding<'a> {
        let number = usize::from(span.source);
        let (file, (line, column)) = match (self.sources.get(number), self.lines.get(number)) {
            (Some(source), Some(lines)) => (source.name.as_str(), lines.position(&source.text, span.start)),
            _ => ("", (0, 0)),
        };
        Finding { file, line, column, message, help }
    }
}
