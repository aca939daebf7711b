//! Which rule of a chain decides? A tree over the fields its rules ask for names the few that may.
//!
//! Each rule is a box, or several, in the space of those fields. Where the boxes are all there is to a rule, and its end
//! is a verdict, a point within one of them is decided without running it; any other rule that the tree names is run
//! whole.

use super::constraint::{self, Constraint};
use super::decision::Verdict;
use super::facts::Facts;
use super::interval::{Interval, Intervals};
use super::trace::Varies;
use super::tree::{Bounds, Candidates, Forest, MOST_AXES, Point};
pub(super) use super::tree::{NONE, Points};
use crate::frame::Frame;
use crate::io::BURST;
use config::policy::{self, Ct, Field, HeaderBase, Load, Meta, Rule, Statement, Value};

mod plain;

use plain::Origin;
pub(super) use plain::Plain;

/// The rules of a chain from one on, and how they are found.
#[derive(Debug)]
pub(super) struct Sieve {
    axes: Box<[Axis]>,
    /// Where the coordinates of plain packets come from.
    origins: Box<[Origin]>,
    forest: Forest,
    /// What each axis depends on.
    varies: Box<[Varies]>,
}

/// What the tree of its chain says of a rule.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sifted {
    /// It is never run: where the tree names it, its verdict is known.
    pub(super) is_decided: bool,
    /// Of its first statements, a bit for each, those that hold wherever the tree names it.
    pub(super) held: u32,
}

/// What a box leads to: a rule to run, or its verdict. Greater for later rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End(u32);

/// Axes, and what is allowed there.
type Sides = Vec<(usize, Intervals)>;

/// One dimension: what is loaded, and how it becomes a coordinate.
#[derive(Debug)]
enum Axis {
    /// The number itself.
    Number(Load),
    /// The number itself, so many whole bytes of a header.
    Bytes { load: Load, base: HeaderBase, byte: u16, bytes: u16 },
    /// The one bit that is set.
    State,
    /// Which of these the number is at or behind.
    Rank(Load, Box<[Value]>),
}

impl Sieve {
    /// Over the rules from number `first` on. `loads` are the fields that may be asked before any of them runs, the most
    /// asked for first. `None` if there is no good tree; otherwise `sifted`, by rule, is told what it says of each.
    pub(super) fn compile(
        rules: &[Rule],
        first: u32,
        loads: &[Load],
        sets: &[policy::Set],
        sifted: &mut [Sifted],
    ) -> Option<Self> {
        let loads = &loads[..loads.len().min(MOST_AXES)];
        let mut found: Vec<(End, bool, Sides)> = Vec::new();
        let mut said = Vec::new();
        for (number, rule) in (first..).zip(rules) {
            let settled = settled(&rule.statements, loads, sets);
            let (before, mut is_exact) = (found.len(), true);
            for constraints in Constraint::of(&rule.statements, sets) {
                let sides: Sides = constraints
                    .into_iter()
                    .filter_map(|constraint| {
                        let axis = loads.iter().position(|load| *load == constraint.load)?;
                        Some((axis, on_axis(&constraint.load, &constraint.allowed)))
                    })
                    .collect();
                let apart = sides.iter().map(|(_, allowed)| allowed.as_slice().len()).product::<usize>();
                if apart <= MOST_BOXES {
                    let end = match settled {
                        Some(Settled::At(verdict)) => End::decided(number, verdict),
                        _ => End::of_rule(number),
                    };
                    found.push((end, settled.is_some(), sides));
                } else {
                    is_exact = false;
                    let hull = |(axis, allowed): (usize, Intervals)| (axis, allowed.hull());
                    found.push((End::of_rule(number), false, sides.into_iter().map(hull).collect()));
                }
            }
            let held = constraint::exact_ahead(&rule.statements, sets, |load| loads.contains(load));
            said.push(Sifted {
                is_decided: found[before..].iter().all(|(end, ..)| end.verdict().is_some()),
                held: if is_exact { held } else { 0 },
            });
        }
        let axes: Box<[Axis]> = loads
            .iter()
            .enumerate()
            .map(|(axis, load)| {
                let on_it = found.iter().flat_map(|(_, _, sides)| sides).filter(|(of, _)| *of == axis);
                Axis::of(*load, on_it.map(|(_, allowed)| allowed))
            })
            .collect();
        let sides: Vec<&Sides> = found.iter().map(|(_, _, sides)| sides).collect();
        let origins = loads.iter().map(|load| Origin::of(load, loads, &sides)).collect();
        let bits: Vec<u32> = axes.iter().map(Axis::bits).collect();
        let (mut boxes, mut ends) = (Vec::new(), Vec::new());
        for (end, settles, sides) in found {
            for bounds in product(&sides, &axes) {
                boxes.push(Bounds { settles, ..bounds });
                ends.push(end);
            }
        }
        let labels: Vec<u32> = ends.iter().map(|&End(label)| label).collect();
        let forest = Forest::build(&bits, &boxes, &labels)?;
        sifted[first as usize..][..said.len()].copy_from_slice(&said);
        let varies = |load: &Load| Varies::of(&Field::plain(*load, constraint::bits(load) as u16));
        Some(Self { axes, origins, forest, varies: loads.iter().map(varies).collect() })
    }

    /// The boxes that hold the packet, in order.
    #[inline]
    pub(super) fn candidates<F: Frame + ?Sized>(&self, facts: &Facts<'_, F>) -> Candidates<'_> {
        let mut point = Point::default();
        for (number, axis) in self.axes.iter().enumerate().take(MOST_AXES) {
            match axis {
                Axis::Rank(..) => point.put_off(number),
                _ => point.set(number, axis.coordinate(facts)),
            }
        }
        self.forest.candidates(point, |axis| self.axes[axis].coordinate(facts))
    }

    /// Whether all it asks for is known of a packet before rules are run for those that come before it, but for the state
    /// of its connection.
    pub(super) fn is_known_ahead(&self) -> bool {
        self.axes.iter().all(|axis| match axis {
            Axis::Bytes { .. } | Axis::State => true,
            Axis::Number(load) | Axis::Rank(load, _) => match load {
                Load::Payload { .. } => true,
                Load::Meta(meta) => !matches!(meta, Meta::Mark | Meta::Random),
                _ => false,
            },
        })
    }

    /// Whether it asks for the state of the connection.
    #[inline]
    pub(super) fn asks_state(&self) -> bool {
        self.axes.iter().any(|axis| matches!(axis, Axis::State))
    }

    /// Whether it asks for what one hook knows and another does not.
    #[inline]
    pub(super) fn asks_interfaces(&self) -> bool {
        self.axes.iter().any(|axis| match axis {
            Axis::Number(Load::Meta(meta)) | Axis::Rank(Load::Meta(meta), _) => {
                !matches!(meta, Meta::Length | Meta::Protocol | Meta::NfProto | Meta::L4Proto)
            }
            _ => false,
        })
    }

    /// Makes the packet point number `number`. `false` if it has no coordinate somewhere.
    #[inline]
    pub(super) fn set_point<F: Frame + ?Sized>(
        &self,
        facts: &Facts<'_, F>,
        number: usize,
        points: &mut Points,
    ) -> bool {
        self.axes.iter().enumerate().all(|(axis, of)| match of.coordinate(facts) {
            Some(lane) => {
                points.set(number, axis, lane);
                true
            }
            None => false,
        })
    }

    /// The first box that holds each point, by its label; [`NONE`] if there is none.
    #[inline]
    pub(super) fn first(&self, points: &Points, into: &mut [u32; BURST]) {
        self.forest.first(points, into);
    }

    /// What it depends on that it is these boxes that hold the packet.
    pub(super) fn varies(&self, candidates: &Candidates<'_>) -> Varies {
        let used = (0..).zip(&self.varies).filter(|(axis, _)| candidates.used() >> axis & 1 != 0);
        used.map(|(_, &varies)| varies).fold(Varies::BY_FLOW, Varies::or)
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        let ranks = self.axes.iter().map(|axis| match axis {
            Axis::Rank(_, starts) => size_of_val(&**starts),
            _ => 0,
        });
        self.forest.memory() + size_of_val(&*self.axes) + size_of_val(&*self.varies) + ranks.sum::<usize>()
    }
}

impl End {
    const fn of_rule(rule: u32) -> Self {
        Self(rule << 2)
    }

    /// Only accept and drop are kept.
    const fn decided(rule: u32, verdict: Verdict) -> Self {
        Self(rule << 2 | DECIDED | if matches!(verdict, Verdict::Accept) { ACCEPTED } else { 0 })
    }

    /// Of the label of a box.
    #[inline]
    pub(super) const fn of_label(label: u32) -> Self {
        Self(label)
    }

    /// The rule.
    #[inline]
    pub(super) const fn rule(self) -> u32 {
        self.0 >> 2
    }

    /// Its verdict, if it need not be run.
    #[inline]
    pub(super) const fn verdict(self) -> Option<Verdict> {
        match (self.0 & DECIDED != 0, self.0 & ACCEPTED != 0) {
            (false, _) => None,
            (true, true) => Some(Verdict::Accept),
            (true, false) => Some(Verdict::Drop),
        }
    }
}

impl Axis {
    fn of<'a>(load: Load, allowed: impl Iterator<Item = &'a Intervals>) -> Self {
        if load == Load::Ct(Ct::State) {
            return Self::State;
        }
        match load {
            Load::Payload { base, offset, width: 8 | 16 | 32 }
                if offset % 8 == 0 && base != HeaderBase::Link =>
            {
                return Self::Bytes {
                    load,
                    base,
                    byte: offset / 8,
                    bytes: constraint::bits(&load) as u16 / 8,
                };
            }
            _ if constraint::bits(&load) <= u32::BITS => return Self::Number(load),
            _ => {}
        }
        let mut starts = vec![0];
        for interval in allowed.flat_map(Intervals::as_slice) {
            starts.push(interval.low);
            starts.extend(interval.high.checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        Self::Rank(load, starts.into())
    }

    fn bits(&self) -> u32 {
        match self {
            Self::Number(load) | Self::Bytes { load, .. } => constraint::bits(load),
            Self::State => 3,
            Self::Rank(_, starts) => starts.len().next_power_of_two().ilog2(),
        }
    }

    /// The coordinates that the numbers of an interval have; `None` if there are none.
    fn side(&self, interval: Interval) -> Option<(u32, u32)> {
        match self {
            Self::Number(load) | Self::Bytes { load, .. } => {
                let greatest = ((1u64 << constraint::bits(load)) - 1) as Value;
                (interval.low <= greatest).then(|| (interval.low as u32, interval.high.min(greatest) as u32))
            }
            Self::State => Some((interval.low as u32, interval.high as u32)),
            Self::Rank(_, starts) => Some((rank(starts, interval.low), rank(starts, interval.high))),
        }
    }

    #[inline]
    fn coordinate<F: Frame + ?Sized>(&self, facts: &Facts<'_, F>) -> Option<u32> {
        match *self {
            Self::Number(ref load) => facts.load(load).map(|value| value as u32),
            Self::Bytes { ref load, base, byte, bytes } => match facts.plain_bytes(base, byte, bytes) {
                Some(value) => Some(value),
                None => facts.load(load).map(|value| value as u32),
            },
            Self::State => Some(facts.ct_state.trailing_zeros()),
            Self::Rank(ref load, ref starts) => facts.load(load).map(|value| rank(starts, value)),
        }
    }
}

fn rank(starts: &[Value], value: Value) -> u32 {
    starts.partition_point(|&start| start <= value) as u32 - 1
}

/// What is allowed, in the numbers of its axis: of a connection's state, of which one bit is set, the bit.
fn on_axis(load: &Load, allowed: &Intervals) -> Intervals {
    if *load != Load::Ct(Ct::State) {
        return allowed.clone();
    }
    let bits = (0..STATES).filter(|&bit| allowed.contains(1 << bit));
    Intervals::union(bits.map(|bit| Interval { low: bit, high: bit }))
}

/// The boxes of so many intervals a side.
fn product(sides: &Sides, axes: &[Axis]) -> Vec<Bounds> {
    let mut all = vec![Bounds::default()];
    for (axis, allowed) in sides {
        let parts: Vec<(u32, u32)> =
            allowed.as_slice().iter().filter_map(|&interval| axes[*axis].side(interval)).collect();
        all = all
            .into_iter()
            .flat_map(|bounds| {
                parts.iter().map(move |&part| {
                    let mut bounds = bounds;
                    bounds.sides[*axis] = Some(part);
                    bounds
                })
            })
            .collect();
    }
    all
}

/// What is sure of a rule whose conditions hold.
#[derive(Debug, Clone, Copy)]
enum Settled {
    /// This is its verdict, and it does nothing else.
    At(Verdict),
    /// It has to be run, and leaves the chain.
    Leaves,
}

/// What is sure of a rule once its constraints hold, if they are all that it asks.
fn settled(statements: &[Statement], loads: &[Load], sets: &[policy::Set]) -> Option<Settled> {
    let mut counts = false;
    for statement in statements {
        match statement {
            Statement::Match(condition)
                if !counts
                    && loads.contains(&condition.key.first()?.load)
                    && constraint::is_exact(condition, sets) => {}
            Statement::Counter(_) => counts = true,
            Statement::Verdict(policy::Verdict::Accept) if !counts => {
                return Some(Settled::At(Verdict::Accept));
            }
            Statement::Verdict(policy::Verdict::Drop) if !counts => return Some(Settled::At(Verdict::Drop)),
            Statement::Verdict(policy::Verdict::Accept | policy::Verdict::Drop | policy::Verdict::Return) => {
                return Some(Settled::Leaves);
            }
            _ => return None,
        }
    }
    None
}

/// In [`End`]: the verdict is known, and it is to accept.
const DECIDED: u32 = 1;
const ACCEPTED: u32 = 1 << 1;
/// Boxes that one rule may be.
const MOST_BOXES: usize = 16;
/// Bits of a connection's state.
const STATES: Value = 8;
