//! Do any two boxes of a concatenation overlap?

use crate::policy::Value;

/// Elements of several parts each, as in [`crate::policy::Set`].
pub(super) struct Boxes<'a> {
    pub(super) parts: usize,
    pub(super) low: &'a [Value],
    pub(super) high: &'a [Value],
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Overlap {
    /// No two overlap.
    None,
    /// These two do, by index.
    Between(usize, usize),
    /// It would take too long to say.
    Unknown,
}

impl Boxes<'_> {
    /// Sweeps along the part that keeps the fewest boxes open at once.
    pub(super) fn overlap(&self) -> Overlap {
        let sweeps = (0..self.parts).map(|part| (part, self.order(part)));
        let cheapest = sweeps.min_by_key(|(part, order)| self.cost(*part, order));
        let Some((part, order)) = cheapest else {
            return Overlap::None;
        };
        let mut open: Vec<usize> = Vec::new();
        let mut compared = 0;
        for index in order {
            let low = self.low[index * self.parts + part];
            open.retain(|&earlier| self.high[earlier * self.parts + part] >= low);
            compared += open.len();
            if compared > MOST_COMPARED {
                return Overlap::Unknown;
            }
            if let Some(&earlier) = open.iter().find(|&&earlier| self.meet(earlier, index)) {
                return Overlap::Between(earlier.min(index), earlier.max(index));
            }
            open.push(index);
        }
        Overlap::None
    }

    fn order(&self, part: usize) -> Vec<usize> {
        let count = self.low.len() / self.parts;
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by_key(|index| self.low[index * self.parts + part]);
        order
    }

    /// How many pairs of boxes are open together.
    fn cost(&self, part: usize, order: &[usize]) -> usize {
        let mut ends: Vec<Value> = order.iter().map(|i| self.high[i * self.parts + part]).collect();
        ends.sort_unstable();
        let mut closed = 0;
        order.iter().enumerate().fold(0, |cost, (opened, index)| {
            let low = self.low[index * self.parts + part];
            while ends.get(closed).is_some_and(|&end| end < low) {
                closed += 1;
            }
            cost + opened.saturating_sub(closed)
        })
    }

    fn meet(&self, a: usize, b: usize) -> bool {
        (0..self.parts).all(|part| {
            let (a, b) = (a * self.parts + part, b * self.parts + part);
            self.low[a] <= self.high[b] && self.low[b] <= self.high[a]
        })
    }
}

const MOST_COMPARED: usize = 200_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossing_boxes_are_found() {
        let (low, high) = ([1, 1, 5, 0], [9, 2, 5, 9]);
        let boxes = Boxes { parts: 2, low: &low, high: &high };
        assert_eq!(boxes.overlap(), Overlap::Between(0, 1));
    }

    #[test]
    fn boxes_apart_in_one_part_are_apart() {
        let (low, high) = ([1, 1, 1, 3], [9, 2, 9, 9]);
        let boxes = Boxes { parts: 2, low: &low, high: &high };
        assert_eq!(boxes.overlap(), Overlap::None);
    }
}
