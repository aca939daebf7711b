//! What is wrong with the text, and where? Every complaint of one run, shown at its place.

mod lines;
mod render;

use std::fmt;
use std::sync::Arc;

pub use lines::Lines;

/// One text a ruleset came from. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What a person calls it: a path, as it was given.
    pub name: String,
    /// All of it. Copies of a source share it: it may be large.
    pub text: Arc<String>,
}

impl Source {
    /// A text and its name.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: Arc::new(text.into()) }
    }
}

/// The texts of one run, those included among them; [`Span::source`] is the index. Cheap to clone.
pub type Sources = Arc<Vec<Source>>;

/// A stretch of one source, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// Index into the sources.
    pub source: u16,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes `start..end` of `source`.
    #[must_use]
    pub const fn new(source: u16, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// From the start of `self` to the end of `last`; `self` if they lie in different sources.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        if self.source == last.source && last.end >= self.start {
            Self { end: last.end, ..self }
        } else {
            self
        }
    }
}

/// One complaint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What it is about.
    pub span: Span,
    /// What is wrong, in lower case without a full stop.
    pub message: String,
    /// What would put it right.
    pub help: Option<String>,
    /// What else has to do with it, and where.
    pub related: Vec<(Span, String)>,
    /// A packet that shows it, and what becomes of it.
    pub example: Option<String>,
}

impl Diagnostic {
    /// A complaint about `span`.
    pub fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None, related: Vec::new(), example: None }
    }

    /// Adds what would put it right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Every complaint of one run, in the order of the text. Shows itself as
/// `file:line:column: error: message`, the line, and the stretch underlined.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    sources: Sources,
    list: Vec<Diagnostic>,
    severity: Severity,
    colours: bool,
}

/// Whether a complaint stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Severity {
    /// Nothing can be loaded.
    #[default]
    Error,
    /// It can be loaded, but is probably not what was meant.
    Warning,
    /// It can be loaded, but someone should know.
    Note,
}

impl Diagnostics {
    /// Sorts what was found in `sources` and drops exact repetitions.
    #[must_use]
    pub fn new(sources: Sources, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by(|a, b| (a.span, &a.message).cmp(&(b.span, &b.message)));
        list.dedup();
        Self { sources, list, severity: Severity::Error, colours: false }
    }

    /// As [`Diagnostics::new`], of what does not stand in the way.
    #[must_use]
    pub fn notes(sources: Sources, list: Vec<Diagnostic>) -> Self {
        Self { severity: Severity::Note, ..Self::new(sources, list) }
    }

    /// As [`Diagnostics::new`], of what is probably not what was meant.
    #[must_use]
    pub fn warnings(sources: Sources, list: Vec<Diagnostic>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(sources, list) }
    }

    /// The same, shown in the colours of a terminal if `colours` says so.
    #[must_use]
    pub const fn in_colours(mut self, colours: bool) -> Self {
        self.colours = colours;
        self
    }

    /// The texts they are about.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The complaints, in the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        })
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        render::all(
            f,
            render::Style { severity: self.severity, colours: self.colours },
            &self.sources,
            &self.list,
        )
    }
}

impl std::error::Error for Diagnostics {}
