//! How do the statements of rules become steps? Fields, bounds and keys that several ask for stand in their tables once.

use super::super::trace::Varies;
use super::{Code, Key, Operand, Readable, Sets, Step, Update};
use crate::object::Objects;
use config::policy::{self, Comparison, Field, Match, Recent, Statement, Target, Test, Value};
use std::collections::HashMap;
use std::hash::Hash;

/// The tables while they grow.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) steps: Vec<Step>,
    pub(super) starts: Vec<u32>,
    /// Steps that hold wherever the tree of a chain names their rule.
    pub(super) held: Vec<usize>,
    fields: Table<Field>,
    bounds: Table<(Value, Value)>,
    keys: Vec<Field>,
    known_keys: HashMap<Vec<Field>, Key>,
    operands: Vec<Operand>,
    updates: Vec<Update>,
    recent: Vec<Recent>,
}

impl Layout {
    /// The rules laid out, the first of this number.
    pub(super) fn done(mut self, first: u32, sets: Sets) -> Code {
        self.starts.push(self.steps.len() as u32);
        let mut varies: Box<[Varies]> = self.steps.iter().map(|step| self.varies(step)).collect();
        for &step in &self.held {
            varies[step] = varies[step].held();
        }
        Code {
            varies,
            first,
            steps: self.steps.into(),
            starts: self.starts.into(),
            fields: self.fields.list.into_iter().map(Readable::new).collect(),
            bounds: self.bounds.list.into(),
            keys: self.keys.into_iter().map(Readable::new).collect(),
            sets,
            operands: self.operands.into(),
            updates: self.updates.into(),
            recent: self.recent.into(),
        }
    }

    /// What the outcome of a step depends on: of what it reads, and nothing else, if it only reads or counts.
    fn varies(&self, step: &Step) -> Varies {
        let of_key = |key: Key| {
            let fields = &self.keys[key.from as usize..][..usize::from(key.parts)];
            Varies::of_all(fields)
        };
        match *step {
            Step::Within { field, .. } => Varies::of(&self.fields.list[field as usize]),
            Step::Lookup { key, .. } | Step::VerdictMap { key, .. } => of_key(key),
            Step::Counter(_) | Step::Verdict(_) => Varies::BY_FLOW,
            Step::Set { target: Target::Mark, operand } => match self.operands[operand as usize] {
                Operand::Constant(_) => Varies::BY_FLOW,
                Operand::Field(field) => Varies::of(&self.fields.list[field as usize]),
                Operand::Map { .. } | Operand::Bits { .. } => Varies::BY_PACKET,
            },
            _ => Varies::BY_PACKET,
        }
    }

    pub(super) fn push(&mut self, number: usize, statement: &Statement, objects: &Objects) {
        let step = match statement {
            Statement::Match(Match { key, test: Test::Lookup { set, negated } }) if objects.holds(*set) => {
                Step::LookupHeld { key: self.key(key), set: *set, negated: *negated }
            }
            Statement::VerdictMap { key, map } if objects.holds(*map) => {
                Step::VerdictMapHeld { key: self.key(key), map: *map }
            }
            Statement::Limit(limit) => Step::Limit(*limit),
            Statement::Quota(quota) => Step::Quota(*quota),
            Statement::Log(_) => Step::Log { statement: number as u16 },
            Statement::Set(target, operand) => Step::Set { target: *target, operand: self.operand(operand) },
            Statement::Update(update) => {
                let wanted =
                    objects.wanted(update).expect("a policy that has been checked changes what it can");
                let data = update.data.as_ref().map(|operand| self.operand(operand));
                let (drops_if_full, negated) = (update.drops_if_full, update.negated);
                let key = self.key(&update.key);
                let update = Update { key, set: update.set, wanted, data, drops_if_full, negated };
                self.updates.push(update);
                Step::Update(self.updates.len() as u32 - 1)
            }
            Statement::Recent(asked) => {
                self.recent.push(**asked);
                Step::Recent(self.recent.len() as u32 - 1)
            }
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
            Statement::Assign(assigned) => Step::Assign(*assigned),
            Statement::Object { kind, key, map } => {
                Step::Object { kind: *kind, key: self.key(key), map: *map }
            }
            Statement::ConnectionLimit(limit) => Step::Connections(*limit),
        };
        self.steps.push(step);
    }

    fn operand(&mut self, operand: &policy::Operand) -> u32 {
        let operand = match operand {
            policy::Operand::Constant(value) => Operand::Constant(*value),
            policy::Operand::Field(field) => Operand::Field(self.fields.number(*field)),
            policy::Operand::Map { key, map } => Operand::Map { key: self.key(key), map: *map },
            policy::Operand::Bits(operator, both) => {
                let (left, right) = (self.operand(&both.0), self.operand(&both.1));
                Operand::Bits { operator: *operator, left, right }
            }
        };
        self.operands.push(operand);
        self.operands.len() as u32 - 1
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
