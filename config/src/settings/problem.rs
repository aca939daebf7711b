//! What is wrong with a file so far? A list of complaints, each about a stretch of the text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, Span};

/// Every complaint about one file.
#[derive(Debug, Default)]
pub(super) struct Found {
    problems: Vec<Diagnostic>,
    /// Keys, by full path, that were complained about: their absence is no news.
    known: BTreeSet<String>,
}

impl Found {
    /// Whether nothing is wrong.
    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    /// How much is wrong.
    pub(super) fn len(&self) -> usize {
        self.problems.len()
    }

    /// Complains about the text in `span`.
    pub(super) fn add(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.problems.push(Diagnostic::new(place(&span), message));
    }

    /// Complains and says what to do.
    pub(super) fn add_help(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Diagnostic::new(place(&span), message).help(help));
    }

    /// Remembers that the key at `path` was complained about.
    pub(super) fn know(&mut self, path: String) {
        self.known.insert(path);
    }

    /// Complains that the table in `span`, found at `table`, has no `key`; with an empty `key`, that there
    /// is no such table.
    pub(super) fn missing(&mut self, span: Range<usize>, table: &str, key: &str) {
        if !self.known.contains(&format!("{table}.{key}")) {
            let shown = table.split('.').next().unwrap_or_default();
            let message = match key {
                "" => format!("missing table `[[{shown}]]`"),
                _ => format!("missing key `{shown}.{key}`"),
            };
            self.add(span, message);
        }
    }

    /// With the text they are about.
    pub(super) fn into_diagnostics(self, name: &str, text: &str) -> Diagnostics {
        Diagnostics::new(Arc::new(vec![Source::new(name, text)]), self.problems)
    }
}

fn place(span: &Range<usize>) -> Span {
    let at = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span::new(0, at(span.start), at(span.end))
}
