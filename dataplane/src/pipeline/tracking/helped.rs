//! What do helpers and timeouts of its own change about a connection? Little for most: one bit of its status asks.

use super::{Tracked, Tracker};
use crate::classify::Direction;
use crate::flow::{FlowKey, Slot};
use crate::frame::Frame;
use crate::packet::{Packet, protocol};
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::expect::{Announced, Announcer, Class, Inherited, Own, Refused};
use crate::track::helper::{self, Expected, Heard, Hearer};
use crate::track::{Expectations, Flow, Status, Timeouts};
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
        }
        self.shard.table.remove(slot);
    }

    /// What a stored flow has announced, if it has a helper.
    #[inline]
    pub(super) fn announced(&self, slot: Slot) -> Option<Own> {
        let is_helped = self.shard.table.stored(slot).status().has(Status::HELPER);
        is_helped.then(|| self.shard.table.extra(slot).helped.announced)
    }

    /// The expectation that a packet fulfils which belongs to no flow, whether or not it may begin one.
    #[inline]
    pub(super) fn take_expectation(&self, packet: &Packet, zone: u16) -> Option<Inherited> {
        if !self.shard.expectations.any() {
            return None;
        }
        let tuple = &packet.tuple;
        let version = tuple.network.version()?;
        if !matches!(tuple.protocol, protocol::TCP | protocol::UDP) {
            return None;
        }
        let to = (tuple.destination, tuple.destination_port);
        let announced = Announced::new(tuple.source, to, tuple.protocol, version, zone);
        self.shard.expectations.take(&announced, self.now)
    }

    /// A malformed packet that belongs to no flow takes the expectation it would fulfil, although it begins none.
    #[inline]
    pub(super) fn waste_expectation(&mut self, packet: &Packet, zone: u16) {
        if !self.shard.expectations.any() {
            return;
        }
        let Some((key, _)) = FlowKey::of(&packet.tuple) else { return };
        let key = FlowKey { zone, ..key };
        if self.shard.table.find(self.shard.hasher.hash(&key), &key, self.now).is_none() {
            self.take_expectation(packet, zone);
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
            by: Announcer { helper, mark: flow.mark, ends },
            now: self.now,
            lasts: None,
        };
        let heard = Heard { packet, frame, state: tracked.state, direction };
        let followed = helper::follow(&mut extra.helped, heard, &mut ear);
        extra.helped.announced = ear.own;
        if let Some(milliseconds) = ear.lasts {
            self.set_deadline(slot, self.now.after(milliseconds));
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
}

impl Ear<'_> {
    fn announced(&self, expected: &Expected) -> Announced {
        let Expected { from, to, protocol, .. } = *expected;
        let announced = Announced::new(from.unwrap_or(0), to, protocol, self.key.version, self.key.zone);
        if from.is_none() { announced.from_anyone() } else { announced }
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
}
