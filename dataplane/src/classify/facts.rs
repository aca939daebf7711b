//! What can a rule look at? The bytes of a packet and what is known of it besides, read as numbers.
//!
//! Loads fail where the kernel's do: bytes beyond the packet (padding behind the IP length is beyond it), no
//! transport header, no flow to have a direction, most transport bytes of a fragment's tail (not all: see `payload`). An
//! interface that a hook does not have is no failure: its name is empty there (Linux 6.18: `oifname != "lo"` holds on
//! `input`).
//!
//! The link header is seen as the kernel sees it behind a VLAN device, without the tags: bits 96 to 111 are the
//! `EtherType` behind them, the network header follows. A rule of family `bridge` or `netdev` that looks for the
//! tag itself finds none.

mod address;
mod chunks;
pub mod connection;
mod extension;
mod header;
mod ipv4_option;
mod known;
mod meta;
mod option;
mod payload;
mod routes;
mod sought;

pub use connection::Connection;
use connection::status;
pub(super) use known::mix;
pub use known::{Draw, Home, Known};

use super::counters::Counters;
use super::decision::{Evaluation, Template};
use crate::frame::Frame;
use crate::object::{Counted, LogRecord, Moment, Now, Objects};
use crate::packet::Packet;
use crate::track::Direction;
use config::policy::{
    Assigned, Ct, Field, Hook, Load, OptionOf, Part, Recent, RuleId, Target, Value, ct_state,
};

/// Everything the rules can look at for one packet.
#[derive(Debug)]
pub struct Facts<'a, F: Frame + ?Sized> {
    /// Its headers.
    pub packet: &'a Packet,
    /// Its bytes.
    pub frame: &'a F,
    /// One bit of [`ct_state`]: [`ct_state::INVALID`] before connection tracking and without a flow,
    /// [`ct_state::UNTRACKED`] if it is left out of connection tracking.
    pub ct_state: u32,
    /// Which way along its flow it goes, if it has one.
    pub ct_direction: Option<Direction>,
    /// Name of the interface it came in by, as [`config::policy::interface_value`] gives it.
    pub iif: Option<Value>,
    /// Name of the interface it goes out by.
    pub oif: Option<Value>,
    /// `meta mark`.
    pub mark: u32,
    /// `ct mark` of its flow, if it has one.
    pub ct_mark: Option<u32>,
    /// When it came.
    pub now: Now,
    /// What else is known of it.
    pub known: Known<'a>,
}

impl<F: Frame + ?Sized> Clone for Facts<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Frame + ?Sized> Copy for Facts<'_, F> {}

impl<'a, F: Frame + ?Sized> Facts<'a, F> {
    /// Of a packet of which nothing is known but what it is: no interface, no connection, no mark.
    #[must_use]
    pub fn of(packet: &'a Packet, frame: &'a F) -> Self {
        Self {
            packet,
            frame,
            ct_state: ct_state::INVALID,
            ct_direction: None,
            iif: None,
            oif: None,
            mark: 0,
            ct_mark: None,
            now: Now::default(),
            known: Known::default(),
        }
    }
}

impl<F: Frame + ?Sized> Facts<'_, F> {
    /// The facts as `hook` sees them: there is no output interface before routing and on `input`, no input
    /// interface on `output` and `egress`.
    #[must_use]
    pub fn at(&self, hook: Hook) -> Self {
        let mut facts = *self;
        facts.enter(hook);
        facts
    }

    /// As [`Self::at`], in place.
    #[inline]
    pub(super) const fn enter(&mut self, hook: Hook) {
        match hook {
            Hook::Ingress | Hook::Prerouting | Hook::Input => self.oif = None,
            Hook::Output | Hook::Egress => self.iif = None,
            Hook::Forward | Hook::Postrouting => {}
        }
    }

    /// The facts once `notrack` has run: a packet without a flow is untracked from there on, one that has a flow
    /// keeps it. Says whether the packet is now left out of connection tracking.
    pub(super) fn leave_untracked(&mut self) -> bool {
        if self.ct_state == ct_state::INVALID {
            self.ct_state = ct_state::UNTRACKED;
        }
        self.ct_state == ct_state::UNTRACKED
    }

    /// The facts as they are for a packet that has come so far: marks as rules have set them.
    pub(super) const fn marked(mut self, evaluation: &Evaluation) -> Self {
        self.come_so_far(evaluation);
        self
    }

    /// As [`Self::marked`], in place.
    #[inline]
    pub(super) const fn come_so_far(&mut self, evaluation: &Evaluation) {
        self.mark = evaluation.mark();
        if let (Some(_), Some(mark)) = (self.ct_mark, evaluation.ct_mark()) {
            self.ct_mark = Some(mark);
        }
        if evaluation.template().is_some() {
            self.ct_state = ct_state::NEW;
        }
        if let (Some(connection), Some(_)) = (&mut self.known.connection, evaluation.given().helper) {
            connection.status |= status::HELPER;
        }
        self.known.template = evaluation.template();
    }

    /// Sets a mark. A packet without a flow has no `ct mark` to set.
    pub(super) fn set(&mut self, target: Target, value: Value, evaluation: &mut Evaluation) {
        let value = value as u32;
        match target {
            Target::Mark => {
                self.mark = value;
                evaluation.set_mark(value);
            }
            Target::CtMark if self.ct_mark.is_some() => {
                self.ct_mark = Some(value);
                evaluation.set_ct_mark(value);
            }
            Target::CtZone => {
                let template = Template { zone: value as u16, helper: None, is_shown: false };
                self.set_template(template, evaluation);
            }
            Target::CtMark | Target::PacketType => {}
        }
    }

    /// A packet that has no connection yet has this in place of one: it counts as new, even where it was left out of
    /// connection tracking.
    fn set_template(&mut self, template: Template, evaluation: &mut Evaluation) {
        if self.known.connection.is_none() && self.known.template.is_none() {
            self.ct_state = ct_state::NEW;
            self.known.template = Some(template);
            evaluation.set_template(template);
        }
    }

    /// Gives the connection something, if it is one that begins and what it is given is for its protocol.
    pub(super) fn assign(&mut self, assigned: Assigned, objects: &Objects, evaluation: &mut Evaluation) {
        match assigned {
            Assigned::Template { zone, helper } => {
                if self.ct_state == ct_state::INVALID {
                    self.set_template(Template { zone, helper, is_shown: true }, evaluation);
                }
            }
            Assigned::Helper(id) => {
                let (kind, protocol, [v4, v6]) = objects.helper(id);
                let Some(connection) = &mut self.known.connection else { return };
                let wanted = if connection.key.version == 6 { v6 } else { v4 };
                let settled = connection.status & (status::CONFIRMED | status::HELPER) != 0;
                if wanted && !settled && connection.key.protocol == protocol {
                    connection.status |= status::HELPER;
                    evaluation.give_helper(kind);
                }
            }
            Assigned::Timeouts(id) => {
                let Some(connection) = &self.known.connection else { return };
                let settled = connection.status & status::CONFIRMED != 0;
                if !settled && connection.key.protocol == objects.timeouts_protocol(id) {
                    evaluation.give_timeouts(id);
                }
            }
        }
    }

    /// Tells the worker's log of the packet.
    pub(super) fn log(&self, rule: RuleId, statement: u16, counters: &Counters) {
        if let Some(ring) = counters.log() {
            ring.push(LogRecord {
                rule,
                statement,
                now: self.now,
                iif: self.iif,
                oif: self.oif,
                mark: self.mark,
                packet: *self.packet,
                head: LogRecord::head_of(self.frame),
            });
        }
    }

    /// What stateful statements need of the packet.
    #[inline]
    pub(super) const fn moment(&self) -> Moment<'_> {
        Moment {
            now: self.now.monotonic_ns,
            length: self.packet.network_length,
            counted: self.known.counted,
            is_template: self.known.template.is_some() && self.known.connection.is_none(),
            counts_unseen: false,
        }
    }

    /// Whether the rule that has just met a counter of connections, or a list without room, must drop the packet.
    pub(super) fn is_refused(&self) -> bool {
        self.known.no_room || self.known.counted.is_some_and(Counted::is_refused)
    }

    /// Asks a list of addresses seen lately. Whether the rule goes on.
    pub(super) fn recent(&mut self, asked: &Recent, objects: &Objects) -> bool {
        let read = |field: &Field| self.load(&field.load).map(|loaded| field.apply(loaded));
        let (Some(address), Some(ttl)) = (read(&asked.address), read(&asked.ttl)) else { return false };
        let is_v6 = asked.address.width > 32;
        let met = objects.recent(asked.list).meet((address, is_v6), ttl as u8, asked, self.now.monotonic_ns);
        self.known.no_room |= met.is_none();
        met == Some(true)
    }

    /// The number at `load`, right aligned; `None` if the packet has nothing there.
    #[inline]
    #[must_use]
    pub fn load(&self, load: &Load) -> Option<Value> {
        match *load {
            Load::Payload { base, offset, width } => self.payload(base, offset, width),
            Load::Meta(meta) => self.meta(meta),
            Load::Ct(Ct::State) => Some(self.ct_state.into()),
            Load::Ct(Ct::Direction) if self.ct_direction.is_some() => {
                self.ct_direction.map(|direction| direction as Value)
            }
            Load::Ct(Ct::Mark) if self.ct_mark.is_some() => self.ct_mark.map(Value::from),
            _ => self.load_rarely(load),
        }
    }

    /// The loads that few rules ask for.
    #[inline(never)]
    fn load_rarely(&self, load: &Load) -> Option<Value> {
        match *load {
            Load::Ct(ct) => match (&self.known.connection, self.known.template) {
                (Some(connection), _) => connection.load(ct),
                (None, template) => {
                    connection::of_template(template.filter(|_| self.known.shows_template)?, ct)
                }
            },
            Load::Extension { header, offset, width } => {
                self.bits_at(self.extension(header)?, offset, width, self.end())
            }
            Load::Option { of, kind, offset, width } => {
                // of a chunk that says it is longer than the packet nothing is read
                let option = self.option(of, kind).filter(|option| option.end <= self.end())?;
                self.bits_at(option.start, offset, width, option.end)
            }
            Load::Exists(Part::Extension(header)) if self.is_ipv6() => {
                Some(self.extension(header).is_some().into())
            }
            Load::Exists(Part::Option(of, kind)) if of != OptionOf::Ipv4 || self.is_ipv4() => {
                Some(self.option(of, kind).is_some().into())
            }
            Load::Exists(_) => None,
            Load::Whole(header) => Some(self.whole(header).into()),
            Load::Sought(sought) => Some(self.sought(sought).into()),
            Load::Number { random, modulus, offset, draw } => {
                self.known.draw.number(random, modulus, draw).map(|number| number.wrapping_add(offset).into())
            }
            Load::AddressType { destination, of_device } => self.address_type(destination, of_device),
            Load::Payload { .. } | Load::Meta(_) => None,
        }
    }

    /// Whether two loads for the same packet may give different numbers.
    pub(super) const fn is_drawn(load: &Load) -> bool {
        matches!(load, Load::Number { .. } | Load::Meta(config::policy::Meta::Random))
    }

    /// Where the packet ends in the frame; padding lies behind.
    fn end(&self) -> usize {
        usize::from(self.packet.network_offset) + self.packet.network_length as usize
    }
}

#[cfg(test)]
mod rare_tests;

#[cfg(test)]
mod tests {
    use super::Facts;
    use crate::packet::{Fragment, Packet};
    use config::policy::{Ct, HeaderBase, Hook, Load, Meta, Value};
    use proptest::prelude::*;

    fn facts<'a, F: crate::Frame + ?Sized>(packet: &'a Packet, frame: &'a F) -> Facts<'a, F> {
        Facts { iif: Some(7), oif: Some(9), ..Facts::of(packet, frame) }
    }

    /// Bit by bit, from the bytes as a rule sees them.
    fn bit_by_bit(bytes: &[u8], offset: u16, width: u16) -> Option<Value> {
        (offset..offset + width).try_fold(0, |value, bit| {
            let byte = bytes.get(usize::from(bit / 8))?;
            Some(value << 1 | Value::from(byte >> (7 - bit % 8) & 1))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn loads_any_bits_of_the_packet_and_none_behind_it(
            bytes in prop::collection::vec(any::<u8>(), 80..90),
            tags in 0..3_u16,
            padding in 0..20_usize,
            cuts in (0..90_usize, 0..90_usize),
            offset in 0..640_u16,
            width in 1..=128_u16,
        ) {
            let network = 14 + 4 * tags;
            let end = bytes.len() - padding;
            let packet = Packet {
                network_offset: network,
                transport_offset: network + 20,
                has_transport: true,
                network_length: (end - usize::from(network)) as u32,
                ..Packet::default()
            };
            let untagged: Vec<u8> =
                bytes[..12].iter().chain(&bytes[usize::from(network) - 2..end]).copied().collect();
            let first = cuts.0.min(bytes.len());
            let second = (first + cuts.1).min(bytes.len());
            let segments = [&bytes[..first], &bytes[first..second], &bytes[second..]];
            for (base, seen) in [
                (HeaderBase::Link, &untagged[..]),
                (HeaderBase::Network, &bytes[usize::from(network)..end]),
                (HeaderBase::Transport, &bytes[usize::from(network) + 20..end]),
            ] {
                let load = Load::Payload { base, offset, width };
                let expected = bit_by_bit(seen, offset, width);
                prop_assert_eq!(facts(&packet, &bytes[..]).load(&load), expected);
                prop_assert_eq!(facts(&packet, &segments[..]).load(&load), expected);
            }
        }
    }

    /// Asked of Linux 6.18.
    #[test]
    fn of_a_tail_aligned_numbers_are_read_where_the_transport_header_would_be() {
        let mut packet = Packet {
            network_offset: 14,
            transport_offset: 34,
            has_transport: true,
            fragment: Fragment::Later,
            network_length: 60,
            ..Packet::default()
        };
        let bytes: Vec<u8> = (0..74).collect();
        let load = |packet: &Packet, offset, width| {
            facts(packet, &bytes[..]).load(&Load::Payload { base: HeaderBase::Transport, offset, width })
        };
        assert_eq!(facts(&packet, &bytes[..]).load(&Load::Meta(Meta::L4Proto)), Some(0));
        for (offset, width, expected) in [
            (0, 8, Some(34)),
            (16, 16, Some(0x2425)),
            (32, 32, Some(0x2627_2829)),
            (8, 16, None),
            (0, 48, None),
            (0, 128, None),
            (100, 4, Some(0xe)),
        ] {
            assert_eq!(load(&packet, offset, width), expected, "{offset} {width}");
        }
        packet.tuple.network = crate::packet::Network::Ipv6;
        assert_eq!(load(&packet, 16, 16), Some(0x1011), "from the IPv6 header on");
        packet.has_transport = false;
        assert_eq!(load(&packet, 16, 16), None);
    }

    #[test]
    fn a_hook_knows_the_interfaces_it_has() {
        let packet = Packet::default();
        let nothing: &[u8] = &[];
        let known = [
            (Hook::Ingress, [7, 0]),
            (Hook::Prerouting, [7, 0]),
            (Hook::Input, [7, 0]),
            (Hook::Forward, [7, 9]),
            (Hook::Output, [0, 9]),
            (Hook::Postrouting, [7, 9]),
            (Hook::Egress, [0, 9]),
        ];
        for (hook, expected) in known {
            let facts = facts(&packet, nothing).at(hook);
            let names = [Meta::IifName, Meta::OifName].map(|name| facts.load(&Load::Meta(name)).unwrap());
            assert_eq!(names, expected, "{hook}");
        }
        assert_eq!(facts(&packet, nothing).load(&Load::Ct(Ct::State)), Some(1));
        assert_eq!(facts(&packet, nothing).load(&Load::Ct(Ct::Direction)), None);
    }
}
