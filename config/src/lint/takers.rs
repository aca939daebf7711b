//! Which rules take a packet for themselves? Found by what the packet has: a rule that asks for an address, a prefix
//! or a port is looked at for packets that have it, and for no others.

use std::collections::HashMap;
use std::ops::Range;

use super::cover::Budget;
use super::region::{Dimension, Dimensions, Point, Region};
use super::values::Values;
use crate::policy::{RuleId, Value};

/// Packets that a rule takes for itself.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) region: Region,
    pub(super) by: RuleId,
}

/// A field without its lowest bits.
type Head = (Dimension, u8);

/// All that rules take, in the order in which packets meet them.
#[derive(Debug, Default)]
pub(super) struct Takers {
    list: Vec<Taken>,
    /// How many of them are rules of chains before this one.
    foreign: usize,
    /// Those that ask for one value of a head, by that.
    headed: HashMap<(Head, Value), Vec<u32>>,
    /// For which heads there are any.
    heads: Vec<Head>,
    /// The others.
    wide: Vec<u32>,
}

impl Takers {
    pub(super) fn push(&mut self, region: Region, by: RuleId, dimensions: &Dimensions) {
        let index = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        let keys = region.cells().filter_map(|(at, values)| {
            let (shift, value) = head_of(values)?;
            let telling = dimensions.field(at).width >= u16::from(shift) + FEWEST_BITS;
            telling.then_some(((at, shift), value))
        });
        // Of several, the one that tells it from most of those before it.
        match keys.min_by_key(|key| self.headed.get(key).map_or(0, Vec::len)) {
            Some(key) => {
                if !self.heads.contains(&key.0) {
                    self.heads.push(key.0);
                }
                self.headed.entry(key).or_default().push(index);
            }
            None => self.wide.push(index),
        }
        self.list.push(Taken { region, by });
    }

    /// As [`Takers::push`], of a rule that packets met before they came to the chain.
    pub(super) fn push_foreign(&mut self, region: Region, by: RuleId, dimensions: &Dimensions) {
        self.push(region, by, dimensions);
        self.foreign = self.list.len();
    }

    /// Those that packets meet before they come to `rule`, one of this chain.
    pub(super) fn before(&self, rule: RuleId) -> Range<u32> {
        0..self.place(rule)
    }

    /// Those behind `rule`.
    pub(super) fn behind(&self, rule: RuleId) -> Range<u32> {
        self.place(RuleId(rule.0 + 1))..self.all().end
    }

    pub(super) fn all(&self) -> Range<u32> {
        0..u32::try_from(self.list.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn within(&self, among: &Range<u32>) -> impl Iterator<Item = &Taken> {
        self.list[among.start as usize..among.end as usize].iter()
    }

    fn place(&self, rule: RuleId) -> u32 {
        let own = self.list[self.foreign..].partition_point(|taken| taken.by < rule);
        u32::try_from(self.foreign + own).unwrap_or(u32::MAX)
    }

    /// The first of those `among` them that takes the packet and of which `holds` is true.
    pub(super) fn find(
        &self,
        point: &Point,
        among: &Range<u32>,
        budget: &mut Budget,
        holds: impl Fn(&Region) -> bool,
    ) -> Option<&Taken> {
        let mut first: Option<u32> = None;
        let mut look = |bucket: &[u32]| {
            let start = bucket.partition_point(|&index| index < among.start);
            let mut seen = 0;
            let found = bucket[start..].iter().copied().find(|&index| {
                seen += 1;
                let over = index >= first.unwrap_or(among.end);
                let region = &self.list[index as usize].region;
                over || region.contains(point) && holds(region)
            });
            budget.spend(seen + 1);
            first = found.filter(|&index| index < first.unwrap_or(among.end)).or(first);
        };
        for &(dimension, shift) in &self.heads {
            let Some(value) = point[usize::from(dimension)] else { continue };
            if let Some(bucket) = self.headed.get(&((dimension, shift), value >> shift)) {
                look(bucket);
            }
        }
        look(&self.wide);
        first.map(|index| &self.list[index as usize])
    }
}

/// The bits left out and the value of the others, if the values are just those that begin with them.
fn head_of(values: &Values) -> Option<(u8, Value)> {
    let (low, high) = values.range()?;
    let shift = (low ^ high).checked_ilog2().map_or(0, |bit| bit + 1);
    let below = Value::MAX.checked_shr(Value::BITS - shift).unwrap_or(0);
    let whole = low & below == 0 && high & below == below && shift < Value::BITS;
    whole.then(|| (u8::try_from(shift).unwrap_or(0), low >> shift))
}

/// A head of fewer bits does not tell much.
const FEWEST_BITS: u16 = 4;
