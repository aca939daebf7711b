//! Which elements has a set whose elements come and go with packets? A hash table of fixed size, shared by all workers.
//!
//! A key lives in one bucket of [`LANES`] lanes, three times as many lanes in all as the policy gives the set elements;
//! its hash has a secret. The word at the head of a bucket says which lanes are occupied, and counts changes. Whoever
//! adds an element claims an unoccupied lane, writes it, and makes it occupied by one compare-and-swap of the head as it
//! was when the key was looked for: had anybody added the key meanwhile, the head would have changed. So no key is there
//! twice, nobody waits for anybody, and a lane is read only when it is complete.
//!
//! | word | written by |
//! | --- | --- |
//! | head of a bucket | compare-and-swap by all |
//! | claim of a lane (odd: claimed) | compare-and-swap, unclaimed to claimed; then whoever claimed or vacated it |
//! | key, data and tag of a lane | whoever claimed it, before it is occupied |
//! | end and statements of a lane | all |
//!
//! A reader looks at the claim before and after: another one says that the element has gone. What happens in the
//! very moment an element ends may count for the one that ends or for the next in its lane.
//!
//! Limits: an element whose time is over makes room when its bucket is met, and each new element looks over another
//! bucket, more of them when the set is full: never the whole table. A bucket may be full before the set is, with a
//! probability below 1e-9 a bucket.

mod kept;

use super::clock::Moment;
use super::connections::Place;
use super::each::Each;
use ahash::RandomState;
use config::policy::{Change, Value};
use std::sync::atomic::{
    AtomicU16, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
    fence,
};

/// A set that packets change.
#[derive(Debug)]
pub struct DynamicSet {
    hasher: RandomState,
    parts: usize,
    size: u32,
    /// How many elements there are, those included whose time is over and that nobody met since.
    count: AtomicU32,
    /// The bucket to be looked over next.
    cursor: AtomicU32,
    heads: Box<[AtomicU64]>,
    tags: Box<[AtomicU16]>,
    /// The lanes, `stride` words each: claim, end, list of statements, data, key, state.
    words: Box<[AtomicU64]>,
    stride: usize,
    /// Lifetime in nanoseconds unless a rule says otherwise; [`FOR_EVER`] is none.
    lifetime: u64,
    /// Lists of statements that elements can have.
    each: Box<[Each]>,
    /// Numbers that an element has at its end for whoever keeps the set.
    room: usize,
}

/// An element that was found, and what the map held for it. It may go at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element {
    lane: usize,
    /// What the map held.
    pub data: Value,
}

impl Element {
    /// Whether the other is found where this one is.
    pub(super) const fn is_at(self, other: Self) -> bool {
        self.lane == other.lane
    }
}

/// A change as a rule asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What is done.
    pub change: Change,
    /// Lifetime in nanoseconds, if the rule gives one.
    pub lifetime: Option<u64>,
    /// What a map holds for the key.
    pub data: Value,
    /// The list of statements a new element has.
    pub each: u32,
}

impl DynamicSet {
    /// An empty set for keys of so many parts and `size` elements. Takes all its memory here.
    #[must_use]
    pub fn new(parts: usize, size: u32, lifetime: Option<u64>, each: Vec<Each>, hasher: RandomState) -> Self {
        Self::with_room(parts, size, lifetime, each, 0, hasher)
    }

    /// As [`Self::new`], and `room` numbers with each element for whoever keeps the set. The first [`FRESH`] of them are
    /// 0 in a new element.
    pub(super) fn with_room(
        parts: usize,
        size: u32,
        lifetime: Option<u64>,
        each: Vec<Each>,
        room: usize,
        hasher: RandomState,
    ) -> Self {
        let buckets = (size as usize).div_ceil(LANES / 3).max(1);
        let stride = KEY + 2 * parts + each.iter().map(Each::words).max().unwrap_or(0) + room;
        Self {
            hasher,
            parts,
            size,
            count: AtomicU32::new(0),
            cursor: AtomicU32::new(0),
            heads: (0..buckets).map(|_| AtomicU64::new(0)).collect(),
            tags: (0..buckets * LANES).map(|_| AtomicU16::new(0)).collect(),
            words: (0..buckets * LANES * stride).map(|_| AtomicU64::new(0)).collect(),
            stride,
            lifetime: lifetime.unwrap_or(FOR_EVER),
            each: each.into(),
            room,
        }
    }

    /// The element with this key, if its time is not over.
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[Value], now: u64) -> Option<Element> {
        let (bucket, tag) = self.home(key);
        let occupied = self.heads[bucket].load(Acquire) & OCCUPIED;
        self.find_in(bucket, occupied, tag, key, now)
    }

    /// The counter of connections at this word.
    pub(super) fn counter(&self, word: u32) -> Option<&AtomicU64> {
        self.words.get(word as usize)
    }

    /// Runs the statements of an element, of the set with this number of [`Place`]. Whether the rule goes on.
    #[inline]
    #[must_use]
    pub fn goes_on(&self, element: Element, set: u32, moment: &Moment<'_>) -> bool {
        let words = self.lane(element.lane);
        let first = KEY + 2 * self.parts;
        let at = Place { set, word: (element.lane * self.stride + first) as u32 };
        self.each_of(element.lane).is_none_or(|each| each.goes_on(&words[first..], at, moment))
    }

    /// Changes the set. Whether the rule goes on: it ends if a statement of the element says so. `None` if there is no
    /// room.
    pub fn change(&self, key: &[Value], wanted: &Wanted, set: u32, moment: &Moment<'_>) -> Option<bool> {
        if wanted.change == Change::Delete {
            self.delete(key, moment.now);
            return Some(true);
        }
        self.put(key, wanted, moment.now).map(|element| self.goes_on(element, set, moment))
    }

    /// Puts an element in that ends at `end`, as the policy loads it. Whether there was room.
    pub(super) fn load(&self, key: &[Value], data: Value, each: u32, end: u64, now: u64) -> bool {
        let wanted = Wanted { change: Change::Add, lifetime: None, data, each };
        let element = self.put(key, &wanted, now);
        if let Some(element) = element {
            self.lane(element.lane)[END].store(end, Relaxed);
            self.lane(element.lane)[EACH].fetch_or(LOADED, Relaxed);
        }
        element.is_some()
    }

    /// Takes over the elements that packets have put into `old`, with the time they have left and the state of their
    /// statements.
    pub(super) fn inherit(&self, old: &Self, now: u64) {
        if (self.parts, self.stride) != (old.parts, old.stride) || self.each != old.each {
            return;
        }
        let mut key = [0; MOST_PARTS];
        for (bucket, head) in old.heads.iter().enumerate() {
            for lane in lanes(head.load(Acquire) & OCCUPIED) {
                let lane = bucket * LANES + lane;
                let from = old.lane(lane);
                let end = from[END].load(Relaxed);
                for (part, value) in key[..old.parts].iter_mut().enumerate() {
                    *value = old.part(lane, part);
                }
                let each = from[EACH].load(Relaxed);
                if now >= end || each & LOADED != 0 {
                    continue;
                }
                let data = join(from[DATA].load(Relaxed), from[DATA + 1].load(Relaxed));
                let wanted = Wanted { change: Change::Add, lifetime: None, data, each: each as u32 };
                if let Some(Element { lane: to, .. }) = self.put(&key[..old.parts], &wanted, now) {
                    let to = self.lane(to);
                    for word in std::iter::once(END).chain(KEY + 2 * self.parts..self.stride) {
                        to[word].store(from[word].load(Relaxed), Relaxed);
                    }
                    if let Some(each) = self.each.get(each as u32 as usize) {
                        each.forget_connections(&to[KEY + 2 * self.parts..]);
                    }
                }
            }
        }
    }

    /// How many elements there are, those included whose time is over and that nobody met since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.load(Relaxed) as usize
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        size_of_val(&*self.heads) + size_of_val(&*self.tags) + size_of_val(&*self.words)
    }
}

// Inside: looking for a key, claiming, occupying and vacating lanes.
impl DynamicSet {
    fn home(&self, key: &[Value]) -> (usize, u16) {
        let hash = self.hasher.hash_one(key);
        let bucket = (u64::from(hash as u32) * self.heads.len() as u64) >> 32;
        (bucket as usize, (hash >> 48) as u16)
    }

    #[inline]
    fn lane(&self, lane: usize) -> &[AtomicU64] {
        &self.words[lane * self.stride..][..self.stride]
    }

    /// The statements of the element there.
    fn each_of(&self, lane: usize) -> Option<&Each> {
        self.each.get(self.lane(lane)[EACH].load(Relaxed) as u32 as usize)
    }

    fn part(&self, lane: usize, part: usize) -> Value {
        let words = &self.lane(lane)[KEY + 2 * part..];
        join(words[0].load(Relaxed), words[1].load(Relaxed))
    }

    #[inline]
    fn find_in(&self, bucket: usize, occupied: u64, tag: u16, key: &[Value], now: u64) -> Option<Element> {
        lanes(occupied).map(|lane| bucket * LANES + lane).find_map(|lane| {
            if self.tags[lane].load(Relaxed) != tag {
                return None;
            }
            let claim = self.lane(lane)[CLAIM].load(Acquire);
            let same = key.iter().enumerate().all(|(part, &value)| self.part(lane, part) == value);
            if !same || now >= self.lane(lane)[END].load(Relaxed) {
                return None;
            }
            let data = &self.lane(lane)[DATA..];
            let data = join(data[0].load(Relaxed), data[1].load(Relaxed));
            fence(Acquire);
            let found = claim % 2 == 1 && self.lane(lane)[CLAIM].load(Relaxed) == claim;
            found.then_some(Element { lane, data })
        })
    }

    /// The element with this key: the one that is there, or a new one; `None` if there is no room.
    fn put(&self, key: &[Value], wanted: &Wanted, now: u64) -> Option<Element> {
        let (bucket, tag) = self.home(key);
        let mut claimed = None;
        loop {
            // Each turn but the first two follows upon a change of this bucket by another worker.
            let head = self.heads[bucket].load(Acquire);
            if let Some(found) = self.find_in(bucket, head & OCCUPIED, tag, key, now) {
                if let Some(lane) = claimed {
                    self.give_up(lane);
                }
                if wanted.change == Change::Update {
                    self.renew(found, wanted.lifetime, now);
                }
                return Some(found);
            }
            if self.vacate_ended(bucket, head, now) {
                continue;
            }
            let lane = match claimed {
                Some(lane) => lane,
                None => self.claim(bucket, head, now)?,
            };
            if claimed.is_none() {
                self.write(lane, key, tag, wanted, now);
                claimed = Some(lane);
            }
            let next = changed(head) | 1 << (lane - bucket * LANES);
            if self.heads[bucket].compare_exchange(head, next, AcqRel, Relaxed).is_ok() {
                return Some(Element { lane, data: wanted.data });
            }
        }
    }

    /// A lane for a new element, counted.
    fn claim(&self, bucket: usize, head: u64, now: u64) -> Option<usize> {
        self.look_over(1, now, false);
        if !self.count_one() {
            self.look_over(LOOKED_OVER, now, true);
            if !self.count_one() {
                return None;
            }
        }
        let lane = lanes(!head & OCCUPIED).map(|lane| bucket * LANES + lane).find(|&lane| {
            let claim = &self.lane(lane)[CLAIM];
            let seen = claim.load(Relaxed);
            seen.is_multiple_of(2) && claim.compare_exchange(seen, seen + 1, Acquire, Relaxed).is_ok()
        });
        if lane.is_none() {
            self.count.fetch_sub(1, Relaxed);
        }
        lane
    }

    fn count_one(&self) -> bool {
        let room = |count: u32| (count < self.size).then_some(count + 1);
        self.count.fetch_update(Relaxed, Relaxed, room).is_ok()
    }

    fn write(&self, lane: usize, key: &[Value], tag: u16, wanted: &Wanted, now: u64) {
        // Whoever reads a word of these sees the claim too.
        fence(Release);
        let words = self.lane(lane);
        let lifetime = wanted.lifetime.unwrap_or(self.lifetime);
        words[END].store(now.saturating_add(lifetime), Relaxed);
        words[EACH].store(wanted.each.into(), Relaxed);
        split(wanted.data, &words[DATA..]);
        for (part, &value) in key.iter().enumerate() {
            split(value, &words[KEY + 2 * part..]);
        }
        if let Some(each) = self.each.get(wanted.each as usize) {
            each.reset(&words[KEY + 2 * self.parts..]);
        }
        let room = &words[self.stride - self.room..];
        room.iter().take(FRESH).for_each(|number| number.store(0, Relaxed));
        self.tags[lane].store(tag, Relaxed);
    }

    /// Gives a lane back that was claimed and never occupied, or has just been vacated.
    fn give_up(&self, lane: usize) {
        self.lane(lane)[CLAIM].fetch_add(1, Release);
        self.count.fetch_sub(1, Relaxed);
    }

    /// A new lifetime for an element that has one.
    fn renew(&self, element: Element, lifetime: Option<u64>, now: u64) {
        let end = &self.lane(element.lane)[END];
        let lifetime = lifetime.unwrap_or(self.lifetime);
        if lifetime != FOR_EVER && end.load(Relaxed) != u64::MAX {
            end.store(now.saturating_add(lifetime), Relaxed);
        }
    }

    fn delete(&self, key: &[Value], now: u64) {
        let (bucket, tag) = self.home(key);
        loop {
            // Each turn but the first follows upon a change of this bucket by another worker.
            let head = self.heads[bucket].load(Acquire);
            let found = self.find_in(bucket, head & OCCUPIED, tag, key, now);
            let Some(Element { lane, .. }) = found else { return };
            if self.vacate(bucket, head, lane) {
                return;
            }
        }
    }

    /// Makes a lane unoccupied, unless the head is no longer this.
    fn vacate(&self, bucket: usize, head: u64, lane: usize) -> bool {
        let next = changed(head) & !(1 << (lane - bucket * LANES));
        let done = self.heads[bucket].compare_exchange(head, next, AcqRel, Relaxed).is_ok();
        if done {
            self.give_up(lane);
        }
        done
    }

    /// Vacates the lanes of a bucket whose elements have ended; whether there were any.
    fn vacate_ended(&self, bucket: usize, head: u64, now: u64) -> bool {
        self.vacate_those(bucket, head, |lane| now >= self.lane(lane)[END].load(Relaxed))
    }

    /// Whether an element that packets have put in counts connections and has none: the kernel drops those within a
    /// second.
    fn is_idle(&self, lane: usize) -> bool {
        let words = self.lane(lane);
        words[EACH].load(Relaxed) & LOADED == 0
            && self.each_of(lane).is_some_and(|each| each.has_no_connection(&words[KEY + 2 * self.parts..]))
    }

    fn vacate_those(&self, bucket: usize, mut head: u64, which: impl Fn(usize) -> bool) -> bool {
        let mut any = false;
        for lane in lanes(head & OCCUPIED) {
            let at = bucket * LANES + lane;
            if which(at) {
                any = true;
                if !self.vacate(bucket, head, at) {
                    break;
                }
                head = changed(head) & !(1 << lane);
            }
        }
        any
    }

    /// Makes room in the next buckets, wherever the last call has left off.
    /// `idle` elements go too, if they must: those that count connections and have none.
    fn look_over(&self, buckets: u32, now: u64, idle: bool) {
        let from = self.cursor.fetch_add(buckets, Relaxed);
        for bucket in from..from.saturating_add(buckets) {
            let bucket = bucket as usize % self.heads.len();
            self.vacate_those(bucket, self.heads[bucket].load(Acquire), |lane| {
                now >= self.lane(lane)[END].load(Relaxed) || idle && self.is_idle(lane)
            });
        }
    }
}

/// The numbers of the bits set in `occupied`.
#[inline]
fn lanes(mut occupied: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lane = occupied.trailing_zeros() as usize;
        occupied &= occupied.wrapping_sub(1);
        (lane < LANES).then_some(lane)
    })
}

/// The head with another number of changes.
const fn changed(head: u64) -> u64 {
    head.wrapping_add(1 << LANES)
}

const fn join(high: u64, low: u64) -> Value {
    (high as Value) << 64 | low as Value
}

fn split(value: Value, words: &[AtomicU64]) {
    words[0].store((value >> 64) as u64, Relaxed);
    words[1].store(value as u64, Relaxed);
}

/// Lanes of a bucket: a bit each in its head; the other bits count changes.
pub const LANES: usize = 48;
const OCCUPIED: u64 = (1 << LANES) - 1;
/// Buckets that a new element looks over when the set is full.
const LOOKED_OVER: u32 = 8;
/// In the word that says which statements an element has: it came with the policy.
const LOADED: u64 = 1 << 32;
/// A lifetime without end.
const FOR_EVER: u64 = u64::MAX;
/// Numbers of whoever keeps the set that are 0 in a new element.
pub(super) const FRESH: usize = 3;
/// Most parts a key may have.
const MOST_PARTS: usize = 16;

// Words of a lane.
const CLAIM: usize = 0;
const END: usize = 1;
const EACH: usize = 2;
const DATA: usize = 3;
const KEY: usize = 5;

#[cfg(test)]
mod tests;
