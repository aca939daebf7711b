//! Where does a new element find room, and who makes it? Free records lie in a list; lanes whose elements have ended are
//! vacated by whoever meets their bucket.

use super::bucket::{Head, LANES};
use super::record::Record;
use super::{AcqRel, Acquire, DynamicSet, Relaxed, Release};

impl DynamicSet {
    /// A record for a new element, counted.
    pub(super) fn free_record(&self, now: u64) -> Option<u32> {
        self.look_over(1, now, false);
        self.take().or_else(|| {
            self.look_over(LOOKED_OVER, now, true);
            self.take()
        })
    }

    /// A lane for a record that has been written; without one the record is free again.
    pub(super) fn claim(&self, bucket: usize, head: Head, tag: u8, record: u32) -> Option<usize> {
        let lane = head.vacant().map(|lane| bucket * LANES + lane).find(|&lane| {
            let lane = &self.lanes[lane];
            lane.load(Relaxed) == 0 && lane.compare_exchange(0, record + 1, AcqRel, Relaxed).is_ok()
        });
        match lane {
            Some(lane) => self.buckets[bucket].tag(lane % LANES, tag),
            None => self.put_back(record),
        }
        lane
    }

    /// A record that was free, counted.
    pub(super) fn take(&self) -> Option<u32> {
        let mut first = self.free.load(Acquire);
        loop {
            // Each turn but the first follows upon a change by another worker.
            let record = (first as u32).checked_sub(1)?;
            let next = changed_free(first) | u64::from(self.record(record).free_after());
            match self.free.compare_exchange_weak(first, next, Acquire, Acquire) {
                Ok(_) => {
                    self.count.fetch_add(1, Relaxed);
                    return Some(record);
                }
                Err(seen) => first = seen,
            }
        }
    }

    /// Gives a record back.
    pub(super) fn put_back(&self, record: u32) {
        self.count.fetch_sub(1, Relaxed);
        let mut first = self.free.load(Relaxed);
        loop {
            // Each turn but the first follows upon a change by another worker.
            self.record(record).free(first as u32);
            let next = changed_free(first) | u64::from(record + 1);
            match self.free.compare_exchange_weak(first, next, Release, Relaxed) {
                Ok(_) => return,
                Err(seen) => first = seen,
            }
        }
    }

    /// Gives a lane back that was claimed and never occupied, or has just been vacated.
    pub(super) fn give_up(&self, lane: usize) {
        if let Some(record) = self.lanes[lane].swap(0, AcqRel).checked_sub(1) {
            self.put_back(record);
        }
    }

    /// Makes a lane unoccupied and its record free, unless the head is no longer this.
    pub(super) fn vacate(&self, bucket: usize, head: Head, lane: usize) -> bool {
        let done = self.unoccupy(bucket, head, lane);
        if done {
            self.give_up(lane);
        }
        done
    }

    /// Makes a lane unoccupied, which stays claimed, unless the head is no longer this.
    pub(super) fn unoccupy(&self, bucket: usize, head: Head, lane: usize) -> bool {
        self.buckets[bucket].change(head, head.without(lane - bucket * LANES))
    }

    /// Vacates the lanes of a bucket whose elements have ended; whether there were any.
    pub(super) fn vacate_ended(&self, bucket: usize, head: Head, now: u64) -> bool {
        self.vacate_those(bucket, head, |record| now >= record.end().load(Relaxed))
    }

    /// Whether an element that packets have put in counts connections and has none: the kernel drops those within a
    /// second.
    fn is_idle(&self, record: Record<'_>) -> bool {
        !record.is_loaded() && self.each_of(record).is_some_and(|each| each.has_no_connection(record.state()))
    }

    fn vacate_those(&self, bucket: usize, mut head: Head, which: impl Fn(Record<'_>) -> bool) -> bool {
        let mut any = false;
        for lane in head.taken() {
            let at = bucket * LANES + lane;
            if self.record_of(at).is_some_and(&which) {
                any = true;
                if !self.vacate(bucket, head, at) {
                    break;
                }
                head = head.without(lane);
            }
        }
        any
    }

    /// Makes room in the next buckets, wherever the last call has left off.
    /// `idle` elements go too, if they must: those that count connections and have none.
    fn look_over(&self, buckets: u32, now: u64, idle: bool) {
        let from = self.cursor.fetch_add(buckets, Relaxed);
        for bucket in from..from.saturating_add(buckets) {
            let bucket = bucket as usize % self.buckets.len();
            self.vacate_those(bucket, self.buckets[bucket].head(), |record| {
                now >= record.end().load(Relaxed) || idle && self.is_idle(record)
            });
        }
    }
}

/// The number of changes of the first free record, one more.
const fn changed_free(first: u64) -> u64 {
    (first >> 32).wrapping_add(1) << 32
}

/// Buckets that a new element looks over when the set is full.
const LOOKED_OVER: u32 = 8;
