//! Which GRE is there that a control connection has announced? By the hash of the GRE, over all workers: who ends a call may
//! not be who has its flow.
//!
//! A table of a fixed size in which a hash has a few places; where there are more, one is forgotten.

use crate::flow::FlowHash;
use crate::sync::{AtomicU64, Ordering};
use Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The GRE that has begun and not ended.
#[derive(Debug)]
pub(super) struct Begun {
    buckets: Box<[[Place; BUCKET]]>,
}

/// GRE, and the control connection that has announced it.
#[derive(Debug, Default)]
struct Place {
    /// [`FREE`], [`BUSY`], or a hash that is neither.
    gre: AtomicU64,
    /// Whose turn it is to write this says who made it busy.
    control: AtomicU64,
}

impl Begun {
    pub(super) fn with_buckets(buckets: usize) -> Self {
        Self { buckets: (0..buckets.next_power_of_two()).map(|_| Default::default()).collect() }
    }

    /// It has begun.
    pub(super) fn note(&self, gre: FlowHash, control: FlowHash) {
        let (bucket, name) = (self.bucket(gre), name(gre));
        let claims = |place: &&Place, known| place.gre.compare_exchange(known, BUSY, AcqRel, Relaxed).is_ok();
        let own = bucket.iter().find(|place| claims(place, name));
        let free = || bucket.iter().find(|place| claims(place, FREE));
        let last = || bucket.last().filter(|place| claims(place, place.gre.load(Relaxed)));
        if let Some(place) = own.or_else(free).or_else(last) {
            place.control.store(control.0, Relaxed);
            // Release: who sees the hash sees the other.
            place.gre.store(name, Release);
        }
    }

    /// It has ended: who had announced it, if that is known and nobody has asked before.
    pub(super) fn take(&self, gre: FlowHash) -> Option<FlowHash> {
        let name = name(gre);
        let place = self.bucket(gre).iter().find(|place| place.gre.load(Acquire) == name)?;
        let control = place.control.load(Relaxed);
        let is_taken = place.gre.compare_exchange(name, FREE, AcqRel, Relaxed).is_ok();
        is_taken.then_some(FlowHash(control))
    }

    fn bucket(&self, gre: FlowHash) -> &[Place; BUCKET] {
        &self.buckets[(gre.0 >> 32) as usize & (self.buckets.len() - 1)]
    }
}

const fn name(gre: FlowHash) -> u64 {
    if gre.0 < 2 { 2 } else { gre.0 }
}

const FREE: u64 = 0;
const BUSY: u64 = 1;

/// Places of a bucket.
const BUCKET: usize = 8;

#[cfg(test)]
mod tests {
    use super::{BUCKET, Begun};
    use crate::flow::FlowHash;

    #[test]
    fn who_announced_it_is_told_once() {
        let begun = Begun::with_buckets(4);
        let [one, other] = [FlowHash(1), FlowHash(9)];
        begun.note(one, FlowHash(5));
        begun.note(one, FlowHash(6));
        assert_eq!(begun.take(other), None);
        assert_eq!([begun.take(one), begun.take(one)], [Some(FlowHash(6)), None]);
    }

    #[test]
    fn where_there_are_too_many_one_is_forgotten() {
        let begun = Begun::with_buckets(4);
        let all = (2..).take(BUCKET + 1).map(FlowHash);
        all.clone().for_each(|gre| begun.note(gre, gre));
        let told = all.filter_map(|gre| begun.take(gre).inspect(|control| assert_eq!(*control, gre)));
        assert_eq!(told.count(), BUCKET);
    }
}
