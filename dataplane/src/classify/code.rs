//! What does one rule do? Its statements, laid out flat: a few small steps, fields and numbers in tables.

use super::counters::Counters;
use super::decision::{Evaluation, Verdict};
use super::facts::Facts;
use super::reference::applies;
use super::sets::{MOST_PARTS, Set};
use super::sieve::Sifted;
use super::trace::{Trace, Varies};
use crate::frame::Frame;
use crate::object::set::Wanted;
use crate::object::{Found, Moment, Objects};
use config::policy::{
    self, Assigned, BitOperator, ChainId, Comparison, ConnectionLimitId, CounterId, Field, HelperId, LimitId,
    Match, ObjectKind, Policy, QuotaId, Recent, Reject, RuleId, SetId, Statement, Target, Test, TimeoutsId,
    Value,
};
use std::collections::HashMap;
use std::hash::Hash;
use std::ops::{Index, Range};
use std::sync::Arc;

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
    Assign(Assigned),
    /// As `Lookup`, in a set whose elements come, go or do something.
    LookupHeld {
        key: Key,
        set: SetId,
        negated: bool,
    },
    /// As `VerdictMap`, likewise.
    VerdictMapHeld {
        key: Key,
        map: SetId,
    },
    Limit(LimitId),
    Quota(QuotaId),
    Connections(ConnectionLimitId),
    /// Which statement of the rule it was.
    Log {
        statement: u16,
    },
    Set {
        target: Target,
        operand: u32,
    },
    Update(u32),
    Recent(u32),
    Object {
        kind: ObjectKind,
        key: Key,
        map: SetId,
    },
}

/// A value a step writes.
#[derive(Debug, Clone, Copy)]
enum Operand {
    Constant(Value),
    Field(u32),
    Map { key: Key, map: SetId },
    Bits { operator: BitOperator, left: u32, right: u32 },
}

/// What a step does to a set.
#[derive(Debug, Clone, Copy)]
struct Update {
    key: Key,
    set: SetId,
    wanted: Wanted,
    data: Option<u32>,
    drops_if_full: bool,
    negated: bool,
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

    /// The steps that remember something from one packet to the next, or change what is known of this one. Whether the
    /// rule goes on.
    #[inline(never)]
    fn do_held<F: Frame + ?Sized>(
        &self,
        step: Step,
        rule: u32,
        facts: &mut Facts<'_, F>,
        objects: &Objects,
        counters: &Counters,
        evaluation: &mut Evaluation,
    ) -> bool {
        match step {
            Step::LookupHeld { key, set, negated } => {
                match self.with_key(key, facts, |key| self.find_in(set, key, facts, objects)) {
                    Some(Some(found)) => !negated && objects.goes_on(set, found, &facts.moment()),
                    Some(None) => negated,
                    None => false,
                }
            }
            Step::Limit(limit) => objects.limit(limit, &facts.moment()),
            Step::Quota(quota) => objects.quota(quota, &facts.moment()),
            Step::Connections(limit) => objects.connections(limit, &facts.moment()),
            Step::Log { statement } => {
                facts.log(RuleId(rule), statement, counters);
                true
            }
            Step::Set { target, operand } => {
                let Some(value) = self.operand(operand, facts, objects) else { return false };
                facts.set(target, value, evaluation);
                true
            }
            Step::Assign(assigned) => {
                facts.assign(assigned, objects, evaluation);
                true
            }
            Step::Update(update) => {
                let Update { key, set, wanted, data, drops_if_full, negated } = self.updates[update as usize];
                let data = data.map_or(Some(0), |operand| self.operand(operand, facts, objects));
                let Some(data) = data else { return false };
                let wanted = Wanted { data, ..wanted };
                let moment = Moment { counts_unseen: drops_if_full, ..facts.moment() };
                let done = self.with_key(key, facts, |key| objects.change(set, key, &wanted, &moment));
                facts.known.no_room |= drops_if_full && done == Some(None);
                done.flatten() == Some(!negated)
            }
            Step::Recent(asked) => facts.recent(&self.recent[asked as usize], objects),
            Step::Object { kind, key, map } => {
                let found = self.map(key, map, facts, objects);
                found.is_some_and(|object| object_goes_on(kind, object, facts, objects, counters, evaluation))
            }
            _ => true,
        }
    }

    fn operand<F: Frame + ?Sized>(
        &self,
        operand: u32,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Value> {
        match self.operands[operand as usize] {
            Operand::Constant(value) => Some(value),
            Operand::Field(field) => self.fields[field as usize].read(facts),
            Operand::Map { key, map } => self.map(key, map, facts, objects),
            Operand::Bits { operator, left, right } => {
                let left = self.operand(left, facts, objects);
                Some(join(operator, left?, self.operand(right, facts, objects)?))
            }
        }
    }

    /// What a map holds for the key.
    fn map<F: Frame + ?Sized>(
        &self,
        key: Key,
        map: SetId,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Value> {
        let found = self.find_held(key, map, facts, objects)?;
        let goes_on = objects.goes_on(map, found, &facts.moment());
        goes_on.then(|| found.data(|element| self.sets[map.index()].data_of(element)))
    }

    fn find_held<F: Frame + ?Sized>(
        &self,
        key: Key,
        set: SetId,
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Found> {
        self.with_key(key, facts, |key| self.find_in(set, key, facts, objects))?
    }

    fn find_in<F: Frame + ?Sized>(
        &self,
        set: SetId,
        key: &[Value],
        facts: &Facts<'_, F>,
        objects: &Objects,
    ) -> Option<Found> {
        objects.find(set, key, &facts.moment(), |key| self.sets[set.index()].find(key))
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

/// The tables while they grow.
#[derive(Default)]
struct Layout {
    steps: Vec<Step>,
    starts: Vec<u32>,
    /// Steps that hold wherever the tree of a chain names their rule.
    held: Vec<usize>,
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
    fn done(mut self, first: u32, sets: Sets) -> Code {
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

    fn push(&mut self, number: usize, statement: &Statement, objects: &Objects) {
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

/// Joins two values bit by bit.
pub(super) const fn join(operator: BitOperator, left: Value, right: Value) -> Value {
    match operator {
        BitOperator::And => left & right,
        BitOperator::Or => left | right,
        BitOperator::Xor => left ^ right,
    }
}

/// Does what an object of a map does. Whether the rule goes on.
pub(super) fn object_goes_on<F: Frame + ?Sized>(
    kind: ObjectKind,
    object: Value,
    facts: &mut Facts<'_, F>,
    objects: &Objects,
    counters: &Counters,
    evaluation: &mut Evaluation,
) -> bool {
    let object = object as u32;
    match kind {
        ObjectKind::Counter => {
            counters.count(CounterId(object), facts.packet.network_length);
            true
        }
        ObjectKind::Limit => objects.limit(LimitId(object), &facts.moment()),
        ObjectKind::Quota => objects.quota(QuotaId(object), &facts.moment()),
        ObjectKind::Helper => {
            facts.assign(Assigned::Helper(HelperId(object)), objects, evaluation);
            true
        }
        ObjectKind::Timeouts => {
            facts.assign(Assigned::Timeouts(TimeoutsId(object)), objects, evaluation);
            true
        }
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
