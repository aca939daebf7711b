//! Which connection does a packet belong to? The table asked, the tracker asked, the table told.

mod helped;

use super::decide::Found;
use super::keyed::Keyed;
use crate::classify::facts::connection::{Connection, status};
use crate::classify::{Direction, Given, Template};
use crate::flow::{Entry, FlowHash, FlowHasher, FlowKey, Full, Orientation, Slot, Table};
use crate::frame::Frame;
use crate::object::Objects;
use crate::packet::Packet;
use crate::reason::Reason;
use crate::rules::Rules;
use crate::time::Tick;
use crate::track::expect::Inherited;
use crate::track::extra::Traffic;
use crate::track::helper::Helped;
use crate::track::{
    self, CtState, Expectations, Extra, Flow, More, Opening, Outcome, Record, Settings, Status,
};
use config::policy::HelperKind;

/// What a worker keeps of connections, and what it shares with the others.
#[derive(Debug)]
pub struct Shard<'a> {
    /// The flows of this worker.
    pub table: &'a mut Table<Flow>,
    /// How connections are tracked.
    pub settings: &'a Settings,
    /// The hash all workers share.
    pub hasher: &'a FlowHasher,
    /// The connections that are announced, over all workers.
    pub expectations: &'a Expectations,
}

/// The shard and what the tracker needs besides.
#[derive(Debug)]
pub(super) struct Tracker<'a> {
    pub(super) shard: Shard<'a>,
    pub(super) now: Tick,
    rules: &'a Rules,
    /// Where counters of connections are.
    pub(super) objects: &'a Objects,
    /// The cold part of the flow at hand while the table does not have it: [`Place::New`] and [`Place::Gone`].
    aside: Extra,
    /// Whether anything was written of it.
    has_aside: bool,
    /// Likewise, its other part.
    unstored: Flow,
    /// Whether it cannot be told what the kernel knows of the packet at hand.
    is_doubtful: bool,
    /// The number of the worker.
    worker: usize,
}

/// What tracking said of a packet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tracked {
    /// The state the rules see.
    pub(super) state: CtState,
    /// Which way along its flow, if it has one.
    pub(super) direction: Option<Direction>,
    /// Why it is invalid, if it is.
    pub(super) invalid: Option<Reason>,
    pub(super) place: Place,
}

/// Where the flow of a packet is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    /// It has none.
    None,
    /// In the table.
    Stored(Slot),
    /// Nowhere until its packet passes; it would end after so many milliseconds.
    New(u32),
    /// No longer in the table: this packet has ended it, so many milliseconds before its time.
    Gone(u32),
}

impl Tracked {
    /// Connections are not tracked here.
    pub(super) const NOT: Self =
        Self { state: CtState::None, direction: None, invalid: None, place: Place::None };
    /// Left out by a rule.
    pub(super) const LEFT_OUT: Self = Self { state: CtState::Untracked, ..Self::NOT };

    /// The first packet of a connection; where that is, is yet to be said.
    pub(super) const NEW: Self =
        Self { state: CtState::New, direction: Some(Direction::Original), ..Self::NOT };

    /// Without a flow, in this state.
    pub(super) const fn without_flow(state: CtState) -> Self {
        Self { state, ..Self::NOT }
    }

    pub(super) const fn invalid(reason: Reason) -> Self {
        Self { state: CtState::Invalid, invalid: Some(reason), ..Self::NOT }
    }
}

impl<'a> Tracker<'a> {
    pub(super) fn new(shard: Shard<'a>, now: Tick, rules: &'a Rules, worker: usize) -> Self {
        Self {
            shard,
            now,
            rules,
            objects: rules.program.objects(),
            aside: Extra::default(),
            has_aside: false,
            unstored: Flow::default(),
            is_doubtful: false,
            worker,
        }
    }

    /// Takes over a new flow that the table does not have, as it would lie there.
    pub(super) fn adopt(&mut self, record: &Record, timeout: u32) -> Tracked {
        self.clear_aside();
        self.unstored = Flow::load(record, &More::default());
        Tracked { place: Place::New(timeout), ..Tracked::NEW }
    }

    /// The cold part of the flow at hand, to write.
    pub(super) const fn aside_mut(&mut self) -> &mut Extra {
        self.has_aside = true;
        &mut self.aside
    }

    /// The flow at hand is another one: nothing is known of it yet.
    fn clear_aside(&mut self) {
        if std::mem::take(&mut self.has_aside) {
            self.aside = Extra::default();
        }
    }

    /// Where the flow of a packet is looked for in a zone.
    pub(super) fn in_zone(&self, keyed: Keyed, zone: u16) -> Keyed {
        keyed.in_zone(zone, self.shard.hasher)
    }

    /// The flow in which a packet is looked for, as it stands, and when it ends.
    pub(super) fn found(&mut self, keyed: &Keyed) -> Option<Found> {
        let (Keyed::Own { key, hash, .. } | Keyed::Quoted { key, hash, .. }) = keyed else { return None };
        let slot = self.shard.table.find(*hash, key, self.now)?;
        Some((self.shard.table.entry(slot), self.shard.table.extra(slot), self.shard.table.deadline(slot)))
    }

    /// Finds the flow of a packet and moves it on.
    pub(super) fn track<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        template: Template,
    ) -> Tracked {
        self.is_doubtful = false;
        let tracked = self.track_any(packet, frame, keyed, template);
        self.settle();
        tracked
    }

    fn track_any<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        keyed: &Keyed,
        template: Template,
    ) -> Tracked {
        if let Some(fault) = packet.fault {
            self.waste_expectation(packet, template.zone);
            return Tracked::invalid(fault);
        }
        self.end_if_over(keyed);
        match *keyed {
            Keyed::No => Tracked::NOT,
            Keyed::Broken(reason) => Tracked::invalid(reason),
            Keyed::Quoted { ref quoted, ref key, hash } => {
                let found = self.shard.table.find(hash, key, self.now);
                let flow = found.map(|slot| self.shard.table.entry(slot));
                match track::icmp::relate(packet, &quoted.tuple, flow.as_ref()) {
                    Ok(direction) => Tracked {
                        state: CtState::Related,
                        direction: Some(direction),
                        invalid: None,
                        place: found.map_or(Place::None, Place::Stored),
                    },
                    Err(reason) => Tracked::invalid(reason),
                }
            }
            Keyed::Own { key, orientation, hash } => {
                self.track_own(packet, frame, (key, orientation, hash), template)
            }
        }
    }

    fn track_own<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        (key, orientation, hash): (FlowKey, Orientation, FlowHash),
        template: Template,
    ) -> Tracked {
        if let Some(slot) = self.shard.table.find(hash, &key, self.now) {
            let timeouts = self.timeouts(slot);
            let mut flow = self.shard.table.entry(slot);
            let direction = flow.direction(orientation);
            let outcome = track::update(&mut flow, packet, frame, orientation, self.now, timeouts);
            self.shard.table.put(slot, &flow);
            let place = Place::Stored(slot);
            match outcome {
                Outcome::Valid { state, timeout } => {
                    // What leaves the deadline as it is does not count as traffic either.
                    if let Some(timeout) = timeout {
                        self.set_deadline(slot, self.now.after(timeout));
                        self.count(slot, direction, packet.network_length);
                    }
                    self.leave_if_closed(slot);
                    return Tracked { state, direction: Some(direction), invalid: None, place };
                }
                Outcome::Invalid { reason, at_most } => {
                    let sooner = at_most.map(|timeout| self.now.after(timeout));
                    if let Some(sooner) = sooner
                        && sooner.is_at_or_before(self.shard.table.deadline(slot))
                    {
                        self.set_deadline(slot, sooner);
                    }
                    return Tracked::invalid(reason);
                }
                Outcome::Delete { state } => {
                    self.unstored = flow;
                    self.count(slot, direction, packet.network_length);
                    *self.aside_mut() = self.shard.table.extra(slot);
                    let left = self.left(slot);
                    self.remove(slot);
                    let place = Place::Gone(left);
                    return Tracked { state, direction: Some(direction), invalid: None, place };
                }
                Outcome::Restart => self.remove(slot),
            }
        }
        let inherited = self.take_expectation(packet, &key, orientation);
        match track::open(packet, frame, key, orientation, self.now, self.shard.settings) {
            Opening::New(mut flow, timeout) => {
                self.clear_aside();
                if let Some(ends) = flow.ends_mut() {
                    *ends = self.shard.expectations.calls().ends(hash);
                }
                let mut state = CtState::New;
                match (inherited, template.helper) {
                    (Some(Inherited { helper, mark, read_by, is_doubted, announcer }), _) => {
                        self.is_doubtful |= is_doubted;
                        flow.announced();
                        flow.mark = mark;
                        self.aside_mut().helped = match helper {
                            HelperKind::Pptp => {
                                self.shard.expectations.gre_begins(hash, announcer);
                                Helped::of_call(hash)
                            }
                            _ => Helped::expected_by(helper),
                        };
                        if let Some(helper) = read_by {
                            self.give_helper(&mut flow, helper);
                        }
                        state = CtState::Related;
                    }
                    (None, Some(helper)) => self.give_helper(&mut flow, helper),
                    (None, None) => {}
                }
                if self.rules.counts_traffic() {
                    self.aside_mut().traffic.add(Direction::Original, packet.network_length);
                }
                self.unstored = flow;
                let (direction, place) = (Some(Direction::Original), Place::New(timeout));
                Tracked { state, direction, invalid: None, place }
            }
            Opening::Invalid(reason) => Tracked::invalid(reason),
            Opening::Untracked => Tracked::LEFT_OUT,
        }
    }

    /// A packet of a stored flow went on: the flow ends so many milliseconds from now.
    #[inline]
    pub(super) fn goes_on(&mut self, slot: Slot, direction: Direction, timeout: u32, length: u16) {
        self.shard.table.set_deadline(slot, self.now.after(timeout));
        self.count(slot, direction, length.into());
    }

    /// Counts a packet of a stored flow, if its packets are counted.
    fn count(&mut self, slot: Slot, direction: Direction, length: u32) {
        if self.shard.table.has_extra(slot) {
            let traffic = &mut self.shard.table.extra_mut(slot).traffic;
            if traffic.is_counted() {
                traffic.add(direction, length);
            }
        }
    }

    /// `ct mark` of the packet's flow, if it has one.
    pub(super) fn mark(&self, tracked: &Tracked) -> Option<u32> {
        match &tracked.place {
            Place::None => None,
            Place::Stored(slot) => {
                let (record, more) = self.shard.table.stored_and_more(*slot);
                Some(record.mark(more))
            }
            Place::New(_) | Place::Gone(_) => Some(self.unstored.mark),
        }
    }

    /// What rules see of the packet's flow, if it has one.
    pub(super) fn connection<'b>(&self, tracked: &Tracked, keyed: &'b Keyed) -> Option<Connection<'b>> {
        let (known, more, expires) = match &tracked.place {
            Place::None => return None,
            Place::Stored(slot) => {
                (self.shard.table.stored(*slot).status(), status::CONFIRMED, self.left(*slot))
            }
            // The kernel's clock of a connection starts when its first packet has passed.
            Place::New(_) => (self.unstored.status(), 0, 0),
            // its clock is not set back by what ends it
            Place::Gone(left) => (self.unstored.status(), status::CONFIRMED | status::DYING, *left),
        };
        let bit = |flag, bit| if known.has(flag) { bit } else { 0 };
        let seen_reply = bit(Status::SEEN_REPLY, status::SEEN_REPLY);
        let assured = bit(Status::ASSURED, status::ASSURED);
        let helped = bit(Status::EXPECTED, status::EXPECTED) | bit(Status::HELPER, status::HELPER);
        let status = seen_reply | assured | helped | more;
        let of = |extra: &Extra| (extra.traffic, extra.helped.announced_by());
        let (traffic, expected_by) = match &tracked.place {
            Place::Stored(slot) if self.shard.table.has_extra(*slot) => of(&self.shard.table.extra(*slot)),
            Place::New(_) | Place::Gone(_) if self.has_aside => of(&self.aside),
            _ => (Traffic::default(), None),
        };
        Some(Connection {
            key: keyed.key()?,
            original: known.original(),
            status,
            expected_by,
            expires,
            traffic,
        })
    }

    /// Milliseconds until a stored flow ends.
    fn left(&self, slot: Slot) -> u32 {
        let deadline = self.shard.table.deadline(slot);
        if deadline.is_at_or_before(self.now) { 0 } else { deadline.since(self.now) }
    }

    /// A rule has set it. As in the kernel, a flow that is known keeps it even if this packet is dropped.
    pub(super) fn set_mark(&mut self, tracked: &mut Tracked, mark: u32) {
        match &mut tracked.place {
            Place::None => {}
            Place::Stored(slot) => {
                let (record, more) = self.shard.table.stored_and_more_mut(*slot);
                record.set_mark(more, mark);
                if let Some(own) = self.announced(*slot) {
                    self.shard.expectations.mark(&own, mark);
                }
            }
            Place::New(_) | Place::Gone(_) => self.unstored.mark = mark,
        }
    }

    /// Gives a new flow what rules gave it.
    pub(super) fn give(&mut self, tracked: &mut Tracked, given: Given) {
        let Place::New(timeout) = &mut tracked.place else { return };
        if let Some(helper) = given.helper {
            self.unstored.set_helper();
            self.aside_mut().helped.give(helper);
        }
        if let Some(id) = given.timeouts {
            let own = self.rules.own_timeouts(id);
            let protocol = self.unstored.key().protocol;
            *timeout = self.rules.timeouts(own).map_or(*timeout, |own| own.of_new(protocol));
            self.unstored.set_timeouts();
            self.aside_mut().timeouts = own;
        }
    }

    /// What there is to do for a packet that passes: its flow is stored, if it is a new one, and its helper asked.
    ///
    /// # Errors
    /// Why it does not pass after all.
    pub(super) fn pass<F: Frame + ?Sized>(
        &mut self,
        tracked: &mut Tracked,
        keyed: &Keyed,
        packet: &Packet,
        frame: &F,
    ) -> Result<(), Reason> {
        if std::mem::take(&mut self.is_doubtful) {
            self.clear_aside();
            return Err(Reason::HelperUnsure);
        }
        if let (Place::New(timeout), Some(hash)) = (&tracked.place, keyed.hash()) {
            let deadline = self.now.after(*timeout);
            let inserted = self
                .shard
                .table
                .insert(hash, self.unstored, deadline, self.now, |record| !record.is_assured());
            self.settle();
            let slot = inserted.map_err(|Full| {
                if self.has_aside {
                    self.objects.leave(&self.aside.counted_by, true, self.now);
                }
                Reason::TableFull
            })?;
            if self.has_aside {
                *self.shard.table.extra_mut(slot) = self.aside;
            }
            let is_missed = !self.aside.counted_by.is_empty() || self.aside.helped.is_missed_at_once();
            if self.has_aside && is_missed {
                self.shard.table.watch(slot, self.now);
            }
            if !self.unstored.status().has(Status::HELPER) {
                return Ok(());
            }
            let helped = self.help(slot, tracked, packet, frame);
            if helped.is_err() {
                self.remove(slot);
                self.settle();
            }
            return helped;
        }
        match (tracked.place, keyed) {
            (Place::Stored(slot), Keyed::Own { .. }) => self.help(slot, tracked, packet, frame),
            (Place::Stored(slot), Keyed::Quoted { .. }) => {
                self.help_by_error(slot, tracked);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The packet is dropped: a flow that it would have begun ends, to whom it would be missed.
    #[inline]
    pub(super) fn comes_to_nothing(&mut self, tracked: &Tracked) {
        if self.has_aside && matches!(tracked.place, Place::New(_)) {
            self.aside.helped.hang_up(self.shard.expectations);
        }
    }

    /// A packet of this flow was answered with a RST by the firewall itself.
    pub(super) fn reset(&mut self, tracked: &Tracked) {
        let Place::Stored(slot) = tracked.place else { return };
        let timeouts = self.timeouts(slot);
        let mut flow = self.shard.table.entry(slot);
        if let Some(timeout) = track::reset_by_firewall(&mut flow, timeouts) {
            self.shard.table.put(slot, &flow);
            self.set_deadline(slot, self.now.after(timeout));
            self.leave_if_closed(slot);
        }
    }
}
