//! The wire of a replay: two pcap-backed queues, read in the order and on the clock of the capture.

use super::plan::Step;
use crate::ports::{End, PacketBuffer};
use dataplane::io::{Arrival, BURST, Side, WireIo};
use dataplane::object::Now;
use dpdk::{Burst, Mempool};
use std::collections::VecDeque;

/// How often a queue that should still hold a packet is asked before it is given up.
const TRIES: usize = 1000;

/// One worker's part of a replay.
#[derive(Debug)]
pub struct ReplayIo {
    lanes: [Lane; 2],
    steps: std::vec::IntoIter<Step>,
    burst: Burst,
    mempool: Mempool,
    /// Nanoseconds that make no difference: of a millisecond, unless rules count time more closely.
    unit: u64,
    /// When the last burst was captured, in nanoseconds since 1970.
    at: u64,
    lost: bool,
}

/// The queues of one side and what they brought too early.
#[derive(Debug)]
pub struct Lane {
    end: End,
    waiting: VecDeque<PacketBuffer>,
}

impl Lane {
    /// A side over these queues.
    pub fn new(end: End) -> Self {
        Self { end, waiting: VecDeque::with_capacity(2 * BURST) }
    }
}

impl ReplayIo {
    /// A replay of `steps`, whose times count in units of `unit` nanoseconds, in which the k-th packet of a side is
    /// the k-th its queue delivers.
    pub fn new(outside: Lane, inside: Lane, steps: Vec<Step>, unit: u64, mempool: Mempool) -> Self {
        let steps = steps.into_iter();
        Self { lanes: [outside, inside], steps, burst: Burst::new(), mempool, unit, at: 0, lost: false }
    }

    /// Whether a queue failed to deliver a packet it was given.
    pub fn has_lost(&self) -> bool {
        self.lost
    }

    /// The next packet of `side`.
    fn next_of(&mut self, side: Side) -> Option<PacketBuffer> {
        let lane = &mut self.lanes[side as usize];
        for _ in 0..TRIES {
            if let Some(packet) = lane.waiting.pop_front() {
                return Some(packet);
            }
            lane.end.receive.receive(&mut self.burst);
            lane.waiting.extend(self.burst.drain().map(PacketBuffer));
        }
        None
    }
}

impl WireIo for ReplayIo {
    type Buffer = PacketBuffer;

    fn receive(&mut self, into: &mut Vec<PacketBuffer>) -> Arrival {
        let mut side = Side::Outside;
        // a burst holds packets of one side and one unit of time, so that its time is each packet's own
        while into.len() < BURST && !self.lost {
            let Some(step) = self.steps.as_slice().first().copied() else { break };
            if into.is_empty() {
                side = step.side;
                self.at = self.at.max(step.time);
            } else if step.side != side || step.time / self.unit > self.at / self.unit {
                break;
            }
            match self.next_of(side) {
                Some(packet) => into.push(packet),
                None => {
                    self.lost = true;
                    break;
                }
            }
            self.steps.next();
        }
        Arrival { side, now: self.at / 1_000_000, at: Now { monotonic_ns: self.at, wall_ns: self.at } }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<PacketBuffer>) {
        self.lanes[to as usize].end.send(&mut self.burst, packets);
    }

    fn make(&mut self, bytes: &[u8]) -> Option<PacketBuffer> {
        self.mempool.copy_from_slice(bytes).map(PacketBuffer)
    }
}
