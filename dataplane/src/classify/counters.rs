//! How often did a counter fire? One bank per worker, written by it alone, read by the control thread at any time. With
//! it goes the ring of the worker's log records.
//!
//! Who writes: the one worker that holds the bank. A count is a plain load, an addition and a plain store; no bus
//! lock, no ordering. Two workers sharing a bank would lose counts. Packets and bytes of one counter are read one
//! after the other: a reader may see the one a packet ahead of the other.

use super::facts::mix;
use crate::object::LogRing;
use config::policy::CounterId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// The counters of a policy, from zero; [`config::policy::Counter`] says what each starts from.
#[derive(Debug, Default)]
pub struct Counters {
    cells: Arc<[Cell]>,
    /// Those that came in with single rules.
    added: Box<[Arc<Cell>]>,
    log: Option<Arc<LogRing>>,
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
        Self { cells: (0..count).map(|_| Cell::default()).collect(), ..Self::default() }
    }

    /// The bank of the same worker for the rules that come next: these counters go on, up to `count` others begin. The
    /// worker may go on with the one until it begins with the other. `secret` is for its random numbers.
    #[must_use]
    pub fn grown(&self, count: usize, secret: u64) -> Self {
        let more = (self.len()..count).map(|_| Arc::default());
        Self {
            cells: Arc::clone(&self.cells),
            added: self.added.iter().cloned().chain(more).collect(),
            log: self.log.clone(),
            drawn: AtomicU64::new(secret),
        }
    }

    /// The bank with a ring for the worker's log records.
    #[must_use]
    pub fn with_log(self, ring: LogRing) -> Self {
        Self { log: Some(Arc::new(ring)), ..self }
    }

    /// The worker's log records, if the policy logs.
    #[inline]
    #[must_use]
    pub fn log(&self) -> Option<&LogRing> {
        self.log.as_deref()
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
        self.cells.len() + self.added.len()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts one packet of `bytes` bytes. Only the worker that owns the bank may call this. A counter that the
    /// bank does not have counts nothing.
    #[inline]
    pub fn count(&self, counter: CounterId, bytes: u32) {
        self.count_several(counter, 1, bytes.into());
    }

    /// As [`count`](Self::count), of so many packets that are so many bytes together.
    #[inline]
    pub fn count_several(&self, counter: CounterId, packets: u64, bytes: u64) {
        if let Some(cell) = self.cell(counter) {
            cell.packets.store(cell.packets.load(Relaxed).wrapping_add(packets), Relaxed);
            cell.bytes.store(cell.bytes.load(Relaxed).wrapping_add(bytes), Relaxed);
        }
    }

    #[inline]
    fn cell(&self, counter: CounterId) -> Option<&Cell> {
        let place = counter.index();
        self.cells.get(place).or_else(|| self.added.get(place - self.cells.len()).map(|cell| &**cell))
    }

    /// Packets and bytes counted so far.
    #[must_use]
    pub fn read(&self, counter: CounterId) -> (u64, u64) {
        self.cell(counter).map_or((0, 0), |cell| (cell.packets.load(Relaxed), cell.bytes.load(Relaxed)))
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
