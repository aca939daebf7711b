//! What must hold of every ruleset? It is refused with a reason, or what is printed means what was read.

use crate::memory::{MEMORY, bounded};
use crate::policies;
use std::cell::Cell;

use config::{Diagnostics, Files, NoFiles, Policy, Ruleset, Source};

/// Every path that is included stands for this one text.
#[derive(Debug)]
pub struct Included<'a> {
    text: &'a str,
    read: usize,
}

impl<'a> Included<'a> {
    /// Nothing read so far.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self { text, read: 0 }
    }
}

/// Files that know how many bytes they gave.
pub trait Counted: Files {
    /// Bytes read, and some for opening each file.
    fn read_bytes(&self) -> usize;
}

impl Counted for NoFiles {
    fn read_bytes(&self) -> usize {
        0
    }
}

impl Counted for Included<'_> {
    fn read_bytes(&self) -> usize {
        self.read
    }
}

impl Files for Included<'_> {
    fn find(&mut self, pattern: &str, _from: &str) -> Result<Vec<String>, String> {
        Ok(vec![pattern.to_owned()])
    }

    fn read(&mut self, _path: &str) -> Result<String, String> {
        self.read += self.text.len() + 16;
        Ok(self.text.to_owned())
    }
}

/// Reads `texts` as one ruleset and checks all that is claimed of it.
///
/// # Panics
/// If a claim does not hold.
pub fn check(texts: &[&str], files: &mut impl Counted) {
    let sources: Vec<Source> =
        (0..).zip(texts).map(|(n, text)| Source::new(format!("text{n}"), *text)).collect();
    let given: usize = texts.iter().map(|text| text.len()).sum();
    let read = Cell::new(0);
    let work = || {
        let loaded = config::load(&sources, files);
        read.set(files.read_bytes());
        loaded
    };
    let times = |loaded: &Result<_, _>| if loaded.is_ok() { MEMORY } else { COMPLAINTS * MEMORY };
    let loaded = bounded(work, |loaded| (given + read.get() + expanded(texts), times(loaded)));
    let ruleset = match config::parse(&sources, files) {
        Ok(ruleset) => ruleset,
        Err(errors) => {
            assert!(loaded.is_err(), "refused by `parse`, taken by `load`");
            return shown(&errors);
        }
    };
    let lowered = config::lower(&ruleset);
    assert_eq!(loaded.is_ok(), lowered.is_ok(), "`load` and `lower` disagree");
    match &lowered {
        Ok(policy) => policies::check(policy, choice(texts[0])),
        Err(errors) => shown(errors),
    }
    unpositioned(&ruleset);
    let Ok((said, _)) = config::plain(&ruleset) else { return };
    let printed = config::print(&said);
    let again = config::parse(&[Source::new("printed", printed.as_str())], &mut NoFiles);
    let again = again.unwrap_or_else(|errors| panic!("what is printed is refused:\n{errors}\n{printed}"));
    assert_eq!(config::print(&again), printed, "printed twice, not the same");
    match (config::lower(&said), config::lower(&again)) {
        (Ok(policy), Ok(other)) => {
            assert_eq!(meaning(&policy), meaning(&other), "what is printed means something else:\n{printed}");
        }
        (Err(_), Err(_)) => {}
        (Ok(_), Err(errors)) => panic!("what is printed cannot run:\n{errors}\n{printed}"),
        (Err(errors), Ok(_)) => panic!("what is printed can run:\n{errors}\n{printed}"),
    }
}

/// Bytes that are worth what variables may stand for in any text, if there are any.
fn expanded(texts: &[&str]) -> usize {
    if texts.iter().any(|text| text.contains('$')) { 1_000_000 } else { 0 }
}

/// Times the memory that complaints may take that what is in order may.
const COMPLAINTS: usize = 4;

/// A number that the text chooses, of what there is no time to do all of.
fn choice(text: &str) -> usize {
    text.bytes().fold(7, |number: usize, byte| number.wrapping_mul(31).wrapping_add(byte.into())) >> 8
}

/// All of a policy but the places where it was written.
fn meaning(policy: &Policy) -> String {
    let rules = policy.rules.iter().map(|rule| (rule.chain, rule.position, &rule.statements, &rule.comment));
    let rules: Vec<_> = rules.collect();
    format!("{:?} {rules:?} {:?} {:?} {:?}", policy.chains, policy.sets, policy.counters, policy.tracks)
}

/// A refusal has reasons, and they can be shown.
fn shown(errors: &Diagnostics) {
    assert!(!errors.is_empty(), "refused without a reason");
    assert!(errors.to_string().contains("error: "));
}

/// Notes can be shown too.
fn unpositioned(ruleset: &Ruleset) {
    let notes = Diagnostics::notes(ruleset.sources.clone(), ruleset.notes.clone());
    assert_eq!(notes.is_empty(), notes.to_string().is_empty());
}
