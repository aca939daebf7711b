//! How do texts become a policy?

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics, Source, Sources, Span};
use crate::files::Files;
use crate::iptables::{Beside, IpSets};
use crate::leave_out::{self, LeftOut};
use crate::places::Places;
use crate::policy::{ChainId, Policy, RuleId, SetId};
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
    /// What does not filter and was left out.
    pub left_out: Vec<LeftOut>,
}

/// What the administrator says besides the texts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// What is left out although it is there: tables of a dump by name, chains of nft by type (`nat`, `route`).
    pub leave_out: Vec<String>,
}

/// Reads every one of `sources`, one after the other as if they were one: nft files, iptables-save dumps and the
/// output of `ipset save`, told apart by what is in them.
///
/// # Errors
/// Everything that is not of their language or not supported, each with its place.
pub fn parse(sources: &[Source], files: &mut dyn Files) -> Result<Ruleset, Diagnostics> {
    parse_with(sources, files, &Options::default())
}

/// As [`parse`], with `options`.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    sources: &[Source],
    files: &mut dyn Files,
    options: &Options,
) -> Result<Ruleset, Diagnostics> {
    let (ruleset, errors) = read(sources, files, options);
    if errors.is_empty() {
        return Ok(ruleset);
    }
    Err(Diagnostics::new(ruleset.sources, errors))
}

/// What could be read, and what could not. Saved sets come first: dumps refer to them.
fn read(sources: &[Source], files: &mut dyn Files, options: &Options) -> (Ruleset, Vec<Diagnostic>) {
    let mut ruleset = Ruleset::default();
    let mut errors = Vec::new();
    let mut sets = IpSets::default();
    let (saved, others): (Vec<&Source>, Vec<&Source>) =
        sources.iter().partition(|source| IpSets::is_save(&source.text));
    for source in saved {
        let number = add_source(source, &mut ruleset);
        sets.read(number, &source.text, &mut errors);
    }
    let beside = Beside { sets: &sets, leave_out: &options.leave_out };
    for source in others {
        if iptables::is_dump(&source.text) {
            read_dump(source, &beside, &mut ruleset, &mut errors);
        } else {
            nft::parse(source, files, &mut ruleset, &mut errors);
        }
    }
    let chains = leave_out::chains(&mut ruleset, options, &mut errors);
    ruleset.left_out.extend(chains);
    let notes = ruleset.left_out.iter().map(LeftOut::note);
    ruleset.notes.extend(notes);
    (ruleset, errors)
}

fn add_source(source: &Source, ruleset: &mut Ruleset) -> u16 {
    let number = u16::try_from(ruleset.sources.len()).unwrap_or(u16::MAX);
    Arc::make_mut(&mut ruleset.sources).push(source.clone());
    number
}

fn read_dump(source: &Source, beside: &Beside<'_>, ruleset: &mut Ruleset, errors: &mut Vec<Diagnostic>) {
    let number = add_source(source, ruleset);
    let report = iptables::read((number, &source.name, &source.text), None, beside, ruleset);
    errors.extend(report.errors);
    ruleset.notes.extend(report.notes);
    ruleset.left_out.extend(report.left_out);
}

/// Reads `sources` and checks what they say.
///
/// # Errors
/// Everything that is wrong with them, each with its place.
pub fn load(sources: &[Source], files: &mut dyn Files) -> Result<Loaded, Diagnostics> {
    load_with(sources, files, &Options::default())
}

/// As [`load`], with `options`.
///
/// # Errors
/// As [`load`].
pub fn load_with(
    sources: &[Source],
    files: &mut dyn Files,
    options: &Options,
) -> Result<Loaded, Diagnostics> {
    load_for(sources, files, options, &|_| Vec::new())
}

/// What whoever is to run a policy says against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What it is about.
    pub at: At,
    /// What is wrong, in lower case without a full stop.
    pub message: String,
    /// What would put it right.
    pub help: Option<String>,
    /// Whether it may only follow from an error of the ruleset; then it is not told beside one.
    pub may_follow: bool,
}

/// A part of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A rule.
    Rule(RuleId),
    /// A set or map.
    Set(SetId),
    /// A chain.
    Chain(ChainId),
    /// All of it.
    Policy,
}

/// As [`load_with`], for someone who may object to what cannot be run. `objections` is also asked about what could be
/// made of a ruleset with errors, so that all that is wrong is told at once.
///
/// # Errors
/// As [`load`], and every objection at its place.
pub fn load_for(
    sources: &[Source],
    files: &mut dyn Files,
    options: &Options,
    objections: &dyn Fn(&Policy) -> Vec<Objection>,
) -> Result<Loaded, Diagnostics> {
    let (ruleset, mut errors) = read(sources, files, options);
    let (policy, complaints) = lower::lower_whole(&ruleset);
    errors.extend(complaints);
    let mut objections = objections(&policy);
    objections.retain(|objection| errors.is_empty() || !objection.may_follow);
    if !objections.is_empty() {
        let places = Places::new(&ruleset, &policy);
        errors.extend(objections.into_iter().map(|objection| {
            let span = match objection.at {
                At::Rule(id) => places.rule(id),
                At::Set(id) => places.any_set(&ruleset, &policy, id),
                At::Chain(id) => places.chain(id),
                At::Policy => Span::default(),
            };
            Diagnostic { help: objection.help, ..Diagnostic::new(span, objection.message) }
        }));
    }
    if !errors.is_empty() {
        return Err(Diagnostics::new(ruleset.sources, errors));
    }
    Ok(Loaded {
        policy,
        notes: Diagnostics::notes(ruleset.sources.clone(), ruleset.notes),
        sources: ruleset.sources,
        left_out: ruleset.left_out,
    })
}
