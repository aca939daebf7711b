//! Where was it written? The spans of what a policy holds.

use crate::diagnostic::{Lines, Span};
use crate::iptables;
use crate::policy::{ChainId, Policy, RuleId};
use crate::ruleset::{Ruleset, Set};

/// Where the rules, chains and sets of a policy stand in the text.
pub(super) struct Places {
    rules: Vec<Span>,
    chains: Vec<Span>,
    /// By set: table and place among its sets, of those with a name.
    sets: Vec<Option<(usize, usize)>>,
    dumps: Vec<bool>,
    lines: Vec<Lines>,
}

impl Places {
    pub(super) fn new(ruleset: &Ruleset, policy: &Policy) -> Self {
        let written = |id: usize| {
            let chain = &policy.chains[id];
            ruleset.table(chain.family, &chain.table)?.chains.get(&chain.name)
        };
        let mut rules = vec![Span::default(); policy.rules.len()];
        let mut chains = vec![Span::default(); policy.chains.len()];
        for (id, chain) in policy.chains.iter().enumerate() {
            let Some(found) = written(id) else { continue };
            chains[id] = found.span;
            for (rule, span) in chain.rules.clone().zip(found.rules.iter().map(|rule| rule.span)) {
                rules[rule as usize] = span;
            }
        }
        let mut named = ruleset
            .tables
            .iter()
            .enumerate()
            .flat_map(|(table, found)| found.sets.iter().enumerate().map(move |(set, _)| (table, set)));
        let sets = policy.sets.iter().map(|set| set.name.as_ref().and_then(|_| named.next())).collect();
        Self {
            rules,
            chains,
            sets,
            dumps: ruleset.sources.iter().map(|source| iptables::is_dump(&source.text)).collect(),
            lines: ruleset.sources.iter().map(|source| Lines::of(&source.text)).collect(),
        }
    }

    pub(super) fn rule(&self, id: RuleId) -> Span {
        self.rules[id.index()]
    }

    pub(super) fn chain(&self, id: ChainId) -> Span {
        self.chains[id.index()]
    }

    /// The set as it was written, if it has a name.
    pub(super) fn set<'r>(&self, ruleset: &'r Ruleset, id: usize) -> Option<&'r Set> {
        let (table, set) = self.sets[id]?;
        ruleset.tables.iter().nth(table)?.sets.iter().nth(set)
    }

    /// Whether a rule comes from an iptables-save dump, where every rule counts.
    pub(super) fn is_dump(&self, id: RuleId) -> bool {
        self.dumps.get(usize::from(self.rule(id).source)).copied().unwrap_or(false)
    }

    pub(super) fn line(&self, ruleset: &Ruleset, span: Span) -> u32 {
        let source = usize::from(span.source);
        match (self.lines.get(source), ruleset.sources.get(source)) {
            (Some(lines), Some(source)) => lines.position(&source.text, span.start).0,
            _ => 0,
        }
    }
}
