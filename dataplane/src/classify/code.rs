//! What does one rule do? Its statements, laid out flat: a few small steps, fields and numbers in tables.

use super::counters::Counters;
use super::decision::{Evaluation, Verdict};
use super::facts::Facts;
use super::reference::applies;
use super::sets::{MOST_PARTS, Set};
use crate::frame::Frame;
use config::policy::{
    self, ChainId, Comparison, CounterId, Field, Match, Policy, Reject, Statement, Test, Value,
};
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

/// The statements of every rule of a policy.
#[derive(Debug)]
pub(super) struct Code {
    steps: Box<[Step]>,
    /// Where the steps of each rule begin; one more at the end.
    starts: Box<[u32]>,
    fields: Box<[Readable]>,
    bounds: Box<[(Value, Value)]>,
    keys: Box<[Readable]>,
    sets: Box<[Set]>,
}

/// One step of a rule.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Goes on if the field lies within the bounds, or outside them.
    Within {
        field: u32,
        bounds: u32,
        negated: bool,
    },
    /// Goes on if the key is in the set, or is not.
    Lookup {
        key: Key,
        set: u32,
        negated: bool,
    },
    Counter(CounterId),
    Verdict(policy::Verdict),
    VerdictMap {
        key: Key,
        map: u32,
    },
    Reject(Reject),
    Notrack,
}

/// A field, and whether there is anything to do to what is loaded.
#[derive(Debug)]
struct Readable {
    field: Field,
    plain: bool,
}

/// Fields side by side in [`Code::keys`].
#[derive(Debug, Clone, Copy)]
struct Key {
    from: u32,
    parts: u8,
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
    /// Lays out the rules of a policy that has been checked.
    pub(super) fn compile(policy: &Policy) -> Self {
        let mut layout = Layout::default();
        for rule in &policy.rules {
            layout.starts.push(layout.steps.len() as u32);
            for statement in &rule.statements {
                layout.push(statement);
            }
        }
        layout.starts.push(layout.steps.len() as u32);
        Self {
            steps: layout.steps.into(),
            starts: layout.starts.into(),
            fields: layout.fields.list.into_iter().map(Readable::new).collect(),
            bounds: layout.bounds.list.into(),
            keys: layout.keys.into_iter().map(Readable::new).collect(),
            sets: policy.sets.iter().map(Set::compile).collect(),
        }
    }

    /// Runs rule number `rule`.
    #[inline]
    pub(super) fn run<F: Frame + ?Sized>(
        &self,
        rule: u32,
        facts: &mut Facts<'_, F>,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) -> End {
        let range = self.starts[rule as usize] as usize..self.starts[rule as usize + 1] as usize;
        for step in &self.steps[range] {
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
        let tables = size_of_val(&*self.fields) + size_of_val(&*self.bounds) + size_of_val(&*self.keys);
        let sets = size_of_val(&*self.sets) + self.sets.iter().map(Set::memory).sum::<usize>();
        size_of_val(&*self.steps) + size_of_val(&*self.starts) + tables + sets
    }
}

impl Readable {
    const fn new(field: Field) -> Self {
        Self { field, plain: field.is_plain() }
    }

    #[inline]
    fn read<F: Frame + ?Sized>(&self, facts: &Facts<'_, F>) -> Option<Value> {
        let loaded = facts.load(&self.field.load)?;
        Some(if self.plain { loaded } else { self.field.apply(loaded) })
    }
}

/// The tables while they grow.
#[derive(Default)]
struct Layout {
    steps: Vec<Step>,
    starts: Vec<u32>,
    fields: Table<Field>,
    bounds: Table<(Value, Value)>,
    keys: Vec<Field>,
    known_keys: HashMap<Vec<Field>, Key>,
}

impl Layout {
    fn push(&mut self, statement: &Statement) {
        let step = match statement {
            Statement::Match(Match { key, test: Test::Lookup { set, negated } }) => {
                Step::Lookup { key: self.key(key), set: set.0, negated: *negated }
            }
            Statement::Match(Match { key, test }) => {
                let (low, high, negated) = match *test {
                    Test::Range { low, high, negated } => (low, high, negated),
                    Test::Compare(comparison, with) => bounds(comparison, with),
                    Test::Lookup { .. } => unreachable!("the arm above has it"),
                };
                let field = self.fields.number(key[0]);
                Step::Within { field, bounds: self.bounds.number((low, high)), negated }
            }
            Statement::Counter(counter) => Step::Counter(*counter),
            Statement::Verdict(verdict) => Step::Verdict(*verdict),
            Statement::VerdictMap { key, map } => Step::VerdictMap { key: self.key(key), map: map.0 },
            Statement::Reject(reject) => Step::Reject(*reject),
            Statement::Notrack => Step::Notrack,
            _ => unreachable!("a policy that has been checked has no others"),
        };
        self.steps.push(step);
    }

    fn key(&mut self, fields: &[Field]) -> Key {
        if let Some(&key) = self.known_keys.get(fields) {
            return key;
        }
        let key = Key { from: self.keys.len() as u32, parts: fields.len() as u8 };
        self.keys.extend_from_slice(fields);
        self.known_keys.insert(fields.to_vec(), key);
        key
    }
}

/// Bounds within which, or outside which, a comparison holds.
const fn bounds(comparison: Comparison, with: Value) -> (Value, Value, bool) {
    match comparison {
        Comparison::Equal => (with, with, false),
        Comparison::NotEqual => (with, with, true),
        Comparison::Less => (with, Value::MAX, true),
        Comparison::LessOrEqual => (0, with, false),
        Comparison::Greater => (0, with, true),
        Comparison::GreaterOrEqual => (with, Value::MAX, false),
    }
}

/// A list in which nothing stands twice.
struct Table<T> {
    list: Vec<T>,
    known: HashMap<T, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { list: Vec::new(), known: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Table<T> {
    fn number(&mut self, entry: T) -> u32 {
        let next = self.list.len() as u32;
        let number = *self.known.entry(entry).or_insert(next);
        if number == next {
            self.list.push(entry);
        }
        number
    }
}

/// The rules of a chain, as numbers of rules of [`Code`].
pub(super) type Rules = Range<u32>;
