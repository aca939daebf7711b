//! What does a worker do with a fragment? It waits for the rest of its datagram, and shares its verdict.
//!
//! All fragments of one sender wait at one worker, so that it does not matter by which queue each came in. When a
//! datagram is whole it is judged by the worker that owns its flow; its fragments leave in the order of their bytes,
//! each as it came. What is neither tracked nor for the protected host is judged where it came in, by itself.

use super::Observer;
use super::handover::{HandedOver, Handover, Load};
use super::sink::Sink;
use crate::flow::FlowHasher;
use crate::fragment::{Cache, Capacity, Key, MOST_FRAGMENTS, Part, Room, Summary, Taken, User, sender};
use crate::io::{BURST, Buffer, Side, WireIo};
use crate::packet::{self, Checksums, Found, Network, Packet, Piece};
use crate::pipeline::{Carried, Context, Decided, Gather, Keyed, Outcome, judged_as_is};
use crate::reason::Reason;
use crate::stats::Stats;
use crate::time::Tick;

/// The fragments of a datagram, in the order of their bytes.
pub type Parts<B> = Vec<Part<Held<B>>>;

/// A fragment that waits.
#[derive(Debug)]
pub struct Held<B> {
    buffer: B,
    carried: Carried,
    ticket: u64,
}

/// A datagram on its way to the worker that owns its flow.
#[derive(Debug)]
pub struct Datagram<B> {
    network: Network,
    parts: Parts<B>,
    summary: Summary,
}

/// The fragments that wait at one worker, and what it needs to put them together.
#[derive(Debug)]
pub(super) struct Fragments<B> {
    cache: Cache<Held<B>>,
    whole: Parts<B>,
    /// Those of a datagram that is given up for the fragment at hand.
    ended: Vec<Held<B>>,
    room: Room,
}

/// Where fragments are met: what a burst of them has in common.
#[derive(Debug)]
pub(super) struct Place<'a, B> {
    pub(super) index: usize,
    pub(super) wire: usize,
    pub(super) from: Side,
    /// Whether what comes here has just been received, and not been handed over.
    pub(super) is_received: bool,
    pub(super) now: Tick,
    pub(super) hasher: &'a FlowHasher,
    pub(super) checksums: Checksums,
    pub(super) handover: &'a Handover<B>,
}

impl<B> Place<'_, B> {
    /// Who owns the flow.
    fn owner(&self, keyed: &Keyed) -> usize {
        keyed.hash().map_or(self.index, |hash| hash.owner(self.handover.workers()))
    }
}

impl<B: Buffer> Fragments<B> {
    pub(super) fn new(hasher: FlowHasher) -> Self {
        Self {
            cache: Cache::new(Capacity::default(), hasher),
            whole: Vec::with_capacity(MOST_FRAGMENTS),
            ended: Vec::with_capacity(MOST_FRAGMENTS),
            room: Room::default(),
        }
    }

    /// Takes a fragment. It comes back if it is to be judged by itself, as any other packet is, and with whether it may
    /// be handed over for that.
    #[cold]
    pub(super) fn meet<I: WireIo<Buffer = B>, O: Observer>(
        &mut self,
        place: &Place<'_, B>,
        context: &mut Context<'_>,
        sink: &mut Sink<'_, I, O>,
        buffer: B,
        packet: &mut Packet,
        keyed: &mut Keyed,
    ) -> Option<(B, bool)> {
        let Some(gather) = context.gathers(packet) else { return Some((buffer, place.is_received)) };
        let gatherer = sender(&packet.tuple, place.hasher).owner(place.handover.workers());
        if gatherer != place.index {
            if !place.is_received {
                // handed over by its gatherer, as one that nobody puts together
                alone(packet, keyed);
                return Some((buffer, false));
            }
            sink.hand_over(place, gatherer, buffer);
            return None;
        }
        let user = |gather| User {
            wire: place.wire as u16,
            from_inside: place.from == Side::Inside,
            is_delivery: gather == Gather::ForDelivery,
        };
        let key = |piece: u32, gather| Key::of(&packet.tuple, piece, user(gather));
        let found = packet::piece(buffer.frame(), packet);
        if found == Found::Alone(None) {
            alone(packet, keyed);
            return Some((buffer, true));
        }
        let carried = match context.approach(packet, buffer.frame(), gather) {
            Ok(carried) => carried,
            Err(decided) => {
                sink.decided(buffer, packet, &decided);
                return None;
            }
        };
        let piece = match found {
            Found::Piece(piece) => piece,
            Found::Alone(ends) => {
                if let Some(identification) = ends {
                    let key = key(identification, carried.gather());
                    let ended = &mut self.ended;
                    self.cache.give_up(&key, place.now, |held, reason| match reason {
                        Reason::FragmentMalformed => ended.push(held),
                        _ => gone(sink.stats, sink.observer, held, reason),
                    });
                    sink.stats.fragments.set(self.cache.held() as u64);
                }
                alone(packet, keyed);
                let is_malformed = packet.fault.is_some();
                if place.owner(keyed) != place.index {
                    self.end(sink, None);
                    // its owner runs the chains before this place once more
                    return Some((buffer, true));
                }
                let decided = context.decide_whole(packet, buffer.frame(), keyed, &carried, 1);
                self.end(sink, is_malformed.then_some(&decided));
                sink.decided(buffer, packet, &decided);
                return None;
            }
            Found::Refused => {
                let decided = context.drop_fragment(Reason::FragmentMalformed);
                sink.decided(buffer, packet, &decided);
                return None;
            }
        };
        let ticket = sink.observer.held(packet);
        let key = key(piece.identification, carried.gather());
        self.hold(place, context, sink, key, piece, Held { buffer, carried, ticket });
        sink.stats.fragments.set(self.cache.held() as u64);
        None
    }

    /// Drops what waited of a datagram that was given up, as the malformed fragment that ended it was; if the rules let
    /// that pass, they are dropped nevertheless.
    fn end<I: WireIo<Buffer = B>, O: Observer>(
        &mut self,
        sink: &mut Sink<'_, I, O>,
        decided: Option<&Decided>,
    ) {
        let dropped = Decided::dropped(Reason::FragmentMalformed);
        let shared = match decided {
            None => dropped,
            Some(&Decided { outcome: Outcome::Accept, ct, .. }) => Decided { ct, ..dropped },
            Some(&decided) => Decided { outcome: Outcome::Drop, ..decided },
        };
        for held in self.ended.drain(..) {
            settle(sink.stats, sink.observer, held, &shared);
        }
    }

    fn hold<I: WireIo<Buffer = B>, O: Observer>(
        &mut self,
        place: &Place<'_, B>,
        context: &mut Context<'_>,
        sink: &mut Sink<'_, I, O>,
        key: Key,
        piece: Piece,
        held: Held<B>,
    ) {
        let taken = self.cache.take(&key, piece, held, place.now, &mut self.whole, |held, reason| {
            gone(sink.stats, sink.observer, held, reason);
        });
        if let Taken::Whole(summary) = taken {
            let parts = std::mem::take(&mut self.whole);
            let datagram = Datagram { network: key.network(), parts, summary };
            self.whole = self.judge(place, context, sink, datagram, true);
        }
    }

    /// Judges a datagram that was handed over, and gives its list back.
    pub(super) fn take_over<I: WireIo<Buffer = B>, O: Observer>(
        &mut self,
        place: &Place<'_, B>,
        context: &mut Context<'_>,
        sink: &mut Sink<'_, I, O>,
        datagram: Datagram<B>,
    ) {
        let list = self.judge(place, context, sink, datagram, false);
        // there is room: each list was taken from there
        drop(place.handover.spares.push(list));
    }

    /// Judges a datagram, or hands it over if it was gathered here and its flow is another worker's. Gives back an
    /// empty list.
    fn judge<I: WireIo<Buffer = B>, O: Observer>(
        &mut self,
        place: &Place<'_, B>,
        context: &mut Context<'_>,
        sink: &mut Sink<'_, I, O>,
        datagram: Datagram<B>,
        is_gathered_here: bool,
    ) -> Parts<B> {
        let Datagram { network, mut parts, summary } = datagram;
        let assembled = self.room.assemble(network, &summary, &parts, |held| held.buffer.frame());
        let (Some(frame), Some(carried)) = (assembled, parts.first().map(|first| first.item.carried)) else {
            sink.give_up(&mut parts, Reason::FragmentMalformed);
            return parts;
        };
        let mut packet = packet::parse_with(frame, place.checksums);
        judged_as_is(&mut packet);
        let keyed = Keyed::of(&packet, frame, place.hasher);
        if is_gathered_here && carried.gather() == Gather::ForTracking {
            let owner = place.owner(&keyed);
            if owner != place.index {
                return sink.hand_over_datagram(place, owner, Datagram { network, parts, summary });
            }
        }
        let decided = context.decide_whole(&packet, frame, &keyed, &carried, parts.len());
        sink.answer(&packet, frame, &decided);
        for Part { item, .. } in parts.drain(..) {
            sink.observer.settled(item.ticket, &decided);
            sink.part(item.buffer, &decided);
        }
        sink.flush();
        parts
    }

    /// Gives up on datagrams whose time is over, a bounded number of them; on all if `everything` is asked for.
    pub(super) fn expire<O: Observer>(
        &mut self,
        now: Tick,
        everything: bool,
        stats: &Stats,
        observer: &mut O,
    ) {
        let gone = |held, reason| gone(stats, observer, held, reason);
        if everything {
            self.cache.clear(gone);
        } else {
            self.cache.expire(now, EXPIRED_AT_ONCE, gone);
        }
        stats.fragments.set(self.cache.held() as u64);
    }

    /// Whether there is anything to give up.
    pub(super) const fn are_waiting(&self) -> bool {
        !self.cache.is_empty()
    }
}

impl<I: WireIo, O: Observer> Sink<'_, I, O> {
    /// A fragment of a datagram that was judged.
    fn part(&mut self, buffer: I::Buffer, decided: &Decided) {
        let list = if decided.outcome == Outcome::Accept { &mut *self.passed } else { &mut *self.refused };
        list.push(buffer);
        if list.len() == BURST {
            self.flush();
        }
    }

    fn give_up(&mut self, parts: &mut Parts<I::Buffer>, reason: Reason) {
        for Part { item, .. } in parts.drain(..) {
            gone(self.stats, self.observer, item, reason);
        }
    }

    /// Gives a packet to another worker.
    pub(super) fn hand_over(&mut self, place: &Place<'_, I::Buffer>, to: usize, buffer: I::Buffer) {
        let packet = HandedOver { load: Load::Packet(buffer), wire: place.wire, side: place.from };
        match place.handover.inbox(to).push(packet) {
            Ok(()) => self.stats.handed_over.add(1),
            Err(_) => Decided::dropped(Reason::HandoverFull).count(self.stats, 1),
        }
    }

    /// Gives back an empty list in place of the datagram's.
    fn hand_over_datagram(
        &mut self,
        place: &Place<'_, I::Buffer>,
        to: usize,
        mut datagram: Datagram<I::Buffer>,
    ) -> Parts<I::Buffer> {
        let Some(spare) = place.handover.spares.pop() else {
            self.give_up(&mut datagram.parts, Reason::HandoverFull);
            return datagram.parts;
        };
        let fragments = datagram.parts.len() as u64;
        let load = Load::Datagram(datagram);
        match place.handover.inbox(to).push(HandedOver { load, wire: place.wire, side: place.from }) {
            Ok(()) => {
                self.stats.handed_over.add(fragments);
                spare
            }
            Err(HandedOver { load: Load::Datagram(Datagram { mut parts, .. }), .. }) => {
                self.give_up(&mut parts, Reason::HandoverFull);
                drop(place.handover.spares.push(spare));
                parts
            }
            Err(_) => spare,
        }
    }
}

/// A fragment is to be judged by itself.
fn alone(packet: &mut Packet, keyed: &mut Keyed) {
    judged_as_is(packet);
    if packet.fault.is_some() {
        *keyed = Keyed::No;
    }
}

/// A fragment that no longer waits is dropped.
fn gone<B, O: Observer>(stats: &Stats, observer: &mut O, held: Held<B>, reason: Reason) {
    settle(stats, observer, held, &Decided::dropped(reason));
}

/// As [`gone`], for a reason told by `decided`.
fn settle<B, O: Observer>(stats: &Stats, observer: &mut O, held: Held<B>, decided: &Decided) {
    decided.count(stats, 1);
    observer.settled(held.ticket, decided);
    drop(held);
}

/// Datagrams given up between two bursts at most.
const EXPIRED_AT_ONCE: usize = 64;
