//! What does one poll-mode thread do? It takes bursts from its wires, decides, sends on, and owns its shard.
//!
//! A worker shares no writable cache line with another: its flow table, counters and queues are its own. What
//! reaches it from outside are the published policy, packets of its flows that came in at another worker, and the
//! control thread's word on which flows are stale, each over a bounded queue of which it takes a bounded part at a
//! time.

use crate::flow::{FlowHash, FlowHasher, Reaper, Table};
use crate::generation::Reader;
use crate::io::{Arrival, BURST, Buffer, Side, WireIo};
use crate::object::Now;
use crate::packet::{self, Checksums, Packet};
use crate::pipeline::{Context, Decided, Keyed, Outcome};
use crate::reason::Reason;
use crate::rules::Rules;
use crate::stats::Stats;
use crate::time::Clock;
use crate::track::{Flow, Settings};
use crate::wire::Role;
use std::sync::Arc;

mod handover;
#[cfg(test)]
mod tests;

pub use handover::{HANDOVER_LENGTH, HandedOver, Handover, handover};

/// Stale flows a worker removes between two bursts at most.
const REAPED_AT_ONCE: usize = 64;

/// A wire as one worker has it.
#[derive(Debug)]
pub struct Wire<I> {
    /// The worker's own queues of it.
    pub io: I,
    /// Which chains its packets meet.
    pub role: Role,
}

/// Learns what was decided, packet by packet. Service needs no observer; a replay keeps a record.
pub trait Observer {
    /// `packet` was decided upon. Called in the order in which packets were received.
    fn decided(&mut self, packet: &Packet, decided: &Decided);
}

/// Nobody watches.
impl Observer for () {
    #[inline]
    fn decided(&mut self, _: &Packet, _: &Decided) {}
}

/// What a worker is given at start.
#[derive(Debug)]
pub struct Parts<I: WireIo, O> {
    /// Its number, from 0.
    pub index: usize,
    /// The wires it serves; the same, in the same order, for every worker.
    pub wires: Vec<Wire<I>>,
    /// Its shard.
    pub table: Table<Flow>,
    /// The hash all workers share.
    pub hasher: FlowHasher,
    /// Where it reads the policy in force.
    pub rules: Reader<Rules>,
    /// How connections are tracked.
    pub settings: Settings,
    /// Whether checksums of the transport layer are looked at (`nf_conntrack_checksum`).
    pub checksums: Checksums,
    /// Queues between the workers.
    pub handover: Handover<I::Buffer>,
    /// Where the control thread says which flows are stale.
    pub reaper: Reaper,
    /// Its counters.
    pub stats: Arc<Stats>,
    /// Who watches.
    pub observer: O,
}

/// One poll-mode thread's state.
#[derive(Debug)]
pub struct Worker<I: WireIo, O = ()> {
    parts: Parts<I, O>,
    clock: Clock,
    /// When the last burst came, as rules ask for it.
    at: Now,
    scratch: Scratch<I::Buffer>,
}

/// What a burst needs on its way; taken once.
#[derive(Debug)]
struct Scratch<B> {
    burst: Vec<B>,
    packets: Vec<Packet>,
    keyed: Vec<Keyed>,
    /// Flows that are not in their first bucket.
    displaced: Vec<FlowHash>,
    passed: Vec<B>,
    refused: Vec<B>,
    replies: Vec<B>,
    reply: Box<[u8; crate::reject::LONGEST]>,
}

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// A worker, ready to poll.
    #[must_use]
    pub fn new(parts: Parts<I, O>) -> Self {
        Self { parts, clock: Clock::default(), at: Now::default(), scratch: Scratch::new() }
    }

    /// Looks once at everything there is to do. Says how many packets it met: 0 if it was idle.
    pub fn poll(&mut self) -> usize {
        let mut met = 0;
        for wire in 0..self.parts.wires.len() {
            self.scratch.burst.clear();
            let arrival = self.parts.wires[wire].io.receive(&mut self.scratch.burst);
            self.advance(arrival.now);
            self.at = arrival.at;
            if !self.scratch.burst.is_empty() {
                met += self.received(wire, arrival);
            }
        }
        met += self.take_over();
        self.reap();
        self.parts.rules.quiescent();
        met
    }

    /// The queues of wire number `wire`.
    pub fn wire_mut(&mut self, wire: usize) -> &mut I {
        &mut self.parts.wires[wire].io
    }

    /// What the worker was made of: its table, its counters, its observer.
    pub fn into_parts(self) -> Parts<I, O> {
        self.parts
    }

    /// Takes the time over, and clears the table where the clock leapt so far that 32 bits cannot tell.
    fn advance(&mut self, now: u64) {
        let Parts { table, stats, .. } = &mut self.parts;
        self.clock.advance(now, |tick| {
            table.purge(tick);
            stats.of_table(table);
        });
    }

    /// Packets that came in by a wire.
    fn received(&mut self, wire: usize, arrival: Arrival) -> usize {
        let count = self.scratch.burst.len();
        self.parse();
        let stats = &self.parts.stats;
        stats.bursts.add(1);
        stats.received.add(count as u64);
        let bytes: u64 = self.scratch.packets.iter().map(|packet| u64::from(packet.frame_length)).sum();
        stats.received_bytes.add(bytes);
        self.decide(wire, arrival.side, true);
        count
    }

    /// Packets of this worker's flows that came in at another worker, at most one burst of them.
    fn take_over(&mut self) -> usize {
        if self.parts.handover.len() == 1 {
            return 0;
        }
        let handover = Arc::clone(&self.parts.handover);
        let inbox = &handover[self.parts.index];
        let mut met = 0;
        let mut waiting = None;
        while met < BURST {
            let Some(next) = waiting.take().or_else(|| inbox.pop()) else { break };
            let HandedOver { buffer, wire, side } = next;
            self.scratch.burst.clear();
            self.scratch.burst.push(buffer);
            while self.scratch.burst.len() < BURST {
                match inbox.pop() {
                    Some(more) if more.wire == wire && more.side == side => {
                        self.scratch.burst.push(more.buffer);
                    }
                    other => {
                        waiting = other;
                        break;
                    }
                }
            }
            met += self.scratch.burst.len();
            self.parse();
            self.decide(wire, side, false);
        }
        if let Some(HandedOver { buffer, wire, side }) = waiting {
            self.scratch.burst.clear();
            self.scratch.burst.push(buffer);
            self.parse();
            self.decide(wire, side, false);
            met += 1;
        }
        met
    }

    /// The stages that ask for memory: headers of the whole burst, then hashes and their buckets, then entries.
    fn parse(&mut self) {
        let Scratch { burst, packets, keyed, displaced, .. } = &mut self.scratch;
        packets.clear();
        let checksums = self.parts.checksums;
        packets.extend(burst.iter().map(|buffer| packet::parse_with(buffer.frame(), checksums)));
        keyed.clear();
        for (packet, buffer) in packets.iter().zip(burst.iter()) {
            let found = Keyed::of(packet, buffer.frame(), &self.parts.hasher);
            if let Some(hash) = found.hash() {
                self.parts.table.prefetch(hash);
            }
            keyed.push(found);
        }
        let table = &self.parts.table;
        displaced.clear();
        displaced.extend(keyed.iter().filter_map(Keyed::hash).filter(|hash| !table.prefetch_entry(*hash)));
        for hash in displaced.iter() {
            table.prefetch_displaced(*hash);
        }
    }

    /// The other stages: each packet is tracked and judged, then all are sent, freed or handed over.
    fn decide(&mut self, wire: usize, from: Side, may_hand_over: bool) {
        let Parts { wires, table, rules, settings, checksums, handover, stats, observer, index, .. } =
            &mut self.parts;
        let Scratch { burst, packets, keyed, passed, refused, replies, reply, .. } = &mut self.scratch;
        let workers = handover.len();
        let Wire { io, role } = &mut wires[wire];
        let rules = rules.current();
        let mut context =
            Context::new(role, from, self.clock.now(), self.at, rules, *index, table, settings, stats);
        for ((buffer, packet), keyed) in burst.drain(..).zip(packets.iter()).zip(keyed.iter()) {
            if may_hand_over && workers > 1 {
                let owner = keyed.hash().map_or(*index, |hash| hash.owner(workers));
                if owner != *index && context.is_tracked(packet) {
                    match handover[owner].push(HandedOver { buffer, wire, side: from }) {
                        Ok(()) => stats.handed_over.add(1),
                        Err(back) => {
                            stats.dropped.add(1);
                            stats.drops[Reason::HandoverFull as usize].add(1);
                            refused.push(back.buffer);
                        }
                    }
                    continue;
                }
            }
            let decided = context.decide(packet, buffer.frame(), keyed);
            observer.decided(packet, &decided);
            match decided.outcome {
                Outcome::Accept => passed.push(buffer),
                Outcome::Drop => refused.push(buffer),
                Outcome::Reject(reject) => {
                    let answer = crate::reject::answer(reject, packet, buffer.frame(), *checksums, reply);
                    if let Some(made) = answer.and_then(|length| io.make(&reply[..length])) {
                        replies.push(made);
                    }
                    refused.push(buffer);
                }
            }
        }
        if !passed.is_empty() {
            send(io, from.opposite(), passed, stats);
        }
        if !replies.is_empty() {
            stats.replies.add(replies.len() as u64);
            io.transmit(from, replies);
            io.free(replies);
        }
        if !refused.is_empty() {
            io.free(refused);
        }
        stats.of_table(table);
    }

    /// Removes flows the control thread found stale, if they still are.
    fn reap(&mut self) {
        let Parts { reaper, table, stats, .. } = &mut self.parts;
        if reaper.reap(table, self.clock.now(), REAPED_AT_ONCE) > 0 {
            stats.of_table(table);
        }
    }
}

/// Sends what passed; what the port does not take is dropped and counted.
fn send<I: WireIo>(io: &mut I, to: Side, passed: &mut Vec<I::Buffer>, stats: &Stats) {
    let lengths = |packets: &[I::Buffer]| -> u64 {
        packets.iter().map(|buffer| crate::frame::Frame::length(buffer.frame()) as u64).sum()
    };
    let (count, bytes) = (passed.len(), lengths(passed));
    io.transmit(to, passed);
    let (unsent, unsent_bytes) = (passed.len(), lengths(passed));
    stats.transmitted.add((count - unsent) as u64);
    stats.transmitted_bytes.add(bytes - unsent_bytes);
    if unsent > 0 {
        stats.dropped.add(unsent as u64);
        stats.drops[Reason::TransmitFull as usize].add(unsent as u64);
        io.free(passed);
    }
}

impl<B> Scratch<B> {
    fn new() -> Self {
        Self {
            burst: Vec::with_capacity(BURST),
            packets: Vec::with_capacity(BURST),
            keyed: Vec::with_capacity(BURST),
            displaced: Vec::with_capacity(BURST),
            passed: Vec::with_capacity(BURST),
            refused: Vec::with_capacity(BURST),
            replies: Vec::with_capacity(BURST),
            reply: Box::new([0; crate::reject::LONGEST]),
        }
    }
}
