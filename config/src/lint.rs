//! Does the ruleset say what its administrator means? Rules that never match, rules without effect, and holes that
//! are easily overlooked.
//!
//! Findings are proven on the policy: every rule is taken as the set of packets it matches, exactly where its
//! conditions are plain tests of fields, and as "perhaps" where they are limits, quotas, random numbers or sets that
//! packets change. What would take too long to prove is not reported. A rule that counts, logs, marks or changes a
//! set has an effect and is never called redundant.

mod analysis;
mod condition;
mod cover;
mod domain;
mod elements;
mod ends;
mod example;
mod input;
mod keep;
mod model;
mod redundant;
mod region;
mod rules;
mod shadowed;
mod showing;
mod takers;
mod tracking;
mod unused;
mod values;
mod walk;
mod ways;
mod wording;
mod written;

use std::collections::HashMap;
use std::fmt;

pub use example::Example;
pub use keep::{Keep, Network};

use crate::diagnostic::{Diagnostic, Span};
use crate::places::Places;
use crate::policy::{ChainId, Policy, RuleId};
use crate::ruleset::Ruleset;
use analysis::Analysis;

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Earlier rules take all that a rule could match.
    Shadowed,
    /// Without the rule every packet fares the same.
    Redundant,
    /// A rule matches no packet that its hook sees.
    NeverMatches,
    /// A condition on `ct state` holds for every packet or for none.
    CtState,
    /// No packet comes to a chain.
    UnreachableChain,
    /// A set, map, counter or other named object that no rule names.
    Unused,
    /// Elements of one set that overlap.
    Overlap,
    /// An element that decides nothing, because an earlier rule decides the opposite.
    Contradiction,
    /// Packets that belong to no connection are accepted by a ruleset that tracks connections.
    InvalidAccepted,
    /// IPv6 is let in, but not what it needs to find its neighbours.
    NoNeighbours,
    /// Packets of known connections are stopped, or looked at by many rules, before they are accepted.
    LateEstablished,
    /// What no rule decides is accepted.
    PolicyAccept,
    /// The port to be kept open is closed.
    LockOut,
}

impl Kind {
    /// The word for it, as in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Shadowed => "shadowed",
            Self::Redundant => "redundant",
            Self::NeverMatches => "never-matches",
            Self::CtState => "ct-state",
            Self::UnreachableChain => "unreachable-chain",
            Self::Unused => "unused",
            Self::Overlap => "overlap",
            Self::Contradiction => "contradiction",
            Self::InvalidAccepted => "invalid-accepted",
            Self::NoNeighbours => "no-neighbours",
            Self::LateEstablished => "late-established",
            Self::PolicyAccept => "policy-accept",
            Self::LockOut => "lock-out",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// Where, what, and what else has to do with it.
    pub diagnostic: Diagnostic,
    /// The rule it is about.
    pub rule: Option<RuleId>,
    /// The rules that make it so.
    pub by: Vec<RuleId>,
    /// A packet that shows it, and the base chain it is to be given to.
    pub packet: Option<(Example, ChainId)>,
}

/// What came of looking.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Linted {
    /// What was found, in the order of the text.
    pub findings: Vec<Finding>,
    /// What would have taken too long to look through.
    pub unproven: Vec<Diagnostic>,
}

/// Everything that there is to find in `policy`, which `ruleset` was lowered to.
#[must_use]
pub fn lint(ruleset: &Ruleset, policy: &Policy, keep: &[Keep]) -> Linted {
    let mut linter = Linter {
        ruleset,
        places: Places::new(ruleset, policy),
        analysis: Analysis::new(policy),
        findings: Vec::new(),
    };
    linter.rules();
    linter.chains();
    linter.unused();
    linter.overlaps();
    linter.contradictions();
    linter.tracking();
    linter.input(keep);
    linter.once();
    let mut findings = linter.findings;
    findings.sort_by_key(|finding| (finding.diagnostic.span, finding.kind));
    let unproven = linter.analysis.doubts.first().map(|&first| {
        let more = linter.analysis.doubts.len() - 1;
        unproven(&linter.places, first, more)
    });
    Linted { findings, unproven: unproven.into_iter().collect() }
}

/// What would have taken too long: `first` is the first of these rules, and there are so many more.
fn unproven(places: &Places, first: RuleId, more: usize) -> Diagnostic {
    let others = match more {
        0 => String::new(),
        1 => " and 1 more".to_owned(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "this rule{others} would take too long to look through: that nothing is said of it does not mean that it is \
         without fault"
    );
    Diagnostic::new(places.rule(first), text)
}

/// What is being looked at, and what was found so far.
struct Linter<'a> {
    ruleset: &'a Ruleset,
    places: Places,
    analysis: Analysis<'a>,
    findings: Vec<Finding>,
}

impl Linter<'_> {
    /// Takes back that a rule changes nothing, if that is so only because of rules which, as it is there, never match:
    /// the same said twice is one finding.
    fn once(&mut self) {
        let shadowed: HashMap<RuleId, Vec<RuleId>> = (self.findings.iter())
            .filter(|finding| finding.kind == Kind::Shadowed)
            .filter_map(|finding| Some((finding.rule?, finding.by.clone())))
            .collect();
        self.findings.retain(|finding| {
            let Some(rule) = finding.rule.filter(|_| finding.kind == Kind::Redundant) else { return true };
            let by_it = |other: &RuleId| shadowed.get(other).is_some_and(|by| by.contains(&rule));
            finding.by.is_empty() || !finding.by.iter().all(by_it)
        });
    }

    /// Reports `kind` at `span`.
    fn report(&mut self, kind: Kind, span: Span, message: impl Into<String>) -> &mut Finding {
        self.findings.push(Finding {
            kind,
            diagnostic: Diagnostic::new(span, format!("{} [{kind}]", message.into())),
            rule: None,
            by: Vec::new(),
            packet: None,
        });
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

impl Finding {
    /// About this rule.
    fn rule(&mut self, rule: RuleId) -> &mut Self {
        self.rule = Some(rule);
        self
    }

    /// What else has to do with it.
    fn related(&mut self, span: Span, message: impl Into<String>) -> &mut Self {
        self.diagnostic.related.push((span, message.into()));
        self
    }

    /// Shown by this packet on that base chain, which does as told.
    fn shown(&mut self, packet: Example, base: ChainId, fate: &str) -> &mut Self {
        self.diagnostic.example = Some(format!("{packet}: {fate}"));
        self.packet = Some((packet, base));
        self
    }

    fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.diagnostic.help = Some(help.into());
        self
    }
}
