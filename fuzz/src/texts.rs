//! What must hold of every ruleset? It is refused with a reason, or what is printed means what was read.

use crate::policies;
use config::{Diagnostics, Files, NoFiles, Policy, Ruleset, Source};

/// Every path that is included stands for this one text.
#[derive(Debug)]
pub struct Included<'a>(pub &'a str);

impl Files for Included<'_> {
    fn find(&mut self, pattern: &str, _from: &str) -> Result<Vec<String>, String> {
        Ok(vec![pattern.to_owned()])
    }

    fn read(&mut self, _path: &str) -> Result<String, String> {
        Ok(self.0.to_owned())
    }
}

/// Reads `texts` as one ruleset and checks all that is claimed of it.
///
/// # Panics
/// If a claim does not hold.
pub fn check(texts: &[&str], files: &mut dyn Files) {
    let sources: Vec<Source> =
        (0..).zip(texts).map(|(n, text)| Source::new(format!("text{n}"), *text)).collect();
    let loaded = config::load(&sources, files);
    let ruleset = match config::parse(&sources, files) {
        Ok(ruleset) => ruleset,
        Err(errors) => {
            assert!(loaded.is_err(), "refused by `parse`, taken by `load`");
            return shown(&errors);
        }
    };
    let printed = config::print(&ruleset);
    let again = config::parse(&[Source::new("printed", printed.as_str())], &mut NoFiles);
    let again = again.unwrap_or_else(|errors| panic!("what is printed is refused:\n{errors}\n{printed}"));
    assert_eq!(config::print(&again), printed, "printed twice, not the same");
    let lowered = config::lower(&ruleset);
    assert_eq!(loaded.is_ok(), lowered.is_ok(), "`load` and `lower` disagree");
    match (lowered, config::lower(&again)) {
        (Ok(policy), Ok(other)) => {
            assert_eq!(meaning(&policy), meaning(&other), "what is printed means something else:\n{printed}");
            policies::check(&policy);
        }
        (Err(errors), Err(_)) => shown(&errors),
        (Ok(_), Err(errors)) => panic!("what is printed cannot run:\n{errors}\n{printed}"),
        (Err(errors), Ok(_)) => panic!("what is printed can run:\n{errors}\n{printed}"),
    }
    unpositioned(&ruleset);
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
