//! What does a rule match, and what does it do then? Its match set as boxes, exact where it can be.

use std::collections::HashMap;
use std::sync::Arc;

use super::region::{Dimensions, Region};
use super::values::{Values, ones};
use crate::policy::{
    ChainId, Comparison, Ct, Field, Load, Match, Meta, Operand, Policy, Reject, RuleId, Set, SetId,
    Statement, Target, Test, Value, Verdict, ct_state,
};

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Effect {
    Accept,
    Drop,
    Reject(Reject),
    Return,
    Jump(ChainId),
    Goto(ChainId),
    /// The next rule.
    Nothing,
}

/// One thing a rule may do, and to which packets. The boxes hold at least those, and no others if the rule is exact.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) regions: Vec<Region>,
    pub(super) effect: Effect,
}

/// A rule as sets of packets.
#[derive(Debug)]
pub(super) struct Modelled {
    pub(super) branches: Vec<Branch>,
    /// Whether the boxes hold just what matches; otherwise the rule may match less.
    pub(super) exact: bool,
    /// Whether it counts, logs, marks or changes a set.
    pub(super) side_effects: bool,
    /// Whether a single condition on `ct state` takes all packets, or none.
    pub(super) state_trap: Option<StateTrap>,
}

/// A condition on `ct state` that says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StateTrap {
    /// It holds for every packet.
    Always,
    /// It holds for none.
    Never,
}

/// Which of the values a rule can look at change while rules run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Written {
    pub(super) mark: bool,
    pub(super) packet_type: bool,
    pub(super) ct_mark: bool,
    pub(super) tracking: bool,
}

impl Written {
    /// What `statement` changes, too.
    pub(super) fn add(&mut self, statement: &Statement) {
        match statement {
            Statement::Notrack => self.tracking = true,
            Statement::Set(Target::Mark, _) => self.mark = true,
            Statement::Set(Target::PacketType, _) => self.packet_type = true,
            Statement::Set(Target::CtMark, _) => self.ct_mark = true,
            _ => {}
        }
    }

    /// What either changes.
    pub(super) fn join(&mut self, other: Self) {
        self.mark |= other.mark;
        self.packet_type |= other.packet_type;
        self.ct_mark |= other.ct_mark;
        self.tracking |= other.tracking;
    }

    fn changes(self, load: &Load) -> bool {
        match load {
            Load::Meta(Meta::Mark) => self.mark,
            Load::Meta(Meta::PacketType) => self.packet_type,
            Load::Meta(Meta::Random) | Load::Number { .. } => true,
            Load::Ct(Ct::Mark) => self.ct_mark || self.tracking,
            Load::Ct(_) => self.tracking,
            _ => false,
        }
    }
}

/// Makes models of rules.
pub(super) struct Modeller<'p> {
    policy: &'p Policy,
    pub(super) dimensions: Dimensions,
    /// What has been worked out of a field and a test.
    known: HashMap<(Field, Test), Arc<Values>>,
}

/// A rule while its statements are gone through.
struct Making {
    regions: Vec<Region>,
    exact: bool,
}

impl Making {
    /// Keeps what also lies in one of `boxes`.
    fn limit(&mut self, boxes: &[Region]) {
        if self.regions.len() * boxes.len() > MOST_BOXES {
            self.exact = false;
            return;
        }
        self.regions =
            self.regions.iter().flat_map(|region| boxes.iter().filter_map(|b| region.and(b))).collect();
    }
}

impl<'p> Modeller<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self { policy, dimensions: Dimensions::default(), known: HashMap::new() }
    }

    /// The model of a rule in a chain below which `written` changes.
    pub(super) fn rule(&mut self, id: RuleId, written: Written) -> Modelled {
        let mut making = Making { regions: vec![Region::default()], exact: true };
        let mut modelled =
            Modelled { branches: Vec::new(), exact: true, side_effects: false, state_trap: None };
        let mut effect = Effect::Nothing;
        let policy = self.policy;
        for statement in &policy.rules[id.index()].statements {
            match statement {
                Statement::Match(condition) => {
                    modelled.state_trap = modelled.state_trap.or(self.state_trap(condition));
                    self.condition(&mut making, condition, written);
                }
                Statement::Counter(_) | Statement::Log(_) | Statement::Notrack => {
                    modelled.side_effects = true;
                }
                Statement::Set(_, operand) => {
                    modelled.side_effects = true;
                    making.exact &= matches!(operand, Operand::Constant(_));
                }
                Statement::Limit(_)
                | Statement::Quota(_)
                | Statement::ConnectionLimit(_)
                | Statement::Object { .. }
                | Statement::Update(_) => {
                    modelled.side_effects = true;
                    making.exact = false;
                }
                Statement::Verdict(Verdict::Continue) => {}
                Statement::Verdict(verdict) => effect = Effect::from(*verdict),
                Statement::Reject(reject) => {
                    self.applies(&mut making, *reject);
                    effect = Effect::Reject(*reject);
                }
                Statement::VerdictMap { key, map } => {
                    modelled.branches = self.mapped(&mut making, key, *map, written);
                    break;
                }
            }
            if effect != Effect::Nothing {
                break;
            }
        }
        modelled.exact = making.exact;
        if modelled.branches.is_empty() {
            modelled.branches.push(Branch { regions: making.regions, effect });
        }
        modelled
    }

    fn condition(&mut self, making: &mut Making, condition: &Match, written: Written) {
        let stable = !condition.key.iter().any(|field| written.changes(&field.load) || falls_off(field));
        match (&condition.key[..], condition.test) {
            _ if !stable => making.exact = false,
            (_, Test::Lookup { set, .. }) if self.policy.sets[set.index()].dynamic.is_some() => {
                making.exact = false;
            }
            (_, Test::Lookup { set, .. }) if !self.policy.sets[set.index()].each.is_empty() => {
                making.exact = false;
            }
            ([field], test) => {
                let (dimension, values) = self.cell(field, test);
                let cell = Region::default().limited(dimension, values);
                making.limit(cell.as_slice());
            }
            (key, Test::Lookup { set, negated }) => {
                let policy = self.policy;
                let set = &policy.sets[set.index()];
                if negated || set.len() > MOST_BOXES {
                    making.exact = false;
                    let mut all = Some(Region::default());
                    for (part, field) in key.iter().enumerate() {
                        let values = if negated { Values::present(field.width) } else { part_of(set, part) };
                        let (dimension, values) = self.loaded(field, &values);
                        all = all.and_then(|region| region.limited(dimension, values));
                    }
                    making.limit(all.as_slice());
                } else {
                    let boxes: Vec<Region> =
                        (0..set.len()).filter_map(|element| self.element(set, key, element)).collect();
                    making.limit(&boxes);
                }
            }
            _ => making.exact = false,
        }
    }

    /// The box of one element of a set of concatenations.
    fn element(&mut self, set: &Set, key: &[Field], element: usize) -> Option<Region> {
        let mut region = Region::default();
        for (part, field) in key.iter().enumerate() {
            let at = element * set.widths.len() + part;
            let (dimension, values) = self.loaded(field, &Values::within([(set.low[at], set.high[at])]));
            region = region.limited(dimension, values)?;
        }
        Some(region)
    }

    /// A branch for each verdict of the map.
    fn mapped(&mut self, making: &mut Making, key: &[Field], map: SetId, written: Written) -> Vec<Branch> {
        let policy = self.policy;
        let set = &policy.sets[map.index()];
        let stable = !key.iter().any(|field| written.changes(&field.load) || falls_off(field));
        let usable = stable && set.dynamic.is_none() && set.each.is_empty();
        let mut verdicts: Vec<(Effect, Vec<usize>)> = Vec::new();
        let mut index: HashMap<Effect, usize> = HashMap::new();
        for (element, &verdict) in set.verdicts.iter().enumerate() {
            let effect = Effect::from(verdict);
            let at = *index.entry(effect).or_insert_with(|| {
                verdicts.push((effect, Vec::new()));
                verdicts.len() - 1
            });
            verdicts[at].1.push(element);
        }
        let single = key.len() == 1;
        let many = set.len() > MOST_BOXES;
        if !usable || !single && (many || overlap(set)) || verdicts.len() > MOST_BOXES {
            making.exact = false;
            let regions = |_| making.regions.clone();
            return verdicts
                .into_iter()
                .map(|(effect, at)| Branch { regions: regions(at), effect })
                .collect();
        }
        let mut branches = Vec::new();
        for (effect, elements) in verdicts {
            let boxes: Vec<Region> = if single {
                let values = Values::within(elements.iter().map(|&at| (set.low[at], set.high[at])));
                let (dimension, values) = self.loaded(&key[0], &values);
                Region::default().limited(dimension, values).into_iter().collect()
            } else {
                elements.iter().filter_map(|&at| self.element(set, key, at)).collect()
            };
            let mut branch = Making { regions: making.regions.clone(), exact: true };
            branch.limit(&boxes);
            making.exact &= branch.exact;
            branches.push(Branch { regions: branch.regions, effect });
        }
        branches
    }

    /// What a reject asks of the packet.
    fn applies(&mut self, making: &mut Making, reject: Reject) {
        let (load, value) = match reject {
            Reject::TcpReset => (Load::Meta(Meta::L4Proto), 6),
            Reject::Icmp(_) => (Load::Meta(Meta::NfProto), 2),
            Reject::Icmpv6(_) => (Load::Meta(Meta::NfProto), 10),
            Reject::Icmpx(_) => return,
        };
        let dimension = self.dimensions.number(&Field::plain(load, 8));
        let cell = Region::default().limited(dimension, Arc::new(Values::within([(value, value)])));
        making.limit(cell.as_slice());
    }

    /// What a test on one field asks, of which dimension.
    pub(super) fn cell(&mut self, field: &Field, test: Test) -> (u16, Arc<Values>) {
        if let Some(known) = self.known.get(&(*field, test)) {
            return (self.dimensions.number(&dimension_of(field)), Arc::clone(known));
        }
        let (dimension, values) = self.loaded(field, &passing(self.policy, field, test));
        self.known.insert((*field, test), Arc::clone(&values));
        (dimension, values)
    }

    /// What must be loaded for `field` to have one of `values`, exactly.
    fn loaded(&mut self, field: &Field, values: &Values) -> (u16, Arc<Values>) {
        let plain = dimension_of(field);
        let dimension = self.dimensions.number(&plain);
        if plain == *field {
            return (dimension, Arc::new(values.and(&Values::present(field.width))));
        }
        let loads: Values = if field.load == Load::Ct(Ct::State) {
            Values::within(singles(&STATES, field, values))
        } else if plain.width <= 8 {
            let all: Vec<Value> = (0..=ones(plain.width)).collect();
            Values::within(singles(&all, field, values))
        } else {
            let free = ones(plain.width) & !field.mask;
            Values::within(values.ranges().iter().map(|&(low, high)| {
                let low = if low & free == 0 { low } else { (low | free).saturating_add(1) };
                // A bound below the first multiple, or above the last, leaves nothing.
                if low & !field.mask != 0 || low > high { (1, 0) } else { (low, high & field.mask | free) }
            }))
        };
        (dimension, Arc::new(loads))
    }

    fn state_trap(&self, condition: &Match) -> Option<StateTrap> {
        let [field] = condition.key[..] else { return None };
        let Test::Compare(_, with) = condition.test else { return None };
        if field != Field::plain(Load::Ct(Ct::State), 32) || with.count_ones() < 2 {
            return None;
        }
        let values = passing(self.policy, &field, condition.test);
        let count = singles(&STATES, &field, &values).count();
        match count {
            0 => Some(StateTrap::Never),
            _ if count == STATES.len() => Some(StateTrap::Always),
            _ => None,
        }
    }
}

impl From<Verdict> for Effect {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accept => Self::Accept,
            Verdict::Drop => Self::Drop,
            Verdict::Continue => Self::Nothing,
            Verdict::Return => Self::Return,
            Verdict::Jump(chain) => Self::Jump(chain),
            Verdict::Goto(chain) => Self::Goto(chain),
        }
    }
}

/// Those of `loads` that give one of `values`.
fn singles<'a>(
    loads: &'a [Value],
    field: &'a Field,
    values: &'a Values,
) -> impl Iterator<Item = (Value, Value)> + 'a {
    let giving = loads.iter().filter(|&&load| values.contains(Some(field.apply(load))));
    giving.map(|&load| (load, load))
}

/// The field whose values tell all about `field`: the whole of what is loaded where that can be said exactly.
fn dimension_of(field: &Field) -> Field {
    let width = match field.load {
        Load::Payload { width, .. } | Load::Extension { width, .. } | Load::Option { width, .. } => width,
        _ => field.width,
    };
    let plain = Field::plain(field.load, width);
    let zeros = (!field.mask & ones(width)).trailing_ones();
    let prefix = field.mask & ones(width) == ones(width) & !low_ones(zeros);
    let by_hand = width <= 8 || field.load == Load::Ct(Ct::State);
    if by_hand || prefix && field.mask != 0 && field.xor == 0 && field.shift == 0 { plain } else { *field }
}

/// Whether the field is shifted up and may leave its width.
fn falls_off(field: &Field) -> bool {
    field.shift < 0 && dimension_of(field) == *field
}

const fn low_ones(count: u32) -> Value {
    if count >= Value::BITS { Value::MAX } else { (1 << count) - 1 }
}

/// Values of the field with which the test holds.
fn passing(policy: &Policy, field: &Field, test: Test) -> Values {
    let width = if field.shift < 0 { 128 } else { field.width };
    let most = ones(width);
    match test {
        Test::Compare(comparison, with) => match comparison {
            Comparison::Equal => Values::within([(with, with)]),
            Comparison::NotEqual => Values::within([(with, with)]).complement(width),
            Comparison::Less => {
                with.checked_sub(1).map_or(Values::within([]), |high| Values::within([(0, high)]))
            }
            Comparison::LessOrEqual => Values::within([(0, with)]),
            Comparison::Greater => {
                with.checked_add(1).map_or(Values::within([]), |low| Values::within([(low, most)]))
            }
            Comparison::GreaterOrEqual => Values::within([(with, most)]),
        },
        Test::Range { low, high, negated } => {
            let inside = Values::within([(low, high)]);
            if negated { inside.complement(width) } else { inside }
        }
        Test::Lookup { set, negated } => {
            let inside = part_of(&policy.sets[set.index()], 0);
            if negated { inside.complement(width) } else { inside }
        }
    }
}

/// Whether any two elements of a set of concatenations hold a key in common.
fn overlap(set: &Set) -> bool {
    let parts = set.widths.len();
    let meet = |a: usize, b: usize| {
        (0..parts).all(|part| {
            let (a, b) = (a * parts + part, b * parts + part);
            set.low[a] <= set.high[b] && set.low[b] <= set.high[a]
        })
    };
    (0..set.len()).any(|later| (0..later).any(|earlier| meet(earlier, later)))
}

fn part_of(set: &Set, part: usize) -> Values {
    let parts = set.widths.len();
    Values::within(
        (0..set.len()).map(|element| (set.low[element * parts + part], set.high[element * parts + part])),
    )
}

/// Every state a packet can be in: one bit at a time.
pub(super) const STATES: [Value; 5] = [
    ct_state::INVALID as Value,
    ct_state::ESTABLISHED as Value,
    ct_state::RELATED as Value,
    ct_state::NEW as Value,
    ct_state::UNTRACKED as Value,
];

/// Most boxes one rule is described by.
const MOST_BOXES: usize = 256;
