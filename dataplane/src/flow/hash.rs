//! Where does a flow live? One keyed hash says which worker owns it, which buckets of the shard may hold it and
//! by which tag it is known there.
//!
//! The seeds are the secret of a start: who does not know them cannot aim collisions. The bits of a hash are
//! spent once each, so that the flows of one shard spread over all its buckets and tags:
//!
//! ```text
//!  63            32 31 30 29           14 13            0
//! +----------------+-----+---------------+---------------+
//! |  home bucket   |     |     owner     |  fingerprint  |
//! +----------------+-----+---------------+---------------+
//! ```

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::RandomState;

use crate::flow::{FlowKey, Name, Steering};
use crate::packet::protocol;

/// Hashes flow keys. All workers share one, or they would not agree on who owns a flow.
#[derive(Debug, Clone)]
pub struct FlowHasher {
    state: RandomState,
    /// Who owns a flow, where cards have a say, and of how many workers.
    steering: Option<(Arc<Steering>, u32)>,
}

impl FlowHasher {
    /// A hasher with these secret seeds: random ones in service, fixed ones where a run must repeat.
    #[must_use]
    pub fn new(seeds: [u64; 4]) -> Self {
        let [a, b, c, d] = seeds;
        Self { state: RandomState::with_seeds(a, b, c, d), steering: None }
    }

    /// The same, but that flows belong to the workers, of `workers`, whose queues their packets come in by.
    #[must_use]
    pub fn steered(self, steering: Steering, workers: usize) -> Self {
        Self { steering: Some((Arc::new(steering), workers as u32)), ..self }
    }

    /// The hash of a flow, the same for both directions. All GRE between two hosts belongs to one worker: what its numbers
    /// are may be known when a packet has come.
    #[must_use]
    pub fn hash(&self, key: &FlowKey) -> FlowHash {
        if key.protocol == protocol::GRE && (key.low_port, key.high_port) != (0, 0) {
            let all = FlowKey { low_port: 0, high_port: 0, ..*key };
            let (own, all) = (self.hash_any(key), self.hash_any(&all));
            return FlowHash(own.0 & !OWNER_MASK | all.0 & OWNER_MASK);
        }
        self.hash_any(key)
    }

    fn hash_any(&self, key: &FlowKey) -> FlowHash {
        if key.version == 4 {
            return self.hash_v4(&Name::of(key));
        }
        let mut hasher = self.state.build_hasher();
        hasher.write_u128(key.low);
        hasher.write_u128(key.high);
        let rest = u64::from(key.low_port)
            | u64::from(key.high_port) << 16
            | u64::from(key.protocol) << 32
            | u64::from(key.version) << 40
            | u64::from(key.zone) << 48;
        hasher.write_u64(rest);
        self.owned(FlowHash(hasher.finish()), || *key)
    }

    /// The hash of a flow of IPv4, whose name is shorter.
    #[inline(always)]
    #[must_use]
    pub fn hash_v4(&self, name: &Name) -> FlowHash {
        let mut hasher = self.state.build_hasher();
        hasher.write_u128(name.number());
        self.owned(FlowHash(hasher.finish()), || name.key())
    }

    #[inline(always)]
    fn owned(&self, hash: FlowHash, key: impl FnOnce() -> FlowKey) -> FlowHash {
        match &self.steering {
            None => hash,
            Some((steering, workers)) => hash.owned_by(steering.queue(&key()), *workers),
        }
    }
}

/// What the seeds make of a flow key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlowHash(pub u64);

impl FlowHash {
    /// The worker, of `workers`, whose shard the flow belongs to.
    ///
    /// # Panics
    /// In debug builds if `workers` is not within 1 to 65536.
    #[must_use]
    pub const fn owner(self, workers: usize) -> usize {
        debug_assert!(0 < workers && workers <= 1 << OWNER_BITS);
        let bits = self.0 as usize >> FINGERPRINT_BITS & ((1 << OWNER_BITS) - 1);
        (bits * workers) >> OWNER_BITS
    }

    /// The same of a flow that belongs to this worker.
    fn owned_by(self, owner: u16, workers: u32) -> Self {
        let bits = u64::from((u32::from(owner) << OWNER_BITS).div_ceil(workers));
        Self(self.0 & !OWNER_MASK | bits << FINGERPRINT_BITS)
    }

    /// The bucket a flow is looked for first, of `buckets`.
    pub(super) const fn home(self, buckets: u32) -> u32 {
        (((self.0 >> 32) * buckets as u64) >> 32) as u32
    }

    /// What tells it from the other flows of a bucket: never zero.
    pub(super) const fn fingerprint(self) -> Fingerprint {
        let bits = self.0 as u16 & FINGERPRINT_MASK;
        Fingerprint(if bits == 0 { 1 } else { bits })
    }
}

/// The 14 bits of a hash that a bucket keeps. Together with a bucket they lead to the other buckets of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u16);

impl Fingerprint {
    /// The tag of a flow that lives in the bucket of its `choice`: 0 is its home. Never zero.
    pub(super) const fn tag(self, choice: u32) -> u16 {
        self.0 | (choice as u16) << FINGERPRINT_BITS
    }

    /// Whether this tag was made of it, in whatever bucket.
    #[inline]
    pub(super) const fn is_of(self, tag: u16) -> bool {
        tag & FINGERPRINT_MASK == self.0
    }

    /// What a tag was made of: the fingerprint and the choice.
    pub(super) const fn of_tag(tag: u16) -> (Self, u32) {
        (Self(tag & FINGERPRINT_MASK), (tag >> FINGERPRINT_BITS) as u32)
    }

    /// From the home bucket to the bucket of `choice`, and from there back: each is its own inverse.
    ///
    /// Alternate `c` mirrors the ring of buckets, `b -> offset - b`. The number of buckets is even and the
    /// offset odd, so that no bucket is its own alternate.
    pub(super) const fn across(self, bucket: u32, choice: u32, buckets: u32) -> u32 {
        if choice == 0 {
            return bucket;
        }
        let mixed = (self.tag(choice) as u64).wrapping_mul(MIX);
        let mixed = (mixed ^ mixed >> 29).wrapping_mul(MIX) >> 32;
        let offset = ((mixed * buckets as u64) >> 32) as u32 | 1;
        if offset >= bucket { offset - bucket } else { offset + (buckets - bucket) }
    }
}

/// The buckets that may hold a flow: its home, and three more when that is full.
pub(super) const CHOICES: u32 = 4;

const FINGERPRINT_BITS: u32 = 14;
const FINGERPRINT_MASK: u16 = (1 << FINGERPRINT_BITS) - 1;
const OWNER_BITS: u32 = 16;
const OWNER_MASK: u64 = ((1 << OWNER_BITS) - 1) << FINGERPRINT_BITS;
/// 2^64 divided by the golden ratio, odd: spreads small numbers over all bits (Knuth, 6.4).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::{CHOICES, FlowHash, FlowHasher};
    use crate::flow::FlowKey;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_alternate_leads_back_home_and_is_another_bucket(hash: u64, half in 1u32..1 << 20) {
            let (hash, buckets) = (FlowHash(hash), 2 * half);
            let (home, fingerprint) = (hash.home(buckets), hash.fingerprint());
            prop_assert!(home < buckets);
            for choice in 1..CHOICES {
                let other = fingerprint.across(home, choice, buckets);
                prop_assert!(other < buckets);
                prop_assert_ne!(other, home);
                prop_assert_eq!(fingerprint.across(other, choice, buckets), home);
            }
        }

        #[test]
        fn a_tag_is_never_the_empty_one_and_can_be_taken_apart(hash: u64, choice in 0..CHOICES) {
            let fingerprint = FlowHash(hash).fingerprint();
            let tag = fingerprint.tag(choice);
            prop_assert_ne!(tag, 0);
            prop_assert_eq!(super::Fingerprint::of_tag(tag), (fingerprint, choice));
        }

        #[test]
        fn every_field_of_the_key_counts(seeds: [u64; 4], low: u32, port: u16, v6: bool) {
            let hasher = FlowHasher::new(seeds);
            let (version, other, low) = if v6 { (6, 4, u128::from(low) << 96) } else { (4, 6, u128::from(low)) };
            let key = FlowKey { low, high: 2, low_port: port, high_port: 4, protocol: 6, version, zone: 0 };
            let others = [
                FlowKey { low: low ^ if v6 { 1 << 127 } else { 1 << 31 }, ..key },
                FlowKey { high: 3, ..key },
                FlowKey { low_port: port ^ 1, ..key },
                FlowKey { high_port: 5, ..key },
                FlowKey { protocol: 17, ..key },
                FlowKey { version: other, ..key },
                FlowKey { zone: 1, ..key },
            ];
            prop_assert_eq!(hasher.hash(&key), hasher.hash(&key));
            for other in &others {
                prop_assert_ne!(hasher.hash(&key), hasher.hash(other));
            }
        }
    }

    #[test]
    fn gre_between_two_hosts_has_one_owner() {
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let call = |low_port, high_port, zone| {
            let key = FlowKey { low: 1, high: 2, low_port, high_port, protocol: 47, version: 4, zone };
            hasher.hash(&key)
        };
        for (low, high) in [(0, 1), (1, 0), (5, 7), (0xffff, 3)] {
            assert_ne!(call(low, high, 0), call(0, 0, 0));
            assert_eq!(call(low, high, 0).owner(65_536), call(0, 0, 0).owner(65_536));
        }
    }

    #[test]
    fn the_flows_of_one_owner_spread_over_all_buckets() {
        const WORKERS: usize = 4;
        const BUCKETS: u32 = 64;
        let hasher = FlowHasher::new([1, 2, 3, 4]);
        let mut met = [[0u32; BUCKETS as usize]; WORKERS];
        let flows = 400 * WORKERS as u32 * BUCKETS;
        for low in 0..flows {
            let hash = hasher.hash(&FlowKey { low: u128::from(low), ..FlowKey::default() });
            met[hash.owner(WORKERS)][hash.home(BUCKETS) as usize] += 1;
        }
        // 400 expected, standard deviation 20: six of them either way
        assert!(met.as_flattened().iter().all(|count| (280..520).contains(count)), "{met:?}");
    }

    #[test]
    fn other_seeds_give_other_hashes() {
        let key = FlowKey::default();
        assert_ne!(FlowHasher::new([1, 2, 3, 4]).hash(&key), FlowHasher::new([1, 2, 3, 5]).hash(&key));
    }
}
