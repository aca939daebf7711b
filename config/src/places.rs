//! Where was it written? The spans of what a policy holds.

use crate::diagnostic::{Lines, Span};
use crate::iptables;
use crate::policy::{ChainId, Policy, RuleId, SetId, Statement, Test};
use crate::ruleset::{Ruleset, Set};

/// Where the rules, chains and sets of a policy stand in the text.
pub(crate) struct Places {
    rules: Vec<Span>,
    chains: Vec<Span>,
    /// By set: table and place among its sets, of those with a name.
    sets: Vec<Option<(usize, usize)>>,
    dumps: Vec<bool>,
    lines: Vec<Lines>,
}

impl Places {
    pub(crate) fn new(ruleset: &Ruleset, policy: &Policy) -> Self {
        let written = |id: usize| {
            let chain = &policy.chains[id];
            ruleset.table(chain.family, &chain.table)?.chains.get(&chain.name)
        };
        let mut rules = vec![Span::default(); policy.rules.len()];
        let mut chains = vec![Span::default(); policy.chains.len()];
        for (id, chain) in policy.chains.iter().enumerate() {
            let Some(found) = written(id) else { continue };
            chains[id] = found.span;
            for rule in chain.rules.clone() {
                // The rule of position 0 stands for the devices that the chain is bound to.
                let written = (policy.rules[rule as usize].position as usize).checked_sub(1);
                let written = written.and_then(|position| found.rules.get(position));
                rules[rule as usize] = written.map_or(found.span, |rule| rule.span);
            }
        }
        let tables = ruleset.tables.iter().enumerate();
        let mut named = tables
            .flat_map(|(table, found)| found.sets.iter().enumerate().map(move |(at, set)| (table, at, set)))
            .peekable();
        // A set that could not be lowered is in no policy; that of a meter is in no table.
        let sets = policy.sets.iter().map(|set| {
            let name = set.name.as_ref()?;
            while named.peek().is_some_and(|(.., written)| written.name != *name) {
                named.next();
            }
            named.next_if(|(.., written)| written.name == *name).map(|(table, at, _)| (table, at))
        });
        let sets = sets.collect();
        Self {
            rules,
            chains,
            sets,
            dumps: ruleset.sources.iter().map(|source| iptables::is_dump(&source.text)).collect(),
            lines: ruleset.sources.iter().map(|source| Lines::of(&source.text)).collect(),
        }
    }

    pub(crate) fn rule(&self, id: RuleId) -> Span {
        self.rules[id.index()]
    }

    pub(crate) fn chain(&self, id: ChainId) -> Span {
        self.chains[id.index()]
    }

    /// The set as it was written, if it has a name.
    pub(crate) fn set<'r>(&self, ruleset: &'r Ruleset, id: usize) -> Option<&'r Set> {
        let (table, set) = self.sets[id]?;
        ruleset.tables.iter().nth(table)?.sets.iter().nth(set)
    }

    /// Where the set stands: its name, or, if it has none, the first rule that looks into it.
    pub(crate) fn any_set(&self, ruleset: &Ruleset, policy: &Policy, id: SetId) -> Span {
        if let Some(set) = self.set(ruleset, id.index()) {
            return set.span;
        }
        let looks_into = |statement: &Statement| match statement {
            Statement::Match(condition) => matches!(condition.test, Test::Lookup { set, .. } if set == id),
            Statement::VerdictMap { map, .. } | Statement::Object { map, .. } => *map == id,
            Statement::Update(update) => update.set == id,
            _ => false,
        };
        let user = policy.rules.iter().position(|rule| rule.statements.iter().any(looks_into));
        user.and_then(|rule| self.rules.get(rule)).copied().unwrap_or_default()
    }

    /// Whether a rule comes from an iptables-save dump, where every rule counts.
    pub(crate) fn is_dump(&self, id: RuleId) -> bool {
        self.dumps.get(usize::from(self.rule(id).source)).copied().unwrap_or(false)
    }

    pub(crate) fn line(&self, ruleset: &Ruleset, span: Span) -> u32 {
        let source = usize::from(span.source);
        match (self.lines.get(source), ruleset.sources.get(source)) {
            (Some(lines), Some(source)) => lines.position(&source.text, span.start).0,
            _ => 0,
        }
    }
}
