//! Is this element of a set that packets do not change still there, and what does it have for itself?

use super::clock::{MILLISECOND, Moment};
use super::connections::{Counter, Place};
use super::each::Each;
use config::policy::Set;
use std::sync::atomic::AtomicU64;

/// What the elements of a set have besides their keys: an end, and statements.
#[derive(Debug)]
pub struct TimedElements {
    /// When each ends, in nanoseconds; [`u64::MAX`] is never. Empty if none does.
    ends: Box<[u64]>,
    /// Lists of statements.
    lists: Box<[Each]>,
    /// Which of them each has; empty if none has any.
    numbers: Box<[u32]>,
    state: Box<[AtomicU64]>,
    /// Numbers that the state of one element takes.
    words: usize,
    /// The element for every key that no other holds at the time, if there is one.
    rest: Option<usize>,
}

impl TimedElements {
    /// The elements of `set`, loaded at `now`, with these lists of statements.
    pub(super) fn new(set: &Set, lists: Vec<Each>, now: u64) -> Self {
        let words = lists.iter().map(Each::words).max().unwrap_or(0);
        let numbers: Box<[u32]> = set.each.numbers().into();
        let state: Box<[AtomicU64]> = (0..words * numbers.len()).map(|_| AtomicU64::new(0)).collect();
        if words > 0 {
            let own = numbers.iter().filter_map(|&number| lists.get(number as usize));
            let own = own.zip(state.chunks_exact(words)).enumerate();
            own.for_each(|(element, (each, state))| each.reset(state, set.each.starts_of(element)));
        }
        let ends = set.expires.iter().map(|&milliseconds| end(milliseconds, now)).collect();
        let rest = set.rest.then_some(set.len());
        Self { ends, lists: lists.into(), numbers, state, words, rest }
    }

    /// The element that holds a key that is within the bounds of `element`, or of none.
    #[inline]
    #[must_use]
    pub fn holding(&self, element: Option<usize>, now: u64) -> Option<usize> {
        let is_there = |element: &usize| self.is_there(*element, now);
        element.filter(is_there).or_else(|| self.rest.filter(is_there))
    }

    /// Whether element `element` is still there.
    #[must_use]
    fn is_there(&self, element: usize, now: u64) -> bool {
        self.ends.get(element).is_none_or(|&end| now < end)
    }

    /// The counter of connections at this word.
    pub(super) fn counter(&self, word: u32) -> Option<Counter<'_>> {
        Counter::of(self.state.get(word as usize..)?)
    }

    /// Runs the statements of element `element`, of the set with this number of [`Place`]. Whether the rule goes on.
    #[must_use]
    pub fn goes_on(&self, element: usize, set: u32, moment: &Moment<'_>) -> bool {
        let first = element * self.words;
        let state = self.state.get(first..).and_then(|state| state.get(..self.words));
        let number = self.numbers.get(element).copied().unwrap_or(u32::MAX);
        match (self.lists.get(number as usize), state) {
            (Some(each), Some(state)) => each.goes_on(state, Place { set, word: first as u32 }, moment),
            _ => true,
        }
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let lists = size_of_val(&*self.lists) + size_of_val(&*self.numbers);
        size_of_val(&*self.ends) + lists + size_of_val(&*self.state)
    }
}

/// When something ends that has so many milliseconds left; 0 is for ever.
pub(super) const fn end(milliseconds: u64, now: u64) -> u64 {
    if milliseconds == 0 { u64::MAX } else { now.saturating_add(milliseconds.saturating_mul(MILLISECOND)) }
}
