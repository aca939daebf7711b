//! What do helpers and timeouts of its own change about a connection? Little for most: one bit of its status asks.

use super::{Tracked, Tracker};
use crate::flow::{FlowKey, Slot};
use crate::frame::Frame;
use crate::packet::{Packet, protocol};
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::expect::{Announced, Handle, Inherited};
use crate::track::helper::{self, EXPECTED_FOR};
use crate::track::{Flow, Status, Timeouts};
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
        self.shard.expectations.renew(self.announced(slot), deadline);
    }

    /// A stored flow ends now.
    pub(super) fn remove(&mut self, slot: Slot) {
        self.shard.expectations.withdraw(self.announced(slot));
        self.shard.table.remove(slot);
    }

    /// What a stored flow has announced.
    #[inline]
    pub(super) fn announced(&self, slot: Slot) -> Handle {
        if !self.shard.table.stored(slot).status().has(Status::HELPER) {
            return Handle::NONE;
        }
        self.shard.table.extra(slot).helped.announced
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
        if flow.key().protocol == helper.protocol() {
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
        let (key, mark) = (*flow.key(), flow.mark);
        let ends = self.shard.table.deadline(slot);
        let helped = &mut self.shard.table.extra_mut(slot).helped;
        let expected = helper::follow(helped, packet, frame, tracked.state, direction)?;
        let (Some(expected), Some(helper)) = (expected, helped.helper()) else { return Ok(()) };
        let announced = Announced::new(expected.from, expected.to, key.protocol, key.version, key.zone);
        let times = [self.now, self.now.after(EXPECTED_FOR), ends];
        let expectations = self.shard.expectations;
        let made = expectations.expect(&announced, Inherited { helper, mark }, times, helped.announced);
        helped.announced = made.map_err(|_| Reason::HelperExpectation)?;
        Ok(())
    }
}
