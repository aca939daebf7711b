//! What does a rule match, and what does it do then? Its match set as boxes, exact where it can be.

use std::collections::HashMap;
use std::sync::Arc;

use super::condition::{falls_off, part_of};
use super::region::{Dimensions, Region};
use super::values::Values;
use crate::policy::{
    Assigned, ChainId, Ct, Field, Load, Match, Meta, Operand, Policy, Reject, RuleId, Set, SetId, Statement,
    Target, Test, Verdict,
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
    /// Whether it logs, marks, changes a set or counts by a name.
    pub(super) side_effects: bool,
    /// Whether it counts for itself.
    pub(super) counts: bool,
    /// Whether the boxes are more than it matches because they would be too many.
    pub(super) cut: bool,
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
            Statement::Notrack | Statement::Assign(Assigned::Template { .. }) => self.tracking = true,
            Statement::Set(Target::CtZone, _) => self.tracking = true,
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
    pub(super) policy: &'p Policy,
    pub(super) dimensions: Dimensions,
    /// What has been worked out of a field and a test.
    pub(super) known: HashMap<(Field, Test), Arc<Values>>,
}

/// A rule while its statements are gone through.
struct Making {
    regions: Vec<Region>,
    exact: bool,
    cut: bool,
}

impl Making {
    /// Keeps what also lies in one of `boxes`.
    fn limit(&mut self, boxes: &[Region]) {
        if self.regions.len() * boxes.len() > MOST_BOXES {
            self.exact = false;
            self.cut = true;
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
        let mut making = Making { regions: vec![Region::default()], exact: true, cut: false };
        let mut modelled = Modelled {
            branches: Vec::new(),
            exact: true,
            side_effects: false,
            counts: false,
            cut: false,
            state_trap: None,
        };
        let mut effect = Effect::Nothing;
        let policy = self.policy;
        for statement in &policy.rules[id.index()].statements {
            match statement {
                Statement::Match(condition) => {
                    modelled.state_trap = modelled.state_trap.or(self.state_trap(condition));
                    self.condition(&mut making, condition, written);
                }
                Statement::Counter(counter) if policy.counters[counter.index()].name.is_none() => {
                    modelled.counts = true;
                }
                Statement::Counter(_) | Statement::Log(_) | Statement::Notrack | Statement::Assign(_) => {
                    modelled.side_effects = true;
                }
                Statement::Set(_, operand) => {
                    modelled.side_effects = true;
                    making.exact &= matches!(operand, Operand::Constant(_));
                }
                Statement::Limit(_)
                | Statement::Quota(_)
                | Statement::ConnectionLimit(_)
                | Statement::Recent(_)
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
                // Nobody means packets whose headers are cut off.
                Statement::VerdictMap { key, map } if matches!(key[0].load, Load::Whole(_)) => {
                    let condition = self.going_on(key, *map);
                    self.condition(&mut making, &condition, written);
                }
                Statement::VerdictMap { key, map } if matches!(key[0].load, Load::Sought(_)) => {
                    let condition = self.going_on(key, *map);
                    self.condition(&mut making, &condition, written);
                    making.exact = false;
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
        modelled.cut = making.cut;
        if modelled.branches.is_empty() {
            modelled.branches.push(Branch { regions: making.regions, effect });
        }
        modelled
    }

    /// That the map lets a packet go on.
    fn going_on(&self, key: &[Field], map: SetId) -> Match {
        let set = &self.policy.sets[map.index()];
        let at = set.verdicts.iter().position(|verdict| *verdict == Verdict::Continue).unwrap_or_default();
        Match { key: key.to_vec(), test: Test::Compare(crate::policy::Comparison::Equal, set.low[at]) }
    }

    fn condition(&mut self, making: &mut Making, condition: &Match, written: Written) {
        let stable = !condition.key.iter().any(|field| written.changes(&field.load) || falls_off(field));
        match (&condition.key[..], condition.test) {
            _ if !stable => making.exact = false,
            (_, Test::Lookup { set, .. }) if self.policy.sets[set.index()].is_alive() => {
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
                    making.cut |= !negated;
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
        let usable = stable && !set.is_alive();
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
            making.cut |= usable;
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
            let mut branch = Making { regions: making.regions.clone(), exact: true, cut: false };
            branch.limit(&boxes);
            making.exact &= branch.exact;
            making.cut |= branch.cut;
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

/// Most boxes one rule is described by.
const MOST_BOXES: usize = 4096;
