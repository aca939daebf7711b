//! What has a worker done? Counters it alone writes and anybody may read.

use crate::flow::{Entry, Table};
use crate::reason::Reason;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread raises and others read.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// Raises it. Only its owner may call this: two writers would lose counts (never more than that).
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
    }

    /// Sets it. Only its owner may call this.
    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Where it stands.
    #[inline]
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one worker; it shares no cache line with another's.
#[derive(Debug)]
#[repr(align(128))]
pub struct Stats {
    /// Packets received.
    pub received: Count,
    /// Bytes received.
    pub received_bytes: Count,
    /// Bursts that held at least one packet.
    pub bursts: Count,
    /// Packets sent on.
    pub transmitted: Count,
    /// Bytes sent on.
    pub transmitted_bytes: Count,
    /// Packets dropped, rejected ones not among them.
    pub dropped: Count,
    /// Packets rejected.
    pub rejected: Count,
    /// Resets and unreachables sent for rejected packets.
    pub replies: Count,
    /// Unreachables not sent, as there were too many.
    pub replies_withheld: Count,
    /// Packets by ct state, in the order of [`crate::track::CtState`].
    pub states: [Count; 6],
    /// Dropped and rejected packets by why.
    pub drops: [Count; Reason::COUNT],
    /// Packets called invalid, by why.
    pub invalid: [Count; Reason::COUNT],
    /// Packets handed to the worker that owns their flow.
    pub handed_over: Count,
    /// Fragments that wait for the rest of their datagram.
    pub fragments: Count,
    /// Flows in the table.
    pub flows: Count,
    /// Flows stored since start.
    pub flows_created: Count,
    /// Flows whose time ran out.
    pub flows_expired: Count,
    /// Flows evicted for new ones.
    pub flows_evicted: Count,
}

impl Stats {
    /// Takes over what the worker's table counts.
    pub(crate) fn of_table<E: Entry>(&self, table: &Table<E>) {
        let counted = table.stats();
        self.flows.set(table.len() as u64);
        self.flows_created.set(counted.inserted);
        self.flows_expired.set(counted.expired);
        self.flows_evicted.set(counted.evicted);
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            received: Count::default(),
            received_bytes: Count::default(),
            bursts: Count::default(),
            transmitted: Count::default(),
            transmitted_bytes: Count::default(),
            dropped: Count::default(),
            rejected: Count::default(),
            replies: Count::default(),
            replies_withheld: Count::default(),
            states: Default::default(),
            drops: std::array::from_fn(|_| Count::default()),
            invalid: std::array::from_fn(|_| Count::default()),
            handed_over: Count::default(),
            fragments: Count::default(),
            flows: Count::default(),
            flows_created: Count::default(),
            flows_expired: Count::default(),
            flows_evicted: Count::default(),
        }
    }
}
