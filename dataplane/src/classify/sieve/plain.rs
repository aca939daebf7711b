//! How do plain packets of IPv4 become points of a tree? A burst of them, field by field, straight from what was read:
//! what all of them have in common is asked of one.

use super::{Axis, Facts, Frame, Points, Sides, Sieve};
use crate::io::BURST;
use crate::packet::{Short, ethernet, protocol};
use config::policy::{Ct, HeaderBase, Load, Meta, Value};

/// Fields of plain packets, side by side.
#[derive(Debug, Clone)]
pub(in crate::classify) struct Plain {
    source: [u32; BURST],
    destination: [u32; BURST],
    source_port: [u32; BURST],
    destination_port: [u32; BURST],
    protocol: [u32; BURST],
    flags: [u32; BURST],
    count: usize,
}

/// Where the coordinate of a plain packet comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Source,
    Destination,
    SourcePort,
    DestinationPort,
    Protocol,
    /// Of TCP; others have none.
    Flags,
    /// All have the same.
    Shared,
    /// Boxes that are bounded here hold no plain packet of IPv4: any coordinate will do.
    Nowhere,
    /// Each is asked.
    Asked,
}

impl Plain {
    /// None.
    pub(in crate::classify) const fn new() -> Self {
        let none = [0; BURST];
        Self {
            source: none,
            destination: none,
            source_port: none,
            destination_port: none,
            protocol: none,
            flags: none,
            count: 0,
        }
    }

    /// Forgets all.
    pub(in crate::classify) const fn clear(&mut self) {
        self.count = 0;
    }

    /// How many there are.
    pub(in crate::classify) const fn count(&self) -> usize {
        self.count
    }

    /// One more, if there is room: a packet of IPv4.
    #[inline(always)]
    pub(in crate::classify) fn add(&mut self, short: &Short) {
        let at = self.count;
        if at < BURST {
            self.source[at] = short.source;
            self.destination[at] = short.destination;
            self.source_port[at] = short.source_port.into();
            self.destination_port[at] = short.destination_port.into();
            self.protocol[at] = short.protocol.into();
            self.flags[at] = short.flags.into();
            self.count += 1;
        }
    }
}

impl Origin {
    /// Of what `load` gives, where rules have such boxes over the fields `loads`.
    pub(super) fn of(load: &Load, loads: &[Load], boxes: &[&Sides]) -> Self {
        let excludes = |sides: &Sides, load: Load, values: &[Value]| {
            let axis = loads.iter().position(|other| *other == load);
            let mut of_it = sides.iter().filter(|(other, _)| Some(*other) == axis);
            of_it.any(|(_, allowed)| !values.iter().any(|&value| allowed.contains(value)))
        };
        let axis = loads.iter().position(|other| other == load);
        let bounded: Vec<&Sides> = boxes
            .iter()
            .filter(|sides| sides.iter().any(|(other, _)| Some(*other) == axis))
            .copied()
            .collect();
        let (tcp, udp) = (Value::from(protocol::TCP), Value::from(protocol::UDP));
        let holds_none = |sides: &&Sides| {
            excludes(sides, Load::Meta(Meta::NfProto), &[IPV4])
                || excludes(sides, Load::Meta(Meta::Protocol), &[ethernet::IPV4.into()])
                || excludes(sides, Load::Meta(Meta::L4Proto), &[tcp, udp])
        };
        if bounded.iter().all(holds_none) {
            return Self::Nowhere;
        }
        match *load {
            Load::Payload { base: HeaderBase::Network, offset: 96, width: 32 } => Self::Source,
            Load::Payload { base: HeaderBase::Network, offset: 128, width: 32 } => Self::Destination,
            Load::Payload { base: HeaderBase::Transport, offset: 0, width: 16 } => Self::SourcePort,
            Load::Payload { base: HeaderBase::Transport, offset: 16, width: 16 } => Self::DestinationPort,
            Load::Payload { base: HeaderBase::Network, offset: 72, width: 8 } | Load::Meta(Meta::L4Proto) => {
                Self::Protocol
            }
            Load::Payload { base: HeaderBase::Transport, offset: 104, width: 8 }
                if bounded.iter().all(|sides| excludes(sides, Load::Meta(Meta::L4Proto), &[udp])) =>
            {
                Self::Flags
            }
            Load::Meta(Meta::Protocol | Meta::NfProto | Meta::IifName | Meta::OifName)
            | Load::Ct(Ct::State) => Self::Shared,
            _ => Self::Asked,
        }
    }
}

impl Sieve {
    /// Makes these packets the points, but for what each has to be asked for; `facts` are those of one of them. `false` if
    /// they have no coordinate somewhere.
    pub(in crate::classify) fn set_plain<F: Frame + ?Sized>(
        &self,
        facts: &Facts<'_, F>,
        plain: &Plain,
        points: &mut Points,
    ) -> bool {
        points.set_count(plain.count);
        self.axes.iter().zip(&self.origins).enumerate().all(|(number, (axis, origin))| {
            let lanes = match origin {
                Origin::Source => &plain.source,
                Origin::Destination => &plain.destination,
                Origin::SourcePort => &plain.source_port,
                Origin::DestinationPort => &plain.destination_port,
                Origin::Protocol => &plain.protocol,
                Origin::Flags => &plain.flags,
                Origin::Shared => match axis.coordinate(facts) {
                    Some(lane) => &[lane; BURST],
                    None => return false,
                },
                Origin::Nowhere => &[0; BURST],
                Origin::Asked => return true,
            };
            points.set_all(number, lanes);
            true
        })
    }

    /// Whether plain packets have to be asked one by one.
    #[inline]
    pub(in crate::classify) fn asks_each(&self) -> bool {
        self.origins.contains(&Origin::Asked)
    }

    /// What one of them has to be asked for. `false` if it has no coordinate somewhere.
    pub(in crate::classify) fn set_asked<F: Frame + ?Sized>(
        &self,
        facts: &Facts<'_, F>,
        number: usize,
        points: &mut Points,
    ) -> bool {
        let mut asked = self.axes.iter().enumerate().filter(|&(axis, _)| self.origins[axis] == Origin::Asked);
        asked.all(|(axis, of): (usize, &Axis)| match of.coordinate(facts) {
            Some(lane) => {
                points.set(number, axis, lane);
                true
            }
            None => false,
        })
    }
}

/// `NFPROTO_IPV4`.
const IPV4: Value = 2;
