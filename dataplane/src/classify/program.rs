//! How is the verdict found without running every rule? The policy, compiled.
//!
//! Each chain has a tree over the fields its rules ask for first, or an index where no tree is good; it names the rules
//! that may match, in order, and only those are run. A rule that is run is run whole; one that is nothing but what the
//! tree has looked at, and a verdict, need not be run. Chains of a few rules have neither.

use super::check::{self, Below, CompileError};
use super::code::{Code, Rules};
use super::counters::Counters;
use super::decision::Verdict;
use super::facts::Facts;
use super::sieve::Sifted;
use super::stage::{Phase, Stage};
use crate::object::numbers::each_field;
use crate::object::{LogRing, Objects, Seed};
use ahash::RandomState;
use config::policy::{self, ChainId, ChainPolicy, Family, Hook, Policy, Statement, Tracks};
use std::sync::Arc;

mod ahead;
mod joining;
mod patch;
mod run;
mod selector;

pub use ahead::{Ahead, AheadOf, Boxes};
pub use patch::MOST_ADDED;
use patch::Patch;
use selector::{Indexed, Marks, Selector};

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

/// Log records one worker may have waiting for the control thread.
const LOG_RECORDS: usize = 1024;
