//! Which values may a field have? Sorted ranges, and whether the packet may lack the field altogether.

use crate::policy::Value;

/// Values of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Values {
    /// Sorted, neither overlapping nor adjacent; both bounds belong to them.
    ranges: Vec<(Value, Value)>,
    /// Whether the field may be missing.
    absent: bool,
}

impl Values {
    /// Every value of `width` bits, or none at all.
    pub(super) fn everything(width: u16) -> Self {
        Self { ranges: vec![(0, ones(width))], absent: true }
    }

    /// Every value of `width` bits.
    pub(super) fn present(width: u16) -> Self {
        Self { ranges: vec![(0, ones(width))], absent: false }
    }

    /// The field is missing.
    pub(super) fn missing() -> Self {
        Self { ranges: Vec::new(), absent: true }
    }

    /// The values within any of `ranges`.
    pub(super) fn within(ranges: impl IntoIterator<Item = (Value, Value)>) -> Self {
        let mut ranges: Vec<_> = ranges.into_iter().filter(|(low, high)| low <= high).collect();
        ranges.sort_unstable();
        let mut joined: Vec<(Value, Value)> = Vec::with_capacity(ranges.len());
        for (low, high) in ranges {
            match joined.last_mut() {
                Some(last) if low <= last.1 || last.1.checked_add(1) == Some(low) => {
                    last.1 = last.1.max(high);
                }
                _ => joined.push((low, high)),
            }
        }
        Self { ranges: joined, absent: false }
    }

    /// The same, but the field may be missing, too.
    pub(super) fn or_missing(mut self) -> Self {
        self.absent = true;
        self
    }

    /// The values of `width` bits that are not among these.
    pub(super) fn complement(&self, width: u16) -> Self {
        Self::present(width).without(self)
    }

    pub(super) fn ranges(&self) -> &[(Value, Value)] {
        &self.ranges
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty() && !self.absent
    }

    /// The one range there is.
    pub(super) fn range(&self) -> Option<(Value, Value)> {
        match self.ranges[..] {
            [range] if !self.absent => Some(range),
            _ => None,
        }
    }

    /// Whether a packet may have this, or, if it is `None`, lack the field.
    pub(super) fn contains(&self, value: Option<Value>) -> bool {
        let Some(value) = value else {
            return self.absent;
        };
        let at = self.ranges.partition_point(|&(_, high)| high < value);
        self.ranges.get(at).is_some_and(|&(low, _)| low <= value)
    }

    /// Whether all of `other` are among these.
    pub(super) fn holds(&self, other: &Self) -> bool {
        let within = |&(low, high): &(Value, Value)| {
            let at = self.ranges.partition_point(|&(_, end)| end < low);
            self.ranges.get(at).is_some_and(|&(start, end)| start <= low && high <= end)
        };
        (self.absent || !other.absent) && other.ranges.iter().all(within)
    }

    /// What is in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let (mut a, mut b) = (0, 0);
        while let (Some(&(low, high)), Some(&(other_low, other_high))) =
            (self.ranges.get(a), other.ranges.get(b))
        {
            let (from, to) = (low.max(other_low), high.min(other_high));
            if from <= to {
                ranges.push((from, to));
            }
            if high < other_high { a += 1 } else { b += 1 }
        }
        Self { ranges, absent: self.absent && other.absent }
    }

    /// Whether anything is in both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        if self.absent && other.absent {
            return true;
        }
        let (few, many) = if self.ranges.len() <= other.ranges.len() { (self, other) } else { (other, self) };
        few.ranges.iter().any(|&(low, high)| {
            let at = many.ranges.partition_point(|&(_, end)| end < low);
            many.ranges.get(at).is_some_and(|&(start, _)| start <= high)
        })
    }

    /// What is in this and not in `other`.
    pub(super) fn without(&self, other: &Self) -> Self {
        let mut ranges = Vec::new();
        let mut b = 0;
        for &(low, high) in &self.ranges {
            let mut from = Some(low);
            while other.ranges.get(b).is_some_and(|range| range.1 < low) {
                b += 1;
            }
            let mut at = b;
            while let (Some(start), Some(&(cut, end))) = (from, other.ranges.get(at)) {
                if cut > high {
                    break;
                }
                if cut > start {
                    ranges.push((start, cut - 1));
                }
                from = end.checked_add(1).filter(|&next| next <= high);
                at += 1;
            }
            ranges.extend(from.map(|start| (start, high)));
        }
        Self { ranges, absent: self.absent && !other.absent }
    }
}

/// All ones, `width` bits wide.
pub(super) const fn ones(width: u16) -> Value {
    if width >= 128 { Value::MAX } else { (1 << width) - 1 }
}

#[cfg(test)]
mod tests {
    use super::Values;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Values> {
        (prop::collection::vec((0_u128..16, 0_u128..16), 0..4), any::<bool>()).prop_map(|(ranges, absent)| {
            let found = Values::within(ranges);
            if absent { found.or_missing() } else { found }
        })
    }

    proptest! {
        #[test]
        fn sets_of_values_behave_as_sets(a in values(), b in values()) {
            for value in (0..16).map(Some).chain([None]) {
                let (left, right) = (a.contains(value), b.contains(value));
                prop_assert_eq!(a.and(&b).contains(value), left && right);
                prop_assert_eq!(a.without(&b).contains(value), left && !right);
                prop_assert_eq!(a.complement(4).contains(value), value.is_some() && !left);
            }
            prop_assert_eq!(a.meets(&b), !a.and(&b).is_empty());
            prop_assert_eq!(a.holds(&b), b.without(&a).is_empty());
        }
    }

    #[test]
    fn the_greatest_value_has_nothing_behind_it() {
        let all = Values::present(128);
        assert!(all.complement(128).is_empty());
        assert_eq!(all.without(&Values::within([(0, u128::MAX - 1)])).range(), Some((u128::MAX, u128::MAX)));
    }
}
