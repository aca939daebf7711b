//! How do texts become a policy?

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, Sources};
use crate::files::Files;
use crate::policy::Policy;
use crate::ruleset::Ruleset;
use crate::{iptables, lower, nft};

/// A policy and the texts it came from, those included among them: [`crate::policy::Place::source`] is
/// the index.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What runs.
    pub policy: Policy,
    /// What was written.
    pub sources: Sources,
    /// What the administrator should know although nothing is wrong.
    pub notes: Diagnostics,
}

/// Reads every one of `sources`, one after the other as if they were one: nft files and iptables-save
/// dumps, told apart by what is in them.
///
/// # Errors
/// Everything that is not of their language or not supported, each with its place.
pub fn parse(sources: &[Source], files: &mut dyn Files) -> Result<Ruleset, Diagnostics> {
    let (ruleset, errors) = read(sources, files);
    if errors.is_empty() {
        return Ok(ruleset);
    }
    Err(Diagnostics::new(ruleset.sources, errors))
}

/// What could be read, and what could not.
fn read(sources: &[Source], files: &mut dyn Files) -> (Ruleset, Vec<Diagnostic>) {
    let mut ruleset = Ruleset::default();
    let mut errors = Vec::new();
    for source in sources {
        if iptables::is_dump(&source.text) {
            read_dump(source, &mut ruleset, &mut errors);
        } else {
            nft::parse(source, files, &mut ruleset, &mut errors);
        }
    }
    (ruleset, errors)
}

fn read_dump(source: &Source, ruleset: &mut Ruleset, errors: &mut Vec<Diagnostic>) {
    let number = u16::try_from(ruleset.sources.len()).unwrap_or(u16::MAX);
    Arc::make_mut(&mut ruleset.sources).push(source.clone());
    let report = iptables::read(number, &source.name, &source.text, None, ruleset);
    errors.extend(report.errors);
    ruleset.notes.extend(report.notes);
}

/// Reads `sources` and checks what they say.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn load(sources: &[Source], files: &mut dyn Files) -> Result<Loaded, Diagnostics> {
    let (ruleset, mut errors) = read(sources, files);
    if !errors.is_empty() {
        errors.extend(lower::complaints(&ruleset));
        return Err(Diagnostics::new(ruleset.sources, errors));
    }
    let policy = lower::lower(&ruleset)?;
    Ok(Loaded {
        policy,
        notes: Diagnostics::notes(ruleset.sources.clone(), ruleset.notes),
        sources: ruleset.sources,
    })
}
