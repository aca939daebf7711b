//! Which rules of a chain are worth running? Those that its tree names, or its index where no tree is good; all of them if
//! they are few.

use super::super::check::Below;
use super::super::constraint::{self, Constraint};
use super::super::facts::Facts;
use super::super::index::{Index, MOST_DIMENSIONS};
use super::super::interval::Intervals;
use super::super::sieve::{Sieve, Sifted};
use super::super::trace::Varies;
use config::policy::{self, Ct, Field, Load, Match, Meta, Policy, Statement, Target};

/// Which rules of a chain are worth running.
#[derive(Debug)]
pub(super) enum Selector {
    /// The rules before this one are run first: often the accept of what is established stands there.
    Sieve {
        first_rule: u32,
        sieve: Sieve,
    },
    Index(Indexed),
}

/// Which rules of a chain are worth running, where there is no good tree.
#[derive(Debug)]
pub(super) struct Indexed {
    /// What each dimension of the index is.
    pub(super) loads: Box<[Load]>,
    /// The rules before this one are run first: often the accept of what is established stands there.
    pub(super) first_rule: u32,
    /// What the choice depends on.
    pub(super) varies: Varies,
    /// Over the rules from `first_rule` on, that one being 0.
    pub(super) index: Index,
    /// The rule of each candidate, where a rule may be one in several ways.
    pub(super) rule_of: Option<Box<[u32]>>,
}

impl Selector {
    /// What finds the rules of `chain`; `None` if that is not worth it.
    pub(super) fn compile(
        policy: &Policy,
        chain: &policy::Chain,
        below: Below,
        marks: Marks,
        sifted: &mut [Sifted],
    ) -> Option<Self> {
        let of_chain = |from: u32| &policy.rules[from as usize..chain.rules.end as usize];
        let asks_state = |rule: &policy::Rule| match rule.statements.first() {
            Some(Statement::Match(Match { key, .. })) => {
                matches!(key[..], [Field { load: Load::Ct(Ct::State), .. }])
            }
            _ => false,
        };
        let mut first_rules = of_chain(chain.rules.start).iter().take(MOST_FIRST);
        let head = first_rules.rposition(asks_state).map_or(0, |last| last + 1);
        let first_rule = chain.rules.start + head as u32;
        let rules = of_chain(first_rule);
        if rules.len() <= FEW {
            return None;
        }
        let loads = loads_asked(rules, policy, below, marks);
        if !loads.is_empty()
            && let Some(sieve) = Sieve::compile(rules, first_rule, &loads, &policy.sets, sifted)
        {
            return Some(Self::Sieve { first_rule, sieve });
        }
        (chain.rules.len() > SHORT)
            .then(|| Indexed::compile(policy, chain, below, marks))
            .flatten()
            .map(Self::Index)
    }
}

/// The fields that rules ask for first and that stay as they are while a chain runs, the most frequent first; those that
/// few ask for are left out.
fn loads_asked(rules: &[policy::Rule], policy: &Policy, below: Below, marks: Marks) -> Box<[Load]> {
    let constraints = rules.iter().flat_map(|rule| Constraint::of(&rule.statements, &policy.sets));
    let mut uses: Vec<(Load, usize)> = Vec::new();
    for constraint in constraints.flatten() {
        match uses.iter_mut().find(|(load, _)| *load == constraint.load) {
            Some((_, count)) => *count += 1,
            None => uses.push((constraint.load, 1)),
        }
    }
    // `notrack` changes the state of the connection while the chain runs, behind the index; so do marks that are set.
    uses.retain(|&(load, count)| {
        count > rules.len() / RARE
            && !(Facts::<[u8]>::is_drawn(&load) || below.notrack && matches!(load, Load::Ct(_)))
            && !marks.set(load)
    });
    uses.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    uses.truncate(MOST_DIMENSIONS);
    uses.into_iter().map(|(load, _)| load).collect()
}

impl Indexed {
    /// An index over the rules of `chain`; `None` if its rules have nothing in common to ask first.
    fn compile(policy: &Policy, chain: &policy::Chain, below: Below, marks: Marks) -> Option<Self> {
        let first_rule = chain.rules.start + HEAD;
        let rules = &policy.rules[first_rule as usize..chain.rules.end as usize];
        let loads = loads_asked(rules, policy, below, marks);
        let ways: Vec<Vec<Vec<Constraint>>> =
            rules.iter().map(|rule| Constraint::of(&rule.statements, &policy.sets)).collect();
        let rule_of: Vec<u32> =
            (0..).zip(&ways).flat_map(|(rule, ways)| ways.iter().map(move |_| rule)).collect();
        let dimension = |constraint: Constraint| -> Option<(usize, Intervals)> {
            Some((loads.iter().position(|load| *load == constraint.load)?, constraint.allowed))
        };
        let items: Vec<Vec<(usize, Intervals)>> = ways
            .into_iter()
            .flatten()
            .map(|constraints| constraints.into_iter().filter_map(dimension).collect())
            .collect();
        let bits: Vec<u32> = loads.iter().map(constraint::bits).collect();
        let rule_of = (rule_of.len() > rules.len()).then(|| rule_of.into());
        let varies = loads
            .iter()
            .map(|load| Varies::of(&Field::plain(*load, constraint::bits(load) as u16)))
            .fold(Varies::BY_FLOW, Varies::or);
        (!loads.is_empty()).then(|| Self {
            index: Index::build(&bits, &items),
            varies,
            first_rule,
            loads,
            rule_of,
        })
    }
}

/// Which marks rules set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Marks {
    packet: bool,
    ct: bool,
}

impl Marks {
    pub(super) fn of(policy: &Policy) -> Self {
        let statements = || policy.rules.iter().flat_map(|rule| &rule.statements);
        let sets = |wanted| {
            statements().any(|statement| matches!(statement, Statement::Set(target, _) if *target == wanted))
        };
        Self { packet: sets(Target::Mark), ct: sets(Target::CtMark) }
    }

    const fn set(self, load: Load) -> bool {
        match load {
            Load::Meta(Meta::Mark) => self.packet,
            Load::Ct(Ct::Mark) => self.ct,
            _ => false,
        }
    }
}

/// Chains of at most this many rules are run rule by rule: asking the index costs as much as 15 to 20 rules do.
const SHORT: usize = 16;

/// Chains of so many rules behind the first are run rule by rule: asking a tree costs as much as three or four rules do.
const FEW: usize = 4;

/// Among the first so many rules of a chain with a tree, those up to the last that asks for the state are run before.
const MOST_FIRST: usize = 4;

/// How many rules of a chain with an index are run before it is asked.
const HEAD: u32 = 2;

/// A field is worth a dimension if more than one rule in this many asks for it.
const RARE: usize = 64;
