//! The wire of a firewall that runs over captures: what both pcap ports deliver, in the order of its times.

use super::{End, PacketBuffer};
use dataplane::io::{Arrival, BURST, Side, WireIo};
use dataplane::object::Now;
use dpdk::{Burst, Mempool};
use std::collections::VecDeque;

/// One worker's queues of a wire between two pcap ports. Time is the captures'.
#[derive(Debug)]
pub struct CapturedIo {
    ends: [End; 2],
    waiting: [VecDeque<PacketBuffer>; 2],
    burst: Burst,
    mempool: Mempool,
    /// When the last burst was captured, in nanoseconds since 1970.
    at: u64,
    /// When the first was: the rules' time starts there.
    first: Option<u64>,
}

impl CapturedIo {
    /// A wire over these queues.
    pub fn new(outside: End, inside: End, mempool: Mempool) -> Self {
        let waiting = [(); 2].map(|()| VecDeque::with_capacity(2 * BURST));
        Self { ends: [outside, inside], waiting, burst: Burst::new(), mempool, at: 0, first: None }
    }

    /// When the next packet of a side was captured, in microseconds since 1970.
    fn next_time(&mut self, side: Side) -> Option<u64> {
        let waiting = &mut self.waiting[side as usize];
        if waiting.is_empty() {
            self.ends[side as usize].receive.receive(&mut self.burst);
            waiting.extend(self.burst.drain().map(PacketBuffer));
        }
        waiting.front().map(|packet| packet.0.timestamp().unwrap_or(0))
    }

    /// The side whose next packet is the older, and its time; from outside first where they are equal.
    fn next(&mut self) -> Option<(Side, u64)> {
        match (self.next_time(Side::Outside), self.next_time(Side::Inside)) {
            (None, None) => None,
            (Some(outside), Some(inside)) if inside < outside => Some((Side::Inside, inside)),
            (Some(outside), _) => Some((Side::Outside, outside)),
            (None, Some(inside)) => Some((Side::Inside, inside)),
        }
    }
}

impl WireIo for CapturedIo {
    type Buffer = PacketBuffer;

    fn receive(&mut self, into: &mut Vec<PacketBuffer>) -> Arrival {
        let mut from = Side::Outside;
        while into.len() < BURST {
            let Some((side, time)) = self.next() else { break };
            let time = time.saturating_mul(1000);
            if into.is_empty() {
                (from, self.at) = (side, self.at.max(time));
                self.first.get_or_insert(self.at);
            } else if side != from || time / 1_000_000 > self.at / 1_000_000 {
                break;
            }
            into.extend(self.waiting[side as usize].pop_front());
        }
        Arrival {
            side: from,
            now: self.at / 1_000_000,
            at: Now { monotonic_ns: self.at - self.first.unwrap_or(self.at), wall_ns: self.at },
        }
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
