//! How does a rule come in without compiling the others? Beside what is compiled, with its place between them.
//!
//! What is compiled stays as it is and is shared with the generations before. A chain that has more rules than were
//! compiled goes on finding those by its tree or index, in order; before each that it names run the added ones that
//! stand before it. So the first match is the first match. What is compiled of a chain relies on fields that stay as they
//! are while it runs, so that rules which change them are not taken in this way ([`super::joining`]), nor more than
//! [`MOST_ADDED`]: then everything is compiled anew.

use super::super::code::Code;
use super::super::decision::Verdict;
use super::super::sets::Set;
use super::super::sieve::End as SieveEnd;
use super::super::trace::Trace;
use super::run::Run;
use super::selector::Selector;
use crate::frame::Frame;
use config::policy::{ChainId, RuleId};
use std::ops::ControlFlow;
use std::sync::Arc;

/// The rules that came in since everything was compiled.
#[derive(Debug, Clone, Default)]
pub(super) struct Patch {
    chains: Vec<Changed>,
    /// By number, from the first that is not among the compiled ones.
    pub(super) rules: Vec<Arc<Code>>,
    /// Their sets, likewise.
    pub(super) sets: Vec<Arc<Set>>,
}

/// A chain that has rules which are not among the compiled ones.
#[derive(Debug, Clone)]
struct Changed {
    chain: ChainId,
    /// In order.
    added: Vec<Added>,
}

/// A rule, and the compiled one that it stands before; the end of the chain's if before none.
#[derive(Debug, Clone, Copy)]
struct Added {
    before: u32,
    rule: u32,
}

impl Patch {
    /// The rules that were added to a chain.
    #[inline]
    fn of(&self, chain: ChainId) -> Option<&[Added]> {
        let changed = self.chains.iter().find(|changed| changed.chain == chain)?;
        Some(&changed.added)
    }

    /// Whether rules were added to a chain.
    #[inline]
    pub(super) fn changes(&self, chain: ChainId) -> bool {
        !self.chains.is_empty() && self.of(chain).is_some()
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let rules = self.rules.iter().map(|rule| size_of::<Code>() + rule.memory_of_rules()).sum::<usize>();
        rules + self.sets.iter().map(|set| size_of::<Set>() + set.memory()).sum::<usize>()
    }

    /// How many rules a chain has besides the compiled ones.
    pub(super) fn added(&self, chain: ChainId) -> usize {
        self.of(chain).map_or(0, <[_]>::len)
    }

    /// Puts rule number `rule` in, so that it is number `at`, from 0, of the chain whose first compiled rule is `start`.
    pub(super) fn insert(&mut self, chain: ChainId, start: u32, at: u32, rule: u32) {
        let known = self.chains.iter().position(|changed| changed.chain == chain);
        let known = known.unwrap_or_else(|| {
            self.chains.push(Changed { chain, added: Vec::new() });
            self.chains.len() - 1
        });
        let added = &mut self.chains[known].added;
        let earlier = (0..).zip(&*added).take_while(|(number, one)| one.before - start + number < at).count();
        added.insert(earlier, Added { before: start + at - earlier as u32, rule });
    }
}

impl<F: Frame + ?Sized, T: Trace> Run<'_, '_, F, T> {
    /// The verdict of a chain to which rules were added, and the rule that gave it.
    #[cold]
    pub(super) fn patched(&mut self, id: ChainId, level: usize) -> Option<(Verdict, RuleId)> {
        self.walk(id, level).break_value().flatten()
    }

    fn walk(&mut self, id: ChainId, level: usize) -> ControlFlow<Option<(Verdict, RuleId)>> {
        let program = self.program;
        let chain = &program.chains[id.index()];
        let mut between = Between { added: program.patch.of(id).unwrap_or_default() };
        let first = match &chain.selector {
            None => chain.rules.end,
            Some(Selector::Sieve { first_rule, .. }) => *first_rule,
            Some(Selector::Index(indexed)) => indexed.first_rule,
        };
        for rule in chain.rules.start..first {
            self.rules(between.before(rule), level)?;
            self.rules(std::iter::once(rule), level)?;
        }
        // A rule may be several boxes.
        let mut last = None;
        match &chain.selector {
            None => {}
            Some(Selector::Sieve { sieve, .. }) => {
                let candidates = sieve.candidates(self.facts);
                if T::IS_KEPT {
                    self.trace.depends(sieve.varies(&candidates));
                }
                for end in candidates.map(SieveEnd::of_label) {
                    if last.is_some_and(|last| end.rule() <= last) {
                        continue;
                    }
                    self.rules(between.before(end.rule()), level)?;
                    if let Some(verdict) = end.verdict() {
                        return ControlFlow::Break(Some((verdict, RuleId(end.rule()))));
                    }
                    last = Some(end.rule());
                    self.rules(std::iter::once(end.rule()), level)?;
                }
            }
            Some(Selector::Index(indexed)) => {
                self.trace.depends(indexed.varies);
                let facts = *self.facts;
                let candidates = indexed.index.candidates(|dimension| facts.load(&indexed.loads[dimension]));
                for candidate in candidates {
                    let rule = indexed.rule_of.as_ref().map_or(candidate, |list| list[candidate as usize]);
                    let rule = indexed.first_rule + rule;
                    if last.replace(rule) != Some(rule) {
                        self.rules(between.before(rule), level)?;
                        self.rules(std::iter::once(rule), level)?;
                    }
                }
            }
        }
        self.rules(between.before(u32::MAX), level)
    }
}

/// The added rules of a chain that have not run.
struct Between<'a> {
    added: &'a [Added],
}

impl Between<'_> {
    /// Those that stand before this compiled rule. They are taken out.
    fn before(&mut self, rule: u32) -> impl Iterator<Item = u32> {
        let count = self.added.iter().take_while(|one| one.before <= rule).count();
        let (now, later) = self.added.split_at(count);
        self.added = later;
        now.iter().map(|one| one.rule)
    }
}

/// Rules that may be added before everything is compiled anew.
pub const MOST_ADDED: usize = 64;

#[cfg(test)]
mod tests {
    use super::{ChainId, Patch};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rules_stand_where_they_were_put(places in prop::collection::vec(any::<u32>(), 0..30), start in 0..9_u32, compiled in 0..6_u32) {
            let chain = ChainId(3);
            let (mut patch, mut plain) = (Patch::default(), (start..start + compiled).collect::<Vec<_>>());
            for (rule, at) in (100..).zip(places) {
                let at = at % (plain.len() as u32 + 1);
                patch.insert(chain, start, at, rule);
                plain.insert(at as usize, rule);
                let mut found = Vec::new();
                let added = patch.of(chain).unwrap_or_default();
                for rule in start..=start + compiled {
                    found.extend(added.iter().filter(|one| one.before == rule).map(|one| one.rule));
                    found.extend((rule < start + compiled).then_some(rule));
                }
                prop_assert_eq!(&found, &plain);
            }
        }
    }
}
