//! Which numbers? Sorted lists of intervals that neither overlap nor touch.

use config::policy::Value;

/// The numbers from `low` to `high`, both of which belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Interval {
    pub(super) low: Value,
    pub(super) high: Value,
}

/// A set of numbers: its intervals in order, with gaps between them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Intervals(Vec<Interval>);

impl Intervals {
    /// The numbers from `low` to `high`; none if `low` is greater.
    pub(super) fn one(low: Value, high: Value) -> Self {
        Self(if low <= high { vec![Interval { low, high }] } else { Vec::new() })
    }

    /// The numbers in any of `intervals`, in whatever order and overlap they come.
    pub(super) fn union(intervals: impl IntoIterator<Item = Interval>) -> Self {
        let mut sorted: Vec<Interval> = intervals.into_iter().filter(|i| i.low <= i.high).collect();
        sorted.sort_unstable();
        let mut merged: Vec<Interval> = Vec::new();
        for next in sorted {
            match merged.last_mut() {
                Some(last) if next.low <= last.high.saturating_add(1) => last.high = last.high.max(next.high),
                _ => merged.push(next),
            }
        }
        Self(merged)
    }

    /// The numbers that are not in it.
    pub(super) fn complement(&self) -> Self {
        let mut gaps = Vec::with_capacity(self.0.len() + 1);
        let mut from = Some(0);
        for interval in &self.0 {
            if let Some(low) = from.filter(|&low| low < interval.low) {
                gaps.push(Interval { low, high: interval.low - 1 });
            }
            from = interval.high.checked_add(1);
        }
        gaps.extend(from.map(|low| Interval { low, high: Value::MAX }));
        Self(gaps)
    }

    /// The numbers in both.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        let (mut left, mut right) = (self.0.iter().peekable(), other.0.iter().peekable());
        let mut both = Vec::new();
        while let (Some(&&a), Some(&&b)) = (left.peek(), right.peek()) {
            let (low, high) = (a.low.max(b.low), a.high.min(b.high));
            if low <= high {
                both.push(Interval { low, high });
            }
            if a.high <= b.high {
                left.next()
            } else {
                right.next()
            };
        }
        Self(both)
    }

    /// The same numbers and the fewest others, so that at most `most` intervals remain: the narrowest gaps close.
    pub(super) fn coarsened(self, most: usize) -> Self {
        if self.0.len() <= most {
            return self;
        }
        let mut gaps: Vec<usize> = (1..self.0.len()).collect();
        gaps.sort_by_key(|&at| std::cmp::Reverse(self.0[at].low - self.0[at - 1].high));
        gaps.truncate(most.saturating_sub(1));
        gaps.sort_unstable();
        let starts = std::iter::once(0).chain(gaps.iter().copied());
        let ends = gaps.iter().copied().chain([self.0.len()]);
        Self(
            starts
                .zip(ends)
                .map(|(s, e)| Interval { low: self.0[s].low, high: self.0[e - 1].high })
                .collect(),
        )
    }

    /// From the least to the greatest of them.
    pub(super) fn hull(&self) -> Self {
        match (self.0.first(), self.0.last()) {
            (Some(first), Some(last)) => Self::one(first.low, last.high),
            _ => Self::default(),
        }
    }

    pub(super) fn contains(&self, value: Value) -> bool {
        let after = self.0.partition_point(|interval| interval.low <= value);
        after > 0 && value <= self.0[after - 1].high
    }

    pub(super) fn as_slice(&self) -> &[Interval] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Interval, Intervals};
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Intervals> {
        let interval = (0..=40u128, 0..=8u128).prop_map(|(low, more)| Interval { low, high: low + more });
        prop::collection::vec(interval, 0..6).prop_map(Intervals::union)
    }

    proptest! {
        #[test]
        fn operations_agree_with_membership(a in bytes(), b in bytes(), most in 1..4_usize) {
            let (both, not, coarse) = (a.intersection(&b), a.complement(), a.clone().coarsened(most));
            prop_assert!(coarse.as_slice().len() <= most);
            for value in (0..60).chain([u128::MAX]) {
                prop_assert_eq!(both.contains(value), a.contains(value) && b.contains(value));
                prop_assert_eq!(not.contains(value), !a.contains(value));
                prop_assert!(coarse.contains(value) || !a.contains(value));
            }
            for lists in [&a, &both, &not, &coarse] {
                prop_assert!(lists.as_slice().windows(2).all(|pair| pair[0].high + 1 < pair[1].low));
            }
        }

        #[test]
        fn union_is_any(list in prop::collection::vec((0..40u128, 0..8u128), 0..6)) {
            let list: Vec<_> = list.iter().map(|&(low, more)| Interval { low, high: low + more }).collect();
            let union = Intervals::union(list.iter().copied());
            for value in 0..60 {
                prop_assert_eq!(union.contains(value), list.iter().any(|i| i.low <= value && value <= i.high));
            }
        }
    }

    #[test]
    fn nothing_and_everything_are_complements() {
        assert_eq!(Intervals::default().complement(), Intervals::one(0, u128::MAX));
        assert_eq!(Intervals::one(0, u128::MAX).complement(), Intervals::default());
    }
}
