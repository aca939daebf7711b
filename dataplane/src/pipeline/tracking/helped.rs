//! What do helpers and timeouts of its own change about a connection? Little for most: one bit of its status asks.

use super::{Tracked, Tracker};
use crate::classify::Direction;
use crate::flow::{FlowKey, Orientation, Slot};
use crate::frame::Frame;
use crate::packet::{self, Packet, Quoted, Tuple, protocol};
use crate::pipeline::Keyed;
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::expect::{Announced, Announcer, Class, End, Handle, Inherited, Own, Refused};
use crate::track::helper::{self, Expected, Heard, Hearer};
use crate::track::{Expectations, Flow, Status, Timeouts, expect};
use config::policy::HelperKind;

impl<'a> Tracker<'a> {
    /// The timeouts of a stored flow.
    #[inline]
    pub(super) fn timeouts(&self, slot: Slot) -> &'a Timeouts {
        let settings = &self.shard.settings.timeouts;
        if !self.shard.table.stored(slot).status().has(Status::TIMEOUTS) {
            return settings;
        }
        self.rules.timeouts(self.shard.table.extra(slot).timeouts).unwrap_or(settings)
    }

    /// A stored flow ends then, and with it what it has announced.
    #[inline]
    pub(super) fn set_deadline(&mut self, slot: Slot, deadline: Tick) {
        self.shard.table.set_deadline(slot, deadline);
        if let Some(own) = self.announced(slot) {
            self.shard.expectations.renew(&own, deadline);
        }
    }

    /// A stored flow ends now.
    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(mut own) = self.announced(slot) {
            self.shard.expectations.forget(&mut own, |_| true);
            let expectations = self.shard.expectations;
            let helped = &mut self.shard.table.extra_mut(slot).helped;
            helped.announced = own;
            if let Some(([client, server], zone)) = helped.hang_up(expectations) {
                self.end_call(client, server, zone);
            }
        }
        self.shard.table.remove(slot);
    }

    /// What a stored flow has announced, if it has a helper.
    #[inline]
    pub(super) fn announced(&self, slot: Slot) -> Option<Own> {
        let is_helped = self.shard.table.stored(slot).status().has(Status::HELPER);
        is_helped.then(|| self.shard.table.extra(slot).helped.announced)
    }

    /// The expectation that a packet fulfils which belongs to no flow, whether or not it may begin one. `key` is what its
    /// flow would be called, and it goes `orientation` along it.
    #[inline]
    pub(super) fn take_expectation(
        &self,
        packet: &Packet,
        key: &FlowKey,
        orientation: Orientation,
    ) -> Option<Inherited> {
        if !self.shard.expectations.any() {
            return None;
        }
        let announced = match packet.tuple.protocol {
            protocol::TCP | protocol::UDP => {
                let to = (packet.tuple.destination, packet.tuple.destination_port);
                Announced::new(packet.tuple.source, to, key.protocol, key.version, key.zone)
            }
            protocol::GRE if key.version == 4 => {
                let [sender, receiver] = ends(key, orientation);
                Announced::of_call(sender, receiver, key.zone)
            }
            _ => return None,
        };
        let inherited = self.shard.expectations.take(&announced, self.now)?;
        if inherited.helper == HelperKind::Pptp && !inherited.is_doubted {
            // one packet is enough, whichever way it goes
            let [sender, receiver] = ends(key, orientation.reversed());
            let back = Announced::of_call(sender, receiver, key.zone);
            self.shard.expectations.unexpect_any(&back, self.now);
        }
        Some(inherited)
    }

    /// Where the flow of a packet is looked for, if it is GRE of a call that a control connection has named.
    pub(in crate::pipeline) fn named<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
    ) -> Option<Keyed> {
        let key = keyed.key().filter(|key| key.protocol == protocol::GRE && key.version == 4)?;
        // a control connection may end its call just now
        self.expire_due();
        let calls = self.shard.expectations.calls();
        if !calls.any() {
            return None;
        }
        let (tuple, offset) = match keyed {
            Keyed::Quoted { quoted, .. } => (&quoted.tuple, quoted.transport_offset as usize),
            _ => (&packet.tuple, usize::from(packet.transport_offset)),
        };
        if !packet::has_call(frame, packet, offset) {
            return None;
        }
        let receiver = (tuple.destination, tuple.destination_port);
        let tuple = Tuple { source_port: calls.number_of_sender(tuple.source, receiver), ..*tuple };
        let (named, orientation) = FlowKey::of(&tuple)?;
        let key = FlowKey { zone: key.zone, ..named };
        let hash = self.shard.hasher.hash(&key);
        Some(match *keyed {
            Keyed::Quoted { quoted, .. } => Keyed::Quoted { quoted: Quoted { tuple, ..quoted }, key, hash },
            _ => Keyed::Own { key, orientation, hash },
        })
    }

    /// A call of PPTP is over. As in the kernel, what is expected of the client goes only where there is no flow.
    fn end_call(&mut self, client: End, server: End, zone: u16) {
        let key = FlowKey { zone, ..expect::gre(client, server) };
        let hash = self.shard.hasher.hash(&key);
        if hash.owner(self.rules.workers()) != self.worker {
            return self.shard.expectations.end_call(client, server, zone, self.now);
        }
        self.end_if_over(&Keyed::Own { key, hash, orientation: Orientation::Up });
        let mut over =
            [(server, client), (client, server)].map(|ends| Announced::of_call(ends.0, ends.1, zone));
        let over = match self.shard.table.find(hash, &key, self.now) {
            Some(slot) => {
                self.remove(slot);
                &mut over[..1]
            }
            None => &mut over[..],
        };
        over.iter().for_each(|over| self.shard.expectations.unexpect_any(over, self.now));
        self.settle();
    }

    /// Removes the flow in which a packet is looked for, if it is GRE of a call that is over.
    #[inline]
    pub(super) fn end_if_over(&mut self, keyed: &Keyed) {
        let (Keyed::Own { key, hash, .. } | Keyed::Quoted { key, hash, .. }) = keyed else { return };
        if key.protocol != protocol::GRE || key.version != 4 {
            return;
        }
        let calls = self.shard.expectations.calls();
        self.is_doubtful = self.shard.expectations.doubts().are_cast(*hash, self.now);
        if calls.have_ended()
            && let Some(slot) = self.shard.table.find(*hash, key, self.now)
        {
            let mut flow = self.shard.table.entry(slot);
            if flow.ends_mut().is_some_and(|ends| calls.is_over(*hash, ends)) {
                self.remove(slot);
                self.settle();
            } else {
                self.shard.table.put(slot, &flow);
            }
        }
    }

    /// A malformed packet that belongs to no flow takes the expectation it would fulfil, although it begins none.
    #[inline]
    pub(super) fn waste_expectation(&mut self, packet: &Packet, zone: u16) {
        if !self.shard.expectations.any() {
            return;
        }
        let Some((key, orientation)) = FlowKey::of(&packet.tuple) else { return };
        let key = FlowKey { zone, ..key };
        let is_named = key.protocol != protocol::GRE;
        if is_named && self.shard.table.find(self.shard.hasher.hash(&key), &key, self.now).is_none() {
            self.take_expectation(packet, &key, orientation);
        }
    }

    /// Gives a new flow a helper, if that speaks its protocol.
    pub(super) fn give_helper(&mut self, flow: &mut Flow, helper: HelperKind) {
        if helper.speaks(flow.key().protocol) {
            self.aside_mut().helped.give(helper);
            flow.set_helper();
        }
    }

    /// Asks the helper of a stored flow, if it has one, what a packet that passes announces.
    pub(super) fn help<F: Frame + ?Sized>(
        &mut self,
        slot: Slot,
        tracked: &Tracked,
        packet: &Packet,
        frame: &F,
    ) -> Result<(), Reason> {
        let is_helped = self.shard.table.stored(slot).status().has(Status::HELPER);
        let (true, Some(direction)) = (is_helped, tracked.direction) else { return Ok(()) };
        let flow = self.shard.table.entry(slot);
        let ends = self.shard.table.deadline(slot);
        let extra = self.shard.table.extra_mut(slot);
        let Some(helper) = extra.helped.helper() else { return Ok(()) };
        let mut ear = Ear {
            expectations: self.shard.expectations,
            own: extra.helped.announced,
            key: *flow.key(),
            by: Announcer { helper, mark: flow.mark, ends, hash: self.shard.hasher.hash(flow.key()) },
            now: self.now,
            lasts: None,
            ended: None,
        };
        let heard = Heard { packet, frame, state: tracked.state, direction };
        let followed = helper::follow(&mut extra.helped, heard, &mut ear);
        extra.helped.announced = ear.own;
        let is_missed = extra.helped.is_missed_at_once();
        if let Some(milliseconds) = ear.lasts {
            self.set_deadline(slot, self.now.after(milliseconds));
        }
        let (ended, zone) = (ear.ended, ear.key.zone);
        if is_missed {
            self.shard.table.watch(slot, self.now);
        }
        if let Some([client, server]) = ended {
            self.end_call(client, server, zone);
        }
        followed
    }

    /// An ICMP error about a stored flow passes: as in the kernel it is, to the helper of SIP, one more packet from who
    /// began, if that sends it.
    pub(super) fn help_by_error(&mut self, slot: Slot, tracked: &Tracked) {
        let is_helped = self.shard.table.stored(slot).status().has(Status::HELPER);
        if !is_helped || tracked.direction != Some(Direction::Original) {
            return;
        }
        let is_read = self.shard.table.extra(slot).helped.helper() == Some(HelperKind::Sip);
        if is_read && self.shard.table.stored(slot).protocol() == protocol::UDP {
            self.set_deadline(slot, self.now.after(helper::SIP_LASTS));
        }
    }
}

/// Expects what a helper reads in a connection.
struct Ear<'a> {
    expectations: &'a Expectations,
    own: Own,
    key: FlowKey,
    by: Announcer,
    now: Tick,
    lasts: Option<u32>,
    ended: Option<[End; 2]>,
}

impl Ear<'_> {
    fn announced(&self, expected: &Expected) -> Announced {
        expected.announced(self.key.version, self.key.zone)
    }
}

impl Hearer for Ear<'_> {
    fn expect(&mut self, expected: Expected) -> Result<(), Refused> {
        let announced = self.announced(&expected);
        self.expectations.expect(&mut self.own, &announced, self.by, expected.terms, self.now)
    }

    fn unexpect(&mut self, expected: &Expected) {
        let announced = self.announced(expected);
        self.expectations.unexpect(&mut self.own, &announced);
    }

    fn is_expected_elsewhere(&self, expected: &Expected) -> bool {
        let kind = (self.by.helper, expected.terms.class);
        self.expectations.is_expected_elsewhere(&self.own, &self.announced(expected), kind, self.now)
    }

    fn forget(&mut self, is_meant: fn(Class) -> bool) {
        self.expectations.forget(&mut self.own, is_meant);
    }

    fn confirm(&mut self, to: (u128, u16), protocol: u8, milliseconds: u32) -> bool {
        let announced = Announced::new(0, to, protocol, self.key.version, self.key.zone);
        self.expectations.confirm(&self.own, &announced, self.now, milliseconds)
    }

    fn lasts(&mut self, milliseconds: u32) {
        self.by.ends = self.now.after(milliseconds);
        self.lasts = Some(milliseconds);
    }

    fn zone(&self) -> u16 {
        self.key.zone
    }

    fn name(&mut self, handle: &mut Handle, sender: End, receiver: End) -> Result<(), Refused> {
        self.expectations.calls().name(handle, sender, receiver, self.by.hash)
    }

    fn take_back(&mut self, handle: &mut Handle) {
        self.expectations.calls().take_back(handle);
    }

    fn end_call(&mut self, one: End, other: End) {
        self.ended = Some([one, other]);
    }
}

/// Who sends a packet that goes `orientation` along this name, and to whom.
const fn ends(key: &FlowKey, orientation: Orientation) -> [End; 2] {
    let (low, high) = ((key.low, key.low_port), (key.high, key.high_port));
    match orientation {
        Orientation::Up => [low, high],
        Orientation::Down => [high, low],
    }
}
