//! What becomes of a burst whose headers are read? Each packet is tracked and judged, then all are sent, freed or handed
//! over.

use super::fragments::{Fragments, Place};
use super::row::Row;
use super::scratch::{At, Scratch};
use super::sink::Sink;
use super::together::{Apart, Together, bit, has, ones};
use super::{Observer, Parts, Wire, Worker};
use crate::io::{BURST, Buffer, Side, WireIo};
use crate::packet::{Fragment, Network};
use crate::pipeline::{Aimed, Context, From, Outcome, Shard, Tally, Ways};
use crate::track::{CtState, Record};

impl<I: WireIo, O: Observer> Worker<I, O> {
    /// The other stages: each packet is tracked and judged, then all are sent, freed or handed over.
    pub(super) fn decide(&mut self, wire: usize, from: Side, is_received: bool) {
        self.forget_old_ways();
        let abreast = self.abreast;
        let stored_before = self.parts.table.stats().inserted;
        let (mut context, mut sink, place, fragments, scratch, ways) = self.stand(wire, from, is_received);
        let At { burst, shorts, eights, bytes, packets, keyed, ahead, precedents } = scratch;
        let (handover, index) = (place.handover, place.index);
        let workers = handover.workers();
        let remembers = [Network::Ipv4, Network::Ipv6].map(|network| context.remembers(network));
        let (opens, here) = (context.opens_plainly(), From { wire, side: from });
        // plain packets that are decided upon here, by what is remembered or as first ones
        let is_here = |aimed: &Aimed| workers == 1 || !is_received || aimed.hash.owner(workers) == index;
        let stays = |aimed: &Aimed| remembers[usize::from(aimed.short.is_v6)] && is_here(aimed);
        let mut tally = Tally::default();
        let count = burst.len();
        // nearly always all of them
        let abreast = abreast.filter(|_| remembers[0]);
        let together = Together { keyed, eights, abreast, ways, from: here };
        let mut gone_on = together.go_on(shorts, &mut context, (is_here, stays), &mut tally, sink.observer);
        if gone_on == count {
            context.settle(ways, &tally);
            sink.stats.states[CtState::Established as usize].add(count as u64);
            sink.pass_all(burst, bytes);
            return self.parts.stats.of_table(&self.parts.table);
        }
        let (ran, mut firsts) = (gone_on, 0);
        ahead.clear();
        let seems_first = |aimed: &Aimed| opens && !aimed.short.is_v6 && aimed.seems_first() && stays(aimed);
        let mut first = 0_u64;
        let mut apart = Apart { stand: together.may_stand(shorts, ran, is_here), ..Apart::default() };
        for (number, aimed) in shorts.iter_mut().enumerate().skip(ran) {
            if !has(apart.stand, number) {
                together.tell(aimed, number);
                first |= bit(number) * u64::from(aimed.is_plain() && seems_first(aimed));
            }
        }
        // whether each packet seems either to be of a connection that stands or to begin one
        let are_two_kinds =
            count <= BURST && (apart.stand | first) >> ran == u64::MAX >> (BURST - (count - ran));
        if are_two_kinds && apart.stand != 0 {
            together.go_on_apart::<O>(shorts, &mut context, &mut apart, &mut tally);
            gone_on += apart.went.count_ones() as usize;
        }
        let untold = if O::WATCHES { apart.stand } else { apart.stand & !apart.went };
        ones(untold).for_each(|number| together.tell(&mut shorts[number], number));
        let shorts = &*shorts;
        if first.count_ones() > FEW_FIRST && context.begin_ahead(ahead) {
            let firsts = || ones(first).map(|number| (&shorts[number].short, number));
            firsts().for_each(|(short, _)| ahead.add_plain(short));
            context.look_ahead(firsts().map(|(short, number)| (short, burst[number].frame())), ahead);
        } else {
            first = 0;
        }
        let (mut row, mut looked_at) = (Row::default(), 0);
        // of those left over, one might be of a flow that another begins
        if are_two_kinds && apart.went == apart.stand {
            for (nth, number) in ones(first).enumerate() {
                let alike = context.decide_alike(&shorts[number], ahead.of(nth), precedents, here);
                let Some(decided) = alike else { break };
                row.add(decided, sink.stats);
                let passes = decided.outcome == Outcome::Accept;
                let kind = if passes { &mut apart.went } else { &mut apart.refused };
                *kind |= bit(number);
                apart.note::<O>(number, Some(decided));
                firsts += 1;
            }
        }
        if !O::WATCHES && ran + (apart.went | apart.refused).count_ones() as usize == count {
            context.settle(ways, &tally);
            row.finish(sink.stats);
            sink.stats.states[CtState::Established as usize].add(gone_on as u64);
            sink.pass_or_free(burst, bytes, apart.refused);
            return self.end(firsts, stored_before);
        }
        let burst = burst.drain(..).zip(shorts).zip(packets.iter_mut().zip(keyed.iter_mut()));
        for (number, ((mut buffer, aimed), (packet, keyed))) in burst.enumerate() {
            if number < ran {
                sink.passed.push(buffer);
                continue;
            }
            looked_at += usize::from(has(first, number));
            if has(apart.went | apart.refused, number) {
                if let Some(decided) = apart.noted(number) {
                    sink.observer.decided(&aimed.packet(keyed), decided);
                }
                let into = if has(apart.went, number) { &mut *sink.passed } else { &mut *sink.refused };
                into.push(buffer);
                continue;
            }
            let mut may_hand_over = is_received;
            let mut notes = false;
            if aimed.is_plain() {
                let stays = stays(aimed);
                let ahead = if has(first, number) { ahead.of(looked_at - 1) } else { ahead.of_none() };
                if let Some(decided) = context.decide_alike(aimed, ahead, precedents, here) {
                    if O::WATCHES {
                        sink.observer.decided(&aimed.packet(keyed), decided);
                    }
                    firsts += 1;
                    row.add(decided, sink.stats);
                    let passes = decided.outcome == Outcome::Accept;
                    if passes {
                        sink.passed.push(buffer);
                    } else {
                        sink.refused.push(buffer);
                    }
                    continue;
                }
                if stays {
                    if context.goes_on(aimed, keyed, ways, here, &mut tally) {
                        if O::WATCHES
                            && let Some(decided) = ways.decided(&tally)
                        {
                            sink.observer.decided(&aimed.packet(keyed), decided);
                        }
                        gone_on += 1;
                        sink.passed.push(buffer);
                        continue;
                    }
                    notes = aimed.short.goes_on();
                }
                *packet = aimed.packet(keyed);
                if !aimed.short.is_v6 {
                    if stays
                        && opens
                        && let Some(decided) =
                            context.decide_first(aimed, packet, buffer.frame(), ahead, precedents, here)
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
        context.settle(ways, &tally);
        row.finish(sink.stats);
        sink.stats.states[CtState::Established as usize].add(gone_on as u64);
        sink.finish();
        self.end(firsts, stored_before);
    }

    /// All that is left to say of a burst, so many of whose packets were decided upon as first ones.
    fn end(&mut self, firsts: usize, stored_before: u64) {
        self.parts.stats.of_table(&self.parts.table);
        if firsts > 0 {
            self.stores = self.parts.table.stats().inserted != stored_before;
        }
    }

    /// What packets of one wire and side are met with, apart from one another.
    #[expect(clippy::type_complexity, reason = "the worker taken apart, in one place")]
    pub(super) fn stand(
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
        let Scratch {
            burst,
            shorts,
            eights,
            bytes,
            packets,
            keyed,
            ahead,
            passed,
            refused,
            replies,
            reply,
            ..
        } = &mut self.scratch;
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
            At {
                shorts: &mut shorts[..burst.len()],
                eights,
                burst,
                bytes: *bytes,
                packets,
                keyed,
                ahead,
                precedents: &mut self.precedents,
            },
            &mut self.ways,
        )
    }

    /// Lets go of what flows remember of rules that are no longer in force, where they might take it for news.
    pub(super) fn forget_old_ways(&mut self) {
        self.precedents.turn_to(self.parts.rules.number());
        if self.ways.turn_to(self.parts.rules.number()) {
            self.parts.table.all_stored_mut().for_each(Record::forget);
        }
    }
}

/// So few packets that seem to belong to no connection are not looked at ahead.
const FEW_FIRST: u32 = 3;
