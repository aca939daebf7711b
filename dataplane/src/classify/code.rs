//! What does one rule do? Its statements, laid out flat: a few small steps, fields and numbers in tables.

use super::counters::Counters;
use super::decision::{Evaluation, Verdict};
use super::facts::Facts;
use super::reference::applies;
use super::sets::{MOST_PARTS, Set};
use super::sieve::Sifted;
use super::trace::{Trace, Varies};
use crate::frame::Frame;
use crate::object::Objects;
use config::policy::{self, ChainId, Policy, Recent, Value};
use std::ops::{Index, Range};
use std::sync::Arc;

mod held;
mod layout;
mod step;

pub(super) use held::{join, object_goes_on};
use layout::Layout;
use step::{Key, Operand, Readable, Step, Update};

/// The statements of every rule of a policy.
#[derive(Debug)]
pub(super) struct Code {
    steps: Box<[Step]>,
    /// What each step's outcome depends on.
    varies: Box<[Varies]>,
    /// The number of the first rule.
    first: u32,
    /// Where the steps of each rule begin; one more at the end.
    starts: Box<[u32]>,
    fields: Box<[Readable]>,
    bounds: Box<[(Value, Value)]>,
    keys: Box<[Readable]>,
    pub(super) sets: Sets,
    operands: Box<[Operand]>,
    updates: Box<[Update]>,
    recent: Box<[Recent]>,
}

/// How a rule ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// Without a verdict.
    Next,
    /// With a final one.
    Decided(Verdict),
    /// With `return`.
    Return,
    /// With `jump`.
    Jump(ChainId),
    /// With `goto`.
    Goto(ChainId),
}

impl Code {
    /// Lays out the rules of a policy that has been checked, but for those that are never run.
    pub(super) fn compile(policy: &Policy, objects: &Objects, sifted: &[Sifted]) -> Self {
        let mut layout = Layout::default();
        for (rule, sifted) in policy.rules.iter().zip(sifted) {
            layout.starts.push(layout.steps.len() as u32);
            if sifted.is_decided {
                continue;
            }
            for (number, statement) in rule.statements.iter().enumerate() {
                let is_held = number < 32 && sifted.held >> number & 1 != 0;
                layout.held.extend(is_held.then_some(layout.steps.len()));
                layout.push(number, statement, objects);
            }
        }
        let sets = policy.sets.iter().map(Set::compile).collect();
        layout.done(0, Sets { compiled: sets, added: Box::new([]) })
    }

    /// Lays out one rule more, which has been checked, with this number. It asks the sets of the others, and those that
    /// were added.
    pub(super) fn of_rule(
        others: &Self,
        added: &[Arc<Set>],
        number: u32,
        rule: &policy::Rule,
        objects: &Objects,
    ) -> Self {
        let mut layout = Layout::default();
        layout.starts.push(0);
        for (number, statement) in rule.statements.iter().enumerate() {
            layout.push(number, statement, objects);
        }
        layout.done(number, Sets { compiled: Arc::clone(&others.sets.compiled), added: added.into() })
    }

    /// How many rules there are, up to the last of these.
    #[inline]
    pub(super) const fn rules(&self) -> u32 {
        self.first + self.starts.len() as u32 - 1
    }

    /// Runs rule number `rule`.
    #[inline]
    pub(super) fn run<F: Frame + ?Sized, T: Trace>(
        &self,
        rule: u32,
        facts: &mut Facts<'_, F>,
        objects: &Objects,
        counters: &Counters,
        evaluation: &mut Evaluation,
        trace: &mut T,
    ) -> End {
        facts.known.draw.for_rule(rule);
        let place = (rule - self.first) as usize;
        let range = self.starts[place] as usize..self.starts[place + 1] as usize;
        let varies = if T::IS_KEPT { &self.varies[range.clone()] } else { &[] };
        for (at, step) in self.steps[range].iter().enumerate() {
            if T::IS_KEPT {
                trace.depends(varies[at]);
            }
            let verdict = match *step {
                Step::Within { field, bounds, negated } => {
                    let (low, high) = self.bounds[bounds as usize];
                    match self.fields[field as usize].read(facts) {
                        Some(value) if (low <= value && value <= high) != negated => continue,
                        _ => return End::Next,
                    }
                }
                Step::Lookup { key, set, negated } => {
                    let set = &self.sets[set as usize];
                    match self.with_key(key, facts, |key| set.contains(key)) {
                        Some(found) if found != negated => continue,
                        _ => return End::Next,
                    }
                }
                Step::Counter(counter) => {
                    counters.count(counter, facts.packet.network_length);
                    trace.counted(counter);
                    continue;
                }
                Step::Notrack => {
                    if facts.leave_untracked() {
                        evaluation.leave_untracked();
                    }
                    continue;
                }
                Step::Reject(reject) if applies(reject, facts.packet) => {
                    return End::Decided(Verdict::Reject(reject));
                }
                Step::Reject(_) => return End::Next,
                Step::Verdict(verdict) => verdict,
                Step::VerdictMap { key, map } => {
                    let map = &self.sets[map as usize];
                    match self.with_key(key, facts, |key| map.verdict(key)) {
                        Some(Some(verdict)) => verdict,
                        _ => return End::Next,
                    }
                }
                Step::VerdictMapHeld { key, map } => {
                    let found = self.find_held(key, map, facts, objects);
                    match found.map(|found| (found, objects.goes_on(map, found, &facts.moment()))) {
                        Some((found, true)) => match self.sets[map.index()].verdict_of(found.place()) {
                            Some(verdict) => verdict,
                            None => return End::Next,
                        },
                        _ if facts.is_refused() => return End::Decided(Verdict::Drop),
                        _ => return End::Next,
                    }
                }
                _ if self.do_held(*step, rule, facts, objects, counters, evaluation) => continue,
                _ if facts.is_refused() => return End::Decided(Verdict::Drop),
                _ => return End::Next,
            };
            match verdict {
                policy::Verdict::Continue => {}
                policy::Verdict::Accept => return End::Decided(Verdict::Accept),
                policy::Verdict::Drop => return End::Decided(Verdict::Drop),
                policy::Verdict::Return => return End::Return,
                policy::Verdict::Jump(chain) => return End::Jump(chain),
                policy::Verdict::Goto(chain) => return End::Goto(chain),
            }
        }
        End::Next
    }

    /// What `look` makes of the key; `None` if a part of it cannot be read.
    #[inline]
    fn with_key<F: Frame + ?Sized, T>(
        &self,
        key: Key,
        facts: &Facts<'_, F>,
        look: impl FnOnce(&[Value]) -> T,
    ) -> Option<T> {
        let fields = &self.keys[key.from as usize..][..usize::from(key.parts)];
        if let [field] = fields {
            return Some(look(&[field.read(facts)?]));
        }
        let mut values = [0; MOST_PARTS];
        for (value, field) in values.iter_mut().zip(fields) {
            *value = field.read(facts)?;
        }
        Some(look(&values[..fields.len()]))
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let sets = &self.sets.compiled;
        let sets = size_of_val(&**sets) + sets.iter().map(Set::memory).sum::<usize>();
        self.memory_of_rules() + sets
    }

    /// Bytes it takes besides the sets.
    pub(super) fn memory_of_rules(&self) -> usize {
        let tables = size_of_val(&*self.fields) + size_of_val(&*self.bounds) + size_of_val(&*self.keys);
        let steps = size_of_val(&*self.steps) + size_of_val(&*self.varies) + size_of_val(&*self.starts);
        steps + tables
    }
}

/// The sets that rules ask, by number.
#[derive(Debug)]
pub(super) struct Sets {
    compiled: Arc<[Set]>,
    /// Those that came in with single rules.
    added: Box<[Arc<Set>]>,
}

impl Sets {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.compiled.len() + self.added.len()
    }
}

impl Index<usize> for Sets {
    type Output = Set;

    #[inline]
    fn index(&self, number: usize) -> &Set {
        match self.compiled.get(number) {
            Some(set) => set,
            None => &self.added[number - self.compiled.len()],
        }
    }
}

/// The rules of a chain, as numbers of rules of [`Code`].
pub(super) type Rules = Range<u32>;
