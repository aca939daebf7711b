//! What does one worker of the bench do? The real loop and the floor in turn, in chunks, each timed.

use super::floor;
use super::io::{BenchIo, Phase};
use super::traffic::{Handshake, Mix};
use crate::failure::{Failure, Outcome};
use dataplane::flow::Ager;
use dataplane::io::BURST;
use dataplane::stats::Stats;
use dataplane::time::Tick;
use dataplane::worker::Worker;
use dpdk::Burst;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bursts in a chunk: a fraction of a millisecond.
pub const CHUNK: usize = 64;
/// A part of a mix is alone for one in so many parts of the time that a flow of a flood lives.
const APART: usize = 4;
/// Flows of the bench's table that its ager looks at after each chunk, at least.
const AGED: usize = 4096;

/// One worker with everything it needs.
pub struct Shard {
    /// The real thing.
    pub worker: Worker<BenchIo>,
    /// Its counters.
    pub stats: Arc<Stats>,
    /// Walks its flows, as the control thread would.
    pub ager: Ager,
    /// Slots of its table.
    pub slots: usize,
    /// What it is measured with.
    pub mixes: Vec<Mix>,
    /// Bursts in a chunk of bare forwarding.
    pub floor_bursts: usize,
}

/// Cycles per packet of every chunk, and what happened besides.
#[derive(Debug, Default)]
pub struct Samples {
    /// Of the firewall.
    pub sluice: Vec<f64>,
    /// Of the floor.
    pub floor: Vec<f64>,
    /// Of the firewall for each part of the mix without the others, in their order, if there are several.
    pub alone: Vec<Vec<f64>>,
    /// Packets of connections that stand, received.
    pub of_connections: u64,
    /// Those of them that were not sent on.
    pub lost: u64,
    /// Packets that the firewall met, and of those the ones that it dropped or refused: while it was measured and just
    /// before, but for how connections were opened.
    pub met: [u64; 2],
    /// Packets that the firewall met.
    pub packets: u64,
    /// Cycles it took for them.
    pub cycles: u64,
    /// Flows it stored.
    pub created: u64,
    /// Part of the time that the thread had a CPU.
    pub share: f64,
}

impl Shard {
    /// Opens the connections that the mix is about.
    pub fn connect(&mut self) -> Outcome<()> {
        if !self.mixes.iter().any(|mix| mix.needs_connections()) {
            return Ok(());
        }
        for step in Handshake::ALL {
            self.io().phase = Phase::Connect(step, 0);
            while self.worker.poll() > 0 {}
        }
        self.io().phase = Phase::Mix;
        let flows = self.io().traffic.flows() as u64;
        let stored = self.stats.flows_created.get();
        if stored == flows && self.stats.dropped.get() + self.stats.rejected.get() == 0 {
            return Ok(());
        }
        Err(Failure::refused(format!(
            "of {flows} connections {stored} could be opened: the ruleset must accept new TCP connections to 192.0.2.10 and \
             2001:db8:2::10, port 443, and what is established"
        )))
    }

    /// Lets every connection send so much that rules have been asked of it from both sides: what is established is
    /// measured, not how it became so.
    fn settle(&mut self) {
        if !self.mixes.iter().any(|mix| mix.needs_connections()) {
            return;
        }
        let mut left = 2 * self.io().traffic.flows() * self.mixes.len();
        while left > 0 {
            let mut packets = 0;
            for _ in 0..CHUNK {
                packets += self.worker.poll();
            }
            left = left.saturating_sub(packets);
            self.age(packets);
        }
    }

    /// Measures for this long, after a tenth of it to warm up.
    pub fn measure(&mut self, length: Duration) -> Samples {
        self.settle();
        let before = self.met();
        let mut burst = Burst::new();
        let mut warm = Samples::default();
        self.chunks(length / 10, &mut burst, &mut warm);
        let mut samples = Samples::default();
        let stands = self.mixes.iter().any(|mix| mix.needs_connections());
        self.io().counts_sent = stands && !self.mixes.iter().all(|mix| mix.needs_connections());
        let (received, sent) = (self.io().traffic.of_connections(), self.io().sent_of_connections);
        let (on_cpu, started) = (on_cpu(), Instant::now());
        self.chunks(length, &mut burst, &mut samples);
        samples.share = match (on_cpu, self::on_cpu()) {
            (Some(before), Some(after)) => (after - before).as_secs_f64() / started.elapsed().as_secs_f64(),
            _ => f64::NAN,
        };
        let after = self.met();
        samples.met = [after[0] - before[0], after[1] - before[1]];
        if self.io().counts_sent {
            samples.of_connections = self.io().traffic.of_connections() - received;
            samples.lost = samples.of_connections - (self.io().sent_of_connections - sent);
        }
        samples
    }

    fn chunks(&mut self, length: Duration, burst: &mut Burst, samples: &mut Samples) {
        let started = Instant::now();
        while started.elapsed() < length {
            let before = self.stats.flows_created.get();
            let (packets, cycles) = self.chunk(CHUNK);
            samples.created += self.stats.flows_created.get() - before;
            samples.packets += packets as u64;
            samples.cycles += cycles;
            samples.sluice.push(cycles as f64 / packets.max(1) as f64);
            // connections are met again before the flood's haste has ended them, and as often from both sides
            let apart = (self.io().traffic.flows() / (APART * BURST)).min(CHUNK);
            if self.mixes.len() > 1 && apart > 0 {
                let bursts = apart.next_multiple_of(2);
                samples.alone.resize(self.mixes.len(), Vec::new());
                for (number, alone) in samples.alone.iter_mut().enumerate() {
                    let only = self.mixes[number];
                    self.io().traffic.restrict(Some(only));
                    let (packets, cycles) = self.chunk(bursts);
                    alone.push(cycles as f64 / packets.max(1) as f64);
                }
                self.io().traffic.restrict(None);
            }
            let (mut packets, begin) = (0, dpdk::cycles());
            let bursts = self.floor_bursts;
            let io = self.worker.wire_mut(0);
            for _ in 0..bursts {
                packets += floor::forward(io, burst);
            }
            samples.floor.push((dpdk::cycles() - begin) as f64 / packets.max(1) as f64);
        }
    }

    /// So many bursts of the real loop: packets and cycles.
    fn chunk(&mut self, bursts: usize) -> (usize, u64) {
        let (mut packets, begin) = (0, dpdk::cycles());
        for _ in 0..bursts {
            packets += self.worker.poll();
        }
        let cycles = dpdk::cycles() - begin;
        self.age(packets);
        (packets, cycles)
    }

    /// What the control thread does meanwhile, on its own time; what it finds the worker removes on its own.
    fn age(&mut self, packets: usize) {
        let now = Tick(self.io().now() as u32);
        self.ager.scan(now, (2 * packets).max(AGED).min(self.slots));
    }

    /// Packets met, and those of them that were dropped or refused.
    fn met(&self) -> [u64; 2] {
        [self.stats.received.get(), self.stats.dropped.get() + self.stats.rejected.get()]
    }

    fn io(&mut self) -> &mut BenchIo {
        self.worker.wire_mut(0)
    }
}

/// For how long this thread has had a CPU since it began.
fn on_cpu() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
