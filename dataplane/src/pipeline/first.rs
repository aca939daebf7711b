//! What becomes of a plain packet that belongs to no connection? It begins one, or is refused: what floods are made of.
//!
//! As [`Context::decide`], which knows every case, but in few steps: its connection is written once, as it lies in the
//! table, and only if it passes.

use super::decide::{Context, Decided, Outcome, decision};
use super::keyed::Aimed;
use super::precedents::{Alike, Precedents};
use super::tracking::Tracked;
use super::ways::From;
use crate::classify::facts::Connection;
use crate::classify::{Ahead, AheadOf, Evaluation, Facts, Given, Traced};
use crate::flow::{Full, Slot};
use crate::frame::Frame;
use crate::packet::{Network, Packet, Short, protocol};
use crate::reason::Reason;
use crate::track::extra::Traffic;
use crate::track::{self, Direction, Record};

impl Context<'_> {
    /// Whether plain packets that belong to no connection may be decided upon here: nobody sees them before they are
    /// tracked, and nothing is kept of connections besides.
    #[must_use]
    pub fn opens_plainly(&self) -> bool {
        let before = self.role.path(self.from).before;
        self.remembers(Network::Ipv4)
            && !self.rules.counts_traffic()
            && !self.rules.program.has_chains(before)
    }

    /// Begins to look ahead for plain packets that belong to no connection; whether there is anything to see.
    pub fn begin_ahead(&self, ahead: &mut Ahead) -> bool {
        let path = self.role.path(self.from);
        self.rules.program.look_ahead(path.after, Tracked::NEW.state.bit(), ahead)
    }

    /// Looks ahead for such packets of a burst, which `ahead` knows ([`Ahead::add_plain`]), in their order.
    pub fn look_ahead<'p, F: Frame + ?Sized + 'p>(
        &self,
        mut packets: impl Iterator<Item = (&'p Short, &'p F)>,
        ahead: &mut Ahead,
    ) {
        let program = &self.rules.program;
        let Some((short, frame)) = packets.next() else { return };
        let packet = short.packet();
        let mut facts = self.facts(&packet, frame);
        facts.ct_state = Tracked::NEW.state.bit();
        if program.look_at_plain(&mut facts, ahead) {
            program.ask_plain(0, &mut facts, ahead);
            for (number, (short, frame)) in (1..).zip(packets) {
                let packet = short.packet();
                program.ask_plain(number, &mut Facts { packet: &packet, frame, ..facts }, ahead);
            }
        }
        program.find_ahead(ahead);
    }

    /// Decides upon a plain packet that belongs to no connection, one that is like another upon which was decided before.
    /// The decision is yet to be counted. Nothing has happened if there is none.
    #[inline]
    pub fn decide_alike<'p>(
        &mut self,
        aimed: &Aimed,
        ahead: AheadOf<'_>,
        precedents: &'p Precedents,
        from: From,
    ) -> Option<&'p Decided> {
        let alike = Alike::new(ahead.boxes()?, from, &aimed.short);
        let precedent = precedents.find(&alike)?;
        if !self.is_first(aimed) {
            return None;
        }
        let mut decided = &precedent.decided;
        if decided.outcome == Outcome::Accept {
            let opened = track::open_plain(&aimed.short, self.tracker.now, self.tracker.shard.settings);
            let Some(Ok((words, timeout))) = opened else { return None };
            let record = Record::begun(&aimed.name, aimed.orientation, words);
            if self.store(aimed, &record, timeout).is_err() {
                decided = &precedent.without_room;
            }
        }
        let counters = self.rules.bank(self.worker);
        for &counter in precedent.counters() {
            counters.count(counter, aimed.short.network_length.into());
        }
        Some(decided)
    }

    /// Whether a plain packet of IPv4 belongs to no connection, nor to one that is announced.
    #[inline]
    fn is_first(&self, Aimed { short, name, hash, sought, .. }: &Aimed) -> bool {
        let shard = &self.tracker.shard;
        !short.is_v6
            && shard.table.peek_where(*hash, *sought, |record| record.is_named(name)).is_none()
            && !shard.expectations.any()
    }

    /// Decides upon a plain packet that belongs to no connection. `packet` is what [`crate::packet::Short::packet`] says of
    /// it, `ahead` what was found ahead. Nothing has happened if there is no answer. `precedents` learn of it.
    #[inline]
    pub fn decide_first<F: Frame + ?Sized>(
        &mut self,
        aimed: &Aimed,
        packet: &Packet,
        frame: &F,
        ahead: AheadOf<'_>,
        precedents: &mut Precedents,
        from: From,
    ) -> Option<Decided> {
        if !self.is_first(aimed) {
            return None;
        }
        let Aimed { short, name, orientation, .. } = aimed;
        let opened = track::open_plain(short, self.tracker.now, self.tracker.shard.settings)?;
        let counters = self.rules.bank(self.worker);
        let path = self.role.path(self.from);
        let key = name.key();
        let mut facts = self.facts(packet, frame);
        let mut evaluation = Evaluation::new();
        let decided = match opened {
            Err(reason) => {
                let program = &self.rules.program;
                program.run_ahead(path.after, &mut facts, counters, &mut evaluation, ahead, &mut ());
                decision(&evaluation, &Tracked::invalid(reason))
            }
            Ok((words, timeout)) => {
                let record = Record::begun(name, *orientation, words);
                facts.ct_state = Tracked::NEW.state.bit();
                facts.ct_direction = Some(Direction::Original);
                facts.ct_mark = Some(0);
                facts.known.connection = Some(Connection {
                    key: &key,
                    original: record.status().original(),
                    status: 0,
                    expected_by: None,
                    expires: 0,
                    traffic: Traffic::default(),
                });
                let boxes = ahead.boxes();
                let mut traced = Traced::of_first();
                let program = &self.rules.program;
                let (stages, asked) = (path.after, &mut evaluation);
                if boxes.is_some() {
                    program.run_ahead(stages, &mut facts, counters, asked, ahead, &mut traced);
                } else {
                    program.run_ahead(stages, &mut facts, counters, asked, ahead, &mut ());
                }
                if evaluation.given() != Given::default() {
                    let mut tracked = self.tracker.adopt(&record, timeout);
                    let decided =
                        self.conclude(&evaluation, &mut tracked, None, packet, frame, &aimed.keyed());
                    self.count(&decided, 1);
                    return Some(decided);
                }
                let decided = decision(&evaluation, &Tracked::NEW);
                if let Some(boxes) = boxes
                    && !matches!(decided.outcome, Outcome::Reject(_))
                    && evaluation.ct_mark().is_none()
                    && let Some(raised) = traced.repeats(short.protocol == protocol::TCP)
                {
                    precedents.learn(Alike::new(boxes, from, short), decided, raised);
                }
                if decided.outcome == Outcome::Accept {
                    let stored = self.store(aimed, &record, timeout);
                    if let (Ok(slot), Some(mark)) = (&stored, evaluation.ct_mark()) {
                        let (record, more) = self.tracker.shard.table.stored_and_more_mut(*slot);
                        record.set_mark(more, mark);
                    }
                    stored.map_or_else(|reason| decided.dropped_after_all(reason), |_| decided)
                } else {
                    decided
                }
            }
        };
        self.count(&decided, 1);
        Some(decided)
    }

    /// Stores the flow of a plain packet.
    #[inline]
    fn store(&mut self, aimed: &Aimed, record: &Record, timeout: u32) -> Result<Slot, Reason> {
        let now = self.tracker.now;
        let table = &mut self.tracker.shard.table;
        let times = [now.after(timeout), now];
        let stored =
            table.insert_stored(aimed.hash, aimed.sought, record, times, |record| !record.is_assured());
        self.tracker.settle();
        stored.map_err(|Full| Reason::TableFull)
    }
}
