//! Do the elements of sets contradict one another? Overlaps within a set, and elements that an earlier rule has
//! already decided the other way.

use std::sync::Arc;

use super::cover::Cover;
use super::model::Effect;
use super::region::Region;
use super::takers::Taken;
use super::values::Values;
use super::walk::Walk;
use super::written::{Shared, lists, shared};
use super::{Kind, Linter};
use crate::diagnostic::Span;
use crate::lower::element_bounds;
use crate::policy::{ChainId, Match, RuleId, Set, Statement, Test, Value};
use crate::ruleset;

impl Linter<'_> {
    /// Elements of one set that hold the same keys.
    pub(super) fn overlaps(&mut self) {
        let (policy, ruleset) = (self.analysis.policy, self.ruleset);
        for id in 0..policy.sets.len() {
            let Some(set) = self.places.set(ruleset, id) else { continue };
            let found = shared(&set.elements);
            self.overlap(found, &format!("of `{}` ", set.name), |linter, key| {
                linter.element_example(id, key)
            });
        }
        for chain in &policy.chains {
            let table = ruleset.table(chain.family, &chain.table);
            let Some(written) = table.and_then(|table| table.chains.get(&chain.name)) else { continue };
            for id in chain.rules.clone().map(RuleId) {
                let place = (policy.rules[id.index()].position as usize).checked_sub(1);
                let Some(rule) = place.and_then(|place| written.rules.get(place)) else { continue };
                if self.places.is_dump(id) {
                    continue;
                }
                for elements in lists(rule) {
                    self.overlap(shared(elements), "", |linter, key| linter.rule_example(id, key));
                }
            }
        }
    }

    fn overlap(
        &mut self,
        found: Vec<Shared>,
        of: &str,
        example: impl Fn(&Self, Value) -> Option<(super::Example, ChainId, RuleId)>,
    ) {
        let more = found.len().saturating_sub(MOST_SHOWN);
        for (place, shared) in found.into_iter().take(MOST_SHOWN).enumerate() {
            let shown = example(self, shared.low);
            let what = if shared.inside { "is contained in" } else { "overlaps" };
            let mut text = format!("this element {of}{what} another");
            if more > 0 && place + 1 == MOST_SHOWN {
                text = format!("{text} (and {more} more such elements)");
            }
            let finding = self.report(Kind::Overlap, shared.one, text);
            finding.related(shared.other, "the other element");
            if let Some((packet, base, rule)) = shown {
                finding.rule(rule).shown(packet, base, "both elements hold it");
            }
        }
    }

    /// A packet that the rule finds in a set of its own by `key`.
    fn rule_example(&self, id: RuleId, key: Value) -> Option<(super::Example, ChainId, RuleId)> {
        let policy = self.analysis.policy;
        let sets = policy.rules[id.index()].statements.iter().filter_map(|statement| match statement {
            Statement::Match(Match { test: Test::Lookup { set, negated: false }, .. }) => Some(*set),
            Statement::VerdictMap { map, .. } => Some(*map),
            _ => None,
        });
        let mut sets = sets.filter(|set| policy.sets[set.index()].name.is_none());
        sets.find_map(|set| self.element_example(set.index(), key))
    }

    /// A packet that a rule finds in the set by `key`.
    fn element_example(
        &self,
        set: usize,
        key: Value,
    ) -> Option<(super::Example, crate::policy::ChainId, RuleId)> {
        let policy = self.analysis.policy;
        let rules = policy.rules.iter().zip((0_u32..).map(RuleId));
        for (rule, id) in rules {
            let fields = rule.statements.iter().find_map(|statement| match statement {
                Statement::Match(condition) => match condition.test {
                    Test::Lookup { set: found, negated: false } if found.index() == set => {
                        Some(&condition.key)
                    }
                    _ => None,
                },
                Statement::VerdictMap { key, map } if map.index() == set => Some(key),
                _ => None,
            });
            let Some([field]) = fields.map(Vec::as_slice) else { continue };
            if !super::condition::part_of(&policy.sets[set], 0).contains(Some(key)) {
                return None;
            }
            let values = super::values::Values::within([(key, key)]);
            let limited = |region| self.analysis.limited(region, field, values.clone());
            let regions: Vec<Region> = self.analysis.arriving(id).into_iter().filter_map(limited).collect();
            if let Some((packet, base)) = self.example_for(&regions, id, |_, _| true) {
                return Some((packet, base, id));
            }
        }
        None
    }

    /// Elements that never do what their rule says, because a rule before it does the opposite.
    pub(super) fn contradictions(&mut self) {
        let policy = self.analysis.policy;
        for id in (0_u32..).map(RuleId).take(policy.rules.len()) {
            let model = &self.analysis.models[id.index()];
            let [branch] = &model.branches[..] else { continue };
            let (effect, regions) = (branch.effect, branch.regions.clone());
            if !matches!(effect, Effect::Accept | Effect::Drop | Effect::Reject(_)) || regions.len() != 1 {
                continue;
            }
            let lookup = policy.rules[id.index()].statements.iter().find_map(|statement| match statement {
                Statement::Match(condition) => match condition.test {
                    Test::Lookup { set, negated: false } if condition.key.len() == 1 => {
                        Some((condition.key[0], set))
                    }
                    _ => None,
                },
                _ => None,
            });
            let Some((field, set)) = lookup.filter(|(field, _)| field.is_plain()) else { continue };
            let Some((dimension, _)) =
                self.analysis.space.dimensions.iter().find(|(_, known)| **known == field)
            else {
                continue;
            };
            let elements = &policy.sets[set.index()];
            if !elements.is_alive() && self.is_shadowed(id) == Some(false) {
                self.contradicted(id, effect, dimension, set.index(), elements);
            }
        }
    }

    fn is_shadowed(&mut self, id: RuleId) -> Option<bool> {
        let arriving = self.analysis.arriving(id);
        match self.analysis.cover(&arriving, id) {
            Cover::All(_) => Some(true),
            Cover::Open(_) => Some(false),
            Cover::Unknown => None,
        }
    }

    fn contradicted(&mut self, id: RuleId, effect: Effect, dimension: u16, set: usize, elements: &Set) {
        let policy = self.analysis.policy;
        let chain = policy.rules[id.index()].chain;
        let arriving = self.analysis.arriving(id);
        // The values in that dimension that rules before this one, of another effect, name in part.
        let opposite = |other: Effect| match effect {
            Effect::Accept => matches!(other, Effect::Drop | Effect::Reject(_)),
            _ => other == Effect::Accept,
        };
        let takers = &self.analysis.takers[chain.index()];
        let before = takers.before(id);
        let effects =
            |taken: &Taken| self.analysis.models[taken.by.index()].branches.iter().map(|b| b.effect);
        let named: Vec<Arc<Values>> = takers
            .within(&before)
            .filter(|taken| effects(taken).all(opposite))
            .filter_map(|taken| taken.region.cell(dimension).map(|values| Arc::new(values.clone())))
            .collect();
        if named.is_empty() {
            return;
        }
        // What is decided alike whoever it is from is not what the elements are about.
        let alike = takers
            .within(&before)
            .filter(|taken| taken.region.cell(dimension).is_none() && !effects(taken).all(opposite));
        let mut arriving = arriving;
        for taken in alike {
            let dimensions = &self.analysis.space.dimensions;
            let left: Vec<Region> =
                arriving.iter().flat_map(|region| region.without(&taken.region, dimensions)).collect();
            if left.len() > MOST_PIECES {
                break;
            }
            arriving = left;
        }
        let mut shown = 0;
        if elements.len() > MOST_ELEMENTS {
            self.analysis.doubts.insert(id);
        }
        for element in 0..elements.len().min(MOST_ELEMENTS) {
            let (low, high) = (elements.low[element], elements.high[element]);
            let one = Values::within([(low, high)]);
            if shown >= MOST_SHOWN || !self.analysis.budget.spend(named.len()) {
                return;
            }
            if !named.iter().any(|values| values.meets(&one)) {
                continue;
            }
            let regions: Vec<Region> = arriving
                .iter()
                .filter_map(|region| region.clone().limited(dimension, Arc::new(one.clone())))
                .collect();
            if regions.is_empty() {
                continue;
            }
            let Cover::All(by) = self.analysis.cover(&regions, id) else { continue };
            let effects = by.iter().flat_map(|rule| &self.analysis.models[rule.index()].branches);
            if by.is_empty() || !effects.map(|branch| branch.effect).all(opposite) {
                continue;
            }
            let mut outcome = None;
            let found = self.example_for(&regions, id, |base, packet| {
                outcome = Walk::new(policy).run(base, packet);
                outcome.is_some_and(|outcome| outcome.rule.is_some_and(|rule| by.contains(&rule)))
            });
            let (Some((packet, base)), Some(outcome)) = (found, outcome) else { continue };
            let Some(first) = outcome.rule else { continue };
            shown += 1;
            let fate = (outcome.rule, Some(outcome.effect));
            let ruleset = self.ruleset;
            let place = self.places.set(ruleset, set).and_then(|set| {
                written(set).into_iter().find(|&(from, to, _)| from <= low && high <= to).map(|found| found.2)
            });
            let (own, other) = (self.places.rule(id), self.places.rule(first));
            let says = if effect == Effect::Accept { "accepted" } else { "stopped" };
            let at = place.unwrap_or(own);
            let (lines, fate) = (self.lines(&by, at), self.fate(fate.0, fate.1, at));
            let text =
                format!("this element is never {says} by its rule: {lines} before it does the opposite");
            let finding = self.report(Kind::Contradiction, at, text).rule(id);
            if place.is_some() {
                finding.related(own, "its rule");
            }
            finding.related(other, "this rule comes first").shown(packet, base, &fate);
            finding.by = by;
        }
    }
}

/// The elements of a set of keys of one part, as numbers, with their places.
fn written(set: &ruleset::Set) -> Vec<(Value, Value, Span)> {
    let bounds = |element: ruleset::Element| {
        let (low, high) = element_bounds(&set.key, &element.key)?;
        Some((low, high, element.key.span))
    };
    set.elements.iter().filter_map(bounds).collect()
}

/// Findings of a kind shown for one set, or rule.
const MOST_SHOWN: usize = 5;
/// Elements of one set that are looked at one by one.
const MOST_ELEMENTS: usize = 4096;
/// Boxes that packets of one rule are cut into.
const MOST_PIECES: usize = 64;
