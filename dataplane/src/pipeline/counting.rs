//! How does a packet count as a connection? What the table knows of it, told to the counters of `ct count`, and what
//! they answer, told to the table.

use super::keyed::Keyed;
use super::tracking::{Place, Tracked, Tracker};
use crate::flow::{FlowKey, Orientation, Slot, Table};
use crate::object::{Counted, Counting, GoneName, Memberships, Objects};
use crate::packet::{Fragment, Network, Packet, protocol};
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::{Direction, Expectations, Extra, Flow};

/// A packet as counters see it, and where its connection is, if the table has it.
#[derive(Debug)]
pub(super) struct Counter {
    pub(super) counted: Counted,
    slot: Option<Slot>,
    before: Memberships,
}

impl Counter {
    fn new(counting: Counting, slot: Option<Slot>, memberships: Memberships) -> Self {
        Self { counted: Counted::new(counting, memberships), slot, before: memberships }
    }

    fn named(self, name: Option<GoneName>, may_be_listed: bool) -> Self {
        let Some(name) = name else { return self };
        Self { counted: self.counted.named(name, may_be_listed), ..self }
    }
}

impl Tracker<'_> {
    /// Removes flows whose end has come and that somebody counts.
    pub(super) fn expire_due(&mut self) {
        self.shard.table.expire_due(self.now, EXPIRED_AT_ONCE);
        self.settle();
    }

    /// Tells the counters of the flows that are gone.
    #[inline]
    pub(super) fn settle(&mut self) {
        settle(self.shard.table, self.objects, self.shard.expectations, self.now);
    }

    /// A packet that connection tracking has not met yet.
    pub(super) fn count_before(&mut self, packet: &Packet, keyed: &Keyed) -> Counter {
        let known = match keyed {
            Keyed::Own { key, hash, orientation } => {
                self.shard.table.find(*hash, key, self.now).map(|slot| (slot, *orientation))
            }
            Keyed::No if packet.fault.is_some() => self.named_by(packet),
            Keyed::No | Keyed::Quoted { .. } | Keyed::Broken(_) => None,
        };
        self.settle();
        let name = self.name_of(packet, keyed);
        let counter = match (known, keyed) {
            (Some((slot, orientation)), _)
                if self.shard.table.stored(slot).direction(orientation) == Direction::Reply =>
            {
                self.count_stored(slot, Counting::JoinsAgain)
            }
            (Some((slot, _)), _) => self.count_stored(slot, Counting::Joins),
            (None, Keyed::Own { .. }) => self.count_unknown(Counting::Joins),
            _ => self.count_unknown(counting_without(packet)),
        };
        counter.named(name, self.may_be_listed(name))
    }

    /// What the connection of a packet would be called.
    fn name_of(&self, packet: &Packet, keyed: &Keyed) -> Option<GoneName> {
        match keyed {
            Keyed::Own { hash, .. } => Some(GoneName::of(*hash)),
            _ => {
                let (key, _) = FlowKey::of(&packet.tuple)?;
                Some(GoneName::of(self.shard.hasher.hash(&key)))
            }
        }
    }

    fn may_be_listed(&self, name: Option<GoneName>) -> bool {
        name.is_some_and(|name| self.objects.may_be_listed(name, self.now))
    }

    /// The connection of which a malformed packet has the addresses and L4 ports.
    fn named_by(&mut self, packet: &Packet) -> Option<(Slot, Orientation)> {
        if counting_without(packet) == Counting::Nameless {
            return None;
        }
        let (key, orientation) = FlowKey::of(&packet.tuple)?;
        let slot = self.shard.table.find(self.shard.hasher.hash(&key), &key, self.now)?;
        Some((slot, orientation))
    }

    /// A packet that connection tracking has met; `before` is what it was when that had not.
    pub(super) fn count_tracked(
        &mut self,
        packet: &Packet,
        keyed: &Keyed,
        tracked: &Tracked,
        before: &Counter,
    ) -> Counter {
        let in_no_zone;
        let keyed = if matches!(tracked.place, Place::None) {
            // whom tracking has let go of is in no zone any more
            in_no_zone = self.in_zone(*keyed, 0);
            &in_no_zone
        } else {
            keyed
        };
        let mut counter = match tracked.place {
            Place::Stored(slot) => self.count_stored(slot, Counting::Joins),
            Place::New(..) => self.count_unknown(Counting::Joins),
            Place::Gone(_) => self.count_unknown(Counting::Passes),
            Place::None => {
                let mut counter = self.count_before(packet, keyed);
                if counter.slot.is_none() {
                    counter = self.count_unknown(counting_without(packet));
                }
                counter
            }
        };
        if counter.slot.is_none() && before.slot.is_none() {
            let (counting, carried) = (counter.counted.counting(), before.counted.memberships());
            counter = Counter::new(counting, None, carried);
        }
        let name = self.name_of(packet, keyed);
        counter.named(name, self.may_be_listed(name))
    }

    /// The packet has met the rules before connection tracking, and perhaps was refused by one.
    pub(super) fn counted_before(&mut self, counter: &Counter, is_refused: bool) {
        self.note_passed(counter);
        if counter.slot.is_some() || is_refused {
            self.keep(counter, false);
        }
    }

    /// The packet has met its last rule. Whoever counts its connection goes on doing so if the table has it, or is
    /// about to get it.
    pub(super) fn counted(&mut self, counter: &Counter, tracked: &Tracked, is_accepted: bool) {
        self.note_passed(counter);
        self.keep(counter, is_accepted && matches!(tracked.place, Place::New(..)));
    }

    /// Whether a connection that begins may be on lists of the kernel besides those that know of it.
    pub(super) fn may_be_mistaken(&self, counter: &Counter) -> bool {
        let counted = &counter.counted;
        counted.name().is_some_and(|name| self.objects.may_be_mistaken(name, &counted.memberships()))
    }

    fn note_passed(&self, counter: &Counter) {
        let passed = counter.counted.passed();
        if !passed.is_empty() {
            self.objects.passed(&passed, self.now);
        }
    }

    fn keep(&mut self, counter: &Counter, is_new: bool) {
        let memberships = counter.counted.memberships();
        match counter.slot {
            Some(_) if memberships == counter.before => {}
            Some(slot) => {
                self.shard.table.extra_mut(slot).counted_by = memberships;
                self.shard.table.watch(slot, self.now);
            }
            None if is_new && !memberships.is_empty() => self.aside_mut().counted_by = memberships,
            None => self.objects.leave(&memberships, !is_new, self.now),
        }
    }

    /// A connection that is closed is counted no longer.
    pub(super) fn leave_if_closed(&mut self, slot: Slot) {
        if self.shard.table.has_extra(slot) && self.shard.table.entry(slot).is_closed() {
            let counted_by = &mut self.shard.table.extra_mut(slot).counted_by;
            self.objects.leave(&std::mem::take(counted_by), false, self.now);
        }
    }

    fn count_stored(&self, slot: Slot, open: Counting) -> Counter {
        let flow = self.shard.table.entry(slot);
        let counting = match (flow.is_assured(), flow.is_closed()) {
            (true, true) => Counting::LooksBack,
            (true, false) => Counting::Looks,
            (false, true) => Counting::Lingers,
            (false, false) => open,
        };
        let known = self.shard.table.extra(slot).counted_by;
        let generation = self.objects.generation();
        let memberships = if known.generation() == generation { known } else { Memberships::of(generation) };
        Counter::new(counting, Some(slot), memberships)
    }

    fn count_unknown(&self, counting: Counting) -> Counter {
        Counter::new(counting, None, Memberships::of(self.objects.generation()))
    }
}

/// Tells the counters of the flows that are gone from the table, and the calls of PPTP.
#[inline]
pub(crate) fn settle(table: &mut Table<Flow>, objects: &Objects, expectations: &Expectations, now: Tick) {
    for extra in table.departed() {
        depart(&extra, objects, expectations, now);
    }
}

/// A flow is gone of which this was kept.
pub fn depart(extra: &Extra, objects: &Objects, expectations: &Expectations, now: Tick) {
    objects.leave(&extra.counted_by, false, now);
    extra.helped.finish(expectations, now);
}

/// How a packet counts that has no connection and will have none: the kernel must be able to say which it would be.
fn counting_without(packet: &Packet) -> Counting {
    let header = usize::from(packet.transport_offset).saturating_sub(packet.network_offset.into());
    let left = (packet.network_length as usize).saturating_sub(header);
    let needed = match packet.tuple.protocol {
        protocol::TCP | protocol::UDP | protocol::UDPLITE | protocol::SCTP => 4,
        protocol::ICMP | protocol::ICMPV6 => 8,
        _ => 0,
    };
    // what carries no PPP has no call that would name it, and what has no next header no protocol
    let is_nameless = matches!(packet.fault, Some(Reason::GreProtocol | Reason::Ipv6NoNextHeader));
    // nor a later fragment that was not put together
    let is_later = packet.fragment == Fragment::Later;
    let is_named = !is_later && packet.tuple.network != Network::Other && !is_nameless;
    if is_named && packet.has_transport && left >= needed { Counting::Passes } else { Counting::Nameless }
}

/// Flows that one packet finds ended and that somebody counts, at most.
pub(crate) const EXPIRED_AT_ONCE: usize = 64;
