//! How often did a counter fire? One bank per worker, written by it alone, read by the control thread at any time. With
//! it goes the ring of the worker's log records.
//!
//! Who writes: the one worker that holds the bank. A count is a plain load, an addition and a plain store; no bus
//! lock, no ordering. Two workers sharing a bank would lose counts. Packets and bytes of one counter are read one
//! after the other: a reader may see the one a packet ahead of the other.

use super::facts::mix;
use crate::object::LogRing;
use config::policy::CounterId;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of a policy, from zero; [`config::policy::Counter`] says what each starts from.
#[derive(Debug, Default)]
pub struct Counters {
    cells: Box<[Cell]>,
    log: Option<LogRing>,
    /// What random numbers are drawn from.
    drawn: AtomicU64,
}

#[derive(Debug, Default)]
struct Cell {
    packets: AtomicU64,
    bytes: AtomicU64,
}

impl Counters {
    /// A bank of `count` counters at zero.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self { cells: (0..count).map(|_| Cell::default()).collect(), log: None, drawn: AtomicU64::new(0) }
    }

    /// The bank with a ring for the worker's log records.
    #[must_use]
    pub fn with_log(self, ring: LogRing) -> Self {
        Self { log: Some(ring), ..self }
    }

    /// The worker's log records, if the policy logs.
    #[inline]
    #[must_use]
    pub const fn log(&self) -> Option<&LogRing> {
        self.log.as_ref()
    }

    /// The bank with random numbers drawn from this secret.
    #[must_use]
    pub fn with_secret(self, secret: u64) -> Self {
        Self { drawn: AtomicU64::new(secret), ..self }
    }

    /// A random number. Only the worker that owns the bank may call this.
    #[must_use]
    pub fn draw(&self) -> u64 {
        let drawn = mix(self.drawn.load(Relaxed));
        self.drawn.store(drawn, Relaxed);
        drawn
    }

    /// How many counters it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cells.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// Counts one packet of `bytes` bytes. Only the worker that owns the bank may call this. A counter that the
    /// bank does not have counts nothing.
    #[inline]
    pub fn count(&self, counter: CounterId, bytes: u32) {
        if let Some(cell) = self.cells.get(counter.index()) {
            cell.packets.store(cell.packets.load(Relaxed).wrapping_add(1), Relaxed);
            cell.bytes.store(cell.bytes.load(Relaxed).wrapping_add(bytes.into()), Relaxed);
        }
    }

    /// Packets and bytes counted so far.
    #[must_use]
    pub fn read(&self, counter: CounterId) -> (u64, u64) {
        self.cells
            .get(counter.index())
            .map_or((0, 0), |cell| (cell.packets.load(Relaxed), cell.bytes.load(Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::Counters;
    use config::policy::CounterId;

    #[test]
    fn counts_packets_and_bytes_of_the_one_named() {
        let counters = Counters::new(2);
        counters.count(CounterId(1), 40);
        counters.count(CounterId(1), 1500);
        counters.count(CounterId(2), 7);
        assert_eq!(counters.read(CounterId(0)), (0, 0));
        assert_eq!(counters.read(CounterId(1)), (2, 1540));
        assert_eq!(counters.read(CounterId(2)), (0, 0), "no such counter");
    }
}
