//! Where do the bench's packets come from and go to? Two in-memory DPDK ports whose frames are written anew as they
//! are received, as a network card would.

use super::traffic::{Handshake, Traffic, is_of_connection};
use crate::ports::{End, PacketBuffer};
use dataplane::frame::Frame;
use dataplane::io::{Arrival, Buffer, Side, WireIo};
use dataplane::object::Now;
use dpdk::{Burst, Mempool};
use std::time::Instant;

/// One worker's wire.
#[derive(Debug)]
pub struct BenchIo {
    ends: [End; 2],
    /// What is sent.
    pub traffic: Traffic,
    /// What is sent to the floor: no connection may see gaps in its packets.
    apart: Traffic,
    /// What is sent now.
    pub phase: Phase,
    mempool: Mempool,
    burst: Burst,
    next: Side,
    started: Instant,
    /// Nanoseconds of the flows' time that pass with a flow that is opened, besides real time.
    pub haste: u64,
    hastened: u64,
    /// Packets received.
    pub received: u64,
    /// Whether it counts which packets are sent on.
    pub counts_sent: bool,
    /// Packets of connections that stand, sent on.
    pub sent_of_connections: u64,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub enum Phase {
    /// A step of the handshake of every flow, from this flow on.
    Connect(Handshake, usize),
    /// Packets of the mix, from both sides in turn.
    Mix,
}

impl BenchIo {
    /// A wire between these ends.
    pub fn new(outside: End, inside: End, traffic: Traffic, mempool: Mempool) -> Self {
        Self {
            ends: [outside, inside],
            apart: traffic.clone(),
            traffic,
            phase: Phase::Mix,
            mempool,
            burst: Burst::new(),
            next: Side::Outside,
            started: Instant::now(),
            haste: 0,
            hastened: 0,
            received: 0,
            counts_sent: false,
            sent_of_connections: 0,
        }
    }

    /// The flows' time, in milliseconds.
    pub fn now(&self) -> u64 {
        let real = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        (real + self.hastened) / 1_000_000
    }

    /// As [`Self::fill`], of traffic of the same kind that the firewall never sees.
    #[inline]
    pub fn fill_apart(&mut self, burst: &mut Burst) -> Side {
        std::mem::swap(&mut self.traffic, &mut self.apart);
        let side = self.fill(burst);
        std::mem::swap(&mut self.traffic, &mut self.apart);
        side
    }

    /// Receives the next burst into the empty `burst`.
    #[inline]
    pub fn fill(&mut self, burst: &mut Burst) -> Side {
        let side = match self.phase {
            Phase::Connect(step, _) => step.side(),
            Phase::Mix => self.next,
        };
        self.next = side.opposite();
        self.ends[side as usize].receive.receive(burst);
        match &mut self.phase {
            Phase::Mix => {
                for packet in burst.iter_mut() {
                    let (length, segment) = self.traffic.next(side);
                    packet.truncate(length);
                    segment.write(packet.first_segment_mut());
                }
            }
            Phase::Connect(step, at) => {
                let end = self.traffic.flows().min(*at + burst.len());
                for (packet, flow) in burst.iter_mut().zip(*at..end) {
                    let (length, segment) = self.traffic.handshake(flow, *step);
                    packet.truncate(length);
                    segment.write(packet.first_segment_mut());
                }
                while burst.len() > end - *at {
                    burst.pop();
                }
                *at = end;
            }
        }
        self.received += burst.len() as u64;
        side
    }

    /// Sends all of `burst` out by `side`; an in-memory port takes everything.
    #[inline]
    pub fn send(&mut self, side: Side, burst: &mut Burst) {
        self.ends[side as usize].transmit.transmit(burst);
        burst.free_bulk();
    }
}

impl WireIo for BenchIo {
    type Buffer = PacketBuffer;

    fn receive(&mut self, into: &mut Vec<PacketBuffer>) -> Arrival {
        let mut burst = std::mem::take(&mut self.burst);
        let opened = self.traffic.opened();
        let side = self.fill(&mut burst);
        self.hastened += self.haste * u64::from(self.traffic.opened().wrapping_sub(opened));
        burst.drain_into(into, PacketBuffer);
        self.burst = burst;
        let real = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let monotonic_ns = real + self.hastened;
        Arrival { side, now: monotonic_ns / 1_000_000, at: Now { monotonic_ns, wall_ns: monotonic_ns } }
    }

    fn transmit(&mut self, to: Side, packets: &mut Vec<PacketBuffer>) {
        if self.counts_sent {
            let of_connections = packets.iter().filter(|packet| is_of_connection(packet.frame().head()));
            self.sent_of_connections += of_connections.count() as u64;
        }
        self.ends[to as usize].send(&mut self.burst, packets);
    }

    fn free(&mut self, packets: &mut Vec<PacketBuffer>) {
        End::free(&mut self.burst, packets);
    }

    fn make(&mut self, bytes: &[u8]) -> Option<PacketBuffer> {
        self.mempool.copy_from_slice(bytes).map(PacketBuffer)
    }
}
