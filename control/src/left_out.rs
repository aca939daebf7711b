//! What of the ruleset does not take part, because `--leave-out` said so? For programs; people read it on stderr.

use clap::Args;
use config::diagnostic::Lines;
use config::{LeftOut, Options, Source, Sources};
use serde::Serialize;

/// What the administrator says is to be left out.
#[derive(Debug, Clone, Default, Args)]
pub struct LeaveOut {
    /// Take the ruleset without what does not filter: tables `nat`, `mangle` and `security` of a dump, nft chains of
    /// type `nat` and `route`. What was left out is said on stderr, and in --json
    #[arg(long, value_name = "TABLE", value_delimiter = ',', value_parser = config::settings::CAN_BE_LEFT_OUT)]
    pub leave_out: Vec<String>,
}

impl LeaveOut {
    /// For the parser.
    pub fn options(&self) -> Options {
        Options { leave_out: self.leave_out.clone() }
    }
}

/// A result, and what was left out of the rulesets it is about.
#[derive(Debug, Serialize)]
pub struct Without<'a, T> {
    #[serde(flatten)]
    result: &'a T,
    left_out: Vec<Entry>,
}

impl<'a, T> Without<'a, T> {
    /// Joins the two.
    pub fn new(result: &'a T, loaded: impl IntoIterator<Item = &'a config::Loaded>) -> Self {
        let entries = loaded.into_iter().flat_map(|loaded| entries(&loaded.left_out, &loaded.sources));
        Self { result, left_out: entries.collect() }
    }
}

/// One table, or the chains of one type of a table.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    table: String,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    chains: Vec<String>,
    rules: usize,
    file: String,
    line: u32,
}

/// Each with its place.
pub fn entries(left_out: &[LeftOut], sources: &Sources) -> Vec<Entry> {
    let entry = |left: &LeftOut| {
        let source = sources.get(usize::from(left.span.source));
        let position = |source: &Source| Lines::of(&source.text).position(&source.text, left.span.start);
        Entry {
            table: left.table.clone(),
            kind: left.kind.clone(),
            chains: left.chains.clone(),
            rules: left.rules,
            file: source.map_or_else(String::new, |source| source.name.clone()),
            line: source.map_or(0, |source| position(source).0),
        }
    };
    left_out.iter().map(entry).collect()
}
