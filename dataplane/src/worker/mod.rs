//! What does one poll-mode thread do? It takes bursts from its wires, decides, sends on, and owns its shard.
//!
//! A worker shares no writable cache line with another: its flow table, counters and queues are its own. What
//! reaches it from outside are the published policy, packets of its flows that came in at another worker, and the
//! control thread's word on which flows are stale, each over a bounded queue of which it takes a bounded part at a
//! time.

use crate::eights::Has;
use crate::flow::{FlowHasher, Reaper, Table};
use crate::generation::Reader;
use crate::io::{Arrival, BURST, Side, WireIo};
use crate::object::Now;
use crate::packet::{Checksums, Packet};
use crate::pipeline::{Decided, EXPIRED_AT_ONCE, Precedents, Ways, depart, settle};
use crate::reject::pace::Pace;
use crate::rules::Rules;
use crate::stats::Stats;
use crate::time::Clock;
use crate::track::{Expectations, Flow, Settings};
use crate::wire::Role;
use fragments::Fragments;
use handover::Load;
use scratch::Scratch;
use std::sync::Arc;

mod decide;
mod fragments;
mod handover;
mod parse;
mod row;
mod scratch;
mod sink;
#[cfg(test)]
mod tests;
mod together;

pub use handover::{HANDOVER_LENGTH, HandedOver, Handover, Queues, handover};

/// Buckets whose stale flows a worker removes between two bursts at most.
const REAPED_AT_ONCE: usize = 32;

/// Expectations a worker looks at between two bursts, while there are any.
const SWEPT_AT_ONCE: usize = 8;

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
    /// Whether it looks at what it is told.
    const WATCHES: bool = true;

    /// `packet` was decided upon. Called in the order in which packets were received, [`Self::held`] among them.
    fn decided(&mut self, packet: &Packet, decided: &Decided);

    /// `packet`, a fragment, waits for the rest of its datagram. The number given is told with the decision.
    fn held(&mut self, packet: &Packet) -> u64 {
        let _ = packet;
        0
    }

    /// The fragment to which this number was given was decided upon: by this worker, or by the one that owns the flow of
    /// its datagram.
    fn settled(&mut self, number: u64, decided: &Decided) {
        let _ = (number, decided);
    }
}

/// Nobody watches.
impl Observer for () {
    const WATCHES: bool = false;

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
    /// The connections that are announced, over all workers.
    pub expectations: Arc<Expectations>,
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
    fragments: Fragments<I::Buffer>,
    /// Which expectation to look at next.
    swept: usize,
    /// Whether of the last first packets any was stored: if so, room for the next is asked for ahead.
    stores: bool,
    ways: Ways,
    precedents: Precedents,
    /// Whether frames are read side by side.
    abreast: Option<Has>,
    /// How many ICMP errors may be sent; any number without.
    pace: Option<Pace>,
    scratch: Scratch<I::Buffer>,
}

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// A worker, ready to poll.
    #[must_use]
    pub fn new(parts: Parts<I, O>) -> Self {
        let fragments = Fragments::new(parts.hasher.clone());
        Self {
            parts,
            clock: Clock::default(),
            at: Now::default(),
            swept: 0,
            stores: true,
            ways: Ways::new(),
            precedents: Precedents::new(),
            abreast: Has::detected(),
            pace: Some(Pace::default()),
            fragments,
            scratch: Scratch::new(),
        }
    }

    /// The same, but every refused packet is answered that may be.
    #[must_use]
    pub fn unpaced(self) -> Self {
        Self { pace: None, ..self }
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

    /// Gives up on every fragment that waits: nothing more will come.
    pub fn finish(&mut self) {
        let Parts { stats, observer, .. } = &mut self.parts;
        self.fragments.expire(self.clock.now(), true, stats, observer);
    }

    /// What the worker was made of: its table, its counters, its observer.
    pub fn into_parts(self) -> Parts<I, O> {
        self.parts
    }

    /// Takes the time over, and clears the table where the clock leapt so far that 32 bits cannot tell.
    fn advance(&mut self, now: u64) {
        let Parts { table, stats, observer, expectations, rules, .. } = &mut self.parts;
        let objects = rules.current().program.objects();
        let mut leapt = false;
        self.clock.advance(now, |tick| {
            table.purge(tick, |extra| depart(&extra, objects, expectations, tick));
            expectations.purge(tick);
            stats.of_table(table);
            leapt = true;
        });
        if self.fragments.are_waiting() {
            self.fragments.expire(self.clock.now(), leapt, stats, observer);
        }
    }

    /// Packets that came in by a wire.
    fn received(&mut self, wire: usize, arrival: Arrival) -> usize {
        let count = self.scratch.burst.len();
        self.parse();
        let stats = &self.parts.stats;
        stats.bursts.add(1);
        stats.received.add(count as u64);
        stats.received_bytes.add(self.scratch.bytes);
        self.decide(wire, arrival.side, true);
        count
    }

    /// What came in at another worker and is this worker's, at most one burst of it.
    fn take_over(&mut self) -> usize {
        if self.parts.handover.workers() == 1 {
            return 0;
        }
        let handover = Arc::clone(&self.parts.handover);
        let inbox = handover.inbox(self.parts.index);
        let mut met = 0;
        let mut place = None;
        self.scratch.burst.clear();
        while met < BURST {
            let Some(HandedOver { load, wire, side }) = inbox.pop() else { break };
            met += 1;
            if place.is_some_and(|place| place != (wire, side)) || matches!(load, Load::Datagram(_)) {
                self.taken_over(place.take());
            }
            match load {
                Load::Packet(buffer) => {
                    self.scratch.burst.push(buffer);
                    place = Some((wire, side));
                }
                Load::Datagram(datagram) => {
                    let (mut context, mut sink, place, fragments, ..) = self.stand(wire, side, false);
                    fragments.take_over(&place, &mut context, &mut sink, datagram);
                    sink.finish();
                    self.parts.stats.of_table(&self.parts.table);
                }
            }
        }
        self.taken_over(place);
        met
    }

    /// The packets collected from the inbox, all of one wire and side.
    fn taken_over(&mut self, place: Option<(usize, Side)>) {
        if let Some((wire, side)) = place {
            self.parse();
            self.decide(wire, side, false);
            self.scratch.burst.clear();
        }
    }

    /// Removes flows the control thread found stale, if they still are, and expectations that are over.
    fn reap(&mut self) {
        let Parts { reaper, table, stats, expectations, rules, .. } = &mut self.parts;
        let now = self.clock.now();
        if expectations.any() {
            self.swept = expectations.sweep(self.swept, SWEPT_AT_ONCE, now);
        }
        table.expire_due(now, EXPIRED_AT_ONCE);
        let reaped = reaper.reap(table, now, REAPED_AT_ONCE);
        settle(table, rules.current().program.objects(), expectations, self.clock.now());
        if reaped > 0 {
            stats.of_table(table);
        }
    }
}
