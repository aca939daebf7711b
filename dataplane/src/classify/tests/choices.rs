//! Random decisions out of a list of numbers that proptest makes and shrinks. Behind its end everything is 0, the
//! plainest choice.

#[derive(Debug)]
pub(crate) struct Choices<'a>(std::slice::Iter<'a, u32>);

impl<'a> Choices<'a> {
    pub(crate) fn new(numbers: &'a [u32]) -> Self {
        Self(numbers.iter())
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        self.0.next().map_or(0, |&number| number as usize % count)
    }

    /// One time in `count`; never once the list is at its end.
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(crate) fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
}
