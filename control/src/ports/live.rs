//! The wire of a running firewall: one queue pair of either port, polled in turn.

use super::{End, PacketBuffer};
use dataplane::io::{Arrival, Side, WireIo};
use dataplane::object::Now;
use dpdk::{Burst, Mempool};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

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
    started_wall_ns: u64,
    now: u64,
    at: Now,
    until_clock: u32,
}

impl LiveIo {
    /// A wire over these queues; answers are made in `mempool`; time counts from `started`, the same for all
    /// workers.
    pub fn new(outside: End, inside: End, mempool: Mempool, started: Instant) -> Self {
        let ends = [outside, inside];
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
        let wall_ns =
            u64::try_from(since_1970.saturating_sub(started.elapsed().as_nanos())).unwrap_or(u64::MAX);
        Self {
            ends,
            next: Side::Outside,
            burst: Burst::new(),
            mempool,
            started,
            started_wall_ns: wall_ns,
            now: 0,
            at: Now::default(),
            until_clock: 0,
        }
    }

    fn read_clock(&mut self) {
        let monotonic_ns = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.now = monotonic_ns / 1_000_000;
        self.at = Now { monotonic_ns, wall_ns: self.started_wall_ns.saturating_add(monotonic_ns) };
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
        self.burst.drain_into(into, PacketBuffer);
        Arrival { side, now: self.now, at: self.at }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<PacketBuffer>) {
        self.ends[to as usize].send(&mut self.burst, packets);
    }

    fn free(&mut self, packets: &mut Vec<PacketBuffer>) {
        End::free(&mut self.burst, packets);
    }

    fn make(&mut self, bytes: &[u8]) -> Option<PacketBuffer> {
        self.mempool.copy_from_slice(bytes).map(PacketBuffer)
    }
}
