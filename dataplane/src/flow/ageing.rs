//! Who drops a flow that no packet comes for? The worker that owns it, when the control thread says so.
//!
//! The control thread walks the tags of a shard and when its flows end at the earliest, a slice at a time, and sends the
//! buckets in which it finds flows that may be stale over a bounded queue. By the time the worker reads that, a flow may have been refreshed, or removed
//! and its slot taken by another: the message is a hint, the worker looks again and removes only what has ended on its
//! own clock. Neither waits for the other: a full queue ends the slice, and the walk goes on from there next time.

use std::sync::Arc;

use super::bucket::{Bucket, Earliest};
use super::group::LANES;
use super::table::{Entry, Table};
use crate::sync::{self, ArrayQueue};
use crate::time::Tick;

/// The two ends for one table. The queue between them holds `messages` buckets.
///
/// # Panics
/// If `messages` is zero.
#[must_use]
pub fn ageing<E: Entry>(table: &Table<E>, messages: usize) -> (Ager, Reaper) {
    let stale = sync::Arc::new(ArrayQueue::new(messages));
    let (buckets, earliest) = table.shared();
    let (buckets, earliest) = (Arc::clone(buckets), Arc::clone(earliest));
    (
        Ager { buckets, earliest, next: 0, stale: sync::Arc::clone(&stale), sent: 0, deferred: 0 },
        Reaper { stale },
    )
}

/// The control thread's end: finds the stale flows of a table.
#[derive(Debug)]
pub struct Ager {
    buckets: Arc<[Bucket]>,
    earliest: Arc<[Earliest]>,
    /// The bucket to look at next.
    next: usize,
    stale: sync::Arc<ArrayQueue<u32>>,
    sent: u64,
    deferred: u64,
}

impl Ager {
    /// Looks at the next `slots` slots, in whole buckets and at most the table once, and sends the buckets of flows whose
    /// deadline may be at or before `now`. Returns how many it sent; it stops early when the queue is full.
    ///
    /// The whole table must be walked at least every 2^30 ms, or old deadlines look like coming ones.
    pub fn scan(&mut self, now: Tick, slots: usize) -> usize {
        let before = self.sent;
        for _ in 0..slots.div_ceil(LANES).min(self.buckets.len()) {
            if self.send_stale(self.next, now).is_err() {
                self.deferred += 1;
                break;
            }
            self.next = (self.next + 1) % self.buckets.len();
        }
        (self.sent - before) as usize
    }

    /// Buckets sent since the start. One that the worker has not come to yet may be sent again.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// Slices since the start that ended early because the queue was full.
    #[must_use]
    pub const fn deferred(&self) -> u64 {
        self.deferred
    }

    fn send_stale(&mut self, at: usize, now: Tick) -> Result<(), u32> {
        let taken = self.buckets[at].taken();
        if taken.are_any() && self.earliest[at].past(now).and(taken).are_any() {
            self.stale.push(at as u32)?;
            self.sent += 1;
        }
        Ok(())
    }
}

/// The worker's end: drops the flows that are stale indeed.
#[derive(Debug)]
pub struct Reaper {
    stale: sync::Arc<ArrayQueue<u32>>,
}

impl Reaper {
    /// Takes at most `budget` messages and removes from the table, which must be the one this end was made for, the
    /// flows in those buckets whose deadline is at or before `now`. Returns how many.
    pub fn reap<E: Entry>(&mut self, table: &mut Table<E>, now: Tick, budget: usize) -> usize {
        let (mut left, mut removed) = (budget, 0);
        // an empty queue is the usual case, and cheaper to see than to pop from
        while left > 0 && !self.stale.is_empty() {
            let mut batch = [None; BATCH];
            let taken = left.min(BATCH);
            for place in &mut batch[..taken] {
                *place = self.stale.pop();
            }
            for &bucket in batch.iter().flatten() {
                table.prefetch_bucket(bucket);
            }
            for &bucket in batch.iter().flatten() {
                table.prefetch_over(bucket, now);
            }
            removed +=
                batch.iter().flatten().map(|&bucket| table.reclaim(bucket, now) as usize).sum::<usize>();
            left -= taken;
        }
        removed
    }
}

/// Messages whose buckets are asked for together.
const BATCH: usize = 16;

#[cfg(test)]
mod tests {
    use super::ageing;
    use crate::flow::group::LANES;
    use crate::flow::table::tests::{flow, key};
    use crate::flow::{FlowHash, FlowHasher, Stats, Table};
    use crate::time::Tick;

    const NOW: Tick = Tick(1_000);

    #[test]
    fn the_stale_go_and_the_others_stay() {
        const FLOWS: u32 = 5_000;
        let (hasher, mut table) = (FlowHasher::new([3; 4]), Table::with_capacity(FLOWS as usize));
        let deadline = |number| if number % 3 == 0 { NOW } else { NOW.after(1 + number) };
        for number in 0..FLOWS {
            let hash = hasher.hash(&key(number));
            table.insert(hash, flow(number), deadline(number), Tick(0), |_| false).unwrap();
        }
        let (mut ager, mut reaper) = ageing(&table, 64);
        let mut removed = 0;
        while table.len() > FLOWS as usize * 2 / 3 {
            let sent = ager.scan(NOW, 128);
            assert!(sent <= 128usize.div_ceil(LANES));
            let reaped = reaper.reap(&mut table, NOW, 100);
            assert!(sent <= reaped && reaped <= sent * LANES);
            removed += reaped as u64;
        }
        table.check(NOW, |key| hasher.hash(key));
        assert_eq!(ager.deferred(), 0);
        assert_eq!(table.stats(), Stats { inserted: u64::from(FLOWS), expired: removed, ..Stats::default() });
        for number in 0..FLOWS {
            let found = table.find(hasher.hash(&key(number)), &key(number), NOW);
            assert_eq!(found.is_some(), number % 3 != 0);
        }
        assert_eq!(ager.scan(NOW, usize::MAX), 0);
    }

    #[test]
    fn a_full_queue_defers_and_loses_nobody() {
        let mut table = Table::with_capacity(16 * LANES / 4 * 3);
        for number in 0..16_u32 {
            let hash = FlowHash(u64::from(number) << 60 | u64::from(number));
            table.insert(hash, flow(number), NOW, Tick(0), |_| false).unwrap();
        }
        let (mut ager, mut reaper) = ageing(&table, 5);
        assert_eq!(ager.scan(NOW, 128), 5, "sixteen buckets of one flow each");
        assert_eq!(ager.scan(NOW, 128), 0);
        assert_eq!(ager.deferred(), 2);
        assert_eq!(reaper.reap(&mut table, NOW, 3), 3, "within the budget");
        assert_eq!(reaper.reap(&mut table, NOW, 3), 2);
        while !table.is_empty() {
            assert!(ager.scan(NOW, 128) > 0);
            reaper.reap(&mut table, NOW, 100);
        }
    }

    #[test]
    fn a_bucket_goes_at_once() {
        let mut table = Table::with_capacity(12);
        for number in 0..6 {
            let end = if number == 3 { NOW.after(1) } else { NOW };
            table.insert(FlowHash(u64::from(number)), flow(number), end, Tick(0), |_| false).unwrap();
        }
        let (mut ager, mut reaper) = ageing(&table, 5);
        assert_eq!(ager.scan(NOW, 16), 1);
        assert_eq!(reaper.reap(&mut table, NOW, 1), 5);
        assert_eq!(table.iter().map(|(.., end)| end).collect::<Vec<_>>(), [NOW.after(1)]);
    }

    #[test]
    fn a_worker_whose_clock_is_behind_keeps_the_flow() {
        let mut table = Table::with_capacity(1);
        table.insert(FlowHash(1), flow(1), NOW, Tick(0), |_| false).unwrap();
        let (mut ager, mut reaper) = ageing(&table, 5);
        assert_eq!(ager.scan(NOW, 16), 1);
        assert_eq!(reaper.reap(&mut table, Tick(NOW.0 - 1), 5), 0);
        assert_eq!(table.len(), 1);
    }

    /// Every interleaving of a control thread that scans and a worker that goes on working.
    #[cfg(loom)]
    mod under_loom {
        use super::*;
        use crate::flow::table::tests::Flow;
        use crate::flow::{Ager, Reaper};
        use loom::thread;

        const LATER: Tick = Tick(2_000);
        const HASH: FlowHash = FlowHash(1);

        fn one_flow(messages: usize) -> (Table<Flow>, Ager, Reaper) {
            let mut table = Table::with_capacity(1);
            table.insert(HASH, flow(1), NOW, Tick(0), |_| false).unwrap();
            let (ager, reaper) = ageing(&table, messages);
            (table, ager, reaper)
        }

        fn scanning(mut ager: Ager) -> thread::JoinHandle<Ager> {
            thread::spawn(move || {
                ager.scan(NOW, 16);
                ager
            })
        }

        #[test]
        fn a_flow_refreshed_meanwhile_stays() {
            loom::model(|| {
                let (mut table, ager, mut reaper) = one_flow(1);
                let control = scanning(ager);
                let slot = table.find(HASH, &key(1), Tick(NOW.0 - 1)).unwrap();
                table.set_deadline(slot, LATER);
                reaper.reap(&mut table, NOW, 4);
                control.join().unwrap();
                reaper.reap(&mut table, NOW, 4);
                assert!(table.holds(slot, &key(1)), "it lives until {LATER:?}");
            });
        }

        #[test]
        fn the_next_flow_in_the_slot_stays() {
            loom::model(|| {
                let (mut table, ager, mut reaper) = one_flow(1);
                let control = scanning(ager);
                assert_eq!(table.find(HASH, &key(1), NOW), None);
                let slot = table.insert(HASH, flow(2), LATER, NOW, |_| false).unwrap();
                reaper.reap(&mut table, NOW, 4);
                control.join().unwrap();
                reaper.reap(&mut table, NOW, 4);
                assert!(table.holds(slot, &key(2)));
                table.check(NOW, |_| HASH);
            });
        }

        #[test]
        fn a_stale_flow_goes_though_the_queue_is_full_at_first() {
            loom::model(|| {
                let (mut table, ager, mut reaper) = one_flow(1);
                table.insert(FlowHash(2), flow(2), NOW, Tick(0), |_| false).unwrap();
                let control = scanning(ager);
                let mut removed = reaper.reap(&mut table, NOW, 1);
                let mut ager = control.join().unwrap();
                while !table.is_empty() {
                    removed += reaper.reap(&mut table, NOW, 1);
                    ager.scan(NOW, 16);
                }
                assert_eq!(removed, 2, "each is removed once");
                assert_eq!(table.stats().expired, 2);
            });
        }
    }
}
