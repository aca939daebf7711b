//! What does a generation consist of? The compiled policy and a bank of counters for every worker.

pub use crate::classify::program::MOST_ADDED;
use crate::classify::program::random_seed;
use crate::classify::{CompileError, Counters, Program};
use crate::object::numbers::each_field;
use crate::packet::Network;
use crate::track::{OwnTimeouts, Timeouts};
use config::Policy;
use config::policy::{self, CounterId, Ct, Load, TimeoutsId, Tracks};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Tells rules from those before and after them.
static NUMBER: AtomicU32 = AtomicU32::new(1);

/// A policy as workers run it.
#[derive(Debug)]
pub struct Rules {
    /// The compiled policy.
    pub program: Program,
    tracks: Tracks,
    counts_traffic: bool,
    /// The timeouts that rules give to connections.
    timeouts: Arc<[Timeouts]>,
    number: u32,
    counters: Box<[Counters]>,
}

impl Rules {
    /// Compiles `policy` for `workers` workers.
    ///
    /// # Errors
    /// If the policy cannot be compiled; a checked one always can.
    pub fn compile(policy: &Policy, workers: usize) -> Result<Self, CompileError> {
        Self::compile_at(policy, workers, 0, None)
    }

    /// As [`Self::compile`], at `now` ([`crate::object::Now::monotonic_ns`]): what elements of sets have left counts
    /// from there. Limits, quotas and sets go on from where those of the same name stand in `before`.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub fn compile_at(
        policy: &Policy,
        workers: usize,
        now: u64,
        before: Option<&Self>,
    ) -> Result<Self, CompileError> {
        let program = Program::compile_at(policy, now, random_seed())?;
        if let Some(before) = before {
            program.objects().inherit(before.program.objects(), now);
        }
        let counters = (0..workers).map(|_| program.counters()).collect();
        Ok(Self {
            program,
            tracks: policy.tracks,
            counts_traffic: counts_traffic(policy),
            timeouts: policy.timeouts.iter().map(Timeouts::from).collect(),
            number: NUMBER.fetch_add(1, Relaxed),
            counters,
        })
    }

    /// These rules and one more, number `at` of its chain, from 0, without compiling the others: for the next generation.
    /// Objects, counters and what connections remember of them go on as they are. The number of the rule continues those
    /// of the rules there are: of those compiled, and then of those that came in like this.
    ///
    /// `grown` is the policy these rules were compiled of; of its sets and counters there may be more at the end, for
    /// this rule. Its list of rules is not looked at. `None` if this cannot be done: the rule changes what others rely
    /// on, or [`MOST_ADDED`] have come in like this. Then [`Self::compile_again`], or [`Self::compile_at`].
    #[must_use]
    pub fn with_rule(&self, grown: &Policy, rule: &policy::Rule, at: usize) -> Option<Self> {
        Some(self.next(self.program.with_rule(grown, rule, at)?))
    }

    /// Compiles `policy`, which differs from what these rules were compiled of in the order of its rules and by those
    /// that came in with [`Self::with_rule`]. Objects and counters go on as they are. `None` if that cannot be.
    #[must_use]
    pub fn compile_again(&self, policy: &Policy) -> Option<Self> {
        let same = counts_traffic(policy) == self.counts_traffic;
        Some(self.next(self.program.compile_beside(policy).filter(|_| same)?))
    }

    fn next(&self, program: Program) -> Self {
        let count = program.counted();
        let bank = |bank: &Counters| bank.grown(count, random_seed()[0]);
        let counters = self.counters.iter().map(bank).collect();
        Self { program, timeouts: Arc::clone(&self.timeouts), counters, ..*self }
    }

    /// How many workers run it.
    #[must_use]
    pub fn workers(&self) -> usize {
        self.counters.len()
    }

    /// Whether connections of this network layer are tracked.
    #[must_use]
    pub const fn tracks(&self, network: Network) -> bool {
        match network {
            Network::Other => false,
            Network::Ipv4 => self.tracks.v4,
            Network::Ipv6 => self.tracks.v6,
        }
    }

    /// What a connection remembers of the timeouts that a rule gives it.
    #[must_use]
    pub const fn own_timeouts(&self, id: TimeoutsId) -> OwnTimeouts {
        OwnTimeouts { rules: self.number, list: id.0 }
    }

    /// The timeouts that a rule gave to a connection, unless those were other rules.
    #[must_use]
    pub fn timeouts(&self, own: OwnTimeouts) -> Option<&Timeouts> {
        if own.rules == self.number { self.timeouts.get(own.list as usize) } else { None }
    }

    /// Whether packets and bytes of new connections are counted: a rule asks for them.
    #[must_use]
    pub const fn counts_traffic(&self) -> bool {
        self.counts_traffic
    }

    /// The bank of worker `index`, which alone may count in it.
    #[must_use]
    pub fn bank(&self, index: usize) -> &Counters {
        &self.counters[index]
    }

    /// Packets and bytes of a counter over all workers, since this generation began.
    #[must_use]
    pub fn counted(&self, counter: CounterId) -> (u64, u64) {
        self.counters
            .iter()
            .map(|bank| bank.read(counter))
            .fold((0, 0), |(p, b), (packets, bytes)| (p + packets, b + bytes))
    }
}

/// Whether a rule of `policy` asks for the packets or bytes of connections.
fn counts_traffic(policy: &Policy) -> bool {
    let mut found = false;
    for statement in policy.rules.iter().flat_map(|rule| &rule.statements) {
        each_field(statement, |field| {
            found |= matches!(field.load, Load::Ct(Ct::Packets(_) | Ct::Bytes(_) | Ct::AveragePacket(_)));
        });
    }
    found
}

#[cfg(test)]
impl Rules {
    /// Packets over all counters.
    pub(crate) fn counted_in_all(&self) -> u64 {
        (0..self.counters[0].len() as u32).map(|id| self.counted(CounterId(id)).0).sum()
    }
}
