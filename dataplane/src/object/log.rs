//! How does a rule tell the log? Plain records in a bounded ring, one ring a worker, read by the control thread.
//!
//! A full ring counts what is lost and never holds up a worker.

use super::clock::Now;
use crate::frame::Frame;
use crate::packet::Packet;
use config::policy::{RuleId, Value};
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A packet that met a log statement.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord {
    /// The rule.
    pub rule: RuleId,
    /// Which of its statements, from 0.
    pub statement: u16,
    /// When.
    pub now: Now,
    /// Name of the interface it came in by, as [`config::policy::interface_value`] gives it.
    pub iif: Option<Value>,
    /// Name of the interface it goes out by.
    pub oif: Option<Value>,
    /// The mark it had.
    pub mark: u32,
    /// What its headers say.
    pub packet: Packet,
    /// Its first bytes, from the Ethernet header on; the rest is 0.
    pub head: [u8; HEAD],
}

/// Bytes of a packet that a record keeps: all headers there usually are.
pub const HEAD: usize = 128;

impl LogRecord {
    /// The first bytes of a frame, as a record keeps them.
    #[must_use]
    pub fn head_of<F: Frame + ?Sized>(frame: &F) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        let length = frame.length().min(HEAD);
        frame.copy(0, &mut head[..length]);
        head
    }
}

/// Records on their way from one worker to the control thread.
#[derive(Debug)]
pub struct LogRing {
    queue: ArrayQueue<LogRecord>,
    lost: AtomicU64,
}

impl LogRing {
    /// A ring for so many records, at least one.
    #[must_use]
    pub fn new(records: usize) -> Self {
        Self { queue: ArrayQueue::new(records.max(1)), lost: AtomicU64::new(0) }
    }

    /// Puts a record in, or counts it as lost. Only the worker that owns the ring may call this.
    pub fn push(&self, record: LogRecord) {
        if self.queue.push(record).is_err() {
            self.lost.store(self.lost.load(Relaxed) + 1, Relaxed);
        }
    }

    /// The oldest record; for the control thread.
    #[must_use]
    pub fn pop(&self) -> Option<LogRecord> {
        self.queue.pop()
    }

    /// How many records found no room.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::{LogRecord, LogRing};
    use crate::object::Now;
    use crate::packet::Packet;
    use config::policy::RuleId;

    #[test]
    fn a_full_ring_counts_what_is_lost() {
        let ring = LogRing::new(2);
        let record = |rule| LogRecord {
            rule: RuleId(rule),
            statement: 0,
            now: Now::default(),
            iif: None,
            oif: None,
            mark: 0,
            packet: Packet::default(),
            head: LogRecord::head_of(&[1, 2, 3][..]),
        };
        (0..5).for_each(|rule| ring.push(record(rule)));
        assert_eq!(ring.lost(), 3);
        assert_eq!(ring.pop().map(|record| record.rule), Some(RuleId(0)));
        assert_eq!(ring.pop().map(|record| record.head[..4].to_vec()), Some(vec![1, 2, 3, 0]));
        assert!(ring.pop().is_none());
    }
}
