//! Do any two boxes of a concatenation overlap as the kernel does not allow?
//!
//! It refuses an element whose least or greatest key an earlier one holds. Others may overlap; the first counts.

use crate::policy::Value;

/// Elements of several parts each, as in [`crate::policy::Set`]; those that are looked at by their numbers.
pub(super) struct Boxes<'a> {
    pub(super) parts: usize,
    pub(super) low: &'a [Value],
    pub(super) high: &'a [Value],
    pub(super) numbers: &'a [u32],
    /// No two may overlap at all: elements that end would let another come to the fore.
    pub(super) apart: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overlap {
    /// These two do, by number.
    Between(usize, usize),
    /// It would take too long to say.
    Unknown,
}

impl Boxes<'_> {
    /// Finds two that overlap as they must not: sweeps along the part that keeps the fewest boxes open at once. None
    /// of them is there twice, so single values never do.
    pub(super) fn overlap(&self) -> Result<(), Overlap> {
        if self.low == self.high {
            return Ok(());
        }
        let sweeps = (0..self.parts).map(|part| (part, self.order(part)));
        let cheapest = sweeps.min_by_key(|(part, order)| self.cost(*part, order));
        let Some((part, order)) = cheapest else {
            return Ok(());
        };
        let mut open: Vec<usize> = Vec::new();
        let mut compared = 0;
        for index in order.into_iter().map(|number| number as usize) {
            let low = self.low[index * self.parts + part];
            open.retain(|&earlier| self.high[earlier * self.parts + part] >= low);
            compared += open.len();
            if compared > MOST_COMPARED {
                return Err(Overlap::Unknown);
            }
            let refused = |&&other: &&usize| self.is_refused(other.min(index), other.max(index));
            if let Some(&other) = open.iter().find(refused) {
                return Err(Overlap::Between(other.min(index), other.max(index)));
            }
            open.push(index);
        }
        Ok(())
    }

    fn order(&self, part: usize) -> Vec<u32> {
        let mut order: Vec<u32> = self.numbers.to_vec();
        order.sort_unstable_by_key(|&number| (self.low[number as usize * self.parts + part], number));
        order
    }

    /// How many pairs of boxes are open together.
    fn cost(&self, part: usize, order: &[u32]) -> usize {
        let place = |number: u32| number as usize * self.parts + part;
        let mut ends = order.to_vec();
        ends.sort_unstable_by_key(|&number| self.high[place(number)]);
        let mut closed = 0;
        order.iter().enumerate().fold(0, |cost, (opened, &number)| {
            let low = self.low[place(number)];
            while ends.get(closed).is_some_and(|&end| self.high[place(end)] < low) {
                closed += 1;
            }
            cost + opened.saturating_sub(closed)
        })
    }

    /// Whether box `earlier` holds the least or the greatest key of box `later`.
    fn is_refused(&self, earlier: usize, later: usize) -> bool {
        let holds = |corner: &[Value]| {
            (0..self.parts).all(|part| {
                let (bound, value) = (earlier * self.parts + part, corner[later * self.parts + part]);
                self.low[bound] <= value && value <= self.high[bound]
            })
        };
        holds(self.low) || holds(self.high) || self.apart && self.meet(earlier, later)
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

    fn boxes<'a>(low: &'a [Value; 4], high: &'a [Value; 4], apart: bool) -> Boxes<'a> {
        Boxes { parts: 2, low, high, numbers: &[0, 1], apart }
    }

    #[test]
    fn a_box_must_not_start_or_end_in_an_earlier_one() {
        let starts = boxes(&[1, 1, 5, 2], &[9, 2, 5, 9], false);
        assert_eq!(starts.overlap(), Err(Overlap::Between(0, 1)));
        let ends = boxes(&[1, 1, 0, 0], &[9, 2, 5, 1], false);
        assert_eq!(ends.overlap(), Err(Overlap::Between(0, 1)));
    }

    #[test]
    fn a_box_may_cross_or_enclose_an_earlier_one_unless_they_end() {
        let (low, high) = ([1, 1, 5, 0], [9, 2, 5, 9]);
        assert_eq!(boxes(&low, &high, false).overlap(), Ok(()));
        assert_eq!(boxes(&low, &high, true).overlap(), Err(Overlap::Between(0, 1)));
        let encloses = boxes(&[5, 5, 1, 1], &[5, 6, 9, 9], false);
        assert_eq!(encloses.overlap(), Ok(()));
        let enclosed = boxes(&[1, 1, 5, 5], &[9, 9, 5, 6], false);
        assert_eq!(enclosed.overlap(), Err(Overlap::Between(0, 1)));
    }

    #[test]
    fn boxes_apart_in_one_part_are_apart() {
        let (low, high) = ([1, 1, 1, 3], [9, 2, 9, 9]);
        assert_eq!(boxes(&low, &high, true).overlap(), Ok(()));
    }
}
