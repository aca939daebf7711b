//! What does one poll-mode thread do? It takes bursts from its wires, decides, sends on, and owns its shard.
//!
//! A worker shares no writable cache line with another: its flow table, counters and queues are its own. What
//! reaches it from outside are the published policy, packets of its flows that came in at another worker, and the
//! control thread's word on which flows are stale, each over a bounded queue of which it takes a bounded part at a
//! time.

use crate::classify::Ahead;
use crate::flow::{FlowHash, FlowHasher, Reaper, Sought, Table};
use crate::fragment::sender;
use crate::frame::Frame;
use crate::generation::Reader;
use crate::io::{Arrival, BURST, Buffer, Side, WireIo};
use crate::object::Now;
use crate::packet::{self, Checksums, Fragment, Network, Packet, short};
use crate::pipeline::{Aimed, Context, Decided, EXPIRED_AT_ONCE, From, Keyed, Outcome, Shard, Ways, settle};
use crate::reason::Reason;
use crate::reject::pace::{self, Pace};
use crate::rules::Rules;
use crate::stats::Stats;
use crate::time::{Clock, Tick};
use crate::track::{CtState, Expectations, Flow, Record, Settings};
use crate::wire::Role;
use config::policy::Reject;
use fragments::{Fragments, Place};
use handover::Load;
use std::sync::Arc;

mod fragments;
mod handover;
#[cfg(test)]
mod tests;

pub use handover::{HANDOVER_LENGTH, HandedOver, Handover, Queues, handover};

/// Buckets whose stale flows a worker removes between two bursts at most.
const REAPED_AT_ONCE: usize = 32;

/// So few packets that seem to belong to no connection are not looked at ahead.
const FEW_FIRST: usize = 3;

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
    /// How many ICMP errors may be sent; any number without.
    pace: Option<Pace>,
    scratch: Scratch<I::Buffer>,
}

/// Where packets go once they are decided upon: on, or back.
#[derive(Debug)]
struct Sink<'a, I: WireIo, O> {
    io: &'a mut I,
    from: Side,
    checksums: Checksums,
    stats: &'a Stats,
    observer: &'a mut O,
    passed: &'a mut Vec<I::Buffer>,
    refused: &'a mut Vec<I::Buffer>,
    replies: &'a mut Vec<I::Buffer>,
    reply: &'a mut [u8; crate::reject::LONGEST],
    pace: Option<&'a mut Pace>,
    hasher: &'a FlowHasher,
    now: Tick,
}

/// What a burst needs on its way; taken once.
#[derive(Debug)]
struct Scratch<B> {
    burst: Vec<B>,
    /// The plain packets; nothing in the places of others.
    shorts: Vec<Option<Aimed>>,
    /// The headers of those that are not plain. Others' places are filled as the need arises.
    packets: Vec<Packet>,
    /// Likewise, where their flows are looked for.
    keyed: Vec<Keyed>,
    /// What is known ahead of those that seem to belong to no connection.
    ahead: Ahead,
    /// Packets whose flows are not in their first bucket or will not be, and when they may begin.
    displaced: Vec<(usize, FlowHash, Option<Tick>)>,
    passed: Vec<B>,
    refused: Vec<B>,
    replies: Vec<B>,
    reply: Box<[u8; crate::reject::LONGEST]>,
}

/// A burst at hand: what is known of each packet.
struct At<'a, B> {
    burst: &'a mut Vec<B>,
    shorts: &'a [Option<Aimed>],
    packets: &'a mut [Packet],
    keyed: &'a mut [Keyed],
    ahead: &'a mut Ahead,
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
            table.purge(tick, |extra| objects.leave(&extra.counted_by, false));
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
        let bytes = self.parse();
        let stats = &self.parts.stats;
        stats.bursts.add(1);
        stats.received.add(count as u64);
        stats.received_bytes.add(bytes);
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

    /// The stages that ask for memory: headers of the whole burst, then hashes and their buckets, then entries.
    /// Says how many bytes there are.
    fn parse(&mut self) -> u64 {
        let Scratch { burst, shorts, packets, keyed, displaced, .. } = &mut self.scratch;
        let (checksums, hasher, table) = (self.parts.checksums, &self.parts.hasher, &self.parts.table);
        let opens_at = self.stores.then(|| self.clock.now());
        let mut bytes = 0;
        shorts.clear();
        packets.resize(burst.len().max(packets.len()), Packet::default());
        keyed.resize(packets.len(), Keyed::No);
        for (buffer, (packet, keyed)) in burst.iter().zip(packets.iter_mut().zip(keyed.iter_mut())) {
            let frame = buffer.frame();
            bytes += frame.length() as u64;
            if let Some(short) = short::read(frame, checksums) {
                let aimed = Aimed::of(short, hasher);
                table.prefetch(aimed.hash);
                shorts.push(Some(aimed));
                continue;
            }
            let hash;
            if let Some((short, ends)) = short::read_v6(frame, checksums) {
                let (aimed, found) = Aimed::of_v6(short, ends, hasher);
                hash = Some(aimed.hash);
                *keyed = found;
                shorts.push(Some(aimed));
            } else {
                *packet = packet::parse_with(frame, checksums);
                *keyed = Keyed::of(packet, frame, hasher);
                hash = keyed.hash();
                shorts.push(None);
            }
            if let Some(hash) = hash {
                table.prefetch(hash);
            }
        }
        displaced.clear();
        for (at, (short, keyed)) in (0..).zip(shorts.iter_mut().zip(keyed.iter())) {
            match short {
                Some(aimed) => {
                    let opens_at = opens_at.filter(|_| aimed.short.may_open());
                    aimed.sought = table.seek(aimed.hash, opens_at);
                    match aimed.sought {
                        Sought::Away | Sought::Crowded => displaced.push((at, aimed.hash, opens_at)),
                        Sought::At(slot) if aimed.short.is_v6 => table.prefetch_more(slot),
                        Sought::At(_) | Sought::Room(_) | Sought::Nowhere => {}
                    }
                }
                None => {
                    let away = |&hash: &FlowHash| {
                        matches!(table.seek(hash, opens_at), Sought::Away | Sought::Crowded)
                    };
                    displaced.extend(keyed.hash().filter(away).map(|hash| (at, hash, opens_at)));
                }
            }
        }
        for &(at, hash, opens_at) in displaced.iter() {
            if let Some(room) = table.prefetch_displaced(hash, opens_at)
                && let Some(Some(aimed)) = shorts.get_mut(at)
            {
                aimed.sought = room;
            }
        }
        bytes
    }

    /// The other stages: each packet is tracked and judged, then all are sent, freed or handed over.
    fn decide(&mut self, wire: usize, from: Side, is_received: bool) {
        self.forget_old_ways();
        let stored_before = self.parts.table.stats().inserted;
        let (mut context, mut sink, place, fragments, scratch, ways) = self.stand(wire, from, is_received);
        let At { burst, shorts, packets, keyed, ahead } = scratch;
        let (handover, index) = (place.handover, place.index);
        let workers = handover.workers();
        let remembers = [Network::Ipv4, Network::Ipv6].map(|network| context.remembers(network));
        let (opens, here) = (context.opens_plainly(), From { wire, side: from });
        let (mut gone_on, mut firsts) = (0, 0);
        ahead.clear();
        // plain packets that are decided upon here, by what is remembered or as first ones
        let stays = |aimed: &Aimed| {
            remembers[usize::from(aimed.short.is_v6)]
                && (workers == 1 || !is_received || aimed.hash.owner(workers) == index)
        };
        let seems_first = |aimed: &Aimed| opens && !aimed.short.is_v6 && aimed.seems_first() && stays(aimed);
        let seem_first = || {
            let plain =
                shorts.iter().enumerate().filter_map(|(number, short)| Some((number, short.as_ref()?)));
            plain.filter(|(_, aimed)| seems_first(aimed))
        };
        let looks_ahead = seem_first().nth(FEW_FIRST).is_some() && context.begin_ahead(ahead);
        if looks_ahead {
            seem_first().for_each(|(number, aimed)| packets[number] = aimed.packet(&keyed[number]));
            let firsts = seem_first().map(|(number, _)| (number, &packets[number], burst[number].frame()));
            context.look_ahead(firsts, ahead);
        }
        let burst = burst.drain(..).zip(shorts).zip(packets.iter_mut().zip(keyed.iter_mut()));
        for (number, ((mut buffer, short), (packet, keyed))) in burst.enumerate() {
            let mut may_hand_over = is_received;
            let mut notes = false;
            if let Some(aimed) = short {
                let stays = stays(aimed);
                if stays {
                    if let Some(decided) = context.decide_short(aimed, keyed, ways, here) {
                        if O::WATCHES {
                            sink.observer.decided(&aimed.packet(keyed), decided);
                        }
                        gone_on += 1;
                        sink.passed.push(buffer);
                        continue;
                    }
                    notes = aimed.short.goes_on();
                }
                if !(looks_ahead && seems_first(aimed)) {
                    *packet = aimed.packet(keyed);
                }
                if !aimed.short.is_v6 {
                    if stays
                        && opens
                        && let Some(decided) =
                            context.decide_first(aimed, packet, buffer.frame(), ahead.of(number))
                    {
                        firsts += 1;
                        sink.decided(buffer, packet, &decided);
                        continue;
                    }
                    *keyed = aimed.keyed();
                }
            }
            if packet.fragment != Fragment::Whole {
                match fragments.meet(&place, &mut context, &mut sink, buffer, packet, keyed) {
                    None => continue,
                    Some(alone) => (buffer, may_hand_over) = alone,
                }
            }
            if may_hand_over && workers > 1 {
                let owner = keyed.hash().map_or(index, |hash| hash.owner(workers));
                if owner != index && context.is_tracked(packet) {
                    sink.hand_over(&place, owner, buffer);
                    continue;
                }
            }
            let decided = if notes {
                context.decide_noting(packet, buffer.frame(), keyed, ways, here)
            } else {
                context.decide(packet, buffer.frame(), keyed)
            };
            sink.decided(buffer, packet, &decided);
        }
        sink.stats.states[CtState::Established as usize].add(gone_on);
        sink.finish();
        self.parts.stats.of_table(&self.parts.table);
        if firsts > 0 {
            self.stores = self.parts.table.stats().inserted != stored_before;
        }
    }

    /// What packets of one wire and side are met with, apart from one another.
    #[expect(clippy::type_complexity, reason = "the worker taken apart, in one place")]
    fn stand(
        &mut self,
        wire: usize,
        from: Side,
        is_received: bool,
    ) -> (
        Context<'_>,
        Sink<'_, I, O>,
        Place<'_, I::Buffer>,
        &mut Fragments<I::Buffer>,
        At<'_, I::Buffer>,
        &mut Ways,
    ) {
        let Parts {
            wires,
            table,
            hasher,
            rules,
            settings,
            expectations,
            checksums,
            handover,
            stats,
            observer,
            index,
            ..
        } = &mut self.parts;
        let Scratch { burst, shorts, packets, keyed, ahead, passed, refused, replies, reply, .. } =
            &mut self.scratch;
        let Wire { io, role } = &mut wires[wire];
        let (rules, now) = (rules.current(), self.clock.now());
        let shard = Shard { table, settings, hasher, expectations };
        let context = Context::new(role, from, now, self.at, rules, *index, shard, stats);
        let checksums = *checksums;
        let pace = self.pace.as_mut();
        let sink =
            Sink { io, from, checksums, stats, observer, passed, refused, replies, reply, pace, hasher, now };
        let place = Place { index: *index, wire, from, is_received, now, hasher, checksums, handover };
        (
            context,
            sink,
            place,
            &mut self.fragments,
            At { burst, shorts, packets, keyed, ahead },
            &mut self.ways,
        )
    }

    /// Lets go of what flows remember of rules that are no longer in force, where they might take it for news.
    fn forget_old_ways(&mut self) {
        if self.ways.turn_to(self.parts.rules.number()) {
            self.parts.table.all_stored_mut().for_each(Record::forget);
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
        settle(table, rules.current().program.objects());
        if reaped > 0 {
            stats.of_table(table);
        }
    }
}

impl<I: WireIo, O: Observer> Sink<'_, I, O> {
    /// A packet that was decided upon.
    #[inline]
    fn decided(&mut self, buffer: I::Buffer, packet: &Packet, decided: &Decided) {
        self.observer.decided(packet, decided);
        match decided.outcome {
            Outcome::Accept => self.passed.push(buffer),
            Outcome::Drop => self.refused.push(buffer),
            Outcome::Reject(_) => {
                self.answer(packet, buffer.frame(), decided);
                self.refused.push(buffer);
            }
        }
    }

    /// Tells the sender of a packet that was rejected, if he may be told.
    fn answer<F: Frame + ?Sized>(&mut self, packet: &Packet, frame: &F, decided: &Decided) {
        let Outcome::Reject(reject) = decided.outcome else { return };
        let length = crate::reject::answer(reject, packet, frame, self.checksums, self.reply);
        if length.is_some() && reject != Reject::TcpReset && !self.may_tell(packet) {
            self.stats.replies_withheld.add(1);
            return;
        }
        if let Some(made) = length.and_then(|length| self.io.make(&self.reply[..length])) {
            self.replies.push(made);
        }
    }

    /// Whether the sender of a packet may be sent one more ICMP error.
    fn may_tell(&mut self, packet: &Packet) -> bool {
        let place = sender(&packet.tuple, self.hasher).owner(pace::HOSTS);
        self.pace.as_mut().is_none_or(|pace| pace.admits(packet.tuple.network, place, self.now))
    }

    /// Sends what passed, and frees what did not.
    fn flush(&mut self) {
        if !self.passed.is_empty() {
            send(self.io, self.from.opposite(), self.passed, self.stats);
        }
        if !self.refused.is_empty() {
            self.io.free(self.refused);
        }
    }

    /// All that is left to do for a burst.
    fn finish(&mut self) {
        self.flush();
        if !self.replies.is_empty() {
            self.stats.replies.add(self.replies.len() as u64);
            self.io.transmit(self.from, self.replies);
            self.io.free(self.replies);
        }
    }
}

/// Sends what passed; what the port does not take is dropped and counted.
fn send<I: WireIo>(io: &mut I, to: Side, passed: &mut Vec<I::Buffer>, stats: &Stats) {
    let lengths =
        |packets: &[I::Buffer]| -> u64 { packets.iter().map(|buffer| buffer.frame().length() as u64).sum() };
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
            shorts: Vec::with_capacity(BURST),
            packets: vec![Packet::default(); BURST],
            keyed: vec![Keyed::No; BURST],
            ahead: Ahead::new(),
            displaced: Vec::with_capacity(BURST),
            passed: Vec::with_capacity(BURST),
            refused: Vec::with_capacity(BURST),
            replies: Vec::with_capacity(BURST),
            reply: Box::new([0; crate::reject::LONGEST]),
        }
    }
}
