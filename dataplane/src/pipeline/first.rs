//! What becomes of a plain packet that belongs to no connection? It begins one, or is refused: what floods are made of.
//!
//! As [`Context::decide`], which knows every case, but in few steps: its connection is written once, as it lies in the
//! table, and only if it passes.

use super::decide::{Context, Decided, Outcome, decision};
use super::keyed::Aimed;
use super::tracking::Tracked;
use crate::classify::facts::Connection;
use crate::classify::{Ahead, AheadOf, Evaluation, Given};
use crate::flow::{Full, Slot};
use crate::frame::Frame;
use crate::packet::{Network, Packet};
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

    /// Looks ahead for such packets of a burst, with the numbers they have in it.
    pub fn look_ahead<'p, F: Frame + ?Sized + 'p>(
        &self,
        mut packets: impl Iterator<Item = (usize, &'p Packet, &'p F)>,
        ahead: &mut Ahead,
    ) {
        let program = &self.rules.program;
        let Some((number, packet, frame)) = packets.next() else { return };
        let mut facts = self.facts(packet, frame);
        facts.ct_state = Tracked::NEW.state.bit();
        program.add_ahead(number, &mut facts, ahead);
        for (number, packet, frame) in packets {
            (facts.packet, facts.frame) = (packet, frame);
            program.add_ahead(number, &mut facts, ahead);
        }
        program.find_ahead(ahead);
    }

    /// Decides upon a plain packet that belongs to no connection. `packet` is what [`crate::packet::Short::packet`] says of
    /// it, `ahead` what was found ahead. Nothing has happened if there is no answer.
    #[inline]
    pub fn decide_first<F: Frame + ?Sized>(
        &mut self,
        aimed: &Aimed,
        packet: &Packet,
        frame: &F,
        ahead: AheadOf<'_>,
    ) -> Option<Decided> {
        let Aimed { short, name, orientation, hash, sought } = aimed;
        let (shard, now) = (&self.tracker.shard, self.tracker.now);
        if short.is_v6
            || shard.table.peek_where(*hash, *sought, |record| record.is_named(name)).is_some()
            || shard.expectations.any()
        {
            return None;
        }
        let opened = track::open_plain(short, now, shard.settings)?;
        let counters = self.rules.bank(self.worker);
        let path = self.role.path(self.from);
        let key = name.key();
        let mut facts = self.facts(packet, frame);
        let mut evaluation = Evaluation::new();
        let decided = match opened {
            Err(reason) => {
                self.rules.program.run_ahead(path.after, &mut facts, counters, &mut evaluation, ahead);
                decision(&evaluation, &Tracked::invalid(reason))
            }
            Ok((words, timeout)) => {
                let mut record = Record::begun(name, *orientation, words);
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
                self.rules.program.run_ahead(path.after, &mut facts, counters, &mut evaluation, ahead);
                if evaluation.given() != Given::default() {
                    let mut tracked = self.tracker.adopt(&record, timeout);
                    let decided =
                        self.conclude(&evaluation, &mut tracked, None, packet, frame, &aimed.keyed());
                    self.count(&decided, 1);
                    return Some(decided);
                }
                let decided = decision(&evaluation, &Tracked::NEW);
                if decided.outcome == Outcome::Accept {
                    record.set_mark(evaluation.ct_mark().unwrap_or(0));
                    self.store(aimed, &record, timeout).map_or_else(
                        |reason| Decided { outcome: Outcome::Drop, reason, ..decided },
                        |_| decided,
                    )
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
