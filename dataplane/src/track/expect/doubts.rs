//! Of which GRE can it not be told whether the kernel has ended it? For some time behind the end of a control connection
//! that nothing but its timeout ended: the kernel ends what belongs to it when it cleans up.
//!
//! By the hash of the GRE, in a table of a fixed size in which a hash has a few places. One that had to give its place up
//! too soon makes all GRE of that bucket doubtful.

use super::tagged;
use crate::flow::FlowHash;
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use crate::time::Tick;
use Ordering::{Acquire, Relaxed, Release};

/// Hashes, and until when each is doubtful.
#[derive(Debug)]
pub struct Doubts {
    have_been: AtomicU32,
    /// The first of a bucket says until when all of it is.
    buckets: Box<[[AtomicU64; BUCKET]]>,
}

impl Doubts {
    pub(super) fn with_buckets(buckets: usize) -> Self {
        let bucket = |_| std::array::from_fn(|_| AtomicU64::new(0));
        Self { have_been: AtomicU32::new(0), buckets: (0..buckets.next_power_of_two()).map(bucket).collect() }
    }

    /// GRE with this hash is doubtful for a while.
    pub fn cast(&self, hash: FlowHash, now: Tick) {
        self.have_been.store(1, Release);
        let (all, places) = self.bucket(hash).split_first().expect("a bucket has places");
        let new = tagged(tag(hash), now.after(LASTS).0);
        let rank = |place: &AtomicU64| {
            let word = place.load(Relaxed);
            let left = left(word, now);
            (if (word >> 32) as u32 == tag(hash) { 0 } else { left.map_or(1, |left| left + 2) }, word)
        };
        let ranked = places.iter().map(|place| (rank(place), place));
        let Some(((rank, known), place)) = ranked.min_by_key(|(rank, _)| *rank) else { return };
        let is_placed = place.compare_exchange(known, new, Relaxed, Relaxed).is_ok();
        if rank > 1 || !is_placed {
            all.store(new, Relaxed);
        }
    }

    /// Whether GRE with this hash is.
    #[inline]
    #[must_use]
    pub fn are_cast(&self, hash: FlowHash, now: Tick) -> bool {
        self.have_been.load(Acquire) != 0 && self.are_cast_on_it(hash, now)
    }

    #[cold]
    fn are_cast_on_it(&self, hash: FlowHash, now: Tick) -> bool {
        self.bucket(hash).iter().enumerate().any(|(number, place)| {
            let word = place.load(Relaxed);
            let is_meant = number == 0 || (word >> 32) as u32 == tag(hash);
            is_meant && left(word, now).is_some()
        })
    }

    fn bucket(&self, hash: FlowHash) -> &[AtomicU64; BUCKET] {
        &self.buckets[(hash.0 >> 32) as usize & (self.buckets.len() - 1)]
    }
}

/// Bits that do not say which bucket: never 0, as an empty place is.
const fn tag(hash: FlowHash) -> u32 {
    hash.0 as u32 | 1
}

/// Milliseconds until a place is free again; none if it is.
fn left(word: u64, now: Tick) -> Option<u32> {
    let left = Tick(word as u32).since(now);
    // another worker may be a little ahead
    (word != 0 && 0 < left && left <= LASTS + AHEAD).then_some(left)
}

/// Milliseconds that a doubt lasts: the kernel cleans up once a minute, and its scan may be interrupted.
pub const LASTS: u32 = 120_000;

/// Milliseconds.
const AHEAD: u32 = 1000;

/// Doubts of a bucket, and the word before them: a cache line.
const BUCKET: usize = 8;

#[cfg(test)]
mod tests {
    use super::{BUCKET, Doubts, LASTS};
    use crate::flow::FlowHash;
    use crate::time::Tick;

    const NOW: Tick = Tick(u32::MAX - 7);

    /// Of one bucket.
    const fn hash(number: u64) -> FlowHash {
        FlowHash(9 << 32 | number << 1)
    }

    #[test]
    fn a_doubt_lasts_two_minutes_and_is_of_one_flow() {
        let doubts = Doubts::with_buckets(4);
        doubts.cast(hash(1), NOW);
        let are_cast =
            |milliseconds| [1, 2].map(|number| doubts.are_cast(hash(number), NOW.after(milliseconds)));
        assert_eq!([0, LASTS - 1, LASTS].map(are_cast), [[true, false], [true, false], [false, false]]);
        doubts.cast(hash(1), NOW.after(5));
        assert_eq!(are_cast(LASTS), [true, false], "it is renewed");
        assert!(!doubts.are_cast(FlowHash(8 << 32 | 2), NOW));
    }

    #[test]
    fn where_doubts_lose_their_places_everything_is_doubtful() {
        let doubts = Doubts::with_buckets(4);
        let many = BUCKET as u64 - 1;
        for round in 0..3 {
            let now = NOW.after(round * LASTS);
            (1..=many).for_each(|number| doubts.cast(hash(number), now));
            assert!(!doubts.are_cast(hash(99), now), "those before are over");
        }
        let now = NOW.after(3 * LASTS);
        (1..=many + 1).for_each(|number| doubts.cast(hash(number), now));
        assert!(doubts.are_cast(hash(99), now) && doubts.are_cast(hash(1), now));
        assert!(!doubts.are_cast(hash(99), now.after(LASTS)));
    }
}
