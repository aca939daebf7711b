//! Is every packet of a box taken by one of many others? Answered exactly, by points and what is left around them,
//! or not at all if it would take too long.

use std::ops::Range;

use super::region::{Dimensions, Point, Region};
use super::takers::Takers;
use super::values::{Values, ones};
use crate::policy::{RuleId, Value};

/// What was found of boxes.
#[derive(Debug)]
pub(super) enum Cover {
    /// These rules together take all of them.
    All(Vec<RuleId>),
    /// Nobody takes this packet, and not all of this part, which it lies in.
    Open(Region),
    /// It would take too long to say.
    Unknown,
}

/// How much work there may still be.
#[derive(Debug)]
pub(super) struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST_WORK)
    }
}

impl Budget {
    /// So many steps of walking from rule to rule, which cost more than tests.
    pub(super) const fn for_walks() -> Self {
        Self(MOST_WALKED)
    }

    /// Takes away `work`, if it is there.
    pub(super) fn spend(&mut self, work: usize) -> bool {
        self.0 = self.0.saturating_sub(work as u64);
        self.0 > 0
    }
}

impl Takers {
    /// Whether those `among` them take all of `regions`. One that does it alone is named before several.
    pub(super) fn cover(
        &self,
        regions: &[Region],
        among: &Range<u32>,
        space: &Space,
        budget: &mut Budget,
    ) -> Cover {
        let Some(first) = regions.first() else { return Cover::All(Vec::new()) };
        let point = space.point(first);
        let alone = |region: &Region| regions.iter().all(|one| region.holds(one, &space.dimensions));
        if let Some(taken) = self.find(&point, among, budget, alone) {
            return Cover::All(vec![taken.by]);
        }
        let mut by = Vec::new();
        for region in regions {
            if let Some(open) = self.uncovered(region.clone(), among, space, budget, &mut by) {
                return open;
            }
        }
        by.sort_unstable();
        Cover::All(by)
    }

    /// Why not all of `start` is known to be taken; those who take it are added to `by`.
    fn uncovered(
        &self,
        start: Region,
        among: &Range<u32>,
        space: &Space,
        budget: &mut Budget,
        by: &mut Vec<RuleId>,
    ) -> Option<Cover> {
        let mut open = vec![start];
        let mut steps = 0;
        while let Some(region) = open.pop() {
            steps += 1;
            if steps > MOST_STEPS || !budget.spend(1) {
                return Some(Cover::Unknown);
            }
            let point = space.point(&region);
            let Some(taken) = self.find(&point, among, budget, |_| true) else {
                return Some(Cover::Open(region));
            };
            if !by.contains(&taken.by) {
                by.push(taken.by);
            }
            let size: usize = region.cells().map(|(_, values)| values.ranges().len()).sum();
            budget.spend(size);
            open.extend(region.without(&taken.region, &space.dimensions));
        }
        None
    }

    /// What those `among` them leave of `regions`, or some more if that would be too many boxes; and whether it is
    /// just that.
    pub(super) fn rest(
        &self,
        regions: Vec<Region>,
        among: &Range<u32>,
        dimensions: &Dimensions,
        budget: &mut Budget,
    ) -> (Vec<Region>, bool) {
        let mut rest = regions;
        let mut exact = true;
        for taken in self.within(among) {
            if rest.is_empty() {
                break;
            }
            if !budget.spend(rest.len()) {
                return (rest, false);
            }
            if rest.iter().any(|region| region.meets(&taken.region)) {
                let smaller: Vec<Region> =
                    rest.iter().flat_map(|region| region.without(&taken.region, dimensions)).collect();
                if smaller.len() <= MOST_LEFT.max(rest.len()) {
                    rest = smaller;
                } else {
                    exact = false;
                }
            }
        }
        (rest, exact)
    }
}

/// All dimensions, and in each a value that no rule names.
#[derive(Debug)]
pub(super) struct Space {
    pub(super) dimensions: Dimensions,
    unnamed: Vec<Option<Value>>,
}

impl Space {
    pub(super) fn new<'r>(dimensions: Dimensions, regions: impl Iterator<Item = &'r Region>) -> Self {
        let mut named: Vec<Vec<(Value, Value)>> = vec![Vec::new(); dimensions.len()];
        for (dimension, values) in regions.flat_map(Region::cells) {
            let all = ones(dimensions.field(dimension).width);
            let narrow = values.ranges().iter().filter(|(low, high)| high - low < all / 4);
            named[usize::from(dimension)].extend(narrow);
        }
        let unnamed = named.into_iter().zip(dimensions.iter());
        let unnamed = unnamed.map(|(named, (_, field))| {
            let free = Values::within(named).complement(field.width);
            free.ranges().first().map(|&(low, high)| low + (high - low) / 2)
        });
        let unnamed = unnamed.collect();
        Self { dimensions, unnamed }
    }

    /// A packet of `region` that few rules are likely to take.
    pub(super) fn point(&self, region: &Region) -> Point {
        let mut point: Point = vec![None; self.dimensions.len()];
        for (dimension, values) in region.cells() {
            let at = usize::from(dimension);
            let unnamed = self.unnamed[at].filter(|&value| values.contains(Some(value)));
            point[at] = unnamed.or_else(|| values.ranges().first().map(|range| range.0));
        }
        point
    }
}

/// Boxes looked at for one question.
const MOST_STEPS: usize = 3000;
/// Boxes that a remainder is described by.
const MOST_LEFT: usize = 64;
/// Tests for all questions of a run: some seconds.
const MOST_WORK: u64 = 300_000_000;
/// Rules met behind others, over a run: some seconds.
const MOST_WALKED: u64 = 60_000_000;

#[cfg(test)]
mod tests {
    use super::{Budget, Cover, Space};
    use crate::lint::region::{Dimensions, Point, Region};
    use crate::lint::takers::Takers;
    use crate::lint::values::Values;
    use crate::policy::{Field, Load, Meta, RuleId, Value};
    use proptest::prelude::*;
    use std::sync::Arc;

    type Bounds = [(Value, Value); 2];

    fn region(bounds: Bounds) -> Option<Region> {
        bounds.into_iter().zip(0..).try_fold(Region::default(), |region, ((one, other), dimension)| {
            let values = Values::within([(one.min(other), one.max(other))]);
            region.limited(dimension, Arc::new(values))
        })
    }

    fn bounds() -> impl Strategy<Value = Bounds> {
        [(0_u128..8, 0_u128..8), (0_u128..8, 0_u128..8)]
    }

    proptest! {
        /// Every packet counted: two dimensions of eight values.
        #[test]
        fn cover_is_what_counting_says(start in bounds(), boxes in prop::collection::vec(bounds(), 0..12)) {
            let mut dimensions = Dimensions::default();
            dimensions.number(&Field::plain(Load::Meta(Meta::L4Proto), 8));
            dimensions.number(&Field::plain(Load::Meta(Meta::NfProto), 8));
            let start = region(start).unwrap();
            let mut takers = Takers::default();
            let regions: Vec<Region> = boxes.into_iter().filter_map(region).collect();
            for (rule, region) in (0..).zip(&regions) {
                takers.push(region.clone(), RuleId(rule), &dimensions);
            }
            let points = (0..8).flat_map(|a| (0..8).map(move |b| -> Point { vec![Some(a), Some(b)] }));
            let inside: Vec<Point> = points.filter(|point| start.contains(point)).collect();
            let taken = |point: &Point| regions.iter().any(|region| region.contains(point));
            let space = Space::new(dimensions, regions.iter());
            let all = takers.all();
            match takers.cover(std::slice::from_ref(&start), &all, &space, &mut Budget::default()) {
                Cover::All(by) => {
                    prop_assert!(inside.iter().all(taken));
                    let enough = |point: &Point| by.iter().any(|rule| regions[rule.index()].contains(point));
                    prop_assert!(inside.iter().all(enough), "the rules it names are enough");
                }
                Cover::Open(left) => {
                    prop_assert!(inside.iter().any(|point| left.contains(point) && !taken(point)));
                }
                Cover::Unknown => prop_assert!(false, "a small question"),
            }
            let (rest, exact) = takers.rest(vec![start], &all, &space.dimensions, &mut Budget::default());
            prop_assert!(exact, "a small question");
            for point in &inside {
                prop_assert!(taken(point) != rest.iter().any(|region| region.contains(point)));
            }
        }
    }
}
