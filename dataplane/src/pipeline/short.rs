//! What becomes of a plain packet whose connection stands? Nearly every packet is one: its segment is within the window,
//! and the rules have been asked before.
//!
//! Nothing is changed unless all of it holds; what does not is left to [`Context::decide`], which knows every case.

use super::decide::{Context, Decided, Outcome};
use super::keyed::{Aimed, Keyed};
use super::ways::{From, Tally, Way, Ways};
use crate::classify::{Counters, Evaluation, Facts, Stage, Traced};
use crate::eights::{EIGHT, Has};
use crate::flow::{Slot, Sought};
use crate::frame::Frame;
use crate::packet::abreast::Eight;
use crate::packet::{Network, Packet, protocol};
use crate::time::Tick;
use crate::track::{self, CtState, Direction, WayNumber};
use std::borrow::Borrow;

impl Context<'_> {
    /// Whether packets may be decided upon without asking the rules: connections are tracked, and not counted.
    #[must_use]
    pub fn remembers(&self, network: Network) -> bool {
        self.rules.tracks(network) && !self.rules.program.objects().count_connections()
    }

    /// Decides upon a plain packet (of IPv6 with what [`Aimed::of_v6`] told apart) whose connection remembers what the
    /// rules say of it, and moves its flow on: says whether. It is in the tally then, which says what was decided; the
    /// state of its connection is yet to be counted. Nothing has happened otherwise.
    #[inline(always)]
    pub fn goes_on(
        &mut self,
        aimed: &Aimed,
        keyed: &Keyed,
        ways: &Ways,
        from: From,
        tally: &mut Tally,
    ) -> bool {
        self.go_on(aimed, keyed, ways, from, tally).is_some()
    }

    #[inline(always)]
    fn go_on(
        &mut self,
        aimed: &Aimed,
        keyed: &Keyed,
        ways: &Ways,
        from: From,
        tally: &mut Tally,
    ) -> Option<()> {
        let Aimed { short, name, orientation, hash, sought } = aimed;
        if !short.goes_on() {
            return None;
        }
        let (slot, deadline) = if short.is_v6 {
            self.peek_v6(aimed, keyed)?
        } else {
            self.tracker.shard.table.peek_where(*hash, *sought, |record| record.is_named(name))?
        };
        if deadline.is_at_or_before(self.tracker.now) {
            return None;
        }
        let flow = self.tracker.shard.table.stored_mut(slot);
        let direction = flow.direction(*orientation);
        let number = flow.way(direction, ways.generation());
        let is_another = number != tally.number || number == WayNumber::NONE;
        if is_another && ways.way(number)?.from != from {
            return None;
        }
        let timeouts = &self.tracker.shard.settings.timeouts;
        let timeout = track::go_on(flow, short, direction, self.tracker.now, timeouts)?;
        self.tracker.goes_on(slot, direction, timeout, short.network_length);
        if is_another {
            self.settle(ways, &std::mem::replace(tally, Tally { number, ..Tally::default() }));
        }
        tally.packets += 1;
        tally.bytes += u64::from(short.network_length);
        Some(())
    }

    /// As [`Self::goes_on`], of eight packets that were read side by side; nothing has happened to any if it does not hold
    /// of one.
    #[inline(always)]
    pub fn go_on_abreast(
        &mut self,
        has: Has,
        eight: &Eight,
        aims: &[impl Borrow<Aimed>; EIGHT],
        ways: &Ways,
        from: From,
        tally: &mut Tally,
    ) -> bool {
        let table = &mut *self.tracker.shard.table;
        if !(eight.are_all_plain() && table.is_simple()) {
            return false;
        }
        let mut slots = [Slot::default(); EIGHT];
        for (slot, aimed) in slots.iter_mut().zip(aims) {
            let Sought::At(at) = aimed.borrow().sought else { return false };
            *slot = at;
        }
        if slots.iter().any(|&slot| table.has_extra(slot)) {
            return false;
        }
        let Some(mut stored) = table.several_stored_mut(slots) else { return false };
        let (mut replies, mut number) = ([0; EIGHT], tally.number);
        for (lane, (aimed, (record, end))) in aims.iter().zip(&stored).enumerate() {
            let aimed = aimed.borrow();
            let direction = record.direction(aimed.orientation);
            let way = record.way(direction, ways.generation());
            if lane == 0 {
                number = way;
            }
            if way != number || end.is_at_or_before(self.tracker.now) || !record.is_named(&aimed.name) {
                return false;
            }
            replies[lane] = if direction == Direction::Reply { u32::MAX } else { 0 };
        }
        let is_another = number != tally.number || number == WayNumber::NONE;
        if is_another && ways.way(number).is_none_or(|way| way.from != from) {
            return false;
        }
        let timeouts = &self.tracker.shard.settings.timeouts;
        let Some(timeouts) = track::go_on_abreast(has, &mut stored, eight, &replies, timeouts) else {
            return false;
        };
        table.set_deadlines(slots, timeouts.map(|timeout| self.tracker.now.after(timeout)));
        if is_another {
            self.settle(ways, &std::mem::replace(tally, Tally { number, ..Tally::default() }));
        }
        tally.packets += EIGHT as u64;
        tally.bytes += eight.network_bytes();
        true
    }

    /// Counts what is in the tally.
    pub fn settle(&self, ways: &Ways, tally: &Tally) {
        let counters = self.rules.bank(self.worker);
        for &counter in ways.way(tally.number).map_or(&[][..], Way::counters) {
            counters.count_several(counter, tally.packets, tally.bytes);
        }
    }

    /// Where the flow of a plain packet of IPv6 lives, and when it ends.
    #[inline(never)]
    fn peek_v6(&self, aimed: &Aimed, keyed: &Keyed) -> Option<(Slot, Tick)> {
        self.tracker.shard.table.peek_at(aimed.hash, aimed.sought, keyed.key()?)
    }

    /// As [`Self::decide`], of a plain packet; its connection remembers what the rules say of it, if that holds for
    /// the next one too.
    pub fn decide_noting<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        ways: &mut Ways,
        from: From,
    ) -> Decided {
        if self.is_asked(keyed, ways) {
            return self.decide(packet, frame, keyed);
        }
        let program = &self.rules.program;
        let mut traced = Traced::of(packet.tuple.network);
        let run =
            |stages: &[Stage], facts: &mut Facts<'_, F>, counters: &Counters, so_far: &mut Evaluation| {
                program.run_traced(stages, facts, counters, so_far, &mut traced);
            };
        let decided = self.verdict(packet, frame, keyed, None, run, |_, _| ());
        self.count(&decided, 1);
        if decided.outcome == Outcome::Accept && decided.ct == CtState::Established {
            let is_tcp = packet.tuple.protocol == protocol::TCP;
            let number = traced
                .repeats(is_tcp)
                .map_or(WayNumber::SEVERAL, |counters| ways.number(from, &decided, counters));
            self.note(keyed, number, ways.generation());
        }
        decided
    }

    /// Whether nothing is to be learnt of the packet's connection: it has none that stands, or it remembers already.
    fn is_asked(&self, keyed: &Keyed, ways: &Ways) -> bool {
        let Some((slot, direction)) = self.stored(keyed) else { return true };
        let flow = self.tracker.shard.table.stored(slot);
        !flow.may_remember() || flow.way(direction, ways.generation()) != WayNumber::NONE
    }

    /// The flow of the packet remembers this of its direction.
    fn note(&mut self, keyed: &Keyed, number: WayNumber, generation: u16) {
        let Some((slot, direction)) = self.stored(keyed) else { return };
        let flow = self.tracker.shard.table.stored_mut(slot);
        if flow.may_remember() {
            flow.remember(direction, number, generation);
        }
    }

    fn stored(&self, keyed: &Keyed) -> Option<(Slot, Direction)> {
        let &Keyed::Own { ref key, orientation, hash } = keyed else { return None };
        let (slot, _) = self.tracker.shard.table.peek(hash, key)?;
        Some((slot, self.tracker.shard.table.stored(slot).direction(orientation)))
    }
}

#[cfg(test)]
mod tests;
