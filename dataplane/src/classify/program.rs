//! How is the verdict found without running every rule? The policy, compiled.
//!
//! Each chain has a tree over the fields its rules ask for first, or an index where no tree is good; it names the rules
//! that may match, in order, and only those are run. A rule that is run is run whole; one that is nothing but what the
//! tree has looked at, and a verdict, need not be run. Chains of a few rules have neither.

use super::check::{self, Below, CompileError};
use super::code::{Code, End, Rules};
use super::constraint::{self, Constraint};
use super::counters::Counters;
use super::decision::{DecidedBy, Decision, Evaluation, Verdict};
use super::facts::Facts;
use super::index::{Index, MOST_DIMENSIONS};
use super::interval::Intervals;
use super::reference::{MOST_LEVELS, sees};
use super::sieve::{End as SieveEnd, Sieve, Sifted};
use super::stage::{Phase, Stage};
use super::trace::{Trace, Varies};
use crate::frame::Frame;
use crate::object::numbers::each_field;
use crate::object::{LogRing, Objects, Seed};
use ahash::RandomState;
use config::policy::{
    self, ChainId, ChainPolicy, Ct, Family, Field, Hook, Load, Match, Meta, Policy, RuleId, Statement,
    Target, Tracks,
};
use std::ops::ControlFlow;
use std::sync::Arc;

mod ahead;
mod joining;
mod patch;

pub use ahead::{Ahead, AheadOf, Boxes};
pub use patch::MOST_ADDED;
use patch::Patch;

/// A compiled policy: shared by all workers, never written. What is large is shared with the programs that came of it
/// by a rule more.
#[derive(Debug)]
pub struct Program {
    /// The base chains of each hook, in order.
    hooks: Arc<[Box<[BaseChain]>; Hook::COUNT]>,
    chains: Arc<[Chain]>,
    /// By chain.
    below: Arc<[Below]>,
    /// Which chain to look at ahead where one is run, by chain.
    leads_to: Arc<[Option<ChainId>]>,
    code: Arc<Code>,
    /// The rules that came in since.
    patch: Patch,
    objects: Arc<Objects>,
    logs: bool,
    /// Whether a rule asks for random numbers.
    draws: bool,
    counters: usize,
    tracks: Tracks,
}

#[derive(Debug)]
struct BaseChain {
    chain: ChainId,
    phase: Phase,
    family: Family,
    policy: Verdict,
    is_iptables: bool,
}

#[derive(Debug)]
struct Chain {
    rules: Rules,
    selector: Option<Selector>,
}

/// Which rules of a chain are worth running.
#[derive(Debug)]
enum Selector {
    /// The rules before this one are run first: often the accept of what is established stands there.
    Sieve {
        first_rule: u32,
        sieve: Sieve,
    },
    Index(Indexed),
}

/// Which rules of a chain are worth running, where there is no good tree.
#[derive(Debug)]
struct Indexed {
    /// What each dimension of the index is.
    loads: Box<[Load]>,
    /// The rules before this one are run first: often the accept of what is established stands there.
    first_rule: u32,
    /// What the choice depends on.
    varies: Varies,
    /// Over the rules from `first_rule` on, that one being 0.
    index: Index,
    /// The rule of each candidate, where a rule may be one in several ways.
    rule_of: Option<Box<[u32]>>,
}

impl Program {
    /// Compiles `policy`.
    ///
    /// # Errors
    /// If the policy could not run; see [`CompileError`].
    pub fn compile(policy: &Policy) -> Result<Self, CompileError> {
        Self::compile_at(policy, 0, random_seed())
    }

    /// As [`Self::compile`], for elements of sets that have so much time left at `now`
    /// ([`crate::object::Now::monotonic_ns`]), and with this secret for sets that packets change.
    ///
    /// # Errors
    /// If the policy could not run; see [`CompileError`].
    pub fn compile_at(policy: &Policy, now: u64, seed: Seed) -> Result<Self, CompileError> {
        let below = check::check(policy)?;
        let objects = Objects::new(policy, now, seed).ok_or(CompileError::Objects)?;
        Ok(Self::of(policy, below, Arc::new(objects)))
    }

    /// Compiles `policy`, whose rules have changed and nothing else, for the same objects. `None` if these are not its
    /// objects, or it could not run.
    pub(crate) fn compile_beside(&self, policy: &Policy) -> Option<Self> {
        let below = check::check(policy).ok().filter(|_| self.objects.serve(policy))?;
        let program = Self::of(policy, below, Arc::clone(&self.objects));
        let same = (program.counters, program.tracks) == (self.counters, self.tracks);
        (same && self.logs >= program.logs).then_some(program)
    }

    fn of(policy: &Policy, below: Vec<Below>, objects: Arc<Objects>) -> Self {
        let marks = Marks::of(policy);
        let mut sifted = vec![Sifted::default(); policy.rules.len()];
        let chains: Arc<[Chain]> = policy
            .chains
            .iter()
            .zip(&below)
            .map(|(chain, below)| Chain::compile(policy, chain, *below, marks, &mut sifted))
            .collect();
        Self {
            hooks: Arc::new(HOOKS.map(|hook| BaseChain::of_hook(policy, hook))),
            leads_to: ahead::leads_to(policy, &chains).into(),
            chains,
            below: below.into(),
            code: Arc::new(Code::compile(policy, &objects, &sifted)),
            patch: Patch::default(),
            objects,
            logs: policy.rules.iter().flat_map(|rule| &rule.statements).any(is_log),
            draws: draws(policy),
            counters: policy.counters.len(),
            tracks: policy.tracks,
        }
    }

    /// A bank of counters for one worker, from zero.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let counters = Counters::new(self.counters).with_secret(random_seed()[0]);
        if self.logs { counters.with_log(LogRing::new(LOG_RECORDS)) } else { counters }
    }

    /// How many counters its rules have.
    pub(crate) const fn counted(&self) -> usize {
        self.counters
    }

    /// A random number for a packet, from the bank of the worker that has it; 0 if no rule asks for one.
    #[inline]
    #[must_use]
    pub fn draw(&self, counters: &Counters) -> u64 {
        if self.draws { counters.draw() } else { 0 }
    }

    /// Its limits, quotas and changing sets, shared by all workers.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// For which packets connections are tracked.
    #[must_use]
    pub const fn tracks(&self) -> Tracks {
        self.tracks
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let selectors = self.chains.iter().filter_map(|chain| chain.selector.as_ref());
        let indices: usize = selectors
            .map(|selector| match selector {
                Selector::Sieve { sieve, .. } => sieve.memory(),
                Selector::Index(Indexed { index, rule_of, .. }) => {
                    index.memory() + rule_of.as_ref().map_or(0, |list| size_of_val(&**list))
                }
            })
            .sum();
        self.code.memory()
            + self.patch.memory()
            + self.objects.memory()
            + size_of_val(&*self.chains)
            + indices
    }

    /// Whether there is a base chain in one of these stages.
    #[must_use]
    pub fn has_chains(&self, stages: &[Stage]) -> bool {
        stages.iter().any(|stage| self.has_chain(*stage))
    }

    #[inline]
    fn has_chain(&self, stage: Stage) -> bool {
        self.hooks[stage.hook as usize].iter().any(|base| stage.phase.covers(base.phase))
    }

    /// Runs the base chains of `stages`, in order, until one refuses the packet. What was decided is added to
    /// `evaluation`; if that is a refusal already, nothing runs. What rules change of `facts` is in `evaluation`; what a
    /// hook changes is as it was afterwards.
    pub fn run<F: Frame + ?Sized>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) {
        self.run_with(stages, facts, counters, evaluation, &mut (), None);
    }

    /// As [`Self::run`], of a packet for which boxes were found ahead; what `facts` say is as it was then, but for the state
    /// and marks. Tells `trace` what the outcome depends on, but for the boxes; `()` hears nothing.
    pub fn run_ahead<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        ahead: AheadOf<'_>,
        trace: &mut T,
    ) {
        self.run_with(stages, facts, counters, evaluation, trace, Some(ahead));
    }

    /// As [`Self::run`], and tells `trace` what the outcome depends on.
    pub fn run_traced<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        trace: &mut T,
    ) {
        self.run_with(stages, facts, counters, evaluation, trace, None);
    }

    fn run_with<F: Frame + ?Sized, T: Trace>(
        &self,
        stages: &[Stage],
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
        trace: &mut T,
        ahead: Option<AheadOf<'_>>,
    ) {
        for stage in stages {
            if !self.has_chain(*stage) {
                continue;
            }
            let before = (facts.iif, facts.oif, facts.ct_state);
            facts.enter(stage.hook);
            facts.come_so_far(evaluation);
            for base in &self.hooks[stage.hook as usize] {
                if evaluation.is_refused() {
                    break;
                }
                if !stage.phase.covers(base.phase) || !sees(base.family, facts.packet) {
                    continue;
                }
                facts.known.shows_template = base.is_iptables;
                let mut run = Run { program: self, facts: &mut *facts, counters, evaluation, trace, ahead };
                let (verdict, decided_by) = run
                    .chain(base.chain, 0)
                    .map_or((base.policy, DecidedBy::ChainPolicy(base.chain)), |(verdict, rule)| {
                        (verdict, DecidedBy::Rule(rule))
                    });
                let has_rules =
                    !self.chains[base.chain.index()].rules.is_empty() || self.patch.changes(base.chain);
                evaluation.record(Decision { verdict, decided_by }, has_rules);
            }
            (facts.iif, facts.oif, facts.ct_state) = before;
            facts.known.no_room = false;
        }
    }
}

impl Program {
    /// The code of a rule.
    #[inline]
    fn code_of(&self, rule: u32) -> &Code {
        match rule.checked_sub(self.code.rules()) {
            None => &self.code,
            Some(added) => &self.patch.rules[added as usize],
        }
    }
}

impl BaseChain {
    fn of_hook(policy: &Policy, hook: Hook) -> Box<[Self]> {
        let compile = |id: ChainId| {
            let chain = &policy.chains[id.index()];
            let base = chain.base?;
            let verdict = match base.policy {
                ChainPolicy::Accept => Verdict::Accept,
                ChainPolicy::Drop => Verdict::Drop,
            };
            let phase = Phase::of(hook, base.priority);
            let is_iptables = base.is_iptables;
            Some(Self { chain: id, phase, family: chain.family, policy: verdict, is_iptables })
        };
        policy.base_chains(hook).into_iter().filter_map(compile).collect()
    }
}

impl Chain {
    fn compile(
        policy: &Policy,
        chain: &policy::Chain,
        below: Below,
        marks: Marks,
        sifted: &mut [Sifted],
    ) -> Self {
        let selector = Selector::compile(policy, chain, below, marks, sifted);
        Self { rules: chain.rules.clone(), selector }
    }
}

impl Selector {
    /// What finds the rules of `chain`; `None` if that is not worth it.
    fn compile(
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
struct Marks {
    packet: bool,
    ct: bool,
}

impl Marks {
    fn of(policy: &Policy) -> Self {
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

/// A secret of this process.
pub(crate) fn random_seed() -> Seed {
    std::array::from_fn(|number| RandomState::new().hash_one(number))
}

/// Whether a rule of `policy` asks for random numbers.
fn draws(policy: &Policy) -> bool {
    let mut found = false;
    for statement in policy.rules.iter().flat_map(|rule| &rule.statements) {
        each_field(statement, |field| found |= Facts::<[u8]>::is_drawn(&field.load));
    }
    found
}

const fn is_log(statement: &Statement) -> bool {
    matches!(statement, Statement::Log(_))
}

/// One packet on its way through the chains.
struct Run<'a, 'b, F: Frame + ?Sized, T> {
    program: &'a Program,
    facts: &'a mut Facts<'b, F>,
    counters: &'a Counters,
    evaluation: &'a mut Evaluation,
    trace: &'a mut T,
    ahead: Option<AheadOf<'a>>,
}

impl<F: Frame + ?Sized, T: Trace> Run<'_, '_, F, T> {
    /// The verdict of a chain and the rule that gave it; `None` if the chain was left without one.
    fn chain(&mut self, id: ChainId, level: usize) -> Option<(Verdict, RuleId)> {
        let program = self.program;
        if program.patch.changes(id) {
            return self.patched(id, level);
        }
        let chain = &program.chains[id.index()];
        let selector = match &chain.selector {
            None => return self.rules(chain.rules.clone(), level).break_value().flatten(),
            Some(Selector::Sieve { first_rule, sieve }) => {
                return match self.rules(chain.rules.start..*first_rule, level) {
                    ControlFlow::Break(left) => left,
                    ControlFlow::Continue(()) => self.sieved(id, sieve, level),
                };
            }
            Some(Selector::Index(selector)) => selector,
        };
        if let ControlFlow::Break(left) = self.rules(chain.rules.start..selector.first_rule, level) {
            return left;
        }
        self.trace.depends(selector.varies);
        let facts = *self.facts;
        let mut candidates = selector.index.candidates(|dimension| facts.load(&selector.loads[dimension]));
        let Some(rule_of) = &selector.rule_of else {
            let rules = std::iter::from_fn(|| candidates.next().map(|number| selector.first_rule + number));
            return self.rules(rules, level).break_value().flatten();
        };
        let mut last = None;
        let rules = std::iter::from_fn(|| {
            loop {
                let rule = rule_of[candidates.next()? as usize];
                if last.replace(rule) != Some(rule) {
                    return Some(selector.first_rule + rule);
                }
            }
        });
        self.rules(rules, level).break_value().flatten()
    }

    /// The verdict of the rules that a sieve names.
    #[inline]
    fn sieved(&mut self, chain: ChainId, sieve: &Sieve, level: usize) -> Option<(Verdict, RuleId)> {
        let mut last = None;
        if let Some(ahead) = self.ahead
            && let Some(found) = ahead.found(chain, sieve, self.facts)
        {
            let end = found?;
            if let Some(verdict) = end.verdict() {
                return Some((verdict, RuleId(end.rule())));
            }
            if let ControlFlow::Break(left) = self.rules(std::iter::once(end.rule()), level) {
                return left;
            }
            last = Some(end.rule());
        }
        let candidates = sieve.candidates(self.facts);
        if T::IS_KEPT {
            self.trace.depends(sieve.varies(&candidates));
        }
        for candidate in candidates {
            let end = SieveEnd::of_label(candidate);
            // A rule may be several boxes.
            if last.is_some_and(|last| end.rule() <= last) {
                continue;
            }
            if let Some(verdict) = end.verdict() {
                return Some((verdict, RuleId(end.rule())));
            }
            last = Some(end.rule());
            if let ControlFlow::Break(left) = self.rules(std::iter::once(end.rule()), level) {
                return left;
            }
        }
        None
    }

    /// Runs these rules of a chain: goes on if none of them left it, breaks with the verdict, if any, otherwise.
    #[inline]
    fn rules(
        &mut self,
        rules: impl Iterator<Item = u32>,
        level: usize,
    ) -> ControlFlow<Option<(Verdict, RuleId)>> {
        for rule in rules {
            let (target, comes_back) = match self.program.code_of(rule).run(
                rule,
                self.facts,
                &self.program.objects,
                self.counters,
                self.evaluation,
                self.trace,
            ) {
                End::Next => continue,
                End::Decided(verdict) => return ControlFlow::Break(Some((verdict, RuleId(rule)))),
                End::Return => return ControlFlow::Break(None),
                End::Jump(target) => (target, true),
                End::Goto(target) => (target, false),
            };
            if level == MOST_LEVELS {
                return ControlFlow::Break(Some((Verdict::Drop, RuleId(rule))));
            }
            let decided = self.chain(target, level + 1);
            if decided.is_some() || !comes_back {
                return ControlFlow::Break(decided);
            }
        }
        ControlFlow::Continue(())
    }
}

/// The hooks in the order of their numbers.
const HOOKS: [Hook; Hook::COUNT] = [
    Hook::Ingress,
    Hook::Prerouting,
    Hook::Input,
    Hook::Forward,
    Hook::Output,
    Hook::Postrouting,
    Hook::Egress,
];

/// Chains of at most this many rules are run rule by rule: asking the index costs as much as 15 to 20 rules do.
const SHORT: usize = 16;

/// Chains of so many rules behind the first are run rule by rule: asking a tree costs as much as three or four rules do.
const FEW: usize = 4;

/// Among the first so many rules of a chain with a tree, those up to the last that asks for the state are run before.
const MOST_FIRST: usize = 4;

/// How many rules of a chain with an index are run before it is asked.
const HEAD: u32 = 2;

/// Log records one worker may have waiting for the control thread.
const LOG_RECORDS: usize = 1024;

/// A field is worth a dimension if more than one rule in this many asks for it.
const RARE: usize = 64;
