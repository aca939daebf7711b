//! How does an element lie in memory? Key and value in as many words of 32 bits as they have, beside its end and the
//! state of its statements.
//!
//! | word of 64 bits | holds |
//! | --- | --- |
//! | 0 | the claim, and the first unit; of a record that is free, which one is free after it |
//! | 1 | the end |
//! | 2... | the other units, two a word: key, value, number of the list of statements |
//! | behind | state of the statements, then numbers for whoever keeps the set |
//!
//! A unit has 32 bits. Whoever takes a record says in the claim that it is being written, and then that it is ready. A
//! reader looks at the claim before and after, so that it never takes a part of one element for a part of another.

use super::{Acquire, AtomicU64, Relaxed, Release, Value, fence};
use std::ops::Range;

/// What every record of a set has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Units of each part of the key.
    parts: Box<[u8]>,
    /// Units of all parts.
    key: usize,
    /// Units of the value.
    data: usize,
    /// Whether it says which list of statements is its own.
    lists: bool,
    /// Words of state, those for the keeper of the set included.
    state: usize,
}

impl Shape {
    /// Of records whose keys have parts of so many bits, whose values have `data` bits, and that have so many lists of
    /// statements to choose from and so many words of state.
    pub(super) fn new(widths: &[u16], data: u16, lists: usize, state: usize) -> Self {
        let parts: Box<[u8]> = widths.iter().map(|&width| units_of(width)).collect();
        let key = parts.iter().map(|&units| usize::from(units)).sum();
        Self { parts, key, data: if data == 0 { 0 } else { units_of(data).into() }, lists: lists > 1, state }
    }

    /// How many parts a key has.
    pub(super) const fn parts(&self) -> usize {
        self.parts.len()
    }

    /// Words of a record.
    pub(super) fn words(&self) -> usize {
        self.first_state() + self.state
    }

    /// The first word of the state.
    pub(super) fn first_state(&self) -> usize {
        UNITS + (self.key + self.data + usize::from(self.lists)).saturating_sub(1).div_ceil(2)
    }

    /// Whether a key and a value are no wider than they may be.
    pub(super) fn fits(&self, key: &[Value], data: Value) -> bool {
        let fits = |value: Value, units: usize| units >= 4 || value >> (32 * units) == 0;
        key.len() == self.parts.len()
            && key.iter().zip(&self.parts).all(|(&part, &units)| fits(part, units.into()))
            && fits(data, self.data)
    }
}

/// One record of a set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'a> {
    shape: &'a Shape,
    words: &'a [AtomicU64],
}

impl<'a> Record<'a> {
    /// The record of this shape that lies in these words.
    #[inline]
    pub(super) const fn new(shape: &'a Shape, words: &'a [AtomicU64]) -> Self {
        Self { shape, words }
    }

    /// When the element ends.
    #[inline]
    pub(super) fn end(self) -> &'a AtomicU64 {
        &self.words[END]
    }

    /// The state of its statements, and the numbers of whoever keeps the set.
    #[inline]
    pub(super) fn state(self) -> &'a [AtomicU64] {
        &self.words[self.shape.first_state()..]
    }

    /// Which list of statements it has.
    #[inline]
    pub(super) fn list(self) -> u32 {
        if self.shape.lists { self.unit(self.shape.key + self.shape.data) } else { 0 }
    }

    /// Whether it came with the policy.
    pub(super) fn is_loaded(self) -> bool {
        self.words[CLAIM].load(Relaxed) & LOADED != 0
    }

    /// The value, if the element is ready, has this key and does not end before `now`.
    #[inline]
    pub(super) fn find(self, key: &[Value], now: u64) -> Option<Value> {
        let claim = self.words[CLAIM].load(Acquire);
        if claim & STATE != READY || !self.has_key(key) {
            return None;
        }
        let ends = self.end().load(Relaxed);
        let data = self.data();
        fence(Acquire);
        (now < ends && self.words[CLAIM].load(Relaxed) == claim).then_some(data)
    }

    #[inline]
    fn has_key(self, key: &[Value]) -> bool {
        let mut at = 0;
        let mut parts = key.iter().zip(&self.shape.parts);
        parts.all(|(&part, &count)| {
            let units = at..at + usize::from(count);
            at = units.end;
            self.number(units) == part
        }) && key.len() == self.shape.parts.len()
    }

    /// The value.
    #[inline]
    pub(super) fn data(self) -> Value {
        self.number(self.shape.key..self.shape.key + self.shape.data)
    }

    /// Writes the key where there is room for it.
    pub(super) fn key(self, parts: &mut [Value]) {
        let mut at = 0;
        for (part, &count) in parts.iter_mut().zip(&self.shape.parts) {
            let units = at..at + usize::from(count);
            at = units.end;
            *part = self.number(units);
        }
    }

    /// What these units hold, the high ones first.
    #[inline]
    fn number(self, units: Range<usize>) -> Value {
        units.fold(0, |value, at| value << 32 | Value::from(self.unit(at)))
    }

    #[inline]
    fn unit(self, at: usize) -> u32 {
        let Some(behind) = at.checked_sub(1) else { return (self.words[CLAIM].load(Relaxed) >> 32) as u32 };
        (self.words[UNITS + behind / 2].load(Relaxed) >> (behind % 2 * 32)) as u32
    }

    /// Writes a record that was free until now, but for its state, and says that it is ready.
    pub(super) fn write(self, key: &[Value], data: Value, list: u32, end: u64, loaded: bool) {
        let claim = &self.words[CLAIM];
        let count = claim.load(Relaxed) & COUNT;
        let next = count.wrapping_add(COUNT & COUNT.wrapping_neg()) & COUNT;
        claim.store(next | WRITING, Relaxed);
        // Whoever reads a word of these sees that claim too.
        fence(Release);
        self.end().store(end, Relaxed);
        let parts = key.iter().zip(&self.shape.parts).map(|(&part, &count)| (part, usize::from(count)));
        let parts = parts.chain([(data, self.shape.data), (list.into(), self.shape.lists.into())]);
        let mut units =
            parts.flat_map(|(value, count)| (0..count).rev().map(move |unit| (value >> (32 * unit)) as u32));
        let first = u64::from(units.next().unwrap_or(0)) << 32;
        for word in &self.words[UNITS..self.shape.first_state()] {
            let low = u64::from(units.next().unwrap_or(0));
            word.store(low | u64::from(units.next().unwrap_or(0)) << 32, Relaxed);
        }
        let loaded = if loaded { LOADED } else { 0 };
        claim.store(first | next | loaded | READY, Release);
    }

    /// Says that the record is free, and that this one is free after it.
    pub(super) fn free(self, after: u32) {
        let count = self.words[CLAIM].load(Relaxed) & COUNT;
        self.words[CLAIM].store(u64::from(after) << 32 | count | FREE, Release);
    }

    /// Which record is free after this one, if it is free.
    pub(super) fn free_after(self) -> u32 {
        (self.words[CLAIM].load(Relaxed) >> 32) as u32
    }
}

/// Units of so many bits.
fn units_of(width: u16) -> u8 {
    width.div_ceil(32).clamp(1, 4) as u8
}

// Words of a record.
const CLAIM: usize = 0;
const END: usize = 1;
const UNITS: usize = 2;

// Bits of a claim: what state the record is in, whether its element came with the policy, and how often it was taken.
const STATE: u64 = 3;
const FREE: u64 = 0;
const WRITING: u64 = 1;
const READY: u64 = 2;
const LOADED: u64 = 4;
const COUNT: u64 = 0xffff_fff8;
