//! Which connection does a packet belong to? The table asked, the tracker asked, the table told.

use super::keyed::Keyed;
use crate::classify::Direction;
use crate::classify::facts::connection::{Connection, status};
use crate::flow::{FlowHash, FlowKey, Full, Orientation, Slot, Table};
use crate::frame::Frame;
use crate::packet::Packet;
use crate::reason::Reason;
use crate::time::Tick;
use crate::track::{self, CtState, Extra, Flow, Opening, Outcome, Settings, Status};

/// The shard and what the tracker needs besides.
#[derive(Debug)]
pub(super) struct Tracker<'a> {
    table: &'a mut Table<Flow>,
    settings: &'a Settings,
    now: Tick,
    /// Whether the rules want packets and bytes of new connections counted.
    counts: bool,
    /// The cold part of the flow at hand while the table does not have it: [`Place::New`] and [`Place::Gone`].
    aside: Extra,
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
    place: Place,
}

/// Where the flow of a packet is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// It has none.
    None,
    /// In the table.
    Stored(Slot),
    /// Nowhere until its packet passes; it would end after so many milliseconds.
    New(Flow, u32),
    /// No longer in the table: this packet has ended it.
    Gone(Flow),
}

impl Tracked {
    /// Connections are not tracked here.
    pub(super) const NOT: Self =
        Self { state: CtState::None, direction: None, invalid: None, place: Place::None };
    /// Left out by a rule.
    pub(super) const LEFT_OUT: Self = Self { state: CtState::Untracked, ..Self::NOT };

    /// Without a flow, in this state.
    pub(super) const fn without_flow(state: CtState) -> Self {
        Self { state, ..Self::NOT }
    }

    const fn invalid(reason: Reason) -> Self {
        Self { state: CtState::Invalid, invalid: Some(reason), ..Self::NOT }
    }
}

impl<'a> Tracker<'a> {
    pub(super) fn new(table: &'a mut Table<Flow>, settings: &'a Settings, now: Tick, counts: bool) -> Self {
        Self { table, settings, now, counts, aside: Extra::default() }
    }

    /// The flow in which a packet is looked for, as it stands, and when it ends.
    pub(super) fn find(&mut self, hash: FlowHash, key: &FlowKey) -> Option<(Flow, Extra, Tick)> {
        let slot = self.table.find(hash, key, self.now)?;
        Some((*self.table.entry(slot), self.table.extra(slot), self.table.deadline(slot)))
    }

    /// Finds the flow of a packet and moves it on.
    pub(super) fn track<F: Frame + ?Sized>(&mut self, packet: &Packet, frame: &F, keyed: &Keyed) -> Tracked {
        if let Some(fault) = packet.fault {
            return Tracked::invalid(fault);
        }
        match *keyed {
            Keyed::No => Tracked::NOT,
            Keyed::Broken(reason) => Tracked::invalid(reason),
            Keyed::Quoted { ref quoted, ref key, hash } => {
                let found = self.table.find(hash, key, self.now);
                let flow = found.map(|slot| self.table.entry(slot));
                match track::icmp::relate(packet, &quoted.tuple, flow) {
                    Ok(direction) => Tracked {
                        state: CtState::Related,
                        direction: Some(direction),
                        invalid: None,
                        place: found.map_or(Place::None, Place::Stored),
                    },
                    Err(reason) => Tracked::invalid(reason),
                }
            }
            Keyed::Own { key, orientation, hash } => self.track_own(packet, frame, key, orientation, hash),
        }
    }

    fn track_own<F: Frame + ?Sized>(
        &mut self,
        packet: &Packet,
        frame: &F,
        key: FlowKey,
        orientation: Orientation,
        hash: FlowHash,
    ) -> Tracked {
        if let Some(slot) = self.table.find(hash, &key, self.now) {
            let flow = self.table.entry_mut(slot);
            let direction = flow.direction(orientation);
            let outcome = track::update(flow, packet, frame, orientation, self.now, self.settings);
            let place = Place::Stored(slot);
            match outcome {
                Outcome::Valid { state, timeout } => {
                    // What leaves the deadline as it is does not count as traffic either.
                    if let Some(timeout) = timeout {
                        self.table.set_deadline(slot, self.now.after(timeout));
                        self.count(slot, direction, packet.network_length);
                    }
                    return Tracked { state, direction: Some(direction), invalid: None, place };
                }
                Outcome::Invalid { reason, at_most } => {
                    let sooner = at_most.map(|timeout| self.now.after(timeout));
                    if let Some(sooner) = sooner
                        && sooner.is_at_or_before(self.table.deadline(slot))
                    {
                        self.table.set_deadline(slot, sooner);
                    }
                    return Tracked::invalid(reason);
                }
                Outcome::Delete { state } => {
                    let place = Place::Gone(*flow);
                    self.count(slot, direction, packet.network_length);
                    self.aside = self.table.extra(slot);
                    self.table.remove(slot);
                    return Tracked { state, direction: Some(direction), invalid: None, place };
                }
                Outcome::Restart => self.table.remove(slot),
            }
        }
        match track::open(packet, frame, key, orientation, self.now, self.settings) {
            Opening::New(flow, timeout) => {
                self.aside = Extra::default();
                if self.counts {
                    self.aside.traffic.add(Direction::Original, packet.network_length);
                }
                Tracked {
                    state: CtState::New,
                    direction: Some(Direction::Original),
                    invalid: None,
                    place: Place::New(flow, timeout),
                }
            }
            Opening::Invalid(reason) => Tracked::invalid(reason),
            Opening::Untracked => Tracked::LEFT_OUT,
        }
    }

    /// Counts a packet of a stored flow, if its packets are counted.
    fn count(&mut self, slot: Slot, direction: Direction, length: u32) {
        if self.table.has_extra(slot) {
            let traffic = &mut self.table.extra_mut(slot).traffic;
            if traffic.is_counted() {
                traffic.add(direction, length);
            }
        }
    }

    /// `ct mark` of the packet's flow, if it has one.
    pub(super) fn mark(&self, tracked: &Tracked) -> Option<u32> {
        match &tracked.place {
            Place::None => None,
            Place::Stored(slot) => Some(self.table.entry(*slot).mark),
            Place::New(flow, _) | Place::Gone(flow) => Some(flow.mark),
        }
    }

    /// What rules see of the packet's flow, if it has one.
    pub(super) fn connection<'b>(&'b self, tracked: &'b Tracked) -> Option<Connection<'b>> {
        let (flow, more, expires) = match &tracked.place {
            Place::None => return None,
            Place::Stored(slot) => {
                let (deadline, flow) = (self.table.deadline(*slot), self.table.entry(*slot));
                let expires = if deadline.is_at_or_before(self.now) { 0 } else { deadline.since(self.now) };
                (flow, status::CONFIRMED, expires)
            }
            Place::New(flow, timeout) => (flow, 0, *timeout),
            Place::Gone(flow) => (flow, status::CONFIRMED | status::DYING, 0),
        };
        let seen_reply = if flow.status().has(Status::SEEN_REPLY) { status::SEEN_REPLY } else { 0 };
        let assured = if flow.is_assured() { status::ASSURED } else { 0 };
        let status = seen_reply | assured | more;
        let extra = match &tracked.place {
            Place::Stored(slot) => self.table.extra(*slot),
            _ => self.aside,
        };
        let traffic = extra.traffic;
        Some(Connection { key: flow.key(), original: flow.original(), status, expires, traffic })
    }

    /// A rule has set it. As in the kernel, a flow that is known keeps it even if this packet is dropped.
    pub(super) fn set_mark(&mut self, tracked: &mut Tracked, mark: u32) {
        match &mut tracked.place {
            Place::None => {}
            Place::Stored(slot) => self.table.entry_mut(*slot).mark = mark,
            Place::New(flow, _) | Place::Gone(flow) => flow.mark = mark,
        }
    }

    /// Stores the flow of a packet that passes, if it is a new one.
    pub(super) fn store(&mut self, tracked: &Tracked, keyed: &Keyed) -> Result<(), Full> {
        let (Place::New(flow, timeout), Some(hash)) = (&tracked.place, keyed.hash()) else { return Ok(()) };
        let deadline = self.now.after(*timeout);
        let slot = self.table.insert(hash, *flow, deadline, self.now, |flow| !flow.is_assured())?;
        if self.aside != Extra::default() {
            *self.table.extra_mut(slot) = self.aside;
        }
        Ok(())
    }

    /// A packet of this flow was answered with a RST by the firewall itself.
    pub(super) fn reset(&mut self, tracked: &Tracked) {
        let Place::Stored(slot) = tracked.place else { return };
        let flow = self.table.entry_mut(slot);
        if let Some(timeout) = track::reset_by_firewall(flow, &self.settings.timeouts) {
            self.table.set_deadline(slot, self.now.after(timeout));
        }
    }
}
