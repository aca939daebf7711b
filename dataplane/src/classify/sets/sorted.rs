//! Which element holds this number? Intervals that do not overlap, searched by bisection.

use config::policy::{self, Value};

/// The bounds of intervals, in order, and the elements they are of.
#[derive(Debug)]
pub(super) struct Sorted<K> {
    low: Box<[K]>,
    /// Empty if every interval is a single value.
    high: Box<[K]>,
    /// Empty if the elements lie in that order.
    elements: Box<[u32]>,
}

impl<K: Copy + Ord + TryFrom<Value>> Sorted<K> {
    /// Arranges the elements of a set of one part; `None` if a bound does not fit.
    pub(super) fn new(set: &policy::Set) -> Option<Self> {
        let column = |bounds: &[Value], order: &[u32]| -> Option<Box<[K]>> {
            let narrow = |bound: Value| K::try_from(bound).ok();
            if order.is_empty() {
                return bounds.iter().map(|&bound| narrow(bound)).collect();
            }
            order.iter().map(|&element| narrow(bounds[element as usize])).collect()
        };
        let mut elements = Vec::new();
        if !set.low.is_sorted() {
            elements = (0..set.len() as u32).collect();
            elements.sort_by_key(|&element| set.low[element as usize]);
        }
        let high = if set.low == set.high { Box::default() } else { column(&set.high, &elements)? };
        Some(Self { low: column(&set.low, &elements)?, high, elements: elements.into() })
    }

    /// The element that holds `value`.
    #[inline]
    pub(super) fn find(&self, value: Value) -> Option<u32> {
        let value = K::try_from(value).ok()?;
        let found = self.low.partition_point(|&low| low <= value).checked_sub(1)?;
        let high = self.high.get(found).unwrap_or(&self.low[found]);
        let element = || self.elements.get(found).copied().unwrap_or(found as u32);
        (value <= *high).then(element)
    }

    /// Bytes it takes.
    pub(super) fn memory(&self) -> usize {
        size_of_val(&*self.low) + size_of_val(&*self.high) + size_of_val(&*self.elements)
    }
}
