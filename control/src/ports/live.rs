//! The wire of a running firewall: one queue pair of either port, polled in turn.

use super::{End, PacketBuffer};
use dataplane::io::{Arrival, Side, WireIo};
use dpdk::{Burst, Mempool};
use std::time::Instant;

/// Every burst with packets reads the clock; empty polls do once in so many.
const POLLS_A_CLOCK: u32 = 64;

/// One worker's queues of one wire.
#[derive(Debug)]
pub struct LiveIo {
    ends: [End; 2],
    next: Side,
    burst: Burst,
    mempool: Mempool,
    started: Instant,
    now: u64,
    until_clock: u32,
}

impl LiveIo {
    /// A wire over these queues; answers are made in `mempool`; time counts from `started`, the same for all
    /// workers.
    pub fn new(outside: End, inside: End, mempool: Mempool, started: Instant) -> Self {
        let ends = [outside, inside];
        Self { ends, next: Side::Outside, burst: Burst::new(), mempool, started, now: 0, until_clock: 0 }
    }

    fn read_clock(&mut self) {
        self.now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.until_clock = POLLS_A_CLOCK;
    }
}

impl WireIo for LiveIo {
    type Buffer = PacketBuffer;

    fn receive(&mut self, into: &mut Vec<PacketBuffer>) -> Arrival {
        let side = self.next;
        self.next = side.opposite();
        let received = self.ends[side as usize].receive.receive(&mut self.burst);
        self.until_clock = self.until_clock.saturating_sub(1);
        if received > 0 || self.until_clock == 0 {
            self.read_clock();
        }
        into.extend(self.burst.drain().map(PacketBuffer));
        Arrival { side, now: self.now }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<PacketBuffer>) {
        self.ends[to as usize].send(&mut self.burst, packets);
    }

    fn make(&mut self, bytes: &[u8]) -> Option<PacketBuffer> {
        self.mempool.copy_from_slice(bytes).map(PacketBuffer)
    }
}
